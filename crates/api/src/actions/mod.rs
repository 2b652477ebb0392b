//! The actions of the API. [`ACTIONS`] is the one table of them; each runs in the file of its name.

mod call;
mod client_setup;
mod delivery;
mod download_order_summary;
mod download_orders;
mod get_account;
mod get_export_job;
mod get_filter_options;
mod get_order_amount;
mod list_ledger;
mod list_order_summary;
mod list_orders;
mod list_parameters;
mod query;
mod shape;
mod start_pay_unpaid_orders;
mod table;

pub(crate) use call::{AuthorizedSnapshot, Call};
pub(crate) use delivery::export_request;
pub(crate) use get_filter_options::{choices, name_of};
pub(crate) use query::{Paging, StatusChoice};
pub use shape::{Described, Meaning, Member, MemberShape, Parameter, ParameterShape};
pub(crate) use start_pay_unpaid_orders::MAX_NUMBERS;
pub use table::{ACTIONS, Action};
