//! Setting the balance below which a company's balance is low.

use serde_json::json;
use tollbook_domain::Amount;

use super::account_tx::AccountTx;
use super::accounts::require_company;
use super::balance_events::{balance, record_low};
use super::context::Charging;
use super::error::ChargingError;
use crate::audit::{ActKind, record};

/// A company's balance, and the amount below which it is low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowBalance {
    /// What is left in all accounts, and of the credit limit, in 10⁻⁸ currency units.
    pub balance: i128,
    /// The amount; `None`: it is never low.
    pub amount: Option<Amount>,
}

/// Sets the balance below which a company's balance is low; `None`: it never is. If it is low by the new amount and was
/// not by the former one, the event is written. The amount must be greater than 0.
///
/// # Errors
/// The amount is not positive, the company does not exist, or the store fails.
pub fn set_low_balance(
    charging: &Charging<'_>,
    company_id: i64,
    amount: Option<Amount>,
    now_s: i64,
) -> Result<LowBalance, ChargingError> {
    if amount.is_some_and(|amount| amount.steps() <= 0) {
        return Err(tollbook_domain::account::AccountError::NotPositive.into());
    }
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let left = balance(&account_tx.state.account);
    let subscribers = account_tx.subscribers().clone();
    // An end of a grant is booked, and judged by the former amount.
    account_tx.write(transaction.as_mut())?;
    let former = transaction.low_balance(company_id)?;
    transaction.set_low_balance(company_id, amount.map(Amount::steps))?;
    let was_low = former.is_some_and(|former| left < i128::from(former));
    if let Some(amount) = amount.map(Amount::steps).filter(|amount| left < i128::from(*amount) && !was_low) {
        record_low(transaction.as_mut(), &subscribers, company_id, (left, amount), now_s)?;
    }
    let text = |amount: Option<Amount>| json!({"Amount": amount.map(|amount| amount.to_string())});
    let (before, after) = (text(former.map(Amount::from_steps)), text(amount));
    record(transaction.as_mut(), ActKind::AccountLowBalance, company_id, &before, &after);
    transaction.commit()?;
    Ok(LowBalance { balance: left, amount })
}

/// A company's balance, and the amount below which it is low.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn low_balance(charging: &Charging<'_>, company_id: i64) -> Result<LowBalance, ChargingError> {
    let mut snapshot = charging.store.snapshot()?;
    if snapshot.company(company_id)?.is_none() {
        return Err(ChargingError::UnknownCompany(company_id));
    }
    let left = balance(&snapshot.account_state(company_id)?.account);
    Ok(LowBalance { balance: left, amount: snapshot.low_balance(company_id)?.map(Amount::from_steps) })
}
