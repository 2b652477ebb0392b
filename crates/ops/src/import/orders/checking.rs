//! The first half of an import: every record of every file is read, checked, compared with the others and with the
//! store. Nothing is written.

use std::sync::mpsc::Receiver;

use tollbook_domain::NewOrder;
use tollbook_store::{Outcome, Snapshot, StoreError, StoreResult};

use super::Import;
use super::batches::{Batch, Reading};
use super::duplicates::{Duplicates, LeftOut, Reason};
use super::report::{Failure, Phase, Place, Progress, Tally};
use super::sort::{Sorted, Sorter};
use super::tenants::Tenants;

/// What checking leaves for storing.
pub(super) struct Checked {
    /// Records that are not to be stored; all of them if they are to be left out, else the contradicting ones.
    pub(super) left_out: Sorted<LeftOut>,
    /// Whether there is an order that the store does not have.
    pub(super) anything_new: bool,
}

impl Import<'_> {
    pub(super) fn check(
        &self,
        tenants: &mut Tenants<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<Checked, Failure> {
        let mut checking = Checking {
            duplicates: Duplicates::new(self.sorter()),
            left_out: self.sorter(),
            anything_new: false,
            orders: 0,
        };
        let reading = Reading {
            files: self.files,
            catalogue: self.catalogue,
            tenants,
            batch: super::MAX_BATCH_ORDERS,
            left_out: None,
            spool_dir: &self.options.spool_dir,
        };
        reading.run(|batches| checking.take_all(self, batches, tally, progress))?;
        checking.finish(self, tally)
    }
}

struct Checking {
    duplicates: Duplicates,
    left_out: Sorter<LeftOut>,
    anything_new: bool,
    orders: u64,
}

impl Checking {
    fn take_all(
        &mut self,
        import: &Import<'_>,
        batches: Receiver<Batch>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        for batch in batches {
            let bytes_read = batch.bytes_read;
            self.take(import, batch, tally)?;
            import.report(progress, Phase::Checking, bytes_read, self.orders)?;
        }
        Ok(())
    }

    fn take(&mut self, import: &Import<'_>, batch: Batch, tally: &mut Tally) -> Result<(), Failure> {
        self.orders += (batch.orders.len() + batch.refused.len()) as u64;
        for (place, reason) in batch.refused {
            tally.file(place).read += 1;
            self.refuse(import, tally, place, reason)?;
        }
        if batch.orders.is_empty() {
            return Ok(());
        }
        // A snapshot for each batch: one that is held long keeps the log of the store growing.
        let mut snapshot = import.store.snapshot()?;
        let outcomes = classify(snapshot.as_mut(), &batch.orders)?;
        for ((order, place), outcome) in batch.orders.iter().zip(batch.places).zip(outcomes) {
            tally.file(place).read += 1;
            if outcome == Outcome::Pruned {
                self.refuse(import, tally, place, PRUNED.to_owned())?;
                continue;
            }
            self.anything_new |= outcome == Outcome::Added;
            // The conflict may be with an earlier order of the batch. Asked alone, it can only be with the store, and
            // what is found does not depend on where batches end.
            let in_conflict = outcome == Outcome::Conflict
                && classify(snapshot.as_mut(), std::slice::from_ref(order))? == [Outcome::Conflict];
            self.duplicates.push(place, order, in_conflict).map_err(|error| import.spool_error(error))?;
        }
        Ok(())
    }

    /// A record that cannot be stored, for a reason that no other record has part in.
    fn refuse(
        &mut self,
        import: &Import<'_>,
        tally: &mut Tally,
        place: Place,
        reason: String,
    ) -> Result<(), Failure> {
        tally.refuse(place, |_| reason);
        if import.options.skip_invalid {
            let left_out = LeftOut { place, reason: Reason::Invalid };
            self.left_out.push(left_out).map_err(|error| import.spool_error(error))?;
        }
        Ok(())
    }

    /// Compares the records with each other and counts those that contradict.
    fn finish(mut self, import: &Import<'_>, tally: &mut Tally) -> Result<Checked, Failure> {
        let spool_error = |error| import.spool_error(error);
        self.duplicates.finish(&mut self.left_out).map_err(spool_error)?;
        let mut left_out = self.left_out.finish().map_err(spool_error)?;
        let mut merge = left_out.merge().map_err(spool_error)?;
        let mut last = None;
        while let Some(LeftOut { place, reason }) = merge.next().map_err(spool_error)? {
            // Both numbers of a record may contradict; it is one record.
            if last.replace(place) == Some(place) {
                continue;
            }
            match reason {
                Reason::Invalid => {}
                Reason::Earlier(earlier) => tally.refuse(place, |tally| {
                    let earlier = tally.name(earlier, place);
                    format!("OrderNo: an order on {earlier} has the same number but other content")
                }),
                Reason::Stored => tally.refuse(place, |_| STORED.to_owned()),
            }
        }
        drop(merge);
        Ok(Checked { left_out, anything_new: self.anything_new })
    }
}

fn classify(snapshot: &mut dyn Snapshot, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
    let outcomes = snapshot.classify_orders(orders)?;
    if outcomes.len() == orders.len() {
        Ok(outcomes)
    } else {
        Err(StoreError::Database("not every order was classified".to_owned()))
    }
}

/// The reason of a record that contradicts the store.
pub(super) const STORED: &str = "OrderNo: a stored order has the same number but other content";
/// The refusal of a record from a time whose orders were pruned: whether it was among them is unknown.
pub(super) const PRUNED: &str = "StartTime: orders of that time were pruned, and no more are accepted";
