//! Usage without a price gets one: after prices were added, what waits is rated again, and charged if it now can be.

use tollbook_domain::rating::Rated;
use tollbook_domain::usage::UsageLimits;
use tollbook_store::{RatedUsage, StoreResult, Uncharged, UnchargedKey};

use super::context::Charging;
use super::rater::Rater;

/// Name of the setting that says for which prices that was done.
const DONE: &str = "repriced version";
/// Records that are looked at together.
const BATCH_RECORDS: i64 = 1_000;

/// Whether prices have changed since what waits was rated again.
pub(super) fn needs_repricing(charging: &Charging<'_>) -> StoreResult<bool> {
    let mut snapshot = charging.store.snapshot()?;
    let version = snapshot.price_version()?;
    let done = snapshot.setting(DONE)?.and_then(|text| text.parse::<i64>().ok());
    Ok(version > done.unwrap_or(0))
}

/// Rates what has no price again, if prices have changed since that was done last. How many records are charged now.
/// Interrupted, it is done again from the start: what is charged is not on the list any more.
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
    let any = UsageLimits { past_s: None, future_s: i64::MAX, quantity: i64::MAX };
    let mut rater = Rater::new(*charging, any);
    let mut charged = 0;
    for company in companies {
        charged += reprice_company(charging, &mut rater, company.company_id, now_s)?;
    }
    let mut transaction = charging.store.begin()?;
    transaction.set_setting(DONE, &version.to_string())?;
    transaction.commit()?;
    Ok(charged)
}

fn reprice_company(
    charging: &Charging<'_>,
    rater: &mut Rater<'_>,
    company_id: i64,
    now_s: i64,
) -> StoreResult<u64> {
    // Usage that was rated by older prices and is being stored in this moment is on the list afterwards; whoever comes
    // later sees the newer prices (`Rater::store`).
    charging.store.begin()?.lock_company(company_id)?;
    let mut after: Option<UnchargedKey> = None;
    let mut charged = 0;
    loop {
        let mut snapshot = charging.store.snapshot()?;
        let waiting =
            snapshot.uncharged_usage(company_id, Uncharged::Unpriced, after.as_ref(), BATCH_RECORDS)?;
        let Some(last) = waiting.last() else { return Ok(charged) };
        after = Some((last.usage.hour(), last.usage.source.clone(), last.usage.id.clone()));
        rater.refresh(snapshot.as_mut())?;
        rater.learn(snapshot.as_mut(), company_id)?;
        drop(snapshot);
        let rated: Vec<RatedUsage> = waiting
            .into_iter()
            .map(|uncharged| rater.rate(uncharged.usage))
            .filter(|record| !matches!(record.rated, Rated::Unpriced(_)))
            .collect();
        if rated.is_empty() {
            continue;
        }
        let mut transaction = charging.store.begin()?;
        charged += transaction.price_usage(company_id, &rated, &rater.arrival(now_s, None))? as u64;
        transaction.commit()?;
    }
}
