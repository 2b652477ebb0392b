//! The machine of a run, without which its numbers mean nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The machine, its tools and the state of the code.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory: String,
    kernel: String,
    rustc: String,
    commit: String,
    /// Load average of the minute before the run: above about 0.2, other programs were running.
    load: String,
}

impl Machine {
    /// Reads the properties from the system. Missing ones are `unknown`.
    pub(crate) fn read() -> Self {
        Self {
            cpu: proc_value("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: proc_value("/proc/meminfo", "MemTotal"),
            kernel: first_word("/proc/sys/kernel/osrelease"),
            rustc: output("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit(),
            load: first_word("/proc/loadavg"),
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        vec![
            format!("CPU: {}, {} cores, {} of memory", self.cpu, self.cores, self.memory),
            format!("Kernel: {}", self.kernel),
            format!("Compiler: {}", self.rustc),
            format!("Commit: {}", self.commit),
            format!("Load before the run: {}", self.load),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "cpu": self.cpu, "cores": self.cores, "memory": self.memory, "kernel": self.kernel,
            "rustc": self.rustc, "commit": self.commit, "load_before": self.load,
        })
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_word(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().next().map_or_else(unknown, ToOwned::to_owned)
}

/// The value of `key` in a file of lines `key: value`.
fn proc_value(file: impl AsRef<Path>, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut values = text.lines().filter_map(|line| line.split_once(':'));
    values.find(|(name, _)| name.trim() == key).map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn commit() -> String {
    let Some(commit) = output("git", &["rev-parse", "--short=12", "HEAD"]) else { return unknown() };
    match output("git", &["status", "--porcelain", "--", "crates", "bench/src", "Cargo.lock"]) {
        Some(changes) if !changes.is_empty() => format!("{commit}, with changes"),
        _ => commit,
    }
}
