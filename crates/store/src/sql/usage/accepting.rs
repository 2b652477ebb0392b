//! Accepts usage: determines by their identities which records are new, and adds each to the open hours of its lines.
//! The company is locked, so that no other transaction can add the same records meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::rating::Rated;

use crate::error::StoreResult;
use crate::sql::driver::connection::{SqlValue, SqlValues, first, insert_exactly};
use crate::sql::driver::schema::USAGE_RECORD;
use crate::sql::session::Session;
use crate::sql::usage::rows::{identity_values, key_of, pricing_state};
use crate::tenants::TenantReads;
use crate::usage::{IntakeContext, RatedUsage, UsageOutcome, UsageWrites};

impl UsageWrites for Session {
    fn add_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        context: &IntakeContext<'_>,
    ) -> StoreResult<Vec<UsageOutcome>> {
        let view = self.view_for_update(company_id)?;
        let mut outcomes = vec![UsageOutcome::Accepted; records.len()];
        let mut order: Vec<usize> = (0..records.len()).collect();
        // Sorted keys touch fewer leaf pages of the index. The sort is stable: if two records have the same identity,
        // the first of the batch stays first.
        order.sort_by_key(|place| key_of(&records[*place].usage));
        self.refuse_expired(company_id, records, &mut outcomes)?;
        let repeats = self.find_known(company_id, records, &order, &mut outcomes)?;
        for (record, outcome) in records.iter().zip(&mut outcomes) {
            if *outcome == UsageOutcome::Accepted && record.bucket.start_s < view.pruned_before_s {
                *outcome = UsageOutcome::Pruned;
            }
        }
        let new: Vec<usize> =
            (0..records.len()).filter(|place| outcomes[*place] == UsageOutcome::Accepted).collect();
        let charges = self.add_to_hours(company_id, &view, records, &new, context)?;
        let mut kept: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (place, charges) in new.into_iter().zip(charges) {
            match charges {
                Some(charges) => drop(kept.insert(place, charges)),
                None => outcomes[place] = UsageOutcome::TooLarge,
            }
        }
        for (place, earlier) in repeats {
            // If a record is not accepted, its repetitions are not accepted either.
            if matches!(outcomes[earlier], UsageOutcome::TooLarge | UsageOutcome::Pruned) {
                outcomes[place] = outcomes[earlier];
            }
        }
        let order: Vec<usize> = order.into_iter().filter(|place| kept.contains_key(place)).collect();
        let mut rows = order.iter().map(|place| record_values(&records[*place], &kept[place]));
        insert_exactly(self.connection.as_mut(), &USAGE_RECORD, order.len(), &mut rows)?;
        let uncharged: Vec<&RatedUsage> = order
            .iter()
            .map(|place| &records[*place])
            .filter(|record| !matches!(record.rated, Rated::Charged(_)))
            .collect();
        self.insert_uncharged(&uncharged)?;
        self.take_over_repeated(company_id, records, &outcomes, context)?;
        self.count_records(
            company_id,
            order.iter().map(|place| records[*place].usage.hour()),
            context.now_s,
        )?;
        Ok(outcomes)
    }

    fn has_usage(&mut self) -> StoreResult<bool> {
        for company in self.companies()? {
            let sql = "SELECT hour FROM usage_hour WHERE company_id = $1 LIMIT 1";
            if first(self.connection.as_mut(), sql, &[company.company_id.into()], |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Session {
    /// Refuses records of hours whose identities have expired.
    fn refuse_expired(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        outcomes: &mut [UsageOutcome],
    ) -> StoreResult<()> {
        let hours: BTreeSet<i64> = records.iter().map(|record| record.usage.hour()).collect();
        let hours: Vec<i64> = hours.into_iter().collect();
        let sets: Vec<SqlValues<'_>> =
            hours.iter().map(|hour| [company_id, *hour].map(SqlValue::Int).to_vec()).collect();
        let mut expired = vec![false; hours.len()];
        self.connection.query_each(
            "SELECT expired FROM usage_hour WHERE company_id = $1 AND hour = $2",
            &sets,
            &mut |index, row| {
                expired[index] = row.int(0)? != 0;
                Ok(())
            },
        )?;
        for (record, outcome) in records.iter().zip(outcomes) {
            let hour = hours.binary_search(&record.usage.hour());
            if hour.is_ok_and(|hour| expired[hour]) {
                *outcome = UsageOutcome::Expired;
            }
        }
        Ok(())
    }

    /// Finds records that are already in the store or earlier in the batch. `order` sorts the records by identity.
    /// Returns the repetitions within the batch, each with the first record of its identity.
    fn find_known(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        order: &[usize],
        outcomes: &mut [UsageOutcome],
    ) -> StoreResult<Vec<(usize, usize)>> {
        let again = |same: bool| if same { UsageOutcome::Duplicate } else { UsageOutcome::Conflict };
        let candidates: Vec<usize> =
            order.iter().copied().filter(|place| outcomes[*place] == UsageOutcome::Accepted).collect();
        let mut distinct: Vec<usize> = Vec::with_capacity(candidates.len());
        let mut repeats = Vec::new();
        for place in candidates {
            match distinct.last() {
                Some(&earlier) if key_of(&records[earlier].usage) == key_of(&records[place].usage) => {
                    repeats.push((place, earlier));
                }
                _ => distinct.push(place),
            }
        }
        let stored = self.find_digests(company_id, records, &distinct)?;
        for (place, digest) in &stored {
            outcomes[*place] = again(*digest == records[*place].digest);
        }
        for &(place, earlier) in &repeats {
            let first = stored.get(&earlier).map_or(records[earlier].digest.as_slice(), Vec::as_slice);
            outcomes[place] = again(first == records[place].digest);
        }
        Ok(repeats)
    }

    /// Reads the digests of records that are already stored, by place. `places` are sorted by identity, without
    /// repetitions.
    fn find_digests(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        places: &[usize],
    ) -> StoreResult<BTreeMap<usize, Vec<u8>>> {
        let groups: Vec<&[usize]> = places
            .chunk_by(|a, b| {
                let (a, b) = (key_of(&records[*a].usage), key_of(&records[*b].usage));
                (a.0, a.1) == (b.0, b.1)
            })
            .collect();
        // If ids rise with time, the range between the first and the last id of a batch has no other records, and one
        // statement reads it. If the range has many other records, each id is looked up separately.
        let most = |group: &[usize]| 2 * group.len() + 1;
        let sets: Vec<SqlValues<'_>> = groups
            .iter()
            .map(|group| {
                let (hour, source, from) = key_of(&records[group[0]].usage);
                let (_, _, to) = key_of(&records[group[group.len() - 1]].usage);
                let most = i64::try_from(most(group)).unwrap_or(i64::MAX);
                vec![company_id.into(), hour.into(), source.into(), from.into(), to.into(), most.into()]
            })
            .collect();
        let mut known: Vec<Vec<(String, Vec<u8>)>> = vec![Vec::new(); groups.len()];
        self.connection.query_each(
            "SELECT id, digest FROM usage_record WHERE company_id = $1 AND hour = $2 AND source = $3 AND id >= $4 \
             AND id <= $5 ORDER BY id LIMIT $6",
            &sets,
            &mut |index, row| {
                known[index].push((row.text(0)?.to_owned(), row.blob(1)?.to_owned()));
                Ok(())
            },
        )?;
        let mut stored = BTreeMap::new();
        let mut looked_up: Vec<usize> = Vec::new();
        for (group, known) in groups.into_iter().zip(known) {
            if known.len() == most(group) {
                looked_up.extend(group);
                continue;
            }
            let mut known = known.into_iter().peekable();
            for place in group {
                let id = records[*place].usage.id.as_str();
                while known.next_if(|(before, _)| before.as_str() < id).is_some() {}
                if let Some((_, digest)) = known.next_if(|(same, _)| same == id) {
                    stored.insert(*place, digest);
                }
            }
        }
        let sets: Vec<SqlValues<'_>> =
            looked_up.iter().map(|place| identity_values(&records[*place].usage)).collect();
        self.connection.query_each(
            "SELECT digest FROM usage_record WHERE company_id = $1 AND hour = $2 AND source = $3 AND id = $4",
            &sets,
            &mut |index, row| {
                stored.insert(looked_up[index], row.blob(0)?.to_owned());
                Ok(())
            },
        )?;
        Ok(stored)
    }

    /// Takes over the leases on the hours of repeated records too: the import that first added them may have crashed
    /// before it closed the hours.
    fn take_over_repeated(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        outcomes: &[UsageOutcome],
        context: &IntakeContext<'_>,
    ) -> StoreResult<()> {
        let Some(lease) = context.lease else { return Ok(()) };
        let repeated =
            records.iter().zip(outcomes).filter(|(_, outcome)| **outcome == UsageOutcome::Duplicate);
        let buckets: BTreeSet<i64> = repeated.map(|(record, _)| record.bucket.start_s).collect();
        self.take_over_hours(company_id, buckets, &lease)
    }

    fn count_records(
        &mut self,
        company_id: i64,
        hours: impl Iterator<Item = i64>,
        now_s: i64,
    ) -> StoreResult<()> {
        let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
        for hour in hours {
            *counts.entry(hour).or_default() += 1;
        }
        let rows: Vec<SqlValues<'_>> = counts
            .into_iter()
            .map(|(hour, records)| [company_id, hour, records, now_s].map(SqlValue::Int).to_vec())
            .collect();
        self.connection.execute_each(
            "INSERT INTO usage_hour (company_id, hour, records, written, expired) VALUES ($1, $2, $3, $4, 0) \
             ON CONFLICT (company_id, hour) DO UPDATE SET records = usage_hour.records + excluded.records, \
             written = CASE WHEN excluded.written > usage_hour.written THEN excluded.written \
             ELSE usage_hour.written END",
            &rows,
        )?;
        Ok(())
    }
}

fn record_values<'a>(record: &'a RatedUsage, charges: &'a [u8]) -> SqlValues<'a> {
    let rest = [
        SqlValue::Blob(&record.digest),
        pricing_state(&record.rated).into(),
        record.bucket.start_s.into(),
        charges.into(),
    ];
    let mut values = identity_values(&record.usage);
    values.extend(rest);
    values
}
