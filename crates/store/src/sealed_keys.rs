//! The encrypted private keys of API keys, which are encrypted again when the master key is replaced.

use crate::error::StoreResult;

/// Changes of encrypted private keys.
pub trait SealedKeyWrites {
    /// Replaces the encrypted private key of a key, if it is still `former`. Returns whether it was.
    fn replace_sealed_key(&mut self, public_key: &str, former: &[u8], sealed: &[u8]) -> StoreResult<bool>;
}
