//! Metrics of webhooks: attempts by what became of them, and what is pending or was given up.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tollbook_ops::webhooks::{Attempt, AttemptResult};
use tollbook_store::WebhookBacklog;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryResult {
    result: &'static str,
}

/// Attempts that are counted as they are made.
pub(crate) struct WebhookMetrics {
    attempts: Family<DeliveryResult, Counter>,
}

const fn name(result: AttemptResult) -> &'static str {
    match result {
        AttemptResult::Delivered => "delivered",
        AttemptResult::Failed => "failed",
        AttemptResult::DeadLetter => "dead_letter",
    }
}

impl WebhookMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let attempts = Family::<DeliveryResult, Counter>::default();
        // A series that begins with its first fault has no increase that an alert could see.
        for result in [AttemptResult::Delivered, AttemptResult::Failed, AttemptResult::DeadLetter] {
            let _ = attempts.get_or_create(&DeliveryResult { result: name(result) });
        }
        let meaning = "Attempts to deliver a webhook by result; dead_letter is the last one that failed";
        registry.register("webhook_deliveries", meaning, attempts.clone());
        Self { attempts }
    }

    /// Counts attempts.
    pub(crate) fn attempts(&self, attempts: &[Attempt]) {
        for attempt in attempts {
            self.attempts.get_or_create(&DeliveryResult { result: name(attempt.result) }).inc();
        }
    }
}

/// Registers what is pending and what was given up.
pub(super) fn register_backlog(registry: &mut Registry, backlog: &WebhookBacklog, now_s: i64) {
    let age_s = |time_s: Option<i64>| time_s.map_or(0, |time_s| now_s.saturating_sub(time_s).max(0));
    registry.register(
        "webhook_deliveries_pending",
        "Deliveries to enabled endpoints that are made now or later",
        ConstGauge::new(backlog.pending),
    );
    registry.register_with_unit(
        "webhook_oldest_pending_age",
        "Time since the event of the oldest pending delivery; 0 if there is none",
        Unit::Seconds,
        ConstGauge::new(age_s(backlog.oldest_s)),
    );
    registry.register_with_unit(
        "webhook_delivery_delay",
        "How long the first due delivery has been due; 0 if none is",
        Unit::Seconds,
        ConstGauge::new(age_s(backlog.next_attempt_s)),
    );
    registry.register(
        "webhook_dead_letters",
        "Deliveries that were given up and are kept",
        ConstGauge::new(backlog.dead_letters),
    );
    registry.register(
        "webhook_endpoints_disabled",
        "Endpoints that are disabled",
        ConstGauge::new(backlog.disabled_endpoints),
    );
}
