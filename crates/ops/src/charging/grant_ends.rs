//! Grants that end: what is left of them leaves the balances on time, also of companies in which nothing else happens.

use tollbook_store::StoreResult;

use super::account_tx::AccountTx;
use super::context::Charging;

/// Companies that are read together.
const READ_COMPANIES: i64 = 100;

/// Ends the grants of all companies whose end has come. Returns their number. A company in which it fails does not stop
/// the others.
///
/// # Errors
/// Those of the store; the first one is returned at the end.
pub(super) fn end_all_grants(charging: &Charging<'_>, now_s: i64) -> StoreResult<u64> {
    let (mut ended, mut after) = (0, i64::MIN);
    let mut first_error = None;
    loop {
        crate::tasks::note_progress();
        let companies = charging.store.snapshot()?.companies_with_ends(now_s, after, READ_COMPANIES)?;
        let Some(last) = companies.last() else { return first_error.map_or(Ok(ended), Err) };
        after = *last;
        for company_id in companies {
            match end_grants(charging, company_id, now_s) {
                Ok(of_company) => ended += of_company,
                Err(error) if charging.is_outage(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, company_id, "ending grants failed; will retry");
                    first_error = first_error.or(Some(error));
                }
            }
        }
    }
}

/// Ends the grants of a company whose end has come. Returns their number.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn end_grants(charging: &Charging<'_>, company_id: i64, now_s: i64) -> StoreResult<u64> {
    let mut transaction = charging.store.begin()?;
    let account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let ended = account_tx.ended_grants();
    account_tx.write(transaction.as_mut())?;
    transaction.clear_ends(company_id, now_s)?;
    transaction.commit()?;
    Ok(ended)
}
