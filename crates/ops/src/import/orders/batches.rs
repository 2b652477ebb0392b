//! Reading files on a thread of its own, so that parsing overlaps with what the store does. Batches come in the order
//! of the files and lines; a bounded channel keeps the reader from running ahead.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tollbook_domain::{Catalogue, NewOrder};

use super::duplicates::LeftOut;
use super::report::{Failure, Place};
use super::sort::{Merge, Sorted};
use super::tenants::Tenants;
use tollbook_formats::orders::{OrderFile, ReadError};

/// Batches that wait; with the one at each end, four are in memory.
const WAITING: usize = 2;

/// Records read one after the other.
#[derive(Default)]
pub(super) struct Batch {
    /// Where each order stands.
    pub(super) places: Vec<Place>,
    /// Orders that obey every rule that concerns one order.
    pub(super) orders: Vec<NewOrder>,
    /// Records that do not, and why.
    pub(super) refused: Vec<(Place, String)>,
    /// Bytes of the files read so far.
    pub(super) bytes_read: u64,
}

/// What is read.
pub(super) struct Reading<'a, 's> {
    pub(super) files: &'a [OrderFile],
    pub(super) catalogue: &'a Catalogue,
    pub(super) tenants: &'a mut Tenants<'s>,
    /// Records in a batch.
    pub(super) batch: usize,
    /// Records to pass over.
    pub(super) left_out: Option<&'a mut Sorted<LeftOut>>,
    pub(super) spool_dir: &'a Path,
}

impl Reading<'_, '_> {
    /// Reads everything while `consume` takes the batches. An error of `consume` ends the reading; a failure of the
    /// reading comes after the batches before it.
    pub(super) fn run<T>(
        self,
        consume: impl FnOnce(Receiver<Batch>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(WAITING);
            let reader = scope.spawn(move || self.read(&sender));
            let consumed = consume(batches);
            let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            let value = consumed?;
            read?;
            Ok(value)
        })
    }

    fn read(self, sender: &SyncSender<Batch>) -> Result<(), Failure> {
        let spool_error = |error| Failure::Spool { spool_dir: self.spool_dir.to_owned(), error };
        let mut passed_over = match self.left_out {
            Some(left_out) => PassedOver::new(left_out).map_err(spool_error)?,
            None => PassedOver { merge: None, next: None },
        };
        let bytes_read = Arc::new(AtomicU64::new(0));
        let mut batch = Batch::default();
        for (index, file) in self.files.iter().enumerate() {
            for record in file.orders(self.catalogue, Arc::clone(&bytes_read)).map_err(Failure::Broken)? {
                let (line, record) = match record {
                    Ok((line, order)) => (line, Ok(order)),
                    Err(ReadError::Line(error)) => (error.line, Err(error.reason)),
                    Err(ReadError::File(broken)) => return Err(Failure::Broken(broken)),
                };
                let place = Place::new(index, line);
                if passed_over.contains(place).map_err(spool_error)? {
                    continue;
                }
                match record {
                    Ok(order) => match self.tenants.refuse(&order)? {
                        None => {
                            batch.places.push(place);
                            batch.orders.push(order);
                        }
                        Some(reason) => batch.refused.push((place, reason)),
                    },
                    Err(reason) => batch.refused.push((place, reason)),
                }
                if batch.orders.len() + batch.refused.len() >= self.batch {
                    batch.bytes_read = bytes_read.load(Ordering::Relaxed);
                    if sender.send(std::mem::take(&mut batch)).is_err() {
                        // The consumer has stopped, and reports why.
                        return Ok(());
                    }
                }
            }
        }
        batch.bytes_read = bytes_read.load(Ordering::Relaxed);
        // The last batch may be empty: it tells that all bytes are read.
        let _ = sender.send(batch);
        Ok(())
    }
}

/// Walks through the records to pass over beside the reading: both are in the same order.
struct PassedOver<'a> {
    merge: Option<Merge<'a, LeftOut>>,
    next: Option<LeftOut>,
}

impl<'a> PassedOver<'a> {
    fn new(left_out: &'a mut Sorted<LeftOut>) -> std::io::Result<Self> {
        let mut merge = left_out.merge()?;
        let next = merge.next()?;
        Ok(Self { merge: Some(merge), next })
    }

    fn contains(&mut self, place: Place) -> std::io::Result<bool> {
        while let (Some(next), Some(merge)) = (&self.next, &mut self.merge)
            && next.place < place
        {
            self.next = merge.next()?;
        }
        Ok(self.next.is_some_and(|next| next.place == place))
    }
}
