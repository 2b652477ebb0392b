//! What the operator's monitoring reads: counts and times of requests, of usage and of settlement (here), and what is
//! found at the moment of a scrape (`sampled`, `process`), in the text format of Prometheus (`exposition`).

mod exposition;
mod process;
mod sampled;
mod self_check;
mod uncharged;
mod webhooks;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tollbook_ops::charging::{Settled, UsageResult};

pub(crate) use exposition::{count_requests, serve};
pub(crate) use sampled::Sources;
use self_check::SelfCheckMetrics;
use uncharged::UnchargedMetrics;
pub(crate) use webhooks::WebhookMetrics;

/// Upper bounds of the times of requests, in seconds: from a page of a list to an export that is waited for.
const SECONDS: [f64; 15] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Metrics that are counted as things happen.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    request_seconds: Family<ActionName, Histogram, fn() -> Histogram>,
    http_requests: Family<HttpAnswer, Counter>,
    http_request_seconds: Family<Route, Histogram, fn() -> Histogram>,
    usage_records: Family<RecordResult, Counter>,
    uncharged: UnchargedMetrics,
    export_jobs: Family<JobState, Counter>,
    started_s: f64,
    settled_hours: Counter,
    settled_orders: Family<OrderStatus, Counter>,
    arrears_paid_orders: Counter,
    ended_grants: Counter,
    last_settlement: Gauge<f64, AtomicU64>,
    webhooks: WebhookMetrics,
    self_check: SelfCheckMetrics,
}

/// An answer of the signed API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    /// The action; `unknown` for a request that names none.
    action: &'static str,
    ret_code: RetCode,
}

/// `RetCode`; `client_left` if the client disconnected before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RetCode(Option<i64>);

impl EncodeLabelValue for RetCode {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self.0 {
            Some(code) => code.encode(encoder),
            None => "client_left".encode(encoder),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionName {
    action: &'static str,
}

/// An answer of any route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpAnswer {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// An export job that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobState {
    state: &'static str,
}

/// What became of a usage record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RecordResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OrderStatus {
    status: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// `started_s` is when the process started, Unix time.
    pub(crate) fn new(started_s: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
        let started_s = started_s as f64;
        let mut registry = Registry::with_prefix("tollbook");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            http_requests: Family::default(),
            http_request_seconds: Family::new_with_constructor(seconds),
            usage_records: Family::default(),
            uncharged: UnchargedMetrics::register(&mut registry),
            export_jobs: Family::default(),
            started_s,
            settled_hours: Counter::default(),
            settled_orders: Family::default(),
            arrears_paid_orders: Counter::default(),
            ended_grants: Counter::default(),
            last_settlement: Gauge::default(),
            webhooks: WebhookMetrics::register(&mut registry),
            self_check: SelfCheckMetrics::register(&mut registry),
            registry: Registry::default(),
        };
        registry.register(
            "requests",
            "Requests of the signed API by action and RetCode",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time of requests of the signed API, from their last byte to their answer",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        registry.register(
            "http_requests",
            "HTTP requests by route and status",
            metrics.http_requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time of HTTP requests by route, from their head to their answer",
            Unit::Seconds,
            metrics.http_request_seconds.clone(),
        );
        registry.register(
            "usage_records",
            "Reported usage records by what became of them",
            metrics.usage_records.clone(),
        );
        registry.register(
            "export_jobs_ended",
            "Background export jobs that ended on this server, by state",
            metrics.export_jobs.clone(),
        );
        registry.register("settled_hours", "Hours that were closed", metrics.settled_hours.clone());
        registry.register(
            "settled_orders",
            "Orders of closed hours by status",
            metrics.settled_orders.clone(),
        );
        registry.register(
            "arrears_paid_orders",
            "Orders in arrears that were paid later",
            metrics.arrears_paid_orders.clone(),
        );
        registry.register("ended_grants", "Grants that ended with a balance", metrics.ended_grants.clone());
        registry.register_with_unit(
            "last_settlement_timestamp",
            "When the settlement worker last ended a round without a fault, Unix time; 0 before",
            Unit::Seconds,
            metrics.last_settlement.clone(),
        );
        // A series that begins with its first fault has no increase that an alert could see.
        for result in RESULTS {
            let _ = metrics.usage_records.get_or_create(&RecordResult { result });
        }
        for state in ["done", "failed"] {
            let _ = metrics.export_jobs.get_or_create(&JobState { state });
        }
        for status in ["paid", "unpaid"] {
            let _ = metrics.settled_orders.get_or_create(&OrderStatus { status });
        }
        Self { registry, ..metrics }
    }

    /// Counts a request of the signed API. `ret_code` is `None` if the client left before the answer.
    pub(crate) fn request(&self, action: Option<&'static str>, ret_code: Option<i64>, time: Duration) {
        let action = action.unwrap_or("unknown");
        self.requests.get_or_create(&Answer { action, ret_code: RetCode(ret_code) }).inc();
        self.request_seconds.get_or_create(&ActionName { action }).observe(time.as_secs_f64());
    }

    fn http_request(&self, route: &'static str, status: u16, time: Duration) {
        self.http_requests.get_or_create(&HttpAnswer { route, status }).inc();
        self.http_request_seconds.get_or_create(&Route { route }).observe(time.as_secs_f64());
    }

    /// Counts what became of reported records, and those that were no records.
    pub(crate) fn usage(&self, results: &[UsageResult], unreadable: usize) {
        let mut counts = [0_u64; RESULTS.len()];
        for result in results {
            let place = match result {
                UsageResult::Charged => 0,
                UsageResult::Free => 1,
                UsageResult::Unpriced(_) => 2,
                UsageResult::Duplicate => 3,
                UsageResult::Refused(_) => 4,
                UsageResult::Postponed(_) => 5,
            };
            counts[place] += 1;
        }
        counts[4] += unreadable as u64;
        for (result, count) in RESULTS.into_iter().zip(counts) {
            if count > 0 {
                self.usage_records.get_or_create(&RecordResult { result }).inc_by(count);
            }
        }
    }

    /// What is counted of webhooks.
    pub(crate) const fn webhooks(&self) -> &WebhookMetrics {
        &self.webhooks
    }

    /// Counts records that were not charged; `result` is `unpriced` or `refused`.
    pub(crate) fn uncharged(
        &self,
        result: &'static str,
        provider: &str,
        model: &str,
        reason: &str,
        records: u64,
    ) {
        self.uncharged.add(result, provider, model, reason, records);
    }

    /// Counts an export job that ended.
    pub(crate) fn export_job_ended(&self, is_done: bool) {
        let state = if is_done { "done" } else { "failed" };
        self.export_jobs.get_or_create(&JobState { state }).inc();
    }

    /// Counts a round of the settlement worker that ended at `now_s`.
    pub(crate) fn settled(&self, settled: &Settled, now_s: i64) {
        self.settled_hours.inc_by(settled.closed.hours);
        for (status, number) in [("paid", settled.closed.paid), ("unpaid", settled.closed.unpaid)] {
            self.settled_orders.get_or_create(&OrderStatus { status }).inc_by(number);
        }
        self.arrears_paid_orders.inc_by(settled.arrears.orders);
        self.ended_grants.inc_by(settled.ended_grants);
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
        self.last_settlement.set(now_s as f64);
    }

    /// What the self-check has found.
    pub(crate) const fn self_check(&self) -> &SelfCheckMetrics {
        &self.self_check
    }

    /// When the settlement worker last ended a round without a fault, Unix seconds; 0 before.
    pub(crate) fn last_settlement_s(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
        let last_s = self.last_settlement.get() as i64;
        last_s
    }
}

/// What becomes of records, in the order of [`Metrics::usage`].
const RESULTS: [&str; 6] = ["charged", "free", "unpriced", "duplicate", "refused", "postponed"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_counted() {
        let metrics = Metrics::new(7);
        metrics.request(Some("ListPaidOrders"), Some(0), Duration::from_millis(3));
        metrics.request(None, None, Duration::from_millis(1));
        metrics.http_request("/v1/usage", 200, Duration::from_millis(3));
        let refused = || UsageResult::Refused(String::new());
        metrics.usage(&[UsageResult::Charged, UsageResult::Unpriced(String::new()), refused()], 2);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry).unwrap();
        for line in [
            r#"tollbook_requests_total{action="ListPaidOrders",ret_code="0"} 1"#,
            r#"tollbook_requests_total{action="unknown",ret_code="client_left"} 1"#,
            r#"tollbook_request_duration_seconds_bucket{le="0.005",action="ListPaidOrders"} 1"#,
            r#"tollbook_http_requests_total{route="/v1/usage",status="200"} 1"#,
            r#"tollbook_usage_records_total{result="charged"} 1"#,
            r#"tollbook_usage_records_total{result="free"} 0"#,
            r#"tollbook_usage_records_total{result="unpriced"} 1"#,
            r#"tollbook_usage_records_total{result="refused"} 3"#,
            "tollbook_last_settlement_timestamp_seconds 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
