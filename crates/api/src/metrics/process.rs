//! Metrics of the process under the names that every exporter has for them.

use std::fs;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::process::{Resource, getrlimit};

/// Registers what the system tells of this process; what it does not tell is left out.
pub(super) fn register(registry: &mut Registry) {
    let bytes = |key: &str| {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1_024)
    };
    if let Some(resident) = bytes("VmRSS") {
        let help = "Memory of the process";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, ConstGauge::new(resident));
    }
    if let Some(spent_s) = processor_s() {
        let help = "Processor time of the process";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, ConstCounter::new(spent_s));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let open = i64::try_from(open.count()).unwrap_or(i64::MAX);
        registry.register("process_open_fds", "Open files of the process", ConstGauge::new(open));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current.and_then(|most| i64::try_from(most).ok()) {
        registry.register("process_max_fds", "Most open files of the process", ConstGauge::new(most));
    }
}

/// User and system time. In `proc_pid_stat(5)`, the fields after the name in parentheses begin with the third; these are
/// the 14th and the 15th, in hundredths of a second on every architecture that Rust's Linux targets have.
fn processor_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().ok());
    Some(f64::from(ticks.sum::<Option<u32>>()?) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_time_and_files() {
        let mut registry = Registry::default();
        register(&mut registry);
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
