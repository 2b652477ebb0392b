//! Money that comes in, and how far credit may be used.

use tollbook_domain::Amount;
use tollbook_domain::account::Deposit;
use tollbook_store::{LedgerEntry, StoredDeposit, Transaction};

use super::account_tx::AccountTx;
use super::arrears::{ArrearsPaid, ZeroAmount, pay_arrears};
use super::context::Charging;
use super::error::{ChargingError, checked_text};

/// A deposit that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposited {
    /// Whether it was there already, so that nothing was moved now.
    pub is_repeated: bool,
    /// Its entries.
    pub entries: Vec<LedgerEntry>,
    /// The arrears that were paid afterwards.
    pub arrears: ArrearsPaid,
}

/// Pays in, and then pays arrears, unless that is not wanted. The same key with the same content moves nothing again, but
/// goes on paying arrears: after an interruption it completes what was begun.
///
/// # Errors
/// The key is another deposit's, a rule about accounts is broken, or the store fails.
pub fn deposit(
    charging: &Charging<'_>,
    company_id: i64,
    deposit: &Deposit,
    pays_arrears: bool,
    now_s: i64,
) -> Result<Deposited, ChargingError> {
    checked_text("the deposit's key", &deposit.key)?;
    for (what, list) in
        [("a product of the deposit", &deposit.products), ("a model of the deposit", &deposit.models)]
    {
        list.iter().try_for_each(|text| checked_text(what, text))?;
    }
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let (is_repeated, stretch) = match transaction.deposit(company_id, &deposit.key)? {
        Some(stored) if stored.deposit == *deposit => (true, stored.entries),
        Some(_) => return Err(ChargingError::OtherDeposit(deposit.key.clone())),
        None => {
            let moved = till.books.account.deposit(deposit, now_s)?;
            let entries = till.note(moved);
            till.close(transaction.as_mut())?;
            transaction.add_deposit(company_id, &StoredDeposit { deposit: deposit.clone(), entries })?;
            (false, entries)
        }
    };
    let entries = transaction.ledger(company_id, stretch)?;
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

/// Sets how far a company's credit may be used.
///
/// # Errors
/// More is used already, the company does not exist, or the store fails.
pub fn set_credit_limit(
    charging: &Charging<'_>,
    company_id: i64,
    limit: Amount,
    now_s: i64,
) -> Result<(), ChargingError> {
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    till.books.account.set_credit_limit(limit)?;
    till.close(transaction.as_mut())?;
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
