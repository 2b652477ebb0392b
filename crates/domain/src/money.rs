//! Exact money: amounts, unit prices, their decimal texts, and the rounding rule ([`divide_rounded`]). Money is rounded
//! nowhere else.

use std::fmt;

pub use crate::decimal::divide_rounded;
use crate::decimal::divide_up;
use crate::decimal::{Decimal, DecimalError, DecimalText};

/// Decimal places of an [`Amount`] (docs/ORDERS.md, "Amounts").
pub const AMOUNT_PLACES: u32 = 8;
/// Decimal places of a [`UnitPrice`] (docs/ORDERS.md, "Amounts").
pub const UNIT_PRICE_PLACES: u32 = 12;
/// 10^(12 − 8): unit-price steps in one amount step.
const PRICE_STEPS_PER_AMOUNT_STEP: i128 = 10_000;
/// 10^(8 − 2): amount steps in 0.01.
const AMOUNT_STEPS_PER_CENT: i128 = 1_000_000;

/// How an amount is rounded, once, from price × quantity (docs/ORDERS.md, "Amounts").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To 8 places, halves away from zero.
    #[default]
    Exact,
    /// Up to the next 0.01.
    CentUp,
}

/// An amount of money, as a count of 10⁻⁸ currency units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// A price for one pricing unit, as a count of 10⁻¹² currency units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(i64);

/// Why a text is not an amount or a price, or why a product does not fit in an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is empty or has anything else than digits and one point.
    #[error("must be a plain decimal such as 4.20")]
    NotDecimal,
    /// The text starts with a minus sign.
    #[error("must not be negative")]
    Negative,
    /// The text has more decimal places than the type holds, other than zeros.
    #[error("must have at most {0} decimal places")]
    TooManyPlaces(u32),
    /// The value does not fit in 64 bits of the smallest step.
    #[error("is too large")]
    TooLarge,
}

impl Amount {
    /// The amount 0.
    pub const ZERO: Self = Self(0);

    /// From a count of 10⁻⁸ currency units.
    pub const fn from_steps(steps: i64) -> Self {
        Self(steps)
    }

    /// The count of 10⁻⁸ currency units.
    pub const fn steps(self) -> i64 {
        self.0
    }

    /// Reads a non-negative plain decimal with at most 8 places.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        parse_steps(text, AMOUNT_PLACES).map(Self)
    }
}

impl UnitPrice {
    /// From a count of 10⁻¹² currency units.
    pub const fn from_steps(steps: i64) -> Self {
        Self(steps)
    }

    /// The count of 10⁻¹² currency units.
    pub const fn steps(self) -> i64 {
        self.0
    }

    /// Reads a non-negative plain decimal with at most 12 places.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        parse_steps(text, UNIT_PRICE_PLACES).map(Self)
    }

    /// A non-negative decimal with at most 12 places, which may have an exponent.
    pub fn from_decimal(number: &DecimalText<'_>) -> Result<Self, MoneyError> {
        steps_or_reason(number, number.steps(UNIT_PRICE_PLACES), UNIT_PRICE_PLACES).map(Self)
    }

    /// A non-negative decimal rounded to 12 places, halves away from zero.
    pub fn from_decimal_half_away(number: &DecimalText<'_>) -> Result<Self, MoneyError> {
        steps_or_reason(number, number.steps_half_away(UNIT_PRICE_PLACES), UNIT_PRICE_PLACES).map(Self)
    }

    /// Amount for `quantity` base units at this price for `units` base units: `price × quantity ÷ units`, rounded to 8
    /// places by [`divide_rounded`].
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    ///
    /// # Panics
    /// If `units` is not positive; the catalogue refuses such a unit.
    pub fn charge(self, quantity: i64, units: i64) -> Result<Amount, MoneyError> {
        self.charge_rounded(quantity, units, Rounding::Exact)
    }

    /// The same by a rounding. It is the only rounding of an order (docs/ORDERS.md, "Amounts"). A negative quantity is
    /// [`MoneyError::Negative`].
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`], [`MoneyError::Negative`].
    ///
    /// # Panics
    /// As [`UnitPrice::charge`].
    pub fn charge_rounded(self, quantity: i64, units: i64, rounding: Rounding) -> Result<Amount, MoneyError> {
        assert!(units > 0, "a pricing unit has at least one base unit");
        let product = i128::from(self.0).checked_mul(i128::from(quantity)).ok_or(MoneyError::TooLarge)?;
        let divisor =
            i128::from(units).checked_mul(PRICE_STEPS_PER_AMOUNT_STEP).ok_or(MoneyError::TooLarge)?;
        let steps = match rounding {
            Rounding::Exact => divide_rounded(product, divisor),
            Rounding::CentUp if product < 0 => return Err(MoneyError::Negative),
            Rounding::CentUp => {
                let divisor = divisor.checked_mul(AMOUNT_STEPS_PER_CENT).ok_or(MoneyError::TooLarge)?;
                divide_up(product, divisor).checked_mul(AMOUNT_STEPS_PER_CENT).ok_or(MoneyError::TooLarge)?
            }
        };
        i64::try_from(steps).map(Amount).map_err(|_| MoneyError::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_decimal(i128::from(self.0), AMOUNT_PLACES, 2))
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_decimal(i128::from(self.0), UNIT_PRICE_PLACES, 2))
    }
}

/// A sum of amounts rounded to 0.01 by [`divide_rounded`], half away from zero; both in 10⁻⁸ currency units. For display alone:
/// nothing is charged or added up by it (docs/EXPORTS.md, "Amounts for people").
pub fn rounded_to_cents(steps: i128) -> i128 {
    divide_rounded(steps, AMOUNT_STEPS_PER_CENT).saturating_mul(AMOUNT_STEPS_PER_CENT)
}

/// Text of a sum of amounts, given in 10⁻⁸ currency units.
pub fn format_amount_sum(steps: i128) -> String {
    format_decimal(steps, AMOUNT_PLACES, 2)
}

/// A sum of amounts in 10⁻⁸ currency units, from its text. It may be negative, and larger than an [`Amount`].
///
/// # Errors
/// The text is not a decimal, has more than 8 places, or does not fit in 128 bits.
pub fn parse_amount_sum(text: &str) -> Result<i128, DecimalError> {
    Decimal::parse(text)?.steps(AMOUNT_PLACES)
}

/// A plain decimal: `steps × 10^-places`, at least `min_places` places, no trailing zeros beyond them, never an
/// exponent (docs/ORDERS.md, "Amounts": `"4.20"`, `"0.00000015"`, `"0.00"`).
pub fn format_decimal(steps: i128, places: u32, min_places: u32) -> String {
    let mut text = String::new();
    push_decimal(&mut text, steps, places, min_places);
    text
}

/// Appends the text of [`format_decimal`]: pages and exports have many amounts, and this allocates nothing for each.
///
/// # Panics
/// If there are more than 19 places.
pub fn push_decimal(text: &mut String, steps: i128, places: u32, min_places: u32) {
    use std::fmt::Write as _;
    let unit = 10_u64.checked_pow(places).expect("at most 19 places");
    let (whole, mut fraction) = divide(steps.unsigned_abs(), unit);
    let mut kept = places;
    while kept > min_places && fraction.checked_rem(10) == Some(0) {
        fraction = fraction.checked_div(10).expect("ten is positive");
        kept = kept.saturating_sub(1);
    }
    if steps < 0 {
        text.push('-');
    }
    // Writing to a String cannot fail.
    let width = usize::try_from(kept).expect("at most 19 places");
    let _ = if kept == 0 { write!(text, "{whole}") } else { write!(text, "{whole}.{fraction:0width$}") };
}

/// Quotient and remainder, in 64 bits if possible, because dividing 128 bits is slow.
fn divide(number: u128, unit: u64) -> (u128, u64) {
    const POSITIVE: &str = "the unit is positive";
    if let Ok(narrow) = u64::try_from(number) {
        let quotient = narrow.checked_div(unit).expect(POSITIVE);
        return (u128::from(quotient), narrow.checked_rem(unit).expect(POSITIVE));
    }
    let wide = u128::from(unit);
    let remainder = number.checked_rem(wide).expect(POSITIVE);
    let remainder = u64::try_from(remainder).expect("a remainder is less than its divisor");
    (number.checked_div(wide).expect(POSITIVE), remainder)
}

/// The count of 10^−`places` currency units of a non-negative plain decimal.
fn parse_steps(text: &str, places: u32) -> Result<i64, MoneyError> {
    let number = DecimalText::parse(text).ok().filter(DecimalText::is_plain).ok_or(MoneyError::NotDecimal)?;
    steps_or_reason(&number, number.steps(places), places)
}

fn steps_or_reason(
    number: &DecimalText<'_>,
    steps: Result<i64, DecimalError>,
    places: u32,
) -> Result<i64, MoneyError> {
    // "-0.00" is zero; any other negative is refused as such, so that the reason is the right one.
    if number.is_negative() {
        return Err(MoneyError::Negative);
    }
    steps.map_err(|error| match error {
        DecimalError::NotDecimal => MoneyError::NotDecimal,
        DecimalError::TooManyPlaces => MoneyError::TooManyPlaces(places),
        DecimalError::TooManyDigits | DecimalError::TooLarge => MoneyError::TooLarge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_parsed_exactly_or_refused_with_the_reason() {
        // text | amount in 10^-8 or the reason
        let table = "
            4.20                 | 420000000
            4.2                  | 420000000
            0                    | 0
            0.00                 | 0
            -0.00                | 0
            0.00000015           | 15
            007.5                | 750000000
            1.000000000000       | 100000000
            92233720368.54775807 | 9223372036854775807
            92233720368.54775808 | is too large
            99999999999999999999 | is too large
            0.000000001          | must have at most 8 decimal places
            -1                   | must not be negative
            -0.000000001         | must not be negative
            1e3                  | must be a plain decimal such as 4.20
            --1                  | must be a plain decimal such as 4.20
            --0                  | must be a plain decimal such as 4.20
            .5                   | must be a plain decimal such as 4.20
            5.                   | must be a plain decimal such as 4.20
            1,5                  | must be a plain decimal such as 4.20
            +1                   | must be a plain decimal such as 4.20
            ٣                    | must be a plain decimal such as 4.20";
        let mut cases = 0;
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.split_once('|').unwrap();
            let got = match Amount::parse(text.trim()) {
                Ok(amount) => amount.steps().to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, expected.trim(), "{row}");
            cases += 1;
        }
        assert_eq!(cases, 22);
        assert_eq!(Amount::parse(""), Err(MoneyError::NotDecimal));
        assert_eq!(UnitPrice::parse("0.0000000000015"), Err(MoneyError::TooManyPlaces(12)));
    }

    #[test]
    fn texts_have_two_places_and_no_further_zeros() {
        for (steps, text) in [
            (420_000_000, "4.20"),
            (15, "0.00000015"),
            (0, "0.00"),
            (-150_000_000, "-1.50"),
            (1, "0.00000001"),
        ] {
            assert_eq!(format_amount_sum(steps), text);
        }
        assert_eq!(UnitPrice::from_steps(1_234_500_000_000).to_string(), "1.2345");
        assert_eq!(format_decimal(12_345, 3, 0), "12.345");
        assert_eq!(format_decimal(12_000, 3, 0), "12");
        assert_eq!(format_decimal(7, 0, 0), "7");
    }

    #[test]
    fn a_charge_is_rounded_once_half_away_from_zero() {
        // price | quantity | base units | amount
        let table = "
            0.004          | 12345   | 1000    | 0.04938
            0.000000000001 | 5000    | 1       | 0.00000001
            0.000000000001 | 4999    | 1       | 0.00
            0.000000000001 | 15000   | 1       | 0.00000002
            1.00           | 1       | 3600    | 0.00027778
            2.00           | 0       | 1000000 | 0.00
            0              | 1000    | 1       | 0.00";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let price = UnitPrice::parse(cells[0]).unwrap();
            let got = price.charge(cells[1].parse().unwrap(), cells[2].parse().unwrap()).unwrap();
            assert_eq!(got.to_string(), cells[3], "{row}");
        }
        let price = UnitPrice::from_steps(i64::MAX);
        assert_eq!(price.charge(i64::MAX, 1), Err(MoneyError::TooLarge));
    }

    #[test]
    fn sums_are_shown_in_cents_half_away_from_zero() {
        // sum | cents
        for (sum, cents) in [
            (0, 0),
            (499_999, 0),
            (500_000, 1),
            (-499_999, 0),
            (-500_000, -1),
            (1_500_000, 2),
            (2_499_999, 2),
            (8_862_930_953_404, 8_862_931),
        ] {
            assert_eq!(rounded_to_cents(sum), cents * 1_000_000, "{sum}");
        }
    }

    #[test]
    fn cents_are_rounded_up_once() {
        // price | quantity | base units | amount
        let table = "
            0.0000021      | 196        | 1    | 0.01
            0.000000000001 | 1          | 1    | 0.01
            0.01           | 1          | 1    | 0.01
            0.010000000001 | 1          | 1    | 0.02
            0.0000021      | 4572524    | 1    | 9.61
            1.00           | 1          | 3600 | 0.01
            3.00           | 3600       | 3600 | 3.00
            2.00           | 0          | 1    | 0.00
            0              | 1000       | 1    | 0.00";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let price = UnitPrice::parse(cells[0]).unwrap();
            let (quantity, units) = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
            let got = price.charge_rounded(quantity, units, Rounding::CentUp).unwrap();
            assert_eq!(got.to_string(), cells[3], "{row}");
        }
        let price = UnitPrice::from_steps(i64::MAX);
        assert_eq!(price.charge_rounded(i64::MAX, 1, Rounding::CentUp), Err(MoneyError::TooLarge));
        // The largest amount of whole cents fits; the next cent does not.
        let cent = UnitPrice::parse("0.01").unwrap();
        let charge = |quantity| cent.charge_rounded(quantity, 1, Rounding::CentUp);
        assert_eq!(charge(9_223_372_036_854).unwrap().to_string(), "92233720368.54");
        assert_eq!(charge(9_223_372_036_855), Err(MoneyError::TooLarge));
    }

    proptest! {
        #[test]
        fn a_cent_rounded_up_is_the_least_that_is_not_below(
            price in 0..=1_000_000_000_000_000_i64, quantity in 0..1_000_000_i64, units in 1..4_000_i64,
        ) {
            let got = UnitPrice::from_steps(price).charge_rounded(quantity, units, Rounding::CentUp);
            let Ok(amount) = got else { return Ok(()) };
            let cents = i128::from(amount.steps()) / AMOUNT_STEPS_PER_CENT;
            prop_assert_eq!(i128::from(amount.steps()) % AMOUNT_STEPS_PER_CENT, 0);
            // In units of 10^-12 / units.
            let exact = i128::from(price) * i128::from(quantity);
            let of = |cents: i128| cents * 10_000_000_000 * i128::from(units);
            prop_assert!(of(cents) >= exact && (cents == 0 || of(cents - 1) < exact));
        }

        #[test]
        fn decimals_equal_long_division(steps in any::<i128>(), places in 0..13u32, min in 0..3u32) {
            let min = min.min(places);
            let digits = format!("{:0>width$}", steps.unsigned_abs(), width = places as usize + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places as usize);
            let kept = fraction.trim_end_matches('0').len().max(min as usize);
            let sign = if steps < 0 { "-" } else { "" };
            let point = if kept > 0 { "." } else { "" };
            let expected = format!("{sign}{whole}{point}{}", &fraction[..kept]);
            prop_assert_eq!(format_decimal(steps, places, min), expected);
        }

        #[test]
        fn text_and_value_are_inverse(steps in 0..=i64::MAX) {
            prop_assert_eq!(Amount::parse(&Amount::from_steps(steps).to_string()), Ok(Amount::from_steps(steps)));
            let price = UnitPrice::from_steps(steps);
            prop_assert_eq!(UnitPrice::parse(&price.to_string()), Ok(price));
        }
    }
}
