//! Passwords of the console's users: the rule for new ones, and their hashes.

use std::sync::{Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use crate::random;

/// Fewest characters of a new password.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Most bytes of a password.
pub const MAX_PASSWORD_BYTES: usize = 256;
/// Bytes of the salt of a hash.
const SALT_BYTES: usize = 16;

/// One hash is computed at a time: it takes 19 MiB, and anyone may ask for one.
static HASHING: Mutex<()> = Mutex::new(());

/// Why a password cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("the password must have at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// It is too long.
    #[error("the password must have at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// It consists of one or two characters, repeated, or is the email address.
    #[error("the password is too easy to guess")]
    Guessable,
    /// It cannot be hashed.
    #[error("the password cannot be hashed")]
    Hash,
}

/// The PHC string of a new password: argon2id with the parameters that OWASP recommends, 19 MiB and two passes.
///
/// # Errors
/// The password breaks a rule.
pub(super) fn hash(password: &str, email: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLong);
    }
    let mut distinct: Vec<char> = password.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 3 || password.eq_ignore_ascii_case(email) {
        return Err(PasswordError::Guessable);
    }
    hash_any(password).ok_or(PasswordError::Hash)
}

fn hash_any(password: &str) -> Option<String> {
    let _one = HASHING.lock().unwrap_or_else(PoisonError::into_inner);
    let salt: [u8; SALT_BYTES] = random::bytes();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Whether a password is that of a PHC string. Without one it takes as long and is not, so that the time does not reveal
/// which users there are.
pub(super) fn verify(password: &str, stored: Option<&str>) -> bool {
    if password.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    let Some(stored) = stored.filter(|stored| !stored.is_empty()) else {
        let _ = hash_any(password);
        return false;
    };
    let _one = HASHING.lock().unwrap_or_else(PoisonError::into_inner);
    let parsed = PasswordHash::new(stored);
    parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_that_of_its_hash() {
        let first = hash("correct horse battery", "a@b.example").unwrap();
        let second = hash("correct horse battery", "a@b.example").unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(verify("correct horse battery", Some(&first)));
        assert!(!verify("correct horse batterz", Some(&first)));
        assert!(!verify("correct horse battery", Some("")));
        assert!(!verify("correct horse battery", Some("nonsense")));
        assert!(!verify("correct horse battery", None));
    }

    #[test]
    fn guessable_passwords_are_refused() {
        for (password, error) in [
            ("short", PasswordError::TooShort),
            ("密码密码密码密码密码密", PasswordError::TooShort),
            ("aaaaaaaaaaaaaa", PasswordError::Guessable),
            ("abababababab", PasswordError::Guessable),
            ("Clerk@acme.example", PasswordError::Guessable),
        ] {
            assert_eq!(hash(password, "clerk@acme.example"), Err(error), "{password}");
        }
        assert_eq!(hash(&"x".repeat(257), ""), Err(PasswordError::TooLong));
    }
}
