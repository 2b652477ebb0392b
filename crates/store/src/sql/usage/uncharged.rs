//! Usage that is not charged: stores and lists whole records, and charges them once they have a price.

use tollbook_domain::Usage;
use tollbook_domain::rating::Rated;

use crate::error::StoreResult;
use crate::sql::driver::connection::{Row, SqlValue, SqlValues, all, delete_exactly, insert_exactly};
use crate::sql::driver::schema::UNCHARGED_USAGE;
use crate::sql::session::Session;
use crate::sql::usage::rows::{
    FREE, UNPRICED, identity_values, key_of, pricing_state, rest_bytes, uncharged_key_values,
};
use crate::usage::{
    IntakeContext, RatedUsage, Uncharged, UnchargedKey, UnchargedReads, UnchargedUsage, UnchargedWrites,
};
use crate::usage_pack::{decode_quantities, encode_quantities};

/// The columns that [`read_uncharged`] reads.
pub(crate) const UNCHARGED_COLUMNS: &str = "id, source, time, organization_id, resource_id, resource_type, user_email, provider, \
     model_id, product_code, region, quantities, reason, service_tier, resource_name";

impl UnchargedReads for Session {
    fn uncharged_usage(
        &mut self,
        company_id: i64,
        uncharged: Uncharged,
        after: Option<&UnchargedKey>,
        limit: i64,
    ) -> StoreResult<Vec<UnchargedUsage>> {
        let pricing_state = match uncharged {
            Uncharged::Free => FREE,
            Uncharged::Unpriced => UNPRICED,
        };
        let mut values = vec![company_id.into(), pricing_state.into(), limit.into()];
        let condition = match after {
            Some((hour, source, id)) => {
                values.extend([SqlValue::Int(*hour), source.as_str().into(), id.as_str().into()]);
                "AND (hour, source, id) > ($4, $5, $6)"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {UNCHARGED_COLUMNS} FROM uncharged_usage WHERE company_id = $1 AND pricing_state = $2 {condition} \
             ORDER BY hour, source, id LIMIT $3"
        );
        all(self.connection.as_mut(), &sql, &values, |row| read_uncharged(company_id, row))
    }
}

impl UnchargedWrites for Session {
    fn price_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        context: &IntakeContext<'_>,
    ) -> StoreResult<usize> {
        let view = self.view_for_update(company_id)?;
        let sets: Vec<SqlValues<'_>> =
            records.iter().map(|record| uncharged_key_values(&record.usage)).collect();
        let mut waiting = vec![false; records.len()];
        let sql = format!(
            "SELECT pricing_state FROM uncharged_usage WHERE company_id = $1 AND pricing_state = {UNPRICED} AND hour = $2 AND source = $3 \
             AND id = $4"
        );
        self.connection.query_each(&sql, &sets, &mut |index, _| {
            waiting[index] = true;
            Ok(())
        })?;
        // An hour whose orders were pruned accepts no further charges.
        let places: Vec<usize> = (0..records.len())
            .filter(|place| waiting[*place] && !matches!(records[*place].rated, Rated::Unpriced(_)))
            .filter(|place| records[*place].bucket.start_s >= view.pruned_before_s)
            .collect();
        let charges = self.add_to_hours(company_id, &view, records, &places, context)?;
        let done: Vec<(&RatedUsage, Vec<u8>)> = places
            .into_iter()
            .zip(charges)
            .filter_map(|(place, charges)| Some((&records[place], charges?)))
            .collect();
        let keys: Vec<SqlValues<'_>> =
            done.iter().map(|(record, _)| uncharged_key_values(&record.usage)).collect();
        let sql = format!(
            "DELETE FROM uncharged_usage WHERE company_id = $1 AND pricing_state = {UNPRICED} AND hour = $2 AND source = $3 \
             AND id = $4"
        );
        delete_exactly(self.connection.as_mut(), &sql, &keys)?;
        // The identity may have expired: then there is no row to change.
        let rests: Vec<Vec<u8>> = done.iter().map(|(record, _)| rest_bytes(record, view.close_no)).collect();
        let rows: Vec<SqlValues<'_>> = done
            .iter()
            .zip(&rests)
            .map(|((record, charges), rest)| {
                let changed = [
                    pricing_state(&record.rated).into(),
                    charges.as_slice().into(),
                    record.bucket.start_s.into(),
                    rest.as_slice().into(),
                ];
                [identity_values(&record.usage), changed].concat()
            })
            .collect();
        self.connection.execute_each(
            "UPDATE usage_record SET pricing_state = $5, charges = $6, bucket_start = $7, rest = $8 \
             WHERE company_id = $1 AND day = $2 AND source = $3 AND id = $4",
            &rows,
        )?;
        let free: Vec<&RatedUsage> =
            done.iter().map(|(record, _)| *record).filter(|record| record.rated == Rated::Free).collect();
        self.insert_uncharged(&free)?;
        Ok(done.len())
    }
}

impl Session {
    pub(crate) fn insert_uncharged(&mut self, records: &[&RatedUsage]) -> StoreResult<()> {
        let mut rows: Vec<(&RatedUsage, Vec<u8>)> =
            records.iter().map(|record| (*record, encode_quantities(&record.usage.quantities))).collect();
        rows.sort_by_key(|(record, _)| {
            (pricing_state(&record.rated), record.usage.hour(), key_of(&record.usage))
        });
        let mut values = rows.iter().map(|(record, quantities)| uncharged_values(record, quantities));
        insert_exactly(self.connection.as_mut(), &UNCHARGED_USAGE, rows.len(), &mut values)
    }
}

fn uncharged_values<'a>(record: &'a RatedUsage, quantities: &'a [u8]) -> SqlValues<'a> {
    let usage = &record.usage;
    let reason = if let Rated::Unpriced(reason) = &record.rated { reason.as_str() } else { "" };
    vec![
        usage.company_id.into(),
        pricing_state(&record.rated).into(),
        usage.hour().into(),
        usage.source.as_str().into(),
        usage.id.as_str().into(),
        usage.time_s.into(),
        usage.organization_id.into(),
        usage.resource_id.as_str().into(),
        usage.resource_type.into(),
        usage.user_email.as_str().into(),
        usage.provider.as_str().into(),
        usage.model_id.as_str().into(),
        usage.product_code.as_str().into(),
        usage.region.as_str().into(),
        quantities.into(),
        reason.into(),
        usage.service_tier.as_str().into(),
        usage.resource_name.as_str().into(),
    ]
}

pub(crate) fn read_uncharged(company_id: i64, row: &dyn Row) -> StoreResult<UnchargedUsage> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let mut usage = Usage {
        company_id,
        id: text(0)?,
        source: text(1)?,
        time_s: row.int(2)?,
        organization_id: row.int(3)?,
        resource_id: text(4)?,
        resource_type: row.int(5)?,
        user_email: text(6)?,
        provider: text(7)?,
        model_id: text(8)?,
        product_code: text(9)?,
        region: text(10)?,
        quantities: decode_quantities(row.blob(11)?)?,
        service_tier: text(13)?,
        resource_name: text(14)?,
        free: false,
    };
    // Only a record that its source marks as free counts nothing.
    let counts_nothing = usage.used().next().is_none();
    usage.free = counts_nothing;
    Ok(UnchargedUsage { usage, reason: text(12)? })
}
