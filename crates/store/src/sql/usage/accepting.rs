//! Accepts usage: determines by their identities which records are new, and adds each to the open hours of its lines.
//! The company is locked, so that no other transaction can add the same records meanwhile.

use std::collections::BTreeMap;

use tollbook_domain::rating::Rated;

use crate::error::StoreResult;
use crate::sql::driver::connection::{SqlValue, SqlValues, first, insert_exactly};
use crate::sql::driver::schema::USAGE_RECORD;
use crate::sql::session::Session;
use crate::sql::usage::rows::{identity_values, pricing_state, rest_bytes};
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
        let identities = self.find_identities(company_id, records, view.pruned_before_s)?;
        let mut outcomes = identities.outcomes;
        let new: Vec<usize> =
            (0..records.len()).filter(|place| outcomes[*place] == UsageOutcome::Accepted).collect();
        let charges = self.add_to_hours(company_id, &view, records, &new, context)?;
        // By place; `None` for what is not new or does not fit.
        let mut kept: Vec<Option<(Vec<u8>, Vec<u8>)>> = vec![None; records.len()];
        for (place, charges) in new.into_iter().zip(charges) {
            match charges {
                Some(charges) => {
                    kept[place] = Some((charges, rest_bytes(&records[place], view.close_no)));
                }
                None => outcomes[place] = UsageOutcome::TooLarge,
            }
        }
        for (place, earlier) in identities.repeats {
            // A repetition of a record that is not accepted is not accepted either.
            if outcomes[earlier] == UsageOutcome::TooLarge {
                outcomes[place] = outcomes[earlier];
            }
        }
        let order: Vec<usize> = identities.order.into_iter().filter(|place| kept[*place].is_some()).collect();
        let mut rows =
            order.iter().filter_map(|place| Some(record_values(&records[*place], kept[*place].as_ref()?)));
        insert_exactly(self.connection.as_mut(), &USAGE_RECORD, order.len(), &mut rows)?;
        let uncharged: Vec<&RatedUsage> = order
            .iter()
            .map(|place| &records[*place])
            .filter(|record| !matches!(record.rated, Rated::Charged(_)))
            .collect();
        self.insert_uncharged(&uncharged)?;
        if let Some(lease) = &context.lease {
            // The hours of repeated records too: the import that brought them first may have crashed before it closed
            // them.
            self.take_over_hours(company_id, identities.repeated_buckets, lease)?;
        }
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
    /// Counts accepted records by hour.
    pub(crate) fn count_records(
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

fn record_values<'a>(record: &'a RatedUsage, (charges, rest): &'a (Vec<u8>, Vec<u8>)) -> SqlValues<'a> {
    let [company_id, day, source, id] = identity_values(&record.usage);
    vec![
        company_id,
        day,
        source,
        id,
        record.usage.time_s.into(),
        SqlValue::Blob(&record.digest),
        pricing_state(&record.rated).into(),
        record.bucket.start_s.into(),
        charges.as_slice().into(),
        rest.as_slice().into(),
    ]
}
