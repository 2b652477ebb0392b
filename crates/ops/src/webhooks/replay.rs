//! Deliveries: listing them, sending them again, and deleting old ones.

use serde_json::{Value, json};
use tollbook_store::{
    DEPLOYMENT_CHAIN, DeliveryFilter, DeliveryKey, DeliveryState, Store, StoreResult, WebhookDelivery,
};

use super::error::WebhookError;
use crate::audit::{ActKind, record};

/// Deliveries that are read or changed together.
const BATCH: i64 = 1_000;

/// What is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The deliveries of one event, whatever became of them.
    Message(String),
    /// All dead letters.
    DeadLetters,
    /// The deliveries that ended of events of a time, Unix seconds; the second is exclusive.
    Range(i64, i64),
}

impl Replay {
    /// What the audit log says of it.
    fn name(&self) -> &str {
        match self {
            Self::Message(message_id) => message_id,
            Self::DeadLetters => "dead letters",
            Self::Range(..) => "a time",
        }
    }
}

/// Deliveries, the newest events first.
///
/// # Errors
/// Those of the store.
pub fn deliveries(
    store: &dyn Store,
    filter: &DeliveryFilter,
    limit: i64,
) -> StoreResult<Vec<WebhookDelivery>> {
    store.snapshot()?.webhook_deliveries(filter, limit)
}

/// Makes deliveries pending again, with all their attempts; messages keep their ids. Those of one endpoint if it is given.
/// Returns their number.
///
/// # Errors
/// No delivery has the id of the event, the endpoint does not exist, or the store fails. What was replayed before the
/// failure stays so.
pub fn replay(
    store: &dyn Store,
    what: &Replay,
    endpoint_id: Option<&str>,
    now_s: i64,
) -> Result<u64, WebhookError> {
    let company_id = match endpoint_id {
        None => DEPLOYMENT_CHAIN,
        Some(endpoint_id) => {
            let endpoint = store.snapshot()?.webhook_endpoint(endpoint_id)?;
            let unknown = || WebhookError::UnknownEndpoint(endpoint_id.to_owned());
            endpoint.ok_or_else(unknown)?.company_id
        }
    };
    let of_endpoint =
        DeliveryFilter { endpoint_id: endpoint_id.map(ToOwned::to_owned), ..DeliveryFilter::default() };
    let filters = match what {
        Replay::Message(message_id) => {
            vec![DeliveryFilter { message_id: Some(message_id.clone()), ..of_endpoint }]
        }
        Replay::DeadLetters => {
            vec![DeliveryFilter { state: Some(DeliveryState::DeadLetter), ..of_endpoint }]
        }
        Replay::Range(from_s, until_s) => [DeliveryState::Delivered, DeliveryState::DeadLetter]
            .into_iter()
            .map(|state| DeliveryFilter {
                state: Some(state),
                from_s: Some(*from_s),
                until_s: Some(*until_s),
                ..of_endpoint.clone()
            })
            .collect(),
    };
    let mut replayed = 0;
    for filter in filters {
        loop {
            let mut transaction = store.begin()?;
            let found = transaction.webhook_deliveries(&filter, BATCH)?;
            let mut keys: Vec<DeliveryKey> = found.into_iter().map(|delivery| delivery.key).collect();
            if keys.is_empty() {
                break;
            }
            // The same order in every transaction prevents deadlocks.
            keys.sort_unstable();
            let part = transaction.replay_deliveries(&keys, now_s)?;
            let after = json!({"EndpointID": endpoint_id, "What": what.name(), "Deliveries": part});
            record(transaction.as_mut(), ActKind::WebhookReplay, company_id, &Value::Null, &after);
            replayed += part;
            transaction.commit()?;
            // With a state, those that were replayed are not found again.
            if filter.state.is_none() {
                break;
            }
        }
    }
    match what {
        Replay::Message(message_id) if replayed == 0 => Err(WebhookError::UnknownMessage(message_id.clone())),
        _ => Ok(replayed),
    }
}

/// Deletes what ended before a time, Unix seconds. Returns the number of deleted events and deliveries.
///
/// # Errors
/// Those of the store; the next call continues.
pub fn expire(store: &dyn Store, before_s: i64) -> StoreResult<u64> {
    let mut expired = 0;
    loop {
        let mut transaction = store.begin()?;
        let deleted = transaction.expire_webhooks(before_s, BATCH)?;
        if deleted == 0 {
            return Ok(expired);
        }
        transaction.commit()?;
        expired += deleted;
    }
}
