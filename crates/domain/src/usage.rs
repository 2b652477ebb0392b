//! A usage record as a gateway reports it, and the rules it must obey to be accepted (docs/CHARGING.md, "Usage records").

use crate::catalogue::Catalogue;
use crate::field_rules::{MAX_ENUM, MAX_TEXT_BYTES, Refused, require};
use crate::input_skus::InputSkus;
use crate::time::{DAY_S, HOUR_S, MAX_TIME_S, day_of, hour_of};

/// The most SKUs in one record.
pub const MAX_SKUS: usize = 32;

/// The SKU that counts requests.
pub const REQUEST: &str = "request";

/// Records of one `source` and `id` whose times are less than this many seconds apart are one record.
pub const IDENTITY_SPAN_S: i64 = DAY_S;

/// Usage of one request, session or job. Its identity within the company is `source` and `id` within [`IDENTITY_SPAN_S`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The company.
    pub company_id: i64,
    /// Identifier among the records of its source.
    pub id: String,
    /// Gateway or system that reports it; may be empty.
    pub source: String,
    /// Time of the usage, Unix seconds.
    pub time_s: i64,
    /// Organization within the company.
    pub organization_id: i64,
    /// Inference API key or sandbox.
    pub resource_id: String,
    /// What a person calls the key or sandbox; empty if not stated.
    pub resource_name: String,
    /// Number of the resource type; 0 if not stated.
    pub resource_type: i64,
    /// Email address of the user; may be empty.
    pub user_email: String,
    /// Provider of the model; empty if not stated.
    pub provider: String,
    /// Model; empty for a sandbox, which has none.
    pub model_id: String,
    /// Product of the catalogue.
    pub product_code: String,
    /// Region of the usage; may be empty.
    pub region: String,
    /// Service tier of the request, as [`service_tier`] returns it: empty for the ordinary one.
    pub service_tier: String,
    /// Whether the source says that the request was free; only then may a record count nothing.
    pub free: bool,
    /// Base units by SKU, sorted by SKU, each SKU once. The counts are disjoint: each token is in exactly one.
    pub quantities: Vec<(String, i64)>,
}

/// Limits within which usage is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageLimits {
    /// Largest age of a record, in seconds; `None`: unlimited.
    pub past_s: Option<i64>,
    /// Largest distance of a time in the future, in seconds.
    pub future_s: i64,
    /// Largest quantity of one SKU in one record, in base units.
    pub quantity: i64,
}

impl Usage {
    /// The UTC hour of its time.
    pub const fn hour(&self) -> i64 {
        hour_of(self.time_s)
    }

    /// The UTC day of its time.
    pub const fn day(&self) -> i64 {
        day_of(self.time_s)
    }

    /// The positive quantities, which are to be charged.
    pub fn used(&self) -> impl Iterator<Item = (&str, i64)> {
        self.quantities
            .iter()
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(sku, quantity)| (sku.as_str(), *quantity))
    }

    /// Length of the request in tokens, by which long prices are chosen: the sum of the SKUs that count towards it. If the
    /// record is the sum of several requests, their mean, rounded up.
    pub fn request_length(&self, input_skus: &InputSkus) -> i64 {
        let length = self
            .used()
            .filter(|(sku, _)| input_skus.counts(sku))
            .fold(0i64, |sum, (_, quantity)| sum.saturating_add(quantity));
        let requests = self.used().find(|(sku, _)| *sku == REQUEST).map_or(1, |(_, requests)| requests);
        let rounded_up = length.saturating_add(requests.saturating_sub(1));
        rounded_up.checked_div(requests).unwrap_or(length)
    }

    /// The content in bytes, to compare records of the same identity: every field but the time, because some sources
    /// state another one when they send a record again. Texts are preceded by their length, so that different records have
    /// different bytes.
    pub fn content(&self) -> Vec<u8> {
        let numbers = [self.company_id, self.organization_id, self.resource_type];
        self.bytes(&[&self.resource_name, &self.service_tier], &numbers)
    }

    /// The content as it was compared before schema version 8: with the time, and without the fields that came later.
    pub fn content_with_time(&self) -> Vec<u8> {
        self.bytes(&[], &[self.company_id, self.time_s, self.organization_id, self.resource_type])
    }

    fn bytes(&self, later: &[&String], numbers: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        let mut text = |text: &str| {
            // Checked records have texts of at most 256 bytes.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        let first = [
            &self.id,
            &self.source,
            &self.resource_id,
            &self.user_email,
            &self.provider,
            &self.model_id,
            &self.product_code,
            &self.region,
        ];
        for field in first.iter().chain(later) {
            text(field);
        }
        for (sku, _) in &self.quantities {
            text(sku);
        }
        for number in numbers.iter().chain(self.quantities.iter().map(|(_, quantity)| quantity)) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Checks every rule that depends on the record, the catalogue and the current time alone, in a fixed sequence.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self, catalogue: &Catalogue, limits: &UsageLimits, now_s: i64) -> Result<(), Refused> {
        require(!self.id.is_empty(), "id", "must not be empty")?;
        require(!self.resource_id.is_empty(), "resource_id", "must not be empty")?;
        for (field, text) in [
            ("id", &self.id),
            ("source", &self.source),
            ("resource_id", &self.resource_id),
            ("resource_name", &self.resource_name),
            ("user_email", &self.user_email),
            ("provider", &self.provider),
            ("model_id", &self.model_id),
            ("product_code", &self.product_code),
            ("region", &self.region),
            ("service_tier", &self.service_tier),
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
        // The end of its hour must be a time that an order can have.
        let last = MAX_TIME_S.saturating_sub(HOUR_S.saturating_mul(2));
        require((0..=last).contains(&self.time_s), "time", "must be between 1970 and 9999")?;
        if let Some(past_s) = limits.past_s {
            let earliest = now_s.saturating_sub(past_s);
            require(self.time_s >= earliest, "time", "is too far in the past")?;
        }
        require(self.time_s <= now_s.saturating_add(limits.future_s), "time", "is too far in the future")
    }

    fn check_quantities(&self, limits: &UsageLimits) -> Result<(), Refused> {
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
        require(sorted, "quantities", "names a SKU more than once")?;
        let counts = self.used().next().is_some();
        require(counts || self.free, "quantities", "count nothing, and the record is not marked as free")?;
        require(!(counts && self.free), "free", "must not be set if a quantity is more than 0")
    }
}

/// A service tier as the book names it: in lower case; empty for the ordinary one, `default` and `standard`.
pub fn service_tier(stated: &str) -> String {
    let lower = stated.to_ascii_lowercase();
    if matches!(lower.as_str(), "default" | "standard") { String::new() } else { lower }
}

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
            ..Usage::default()
        }
    }

    #[test]
    fn the_broken_rule_is_named() {
        type Break = fn(&mut Usage);
        let table: [(Break, &str); 19] = [
            (|u| u.id.clear(), "id: must not be empty"),
            (|u| u.resource_id.clear(), "resource_id: must not be empty"),
            (|u| u.source = "x".repeat(257), "source: must have at most 256 bytes"),
            (|u| u.region = "a\0".into(), "region: must not contain NUL"),
            (|u| u.product_code = "x".into(), "product_code: is not a product of the catalogue"),
            (|u| u.resource_type = -1, "resource_type: must be between 0 and 2147483647"),
            (|u| u.time_s = -1, "time: must be between 1970 and 9999"),
            (|u| u.time_s = 998_999, "time: is too far in the past"),
            (|u| u.time_s = 1_000_101, "time: is too far in the future"),
            (|u| u.resource_name = "x".repeat(257), "resource_name: must have at most 256 bytes"),
            (|u| u.service_tier = "a\0".into(), "service_tier: must not contain NUL"),
            (|u| u.quantities.clear(), "quantities: count nothing, and the record is not marked as free"),
            (
                |u| u.quantities = vec![("input".into(), 0)],
                "quantities: count nothing, and the record is not marked as free",
            ),
            (|u| u.free = true, "free: must not be set if a quantity is more than 0"),
            (|u| u.quantities[0].1 = -1, "quantities: input: must not be negative"),
            (|u| u.quantities[1].1 = 1_000_001, "quantities: output: must be at most 1000000"),
            (|u| u.quantities[1].0 = "input".into(), "quantities: names a SKU more than once"),
            (|u| u.quantities[0].0.clear(), "quantities: has a SKU without a name"),
            (|u| u.quantities = vec![("s".into(), 1); 33], "quantities: must name at most 32 SKUs"),
        ];
        for (break_rule, expected) in table {
            let mut usage = usage();
            break_rule(&mut usage);
            let refused = usage.check(&Catalogue::built_in(), &LIMITS, 1_000_000).unwrap_err();
            assert_eq!(refused.to_string(), expected);
        }
        assert_eq!(usage().check(&Catalogue::built_in(), &LIMITS, 1_000_000), Ok(()));
        for quantities in [vec![], vec![("input".into(), 0)]] {
            let free = Usage { quantities, free: true, ..usage() };
            assert_eq!(free.check(&Catalogue::built_in(), &LIMITS, 1_000_000), Ok(()));
        }
    }

    #[test]
    fn every_field_but_the_time_changes_the_content() {
        type Change = fn(&mut Usage);
        let changes: [Change; 15] = [
            |u| u.company_id = 2,
            |u| u.id = "r-2".into(),
            |u| u.source = "other".into(),
            |u| u.organization_id = 2,
            |u| u.resource_id = "key-2".into(),
            |u| u.resource_name = "Key 1".into(),
            |u| u.service_tier = "flex".into(),
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
        let later = Usage { time_s: 2_000_000, ..usage() };
        assert_eq!(later.content(), usage().content());
        assert_ne!(later.content_with_time(), usage().content_with_time());
    }

    #[test]
    fn a_service_tier_is_named_in_one_way() {
        for (stated, tier) in
            [("", ""), ("default", ""), ("Standard", ""), ("Flex", "flex"), ("priority", "priority")]
        {
            assert_eq!(service_tier(stated), tier);
        }
    }

    #[test]
    fn request_length_is_the_sum_of_input_tokens() {
        let mut usage = usage();
        usage.quantities = vec![
            ("cache_read".into(), 100),
            ("input".into(), 10),
            ("output".into(), 5),
            ("request".into(), 1),
        ];
        assert_eq!(usage.request_length(&InputSkus::default()), 110);
        for (requests, length) in [(0, 110), (2, 55), (3, 37), (110, 1), (i64::MAX, 1)] {
            usage.quantities[3].1 = requests;
            assert_eq!(usage.request_length(&InputSkus::default()), length, "{requests}");
        }
    }
}
