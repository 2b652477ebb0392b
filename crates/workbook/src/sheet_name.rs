//! Sheet names that Excel accepts and that are unique in their workbook.

/// Limit on a sheet's name in UTF-16 units (ECMA-376 part 1, 18.2.19 `sheet`).
const MAX_UNITS: usize = 31;

/// Characters that Excel refuses in the name of a sheet.
const FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

/// The names in use. Excel compares them case-insensitively.
#[derive(Debug, Default)]
pub(crate) struct SheetNames {
    used: Vec<String>,
}

impl SheetNames {
    /// An unused name as close to `wanted` as possible: forbidden characters become spaces, long names are truncated,
    /// and a second use of a name gets `name (2)`.
    pub(crate) fn claim(&mut self, wanted: &str) -> String {
        let cleaned: String = wanted
            .chars()
            .map(|c| {
                if c.is_control() || FORBIDDEN.contains(&c) || matches!(c, '\u{fffe}' | '\u{ffff}') {
                    ' '
                } else {
                    c
                }
            })
            .collect();
        let base = cleaned.trim_matches(|c: char| c == '\'' || c.is_whitespace());
        let base = if base.is_empty() { "Sheet" } else { base };
        let mut name = truncated(base, MAX_UNITS).to_owned();
        let mut number = 1_u32;
        // Excel reserves "History".
        while name.eq_ignore_ascii_case("history") || self.used.contains(&name.to_lowercase()) {
            number += 1;
            let suffix = format!(" ({number})");
            name = format!("{}{suffix}", truncated(base, MAX_UNITS - suffix.len()));
        }
        self.used.push(name.to_lowercase());
        name
    }
}

/// The longest prefix of `name` with at most `units` UTF-16 units, without white space or an apostrophe at its end.
fn truncated(name: &str, units: usize) -> &str {
    let mut left = units;
    let end = name
        .char_indices()
        .find(|(_, c)| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            !fits
        })
        .map_or(name.len(), |(at, _)| at);
    name.split_at(end).0.trim_end_matches(|c: char| c == '\'' || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_and_unique() {
        let mut names = SheetNames::default();
        for (wanted, expected) in [
            ("Paid", "Paid"),
            ("paid", "paid (2)"),
            ("PAID", "PAID (3)"),
            ("a[b]:c*d?e/f\\g", "a b  c d e f g"),
            ("", "Sheet"),
            ("''", "Sheet (2)"),
            ("'quoted'", "quoted"),
            ("History", "History (2)"),
            ("未付订单", "未付订单"),
            ("0123456789012345678901234567890X", "0123456789012345678901234567890"),
            ("0123456789012345678901234567890Y", "012345678901234567890123456 (2)"),
            ("012345678901234567890123456789🙂", "012345678901234567890123456789"),
        ] {
            assert_eq!(names.claim(wanted), expected);
        }
    }
}
