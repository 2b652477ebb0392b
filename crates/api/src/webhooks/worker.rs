//! The worker that delivers webhooks. Each endpoint that has something due gets a thread, within a bound over all of them;
//! endpoints that fail get half of it at most, so that slow receivers do not hold up the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tollbook_ops::maintenance::leases::holder_name;
use tollbook_ops::tasks::Task;
use tollbook_ops::webhooks::{
    Delivery, DueEndpoint, Sender, deliver_due, due_endpoints, expire, record_tallies,
};
use tollbook_store::StoreResult;

use super::sender::HttpSender;
use crate::background::Worker;
use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "webhook worker";
/// How often the store is asked for what is due.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often old deliveries are deleted.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(600);

/// Delivers until `stop` is cancelled, and waits for the attempts under way.
pub(crate) async fn deliver(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let config = &service.config().webhooks;
    let sender = match HttpSender::new(config, Arc::clone(&service.deployment().clock)) {
        Ok(sender) => sender,
        // The supervisor tries again: the file may be there then.
        Err(reason) => return tracing::error!(reason, "webhooks cannot be sent"),
    };
    let places = config.concurrency;
    let worker = Arc::new(WebhookWorker {
        sender: Arc::new(sender),
        holder: holder_name("server"),
        places: Arc::new(Semaphore::new(places)),
        failing_places: places / 2,
        ended: Notify::new(),
        state: Mutex::default(),
        stop: stop.clone(),
        service,
    });
    let round = {
        let worker = Arc::clone(&worker);
        move || worker.round()
    };
    Worker { task, interval: POLL_INTERVAL }.run(stop, || worker.ended.notified(), round).await;
    // All places are free when the last attempt has ended.
    let _ = worker.places.acquire_many(u32::try_from(places).unwrap_or(u32::MAX)).await;
}

struct WebhookWorker {
    service: Arc<Service>,
    sender: Arc<dyn Sender>,
    holder: String,
    places: Arc<Semaphore>,
    /// Places that endpoints which fail may have.
    failing_places: usize,
    /// Notified when an endpoint's place is free and something was sent to it.
    ended: Notify,
    state: Mutex<State>,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    /// The endpoints that have a place, and whether they fail.
    running: HashMap<String, bool>,
    /// When an endpoint last got a place, by the number of the places given before.
    served: HashMap<String, u64>,
    given: u64,
    /// When old deliveries were last deleted.
    expired: Option<Instant>,
}

/// The place of an endpoint, which is free again when this is dropped.
struct Place {
    worker: Arc<WebhookWorker>,
    endpoint_id: String,
    has_sent: bool,
    /// `None` once it was given back.
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.state().running.remove(&self.endpoint_id);
        // Before the next round is begun, which may need it.
        drop(self.permit.take());
        // Without progress, the next round is at the next interval, so that a failing store is not asked all the time.
        if self.has_sent {
            self.worker.ended.notify_one();
        }
    }
}

impl WebhookWorker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn round(self: &Arc<Self>) -> StoreResult<()> {
        // With a wrong time, receivers would refuse the messages.
        let Some(now_s) = self.service.certain_now_s() else { return Ok(()) };
        let store = self.service.store();
        record_tallies(store, now_s)?;
        let is_expiry_due = self.state().expired.is_none_or(|last| last.elapsed() >= EXPIRE_INTERVAL);
        if is_expiry_due {
            self.state().expired = Some(Instant::now());
            let retention_s = self.service.config().webhooks.retention_s;
            let expired = expire(store, now_s.saturating_sub(retention_s))?;
            if expired > 0 {
                tracing::info!(rows = expired, "deleted old webhook deliveries");
            }
        }
        let mut due = due_endpoints(store, now_s)?;
        {
            let mut state = self.state();
            // Endpoints without anything due are dropped, so that the map stays small.
            state.served.retain(|served, _| due.iter().any(|due| due.endpoint_id == *served));
            due.retain(|due| !state.running.contains_key(&due.endpoint_id));
            due.sort_by_key(|due| state.served.get(&due.endpoint_id).copied());
        }
        for endpoint in due {
            if self.stop.is_cancelled() || !self.start(&endpoint) {
                break;
            }
        }
        Ok(())
    }

    /// Delivers to an endpoint on a thread. `false` if no place is left.
    fn start(self: &Arc<Self>, endpoint: &DueEndpoint) -> bool {
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        let DueEndpoint { endpoint_id, is_failing } = endpoint;
        {
            let mut state = self.state();
            let failing = state.running.values().filter(|is_failing| **is_failing).count();
            if *is_failing && failing >= self.failing_places {
                // Others that do not fail may still get a place.
                return true;
            }
            state.running.insert(endpoint_id.clone(), *is_failing);
            state.given += 1;
            let given = state.given;
            state.served.insert(endpoint_id.clone(), given);
        }
        let place = Place {
            worker: Arc::clone(self),
            endpoint_id: endpoint_id.clone(),
            has_sent: false,
            permit: Some(permit),
        };
        Handle::current().spawn_blocking(move || place.run());
        true
    }
}

impl Place {
    fn run(mut self) {
        let worker = Arc::clone(&self.worker);
        let deployment = worker.service.deployment();
        let delivery = Delivery {
            store: worker.service.store(),
            master: &deployment.master,
            config: &deployment.config.webhooks,
            clock: deployment.clock.as_ref(),
            sender: worker.sender.as_ref(),
            holder: &worker.holder,
        };
        match deliver_due(&delivery, &self.endpoint_id, &|| worker.stop.is_cancelled()) {
            Ok(attempts) => {
                self.has_sent = !attempts.is_empty();
                worker.service.metrics().webhooks().attempts(&attempts);
            }
            Err(error) => {
                tracing::error!(%error, endpoint_id = self.endpoint_id, "webhooks are not delivered; will retry");
            }
        }
    }
}
