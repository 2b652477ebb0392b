//! The bytes in which charges and quantities of a usage record, and the rest of it, are kept: variable-length integers, 7 bits a byte, the
//! lowest first. ARCHITECTURE.md has this too, so that an operator can read it.

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
        put_text(&mut bytes, sku);
        put(&mut bytes, quantity.unsigned_abs());
    }
    bytes
}

pub(crate) fn decode_quantities(mut bytes: &[u8]) -> StoreResult<Vec<(String, i64)>> {
    let mut quantities = Vec::new();
    while !bytes.is_empty() {
        quantities.push((take_text(&mut bytes)?, take_number(&mut bytes)?));
    }
    Ok(quantities)
}

/// What the row and the lines of a record do not say. Nothing of it is kept for a record that is stored whole in
/// `uncharged_usage`, except the close number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Number of transactions that had taken usage out of open hours of the company when the record was accepted: it is
    /// in the first order of its line and hour that was made later, unless its charge is pinned.
    pub(crate) close_no: i64,
    pub(crate) provider: String,
    pub(crate) service_tier: String,
    /// The SKUs that are in no charge.
    pub(crate) quantities: Vec<(String, i64)>,
    /// For each charge: 0, or one more than the sequence number of its order. Empty: all are 0.
    pub(crate) pins: Vec<i64>,
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn take_text(bytes: &mut &[u8]) -> StoreResult<String> {
    let length = usize::try_from(take(bytes)?).map_err(|_| damaged())?;
    let (text, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
    *bytes = rest;
    Ok(std::str::from_utf8(text).map_err(|_| damaged())?.to_owned())
}

fn take_number(bytes: &mut &[u8]) -> StoreResult<i64> {
    i64::try_from(take(bytes)?).map_err(|_| damaged())
}

impl Rest {
    /// The close number; then, unless there is no more: provider, service tier, the number of SKUs, each SKU with its
    /// quantity, and the pins. Texts have their length in front.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16);
        put(&mut bytes, self.close_no.unsigned_abs());
        let is_pinned = self.pins.iter().any(|pin| *pin != 0);
        let texts = [&self.provider, &self.service_tier];
        if !is_pinned && self.quantities.is_empty() && texts.iter().all(|text| text.is_empty()) {
            return bytes;
        }
        texts.iter().for_each(|text| put_text(&mut bytes, text));
        put(&mut bytes, self.quantities.len() as u64);
        for (sku, quantity) in &self.quantities {
            put_text(&mut bytes, sku);
            put(&mut bytes, quantity.unsigned_abs());
        }
        if is_pinned {
            self.pins.iter().for_each(|pin| put(&mut bytes, pin.unsigned_abs()));
        }
        bytes
    }

    /// `None` for a record from before schema version 8, of which nothing of this is known.
    pub(crate) fn decode(mut bytes: &[u8]) -> StoreResult<Option<Self>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut rest = Self { close_no: take_number(&mut bytes)?, ..Self::default() };
        if bytes.is_empty() {
            return Ok(Some(rest));
        }
        rest.provider = take_text(&mut bytes)?;
        rest.service_tier = take_text(&mut bytes)?;
        for _ in 0..take(&mut bytes)? {
            rest.quantities.push((take_text(&mut bytes)?, take_number(&mut bytes)?));
        }
        while !bytes.is_empty() {
            rest.pins.push(take_number(&mut bytes)?);
        }
        Ok(Some(rest))
    }
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
            texts in (".{0,5}", ".{0,5}"),
            pins in prop::collection::vec(0..=i64::MAX, 0..4),
            close_no in 0..=i64::MAX,
        ) {
            let bytes = encode_charges(charges.iter().copied());
            prop_assert_eq!(decode_charges(&bytes).unwrap(), charges);
            prop_assert_eq!(&decode_quantities(&encode_quantities(&quantities)).unwrap(), &quantities);
            let pins = if pins.iter().all(|pin| *pin == 0) { Vec::new() } else { pins };
            let rest = Rest { close_no, provider: texts.0, service_tier: texts.1, quantities, pins };
            prop_assert_eq!(Rest::decode(&rest.encode()).unwrap(), Some(rest));
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (decode_charges(&bytes), decode_quantities(&bytes), Rest::decode(&bytes));
        }
    }
}
