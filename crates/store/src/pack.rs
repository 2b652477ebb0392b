//! The encoding of a rollup: arrays of integers, each of the width of its largest value, and sparse if few cells are
//! not zero.
//!
//! Layout, little-endian: `u16` length n, then for each measure one byte for its form. 0: all zero.
//! w in {1, 2, 4, 8, 16}: n signed integers of w bytes. 64 + w: one byte k − 1, k indices of one byte each, ascending,
//! and k signed integers of w bytes, for the cells that are not zero. The shorter of the last two forms is used; if
//! they are equally long, the array. ARCHITECTURE.md documents the encoding for operators.

use tollbook_domain::measures::SUMS;

use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;

/// Lines per tile (ARCHITECTURE.md, "Data").
pub(crate) const CHUNK: usize = 256;

/// Added to the width of a measure whose cells are written with their indices.
const SPARSE: u8 = 64;

/// The chunk of a line, and its index in the chunk.
pub(crate) fn place_of(line_no: LineNo) -> (i64, usize) {
    let index = line_no as usize;
    (i64::try_from(index / CHUNK).expect("fewer than 2^32 lines"), index % CHUNK)
}

/// The first line of a chunk; `None` if that exceeds the range of line numbers.
pub(crate) fn first_line_of(chunk: i64) -> Option<LineNo> {
    LineNo::try_from(usize::try_from(chunk).ok()?.checked_mul(CHUNK)?).ok()
}

/// One array per measure over the lines of one chunk.
pub(crate) struct Arrays<const N: usize> {
    columns: [Vec<i128>; N],
}

/// The eight sums of [`tollbook_domain::Measures`].
pub(crate) type SumArrays = Arrays<SUMS>;
/// Order counts alone.
pub(crate) type CountArray = Arrays<1>;

fn damaged() -> StoreError {
    StoreError::Damaged("a rollup cannot be decoded".into())
}

fn width_of(values: &[i128]) -> usize {
    values.iter().fold(0, |width, &value| {
        let needed = match value {
            0 => 0,
            v if i8::try_from(v).is_ok() => 1,
            v if i16::try_from(v).is_ok() => 2,
            v if i32::try_from(v).is_ok() => 4,
            v if i64::try_from(v).is_ok() => 8,
            _ => 16,
        };
        width.max(needed)
    })
}

impl<const N: usize> Arrays<N> {
    /// All zero.
    pub(crate) fn new() -> Self {
        Self { columns: std::array::from_fn(|_| Vec::new()) }
    }

    /// Decodes the output of [`Arrays::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> StoreResult<Self> {
        let mut arrays = Self::new();
        visit::<N>(bytes, |column, index, value| arrays.add(index, column, value))?;
        Ok(arrays)
    }

    /// Adds a value to a cell.
    pub(crate) fn add(&mut self, index: usize, column: usize, value: i128) {
        let values = &mut self.columns[column];
        if values.len() <= index {
            values.resize(index + 1, 0);
        }
        values[index] += value;
    }

    /// The value of a cell.
    pub(crate) fn get(&self, index: usize, column: usize) -> i128 {
        self.columns[column].get(index).copied().unwrap_or(0)
    }

    /// Whether every cell is zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.columns.iter().flatten().all(|value| *value == 0)
    }

    /// Encodes the arrays. Equal arrays have equal encodings.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let used = |values: &Vec<i128>| values.iter().rposition(|v| *v != 0).map_or(0, |last| last + 1);
        let length = self.columns.iter().map(used).max().unwrap_or(0);
        let mut bytes = Vec::with_capacity(2 + N + N * length * 4);
        bytes.extend_from_slice(&u16::try_from(length).expect("at most 256 lines a chunk").to_le_bytes());
        for column in &self.columns {
            encode_column(column, length, &mut bytes);
        }
        bytes
    }
}

fn encode_column(values: &[i128], length: usize, bytes: &mut Vec<u8>) {
    let width = width_of(values);
    let in_use = values.iter().filter(|value| **value != 0).count();
    let tag = u8::try_from(width).expect("at most 16");
    if width == 0 {
        bytes.push(0);
    } else if 1 + in_use * (1 + width) < length * width {
        bytes.push(SPARSE + tag);
        bytes.push(u8::try_from(in_use - 1).expect("at most 256 cells"));
        let cells = || values.iter().enumerate().filter(|(_, value)| **value != 0);
        bytes.extend(cells().map(|(index, _)| u8::try_from(index).expect("at most 256 cells")));
        cells().for_each(|(_, value)| bytes.extend_from_slice(&value.to_le_bytes()[..width]));
    } else {
        bytes.push(tag);
        for index in 0..length {
            let value = values.get(index).copied().unwrap_or(0);
            bytes.extend_from_slice(&value.to_le_bytes()[..width]);
        }
    }
}

/// Calls `each(column, index, value)` for every non-zero cell of an encoded rollup.
pub(crate) fn visit<const N: usize>(
    bytes: &[u8],
    mut each: impl FnMut(usize, usize, i128),
) -> StoreResult<()> {
    let (length, mut rest) = bytes.split_first_chunk::<2>().ok_or_else(damaged)?;
    let length = usize::from(u16::from_le_bytes(*length));
    if length > CHUNK {
        return Err(damaged());
    }
    for column in 0..N {
        let (tag, tail) = rest.split_first().ok_or_else(damaged)?;
        let width = usize::from(tag % SPARSE);
        let (indices, tail) = if *tag >= SPARSE {
            let (last, tail) = tail.split_first().ok_or_else(damaged)?;
            let (indices, tail) = tail.split_at_checked(usize::from(*last) + 1).ok_or_else(damaged)?;
            // A cell that is stated twice would be added twice.
            let is_ascending = indices.is_sorted_by(|one, next| one < next);
            if !is_ascending || indices.last().is_some_and(|last| usize::from(*last) >= length) {
                return Err(damaged());
            }
            (Some(indices), tail)
        } else {
            (None, tail)
        };
        let cells = indices.map_or(length, <[u8]>::len);
        let (values, tail) = tail.split_at_checked(width * cells).ok_or_else(damaged)?;
        let place = |i: usize| indices.map_or(i, |indices| usize::from(indices[i]));
        match width {
            0 => {}
            1 => visit_column(
                values,
                |v: [u8; 1]| i8::from_le_bytes(v).into(),
                |i, v| each(column, place(i), v),
            ),
            2 => visit_column(
                values,
                |v: [u8; 2]| i16::from_le_bytes(v).into(),
                |i, v| each(column, place(i), v),
            ),
            4 => visit_column(
                values,
                |v: [u8; 4]| i32::from_le_bytes(v).into(),
                |i, v| each(column, place(i), v),
            ),
            8 => visit_column(
                values,
                |v: [u8; 8]| i64::from_le_bytes(v).into(),
                |i, v| each(column, place(i), v),
            ),
            16 => visit_column(values, i128::from_le_bytes, |i, v| each(column, place(i), v)),
            _ => return Err(damaged()),
        }
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(damaged()) }
}

fn visit_column<const W: usize>(
    bytes: &[u8],
    read: impl Fn([u8; W]) -> i128,
    mut each: impl FnMut(usize, i128),
) {
    for (index, value) in bytes.as_chunks::<W>().0.iter().enumerate() {
        let value = read(*value);
        if value != 0 {
            each(index, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_ten_bytes_and_small_numbers_are_small() {
        assert_eq!(SumArrays::new().encode().len(), 2 + SUMS);
        let mut counts = CountArray::new();
        for index in 0..CHUNK {
            counts.add(index, 0, 100);
        }
        assert_eq!(counts.encode().len(), 2 + 1 + CHUNK);
        counts.add(3, 0, 1 << 40);
        assert_eq!(counts.encode().len(), 2 + 1 + CHUNK * 8);
        let mut sparse = CountArray::new();
        sparse.add(255, 0, 1_000);
        sparse.add(7, 0, -1);
        assert_eq!(sparse.encode(), [0, 1, 64 + 2, 1, 7, 255, 0xff, 0xff, 0xe8, 0x03]);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut arrays = SumArrays::new();
        arrays.add(7, 3, -5);
        let good = arrays.encode();
        assert!(SumArrays::decode(&good).is_ok());
        assert!(SumArrays::decode(&good[..good.len() - 1]).is_err());
        assert!(SumArrays::decode(&[]).is_err());
        let mut longer = good.clone();
        longer.push(0);
        assert!(SumArrays::decode(&longer).is_err());
        let mut wrong_width = good;
        wrong_width[2] = 3;
        assert!(SumArrays::decode(&wrong_width).is_err());
    }

    #[test]
    fn a_cell_is_stated_once_and_within_the_length() {
        let decoded = |indices: [u8; 2]| {
            let [first, second] = indices;
            CountArray::decode(&[9, 0, SPARSE + 1, 1, first, second, 5, 6])
        };
        let counts = decoded([3, 8]).unwrap();
        assert_eq!((counts.get(3, 0), counts.get(8, 0)), (5, 6));
        for damaged in [[3, 3], [8, 3], [3, 9]] {
            assert!(decoded(damaged).is_err(), "{damaged:?}");
        }
        // Two large values of one cell have a sum that no number holds.
        let mut twice = vec![9, 0, SPARSE + 16, 1, 4, 4];
        twice.extend_from_slice(&i128::MAX.to_le_bytes());
        twice.extend_from_slice(&i128::MAX.to_le_bytes());
        assert!(CountArray::decode(&twice).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in prop::collection::vec(
            (0..CHUNK, 0..SUMS, prop_oneof![any::<i128>(), -300i128..300, Just(0)].prop_map(|v| v / 4)), 0..200)
        ) {
            let mut arrays = SumArrays::new();
            let mut model = vec![[0i128; SUMS]; CHUNK];
            for (index, column, value) in cells {
                if let Some(sum) = model[index][column].checked_add(value) {
                    model[index][column] = sum;
                    arrays.add(index, column, value);
                }
            }
            let bytes = arrays.encode();
            let read = SumArrays::decode(&bytes).unwrap();
            for (index, row) in model.iter().enumerate() {
                for (column, value) in row.iter().enumerate() {
                    prop_assert_eq!(read.get(index, column), *value);
                }
            }
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}
