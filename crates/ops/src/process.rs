//! What the system tells of a process: its processor time and its memory.

use std::fs;
use std::time::Duration;

/// Processor time of all threads of this process, those that have ended included; `None` on other systems than Linux.
///
/// In `proc_pid_stat(5)`, the fields after the name in parentheses begin with the third; the 14th and the 15th are user and
/// system time, in hundredths of a second on every architecture that Rust's Linux targets have.
pub fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(ticks.sum::<Option<u64>>()? * 10))
}

/// Current memory (`VmRSS`) or peak memory (`VmHWM`) of a process, by its number or `self`, in KiB; `None` if it has ended.
pub fn memory_kib(process: &str, key: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_time_and_memory() {
        assert!(processor_time().is_some());
        assert!(memory_kib("self", "VmRSS").unwrap() > 1_000);
        assert!(memory_kib("self", "VmHWM").unwrap() >= memory_kib("self", "VmRSS").unwrap());
        assert_eq!(memory_kib("self", "VmNone"), None);
    }
}
