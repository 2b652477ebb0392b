//! Encodings of the database: damaged bytes are an error, and what can be decoded is the same when it is encoded again.

use tollbook_store::fuzzing::ENCODINGS;

pub(super) fn check(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    let (name, recode) = ENCODINGS[usize::from(*which) % ENCODINGS.len()];
    let Ok(encoded) = recode(bytes) else { return };
    let again = recode(&encoded).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(again, encoded, "{name}");
}
