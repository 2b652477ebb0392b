//! What the operator's API and the command line show, as JSON. Both have the same members: each value is made here only.

mod accounts;
mod orders;
mod prices;
mod tenants;
mod usage;
mod webhooks;

pub(crate) use accounts::Balances;
pub use accounts::{account, company_account, ledger_entry, reversal};
pub use orders::{explained_order, listed_order, revoked, shown_order};
pub use prices::{
    clock, discount, explained_price, imported, matched_by, outcome, previewed, price, price_lists,
};
pub use tenants::{company, key, organization, owner_rule, put_owners, user};
pub use usage::{
    at_risk, corrected, explained_record, listed_correction, rerate_difference, rerated, state_name,
    uncharged, unpriced_group,
};
pub use webhooks::{webhook_delivery, webhook_endpoint};
