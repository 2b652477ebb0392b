//! A deflate encoder (RFC 1951) for rows of cells: one byte-aligned piece of a stream is one block. It does not interpret
//! the bytes.

use crate::bits::BitWriter;
use crate::block_codes::{BlockCodes, Counts, MAX_MATCH, MIN_MATCH, WINDOW};
use crate::row_runs::{RowSpan, Sink, divide};

/// Rows after which the codes of a piece are made. The rows of a piece are alike: codes that were made from all of them
/// save less than a percent, and rows that are written at once need not be stored first.
const SAMPLE_ROWS: u32 = 24;

/// Literals or matches at which the codes are made in any case, which bounds memory.
const SAMPLE_TOKENS: usize = 65_536;

/// Weight of a symbol of the sample against one that may occur later.
const SAMPLE_WEIGHT: u32 = 16;

/// The final block of a stream: fixed codes and no content (RFC 1951, 3.2.3 and 3.2.6).
pub(crate) const STREAM_END: [u8; 2] = [0x03, 0x00];

/// A run of literals, then a match.
#[derive(Debug, Clone, Copy)]
struct Token {
    literals: u32,
    length: u16,
    distance: u16,
}

/// The start of a piece, until its codes are made.
#[derive(Debug)]
struct Sample {
    tokens: Vec<Token>,
    /// The literals of all tokens, then those not yet followed by a match.
    literals: Vec<u8>,
    /// The number of `literals` that belong to tokens.
    owned: usize,
    /// The number of `literals` at the beginning that are not of rows that were compared.
    plain: usize,
    rows: u32,
    counts: Counts,
    /// The digits that the cells of the next row have in common.
    digits: Vec<u8>,
}

/// Encodes one byte-aligned piece of a stream after the other. Matches do not cross pieces.
#[derive(Debug)]
pub(crate) struct Deflater {
    sample: Sample,
    /// The codes are made; what follows is written at once.
    is_coding: bool,
    codes: BlockCodes,
    bits: BitWriter,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        let sample = Sample {
            tokens: Vec::new(),
            literals: Vec::new(),
            owned: 0,
            plain: 0,
            rows: 0,
            counts: Counts::new(),
            digits: Vec::new(),
        };
        Self { sample, is_coding: false, codes: BlockCodes::new(), bits: BitWriter::default() }
    }

    /// Adds bytes without looking for repetition.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        if self.is_coding {
            self.bits.reserve(bytes.len() * 16);
            self.codes.put_literals(bytes, &mut self.bits);
            return;
        }
        self.sample.literals.extend_from_slice(bytes);
        if self.sample.tokens.is_empty() {
            self.sample.plain = self.sample.literals.len();
        }
    }

    /// Adds the next row of `buffer`, which is after `above`; its number has `changed` other digits at its end.
    pub(crate) fn row(&mut self, buffer: &[u8], row: &RowSpan, above: &RowSpan, changed: usize) {
        if self.is_coding {
            // A literal has at most 15 bits; a match, of at least three bytes, at most 48.
            self.bits.reserve((row.end - row.start()) * 16);
            let mut direct = Direct { codes: &mut self.codes, bits: &mut self.bits };
            divide(&mut direct, buffer, row, above, changed);
            return;
        }
        let sample = &mut self.sample;
        divide(sample, buffer, row, above, changed);
        sample.rows += 1;
        if sample.rows == SAMPLE_ROWS || sample.tokens.len().max(sample.literals.len()) >= SAMPLE_TOKENS {
            let (plain, rows) = sample.literals.split_at(sample.plain);
            sample.counts.add_literals(rows);
            sample.counts.spread(SAMPLE_WEIGHT);
            sample.counts.add_literals(plain);
            self.write_sample();
            self.is_coding = true;
        }
    }

    /// Ends the piece on a byte boundary, returns it and resets the encoder.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let is_empty = self.sample.tokens.is_empty() && self.sample.literals.is_empty();
        if !(self.is_coding || is_empty) {
            self.sample.counts.add_literals(&self.sample.literals);
            self.write_sample();
            self.is_coding = true;
        }
        if self.is_coding {
            self.codes.end_block(&mut self.bits);
        }
        self.is_coding = false;
        self.bits.finish()
    }

    /// Begins the block of the piece, with codes from the counts, and writes what was collected.
    fn write_sample(&mut self) {
        let Self { sample, codes, bits, .. } = self;
        codes.begin_block(&mut sample.counts, bits);
        bits.reserve(sample.literals.len() * 16 + sample.tokens.len() * 48);
        let mut literals = sample.literals.as_slice();
        for token in &sample.tokens {
            let (run, rest) = literals.split_at(token.literals as usize);
            literals = rest;
            codes.put_literals(run, bits);
            codes.put_match(token.length.into(), usize::from(token.distance) + 1, bits);
        }
        codes.put_literals(literals, bits);
        sample.tokens.clear();
        sample.literals.clear();
        (sample.owned, sample.plain, sample.rows) = (0, 0, 0);
        sample.counts.clear();
    }
}

impl Sink for Sample {
    fn literals(&mut self, bytes: &[u8]) {
        self.literals.extend_from_slice(bytes);
    }

    fn run(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize) {
        for (at, length) in matches(start, end, distance) {
            if length < MIN_MATCH || distance > WINDOW {
                self.literals.extend_from_slice(&buffer[at..at + length]);
                continue;
            }
            self.counts.add_match(length, distance);
            // The codes are made at the row in which a limit is reached, and a row is part of a chunk of less than 4 GiB.
            let literals = u32::try_from(self.literals.len() - self.owned).unwrap_or(u32::MAX);
            self.owned = self.literals.len();
            self.tokens.push(Token { literals, length: narrow(length), distance: narrow(distance - 1) });
        }
    }

    fn set_digits(&mut self, digits: &[u8]) {
        self.digits.clear();
        self.digits.extend_from_slice(digits);
    }

    fn run_and_digits(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize) {
        self.run(buffer, start, end, distance);
        self.literals.extend_from_slice(&self.digits);
    }
}

/// Writes with the codes of a block.
struct Direct<'a> {
    codes: &'a mut BlockCodes,
    bits: &'a mut BitWriter,
}

impl Sink for Direct<'_> {
    #[inline]
    fn literals(&mut self, bytes: &[u8]) {
        self.codes.put_literals(bytes, self.bits);
    }

    #[inline]
    fn run(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize) {
        let length = end - start;
        if (MIN_MATCH..=MAX_MATCH).contains(&length) && distance <= WINDOW {
            self.codes.put_match(length, distance, self.bits);
        } else if length != 0 {
            self.odd_run(buffer, start, end, distance);
        }
    }

    #[inline]
    fn set_digits(&mut self, digits: &[u8]) {
        self.codes.set_digits(digits);
    }

    #[inline]
    fn run_and_digits(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize) {
        let length = end - start;
        if (MIN_MATCH..=MAX_MATCH).contains(&length) && distance <= WINDOW {
            self.codes.put_match_and_digits(length, distance, self.bits);
        } else {
            self.odd_run(buffer, start, end, distance);
            self.codes.put_digits(self.bits);
        }
    }
}

impl Direct<'_> {
    /// A run that is not exactly one match.
    #[cold]
    fn odd_run(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize) {
        for (at, length) in matches(start, end, distance) {
            if length < MIN_MATCH || distance > WINDOW {
                self.codes.put_literals(&buffer[at..at + length], self.bits);
            } else {
                self.codes.put_match(length, distance, self.bits);
            }
        }
    }
}

/// Divides a run into matches, each with its position and length; shorter ones than a match are literals.
fn matches(start: usize, end: usize, distance: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = start;
    std::iter::from_fn(move || {
        // One or two remaining bytes cannot be a match, so three are reserved for the last match.
        let length = match end - at {
            0 => return None,
            left if distance > WINDOW => left,
            left if left <= MAX_MATCH => left,
            left if left < MAX_MATCH + MIN_MATCH => MAX_MATCH - MIN_MATCH,
            _ => MAX_MATCH,
        };
        at += length;
        Some((at - length, length))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "lengths are at most 258, distances minus one at most 32,767"
)]
fn narrow(value: usize) -> u16 {
    debug_assert!(value < WINDOW);
    value as u16
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::row_runs::CellSpan;
    use proptest::prelude::*;

    fn inflated(mut stream: Vec<u8>) -> Vec<u8> {
        stream.extend_from_slice(&STREAM_END);
        let mut decoder = flate2::read::DeflateDecoder::new(stream.as_slice());
        let mut out = Vec::new();
        decoder.read_to_end(&mut out).unwrap();
        assert_eq!(decoder.total_in(), stream.len() as u64, "the stream ends where the decoder does");
        out
    }

    /// The rows as one buffer, and their deflated bytes.
    fn deflated(deflater: &mut Deflater, rows: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<u8>) {
        let mut buffer = Vec::new();
        let mut above: Option<RowSpan> = None;
        for cells in rows {
            let mut row = RowSpan::default();
            for cell in cells {
                let start = buffer.len();
                buffer.extend_from_slice(cell);
                row.cells.push(CellSpan { start, body: start, end: buffer.len(), body_id: 0 });
            }
            row.cells_end = buffer.len();
            buffer.extend_from_slice(b"</row>");
            row.end = buffer.len();
            match &above {
                Some(above) => deflater.row(&buffer, &row, above, 0),
                None => deflater.plain(&buffer),
            }
            above = Some(row);
        }
        (buffer, deflater.finish())
    }

    #[test]
    fn pieces_concatenate_and_are_independent() {
        let mut deflater = Deflater::new();
        let rows = vec![vec![b"<c>abc</c>".to_vec(), b"<c>1</c>".to_vec()]; 3];
        let (raw, first) = deflated(&mut deflater, &rows);
        let (_, second) = deflated(&mut deflater, &rows);
        assert_eq!(first, second, "a piece does not depend on earlier pieces");
        assert_eq!(inflated([first, second].concat()), [raw.clone(), raw].concat());
        assert_eq!(inflated(deflater.finish()), b"", "an empty piece");
    }

    #[test]
    fn every_match_length_and_far_rows() {
        for length in (0..600).chain([WINDOW - 9, WINDOW - 8, WINDOW - 7, WINDOW - 6, WINDOW, 3 * WINDOW]) {
            let cell: Vec<u8> = (0..length).map(|at| (at * at % 251).to_le_bytes()[0]).collect();
            let (raw, piece) = deflated(&mut Deflater::new(), &[vec![cell.clone()], vec![cell]]);
            assert_eq!(inflated(piece), raw, "{length}");
        }
    }

    #[test]
    fn blocks_are_divided() {
        let noise = |seed: u32| {
            (0..100_000_u32).map(move |at| (at ^ seed).wrapping_mul(0x9E37_79B1).to_be_bytes()[0])
        };
        let rows: Vec<_> = (0..9).map(|seed| vec![noise(seed).collect()]).collect();
        let (raw, piece) = deflated(&mut Deflater::new(), &rows);
        assert_eq!(inflated(piece), raw);
    }

    proptest! {
        #[test]
        fn rows_inflate_to_themselves(
            rows in (1..5_usize).prop_flat_map(|columns| {
                let cell = prop_oneof!["(<c>)?[0-9]{0,9}(</c>)?", "[ab]{0,6}", "a{250,530}"].prop_map(String::into_bytes);
                proptest::collection::vec(proptest::collection::vec(cell, columns), 0..12)
            })
        ) {
            let (raw, piece) = deflated(&mut Deflater::new(), &rows);
            prop_assert_eq!(inflated(piece), raw);
        }
    }
}
