//! Price lists of the book: their names, order and kinds, and the factor and rates that their prices are imported at
//! (docs/PRICES.md, "Lists").

use std::fmt;

use crate::decimal::DecimalText;
use crate::field_rules::MAX_TEXT_BYTES;
use crate::money::{MoneyError, UnitPrice};
use crate::tenant::CURRENCIES;

/// Name of the list of the operator's own prices, unless another is stated.
pub const OWN_LIST: &str = "own";

/// What a price list is: its name, where its prices are from, and what they were multiplied by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListDescription {
    /// Name; unique in the book, also without regard to ASCII case.
    pub name: String,
    /// Whether the prices are the operator's own: they hold before those of every published list.
    pub is_own: bool,
    /// Form of its files: `toml`, `genai-prices` or `litellm`.
    pub format: String,
    /// By what its prices were multiplied at the last import.
    pub conversion: Conversion,
}

impl PriceListDescription {
    /// The operator's own list.
    pub fn own() -> Self {
        Self::new(OWN_LIST, true, "toml")
    }

    /// A list at the factor 1, in its own currencies.
    pub fn new(name: &str, is_own: bool, format: &str) -> Self {
        let (name, format) = (name.to_owned(), format.to_owned());
        Self { name, is_own, format, conversion: Conversion::default() }
    }
}

/// Why a text cannot be the name of a price list.
///
/// # Errors
/// The reason.
pub fn check_list_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() {
        Err("must not be empty")
    } else if name.len() > MAX_TEXT_BYTES {
        Err("must have at most 256 bytes")
    } else if name != name.trim() || name.contains(',') || name.chars().any(char::is_control) {
        Err("must not have a comma, control characters or spaces at its ends")
    } else {
        Ok(())
    }
}

/// A positive exact decimal by which prices are multiplied: a factor or a rate of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier(UnitPrice);

impl Multiplier {
    /// The factor 1.
    pub const ONE: Self = Self(UnitPrice::from_steps(1_000_000_000_000));

    /// Reads a plain decimal above 0 of at most 12 places.
    ///
    /// # Errors
    /// The reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed = UnitPrice::parse(text).map_err(|error| error.to_string())?;
        Self::from_steps(parsed.steps()).ok_or_else(|| "must be above 0".to_owned())
    }

    /// From a count of 10⁻¹²; `None` unless it is positive.
    pub fn from_steps(steps: i64) -> Option<Self> {
        (steps > 0).then_some(Self(UnitPrice::from_steps(steps)))
    }

    /// The count of 10⁻¹².
    pub const fn steps(self) -> i64 {
        self.0.steps()
    }
}

impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A rate of exchange: what one unit of a currency costs in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Currency of the list's prices.
    pub from: String,
    /// Price of one unit of it, in [`Rate::target`].
    pub rate: Multiplier,
}

impl Rate {
    /// Reads `USD=7.10`.
    ///
    /// # Errors
    /// The reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (from, rate) = text.split_once('=').ok_or("must be a currency and a rate such as USD=7.10")?;
        if !CURRENCIES.contains(&from) {
            return Err(format!("{from:?} is not a currency: one of {}", CURRENCIES.join(", ")));
        }
        let rate = Multiplier::parse(rate).map_err(|reason| format!("the rate {reason}"))?;
        Ok(Self { from: from.to_owned(), rate })
    }

    /// The currency that prices are converted to: there are two, so it is the other one.
    pub fn target(&self) -> &'static str {
        CURRENCIES.into_iter().find(|currency| *currency != self.from).unwrap_or_default()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.from, self.rate)
    }
}

/// By what the prices of a list are multiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Factor of every price.
    pub factor: Multiplier,
    /// Rate of a currency; prices in it become prices in [`Rate::target`].
    pub rate: Option<Rate>,
}

impl Default for Conversion {
    fn default() -> Self {
        Self { factor: Multiplier::ONE, rate: None }
    }
}

/// A price after [`Conversion::apply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Its currency.
    pub currency: String,
    /// The price.
    pub price: UnitPrice,
    /// Whether it was rounded.
    pub is_rounded: bool,
}

impl Conversion {
    /// Whether it changes no price.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// `price × factor × rate`, exact, rounded once to 12 places, half away from zero. `price` is a plain decimal of any
    /// number of places, as the list states it.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] if the product does not fit in a price; others if `price` is none.
    pub fn apply(&self, price: &str, currency: &str) -> Result<Converted, MoneyError> {
        let rate = self.rate.as_ref().filter(|rate| rate.from == currency);
        let mut product = price.to_owned();
        for multiplier in [Some(self.factor), rate.map(|rate| rate.rate)].into_iter().flatten() {
            product = exact_product(&product, &multiplier.to_string())?;
        }
        let exact = DecimalText::parse(&product).map_err(|_| MoneyError::NotDecimal)?;
        let price = UnitPrice::from_decimal_half_away(&exact)?;
        let is_rounded = UnitPrice::from_decimal(&exact).is_err();
        let currency = rate.map_or_else(|| currency.to_owned(), |rate| rate.target().to_owned());
        Ok(Converted { currency, price, is_rounded })
    }
}

/// The product of two plain decimals that are not negative, with all of its digits.
fn exact_product(a: &str, b: &str) -> Result<String, MoneyError> {
    let digits = |text: &str| {
        let number =
            DecimalText::parse(text).ok().filter(DecimalText::is_plain).ok_or(MoneyError::NotDecimal)?;
        if number.has_minus() {
            return Err(MoneyError::Negative);
        }
        let (whole, fraction) = number.plain_digits();
        let digits: Vec<u32> =
            whole.bytes().chain(fraction.bytes()).map(|digit| u32::from(digit.wrapping_sub(b'0'))).collect();
        Ok((digits, fraction.len()))
    };
    let ((a, places_a), (b, places_b)) = (digits(a)?, digits(b)?);
    // Long multiplication; a column has at most as many products of two digits as the shorter number has digits.
    let mut columns = vec![0_u32; a.len().saturating_add(b.len())];
    for (place_a, digit_a) in a.iter().rev().enumerate() {
        for (place_b, digit_b) in b.iter().rev().enumerate() {
            if let Some(column) = columns.get_mut(place_a.saturating_add(place_b)) {
                *column = column.saturating_add(digit_a.saturating_mul(*digit_b));
            }
        }
    }
    let mut carry = 0_u32;
    for column in &mut columns {
        let sum = column.saturating_add(carry);
        (*column, carry) = (sum.checked_rem(10).unwrap_or(0), sum.checked_div(10).unwrap_or(0));
    }
    let places = places_a.saturating_add(places_b);
    let mut text = String::with_capacity(columns.len().saturating_add(1));
    for (place, digit) in columns.iter().enumerate().rev() {
        text.extend(char::from_digit(*digit, 10));
        if place == places && place > 0 {
            text.push('.');
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_and_rate_are_applied_exactly_and_rounded_once() {
        // price | factor | rate | result
        let table = "
            1.25                | 1    |          | 1.25 USD
            1.25                | 1.2  | USD=7.10 | 10.65 CNY
            1.25                | 1.2  | CNY=0.14 | 1.50 USD
            0.18000000000000002 | 1    |          | ~0.18 USD
            0.18000000000000002 | 100000 |        | 18000.000000000002 USD
            0.000000000001      | 0.5  |          | ~0.000000000001 USD
            0.000000000001      | 0.7  | USD=0.7  | ~0.00 CNY
            0                   | 1.2  | USD=7.10 | 0.00 CNY
            9000000             | 2    |          | is too large
            0.123456789012      | 1.123456789012 | USD=7.123456789012 | ~0.988011829482 CNY";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let rate = Some(cells[2]).filter(|rate| !rate.is_empty()).map(|rate| Rate::parse(rate).unwrap());
            let conversion = Conversion { factor: Multiplier::parse(cells[1]).unwrap(), rate };
            let got = match conversion.apply(cells[0], "USD") {
                Ok(Converted { currency, price, is_rounded }) => {
                    format!("{}{price} {currency}", if is_rounded { "~" } else { "" })
                }
                Err(error) => error.to_string(),
            };
            assert_eq!(got, cells[3], "{row}");
        }
    }

    #[test]
    fn rates_and_factors_that_mean_nothing_are_refused() {
        // rate | reason
        let table = "
            7.10    | must be a currency and a rate such as USD=7.10
            EUR=7   | \"EUR\" is not a currency: one of CNY, USD
            usd=7   | \"usd\" is not a currency: one of CNY, USD
            USD=0   | the rate must be above 0
            USD=    | the rate must be a plain decimal such as 4.20
            USD=-7  | the rate must not be negative
            USD=7.1000000000000000000000000001   | the rate must have at most 12 decimal places
            USD=123456789012345678901234567890   | the rate is too large
            USD=7,1 | the rate must be a plain decimal such as 4.20";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, reason) = row.split_once('|').unwrap();
            assert_eq!(Rate::parse(text.trim()).unwrap_err(), reason.trim(), "{row}");
        }
        assert_eq!(Multiplier::parse("0.00").unwrap_err(), "must be above 0");
        assert_eq!(Multiplier::parse("1e2").unwrap_err(), "must be a plain decimal such as 4.20");
        assert_eq!(Rate::parse("USD=7.100").unwrap().to_string(), "USD=7.10");
    }

    #[test]
    fn names_of_lists_can_be_written_in_an_order() {
        for name in ["own", "genai-prices", "Preisliste 2026", "价格"] {
            assert_eq!(check_list_name(name), Ok(()));
        }
        for name in ["", " ", "a,b", " a", "a\n"] {
            assert!(check_list_name(name).is_err(), "{name:?}");
        }
    }
}
