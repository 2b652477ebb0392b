//! Delivering the pending events of one endpoint, one after the other, under a lease that one process has at a time.
//!
//! An attempt is recorded after it was made. If the process crashes in between, the same message is sent again: each event
//! arrives at least once, under one id.

use std::time::{Duration, Instant};

use serde_json::json;
use tollbook_store::{
    DeliveryProgress, DeliveryState, LeaseKey, Store, StoreResult, WebhookDelivery, WebhookEndpoint,
    WebhookState,
};

use super::event_kinds::EventKind;
use super::payload::body;
use super::schedule::{LONGEST_DELAY_S, LONGEST_RETRY_AFTER_S, delay_s};
use super::secrets::signatures;
use super::subscribers::{Subscribers, message_id};
use crate::clock::Clock;
use crate::config::WebhooksConfig;
use crate::maintenance::leases::TaskLease;
use crate::tenancy::secrets::{MasterKey, SecretError};

/// How much longer a lease lasts than an attempt, in seconds.
const LEASE_MARGIN_S: i64 = 5;
/// Events that are sent to an endpoint before others get its place.
const RUN_EVENTS: usize = 100;
/// An attempt that took longer ends the run, so that others get the place of a slow receiver.
const SLOW: Duration = Duration::from_secs(1);
/// Characters of an error that are stored.
const LONGEST_ERROR: usize = 300;
/// HTTP's "gone": the receiver wants nothing any longer.
const GONE: u16 = 410;

/// A signed message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it is sent.
    pub url: String,
    /// Header `webhook-id`.
    pub message_id: String,
    /// Header `webhook-timestamp`, Unix seconds: the time of the attempt.
    pub time_s: i64,
    /// Header `webhook-signature`.
    pub signatures: String,
    /// The body.
    pub body: String,
}

/// After how many seconds a receiver wants the next message.
pub type RetryAfter = Option<i64>;

/// A receiver's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header `Retry-After`.
    pub retry_after_s: RetryAfter,
    /// The first characters of the body, for people.
    pub excerpt: String,
}

/// What came of sending a message; the error says why there was no answer.
pub type Answer = Result<Reply, String>;

/// Sends messages over HTTP: to allowed addresses only, without following redirects, within the configured time.
pub trait Sender: Send + Sync {
    /// Sends a message once.
    fn send(&self, message: &Message) -> Answer;
}

/// What deliveries are made with.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Opens the secrets.
    pub master: &'a MasterKey,
    /// Settings.
    pub config: &'a WebhooksConfig,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Sends.
    pub sender: &'a dyn Sender,
    /// A name that no other process has.
    pub holder: &'a str,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The receiver has the event.
    Delivered,
    /// It failed and is made again.
    Failed,
    /// It failed and was the last one.
    DeadLetter,
}

/// An attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The id of the message.
    pub message_id: String,
    /// The HTTP status; 0 without an answer.
    pub status: u16,
    /// What became of it.
    pub result: AttemptResult,
}

/// Sends the due events of an endpoint, until none is due, one failed or was slow, or `is_stopping`. Nothing happens while
/// another process does it.
///
/// # Errors
/// Those of the store. An attempt that could not be recorded is made again.
pub fn deliver_due(
    delivery: &Delivery<'_>,
    endpoint_id: &str,
    is_stopping: &dyn Fn() -> bool,
) -> StoreResult<Vec<Attempt>> {
    let span = tracing::info_span!("deliver", endpoint_id);
    let _entered = span.enter();
    let task = format!("webhook {endpoint_id}");
    let timeout_s = i64::try_from(delivery.config.timeout.as_secs()).unwrap_or(i64::MAX);
    let mut lease =
        TaskLease::new(delivery.store, &task, delivery.holder, timeout_s.saturating_add(LEASE_MARGIN_S));
    if delivery.next(endpoint_id)?.is_none() || !lease.acquire(delivery.clock.now_s())? {
        return Ok(Vec::new());
    }
    let mut attempts = Vec::new();
    let run = delivery.run(endpoint_id, &mut lease, is_stopping, &mut attempts);
    let released = delivery.store.begin().and_then(|mut transaction| {
        transaction.release(LeaseKey::Task(&task), delivery.holder)?;
        transaction.commit()
    });
    if let Err(error) = released {
        tracing::warn!(%error, "the lease on a webhook endpoint could not be released; it will expire");
    }
    run.map(|()| attempts)
}

/// An endpoint to which something is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEndpoint {
    /// The endpoint.
    pub endpoint_id: String,
    /// Whether the last attempt failed.
    pub is_failing: bool,
}

/// The endpoints to which something is to be sent now, by id. Those that were removed are among them, until
/// [`deliver_due`] has deleted what is pending for them.
///
/// # Errors
/// Those of the store.
pub fn due_endpoints(store: &dyn Store, now_s: i64) -> StoreResult<Vec<DueEndpoint>> {
    let mut snapshot = store.snapshot()?;
    let mut due = Vec::new();
    let mut after = String::new();
    while let Some(endpoint_id) = snapshot.next_pending_endpoint(&after)? {
        let endpoint = snapshot.webhook_endpoint(&endpoint_id)?;
        let state = snapshot.webhook_state(&endpoint_id)?;
        let is_open = endpoint.as_ref().is_some_and(|endpoint| may_send(endpoint, &state, now_s));
        if endpoint.is_none()
            || (is_open && snapshot.due_delivery(&endpoint_id, now_s, LONGEST_DELAY_S)?.is_some())
        {
            let is_failing = state.failing_since_s.is_some();
            due.push(DueEndpoint { endpoint_id: endpoint_id.clone(), is_failing });
        }
        after = endpoint_id;
    }
    Ok(due)
}

/// Whether something may be sent to an endpoint now. A pause that a right clock could not have written is not believed.
fn may_send(endpoint: &WebhookEndpoint, state: &WebhookState, now_s: i64) -> bool {
    let is_paused =
        state.paused_until_s > now_s && state.paused_until_s <= now_s.saturating_add(LONGEST_RETRY_AFTER_S);
    endpoint.disabled.is_none() && !is_paused
}

/// The next event of an endpoint.
struct Next {
    endpoint: WebhookEndpoint,
    state: WebhookState,
    event: WebhookDelivery,
    body: String,
}

impl Delivery<'_> {
    fn run(
        &self,
        endpoint_id: &str,
        lease: &mut TaskLease<'_>,
        is_stopping: &dyn Fn() -> bool,
        attempts: &mut Vec<Attempt>,
    ) -> StoreResult<()> {
        let mut renewed_s = self.clock.now_s();
        while attempts.len() < RUN_EVENTS && !is_stopping() {
            // What is left of the lease is longer than an attempt; a clock that was set back renews it too.
            let now_s = self.clock.now_s();
            if !(renewed_s..renewed_s.saturating_add(LEASE_MARGIN_S)).contains(&now_s) {
                if !lease.acquire(now_s)? {
                    return Ok(());
                }
                renewed_s = now_s;
            }
            // Read under the lease: what another process has sent is not due.
            let Some(next) = self.next(endpoint_id)? else { return Ok(()) };
            let began = Instant::now();
            let attempt = self.attempt(&next)?;
            let is_good = attempt.result == AttemptResult::Delivered && began.elapsed() < SLOW;
            attempts.push(attempt);
            if !is_good {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The event to send now, if there is one. Deliveries of an endpoint that was removed are deleted: a transaction that
    /// read the endpoint before may have written them.
    fn next(&self, endpoint_id: &str) -> StoreResult<Option<Next>> {
        let now_s = self.clock.now_s();
        let mut snapshot = self.store.snapshot()?;
        let Some(endpoint) = snapshot.webhook_endpoint(endpoint_id)? else {
            drop(snapshot);
            let mut transaction = self.store.begin()?;
            transaction.remove_webhook_endpoint(endpoint_id)?;
            transaction.commit()?;
            return Ok(None);
        };
        let state = snapshot.webhook_state(endpoint_id)?;
        if !may_send(&endpoint, &state, now_s) {
            return Ok(None);
        }
        let due = snapshot.due_delivery(endpoint_id, now_s, LONGEST_DELAY_S)?;
        Ok(due.map(|(event, body)| Next { endpoint, state, event, body }))
    }

    fn attempt(&self, next: &Next) -> StoreResult<Attempt> {
        let message = self.message(&next.endpoint, &next.event.message_id, &next.body);
        let answer = match message {
            Ok(message) => self.sender.send(&message),
            Err(error) => Err(error.to_string()),
        };
        self.record(next, &answer)
    }

    fn message(
        &self,
        endpoint: &WebhookEndpoint,
        message_id: &str,
        body: &str,
    ) -> Result<Message, SecretError> {
        signed(self.master, endpoint, message_id, body.to_owned(), self.clock.now_s())
    }

    /// Writes what became of an attempt.
    fn record(&self, next: &Next, answer: &Answer) -> StoreResult<Attempt> {
        let Next { endpoint, state, event, .. } = next;
        let now_s = self.clock.now_s();
        let fault = fault(answer);
        let attempts = event.progress.attempts.saturating_add(1);
        let status = answer.as_ref().map_or(0, |reply| reply.status);
        let retry_after_s = answer.as_ref().ok().and_then(|reply| reply.retry_after_s);
        let pause_s = retry_after_s.filter(|_| fault.is_some()).unwrap_or(0).clamp(0, LONGEST_RETRY_AFTER_S);
        let (result, next_attempt_s) = match (&fault, delay_s(attempts)) {
            (None, _) => (AttemptResult::Delivered, now_s),
            (Some(_), None) => (AttemptResult::DeadLetter, now_s),
            (Some(_), Some(delay_s)) => (AttemptResult::Failed, now_s.saturating_add(delay_s.max(pause_s))),
        };
        let progress = DeliveryProgress {
            state: match result {
                AttemptResult::Delivered => DeliveryState::Delivered,
                AttemptResult::Failed => DeliveryState::Pending,
                AttemptResult::DeadLetter => DeliveryState::DeadLetter,
            },
            attempts,
            next_attempt_s,
            last_attempt_s: Some(now_s),
            http_status: status.into(),
            error: fault.clone().unwrap_or_default(),
            ended_s: (result != AttemptResult::Failed).then_some(now_s),
        };
        let after = match &fault {
            None => WebhookState::default(),
            Some(_) => WebhookState {
                failing_since_s: state.failing_since_s.or(Some(now_s)),
                paused_until_s: match pause_s.max(breather_s(state.failing_since_s, now_s)) {
                    0 => 0,
                    pause_s => now_s.saturating_add(pause_s),
                },
            },
        };
        let mut transaction = self.store.begin()?;
        // Another process may have sent it after this one's lease expired, or the endpoint was removed.
        if transaction.set_delivery_progress(&event.key, &progress)? {
            if after != *state {
                transaction.set_webhook_state(&endpoint.endpoint_id, &after)?;
            }
            if let Some(reason) = fault.as_ref().and_then(|_| self.disabling(status, &after, now_s)) {
                disable(transaction.as_mut(), &endpoint.endpoint_id, &reason, now_s)?;
            }
            transaction.commit()?;
        }
        if let Some(error) = &fault {
            tracing::warn!(
                message_id = event.message_id,
                attempts,
                status,
                error,
                is_dead_letter = result == AttemptResult::DeadLetter,
                "a webhook was not delivered"
            );
        }
        Ok(Attempt { message_id: event.message_id.clone(), status, result })
    }

    /// Why an endpoint is to be disabled after a failed attempt.
    fn disabling(&self, status: u16, state: &WebhookState, now_s: i64) -> Option<String> {
        if status == GONE {
            return Some("it answered 410".to_owned());
        }
        let since_s = state.failing_since_s?;
        let days = self.config.disable_after_s / tollbook_domain::time::DAY_S;
        (now_s.saturating_sub(since_s) >= self.config.disable_after_s)
            .then(|| format!("every attempt failed for {days} days"))
    }
}

/// How long an endpoint is left alone after an attempt that failed, in seconds: not at all after the first one, and for
/// longer the longer it fails, up to a minute. Otherwise everything that is pending would be tried in a row.
fn breather_s(failing_since_s: Option<i64>, now_s: i64) -> i64 {
    failing_since_s.map_or(0, |since_s| (now_s.saturating_sub(since_s) / 10).clamp(1, 60))
}

/// Disables an endpoint, unless it is, and writes an event about it for the operator.
fn disable(
    transaction: &mut dyn tollbook_store::Transaction,
    endpoint_id: &str,
    reason: &str,
    now_s: i64,
) -> StoreResult<()> {
    // Read again: it may have been changed while the message was sent.
    let Some(mut endpoint) = transaction.webhook_endpoint(endpoint_id)? else { return Ok(()) };
    if endpoint.disabled.is_some() {
        return Ok(());
    }
    endpoint.disabled = Some((now_s, reason.to_owned()));
    transaction.update_webhook_endpoint(&endpoint)?;
    tracing::error!(endpoint_id, reason, "a webhook endpoint was disabled");
    let data = json!({
        "EndpointID": endpoint.endpoint_id,
        "CompanyID": (endpoint.company_id > 0).then_some(endpoint.company_id),
        "URL": endpoint.url,
        "Reason": reason,
    });
    Subscribers::of(transaction, 0)?.record(transaction, EventKind::EndpointDisabled, &data, now_s)
}

/// Why an attempt failed; `None` if it succeeded.
fn fault(answer: &Answer) -> Option<String> {
    let fault = match answer {
        Ok(Reply { status: 200..=299, .. }) => return None,
        Ok(Reply { status: status @ 300..=399, .. }) => {
            format!("status {status}: redirects are not followed")
        }
        Ok(Reply { status, .. }) => format!("status {status}"),
        Err(error) => error.chars().take(LONGEST_ERROR).collect(),
    };
    Some(fault)
}

fn signed(
    master: &MasterKey,
    endpoint: &WebhookEndpoint,
    message_id: &str,
    body: String,
    time_s: i64,
) -> Result<Message, SecretError> {
    let signatures = signatures(master, endpoint, (message_id, time_s, &body))?;
    Ok(Message { url: endpoint.url.clone(), message_id: message_id.to_owned(), time_s, signatures, body })
}

/// A message of the kind `webhook.test` to an endpoint, which may be disabled.
///
/// # Errors
/// The secret of the endpoint cannot be opened.
pub fn test_message(
    master: &MasterKey,
    endpoint: &WebhookEndpoint,
    now_s: i64,
) -> Result<Message, SecretError> {
    let data = json!({"EndpointID": endpoint.endpoint_id});
    signed(master, endpoint, &message_id(), body(EventKind::Test, now_s, &data), now_s)
}
