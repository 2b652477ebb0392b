//! The object key pair of a deployment. It signs links, is never a customer's, and must not be logged.

use std::fmt;

/// The public key, which is part of every link, and the private key, which signs.
#[derive(Clone)]
pub struct ObjectKeys {
    public: String,
    private: String,
}

impl ObjectKeys {
    /// A key pair. The public key must not contain `:`, which separates it from the signature in the `Authorization`
    /// header.
    pub fn new(public: impl Into<String>, private: impl Into<String>) -> Self {
        Self { public: public.into(), private: private.into() }
    }

    /// The public key.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The private key, to be shown to the operator alone.
    pub fn private(&self) -> &str {
        &self.private
    }
}

impl fmt::Debug for ObjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectKeys").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_private_key() {
        let shown = format!("{:?}", ObjectKeys::new("TOKEN_1", "very-secret"));
        assert!(shown.contains("TOKEN_1"), "{shown}");
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}
