//! Rows through all cores: one thread reads, some format and compress, one puts the pieces in order. Orders are cut
//! into batches of one size wherever they are made into pieces, so the file does not depend on how many threads there
//! are. What a piece is, only the format knows.

use std::collections::BTreeMap;
use std::mem::take;
use std::num::NonZeroUsize;

use crossbeam_channel::{Receiver, Sender, bounded};
use tollbook_domain::{Measures, Order, OrderQuery};
use tollbook_store::{Snapshot, StoreError, StoredOrder};

use crate::error::ExportError;
use crate::priority;
use crate::progress::Progress;

/// Orders of a batch: as many as there are rows in a chunk of a workbook, so that chunks fill its sheets.
pub(crate) const BATCH: usize = tollbook_workbook::CHUNK_ROWS as usize;

/// Batches under way for each encoder: one being encoded, one waiting for it, one on its way back.
const BATCHES_PER_ENCODER: usize = 3;

/// Makes batches of orders into pieces of a file. Each thread has its own; a piece depends on its batch alone.
pub(crate) trait Encode: Send {
    /// What a batch becomes.
    type Piece: Send;

    /// The piece of these orders, which are in list order.
    fn encode(&mut self, orders: &[StoredOrder]) -> Result<Self::Piece, ExportError>;
}

/// Puts pieces into the file.
pub(crate) trait Assemble: Send {
    /// What it takes.
    type Piece: Send;

    /// Takes the next piece.
    fn append(&mut self, piece: Self::Piece) -> Result<(), ExportError>;
}

/// Some orders, whose memory goes round: reader, encoder, assembler, reader.
#[derive(Default)]
struct Batch {
    number: u64,
    /// Only the first `filled` are of this batch.
    orders: Vec<StoredOrder>,
    filled: usize,
}

impl Batch {
    fn push(&mut self, order: &StoredOrder) {
        match self.orders.get_mut(self.filled) {
            Some(place) => copy(order, place),
            None => self.orders.push(order.clone()),
        }
        self.filled += 1;
    }

    fn orders(&self) -> &[StoredOrder] {
        &self.orders[..self.filled]
    }
}

/// Into texts that have their room already.
fn copy(from: &StoredOrder, into: &mut StoredOrder) {
    let (order, place) = (&from.order, &mut into.order);
    into.line_no = from.line_no;
    let (mut number, mut counterpart) = (take(&mut place.number), take(&mut place.counterpart));
    number.clear();
    number.push_str(&order.number);
    counterpart.clear();
    counterpart.push_str(&order.counterpart);
    *place = Order {
        number,
        counterpart,
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
    };
}

/// A batch that is encoded, with what it adds up to.
struct Encoded<P> {
    batch: Batch,
    piece: P,
    measures: Measures,
}

/// Writes every order of the query; tells what they add up to. `encoders` is at least one.
pub(crate) fn run<E: Encode, A: Assemble<Piece = E::Piece>>(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    encoders: NonZeroUsize,
    encoder: impl Fn() -> E,
    assembler: &mut A,
    progress: &Progress,
) -> Result<Measures, ExportError> {
    let batches = encoders.get() * BATCHES_PER_ENCODER;
    // As many as there are batches, so that whoever sends never waits; the reader waits for an empty batch.
    let (empty_sender, empty) = bounded(batches);
    let (full_sender, full) = bounded(batches);
    let (encoded_sender, encoded) = bounded(batches);
    for _ in 0..batches {
        let _ = empty_sender.send(Batch::default());
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
        // Of both, the assembler's is the cause: the reader ends because nobody takes its batches.
        let measures = assembled?;
        read?;
        Ok(measures)
    })
}

fn read_batches(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    empty: &Receiver<Batch>,
    full: &Sender<Batch>,
) -> Result<(), ExportError> {
    let mut batch: Option<Batch> = None;
    let mut number = 0;
    snapshot.scan(query, &mut |order| {
        let filling = if let Some(filling) = &mut batch {
            filling
        } else {
            let mut next = empty.recv().map_err(|_| stopped())?;
            (next.number, next.filled) = (number, 0);
            number += 1;
            batch.insert(next)
        };
        filling.push(order);
        if filling.filled == BATCH
            && let Some(done) = batch.take()
        {
            full.send(done).map_err(|_| stopped())?;
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
    full: &Receiver<Batch>,
    encoded: &Sender<Result<Encoded<E::Piece>, ExportError>>,
) {
    for batch in full {
        let mut measures = Measures::default();
        for stored in batch.orders() {
            measures.add(&Measures::of(&stored.order));
        }
        let done = encoder.encode(batch.orders()).map(|piece| Encoded { batch, piece, measures });
        let failed = done.is_err();
        if encoded.send(done).is_err() || failed {
            return;
        }
    }
}

/// Appends the pieces in the order of their batches. Those that come too early wait; there are never more than batches.
fn assemble<A: Assemble>(
    assembler: &mut A,
    encoded: &Receiver<Result<Encoded<A::Piece>, ExportError>>,
    empty: &Sender<Batch>,
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
            // Nobody takes it when the reader has finished.
            let _ = empty.send(done.batch);
        }
    }
    Ok(sums)
}
