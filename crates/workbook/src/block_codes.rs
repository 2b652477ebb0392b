//! The codes of one deflate block (RFC 1951, 3.2.5 to 3.2.7): literals, lengths and distances.

use crate::bits::{BitWriter, LITERALS_AND_LENGTHS, MAX_CODE_BITS, MAX_PUT_BITS};
use crate::huffman::{self, Code};

/// Largest distance of a match (RFC 1951, 3.2.5).
pub(crate) const WINDOW: usize = 32_768;
pub(crate) const MIN_MATCH: usize = 3;
pub(crate) const MAX_MATCH: usize = 258;

const END_OF_BLOCK: usize = 256;
const DISTANCES: usize = 30;

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

/// How often each symbol occurs.
#[derive(Debug)]
pub(crate) struct Counts {
    symbols: [u32; LITERALS_AND_LENGTHS],
    distances: [u32; DISTANCES],
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self { symbols: [0; LITERALS_AND_LENGTHS], distances: [0; DISTANCES] }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Counts a match of `length` bytes, 3 to 258, at a distance of at most [`WINDOW`].
    #[inline]
    pub(crate) fn add_match(&mut self, length: usize, distance: usize) {
        self.symbols[257 + usize::from(LENGTH_SYMBOLS[length - MIN_MATCH])] += 1;
        self.distances[usize::from(distance_symbol(narrow(distance - 1)).0)] += 1;
    }

    /// Counts literals.
    pub(crate) fn add_literals(&mut self, bytes: &[u8]) {
        count_bytes(bytes, &mut self.symbols);
    }

    /// Multiplies the counts, and counts every symbol once more, so that each has a code.
    pub(crate) fn spread(&mut self, weight: u32) {
        for count in self.symbols.iter_mut().chain(&mut self.distances) {
            *count = count.saturating_mul(weight).saturating_add(1);
        }
    }
}

/// The codes of a block.
#[derive(Debug)]
pub(crate) struct BlockCodes {
    symbols: [Code; LITERALS_AND_LENGTHS],
    distances: [Code; DISTANCES],
    /// Code and extra bits, combined, of every length from 3, and the number of these bits.
    lengths: [(u32, u8); 256],
    /// The last distance, its code and extra bits, and the number of these bits: most matches repeat it.
    last_distance: (usize, u64, u8),
    /// The codes of the digits that many matches are followed by, and the number of these bits.
    digits: (u128, u8),
}

impl BlockCodes {
    pub(crate) fn new() -> Self {
        Self {
            symbols: [Code::default(); LITERALS_AND_LENGTHS],
            distances: [Code::default(); DISTANCES],
            lengths: [(0, 0); 256],
            last_distance: (0, 0, 0),
            digits: (0, 0),
        }
    }

    /// Makes the codes and begins a block with them (RFC 1951, 3.2.7), the last one of its stream or not.
    pub(crate) fn begin_block(&mut self, counts: &mut Counts, bits: &mut BitWriter) {
        counts.symbols[END_OF_BLOCK] = 1;
        let symbol_lengths = huffman::lengths(&counts.symbols, MAX_CODE_BITS);
        let distance_lengths = huffman::lengths(&counts.distances, 15);
        bits.reserve(LENGTHS_BITS);
        bits.put(0b100, 3);
        write_code_lengths(bits, &symbol_lengths, &distance_lengths);
        self.symbols = huffman::codes(&symbol_lengths);
        self.distances = huffman::codes(&distance_lengths);
        self.lengths = length_codes(&self.symbols);
        self.last_distance = (0, 0, 0);
    }

    pub(crate) fn end_block(&self, bits: &mut BitWriter) {
        bits.reserve(64);
        bits.put_code(self.symbols[END_OF_BLOCK]);
    }

    /// Writes literals. Room must be reserved: two bytes for each.
    #[inline]
    pub(crate) fn put_literals(&self, bytes: &[u8], bits: &mut BitWriter) {
        if let [byte] = bytes {
            bits.put_code(self.symbols[usize::from(*byte)]);
        } else {
            bits.put_literals(&self.symbols, bytes);
        }
    }

    /// Writes a match of `length` bytes, 3 to 258, at a distance of at most [`WINDOW`]. Room must be reserved: six bytes.
    #[inline]
    pub(crate) fn put_match(&mut self, length: usize, distance: usize, bits: &mut BitWriter) {
        let (code, count) = self.match_code(length, distance);
        bits.put(code, count);
    }

    /// Sets the digits, at most seven.
    #[inline]
    pub(crate) fn set_digits(&mut self, digits: &[u8]) {
        self.digits = (0, 0);
        for &digit in digits {
            let code = self.symbols[usize::from(digit)];
            self.digits.0 |= u128::from(code.bits) << self.digits.1;
            self.digits.1 += code.len;
        }
    }

    /// Writes a [match](Self::put_match), then the digits. Room must be reserved: as for both.
    #[inline]
    pub(crate) fn put_match_and_digits(&mut self, length: usize, distance: usize, bits: &mut BitWriter) {
        let (code, count) = self.match_code(length, distance);
        let (digits, digits_count) = self.digits;
        if count + digits_count <= MAX_PUT_BITS {
            #[expect(clippy::cast_possible_truncation, reason = "they are as few bits as the sum")]
            let digits = digits as u64;
            bits.put(code | digits << count, count + digits_count);
        } else {
            bits.put(code, count);
            self.put_digits(bits);
        }
    }

    /// Writes the digits. Room must be reserved: two bytes for each.
    pub(crate) fn put_digits(&self, bits: &mut BitWriter) {
        let (mut digits, mut count) = self.digits;
        while count > 0 {
            let some = count.min(32);
            #[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
            let low = digits as u64;
            bits.put(low & ((1 << some) - 1), some);
            (digits, count) = (digits >> 32, count - some);
        }
    }

    /// Code and extra bits of a match, at most 20 and 28, and their number.
    #[inline]
    fn match_code(&mut self, length: usize, distance: usize) -> (u64, u8) {
        if distance != self.last_distance.0 {
            self.last_distance = self.distance_code(distance);
        }
        let (length_bits, length_count) = self.lengths[(length - MIN_MATCH) & 255];
        let (_, distance_bits, distance_count) = self.last_distance;
        (u64::from(length_bits) | distance_bits << length_count, length_count + distance_count)
    }

    fn distance_code(&self, distance: usize) -> (usize, u64, u8) {
        let value = narrow(distance - 1);
        let (symbol, extra) = distance_symbol(value);
        let code = self.distances[usize::from(symbol)];
        let rest = u64::from(value) & ((1 << extra) - 1);
        (distance, u64::from(code.bits) | rest << code.len, code.len + extra)
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

fn length_codes(symbols: &[Code; LITERALS_AND_LENGTHS]) -> [(u32, u8); 256] {
    let mut codes = [(0, 0); 256];
    for (length, entry) in (MIN_MATCH..).zip(&mut codes) {
        let symbol = usize::from(LENGTH_SYMBOLS[length - MIN_MATCH]);
        let (base, extra) = LENGTH_BASES[symbol];
        let code = symbols[257 + symbol];
        let offset = u32::from(narrow(length) - base);
        *entry = (u32::from(code.bits) | offset << code.len, code.len + extra);
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
