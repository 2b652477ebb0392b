//! Webhooks: endpoints, the events that they are sent, and the deliveries of these.
//!
//! Events of a company are numbered under its lock, those of the deployment (company 0) under the lock of a name, so that
//! numbers rise in the order of commits.

use crate::error::StoreResult;

/// Name of the lock under which events of the deployment are numbered.
pub const WEBHOOK_LOCK: &str = "webhook events";

/// A receiver of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub endpoint_id: String,
    /// The company that it belongs to; 0: the operator.
    pub company_id: i64,
    /// Where events are sent.
    pub url: String,
    /// What people call it; may be empty.
    pub name: String,
    /// The types of the events that it is sent; empty: all.
    pub event_types: Vec<String>,
    /// The secret that signs, sealed under the master key.
    pub sealed_secret: Vec<u8>,
    /// The secret before it, sealed, and the time until which it signs too, Unix seconds.
    pub former_secret: Option<(Vec<u8>, i64)>,
    /// When it was added, Unix seconds.
    pub created_s: i64,
    /// Since when (Unix seconds) and why nothing is sent to it; `None`: it is enabled.
    pub disabled: Option<(i64, String)>,
}

/// How an endpoint has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookState {
    /// When the first attempt failed after which none succeeded, Unix seconds.
    pub failing_since_s: Option<i64>,
    /// Nothing is sent before this time, Unix seconds, because the receiver asked for it.
    pub paused_until_s: i64,
}

/// An event to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhookEvent {
    /// The company that it is about; 0: the deployment.
    pub company_id: i64,
    /// The id under which receivers see it.
    pub message_id: String,
    /// Its type.
    pub event_type: String,
    /// When it happened, Unix seconds.
    pub recorded_s: i64,
    /// The body that is sent.
    pub payload: String,
}

/// The key of a delivery. The derived order is that of deliveries of one time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// The company of the event.
    pub company_id: i64,
    /// The number of the event within the company.
    pub event_no: i64,
    /// The endpoint.
    pub endpoint_id: String,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is attempted, now or later.
    Pending,
    /// The receiver has answered with a status of success.
    Delivered,
    /// All attempts have failed.
    DeadLetter,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::DeadLetter];

    /// The number in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Delivered => 1,
            Self::DeadLetter => 2,
        }
    }

    /// The state of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryProgress {
    /// Its state.
    pub state: DeliveryState,
    /// How often it was attempted since it was recorded or replayed.
    pub attempts: i64,
    /// When it is attempted next, Unix seconds, if it is pending.
    pub next_attempt_s: i64,
    /// When it was attempted last, Unix seconds.
    pub last_attempt_s: Option<i64>,
    /// The HTTP status of the last attempt; 0: there was no answer, or no attempt.
    pub http_status: i64,
    /// Why the last attempt failed; empty if it did not.
    pub error: String,
    /// When it was delivered or given up, Unix seconds.
    pub ended_s: Option<i64>,
}

/// A delivery with its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its key.
    pub key: DeliveryKey,
    /// The id under which the receiver sees the event.
    pub message_id: String,
    /// The event's type.
    pub event_type: String,
    /// When the event happened, Unix seconds.
    pub recorded_s: i64,
    /// What became of it.
    pub progress: DeliveryProgress,
}

/// Which deliveries are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// The endpoint.
    pub endpoint_id: Option<String>,
    /// The event.
    pub message_id: Option<String>,
    /// The state.
    pub state: Option<DeliveryState>,
    /// The first time of events, Unix seconds.
    pub from_s: Option<i64>,
    /// The time before which events happened, Unix seconds.
    pub until_s: Option<i64>,
}

/// Pending deliveries to enabled endpoints, and dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookBacklog {
    /// Pending deliveries.
    pub pending: i64,
    /// When the event of the oldest of them happened, Unix seconds.
    pub oldest_s: Option<i64>,
    /// When the first of them is to be attempted, Unix seconds, except to endpoints that asked for a pause.
    pub next_attempt_s: Option<i64>,
    /// Dead letters that are kept.
    pub dead_letters: i64,
    /// Endpoints that are disabled.
    pub disabled_endpoints: i64,
}

/// Records that were not charged since the last event about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTally {
    /// Model of the usage; may be empty.
    pub model_id: String,
    /// Why it was not charged.
    pub reason: String,
    /// Number of records.
    pub records: i64,
}

/// Reads of webhooks.
pub trait WebhookReads {
    /// An endpoint.
    fn webhook_endpoint(&mut self, endpoint_id: &str) -> StoreResult<Option<WebhookEndpoint>>;

    /// The endpoints of a company (0: of the operator), or all of them; by company and id.
    fn webhook_endpoints(&mut self, company_id: Option<i64>) -> StoreResult<Vec<WebhookEndpoint>>;

    /// Id, company and event types of the enabled endpoints of a company and of the operator.
    fn webhook_subscribers(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64, Vec<String>)>>;

    /// How an endpoint has answered.
    fn webhook_state(&mut self, endpoint_id: &str) -> StoreResult<WebhookState>;

    /// The next endpoint by id after `after` that has pending deliveries.
    fn next_pending_endpoint(&mut self, after: &str) -> StoreResult<Option<String>>;

    /// The delivery to an endpoint that is to be attempted now, with the body of its event: the one whose time came first,
    /// of equal ones in the order of events. A time that is further ahead than `longest_s` was written by a wrong clock, and
    /// counts as come.
    fn due_delivery(
        &mut self,
        endpoint_id: &str,
        now_s: i64,
        longest_s: i64,
    ) -> StoreResult<Option<(WebhookDelivery, String)>>;

    /// Deliveries, the newest events first.
    fn webhook_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> StoreResult<Vec<WebhookDelivery>>;

    /// The bodies of the events of a type about a company that happened at or after a time.
    fn webhook_payloads(
        &mut self,
        company_id: i64,
        event_type: &str,
        since_s: i64,
    ) -> StoreResult<Vec<String>>;

    /// What waits, and what was given up.
    fn webhook_backlog(&mut self, now_s: i64) -> StoreResult<WebhookBacklog>;

    /// Companies and event types with tallies that began before a time, or, by a wrong clock, after another one; at most
    /// `limit`.
    fn due_webhook_tallies(
        &mut self,
        before_s: i64,
        wrong_after_s: i64,
        limit: i64,
    ) -> StoreResult<Vec<(i64, String)>>;

    /// The balance below which a company's balance is low, in 10⁻⁸ currency units.
    fn low_balance(&mut self, company_id: i64) -> StoreResult<Option<i64>>;
}

/// Changes of webhooks.
pub trait WebhookWrites {
    /// Adds an endpoint, whose id is new.
    fn add_webhook_endpoint(&mut self, endpoint: &WebhookEndpoint) -> StoreResult<()>;

    /// Changes everything of an endpoint but its id, company and time of creation. `false` if it does not exist.
    fn update_webhook_endpoint(&mut self, endpoint: &WebhookEndpoint) -> StoreResult<bool>;

    /// Removes an endpoint with its deliveries. `false` if it does not exist.
    fn remove_webhook_endpoint(&mut self, endpoint_id: &str) -> StoreResult<bool>;

    /// Sets how an endpoint has answered.
    fn set_webhook_state(&mut self, endpoint_id: &str, state: &WebhookState) -> StoreResult<()>;

    /// Adds an event with a pending delivery to each of the endpoints. The company, or [`WEBHOOK_LOCK`] for the deployment,
    /// must be locked.
    fn add_webhook_event(&mut self, event: &NewWebhookEvent, endpoint_ids: &[&str]) -> StoreResult<()>;

    /// Writes what became of a pending delivery. `false` if it is not pending any longer: it was removed, or another
    /// process has written its end.
    fn set_delivery_progress(&mut self, key: &DeliveryKey, progress: &DeliveryProgress) -> StoreResult<bool>;

    /// Makes deliveries pending again, to be attempted at `now_s`. Returns their number.
    fn replay_deliveries(&mut self, keys: &[DeliveryKey], now_s: i64) -> StoreResult<u64>;

    /// Deletes deliveries that ended before a time, pending ones of that age to endpoints that are disabled, and events
    /// without deliveries, at most `limit` of each. Returns the number of deleted rows.
    fn expire_webhooks(&mut self, before_s: i64, limit: i64) -> StoreResult<u64>;

    /// Adds records to tallies. The company, or [`WEBHOOK_LOCK`] for the deployment, must be locked.
    fn add_webhook_tallies(
        &mut self,
        company_id: i64,
        event_type: &str,
        tallies: &[WebhookTally],
        now_s: i64,
    ) -> StoreResult<()>;

    /// Reads and deletes the tallies of a company and type. The company, or [`WEBHOOK_LOCK`] for the deployment, must be
    /// locked.
    fn take_webhook_tallies(&mut self, company_id: i64, event_type: &str) -> StoreResult<Vec<WebhookTally>>;

    /// Sets or removes the balance below which a company's balance is low. The company must be locked.
    fn set_low_balance(&mut self, company_id: i64, amount: Option<i64>) -> StoreResult<()>;
}
