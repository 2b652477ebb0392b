//! The only source of secure randomness: keys, tokens and names that must not be predictable come from here, and from
//! the operating system. Reproducible numbers have a generator of their own in `demo`.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Random bytes.
///
/// # Panics
/// If the operating system provides no randomness.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "this is the only source of randomness")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// 128 random bits.
pub fn u128() -> u128 {
    u128::from_le_bytes(bytes())
}

/// A text of `len` characters of `0-9A-Za-z`, uniformly distributed: 5.95 bits per character.
pub fn token(len: usize) -> String {
    text(len, BASE62)
}

/// A text of `len` characters of `0-9a-z`, uniformly distributed: 5.17 bits per character.
pub fn token_lower(len: usize) -> String {
    text(len, BASE36)
}

fn text(len: usize, alphabet: &[u8]) -> String {
    let mut text = String::with_capacity(len);
    while text.len() < len {
        let drawn = bytes::<64>().into_iter().filter_map(|byte| pick(byte, alphabet));
        text.extend(drawn.take(len - text.len()));
    }
    text
}

/// The character of a byte. Bytes beyond the last whole multiple of the alphabet's size have none; otherwise its first
/// characters would be more frequent.
fn pick(byte: u8, alphabet: &[u8]) -> Option<char> {
    let byte = usize::from(byte);
    let even = 256 - 256 % alphabet.len();
    (byte < even).then(|| char::from(alphabet[byte % alphabet.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_the_same_number_of_bytes() {
        for alphabet in [BASE62.as_slice(), BASE36.as_slice()] {
            let mut counts = std::collections::BTreeMap::new();
            for chosen in (0..=u8::MAX).filter_map(|byte| pick(byte, alphabet)) {
                *counts.entry(chosen).or_insert(0) += 1;
            }
            assert_eq!(counts.len(), alphabet.len());
            assert!(counts.values().all(|count| *count == 256 / alphabet.len()));
        }
    }

    #[test]
    fn tokens_have_the_requested_length_and_differ() {
        for len in [0, 1, 40, 63, 64, 65, 1_000] {
            assert_eq!(token(len).len(), len);
            assert!(token(len).bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(token_lower(len).bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
        }
        assert_ne!(token(40), token(40));
        assert_ne!(u128(), u128());
        assert_ne!(bytes::<32>(), [0; 32]);
    }
}
