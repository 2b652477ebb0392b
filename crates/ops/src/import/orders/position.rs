//! The position of a record within an import.

/// A record of an import: the index of its file, and the line on which it begins. Positions sort in the order in which
/// the records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordPosition(u64);

impl RecordPosition {
    const LINE_BITS: u32 = 44;
    /// Maximum number of files of an import; no command line has so many arguments.
    pub(super) const MAX_FILES: usize = 1 << 19;

    /// The code of a position is neither 0 nor `u64::MAX`: lines count from 1, and file indexes are below
    /// [`Self::MAX_FILES`].
    pub(super) fn new(file: usize, line: u64) -> Self {
        let line = line.clamp(1, (1 << Self::LINE_BITS) - 1);
        Self((file.min(Self::MAX_FILES - 1) as u64) << Self::LINE_BITS | line)
    }

    pub(super) fn file(self) -> usize {
        usize::try_from(self.0 >> Self::LINE_BITS).unwrap_or(usize::MAX)
    }

    pub(super) fn line(self) -> u64 {
        self.0 & ((1 << Self::LINE_BITS) - 1)
    }

    pub(super) fn code(self) -> u64 {
        self.0
    }

    pub(super) fn from_code(code: u64) -> Self {
        Self(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_sort_in_reading_order() {
        let positions =
            [(0, 1), (0, 2), (1, 1), (7, 1 << 40), (RecordPosition::MAX_FILES - 1, 3)].map(|(file, line)| {
                let position = RecordPosition::new(file, line);
                assert_eq!((position.file(), position.line()), (file, line));
                assert!(position.code() != 0 && position.code() != u64::MAX);
                position
            });
        assert!(positions.is_sorted());
    }
}
