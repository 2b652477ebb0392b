//! One export being written: what goes into the file and how, and what was written.

use std::num::NonZeroUsize;

use tokio_util::sync::CancellationToken;
use tollbook_domain::Measures;

use crate::document::Document;
use crate::format::Format;
use crate::presentation::Presentation;
use crate::progress::Progress;

/// What to make a file of.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// Which orders or sums.
    pub document: &'a Document,
    /// What the file is.
    pub format: Format,
    /// Display texts.
    pub presentation: &'a Presentation,
    /// When the snapshot was taken, Unix seconds.
    pub snapshot_s: i64,
    /// 128 random bits that make the object's name impossible to guess.
    pub random: u128,
    /// Threads that format and compress.
    pub threads: NonZeroUsize,
    /// Told of every row written.
    pub progress: &'a Progress,
    /// Cancelled when nobody wants the file any more: what is under way then ends, and leaves nothing.
    pub abandoned: &'a CancellationToken,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows without headers and totals.
    pub(crate) rows: i64,
    /// What the orders of the rows add up to.
    pub(crate) measures: Measures,
}

impl Written {
    pub(crate) fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.measures.add(&more.measures);
    }
}
