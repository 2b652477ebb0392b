//! Exact decimals for mappings: 128-bit mantissa, decimal scale. What does not fit is refused, never approximated.

/// Most decimal places, and the largest exponent that a number of a file may have.
const MAX_PLACES: u32 = 30;

/// `mantissa` × 10^−`places`, without trailing zeros behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    places: u32,
}

const TOO_LARGE: &str = "a number has more digits than can be calculated with";

fn power(exponent: u32) -> Result<i128, String> {
    10i128.checked_pow(exponent).ok_or_else(|| TOO_LARGE.to_owned())
}

impl Decimal {
    fn new(mut mantissa: i128, mut places: u32) -> Result<Self, String> {
        while places > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            places -= 1;
        }
        if places > MAX_PLACES {
            return Err(TOO_LARGE.to_owned());
        }
        Ok(Self { mantissa, places })
    }

    /// Reads `12`, `-0.5` or `1.5e3`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let not = || "is not a number".to_owned();
        let (text, exponent) = match text.split_once(['e', 'E']) {
            Some((text, exponent)) => (text, exponent.parse::<i32>().map_err(|_| not())?),
            None => (text, 0),
        };
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        if whole.is_empty() || fraction == Some("") {
            return Err(not());
        }
        let fraction = fraction.unwrap_or_default();
        let mut mantissa = 0i128;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(not());
            }
            let next = mantissa.checked_mul(10).and_then(|ten| ten.checked_add(i128::from(byte - b'0')));
            mantissa = next.ok_or(TOO_LARGE)?;
        }
        if negative {
            mantissa = -mantissa;
        }
        let fraction = i64::try_from(fraction.len()).map_err(|_| TOO_LARGE)?;
        let places = fraction - i64::from(exponent);
        if mantissa == 0 {
            return Self::new(0, 0);
        }
        if let Ok(places) = u32::try_from(places) {
            return Self::new(mantissa, places);
        }
        let shift = u32::try_from(-places).map_err(|_| TOO_LARGE)?;
        Self::new(mantissa.checked_mul(power(shift)?).ok_or(TOO_LARGE)?, 0)
    }

    /// Both mantissas with the same number of places.
    fn aligned(self, other: Self) -> Result<(i128, i128, u32), String> {
        let places = self.places.max(other.places);
        let scaled = |number: Self| {
            number.mantissa.checked_mul(power(places - number.places)?).ok_or_else(|| TOO_LARGE.to_owned())
        };
        Ok((scaled(self)?, scaled(other)?, places))
    }

    pub(super) fn add(self, other: Self) -> Result<Self, String> {
        let (a, b, places) = self.aligned(other)?;
        Self::new(a.checked_add(b).ok_or(TOO_LARGE)?, places)
    }

    pub(super) fn subtract(self, other: Self) -> Result<Self, String> {
        let (a, b, places) = self.aligned(other)?;
        Self::new(a.checked_sub(b).ok_or(TOO_LARGE)?, places)
    }

    pub(super) fn multiply(self, other: Self) -> Result<Self, String> {
        Self::new(self.mantissa.checked_mul(other.mantissa).ok_or(TOO_LARGE)?, self.places + other.places)
    }

    pub(super) fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The nearest whole number, half away from zero.
    pub(super) fn rounded(self) -> Result<i64, String> {
        let unit = power(self.places)?;
        let (whole, rest) = (self.mantissa / unit, self.mantissa % unit);
        // Twice the rest of at most 10^30 fits.
        let away = if rest.abs() * 2 >= unit { rest.signum() } else { 0 };
        i64::try_from(whole + away).map_err(|_| "does not fit in 64 bits".to_owned())
    }

    /// The whole number at or below one 10^`shift`th of it.
    pub(super) fn floored(self, shift: u32) -> Result<i64, String> {
        let unit = power(self.places + shift)?;
        i64::try_from(self.mantissa.div_euclid(unit)).map_err(|_| "does not fit in 64 bits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, same) in
            [("1.50", "1.5"), ("-0.0", "0"), ("1.5e3", "1500"), ("25E-1", "2.5"), ("007", "7")]
        {
            assert_eq!(number(text), number(same), "{text}");
        }
        for text in
            ["", "-", ".5", "5.", "+5", "1,5", "1e", "0x1", "NaN", "1 ", "1e99", "1e-99", "1.5.5", "--1"]
        {
            assert!(Decimal::parse(text).is_err(), "{text}");
        }
        assert_eq!(Decimal::parse("0e99").unwrap(), number("0"));
        assert!(Decimal::parse(&"9".repeat(60)).is_err());
    }

    #[test]
    fn a_result_is_rounded_once_half_away_from_zero() {
        for (text, rounded, floored) in
            [("2.5", 3, 2), ("-2.5", -3, -3), ("2.4999", 2, 2), ("-0.4", 0, -1), ("7", 7, 7), ("0.5", 1, 0)]
        {
            assert_eq!(number(text).rounded(), Ok(rounded), "{text}");
            assert_eq!(number(text).floored(0), Ok(floored), "{text}");
        }
        assert_eq!(number("1764547200999").floored(3), Ok(1_764_547_200));
        assert_eq!(number("-1").floored(3), Ok(-1));
        assert!(number("9223372036854775807.5").rounded().is_err());
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        assert_eq!(number("0.1").add(number("0.2")), Ok(number("0.3")));
        assert_eq!(number("1").subtract(number("0.001")), Ok(number("0.999")));
        assert_eq!(number("1.25").multiply(number("-8")), Ok(number("-10")));
        let huge = number(&"9".repeat(38));
        assert!(huge.add(huge).is_err() && huge.multiply(huge).is_err());
        assert!(huge.add(number("0.1")).is_err());
    }
}
