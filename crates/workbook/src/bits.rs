//! Packs bits into bytes from the lowest bit (RFC 1951, 3.1.1).

use crate::huffman::Code;

/// Symbols of literals, the end of a block and lengths (RFC 1951, 3.2.5).
pub(crate) const LITERALS_AND_LENGTHS: usize = 286;

/// Limit on the bits of a code of these symbols; the standard allows 15.
pub(crate) const MAX_CODE_BITS: u8 = 14;

/// Limit on the bits of one put: with up to seven pending bits they fit in 64.
pub(crate) const MAX_PUT_BITS: u8 = 57;

/// The output of an encoder.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    /// Written up to `at`; the rest is reserved.
    out: Vec<u8>,
    at: usize,
    pending: u64,
    /// Bits in `pending`, fewer than eight between calls.
    count: u8,
}

impl BitWriter {
    /// Reserves room for `bits` more bits.
    pub(crate) fn reserve(&mut self, bits: usize) {
        // A put writes a whole word and keeps its full bytes.
        let wanted = self.at + bits / 8 + 16;
        if self.out.len() < wanted {
            self.out.resize(wanted + wanted / 4, 0);
        }
    }

    /// Appends the low `count` bits of `bits`, at most [`MAX_PUT_BITS`]; the other bits must be zero. Room must be
    /// reserved.
    #[inline]
    pub(crate) fn put(&mut self, bits: u64, count: u8) {
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

    /// Appends the codes of literals, four at a time: at most 56 bits. Room must be reserved.
    #[inline]
    pub(crate) fn put_literals(&mut self, symbols: &[Code; LITERALS_AND_LENGTHS], bytes: &[u8]) {
        let (fours, rest) = bytes.as_chunks::<4>();
        for four in fours {
            let [first, second, third, fourth] = four.map(|byte| symbols[usize::from(byte)]);
            let two = first.len + second.len;
            let three = two + third.len;
            let bits = u64::from(first.bits)
                | u64::from(second.bits) << first.len
                | u64::from(third.bits) << two
                | u64::from(fourth.bits) << three;
            self.put(bits, three + fourth.len);
        }
        for &byte in rest {
            self.put_code(symbols[usize::from(byte)]);
        }
    }

    #[inline]
    pub(crate) fn put_code(&mut self, code: Code) {
        self.put(u64::from(code.bits), code.len);
    }

    /// Ends on a byte boundary with an empty stored block (RFC 1951, 3.2.4), like zlib's sync flush, and returns all
    /// bytes.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.reserve(64);
        self.put(0, 3);
        self.put(0, (8 - self.count) % 8);
        self.put(0xFFFF_0000, 32);
        let used = std::mem::take(&mut self.at);
        // Copies the used bytes: the buffer is several times as large and is reused for the next piece.
        self.out[..used].to_vec()
    }
}
