//! Which SKUs count towards the length of a request, by which the prices of long requests are chosen (docs/PRICES.md,
//! "Length of a request").

use std::collections::BTreeMap;

/// SKUs that count, or do not, other than their name says.
const BUILT_IN: &[(&str, bool)] = &[
    // Counted in other units than tokens.
    ("input_audio_second", false),
    ("input_character", false),
    ("input_image_count", false),
    ("input_pixel", false),
    ("input_request", false),
    ("input_second", false),
    ("input_video_second", false),
];

/// The SKUs that go into a request. By default all do whose name says so: `input`, and those that begin with `input_` or
/// `cache_`. The catalogue can state otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSkus {
    /// Whether a SKU counts, where that is stated.
    stated: BTreeMap<String, bool>,
}

impl Default for InputSkus {
    fn default() -> Self {
        Self { stated: BUILT_IN.iter().map(|(sku, counts)| ((*sku).to_owned(), *counts)).collect() }
    }
}

impl InputSkus {
    /// Whether the quantity of a SKU counts towards the length of its request.
    pub fn counts(&self, sku: &str) -> bool {
        match self.stated.get(sku) {
            Some(counts) => *counts,
            None => sku == "input" || sku.starts_with("input_") || sku.starts_with("cache_"),
        }
    }

    /// What is stated of a SKU; `None` if its name decides.
    pub fn stated(&self, sku: &str) -> Option<bool> {
        self.stated.get(sku).copied()
    }

    /// Every SKU of which that is stated, in the order of their names.
    pub fn all_stated(&self) -> impl Iterator<Item = (&str, bool)> {
        self.stated.iter().map(|(sku, counts)| (sku.as_str(), *counts))
    }

    /// States whether a SKU counts.
    pub fn state(&mut self, sku: &str, counts: bool) {
        self.stated.insert(sku.to_owned(), counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_goes_in_counts() {
        let mut skus = InputSkus::default();
        for sku in [
            "input",
            "cache_read",
            "cache_write",
            "cache_write_1h",
            "input_audio",
            "input_image",
            "input_video",
            "cache_audio_read",
            "cache_image_read",
        ] {
            assert!(skus.counts(sku), "{sku}");
        }
        for sku in
            ["output", "output_image", "reasoning", "image", "request", "second", "input_second", "inputs"]
        {
            assert!(!skus.counts(sku), "{sku}");
        }
        skus.state("cache_read", false);
        skus.state("document", true);
        assert!(!skus.counts("cache_read") && skus.counts("document"));
        assert_eq!((skus.stated("document"), skus.stated("input")), (Some(true), None));
    }
}
