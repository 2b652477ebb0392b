//! Time, memory and output size of a piece of work, measured in this process or in another program.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::result::Result;
use tollbook_ops::process::{memory_kib, processor_time};

/// Interval between readings of the memory of another program.
const MEMORY_INTERVAL: Duration = Duration::from_millis(10);

/// Time, memory and output size of a step or a program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Processor time of all threads, if it was measured.
    pub(crate) cpu: Option<Duration>,
    /// Size of the output.
    pub(crate) bytes: u64,
    /// Peak memory of the process in KiB.
    pub(crate) peak_kib: u64,
    /// Memory of the process in KiB when the clock was started, for example rows in memory.
    pub(crate) before_kib: u64,
}

impl Cost {
    /// Measures work that returns the size of its output in bytes.
    pub(crate) fn of(work: impl FnOnce() -> Result<u64>) -> Result<Self> {
        let before_kib = memory_kib("self", "VmRSS").unwrap_or(0);
        let cpu_before = processor_time();
        let began = Instant::now();
        let bytes = work()?;
        let time = began.elapsed();
        let cpu = processor_time().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        Ok(Self { time, cpu, bytes, peak_kib: memory_kib("self", "VmHWM").unwrap_or(0), before_kib })
    }

    /// The measurement as it is stored in a result, and as a step prints it.
    pub(crate) fn json(&self, what: &str) -> Value {
        json!({
            "what": what, "us": micros(self.time), "cpu_us": self.cpu.map(micros), "bytes": self.bytes,
            "peak_kib": self.peak_kib, "before_kib": self.before_kib,
        })
    }

    /// The inverse of [`Cost::json`].
    pub(crate) fn from_json(json: &Value) -> Result<Self> {
        let bytes = json.get("bytes").and_then(Value::as_u64).ok_or_else(|| format!("no bytes in {json}"))?;
        Self::from_program(json, bytes)
    }

    /// The measurement that a program printed, with the size of the file that it wrote.
    pub(crate) fn from_program(json: &Value, bytes: u64) -> Result<Self> {
        let number =
            |name: &str| json.get(name).and_then(Value::as_u64).ok_or_else(|| format!("no {name} in {json}"));
        Ok(Self {
            time: Duration::from_micros(number("us")?),
            cpu: json.get("cpu_us").and_then(Value::as_u64).map(Duration::from_micros),
            bytes,
            peak_kib: number("peak_kib")?,
            before_kib: number("before_kib")?,
        })
    }

    /// Runs a program to its end and measures its memory. The last reading is at most some milliseconds before the end.
    pub(crate) fn of_program(command: &mut Command) -> Result<Self> {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let process = child.id().to_string();
        let mut peak_kib = 0;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            peak_kib = memory_kib(&process, "VmHWM").unwrap_or(peak_kib).max(peak_kib);
            std::thread::sleep(MEMORY_INTERVAL);
        };
        let time = began.elapsed();
        if !status.success() {
            return Err(format!("{command:?} failed: {status}").into());
        }
        Ok(Self { time, cpu: None, bytes: 0, peak_kib, before_kib: 0 })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
