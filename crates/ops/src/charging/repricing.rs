//! Repricing: after a change of prices, usage without a price is rated again, and charged if it has a price now.

use tollbook_domain::rating::Rated;
use tollbook_domain::usage::UsageLimits;
use tollbook_store::{RatedUsage, StoreResult, Uncharged, UnchargedKey};

use super::context::Charging;
use super::rater::Rater;
use crate::tasks::note_progress;

/// Name of the setting with the version of the prices by which usage was rated again last.
const REPRICED_VERSION: &str = "repriced version";
/// Records that are read together.
const BATCH_RECORDS: i64 = 1_000;

/// Whether prices have changed since the last repricing.
pub(super) fn needs_repricing(charging: &Charging<'_>) -> StoreResult<bool> {
    let mut snapshot = charging.store.snapshot()?;
    let version = snapshot.price_version()?;
    let repriced = snapshot.setting(REPRICED_VERSION)?.and_then(|text| text.parse::<i64>().ok());
    Ok(version > repriced.unwrap_or(0))
}

/// Rates usage without a price again if prices have changed since the last repricing. Returns the number of records that
/// are charged now. After an interruption, the next call starts from the beginning: charged records are not on the list
/// of records without a price.
///
/// # Errors
/// Those of the store.
pub fn reprice(charging: &Charging<'_>, now_s: i64) -> StoreResult<u64> {
    if !needs_repricing(charging)? {
        return Ok(0);
    }
    let mut snapshot = charging.store.snapshot()?;
    let version = snapshot.price_version()?;
    let companies = snapshot.companies()?;
    drop(snapshot);
    let unlimited = UsageLimits { past_s: None, future_s: i64::MAX, quantity: i64::MAX };
    let mut rater = Rater::new(*charging, unlimited);
    let mut charged = 0;
    for company in companies {
        charged += reprice_company(charging, &mut rater, company.company_id, now_s)?;
    }
    let mut transaction = charging.store.begin()?;
    transaction.set_setting(REPRICED_VERSION, &version.to_string())?;
    transaction.commit()?;
    Ok(charged)
}

fn reprice_company(
    charging: &Charging<'_>,
    rater: &mut Rater<'_>,
    company_id: i64,
    now_s: i64,
) -> StoreResult<u64> {
    let span = tracing::info_span!("reprice", company_id);
    let _entered = span.enter();
    // Taking the lock waits for transactions that store usage rated by older prices: their records are on the list
    // afterwards. Later transactions see the new prices (`Rater::store`).
    charging.store.begin()?.lock_company(company_id)?;
    let mut after: Option<UnchargedKey> = None;
    let mut charged = 0;
    loop {
        note_progress();
        let mut snapshot = charging.store.snapshot()?;
        let unpriced =
            snapshot.uncharged_usage(company_id, Uncharged::Unpriced, after.as_ref(), BATCH_RECORDS)?;
        let Some(last) = unpriced.last() else { return Ok(charged) };
        after = Some((last.usage.hour(), last.usage.source.clone(), last.usage.id.clone()));
        rater.refresh(snapshot.as_mut())?;
        rater.load_tenant(snapshot.as_mut(), company_id)?;
        drop(snapshot);
        let rated: Vec<RatedUsage> = unpriced
            .into_iter()
            .map(|uncharged| rater.rate(uncharged.usage))
            .filter(|record| !matches!(record.rated, Rated::Unpriced(_)))
            .collect();
        if rated.is_empty() {
            continue;
        }
        let mut transaction = charging.store.begin()?;
        charged += transaction.price_usage(company_id, &rated, &rater.intake_context(now_s, None))? as u64;
        transaction.commit()?;
    }
}
