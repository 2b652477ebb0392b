//! A deployment with webhooks, and a receiver that is a function.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tollbook_ops::config::WebhooksConfig;
use tollbook_ops::webhooks::{
    AddedEndpoint, Answer, Attempt, Delivery, EventKind, Message, NewEndpoint, Reply, Sender, add_endpoint,
    deliver_due, due_endpoints,
};
use tollbook_ops::{FixedClock, MasterKey};

use crate::charging::fixture::{BASE_S, Backend, Fixture};

/// Answers messages by a function, and keeps them.
pub(super) struct Receiver<F> {
    answer: F,
    pub(super) messages: Mutex<Vec<Message>>,
}

impl<F: Fn(&Message) -> Answer + Send + Sync> Receiver<F> {
    pub(super) fn new(answer: F) -> Self {
        Self { answer, messages: Mutex::default() }
    }

    /// The messages since the last call.
    pub(super) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Type and data of the messages since the last call.
    pub(super) fn events(&self) -> Vec<(String, Value)> {
        self.take().iter().map(event).collect()
    }
}

impl<F: Fn(&Message) -> Answer + Send + Sync> Sender for Receiver<F> {
    fn send(&self, message: &Message) -> Answer {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        (self.answer)(message)
    }
}

/// Type and data of a message.
pub(super) fn event(message: &Message) -> (String, Value) {
    let body: Value = serde_json::from_str(&message.body).unwrap();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["data", "timestamp", "type"]);
    (body["type"].as_str().unwrap().to_owned(), body["data"].clone())
}

#[expect(clippy::unnecessary_wraps, reason = "the answer of a receiver")]
pub(super) fn status(status: u16) -> Answer {
    Ok(Reply { status, retry_after_s: None, excerpt: String::new() })
}

/// A receiver that has no fault.
pub(super) fn good() -> Receiver<impl Fn(&Message) -> Answer + Send + Sync> {
    Receiver::new(|_| status(204))
}

/// One server of a deployment with webhooks.
pub(super) struct Hooks {
    pub(super) fixture: Fixture,
    pub(super) config: WebhooksConfig,
    pub(super) master: MasterKey,
    pub(super) clock: FixedClock,
    pub(super) holder: String,
    pub(super) is_stopping: AtomicBool,
}

impl Hooks {
    /// A new deployment with two companies.
    pub(super) fn new(backend: &Backend) -> Self {
        Self::of(Fixture::new(backend, 2), MasterKey::generate(), "server 1")
    }

    /// Another server of the same deployment.
    pub(super) fn another_server(&self, backend: &Backend) -> Self {
        Self::of(Fixture::another_server(backend), self.master.clone(), "server 2")
    }

    fn of(fixture: Fixture, master: MasterKey, holder: &str) -> Self {
        Self {
            fixture,
            config: WebhooksConfig::default(),
            master,
            clock: FixedClock::at(BASE_S),
            holder: holder.to_owned(),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Adds an endpoint of a company (0: of the operator) for some kinds of events; for all without them.
    pub(super) fn endpoint(&self, company_id: i64, kinds: &[EventKind]) -> AddedEndpoint {
        let new = NewEndpoint {
            company_id,
            url: format!("https://example.com/{company_id}"),
            name: String::new(),
            event_types: kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        };
        add_endpoint(&*self.fixture.store, &self.master, &self.config, &new, BASE_S).unwrap()
    }

    pub(super) fn delivery<'a>(&'a self, sender: &'a dyn Sender) -> Delivery<'a> {
        Delivery {
            store: &*self.fixture.store,
            master: &self.master,
            config: &self.config,
            clock: &self.clock,
            sender,
            holder: &self.holder,
        }
    }

    /// Delivers to one endpoint.
    pub(super) fn deliver(&self, sender: &dyn Sender, endpoint_id: &str) -> Vec<Attempt> {
        let is_stopping = || self.is_stopping.load(Ordering::SeqCst);
        deliver_due(&self.delivery(sender), endpoint_id, &is_stopping).unwrap()
    }

    /// Delivers everything that is due now.
    pub(super) fn deliver_all(&self, sender: &dyn Sender) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        loop {
            let due = due_endpoints(&*self.fixture.store, tollbook_ops::Clock::now_s(&self.clock)).unwrap();
            let made: Vec<Attempt> =
                due.iter().flat_map(|due| self.deliver(sender, &due.endpoint_id)).collect();
            if made.is_empty() {
                return attempts;
            }
            attempts.extend(made);
        }
    }
}
