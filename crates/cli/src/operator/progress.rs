//! Progress bars on standard error, shown only on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// What a bar counts.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// Bytes of files.
    Bytes,
    /// Hours of the demo's month, shown as days.
    DemoHours,
}

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(unit: Unit) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = match unit {
            Unit::Bytes => "{msg:9} [{bar:40}] {percent:>3}%  {bytes}/{total_bytes}  {eta}",
            Unit::DemoHours => "charging the demo's usage [{bar:40}] {percent:>3}%  {msg}  {eta} left",
        };
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Whether it is drawn.
    pub(super) fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    pub(super) fn show(&self, message: impl Into<std::borrow::Cow<'static, str>>, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
        self.0.set_message(message);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
