//! Prefix codes for deflate (RFC 1951, 3.2.2): code lengths from counts, and codes from lengths.

/// A symbol's code, bit-reversed for a stream that fills bytes from their lowest bit, and its length in bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) bits: u16,
    pub(crate) len: u8,
}

/// Lengths of an optimal prefix code for `counts`, of at most `max_len` bits. Symbols that do not occur have no code,
/// except that at least two symbols have one, because some decoders refuse a code of a single symbol.
///
/// Counts are halved until the longest code fits. This is rare, costs a fraction of a percent at most, and needs no
/// second algorithm.
pub(crate) fn lengths<const N: usize>(counts: &[u32; N], max_len: u8) -> [u8; N] {
    let mut counts = *counts;
    let missing = 2_usize.saturating_sub(counts.iter().filter(|&&count| count > 0).count());
    for count in counts.iter_mut().filter(|count| **count == 0).take(missing) {
        *count = 1;
    }
    loop {
        let lengths = unlimited_lengths(&counts);
        if lengths.iter().all(|&len| len <= max_len) {
            return lengths;
        }
        for count in counts.iter_mut().filter(|count| **count > 0) {
            *count = count.div_ceil(2);
        }
    }
}

/// Huffman's algorithm with two queues: leaves by count, and inner nodes, which are created in order of their counts.
fn unlimited_lengths<const N: usize>(counts: &[u32; N]) -> [u8; N] {
    let mut leaves: Vec<(u32, usize)> = counts
        .iter()
        .enumerate()
        .filter(|&(_, &count)| count > 0)
        .map(|(symbol, &count)| (count, symbol))
        .collect();
    leaves.sort_unstable();

    // Node numbers: leaves first, then inner nodes. `parents` is by node number.
    let mut inner: Vec<u64> = Vec::with_capacity(leaves.len());
    let mut parents = vec![0_usize; leaves.len() * 2];
    let (mut next_leaf, mut next_inner) = (0, 0);
    let mut take_least = |inner: &[u64]| -> (usize, u64) {
        let leaf = leaves.get(next_leaf).map(|&(count, _)| u64::from(count));
        let node = inner.get(next_inner).copied();
        if let Some(count) = leaf.filter(|&count| node.is_none_or(|node| count <= node)) {
            next_leaf += 1;
            (next_leaf - 1, count)
        } else {
            next_inner += 1;
            (leaves.len() + next_inner - 1, node.unwrap_or_default())
        }
    };
    for parent in leaves.len()..(leaves.len() * 2).saturating_sub(1) {
        let (first, first_count) = take_least(&inner);
        let (second, second_count) = take_least(&inner);
        parents[first] = parent;
        parents[second] = parent;
        inner.push(first_count + second_count);
    }

    // Parents have higher numbers than their children, so the loop visits every parent first.
    let mut depths = vec![0_u8; parents.len()];
    for node in (0..(leaves.len() * 2).saturating_sub(2)).rev() {
        depths[node] = depths[parents[node]].saturating_add(1);
    }
    let mut lengths = [0; N];
    for (&(_, symbol), &depth) in leaves.iter().zip(&depths) {
        lengths[symbol] = depth;
    }
    lengths
}

/// The codes for `lengths`, assigned in order of length, then of symbol.
pub(crate) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut per_length = [0_u16; 16];
    for &len in lengths.iter().filter(|&&len| len > 0) {
        per_length[usize::from(len)] += 1;
    }
    let mut next = [0_u16; 16];
    for len in 1..16 {
        next[len] = (next[len - 1] + per_length[len - 1]) << 1;
    }
    let mut codes = [Code::default(); N];
    for (code, &len) in codes.iter_mut().zip(lengths).filter(|(_, len)| **len > 0) {
        let bits = &mut next[usize::from(len)];
        // Codes are written from their highest bit, everything else from the lowest.
        *code = Code { bits: bits.reverse_bits() >> (16 - u16::from(len)), len };
        *bits += 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Kraft's sum in units of 2^-15; it is 2^15 for a complete code.
    fn kraft(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|&&len| len > 0).map(|&len| 1 << (15 - len)).sum()
    }

    #[test]
    fn optimal_lengths() {
        assert_eq!(lengths(&[45, 13, 12, 16, 9, 5], 15), [1, 3, 3, 3, 4, 4]);
        assert_eq!(lengths(&[0, 7, 0], 15), [1, 1, 0], "a second symbol gets a code");
        assert_eq!(lengths(&[0, 0, 0], 15), [1, 1, 0]);
    }

    #[test]
    fn codes_of_the_example_in_rfc_1951() {
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]).map(|code| {
            let bits = code.bits.reverse_bits() >> (16 - u16::from(code.len));
            format!("{bits:0width$b}", width = usize::from(code.len))
        });
        assert_eq!(codes, ["010", "011", "100", "101", "110", "00", "1110", "1111"]);
    }

    #[test]
    fn lengths_are_limited() {
        let mut counts = [1_u32; 30];
        for at in 2..30 {
            counts[at] = counts[at - 1] + counts[at - 2];
        }
        for limit in [7, 15] {
            let lengths = lengths(&counts, limit);
            assert!(lengths.iter().all(|len| (1..=limit).contains(len)), "{lengths:?}");
            assert_eq!(kraft(&lengths), 1 << 15);
        }
    }

    proptest! {
        #[test]
        fn codes_are_complete(counts in proptest::array::uniform32(prop_oneof![Just(0_u32), 1..9_u32, 1..u32::MAX])) {
            prop_assert_eq!(kraft(&lengths(&counts, 15)), 1 << 15);
        }
    }
}
