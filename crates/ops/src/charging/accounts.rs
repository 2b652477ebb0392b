//! Deposits and credit limits.

use serde_json::json;
use tollbook_domain::Amount;
use tollbook_domain::account::Deposit;
use tollbook_domain::money::format_amount_sum;
use tollbook_store::{LedgerEntry, StoredDeposit, Transaction};

use super::account_tx::{AccountTx, audited_balances};
use super::arrears::{ArrearsPaid, ZeroAmount, pay_arrears};
use super::context::Charging;
use super::error::ChargingError;
use crate::audit::{ActKind, record};
use crate::tenancy::checked_name;

/// A deposit that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposited {
    /// Whether it was in the ledger before, so that this operation moved nothing.
    pub is_repeated: bool,
    /// Its ledger entries.
    pub entries: Vec<LedgerEntry>,
    /// The arrears that were paid after it.
    pub arrears: ArrearsPaid,
}

/// Deposits money, then pays arrears if `pays_arrears` and the configuration allow it. Idempotent by key: repeating a
/// deposit moves nothing but pays arrears again, which completes an interrupted operation. Spaces around the key are no
/// part of it.
///
/// # Errors
/// The key belongs to another deposit, a rule about accounts is broken, or the store fails.
pub fn deposit(
    charging: &Charging<'_>,
    company_id: i64,
    deposit: &Deposit,
    pays_arrears: bool,
    now_s: i64,
) -> Result<Deposited, ChargingError> {
    let key = checked_name("the deposit's key", deposit.key.trim())?;
    for (subject, texts) in
        [("a product of the deposit", &deposit.products), ("a model of the deposit", &deposit.models)]
    {
        for text in texts {
            checked_name(subject, text)?;
        }
    }
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let known = match transaction.deposit(company_id, key)? {
        // Deposits of earlier versions have their keys with the spaces.
        None if key != deposit.key => transaction.deposit(company_id, &deposit.key)?,
        known => known,
    };
    let named = |key: &str| Deposit { key: key.to_owned(), ..deposit.clone() };
    let (is_repeated, range) = match known {
        Some(stored) if stored.deposit == named(&stored.deposit.key) => (true, stored.entries),
        Some(stored) => return Err(ChargingError::OtherDeposit(stored.deposit.key)),
        None => {
            let deposit = named(key);
            let before = audited_balances(&account_tx.state.account);
            let postings = account_tx.state.account.deposit(&deposit, now_s)?;
            let entries = account_tx.record(postings);
            let after = json!({
                "Key": deposit.key,
                "Kind": deposit.kind.name(),
                "Amount": deposit.amount.to_string(),
                "Expires": deposit.expires_s,
                "Products": deposit.products,
                "Models": deposit.models,
                "Balances": audited_balances(&account_tx.state.account),
            });
            account_tx.write(transaction.as_mut())?;
            record(
                transaction.as_mut(),
                ActKind::AccountDeposit,
                company_id,
                &json!({"Balances": before}),
                &after,
            );
            transaction.add_deposit(company_id, &StoredDeposit { deposit, entries, reversed: 0 })?;
            (false, entries)
        }
    };
    let entries = transaction.ledger(company_id, range)?;
    if is_repeated {
        drop(transaction);
    } else {
        transaction.commit()?;
    }
    let arrears = if pays_arrears && charging.config.charging.deposit_pays_arrears {
        pay_arrears(charging, company_id, ZeroAmount::Pay, now_s)?
    } else {
        ArrearsPaid::default()
    };
    Ok(Deposited { is_repeated, entries, arrears })
}

/// Sets the credit limit of a company.
///
/// # Errors
/// More credit is in use already, the company does not exist, or the store fails.
pub fn set_credit_limit(
    charging: &Charging<'_>,
    company_id: i64,
    limit: Amount,
    now_s: i64,
) -> Result<(), ChargingError> {
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let former = account_tx.state.account.credit_limit;
    account_tx.state.account.set_credit_limit(limit)?;
    account_tx.write(transaction.as_mut())?;
    let before = json!({"CreditLimit": format_amount_sum(former.into())});
    let after = json!({"CreditLimit": limit.to_string()});
    record(transaction.as_mut(), ActKind::AccountCreditLimit, company_id, &before, &after);
    Ok(transaction.commit()?)
}

pub(super) fn require_company(
    transaction: &mut dyn Transaction,
    company_id: i64,
) -> Result<(), ChargingError> {
    match transaction.company(company_id)? {
        Some(_) => Ok(()),
        None => Err(ChargingError::UnknownCompany(company_id)),
    }
}
