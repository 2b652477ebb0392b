//! Reported usage that was not charged, by provider, model and reason. Names come from reports, so that their number is
//! bounded: what exceeds it is counted as `others`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tollbook_ops::import::usage::reason_class;

/// Most combinations of labels.
const SERIES: usize = 500;
/// Most characters of a name.
const LONGEST_NAME: usize = 100;
const OTHERS: &str = "others";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnchargedUsage {
    /// `unpriced` or `refused`.
    result: &'static str,
    /// As the usage states it; may be empty.
    provider: String,
    /// As the usage states it; empty for what is no record.
    model: String,
    /// Without the numbers and names that it repeats.
    reason: String,
}

/// Counts of usage that was not charged.
#[derive(Default)]
pub(super) struct UnchargedMetrics {
    records: Family<UnchargedUsage, Counter>,
    known: Mutex<HashSet<UnchargedUsage>>,
}

impl UnchargedMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "uncharged_records",
            "Reported usage records without a price and refused ones, by provider, model and reason",
            metrics.records.clone(),
        );
        metrics
    }

    /// Counts records that were not charged.
    pub(super) fn add(&self, result: &'static str, provider: &str, model: &str, reason: &str, records: u64) {
        let labels = UnchargedUsage {
            result,
            provider: shortened(provider),
            model: shortened(model),
            reason: reason_class(reason),
        };
        self.records.get_or_create(&self.bounded(labels)).inc_by(records);
    }

    fn bounded(&self, labels: UnchargedUsage) -> UnchargedUsage {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&labels) {
            return labels;
        }
        if known.len() < SERIES {
            known.insert(labels.clone());
            return labels;
        }
        let others = || OTHERS.to_owned();
        UnchargedUsage { result: labels.result, provider: others(), model: others(), reason: others() }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_until_there_are_too_many() {
        let mut registry = Registry::with_prefix("tollbook");
        let metrics = UnchargedMetrics::register(&mut registry);
        metrics.add("unpriced", "openai", "gpt-9", "model \"gpt-9\" has no price in CNY", 1);
        metrics.add("unpriced", "openai", "gpt-9", "model \"gpt-9\" has no price in CNY", 1);
        for number in 0..2_000 {
            metrics.add("refused", "", &format!("m{number}"), "quantities: is less than 0", 1);
        }
        metrics.add("unpriced", "openai", "gpt-9", "model \"gpt-9\" has no price in CNY", 1);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let series = text.lines().filter(|line| line.starts_with("tollbook_uncharged_records_total{"));
        assert_eq!(series.count(), SERIES + 1);
        for line in [
            r#"{result="unpriced",provider="openai",model="gpt-9",reason="model … has no price in CNY"} 3"#,
            r#"{result="refused",provider="others",model="others",reason="others"} 1501"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
