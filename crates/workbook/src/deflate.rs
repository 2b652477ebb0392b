//! A deflate encoder (RFC 1951) for rows of cells. A general encoder searches for repetition; this one knows that it is
//! in the row above and only compares. It does not interpret the bytes.

use crate::huffman::{self, Code};

/// Largest distance of a match (RFC 1951, 3.2.5).
const WINDOW: usize = 32_768;
const MIN_MATCH: usize = 3;
const MAX_MATCH: usize = 258;

/// Literals or matches at which a block ends. Large blocks make the cost of their codes negligible; the limit bounds
/// memory to about 2 MiB.
const BLOCK_TOKENS: usize = 262_144;

const END_OF_BLOCK: usize = 256;
const LITERALS_AND_LENGTHS: usize = 286;
const DISTANCES: usize = 30;

/// The final block of a stream: fixed codes and no content (RFC 1951, 3.2.3 and 3.2.6).
pub(crate) const STREAM_END: [u8; 2] = [0x03, 0x00];

/// Base and extra bits of the length symbols from 257 (RFC 1951, 3.2.5).
const LENGTH_BASES: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The length symbol, minus 257, of each length from 3 to 258.
const LENGTH_SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let mut symbol = 0;
    while symbol < LENGTH_BASES.len() {
        let mut length = LENGTH_BASES[symbol].0 as usize;
        while length <= MAX_MATCH {
            #[expect(clippy::cast_possible_truncation, reason = "there are 29 symbols")]
            let narrow = symbol as u8;
            symbols[length - MIN_MATCH] = narrow;
            length += 1;
        }
        symbol += 1;
    }
    symbols
};

/// Upper bound on the bits of the code lengths: 316 lengths of at most 14 bits, and the lengths of their own code.
const LENGTHS_BITS: usize = 8_192;

/// Order in which the lengths of the length codes are written (RFC 1951, 3.2.7).
const CODE_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A run of literals, then a match of `length` bytes at a distance of `value + 1`.
#[derive(Debug, Clone, Copy)]
struct Token {
    literals: u32,
    length: u16,
    value: u16,
}

/// The position of a row and its cells in a buffer. The first cell begins at the start of the row.
#[derive(Debug, Default, Clone)]
pub(crate) struct RowSpan {
    pub(crate) start: usize,
    /// Ends of the cells, ascending.
    pub(crate) ends: Vec<usize>,
    /// End of the row, at or after the last cell's.
    pub(crate) end: usize,
}

/// Collects tokens and writes them as blocks of one byte-aligned piece of a stream. Matches do not cross pieces.
#[derive(Debug)]
pub(crate) struct Deflater {
    tokens: Vec<Token>,
    /// The literals of all tokens, then those not yet followed by a match.
    literals: Vec<u8>,
    /// The number of `literals` that belong to tokens.
    owned: usize,
    symbol_counts: [u32; LITERALS_AND_LENGTHS],
    distance_counts: [u32; DISTANCES],
    bits: BitWriter,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self {
            tokens: Vec::new(),
            literals: Vec::new(),
            owned: 0,
            symbol_counts: [0; LITERALS_AND_LENGTHS],
            distance_counts: [0; DISTANCES],
            bits: BitWriter::default(),
        }
    }

    /// Adds bytes without looking for repetition.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        self.literal(bytes);
        self.end_full_block();
    }

    /// Adds the next row of `buffer`, which is after `above`.
    ///
    /// After a difference between the two rows, the comparison continues from the *ends* of the differing cells: their
    /// closing tags match and, at the same distance, so do the cells that follow.
    pub(crate) fn row(&mut self, buffer: &[u8], row: &RowSpan, above: &RowSpan) {
        let mut cells = row.ends.iter().copied().zip(above.ends.iter().copied()).peekable();
        let (mut at, mut source) = (row.start, above.start);
        while at < row.end {
            let same = common_prefix(&buffer[at..row.end], &buffer[source..]);
            self.repeat(buffer, at, same, at - source);
            at += same;
            while cells.next_if(|&(end, _)| end <= at).is_some() {}
            let (end, end_above) = cells.peek().copied().unwrap_or((row.end, above.end));
            let tail = common_suffix(&buffer[at..end], &buffer[above.start..end_above]);
            self.literal(&buffer[at..end - tail]);
            at = end - tail;
            source = end_above - tail;
        }
        self.end_full_block();
    }

    /// Ends the piece on a byte boundary, returns it and resets the deflater.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.end_block();
        self.bits.finish()
    }

    #[inline]
    fn literal(&mut self, bytes: &[u8]) {
        self.literals.extend_from_slice(bytes);
    }

    /// Adds `length` bytes that equal those `distance` bytes before them.
    fn repeat(&mut self, buffer: &[u8], mut at: usize, length: usize, distance: usize) {
        let end = at + length;
        while at < end {
            // One or two remaining bytes cannot be a match, so three are reserved for the last match.
            let length = match end - at {
                left if left <= MAX_MATCH => left,
                left if left < MAX_MATCH + MIN_MATCH => MAX_MATCH - MIN_MATCH,
                _ => MAX_MATCH,
            };
            if length < MIN_MATCH || distance > WINDOW {
                self.literal(&buffer[at..at + length]);
            } else {
                let value = narrow(distance - 1);
                self.symbol_counts[257 + usize::from(LENGTH_SYMBOLS[length - MIN_MATCH])] += 1;
                self.distance_counts[usize::from(distance_symbol(value).0)] += 1;
                self.push_token(narrow(length), value);
            }
            at += length;
        }
    }

    #[inline]
    fn push_token(&mut self, length: u16, value: u16) {
        // A block ends at the row in which it reaches its limit, and a row is part of a chunk of less than 4 GiB.
        let literals = u32::try_from(self.literals.len() - self.owned).unwrap_or(u32::MAX);
        self.owned = self.literals.len();
        self.tokens.push(Token { literals, length, value });
    }

    fn end_full_block(&mut self) {
        if self.tokens.len().max(self.literals.len()) >= BLOCK_TOKENS {
            self.end_block();
        }
    }

    /// Writes the tokens as one block with its own codes (RFC 1951, 3.2.7).
    fn end_block(&mut self) {
        if self.tokens.is_empty() && self.literals.is_empty() {
            return;
        }
        count_bytes(&self.literals, &mut self.symbol_counts);
        self.symbol_counts[END_OF_BLOCK] = 1;
        let symbol_lengths = huffman::lengths(&self.symbol_counts, 15);
        let distance_lengths = huffman::lengths(&self.distance_counts, 15);
        // A code has at most 15 bits, and a match two codes and at most 18 extra bits; the code lengths need far less
        // than the rest.
        self.bits.reserve(self.literals.len() * 15 + self.tokens.len() * 48 + LENGTHS_BITS);
        self.bits.put(0b100, 3);
        write_code_lengths(&mut self.bits, &symbol_lengths, &distance_lengths);

        let symbols = huffman::codes(&symbol_lengths);
        let distances = huffman::codes(&distance_lengths);
        let matches = length_codes(&symbols);
        let mut literals = self.literals.as_slice();
        for token in &self.tokens {
            let (run, rest) = literals.split_at(token.literals as usize);
            literals = rest;
            self.bits.put_literals(&symbols, run);
            let (bits, count) = matches[usize::from(token.length) - MIN_MATCH];
            self.bits.put(bits, count);
            let (symbol, extra) = distance_symbol(token.value);
            let code = distances[usize::from(symbol)];
            let rest = u64::from(token.value) & ((1 << extra) - 1);
            self.bits.put(u64::from(code.bits) | rest << code.len, code.len + extra);
        }
        self.bits.put_literals(&symbols, literals);
        self.bits.put_code(symbols[END_OF_BLOCK]);

        self.tokens.clear();
        self.literals.clear();
        self.owned = 0;
        self.symbol_counts.fill(0);
        self.distance_counts.fill(0);
    }
}

/// Adds the count of each byte. Four tables alternate, because consecutive increments of one counter stall.
fn count_bytes(bytes: &[u8], counts: &mut [u32; LITERALS_AND_LENGTHS]) {
    let mut tables = [[0_u32; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, byte) in tables.iter_mut().zip(four) {
            table[usize::from(*byte)] += 1;
        }
    }
    for byte in rest {
        tables[0][usize::from(*byte)] += 1;
    }
    for (byte, count) in counts.iter_mut().take(256).enumerate() {
        *count += tables.iter().map(|table| table[byte]).sum::<u32>();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "lengths are at most 258, distances minus one at most 32,767"
)]
fn narrow(value: usize) -> u16 {
    debug_assert!(value < WINDOW);
    value as u16
}

/// The symbol of a distance minus one, and the number of low bits that follow the symbol (RFC 1951, 3.2.5: each pair of
/// symbols doubles the range; the second highest bit selects one of the pair, and the base has no lower bits).
#[inline]
fn distance_symbol(value: u16) -> (u16, u8) {
    if value < 4 {
        return (value, 0);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a u16 has at most 15 bits below its highest")]
    let highest = value.ilog2() as u16;
    let second = (value >> (highest - 1)) & 1;
    #[expect(clippy::cast_possible_truncation, reason = "at most 14")]
    let extra = (highest - 1) as u8;
    (2 * highest + second, extra)
}

/// Code and extra bits, combined, of every length from 3.
fn length_codes(symbols: &[Code; LITERALS_AND_LENGTHS]) -> [(u64, u8); 256] {
    let mut codes = [(0, 0); 256];
    for (length, entry) in (MIN_MATCH..).zip(&mut codes) {
        let symbol = usize::from(LENGTH_SYMBOLS[length - MIN_MATCH]);
        let (base, extra) = LENGTH_BASES[symbol];
        let code = symbols[257 + symbol];
        let offset = u64::from(narrow(length) - base);
        *entry = (u64::from(code.bits) | offset << code.len, code.len + extra);
    }
    codes
}

/// Writes the lengths of both codes as one sequence: the literal and length code, then the distance code.
fn write_code_lengths(
    bits: &mut BitWriter,
    symbols: &[u8; LITERALS_AND_LENGTHS],
    distances: &[u8; DISTANCES],
) {
    // Both sequences are written completely; unused symbols at their ends are runs of zeros of a few bits.
    let mut sequence: Vec<u8> = symbols.to_vec();
    sequence.extend_from_slice(distances);
    // Symbol, extra bits, number of extra bits.
    let mut runs: Vec<(u8, u8, u8)> = Vec::new();
    let mut rest = sequence.as_slice();
    while let [len, ..] = rest {
        let run = rest.iter().take_while(|other| *other == len).take(138).count();
        #[expect(clippy::cast_possible_truncation, reason = "a run is at most 138")]
        let run_u8 = run as u8;
        let taken = match (len, run) {
            (0, 11..) => {
                runs.push((18, run_u8 - 11, 7));
                run
            }
            (0, 3..) => {
                runs.push((17, run_u8 - 3, 3));
                run
            }
            (_, 4..) => {
                // The length, then three to six repetitions.
                runs.push((*len, 0, 0));
                runs.push((16, run_u8.min(7) - 4, 2));
                run.min(7)
            }
            _ => {
                runs.push((*len, 0, 0));
                1
            }
        };
        rest = &rest[taken..];
    }

    let mut counts = [0_u32; 19];
    for &(symbol, ..) in &runs {
        counts[usize::from(symbol)] += 1;
    }
    let lengths = huffman::lengths(&counts, 7);
    let codes = huffman::codes(&lengths);
    let written =
        CODE_LENGTH_ORDER.iter().rposition(|&symbol| lengths[symbol] > 0).map_or(4, |last| last + 1).max(4);
    bits.put(LITERALS_AND_LENGTHS as u64 - 257, 5);
    bits.put(DISTANCES as u64 - 1, 5);
    bits.put(written as u64 - 4, 4);
    for &symbol in CODE_LENGTH_ORDER.iter().take(written) {
        bits.put(u64::from(lengths[symbol]), 3);
    }
    for (symbol, extra, extra_len) in runs {
        bits.put_code(codes[usize::from(symbol)]);
        bits.put(u64::from(extra), extra_len);
    }
}

/// The length of the common prefix of two slices.
#[inline]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    // Blocks first: testing them for equality takes a few vector instructions.
    const BLOCK: usize = 64;
    let blocks = a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks::<BLOCK>().0);
    let mut same = blocks.take_while(|(x, y)| x == y).count() * BLOCK;
    let words = a[same..].chunks_exact(8).zip(b[same..].chunks_exact(8));
    for (x, y) in words {
        let difference = word(x) ^ word(y);
        if difference != 0 {
            return same + difference.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

/// The length of the common suffix of two slices.
#[inline]
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let words = a.rchunks_exact(8).zip(b.rchunks_exact(8));
    let mut same = 0;
    for (x, y) in words {
        let difference = word(x) ^ word(y);
        if difference != 0 {
            return same + difference.leading_zeros() as usize / 8;
        }
        same += 8;
    }
    let (a, b) = (&a[..a.len() - same], &b[..b.len() - same]);
    same + a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// Limit on the bits of one put: with up to seven pending bits they fit in 64.
const MAX_PUT_BITS: u8 = 57;

/// Packs bits into bytes from the lowest bit (RFC 1951, 3.1.1).
#[derive(Debug, Default)]
struct BitWriter {
    /// Written up to `at`; the rest is reserved.
    out: Vec<u8>,
    at: usize,
    pending: u64,
    /// Bits in `pending`, fewer than eight between calls.
    count: u8,
}

impl BitWriter {
    /// Reserves room for `bits` more bits.
    fn reserve(&mut self, bits: usize) {
        // A put writes a whole word and keeps its full bytes.
        let wanted = self.at + bits / 8 + 16;
        if self.out.len() < wanted {
            self.out.resize(wanted + wanted / 4, 0);
        }
    }

    /// Appends the low `count` bits of `bits`, at most [`MAX_PUT_BITS`]; the other bits must be zero. Room must be
    /// reserved.
    #[inline]
    fn put(&mut self, bits: u64, count: u8) {
        debug_assert!(count <= MAX_PUT_BITS && bits >> count == 0);
        self.pending |= bits << self.count;
        self.count += count;
        if let Some(word) = self.out[self.at..].first_chunk_mut() {
            *word = self.pending.to_le_bytes();
        }
        let full = self.count / 8;
        self.at += usize::from(full);
        // 57 + 7 bits are eight full bytes without a remainder.
        self.pending = self.pending.checked_shr(u32::from(full) * 8).unwrap_or(0);
        self.count %= 8;
    }

    /// Appends the codes of literals, three at a time. Room must be reserved.
    #[inline]
    fn put_literals(&mut self, symbols: &[Code; LITERALS_AND_LENGTHS], bytes: &[u8]) {
        let (threes, rest) = bytes.as_chunks::<3>();
        for three in threes {
            let [first, second, third] = three.map(|byte| symbols[usize::from(byte)]);
            let len = first.len + second.len;
            let bits =
                u64::from(first.bits) | u64::from(second.bits) << first.len | u64::from(third.bits) << len;
            self.put(bits, len + third.len);
        }
        for &byte in rest {
            self.put_code(symbols[usize::from(byte)]);
        }
    }

    #[inline]
    fn put_code(&mut self, code: Code) {
        self.put(u64::from(code.bits), code.len);
    }

    /// Ends on a byte boundary with an empty stored block (RFC 1951, 3.2.4), like zlib's sync flush, and returns all
    /// bytes.
    fn finish(&mut self) -> Vec<u8> {
        self.reserve(64);
        self.put(0, 3);
        self.put(0, (8 - self.count) % 8);
        self.put(0xFFFF_0000, 32);
        let used = std::mem::take(&mut self.at);
        // Copies the used bytes: the buffer is several times as large and is reused for the next piece.
        self.out[..used].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
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
            let mut row = RowSpan { start: buffer.len(), ..RowSpan::default() };
            for cell in cells {
                buffer.extend_from_slice(cell);
                row.ends.push(buffer.len());
            }
            buffer.extend_from_slice(b"</row>");
            row.end = buffer.len();
            match &above {
                Some(above) => deflater.row(&buffer, &row, above),
                None => deflater.plain(&buffer),
            }
            above = Some(row);
        }
        (buffer, deflater.finish())
    }

    #[test]
    fn distance_symbols_match_the_table_of_the_standard() {
        let mut base = 1_u32;
        for symbol in 0..30_u16 {
            let extra = u8::try_from((symbol / 2).saturating_sub(1)).unwrap();
            let last = base + (1 << extra) - 1;
            for distance in [base, last] {
                assert_eq!(distance_symbol(u16::try_from(distance - 1).unwrap()), (symbol, extra));
            }
            base = last + 1;
        }
        assert_eq!(base, 32_769);
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
