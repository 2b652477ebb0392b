//! From usage to paid orders: the worker of the server, and the operations of operators and customers on accounts. Each
//! operation is idempotent and moves money atomically. The rules are in `domain`.

mod account_corrections;
mod account_statement;
mod account_tx;
mod accounts;
mod arrears;
mod arrivals;
mod balance_events;
mod confirmed_time;
mod context;
mod corrections;
mod error;
mod gateway_records;
mod grant_ends;
mod hour_close;
mod intake;
mod low_balance;
mod offsets;
mod order_events;
mod order_list;
mod pay_preview;
mod paying;
mod rater;
mod refunds;
mod repricing;
mod standing;
mod worker;

pub use account_corrections::{AccountCorrected, Adjustment, Mode, ReversalRequest, adjust, reverse};
pub use account_statement::{AccountStatement, account_statement, first_entry_at};
pub use accounts::{Deposited, deposit, set_credit_limit};
pub use arrears::{ArrearsPaid, ZeroAmount, pay_arrears};
pub use arrivals::{Arrival, ArrivalWatch, recent_records};
pub use confirmed_time::second_opinion;
pub use context::Charging;
pub use corrections::{
    Corrected, CorrectionError, CorrectionRequest, ExplainedCharge, ExplainedOrder, ExplainedRecord,
    ListedCorrection, OrderRecord, OrderReplacement, RecordRefusal, RerateDifference, RerateRequest, Rerated,
    UsageName, correct_usage, explain_order, explain_usage, list_corrections, replace_usage, rerate,
    void_usage,
};
pub use error::ChargingError;
pub use gateway_records::{GatewayRecords, ReadError, ReadRecords};
pub use grant_ends::end_grants;
pub use hour_close::{Closed, close_hour};
pub use intake::{Intake, IntakeError};
pub use low_balance::{LowBalance, low_balance, set_low_balance};
pub use offsets::{parse_offset, set_offset};
pub use order_list::{ListedOrder, OrderSelection, list_orders};
pub use pay_preview::{PreviewedPayment, preview_payment};
pub use paying::{PayReason, Payment, pay_unpaid};
pub use rater::{PartlyMatched, Rater, UsageResult};
pub use refunds::{Revocation, Revoked, revoke};
pub use repricing::reprice;
pub use standing::{Standing, arrears_query, standing, standing_in};
pub(crate) use worker::pay_company_daily;
pub use worker::{Settled, leased_hours, settle_all, settle_due};
