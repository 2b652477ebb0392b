//! From usage to paid orders (spec/charging.md): what the server does by itself and what operators and customers do with
//! accounts. Each function is one operation, idempotent and atomic in what it moves; the rules are `domain`'s.

mod accounts;
mod arrears;
mod book;
mod closing;
mod intake;
mod offsets;
mod operator_keys;
mod paying;
mod repricing;
mod revoking;
mod standing;
mod till;
mod worker;

use tollbook_domain::Catalogue;
use tollbook_domain::account::{AccountError, AccountKind};
use tollbook_domain::hours::OffsetError;
use tollbook_domain::usage::UsageLimits;
use tollbook_store::{Store, StoreError};

use crate::config::Config;
use crate::random;
use crate::tenants::fault_of_text;

pub use accounts::{Deposited, deposit, set_credit_limit};
pub use arrears::{ArrearsPaid, Zeros, pay_arrears};
pub use book::{Fate, Rater};
pub use closing::{Closed, close_hour};
pub use intake::{Intake, IntakeError};
pub use offsets::set_offset;
pub(crate) use operator_keys::add_operator_key_in;
pub use operator_keys::{add_operator_key, known_operator_key};
pub use paying::{PayReason, Payment, pay_unpaid};
pub use repricing::reprice;
pub use revoking::{Revocation, Revoked, revoke};
pub use standing::{Standing, standing};
pub(crate) use worker::pay_company_daily;
pub use worker::{Settled, held_hours, settle_all, tick};

/// What an operator decides about charging; `[charging]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargingConfig {
    /// How long after its end an hour is closed, in seconds.
    pub grace_s: i64,
    /// How long usage of an hour that is over is gathered, in seconds.
    pub gather_s: i64,
    /// How far back gateways may report, in seconds.
    pub past_s: i64,
    /// How far ahead usage may lie, in seconds.
    pub future_s: i64,
    /// Most base units of one SKU in one record.
    pub max_quantity: i64,
    /// Most records of one request.
    pub batch_records: usize,
    /// Longest body of a request with usage, in bytes.
    pub batch_bytes: usize,
    /// How long after its last record the identities of an hour's records are kept, in seconds.
    pub identity_window_s: i64,
    /// What an order is paid from, in this sequence.
    pub sequence: Vec<AccountKind>,
    /// What arrears are not paid from.
    pub not_for_arrears: Vec<AccountKind>,
    /// Whether a deposit pays arrears.
    pub deposit_pays_arrears: bool,
    /// When arrears are paid each local day, in seconds since midnight; `None`: never.
    pub arrears_at_s: Option<i64>,
    /// Whether what costs nothing makes orders.
    pub charges_free: bool,
}

impl Default for ChargingConfig {
    fn default() -> Self {
        Self {
            grace_s: 60,
            gather_s: 10,
            past_s: 366 * 86_400,
            future_s: 3_600,
            max_quantity: 1_000_000_000_000_000,
            batch_records: 1_000,
            batch_bytes: 4 << 20,
            identity_window_s: 40 * 86_400,
            sequence: AccountKind::ALL.to_vec(),
            not_for_arrears: vec![AccountKind::Bonus],
            deposit_pays_arrears: true,
            arrears_at_s: Some(5 * 3_600),
            charges_free: false,
        }
    }
}

impl ChargingConfig {
    /// The bounds for what gateways report.
    pub const fn limits_of_gateways(&self) -> UsageLimits {
        UsageLimits { past_s: Some(self.past_s), future_s: self.future_s, quantity: self.max_quantity }
    }

    /// The bounds for files: the operator may bring in any past.
    pub const fn limits_of_files(&self) -> UsageLimits {
        UsageLimits { past_s: None, ..self.limits_of_gateways() }
    }

    /// What arrears are paid from, in sequence.
    pub fn arrears_sequence(&self) -> Vec<AccountKind> {
        self.sequence.iter().copied().filter(|kind| !self.not_for_arrears.contains(kind)).collect()
    }
}

/// Why an operation on usage or accounts was not done; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ChargingError {
    /// There is no such company.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The key names a deposit of other content.
    #[error("the key {0:?} belongs to another deposit")]
    OtherDeposit(String),
    /// A text is not what it must be.
    #[error("{0} {1}")]
    Text(&'static str, &'static str),
    /// A rule about accounts.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A rule about offsets.
    #[error(transparent)]
    Offset(#[from] OffsetError),
    /// The first offset can be chosen as long as there is no usage.
    #[error("there is usage already: say from when the offset is to hold")]
    OffsetInUse,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What charging works with.
#[derive(Clone, Copy)]
pub struct Charging<'a> {
    /// Tenants, usage, orders, accounts.
    pub store: &'a dyn Store,
    /// What the operator decided, and the brands' channels.
    pub config: &'a Config,
    /// For pricing units and products.
    pub catalogue: &'a Catalogue,
}

/// Name of the setting that makes order numbers this deployment's own.
const TOKEN: &str = "order token";

impl Charging<'_> {
    /// A few characters in every order number, so that orders of two deployments can be brought together.
    pub(crate) fn token(&self) -> Result<String, StoreError> {
        if let Some(token) = self.store.snapshot()?.setting(TOKEN)? {
            return Ok(token);
        }
        let mut transaction = self.store.begin()?;
        transaction.hold(TOKEN)?;
        if let Some(token) = transaction.setting(TOKEN)? {
            return Ok(token);
        }
        let token = random::token_lower(4);
        transaction.set_setting(TOKEN, &token)?;
        transaction.commit()?;
        Ok(token)
    }
}

/// A text that names something, such as a deposit.
pub(crate) fn checked_text(what: &'static str, text: &str) -> Result<(), ChargingError> {
    fault_of_text(text).map_or(Ok(()), |reason| Err(ChargingError::Text(what, reason)))
}

/// An offset from UTC as people write it, `+08:00`, in seconds.
pub fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i64>().ok())?
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}
