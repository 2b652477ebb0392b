//! Reasons by which records were not charged, with the number of records of each.

use std::collections::BTreeMap;

/// Most reasons that are told apart.
const MAX_REASONS: usize = 200;
/// Most characters of a class of reasons.
const LONGEST_CLASS: usize = 100;
/// The name of the others.
const OTHERS: &str = "other reasons";

/// Numbers of records by reason. Reasons that differ only in numbers are one: `add up to N, but the record says N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Adds a record.
    pub fn add(&mut self, reason: &str) {
        let reason = without_numbers(reason);
        if let Some(records) = self.0.get_mut(&reason) {
            *records += 1;
            return;
        }
        let name = if self.0.len() < MAX_REASONS { reason } else { OTHERS.to_owned() };
        *self.0.entry(name).or_default() += 1;
    }

    /// Reasons and their numbers of records, the most frequent first.
    pub fn by_frequency(&self) -> Vec<(&str, u64)> {
        let mut reasons: Vec<(&str, u64)> =
            self.0.iter().map(|(reason, records)| (reason.as_str(), *records)).collect();
        reasons.sort_by_key(|(_, records)| std::cmp::Reverse(*records));
        reasons
    }
}

/// The reason without its numbers and the texts in quotes that it repeats from the record, so that there are few of them.
pub fn reason_class(reason: &str) -> String {
    let mut class = String::new();
    for (place, part) in without_numbers(reason).split('"').enumerate() {
        class.push_str(if place % 2 == 0 { part } else { "…" });
    }
    match class.char_indices().nth(LONGEST_CLASS) {
        Some((end, _)) => format!("{}…", &class[..end]),
        None => class,
    }
}

/// The reason with `N` for each number that is a word of its own. Names such as `cache_write_1h` and texts in quotes stay.
pub(crate) fn without_numbers(reason: &str) -> String {
    let mut named = String::with_capacity(reason.len());
    let mut is_quoted = false;
    for word in reason.split_inclusive([' ', ',', ':', '(', ')']) {
        let number = word.trim_end_matches([' ', ',', ':', '(', ')']);
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
            && number.bytes().any(|byte| byte.is_ascii_digit());
        // Bounds such as `is less than 0` are no numbers of the record.
        if is_number && !is_quoted && number != "0" {
            named.push('N');
            named.push_str(&word[number.len()..]);
        } else {
            named.push_str(word);
        }
        is_quoted ^= word.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_reasons_have_no_texts_of_records() {
        for (reason, class) in [
            (
                "model \"gpt 4\" of provider \"x\" has no price in USD",
                "model … of provider … has no price in USD",
            ),
            (
                "quantities: add up to 30, but the record says 31",
                "quantities: add up to N, but the record says N",
            ),
            ("", ""),
        ] {
            assert_eq!(reason_class(reason), class);
        }
        assert_eq!(reason_class(&"é".repeat(1_000)).chars().count(), 101);
    }

    #[test]
    fn reasons_that_differ_in_numbers_are_one() {
        let mut reasons = Reasons::default();
        for reason in [
            "quantities: add up to 30, but the record says 31",
            "quantities: add up to 7, but the record says -1.5",
            "quantities: cache_write_1h: is less than 0",
            "model \"gpt 4\" has no price in USD",
            "model \"gpt 5\" has no price in USD",
            "not a JSON object: EOF while parsing an object (column 15)",
        ] {
            reasons.add(reason);
        }
        assert_eq!(
            reasons.by_frequency(),
            [
                ("quantities: add up to N, but the record says N", 2),
                ("model \"gpt 4\" has no price in USD", 1),
                ("model \"gpt 5\" has no price in USD", 1),
                ("not a JSON object: EOF while parsing an object (column N)", 1),
                ("quantities: cache_write_1h: is less than 0", 1),
            ]
        );
        for number in 0..1_000 {
            reasons.add(&format!("id-{number}x"));
        }
        assert_eq!(reasons.by_frequency()[0], (OTHERS, 805));
    }
}
