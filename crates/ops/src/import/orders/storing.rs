//! The second half of an import: the files are read again and written in transactions of bounded size.

use std::sync::mpsc::Receiver;

use tollbook_store::{Outcome, StoreError};

use super::Import;
use super::batches::{Batch, Reading};
use super::checking::{Checked, PRUNED, STORED};
use super::report::{Failure, Phase, Place, Progress, Tally};
use super::tenants::Tenants;

/// Orders in a transaction when another writer waits. Rollup rows are written once a transaction, so fewer orders
/// cost throughput; more make the other wait.
const COURTEOUS_BATCH_ORDERS: usize = 1_000;

impl Import<'_> {
    pub(super) fn store(
        &self,
        checked: Checked,
        tenants: &mut Tenants<'_>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        let Checked { mut left_out, anything_new } = checked;
        if !anything_new {
            for file in tally.files() {
                file.present = file.read - file.invalid;
            }
            return Ok(());
        }
        let reading = Reading {
            files: self.files,
            catalogue: self.catalogue,
            tenants,
            batch: self.options.batch_orders.clamp(1, super::MAX_BATCH_ORDERS),
            left_out: Some(&mut left_out),
            spool_dir: &self.options.spool_dir,
        };
        reading.run(|batches| self.store_all(batches, tally, progress))?;
        let changed = tally.files().iter().find(|file| file.read != file.added + file.present + file.invalid);
        match changed {
            Some(file) => Err(Failure::Changed { file: file.file.clone() }),
            None => Ok(()),
        }
    }

    fn store_all(
        &self,
        batches: Receiver<Batch>,
        tally: &mut Tally,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        let mut orders = 0;
        let mut crowded = false;
        for batch in batches {
            // Every invalid record was found before, so the file is another than the one that was checked.
            if let Some((place, _)) = batch.refused.first() {
                return Err(Failure::Changed { file: tally.file(*place).file.clone() });
            }
            let mut at = 0;
            while at < batch.orders.len() {
                at += self.store_batch(&batch, at, &mut crowded, tally)?;
                self.report(progress, Phase::Storing, batch.bytes_read, orders + at as u64)?;
            }
            orders += batch.orders.len() as u64;
        }
        Ok(())
    }

    /// Writes one transaction and gives the number of orders it dealt with. `crowded` says whether another writer was
    /// seen waiting, before now and after.
    fn store_batch(
        &self,
        batch: &Batch,
        at: usize,
        crowded: &mut bool,
        tally: &mut Tally,
    ) -> Result<usize, Failure> {
        let mut transaction = self.store.begin()?;
        let rest = batch.orders.len() - at;
        // One database lets writers wait before a transaction begins, another where both want the same company.
        let small = *crowded || transaction.another_writer_waits()?;
        let size = if small { rest.min(COURTEOUS_BATCH_ORDERS) } else { rest };
        let outcomes = transaction.add_orders(&batch.orders[at..at + size])?;
        *crowded = transaction.another_writer_waits()?;
        if outcomes.len() != size {
            return Err(StoreError::Database("not every order was written".to_owned()).into());
        }
        let outcomes: Vec<(Place, Outcome)> =
            batch.places[at..at + size].iter().copied().zip(outcomes).collect();
        let overtaken = outcomes.iter().find_map(|(place, outcome)| Some((*place, refusal(*outcome)?)));
        if let (Some((place, reason)), false) = (overtaken, self.options.skip_invalid) {
            // Since the check, another writer took the number. The transaction is dropped.
            return Err(Failure::Overtaken(tally.error(place, reason.to_owned())));
        }
        if outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Added) {
            transaction.commit()?;
        }
        for (place, outcome) in outcomes {
            match outcome {
                Outcome::Added => tally.file(place).added += 1,
                Outcome::Present => tally.file(place).present += 1,
                Outcome::Conflict => tally.refuse(place, |_| STORED.to_owned()),
                Outcome::Pruned => tally.refuse(place, |_| PRUNED.to_owned()),
            }
        }
        Ok(size)
    }
}

/// Why an order was not taken.
fn refusal(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Added | Outcome::Present => None,
        Outcome::Conflict => Some(STORED),
        Outcome::Pruned => Some(PRUNED),
    }
}
