//! Corrections of accounts: a deposit is reversed, or an amount is added or taken. Each happens once, by its key.

use serde_json::json;
use tollbook_domain::Amount;
use tollbook_domain::account::{AccountKind, Cause, Posting, Reversal};
use tollbook_store::{Correction, CorrectionKind, LedgerEntry, LedgerRange, StoreError, Transaction};

use super::account_tx::{AccountTx, audited_balances};
use super::accounts::require_company;
use super::context::Charging;
use super::error::ChargingError;
use crate::audit::{ActKind, record_with_reason};
use crate::tenancy::checked_name;

/// A deposit to reverse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalRequest {
    /// Key of the deposit.
    pub deposit: String,
    /// How much of it; `None`: all that was not reversed before.
    pub amount: Option<Amount>,
    /// Whether what was spent of it becomes used credit, beyond the limit if need be.
    pub owe: bool,
    /// Key of this reversal.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// An amount to add to an account or to take from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Any kind except credit.
    pub kind: AccountKind,
    /// What to add, or, if it is negative, to take, in 10⁻⁸ currency units.
    pub change: i64,
    /// Key of this adjustment.
    pub key: String,
    /// Why.
    pub reason: String,
    /// What it refers to, such as a ticket; may be empty.
    pub reference: String,
}

/// Whether a correction is made or only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is made.
    Apply,
    /// Nothing is changed: the result is what the correction would do.
    DryRun,
}

/// A correction of an account that is in the ledger, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCorrected {
    /// Whether it was in the ledger before, so that this operation moved nothing.
    pub is_repeated: bool,
    /// Its ledger entries.
    pub entries: Vec<LedgerEntry>,
}

/// Reverses a deposit, whole or in part. Idempotent by key: repeating a reversal moves nothing.
///
/// # Errors
/// The key belongs to another correction, the company or the deposit does not exist, a rule about accounts is broken, or
/// the store fails. Nothing was changed then.
pub fn reverse(
    charging: &Charging<'_>,
    company_id: i64,
    request: &ReversalRequest,
    mode: Mode,
    now_s: i64,
) -> Result<AccountCorrected, ChargingError> {
    checked_name("the deposit's key", request.deposit.trim())?;
    let request =
        &ReversalRequest { deposit: stored_key(charging, company_id, &request.deposit)?, ..request.clone() };
    let amount = request.amount.map_or_else(|| "all".to_owned(), |amount| amount.steps().to_string());
    let owe = if request.owe { "owe" } else { "" };
    let content = [&request.deposit, &amount, owe, &request.reason];
    let kind = CorrectionKind::Reverse;
    let of = (kind, request.key.as_str(), request.reason.as_str(), request.deposit.as_str());
    correct(charging, company_id, of, Correction::digest_of(kind, content), mode, now_s, |correcting| {
        let Correcting { transaction, account_tx, .. } = correcting;
        let stored = transaction.deposit(company_id, &request.deposit)?;
        let Some(stored) = stored else { return Err(ChargingError::UnknownDeposit(request.deposit.clone())) };
        let first = transaction.ledger(company_id, LedgerRange { count: 1, ..stored.entries })?;
        let grant_ids: Vec<i64> =
            first.iter().map(|kept| kept.entry.grant_id).filter(|grant_id| *grant_id > 0).collect();
        let grants = transaction.grants(company_id, &grant_ids)?;
        if grants.len() != usize::from(stored.deposit.kind.is_granted()) {
            return Err(StoreError::Damaged(format!("deposit {:?} has no grant", request.deposit)).into());
        }
        let reversal = Reversal {
            deposit: &stored.deposit,
            grant: grants.first(),
            reversed: stored.reversed,
            amount: request.amount,
            owe: request.owe,
            key: &request.key,
        };
        let postings = account_tx.state.account.reverse(&reversal, now_s)?;
        let taken = postings.iter().filter(|posting| posting.cause == Cause::Reversal);
        let reversed = taken.fold(stored.reversed, |sum, posting| sum - posting.amount);
        transaction.set_reversed(company_id, &request.deposit, reversed)?;
        Ok(postings)
    })
}

/// The key of a deposit as it is stored: without the spaces around it, or with them, as earlier versions stored it.
fn stored_key(charging: &Charging<'_>, company_id: i64, key: &str) -> Result<String, StoreError> {
    let trimmed = key.trim();
    if trimmed == key {
        return Ok(key.to_owned());
    }
    let mut snapshot = charging.store.snapshot()?;
    let is_old =
        snapshot.deposit(company_id, trimmed)?.is_none() && snapshot.deposit(company_id, key)?.is_some();
    Ok(if is_old { key } else { trimmed }.to_owned())
}

/// Adds an amount to an account or takes it. Idempotent by key: repeating an adjustment moves nothing.
///
/// # Errors
/// The key belongs to another correction, the company does not exist, a rule about accounts is broken, or the store
/// fails. Nothing was changed then.
pub fn adjust(
    charging: &Charging<'_>,
    company_id: i64,
    request: &Adjustment,
    mode: Mode,
    now_s: i64,
) -> Result<AccountCorrected, ChargingError> {
    if !request.reference.is_empty() {
        checked_name("the reference", &request.reference)?;
    }
    let change = request.change.to_string();
    let content = [request.kind.name(), &change, &request.reason, &request.reference];
    let kind = CorrectionKind::Adjust;
    let of = (kind, request.key.as_str(), request.reason.as_str(), request.reference.as_str());
    correct(charging, company_id, of, Correction::digest_of(kind, content), mode, now_s, |correcting| {
        let account = &mut correcting.account_tx.state.account;
        Ok(account.adjust(request.kind, request.change, &request.key, now_s)?)
    })
}

/// What a correction changes.
struct Correcting<'t> {
    transaction: &'t mut dyn Transaction,
    account_tx: &'t mut AccountTx,
}

/// Makes a correction (kind, key, reason, reference) in one transaction, unless its key is known.
fn correct(
    charging: &Charging<'_>,
    company_id: i64,
    (kind, key, reason, reference): (CorrectionKind, &str, &str, &str),
    digest: [u8; 16],
    mode: Mode,
    now_s: i64,
    postings: impl FnOnce(&mut Correcting<'_>) -> Result<Vec<Posting>, ChargingError>,
) -> Result<AccountCorrected, ChargingError> {
    checked_name("the key", key)?;
    checked_name("the reason", reason)?;
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    if let Some(known) = transaction.correction(company_id, key)? {
        if known.digest != digest {
            return Err(ChargingError::OtherCorrection(key.to_owned()));
        }
        let range = LedgerRange::from_text(&known.result)
            .ok_or_else(|| StoreError::Damaged(format!("correction {key:?} cannot be read")))?;
        let entries = transaction.ledger(company_id, range)?;
        return Ok(AccountCorrected { is_repeated: true, entries });
    }
    let before = json!({"Balances": audited_balances(&account_tx.state.account)});
    let mut correcting = Correcting { transaction: transaction.as_mut(), account_tx: &mut account_tx };
    let postings = postings(&mut correcting)?;
    let range = account_tx.record(postings);
    let after = json!({
        "Key": key,
        "Reference": reference,
        "Balances": audited_balances(&account_tx.state.account),
    });
    account_tx.write(transaction.as_mut())?;
    let correction = Correction {
        key: key.to_owned(),
        kind,
        digest,
        time_s: now_s,
        reason: reason.to_owned(),
        reference: reference.to_owned(),
        result: range.to_text(),
    };
    transaction.add_correction(company_id, &correction)?;
    let act = if kind == CorrectionKind::Reverse { ActKind::AccountReverse } else { ActKind::AccountAdjust };
    record_with_reason(transaction.as_mut(), act, company_id, &before, &after, reason);
    let entries = transaction.ledger(company_id, range)?;
    match mode {
        Mode::Apply => transaction.commit()?,
        Mode::DryRun => drop(transaction),
    }
    Ok(AccountCorrected { is_repeated: false, entries })
}
