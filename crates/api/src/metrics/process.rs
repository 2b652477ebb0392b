//! Metrics of the process under the names that every exporter has for them.

use std::fs;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::process::{Resource, getrlimit};
use tollbook_ops::process::{memory_kib, processor_time};

/// Registers what the system tells of this process; what it does not tell is left out.
pub(super) fn register(started_s: f64, registry: &mut Registry) {
    let help = "When the process started, Unix time";
    registry.register_with_unit("process_start_time", help, Unit::Seconds, ConstGauge::new(started_s));
    if let Some(resident) = memory_kib("self", "VmRSS").and_then(|kib| i64::try_from(kib * 1_024).ok()) {
        let help = "Memory of the process";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, ConstGauge::new(resident));
    }
    if let Some(spent) = processor_time() {
        let help = "Processor time of the process";
        registry.register_with_unit(
            "process_cpu",
            help,
            Unit::Seconds,
            ConstCounter::new(spent.as_secs_f64()),
        );
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
        registry.register("process_open_fds", "Open files of the process", ConstGauge::new(open));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current.and_then(|most| i64::try_from(most).ok()) {
        registry.register("process_max_fds", "Most open files of the process", ConstGauge::new(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_time_and_files() {
        let mut registry = Registry::default();
        register(1.5, &mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse::<f64>().ok())
                .unwrap_or_else(|| panic!("{name} is not in\n{text}"))
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
    }
}
