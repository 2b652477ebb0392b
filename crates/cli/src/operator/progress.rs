//! A progress bar on standard error, shown only on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = "{msg:9} [{bar:40}] {percent:>3}%  {bytes}/{total_bytes}  {eta}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    pub(super) fn show(&self, phase: &'static str, bytes_read: u64, bytes_total: u64) {
        self.0.set_length(bytes_total);
        self.0.set_position(bytes_read);
        self.0.set_message(phase);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
