//! Encoded cells for values that many rows repeat, and a pool in which equal ones are one.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cell::{self, Style};
use crate::error::TextTooLong;

/// Bytes after the last body of a fragment, so that bodies can be copied in blocks of this size.
const BLOCK: usize = 32;

/// The number of the next body. Numbers are never used twice, so that equal numbers mean equal bodies even if a fragment
/// was dropped between two rows.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The number of a new body.
pub(crate) fn new_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// One or several adjacent cells, encoded once for values that many rows repeat.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// The bodies of the cells, a block of zeros, then the length of each body, by which fragments are compared.
    bodies: Box<[u8]>,
    cells: Box<[SharedCell]>,
}

/// A cell of a fragment.
#[derive(Debug, Clone, Copy)]
struct SharedCell {
    /// The position of its body.
    start: usize,
    len: usize,
    /// The number of its body.
    id: u64,
}

impl Fragment {
    /// A text cell, as [`RowWriter::text`](crate::RowWriter::text) writes it.
    ///
    /// # Errors
    ///
    /// The text is longer than [`MAX_CELL_UNITS`](crate::MAX_CELL_UNITS).
    pub fn text(text: &str) -> Result<Self, TextTooLong> {
        let mut cells = Cells::default();
        cells.text(text)?;
        Ok(cells.fragment(|_| new_id()))
    }

    /// A cell as [`RowWriter::integer`](crate::RowWriter::integer) writes it.
    pub fn integer(value: impl Into<i128>) -> Self {
        let mut cells = Cells::default();
        cells.integer(value);
        cells.fragment(|_| new_id())
    }

    /// A cell as [`RowWriter::decimal`](crate::RowWriter::decimal) writes it.
    pub fn decimal(mantissa: i128, scale: u8) -> Self {
        let mut cells = Cells::default();
        cells.decimal(mantissa, scale);
        cells.fragment(|_| new_id())
    }

    /// Approximate memory use in bytes.
    pub fn size(&self) -> usize {
        self.bodies.len() + size_of_val(self.cells.as_ref())
    }

    /// Each cell, to be copied with [`Body::push`].
    #[inline]
    pub(crate) fn cells(&self) -> impl Iterator<Item = Body<'_>> {
        self.cells.iter().map(|cell| Body {
            blocks: self.bodies.get(cell.start..).unwrap_or_default(),
            len: cell.len,
            id: cell.id,
        })
    }
}

impl PartialEq for Fragment {
    fn eq(&self, other: &Self) -> bool {
        self.bodies == other.bodies
    }
}

impl Eq for Fragment {}

/// The body of a cell of a fragment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    /// The body and at least one block after it.
    blocks: &'a [u8],
    len: usize,
    /// Bodies with the same number are equal.
    pub(crate) id: u64,
}

impl Body<'_> {
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Appends the body. Copies of a fixed size, of which the end is dropped, take a few instructions each; a copy of
    /// any size is a call.
    #[inline]
    pub(crate) fn push(self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        for block in self.blocks.as_chunks::<BLOCK>().0.iter().take(self.len.div_ceil(BLOCK)) {
            out.extend_from_slice(block);
        }
        out.truncate(end);
    }
}

/// Adjacent cells that are being encoded, from left to right.
#[derive(Debug, Default)]
pub struct Cells {
    bodies: Vec<u8>,
    /// Where each body ends.
    ends: Vec<usize>,
}

impl Cells {
    /// A text cell, as [`RowWriter::text`](crate::RowWriter::text) writes it.
    ///
    /// # Errors
    ///
    /// The text is longer than [`MAX_CELL_UNITS`](crate::MAX_CELL_UNITS).
    pub fn text(&mut self, text: &str) -> Result<(), TextTooLong> {
        cell::push_text(&mut self.bodies, text, Style::Text)?;
        self.ends.push(self.bodies.len());
        Ok(())
    }

    /// A cell as [`RowWriter::integer`](crate::RowWriter::integer) writes it.
    pub fn integer(&mut self, value: impl Into<i128>) {
        cell::push_integer(&mut self.bodies, value.into(), Style::Integer);
        self.ends.push(self.bodies.len());
    }

    /// A cell as [`RowWriter::decimal`](crate::RowWriter::decimal) writes it.
    pub fn decimal(&mut self, mantissa: i128, scale: u8) {
        cell::push_decimal(&mut self.bodies, mantissa, scale, Style::Decimal);
        self.ends.push(self.bodies.len());
    }

    fn clear(&mut self) {
        self.bodies.clear();
        self.ends.clear();
    }

    /// Start and length of each body.
    fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| (start, end - start))
    }

    /// Ends the bodies as those of a fragment: one fragment has the same bytes as another only if its cells are equal.
    fn end(&mut self) {
        let mut start = 0;
        self.bodies.extend_from_slice(&[0; BLOCK]);
        for end in &self.ends {
            self.bodies.extend_from_slice(&(end - start).to_le_bytes());
            start = *end;
        }
    }

    /// The cells as a fragment; `id` numbers their bodies.
    fn fragment(mut self, id: impl FnMut(&[u8]) -> u64) -> Fragment {
        self.end();
        self.ended_fragment(id)
    }

    fn ended_fragment(&self, mut id: impl FnMut(&[u8]) -> u64) -> Fragment {
        let cells = self.positions().map(|(start, len)| SharedCell {
            start,
            len,
            id: id(self.bodies.get(start..start + len).unwrap_or_default()),
        });
        Fragment { cells: cells.collect(), bodies: self.bodies.as_slice().into() }
    }
}

/// Fragments of which equal ones are one, and equal cells of different fragments are known to be equal, so that rows are
/// compared by numbers.
#[derive(Debug, Default)]
pub struct FragmentPool {
    fragments: HashSet<Pooled>,
    /// The numbers of bodies.
    ids: HashMap<Box<[u8]>, u64>,
    bytes: usize,
    cells: Cells,
}

/// A fragment, found by its bytes.
#[derive(Debug)]
struct Pooled(Arc<Fragment>);

impl Borrow<[u8]> for Pooled {
    fn borrow(&self) -> &[u8] {
        &self.0.bodies
    }
}

impl PartialEq for Pooled {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Pooled {}

impl Hash for Pooled {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bodies.hash(state);
    }
}

impl FragmentPool {
    /// The fragment with the cells that are written.
    ///
    /// # Errors
    ///
    /// That of `write`; nothing is added then.
    pub fn share<E>(&mut self, write: impl FnOnce(&mut Cells) -> Result<(), E>) -> Result<Arc<Fragment>, E> {
        let Self { fragments, ids, bytes, cells } = self;
        cells.clear();
        write(cells)?;
        cells.end();
        if let Some(known) = fragments.get(cells.bodies.as_slice()) {
            return Ok(Arc::clone(&known.0));
        }
        let fragment = Arc::new(cells.ended_fragment(|body| {
            if let Some(id) = ids.get(body) {
                return *id;
            }
            *bytes += body.len();
            *ids.entry(body.into()).or_insert(new_id())
        }));
        *bytes += fragment.size();
        fragments.insert(Pooled(Arc::clone(&fragment)));
        Ok(fragment)
    }

    /// Approximate memory use in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn text_length_counts_utf16_units() {
        let limit = "🙂".repeat(16_383);
        assert!(Fragment::text(&format!("{limit}a")).is_ok());
        assert_eq!(Fragment::text(&format!("{limit}ab")), Err(TextTooLong { units: 32_768 }));
        assert!(Fragment::text(&"文".repeat(32_767)).is_ok());
    }

    #[test]
    fn equal_fragments_of_a_pool_are_one_and_equal_cells_have_one_number() {
        let mut pool = FragmentPool::default();
        let mut shared = |texts: [&str; 3]| {
            let written = pool.share(|cells| texts.iter().try_for_each(|text| cells.text(text)));
            written.unwrap()
        };
        let ids = |fragment: &Fragment| fragment.cells().map(|cell| cell.id).collect::<Vec<_>>();
        let first = shared(["a", "b", ""]);
        let same = shared(["a", "b", ""]);
        let moved = shared(["a", "", "b"]);
        assert!(Arc::ptr_eq(&first, &same));
        assert_ne!(first, moved, "an empty cell has a place");
        let ([a, b, none], [a_moved, none_moved, b_moved]) =
            (ids(&first).try_into().unwrap(), ids(&moved).try_into().unwrap());
        assert_eq!((a, b, none), (a_moved, b_moved, none_moved));
        assert!(a != b && b != none && a != none);
        let (one, other) = (Fragment::text("a").unwrap(), Fragment::text("a").unwrap());
        assert_eq!(one, other);
        assert_ne!(ids(&one), ids(&other), "outside a pool a number is new");
        let bytes = pool.bytes();
        let failed: Result<_, &str> = pool.share(|cells| {
            cells.integer(1);
            Err("no")
        });
        assert!(failed.is_err());
        assert_eq!(pool.bytes(), bytes);
        let number = pool.share(|cells| {
            cells.integer(1);
            Ok::<_, Infallible>(())
        });
        assert_eq!(*number.unwrap(), Fragment::integer(1));
    }
}
