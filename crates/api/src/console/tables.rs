//! Cells of tables: exact numbers, times and names.

use maud::{Markup, PreEscaped, html};
use tollbook_domain::money::{format_amount_sum, format_decimal};
use tollbook_export::Zone;
use tollbook_export::fields::{Cell, FieldKind};

use super::text;
use super::visit::Visit;

/// An exact amount. Its text is that of the API; gaps between groups of digits are drawn by the style and not part of it.
pub(super) fn money(steps: i128) -> Markup {
    number(&format_amount_sum(steps), 2)
}

/// A whole number.
pub(super) fn count(number_of: impl ToString) -> Markup {
    number(&number_of.to_string(), 0)
}

/// A decimal number, as the API writes it.
pub(super) fn decimal(text: &str) -> Markup {
    number(text, 2)
}

/// A decimal text, its digits beyond `strong` places in a lighter colour.
fn number(text: &str, strong: usize) -> Markup {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let first = match digits.len() % 3 {
        0 => 3.min(digits.len()),
        rest => rest,
    };
    let (head, rest) = digits.split_at_checked(first).unwrap_or((digits, ""));
    let groups = rest.as_bytes().chunks(3).filter_map(|group| std::str::from_utf8(group).ok());
    let (shown, faint) = fraction.split_at_checked(strong).unwrap_or((fraction, ""));
    html! {
        span class="n" {
            (sign) (head) @for group in groups { i { (group) } }
            @if !fraction.is_empty() { small { "." (shown) @if !faint.is_empty() { em { (faint) } } } }
        }
    }
}

/// A number that leads to the orders that it is the sum of.
pub(super) fn linked(href: Option<&str>, content: Markup) -> Markup {
    match href {
        Some(href) => html! { a class="figure" href=(href) { (content) } },
        None => content,
    }
}

/// A text with a button that copies it, which is only there if scripts run.
pub(super) fn copyable(visit: &Visit<'_>, copied: &str, content: Markup) -> Markup {
    html! {
        span class="copyable" {
            (content)
            button type="button" class="copy" hidden data-copy=(copied) aria-label=(visit.t(text::COPY)) {}
        }
    }
}

/// The value of a field of the API.
pub(super) fn field(kind: FieldKind, cell: &Cell<'_>, zone: &Zone) -> Markup {
    match cell {
        Cell::Text(text) => html! { (text) },
        Cell::OwnedText(text) => html! { (text) },
        Cell::Integer(value) => count(value),
        Cell::Decimal { mantissa, places: 8 } if kind == (FieldKind::Decimal { places: 8 }) => {
            money(*mantissa)
        }
        Cell::Decimal { mantissa, places } => {
            html! { span class="n" { (format_decimal(*mantissa, *places, 2)) } }
        }
        Cell::Time(Some(time_s)) => time(zone, *time_s),
        Cell::Time(None) => PreEscaped(String::new()),
    }
}

/// Whether cells of a kind are right-aligned.
pub(super) const fn is_numeric(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Decimal { .. } | FieldKind::Integer | FieldKind::WideInteger)
}

/// A time in the zone of the brand.
pub(super) fn time(zone: &Zone, time_s: i64) -> Markup {
    html! { time datetime=(rfc3339(time_s)) { (time_text(zone, time_s)) } }
}

/// The same as a text. Most times are whole minutes; those that are not keep their seconds.
pub(super) fn time_text(zone: &Zone, time_s: i64) -> String {
    let text = zone.text(time_s);
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

fn rfc3339(time_s: i64) -> String {
    format!("{}Z", Zone::utc().text(time_s).replace(' ', "T"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that people select and copy.
    fn shown(markup: &Markup) -> String {
        let mut text = String::new();
        let mut is_tag = false;
        for character in markup.0.chars() {
            match character {
                '<' => is_tag = true,
                '>' => is_tag = false,
                other if !is_tag => text.push(other),
                _ => {}
            }
        }
        text
    }

    #[test]
    fn numbers_are_shown_as_the_api_writes_them() {
        for steps in [0, 1, -1, 420_000_000, -123_456_789_012_345, i128::from(i64::MAX) * 4, 99_999_999_999] {
            assert_eq!(shown(&money(steps)), format_amount_sum(steps));
            assert_eq!(shown(&count(steps)), steps.to_string());
        }
    }
}
