//! The hybrid encoding of Parquet ("Encodings", RLE): small numbers as runs of equal ones, and the others packed with as
//! many bits as the largest needs. Dictionary indices and definition levels are written so.

/// Equal numbers that are written as a run. Packed numbers come in groups of as many.
const GROUP: usize = 8;

/// Bits of the largest of `count` numbers that begin with 0. At least one, because some readers fail on none.
pub(super) fn width(count: usize) -> u32 {
    count.saturating_sub(1).checked_ilog2().unwrap_or(0) + 1
}

/// Appends numbers of at most `width` bits.
pub(super) fn encode(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    // Numbers from `packed` on are not written yet.
    let (mut packed, mut at) = (0, 0);
    while let Some(number) = numbers.get(at) {
        let run = numbers[at..].iter().take_while(|other| *other == number).count();
        // Groups are whole: the run completes the last one before it.
        let completing = (at - packed).next_multiple_of(GROUP) - (at - packed);
        if run >= completing + GROUP {
            pack(&numbers[packed..at + completing], width, out);
            repeat(*number, run - completing, width, out);
            packed = at + run;
        }
        at += run;
    }
    pack(&numbers[packed..], width, out);
}

/// Appends flags, as numbers of one bit.
pub(super) fn encode_flags(flags: &[bool], out: &mut Vec<u8>) {
    let numbers: Vec<u32> = flags.iter().map(|flag| u32::from(*flag)).collect();
    encode(&numbers, 1, out);
}

fn repeat(number: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    push_varint((times as u64) << 1, out);
    out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// The last group of all may be incomplete; it is filled with zeros.
fn pack(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(GROUP);
    push_varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    let (mut waiting, mut bits) = (0_u64, 0);
    for number in numbers {
        waiting |= u64::from(*number) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&waiting.to_le_bytes()[..4]);
            waiting >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&waiting.to_le_bytes());
    // Either drops bytes without a number or fills the last group.
    out.resize(end, 0);
}

fn push_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads by the grammar of the specification.
    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let length = usize::try_from(header >> 1).unwrap();
            let bytes_of = |bits: u32| bits.div_ceil(8) as usize;
            if header & 1 == 0 {
                let mut value = [0; 4];
                value[..bytes_of(width)].copy_from_slice(&bytes[..bytes_of(width)]);
                bytes = &bytes[bytes_of(width)..];
                numbers.extend(std::iter::repeat_n(u32::from_le_bytes(value), length));
            } else {
                let (packed, rest) = bytes.split_at(length * width as usize);
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                numbers.extend((0..length * 8).map(|number| {
                    (0..width)
                        .map(|place| bit(number * width as usize + place as usize) << place)
                        .sum::<u32>()
                }));
            }
        }
        assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
        assert!(numbers.len() < count + 8 && numbers[count..].iter().all(|number| *number == 0));
        numbers.truncate(count);
        numbers
    }

    #[test]
    fn a_run_is_written_as_a_run() {
        let mut out = Vec::new();
        encode(&[5; 1_000], 3, &mut out);
        // 1,000 « 1 in two bytes, then the number.
        assert_eq!(out, [0xd0, 0x0f, 5]);
    }

    #[test]
    fn widths() {
        for (count, expected) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (65_536, 16), (65_537, 17)]
        {
            assert_eq!(width(count), expected, "{count}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(
            width in 1_u32..=20,
            runs in prop::collection::vec((any::<u32>(), 1_usize..30), 0..60),
        ) {
            let numbers: Vec<u32> = runs
                .into_iter()
                .flat_map(|(number, times)| std::iter::repeat_n(number % (1 << width), times))
                .collect();
            let mut out = Vec::new();
            encode(&numbers, width, &mut out);
            prop_assert_eq!(decode(&out, width, numbers.len()), numbers);
        }
    }
}
