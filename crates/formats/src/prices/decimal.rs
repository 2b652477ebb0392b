//! Decimal texts of published lists as unit prices: exponents, a moved point, and rounding to 12 places.

use tollbook_domain::UnitPrice;
use tollbook_domain::money::{MoneyError, UNIT_PRICE_PLACES};

/// More than any double has; what is beyond is no price.
const MAX_EXPONENT: i32 = 400;

/// A number of JSON ÷ 10^`shift` as a unit price, and whether it was rounded (half away from zero) to be one.
pub(super) fn unit_price(number: &str, shift: i32) -> Result<(UnitPrice, bool), MoneyError> {
    let plain = plain_decimal(number, shift)?;
    match UnitPrice::parse(&plain) {
        Ok(price) => Ok((price, false)),
        Err(MoneyError::TooManyPlaces(_)) => Ok((rounded(&plain)?, true)),
        Err(error) => Err(error),
    }
}

/// The same number ÷ 10^`shift` without an exponent.
pub(super) fn plain_decimal(number: &str, shift: i32) -> Result<String, MoneyError> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| MoneyError::NotDecimal)?),
        None => (number, 0i32),
    };
    let point = exponent.checked_sub(shift).filter(|point| (-MAX_EXPONENT..=MAX_EXPONENT).contains(point));
    let point = point.ok_or(MoneyError::TooLarge)?;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    if point == 0 {
        return Ok(mantissa.to_owned());
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = usize::try_from(point.unsigned_abs()).unwrap_or(usize::MAX);
    let (mut whole, fraction) = if point > 0 {
        let fraction = format!("{fraction:0<places$}");
        let (moved, left) = fraction.split_at_checked(places).ok_or(MoneyError::NotDecimal)?;
        (format!("{whole}{moved}"), left.to_owned())
    } else {
        let whole = format!("{whole:0>places$}");
        let (left, moved) = whole.split_at_checked(whole.len() - places).ok_or(MoneyError::NotDecimal)?;
        (left.to_owned(), format!("{moved}{fraction}"))
    };
    if whole.is_empty() {
        whole.push('0');
    }
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// A decimal with more than 12 places, rounded to 12.
fn rounded(plain: &str) -> Result<UnitPrice, MoneyError> {
    let places = usize::try_from(UNIT_PRICE_PLACES).unwrap_or(usize::MAX);
    let end = plain.find('.').map_or(plain.len(), |point| point + 1 + places);
    let (kept, cut) = plain.split_at_checked(end).ok_or(MoneyError::NotDecimal)?;
    let price = UnitPrice::parse(kept)?;
    let up = cut.as_bytes().first().is_some_and(|digit| *digit >= b'5');
    price.steps().checked_add(i64::from(up)).map(UnitPrice::from_steps).ok_or(MoneyError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_json_are_read_exactly_or_rounded_once() {
        // number | shift | price, with ~ when rounded, or the reason
        let table = "
            3                       | 0 | 3.00
            0.18000000000000002     | 0 | ~0.18
            0.08333333333333334     | 0 | ~0.083333333333
            0.0000000000005         | 0 | ~0.000000000001
            0.00000000000049        | 0 | ~0.00
            0.1234567890125         | 0 | ~0.123456789013
            0.1250000000000000000   | 0 | 0.125
            12                      | 3 | 0.012
            1234.5                  | 3 | 1.2345
            0.5                     | 3 | 0.0005
            1.5e-3                  | 0 | 0.0015
            1.5E2                   | 0 | 150.00
            1.234e+2                | 0 | 123.40
            0e0                     | 0 | 0.00
            1e-13                   | 0 | ~0.00
            1e-400                  | 1 | is too large
            1e400                   | 0 | is too large
            1e99999999999           | 0 | must be a plain decimal such as 4.20
            -1                      | 0 | must not be negative
            -1                      | 3 | must not be negative
            9999999999              | 0 | is too large";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let got = match unit_price(cells[0], cells[1].parse().unwrap()) {
                Ok((price, rounded)) => format!("{}{price}", if rounded { "~" } else { "" }),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, cells[2], "{row}");
        }
        assert!(plain_decimal("1e1", 0).is_ok_and(|text| text == "10"));
    }
}
