//! Corrections: the audit log of what was put right, by which each correction happens once.

use crate::error::StoreResult;

/// Declares the kinds of correction: number in the store, name.
macro_rules! correction_kinds {
    ($($(#[$doc:meta])* $kind:ident $number:literal $name:literal;)*) => {
        /// A kind of correction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum CorrectionKind { $($(#[$doc])* $kind,)* }

        impl CorrectionKind {
            /// All kinds, by number.
            pub const ALL: [Self; [$($number,)*].len()] = [$(Self::$kind,)*];

            /// The number in the store.
            pub const fn number(self) -> i64 {
                match self { $(Self::$kind => $number,)* }
            }

            /// The name that is displayed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

correction_kinds! {
    /// Usage records were taken out.
    Void 1 "void";
    /// Usage records were replaced by others of the same identities.
    Replace 2 "replace";
    /// Usage records were rated again by the present price book.
    Rerate 3 "rerate";
    /// A deposit was reversed, whole or in part.
    Reverse 4 "reverse";
    /// An amount was added to an account or taken from it.
    Adjust 5 "adjust";
}

impl CorrectionKind {
    /// The kind of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// A correction as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its key, unique within the company over all kinds.
    pub key: String,
    /// Its kind.
    pub kind: CorrectionKind,
    /// Digest of the request ([`Correction::digest_of`]): the same key with another digest is another request.
    pub digest: [u8; 16],
    /// When it was made, Unix seconds.
    pub time_s: i64,
    /// Why it was made.
    pub reason: String,
    /// What it refers to, by its kind.
    pub reference: String,
    /// What it did, in a text of the program that makes corrections of its kind.
    pub result: String,
}

impl Correction {
    /// The digest of a request: of its kind and of every part of its content, in a fixed order.
    pub fn digest_of<'a>(kind: CorrectionKind, parts: impl IntoIterator<Item = &'a str>) -> [u8; 16] {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        hasher.update(kind.number().to_le_bytes());
        for part in parts {
            // The length keeps neighbouring parts apart.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let hash: [u8; 32] = hasher.finalize().into();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        digest
    }
}

/// Reads of corrections.
pub trait CorrectionReads {
    /// The correction of a key.
    fn correction(&mut self, company_id: i64, key: &str) -> StoreResult<Option<Correction>>;

    /// Corrections of a company by time and key, from the one after a time and key on.
    fn corrections(
        &mut self,
        company_id: i64,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> StoreResult<Vec<Correction>>;
}

/// Recording corrections.
pub trait CorrectionWrites {
    /// Records a correction; an error if its key is known. The company must be locked.
    fn add_correction(&mut self, company_id: i64, correction: &Correction) -> StoreResult<()>;

    /// Sets the result of a correction that was recorded before it was complete; an error if the key is unknown. The
    /// company must be locked.
    fn set_correction_result(&mut self, company_id: i64, key: &str, result: &str) -> StoreResult<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_with_every_part() {
        let of = |kind, parts: &[&str]| Correction::digest_of(kind, parts.iter().copied());
        let adjust = CorrectionKind::Adjust;
        assert_eq!(of(adjust, &["ab", "c"]), of(adjust, &["ab", "c"]));
        assert_ne!(of(adjust, &["ab", "c"]), of(adjust, &["a", "bc"]));
        assert_ne!(of(adjust, &["ab", "c"]), of(CorrectionKind::Void, &["ab", "c"]));
        assert_ne!(of(adjust, &["ab"]), of(adjust, &["ab", ""]));
        for kind in CorrectionKind::ALL {
            assert_eq!(CorrectionKind::from_number(kind.number()), Some(kind));
        }
    }
}
