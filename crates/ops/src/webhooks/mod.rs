//! Webhooks: events for the programs of customers and of the operator, and their delivery. An event is written in
//! the transaction of its fact (`subscribers`), and sent later, at least once, by the worker of some server (`delivery`).
//!
//! Requests are sent by a [`Sender`], which the API implements: there is no HTTP here. Nothing of `charging` is used here,
//! because charging records events.

mod addresses;
mod delivery;
mod difference;
mod endpoints;
mod error;
mod event_kinds;
mod outbox;
mod payload;
mod replay;
mod schedule;
mod secrets;
mod subscribers;
mod uncharged;

pub use addresses::AddressGuard;
pub use delivery::{
    Answer, Attempt, AttemptResult, Delivery, DueEndpoint, Message, Reply, RetryAfter, Sender, deliver_due,
    due_endpoints, test_message,
};
pub use difference::difference_found;
pub use endpoints::{
    AddedEndpoint, EndpointChange, NewEndpoint, RotatedSecret, add_endpoint, disable_endpoint,
    enable_endpoint, endpoints, remove_endpoint, rotate_secret, set_endpoint,
};
pub use error::WebhookError;
pub use event_kinds::{EventKind, Member, Shape};
pub use outbox::{export_ready, import_refused};
pub(crate) use payload::order_value;
pub use replay::{Replay, deliveries, expire, replay};
pub use schedule::{ATTEMPTS, DELAYS_S, LONGEST_DELAY_S};
pub use secrets::WebhookSecret;
pub(crate) use secrets::reseal_secrets;
pub(crate) use subscribers::Subscribers;
pub(crate) use uncharged::tally_unpriced;
pub use uncharged::{Refused, record_tallies, tally_refused};
