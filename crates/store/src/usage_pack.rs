//! The encoding of a usage record's charges and quantities: variable-length integers, 7 bits a byte, lowest bits first.
//! ARCHITECTURE.md documents the encoding for operators.

use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("the charges of a usage record cannot be decoded".into())
}

fn take(bytes: &mut &[u8]) -> StoreResult<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or_else(damaged)?;
        *bytes = rest;
        let bits = u64::from(first & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(damaged());
        }
        number |= bits << shift;
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(damaged())
}

/// Encodes line numbers, each followed by the quantity that was added to it.
pub(crate) fn encode_charges(charges: impl Iterator<Item = (LineNo, i64)>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    for (line_no, quantity) in charges {
        put(&mut bytes, line_no.into());
        put(&mut bytes, quantity.unsigned_abs());
    }
    bytes
}

pub(crate) fn decode_charges(mut bytes: &[u8]) -> StoreResult<Vec<(LineNo, i64)>> {
    let mut charges = Vec::new();
    while !bytes.is_empty() {
        let line_no = LineNo::try_from(take(&mut bytes)?).map_err(|_| damaged())?;
        charges.push((line_no, i64::try_from(take(&mut bytes)?).map_err(|_| damaged())?));
    }
    Ok(charges)
}

/// Encodes SKUs, each preceded by its length and followed by its quantity.
pub(crate) fn encode_quantities(quantities: &[(String, i64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (sku, quantity) in quantities {
        put(&mut bytes, sku.len() as u64);
        bytes.extend_from_slice(sku.as_bytes());
        put(&mut bytes, quantity.unsigned_abs());
    }
    bytes
}

pub(crate) fn decode_quantities(mut bytes: &[u8]) -> StoreResult<Vec<(String, i64)>> {
    let mut quantities = Vec::new();
    while !bytes.is_empty() {
        let length = usize::try_from(take(&mut bytes)?).map_err(|_| damaged())?;
        let (sku, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
        bytes = rest;
        let sku = std::str::from_utf8(sku).map_err(|_| damaged())?.to_owned();
        quantities.push((sku, i64::try_from(take(&mut bytes)?).map_err(|_| damaged())?));
    }
    Ok(quantities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            charges in prop::collection::vec((any::<u32>(), 0..=i64::MAX), 0..5),
            quantities in prop::collection::vec((".{0,9}", 0..=i64::MAX), 0..5),
        ) {
            let bytes = encode_charges(charges.iter().copied());
            prop_assert_eq!(decode_charges(&bytes).unwrap(), charges);
            prop_assert_eq!(decode_quantities(&encode_quantities(&quantities)).unwrap(), quantities);
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (decode_charges(&bytes), decode_quantities(&bytes));
        }
    }
}
