//! The input of one export, and the counts of what was written.

use std::num::NonZeroUsize;

use tokio_util::sync::CancellationToken;
use tollbook_domain::Measures;

use crate::document::Document;
use crate::format::{Format, Separator};
use crate::presentation::Presentation;
use crate::progress::Progress;

/// Everything that one export is built from.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// Which orders or sums.
    pub document: &'a Document,
    /// The file format.
    pub format: Format,
    /// What separates the cells of comma-separated values.
    pub separator: Separator,
    /// Display texts.
    pub presentation: &'a Presentation,
    /// When the snapshot was taken, Unix seconds.
    pub snapshot_s: i64,
    /// 128 random bits for the name of the object, so that it cannot be guessed.
    pub random: u128,
    /// Threads that format and compress.
    pub threads: NonZeroUsize,
    /// Counts the rows written.
    pub progress: &'a Progress,
    /// Cancelled when no request waits for the file. The export then stops without storing a file.
    pub abandoned: &'a CancellationToken,
}

/// Rows written, and their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows without headers and totals.
    pub(crate) rows: i64,
    /// Sums over the orders of the rows.
    pub(crate) measures: Measures,
}

impl Written {
    pub(crate) fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.measures.add(&more.measures);
    }
}
