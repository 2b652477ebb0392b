//! Verification and retention.

use tollbook_domain::Catalogue;

use crate::error::StoreResult;
use crate::verification::{PartSizes, VerificationPart, VerifiedPart};

/// Result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Number of orders that were counted.
    pub orders: i64,
    /// One line of text per difference.
    pub differences: Vec<String>,
}

/// Verification of a company.
pub trait Verify {
    /// Recounts every order of a company, compares the result with rollups, tiles, numbers, charging and exports, and
    /// checks the rules of [`NewOrder::check`](tollbook_domain::NewOrder::check). Reports at most `limit` differences;
    /// a consistent store has none.
    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification>;

    /// Checks what belongs to no company or is derived from nothing: the storage of all tables and indexes by what the
    /// database offers for it, and the digests of keys, prices, discounts, names and settings. Returns one line of text
    /// per difference, at most `limit`.
    fn verify_deployment(&mut self, limit: usize) -> StoreResult<Vec<String>>;

    /// The parts in which what belongs to no company can be verified, each in a snapshot of its own.
    fn parts_of_deployment(&mut self) -> StoreResult<Vec<VerificationPart>>;

    /// The parts in which a company can be verified, each in a snapshot of its own. Together they find what
    /// [`Verify::verify`] finds, but for sums over the whole company that take a recount of all of it.
    fn parts_of_company(&mut self, company_id: i64, sizes: &PartSizes) -> StoreResult<Vec<VerificationPart>>;

    /// Verifies a part in this snapshot, whose first read this should be. Reports at most `limit` differences. What
    /// is larger than `sizes` is divided or skipped.
    fn verify_part(
        &mut self,
        part: &VerificationPart,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        limit: usize,
    ) -> StoreResult<VerifiedPart>;
}

/// Deleting data that is older than its retention period.
pub trait Retention {
    /// Deletes up to `limit` paid and revoked orders of a company that begin before a time, and subtracts them from
    /// rollups. Returns their number; if it is less than `limit`, no such order remains. After the first call, the
    /// company accepts no order that begins before that time ([`Outcome::Pruned`](crate::Outcome::Pruned)). Keeps all
    /// orders from the oldest hour with usage that is not ordered yet.
    fn prune(&mut self, company_id: i64, before_s: i64, limit: usize) -> StoreResult<usize>;

    /// Deletes the identities of usage records of UTC days whose hours were last written before a time and have nothing
    /// open, up to `limit` records. Returns their number. Such days, and times within 24 hours of their hours, accept no
    /// more usage.
    fn expire_identities(&mut self, company_id: i64, written_before_s: i64, limit: i64)
    -> StoreResult<usize>;
}
