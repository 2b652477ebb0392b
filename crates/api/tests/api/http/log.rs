//! The log of the servers in this test process.

use std::io::Write;
use std::sync::{Mutex, OnceLock};

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts to capture the log. A test finds its own lines by its key.
pub(crate) fn keep() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());
}

/// The captured lines that contain `text`.
pub(crate) fn lines_with(text: &str) -> Vec<String> {
    let written = String::from_utf8(WRITTEN.lock().unwrap().clone()).unwrap();
    written.lines().filter(|line| line.contains(text)).map(ToOwned::to_owned).collect()
}
