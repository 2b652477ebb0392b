//! The endpoints that are sent events about a company, and writing events for them: in the transaction of the fact, and
//! only if there is an endpoint for it.

use serde_json::Value;
use tollbook_store::{NewWebhookEvent, StoreResult, Transaction, WEBHOOK_LOCK, WebhookReads};

use super::event_kinds::EventKind;
use super::payload::body;
use crate::random;

/// Characters of the random part of a message's id.
const ID_CHARACTERS: usize = 24;

/// The enabled endpoints of a company and of the operator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribers {
    company_id: i64,
    endpoints: Vec<Subscriber>,
}

#[derive(Clone, Debug)]
struct Subscriber {
    endpoint_id: String,
    is_operators: bool,
    /// Empty: all.
    types: Vec<String>,
}

impl Subscriber {
    fn wants(&self, kind: EventKind) -> bool {
        (self.is_operators || kind.is_for_companies())
            && (self.types.is_empty() || self.types.iter().any(|name| name == kind.name()))
    }
}

impl Subscribers {
    /// Reads those of a company; of the operator alone if `company_id` is 0.
    pub(crate) fn of(reads: &mut (impl WebhookReads + ?Sized), company_id: i64) -> StoreResult<Self> {
        let endpoints = reads.webhook_subscribers(company_id)?.into_iter();
        let endpoints = endpoints.map(|(endpoint_id, owner, types)| Subscriber {
            endpoint_id,
            is_operators: owner == 0,
            types,
        });
        Ok(Self { company_id, endpoints: endpoints.collect() })
    }

    /// Whether there is an endpoint for a kind of event.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.wants(kind))
    }

    /// Writes an event for the endpoints that want it.
    pub(crate) fn record(
        &self,
        transaction: &mut dyn Transaction,
        kind: EventKind,
        data: &Value,
        now_s: i64,
    ) -> StoreResult<()> {
        let wanting = self.endpoints.iter().filter(|endpoint| endpoint.wants(kind));
        let endpoint_ids: Vec<&str> = wanting.map(|endpoint| endpoint.endpoint_id.as_str()).collect();
        if endpoint_ids.is_empty() {
            return Ok(());
        }
        lock_owner(transaction, self.company_id)?;
        let event = NewWebhookEvent {
            company_id: self.company_id,
            message_id: message_id(),
            event_type: kind.name().to_owned(),
            recorded_s: now_s,
            payload: body(kind, now_s, data),
        };
        transaction.add_webhook_event(&event, &endpoint_ids)
    }
}

/// A new id of a message.
pub(super) fn message_id() -> String {
    format!("msg_{}", random::token(ID_CHARACTERS))
}

/// Locks what numbers the events of a company, or of the deployment (0).
pub(super) fn lock_owner(transaction: &mut dyn Transaction, company_id: i64) -> StoreResult<()> {
    if company_id == 0 { transaction.lock_name(WEBHOOK_LOCK) } else { transaction.lock_company(company_id) }
}
