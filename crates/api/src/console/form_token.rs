//! The token of a session's forms.

use sha2::{Digest as _, Sha256};

/// The token of the forms of a session. It follows from the token in the cookie, which nothing but the browser has.
pub(super) fn token_of(session_token: &str) -> String {
    let digest = Sha256::new().chain_update(b"tollbook form\0").chain_update(session_token).finalize();
    hex::encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_a_token_of_its_own() {
        assert_eq!(token_of("a"), token_of("a"));
        assert_ne!(token_of("a"), token_of("b"));
        assert_eq!(token_of("a").len(), 64);
    }
}
