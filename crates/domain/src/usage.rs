//! A usage record as a gateway reports it, and the rules that it obeys on its way in (docs/CHARGING.md, "Usage records").

use crate::catalogue::Catalogue;
use crate::order::{MAX_ENUM, MAX_TEXT_BYTES, Refused, require};
use crate::time::{HOUR_S, MAX_TIME_S, hour_of};

/// Most SKUs in one record.
pub const MAX_SKUS: usize = 32;

/// What one request, session or job used. With the hour of its time, `source` and `id` are its identity within the
/// company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The tenant.
    pub company_id: i64,
    /// Names the record among those of its source.
    pub id: String,
    /// Who reports it; may be empty.
    pub source: String,
    /// When it was used, Unix seconds.
    pub time_s: i64,
    /// Organization within the company.
    pub organization_id: i64,
    /// Inference API key or sandbox.
    pub resource_id: String,
    /// 0 when not stated.
    pub resource_type: i64,
    /// Who used it; may be empty.
    pub user_email: String,
    /// Whose model it is; empty when not stated.
    pub provider: String,
    /// Model; may be empty (a sandbox has none).
    pub model_id: String,
    /// A product of the catalogue.
    pub product_code: String,
    /// Where it was used; may be empty.
    pub region: String,
    /// Base units by SKU, sorted by SKU, each SKU once. The counts are disjoint: each token is in one of them.
    pub quantities: Vec<(String, i64)>,
}

/// The bounds of what is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageLimits {
    /// How far back a time may lie, in seconds; `None`: any time.
    pub past_s: Option<i64>,
    /// How far ahead a time may lie, in seconds.
    pub future_s: i64,
    /// Most base units of one SKU in one record.
    pub quantity: i64,
}

impl Usage {
    /// The UTC hour that is a part of its identity.
    pub const fn hour(&self) -> i64 {
        hour_of(self.time_s)
    }

    /// The positive quantities: what there is to charge.
    pub fn used(&self) -> impl Iterator<Item = (&str, i64)> {
        self.quantities
            .iter()
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(sku, quantity)| (sku.as_str(), *quantity))
    }

    /// Length of the request in tokens, by which tiers are chosen: everything on its way in, cached or not.
    pub fn request_length(&self) -> i64 {
        let input = |sku: &str| INPUT_SKUS.contains(&sku);
        self.used()
            .filter(|(sku, _)| input(sku))
            .fold(0i64, |sum, (_, quantity)| sum.saturating_add(quantity))
    }

    /// Everything that makes it this record, for comparing one that has the same identity. Texts have their length in
    /// front, so that no two records are written alike.
    pub fn content(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        let mut text = |text: &str| {
            // A text has at most 256 bytes; a longer one never gets here.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        for field in [
            &self.id,
            &self.source,
            &self.resource_id,
            &self.user_email,
            &self.provider,
            &self.model_id,
            &self.product_code,
            &self.region,
        ] {
            text(field);
        }
        for (sku, _) in &self.quantities {
            text(sku);
        }
        let numbers = [self.company_id, self.time_s, self.organization_id, self.resource_type];
        for number in numbers.into_iter().chain(self.quantities.iter().map(|(_, quantity)| *quantity)) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Checks every rule that needs nothing but the record, the catalogue and the time, in a fixed order, and names
    /// the first that is broken.
    pub fn check(&self, catalogue: &Catalogue, limits: &UsageLimits, now_s: i64) -> Result<(), Refused> {
        require(!self.id.is_empty(), "id", "must not be empty")?;
        require(!self.resource_id.is_empty(), "resource_id", "must not be empty")?;
        for (field, text) in [
            ("id", &self.id),
            ("source", &self.source),
            ("resource_id", &self.resource_id),
            ("user_email", &self.user_email),
            ("provider", &self.provider),
            ("model_id", &self.model_id),
            ("product_code", &self.product_code),
            ("region", &self.region),
        ] {
            require(text.len() <= MAX_TEXT_BYTES, field, "must have at most 256 bytes")?;
            require(!text.contains('\0'), field, "must not contain NUL")?;
        }
        require(
            catalogue.has_product(&self.product_code),
            "product_code",
            "is not a product of the catalogue",
        )?;
        require(
            (0..=MAX_ENUM).contains(&self.resource_type),
            "resource_type",
            "must be between 0 and 2147483647",
        )?;
        self.check_time(limits, now_s)?;
        self.check_quantities(limits)
    }

    fn check_time(&self, limits: &UsageLimits, now_s: i64) -> Result<(), Refused> {
        // Its hour must be one that an order can have.
        let last = MAX_TIME_S.saturating_sub(HOUR_S.saturating_mul(2));
        require((0..=last).contains(&self.time_s), "time", "must be between 1970 and 9999")?;
        if let Some(past_s) = limits.past_s {
            let earliest = now_s.saturating_sub(past_s);
            require(self.time_s >= earliest, "time", "is too far in the past")?;
        }
        require(self.time_s <= now_s.saturating_add(limits.future_s), "time", "is too far in the future")
    }

    fn check_quantities(&self, limits: &UsageLimits) -> Result<(), Refused> {
        require(!self.quantities.is_empty(), "quantities", "must name at least one SKU")?;
        require(self.quantities.len() <= MAX_SKUS, "quantities", "must name at most 32 SKUs")?;
        for (sku, quantity) in &self.quantities {
            require(!sku.is_empty(), "quantities", "has a SKU without a name")?;
            require(sku.len() <= MAX_TEXT_BYTES, "quantities", "has a SKU of more than 256 bytes")?;
            require(!sku.contains('\0'), "quantities", "has a SKU with NUL")?;
            let refused = |what: &str| Err(Refused { field: "quantities", reason: format!("{sku}: {what}") });
            if *quantity < 0 {
                return refused("must not be negative");
            }
            if *quantity > limits.quantity {
                return refused(&format!("must be at most {}", limits.quantity));
            }
        }
        let sorted = self.quantities.is_sorted_by(|(a, _), (b, _)| a < b);
        require(sorted, "quantities", "names a SKU more than once")
    }
}

/// The SKUs that are on the way into a model.
pub const INPUT_SKUS: [&str; 5] = ["cache_audio_read", "cache_read", "cache_write", "input", "input_audio"];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const LIMITS: UsageLimits =
        UsageLimits { past_s: Some(1_000), future_s: 100, quantity: 1_000_000 };

    pub(crate) fn usage() -> Usage {
        Usage {
            company_id: 1,
            id: "r-1".into(),
            source: "gateway".into(),
            time_s: 1_000_000,
            organization_id: 1,
            resource_id: "key-1".into(),
            resource_type: 1,
            user_email: String::new(),
            provider: String::new(),
            model_id: "m".into(),
            product_code: "modelverse".into(),
            region: "cn-wlcb".into(),
            quantities: vec![("input".into(), 10), ("output".into(), 5)],
        }
    }

    #[test]
    fn a_broken_rule_is_named() {
        type Spoil = fn(&mut Usage);
        let table: [(Spoil, &str); 15] = [
            (|u| u.id.clear(), "id: must not be empty"),
            (|u| u.resource_id.clear(), "resource_id: must not be empty"),
            (|u| u.source = "x".repeat(257), "source: must have at most 256 bytes"),
            (|u| u.region = "a\0".into(), "region: must not contain NUL"),
            (|u| u.product_code = "x".into(), "product_code: is not a product of the catalogue"),
            (|u| u.resource_type = -1, "resource_type: must be between 0 and 2147483647"),
            (|u| u.time_s = -1, "time: must be between 1970 and 9999"),
            (|u| u.time_s = 998_999, "time: is too far in the past"),
            (|u| u.time_s = 1_000_101, "time: is too far in the future"),
            (|u| u.quantities.clear(), "quantities: must name at least one SKU"),
            (|u| u.quantities[0].1 = -1, "quantities: input: must not be negative"),
            (|u| u.quantities[1].1 = 1_000_001, "quantities: output: must be at most 1000000"),
            (|u| u.quantities[1].0 = "input".into(), "quantities: names a SKU more than once"),
            (|u| u.quantities[0].0.clear(), "quantities: has a SKU without a name"),
            (|u| u.quantities = vec![("s".into(), 1); 33], "quantities: must name at most 32 SKUs"),
        ];
        for (spoil, expected) in table {
            let mut usage = usage();
            spoil(&mut usage);
            let refused = usage.check(&Catalogue::built_in(), &LIMITS, 1_000_000).unwrap_err();
            assert_eq!(refused.to_string(), expected);
        }
        assert_eq!(usage().check(&Catalogue::built_in(), &LIMITS, 1_000_000), Ok(()));
    }

    #[test]
    fn every_field_is_content() {
        type Change = fn(&mut Usage);
        let changes: [Change; 14] = [
            |u| u.company_id = 2,
            |u| u.id = "r-2".into(),
            |u| u.source = "other".into(),
            |u| u.time_s += 1,
            |u| u.organization_id = 2,
            |u| u.resource_id = "key-2".into(),
            |u| u.resource_type = 2,
            |u| u.user_email = "a@example.com".into(),
            |u| u.provider = "p".into(),
            |u| u.model_id = "n".into(),
            |u| u.product_code = "sandbox".into(),
            |u| u.region = "us-ca".into(),
            |u| u.quantities[0].1 = 11,
            |u| u.quantities[0].0 = "cache_read".into(),
        ];
        let mut seen = vec![usage().content()];
        for change in changes {
            let mut usage = usage();
            change(&mut usage);
            assert!(!seen.contains(&usage.content()));
            seen.push(usage.content());
        }
    }

    #[test]
    fn a_request_is_as_long_as_what_goes_in() {
        let mut usage = usage();
        usage.quantities = vec![
            ("cache_read".into(), 100),
            ("input".into(), 10),
            ("output".into(), 5),
            ("request".into(), 1),
        ];
        assert_eq!(usage.request_length(), 110);
    }
}
