//! The parallel pipeline of an export: one thread reads orders, some encode them, one assembles the pieces in order.
//! Batches have one size, so the file does not depend on the number of threads. Each format defines its pieces.

use std::collections::BTreeMap;
use std::mem::take;
use std::num::NonZeroUsize;

use crossbeam_channel::{Receiver, Sender, bounded};
use tollbook_domain::{Measures, Order, OrderQuery};
use tollbook_store::{Snapshot, StoreError, StoredOrder};

use crate::error::ExportError;
use crate::priority;
use crate::progress::Progress;

/// Orders of a batch: the rows of a workbook's chunk, so that chunks fill its sheets.
pub(crate) const BATCH_ROWS: usize = tollbook_workbook::CHUNK_ROWS as usize;

/// Batches in circulation for each encoder: one being encoded, one queued, one being returned.
const BATCHES_PER_ENCODER: usize = 3;

/// Encodes batches of orders as pieces of a file. Each thread has its own; a piece depends only on its batch.
pub(crate) trait Encode: Send {
    /// An encoded batch.
    type Piece: Send;

    /// Announces the number of orders before the next batch, for formats whose rows have numbers.
    fn start_at(&mut self, _orders_before: u64) {}

    /// Encodes orders, which are in list order.
    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Self::Piece, ExportError>;
}

/// Appends pieces to the file.
pub(crate) trait Assemble: Send {
    /// An encoded batch.
    type Piece: Send;

    /// Appends the next piece.
    fn append(&mut self, piece: Self::Piece) -> Result<(), ExportError>;
}

/// Some orders. Its memory is reused: it circulates from reader to encoder to assembler to reader.
#[derive(Default)]
struct OrderBatch {
    number: u64,
    /// Only the first `len` belong to this batch; the others are room for reuse.
    orders: Vec<StoredOrder>,
    len: usize,
}

impl OrderBatch {
    fn push(&mut self, order: &StoredOrder) {
        match self.orders.get_mut(self.len) {
            Some(reused) => copy(order, reused),
            None => self.orders.push(order.clone()),
        }
        self.len += 1;
    }

    fn orders(&self) -> &[StoredOrder] {
        &self.orders[..self.len]
    }
}

/// Copies an order, reusing the allocated texts of the other.
fn copy(from: &StoredOrder, into: &mut StoredOrder) {
    let (order, reused) = (&from.order, &mut into.order);
    into.line_no = from.line_no;
    let text = |reused: &mut String, text: &str| {
        let mut reused = take(reused);
        reused.clear();
        reused.push_str(text);
        reused
    };
    *reused = Order {
        number: text(&mut reused.number, &order.number),
        counterpart: text(&mut reused.counterpart, &order.counterpart),
        status: order.status,
        start_time_s: order.start_time_s,
        end_time_s: order.end_time_s,
        quantity: order.quantity,
        total: order.total,
        original: order.original,
        deductions: order.deductions,
        create_time_s: order.create_time_s,
        paid_time_s: order.paid_time_s,
        revocation_time_s: order.revocation_time_s,
        replaces: text(&mut reused.replaces, &order.replaces),
        replaced_by: text(&mut reused.replaced_by, &order.replaced_by),
    };
}

/// An encoded batch and its sums.
struct Encoded<P> {
    batch: OrderBatch,
    piece: P,
    measures: Measures,
}

/// Writes every order of the query. Returns the sums of the orders written.
pub(crate) fn run<E: Encode, A: Assemble<Piece = E::Piece>>(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    encoders: NonZeroUsize,
    encoder: impl Fn() -> E,
    assembler: &mut A,
    progress: &Progress,
) -> Result<Measures, ExportError> {
    let batches = encoders.get() * BATCHES_PER_ENCODER;
    // Each channel has room for all batches, so sending never blocks. The reader blocks until a batch is empty.
    let (empty_sender, empty) = bounded(batches);
    let (full_sender, full) = bounded(batches);
    let (encoded_sender, encoded) = bounded(batches);
    for _ in 0..batches {
        let _ = empty_sender.send(OrderBatch::default());
    }
    std::thread::scope(|scope| {
        for _ in 0..encoders.get() {
            let (mut encoder, full, encoded) = (encoder(), full.clone(), encoded_sender.clone());
            scope.spawn(move || {
                priority::lower_priority();
                encode_batches(&mut encoder, &full, &encoded);
            });
        }
        drop((full, encoded_sender));
        let assembled = scope.spawn(move || {
            priority::lower_priority();
            assemble(assembler, &encoded, &empty_sender, progress)
        });
        let read = read_batches(snapshot, query, &empty, &full_sender);
        drop((full_sender, empty));
        let assembled = assembled.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // If both failed, the assembler's error is the cause: the reader fails because its channel is closed.
        let measures = assembled?;
        read?;
        Ok(measures)
    })
}

fn read_batches(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    empty: &Receiver<OrderBatch>,
    full: &Sender<OrderBatch>,
) -> Result<(), ExportError> {
    let mut batch: Option<OrderBatch> = None;
    let mut number = 0;
    snapshot.scan(query, &mut |order| {
        let filling = if let Some(filling) = &mut batch {
            filling
        } else {
            let mut next = empty.recv().map_err(|_| stopped())?;
            (next.number, next.len) = (number, 0);
            number += 1;
            batch.insert(next)
        };
        filling.push(order);
        if filling.len == BATCH_ROWS
            && let Some(filled) = batch.take()
        {
            full.send(filled).map_err(|_| stopped())?;
        }
        Ok(())
    })?;
    if let Some(last) = batch {
        full.send(last).map_err(|_| stopped())?;
    }
    Ok(())
}

fn stopped() -> StoreError {
    StoreError::Stopped("the export cannot be written".into())
}

fn encode_batches<E: Encode>(
    encoder: &mut E,
    full: &Receiver<OrderBatch>,
    encoded: &Sender<Result<Encoded<E::Piece>, ExportError>>,
) {
    for batch in full {
        let mut measures = Measures::default();
        for stored in batch.orders() {
            measures.add(&Measures::of(&stored.order));
        }
        encoder.start_at(batch.number * BATCH_ROWS as u64);
        let done = encoder.encode(batch.orders()).map(|piece| Encoded { batch, piece, measures });
        let failed = done.is_err();
        if encoded.send(done).is_err() || failed {
            return;
        }
    }
}

/// Appends the pieces in the order of their batches. Pieces that are early are kept; the number of batches bounds them.
fn assemble<A: Assemble>(
    assembler: &mut A,
    encoded: &Receiver<Result<Encoded<A::Piece>, ExportError>>,
    empty: &Sender<OrderBatch>,
    progress: &Progress,
) -> Result<Measures, ExportError> {
    let mut early: BTreeMap<u64, Encoded<A::Piece>> = BTreeMap::new();
    let mut next = 0;
    let mut sums = Measures::default();
    for done in encoded {
        let done = done?;
        early.insert(done.batch.number, done);
        while let Some(done) = early.remove(&next) {
            next += 1;
            sums.add(&done.measures);
            assembler.append(done.piece)?;
            progress.written(sums.orders);
            // The channel is closed if the reader has finished.
            let _ = empty.send(done.batch);
        }
    }
    Ok(sums)
}
