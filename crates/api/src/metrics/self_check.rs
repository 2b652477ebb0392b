//! Metrics of the self-check of the database.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tollbook_ops::maintenance::self_check::SelfCheckReport;
use tollbook_store::VERIFICATION_KINDS;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// What the self-check has done and found.
pub(crate) struct SelfCheckMetrics {
    differences: Family<Kind, Gauge>,
    found: Family<Kind, Counter>,
    parts: Counter,
    cycle: Gauge<f64, AtomicU64>,
    skipped: Gauge,
    last_round: Gauge<f64, AtomicU64>,
    differing: AtomicU64,
}

impl SelfCheckMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            differences: Family::default(),
            found: Family::default(),
            parts: Counter::default(),
            cycle: Gauge::default(),
            skipped: Gauge::default(),
            last_round: Gauge::default(),
            differing: AtomicU64::default(),
        };
        for kind in VERIFICATION_KINDS {
            let _ = metrics.differences.get_or_create(&Kind { kind });
            let _ = metrics.found.get_or_create(&Kind { kind });
        }
        registry.register(
            "reconciliation_differences",
            "Parts of the database that differ from what they are derived from, by kind",
            metrics.differences.clone(),
        );
        registry.register(
            "reconciliation_found",
            "Parts of the database that began to differ, by kind",
            metrics.found.clone(),
        );
        registry.register(
            "reconciliation_parts",
            "Parts of the database that the self-check has verified",
            metrics.parts.clone(),
        );
        registry.register_with_unit(
            "reconciliation_cycle",
            "Time in which the self-check last verified every company once; 0 before",
            Unit::Seconds,
            metrics.cycle.clone(),
        );
        registry.register(
            "reconciliation_skipped_parts",
            "Hours of orders and days of usage that were too large for the self-check in its last cycle",
            metrics.skipped.clone(),
        );
        registry.register_with_unit(
            "reconciliation_last_round_timestamp",
            "When the self-check last ended a round, Unix time; 0 before",
            Unit::Seconds,
            metrics.last_round.clone(),
        );
        metrics
    }

    /// Sets what the self-check has done after a round that ended at `now_s`.
    pub(crate) fn set(&self, report: &SelfCheckReport, now_s: i64) {
        for kind in VERIFICATION_KINDS {
            let differing = report.differing.get(kind).copied().unwrap_or(0);
            self.differences.get_or_create(&Kind { kind }).set(differing);
        }
        let differing = report.differing.values().sum::<i64>();
        self.differing.store(differing.unsigned_abs(), Ordering::Relaxed);
        self.parts.inner().store(report.parts, Ordering::Relaxed);
        self.cycle.set(report.cycle.map_or(0.0, |cycle| cycle.as_secs_f64()));
        self.skipped.set(i64::try_from(report.skipped).unwrap_or(i64::MAX));
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
        self.last_round.set(now_s as f64);
    }

    /// Counts a part that began to differ.
    pub(crate) fn found(&self, kind: &'static str) {
        self.found.get_or_create(&Kind { kind }).inc();
    }

    /// The number of parts that differ.
    pub(crate) fn differing(&self) -> u64 {
        self.differing.load(Ordering::Relaxed)
    }
}
