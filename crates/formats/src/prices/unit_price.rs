//! Numbers of published lists as unit prices: exponents, a moved point, and one rounding to 12 places.

use tollbook_domain::UnitPrice;
use tollbook_domain::decimal::DecimalText;
use tollbook_domain::money::MoneyError;

/// Largest power of ten of a price. A double has no larger one.
const MAX_EXPONENT: u32 = 400;

/// A JSON number ÷ 10^`shift` as a unit price, and whether it was rounded to be one (half away from zero).
pub(super) fn unit_price(number: &str, shift: i32) -> Result<(UnitPrice, bool), MoneyError> {
    let number = shifted(number, shift)?;
    match UnitPrice::from_decimal(&number) {
        Err(MoneyError::TooManyPlaces(_)) => {
            UnitPrice::from_decimal_half_away(&number).map(|price| (price, true))
        }
        price => price.map(|price| (price, false)),
    }
}

/// A JSON number ÷ 10^`shift` as a text without an exponent.
pub(super) fn plain_decimal(number: &str, shift: i32) -> Result<String, MoneyError> {
    let number = shifted(number, shift)?;
    let (whole, fraction) = number.plain_digits();
    let sign = if number.has_minus() { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { &whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

fn shifted(number: &str, shift: i32) -> Result<DecimalText<'_>, MoneyError> {
    let number = DecimalText::parse(number).map_err(|_| MoneyError::NotDecimal)?;
    let shifted = number.times_power_of_ten(-shift);
    shifted.filter(|number| number.exponent().unsigned_abs() <= MAX_EXPONENT).ok_or(MoneyError::TooLarge)
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
