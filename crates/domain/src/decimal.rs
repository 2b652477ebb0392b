//! Exact decimals: the one reader of decimal texts, arithmetic on what they say, and the roundings, each named after
//! its direction. Nothing is a float; a result that does not fit is an error, never an approximation.

/// Most decimal places of a [`Decimal`].
const MAX_PLACES: u32 = 30;

/// Why a text is not a decimal, or a result cannot be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text has something else than a sign, digits, one point and an exponent.
    #[error("is not a number")]
    NotDecimal,
    /// A 128-bit mantissa or 30 decimal places do not hold the value.
    #[error("a number has more digits than can be calculated with")]
    TooManyDigits,
    /// The value has more decimal places than are wanted, and not only zeros.
    #[error("has too many decimal places")]
    TooManyPlaces,
    /// The count of steps does not fit in 64 bits.
    #[error("does not fit in 64 bits")]
    TooLarge,
}

/// A decimal as it is written: `12`, `-0.5` or `1.5e3`. It may have any number of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalText<'t> {
    is_negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i32,
    is_plain: bool,
}

impl<'t> DecimalText<'t> {
    /// Splits a text into its parts; [`DecimalError::NotDecimal`] if it is no decimal. A plus sign, a missing digit
    /// beside the point and an exponent beyond 32 bits are refused.
    pub fn parse(text: &'t str) -> Result<Self, DecimalError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, Some(exponent.parse().map_err(|_| DecimalError::NotDecimal)?))
            }
            None => (text, None),
        };
        let (is_negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::NotDecimal),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::NotDecimal);
        }
        let is_plain = exponent.is_none();
        Ok(Self { is_negative, whole, fraction, exponent: exponent.unwrap_or(0), is_plain })
    }

    /// Whether it is written without an exponent.
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The power of ten that its digits are multiplied by; 0 if none is written.
    pub const fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Whether it starts with a minus sign; `-0` does.
    pub const fn has_minus(&self) -> bool {
        self.is_negative
    }

    /// Whether it is less than zero.
    pub fn is_negative(&self) -> bool {
        self.is_negative && self.digits().any(|digit| digit != b'0')
    }

    /// The number times 10^`power`; `None` if the exponent does not fit in 32 bits.
    pub fn times_power_of_ten(self, power: i32) -> Option<Self> {
        Some(Self { exponent: self.exponent.checked_add(power)?, ..self })
    }

    /// The digits before and behind the point once the exponent has moved it. Zeros fill the places in between; those
    /// that are written stay. The parts are as long as the exponent says: the caller bounds it.
    pub fn plain_digits(&self) -> (String, String) {
        let places = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
        let (whole, fraction) = (self.whole, self.fraction);
        let (digits, point) = if self.exponent < 0 {
            let whole = format!("{whole:0>places$}");
            let point = whole.len().saturating_sub(places);
            (format!("{whole}{fraction}"), point)
        } else {
            (format!("{whole}{fraction:0<places$}"), whole.len().saturating_add(places))
        };
        let (whole, fraction) = digits.split_at(point);
        (whole.to_owned(), fraction.to_owned())
    }

    /// The number as a count of 10^−`places`; an error if it has more places.
    pub fn steps(&self, places: u32) -> Result<i64, DecimalError> {
        let kept = self.kept_digits(places);
        if self.digits().skip(kept).any(|digit| digit != b'0') {
            return Err(DecimalError::TooManyPlaces);
        }
        self.signed(self.kept_steps(places)?)
    }

    /// The number as a count of 10^−`places`, rounded to the nearest one, halves away from zero.
    pub fn steps_half_away(&self, places: u32) -> Result<i64, DecimalError> {
        let steps = self.kept_steps(places)?;
        // If digits are missing in front, the first that is cut is a zero.
        let is_inside = self.kept_digits_signed(places) >= 0;
        let first_cut = self.digits().nth(self.kept_digits(places));
        let up = is_inside && first_cut.is_some_and(|digit| digit >= b'5');
        self.signed(steps.checked_add(i64::from(up)).ok_or(DecimalError::TooLarge)?)
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    /// How many of the digits stand before the last of `places`; negative if zeros are missing in front.
    fn kept_digits_signed(&self, places: u32) -> i64 {
        let whole = i64::try_from(self.whole.len()).unwrap_or(i64::MAX);
        whole.saturating_add(self.exponent.into()).saturating_add(places.into())
    }

    fn kept_digits(&self, places: u32) -> usize {
        usize::try_from(self.kept_digits_signed(places)).unwrap_or(0)
    }

    /// The number without its sign, cut after `places`.
    fn kept_steps(&self, places: u32) -> Result<i64, DecimalError> {
        let kept = self.kept_digits(places);
        let written = self.whole.len().saturating_add(self.fraction.len());
        let mut steps: i64 = 0;
        for digit in self.digits().take(kept) {
            steps = append_digit(steps, digit).ok_or(DecimalError::TooLarge)?;
        }
        if steps == 0 {
            return Ok(0);
        }
        for _ in written..kept {
            steps = append_digit(steps, b'0').ok_or(DecimalError::TooLarge)?;
        }
        Ok(steps)
    }

    fn signed(&self, steps: i64) -> Result<i64, DecimalError> {
        if self.is_negative { steps.checked_neg().ok_or(DecimalError::TooLarge) } else { Ok(steps) }
    }
}

fn append_digit(number: i64, digit: u8) -> Option<i64> {
    number.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')))
}

/// An exact decimal to calculate with: `mantissa` × 10^−`places`, without zeros at the end of the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    places: u32,
}

impl Decimal {
    fn new(mut mantissa: i128, mut places: u32) -> Result<Self, DecimalError> {
        while places > 0 && mantissa.checked_rem(10) == Some(0) {
            mantissa = mantissa.checked_div(10).ok_or(DecimalError::TooManyDigits)?;
            places = places.saturating_sub(1);
        }
        if places > MAX_PLACES {
            return Err(DecimalError::TooManyDigits);
        }
        Ok(Self { mantissa, places })
    }

    /// Reads `12`, `-0.5` or `1.5e3`.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let text = DecimalText::parse(text)?;
        let mut mantissa: i128 = 0;
        for digit in text.digits() {
            let digit = i128::from(digit.wrapping_sub(b'0'));
            let next = mantissa.checked_mul(10).and_then(|tens| tens.checked_add(digit));
            mantissa = next.ok_or(DecimalError::TooManyDigits)?;
        }
        if mantissa == 0 {
            return Self::new(0, 0);
        }
        if text.is_negative {
            mantissa = mantissa.checked_neg().ok_or(DecimalError::TooManyDigits)?;
        }
        let written = i64::try_from(text.fraction.len()).map_err(|_| DecimalError::TooManyDigits)?;
        let places = written.saturating_sub(text.exponent.into());
        if let Ok(places) = u32::try_from(places) {
            return Self::new(mantissa, places);
        }
        let zeros = u32::try_from(places.unsigned_abs()).map_err(|_| DecimalError::TooManyDigits)?;
        Self::new(scaled(mantissa, zeros)?, 0)
    }

    /// Both mantissas with the same number of places.
    fn aligned(self, other: Self) -> Result<(i128, i128, u32), DecimalError> {
        let places = self.places.max(other.places);
        let widened = |number: Self| scaled(number.mantissa, places.saturating_sub(number.places));
        Ok((widened(self)?, widened(other)?, places))
    }

    /// The exact sum.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        let (a, b, places) = self.aligned(other)?;
        Self::new(a.checked_add(b).ok_or(DecimalError::TooManyDigits)?, places)
    }

    /// The exact difference.
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        let (a, b, places) = self.aligned(other)?;
        Self::new(a.checked_sub(b).ok_or(DecimalError::TooManyDigits)?, places)
    }

    /// The exact product.
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let mantissa = self.mantissa.checked_mul(other.mantissa).ok_or(DecimalError::TooManyDigits)?;
        Self::new(mantissa, self.places.saturating_add(other.places))
    }

    /// Whether it is less than zero.
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The number as a count of 10^−`places`. It must have no more places than that.
    pub fn steps(self, places: u32) -> Result<i128, DecimalError> {
        let zeros = places.checked_sub(self.places).ok_or(DecimalError::TooManyPlaces)?;
        scaled(self.mantissa, zeros)
    }

    /// The nearest whole number, halves away from zero.
    pub fn to_i64_half_away(self) -> Result<i64, DecimalError> {
        let rounded = divide_rounded(self.mantissa, power_of_ten(self.places)?);
        i64::try_from(rounded).map_err(|_| DecimalError::TooLarge)
    }

    /// The largest whole number that is not above the number × 10^−`shift`.
    pub fn to_i64_floor(self, shift: u32) -> Result<i64, DecimalError> {
        let unit = power_of_ten(self.places.saturating_add(shift))?;
        let floor = self.mantissa.checked_div_euclid(unit).ok_or(DecimalError::TooManyDigits)?;
        i64::try_from(floor).map_err(|_| DecimalError::TooLarge)
    }
}

fn power_of_ten(exponent: u32) -> Result<i128, DecimalError> {
    10_i128.checked_pow(exponent).ok_or(DecimalError::TooManyDigits)
}

fn scaled(mantissa: i128, zeros: u32) -> Result<i128, DecimalError> {
    mantissa.checked_mul(power_of_ten(zeros)?).ok_or(DecimalError::TooManyDigits)
}

/// `numerator ÷ divisor`, rounded to the nearest integer, halves away from zero.
///
/// # Panics
/// If `divisor` is not positive.
pub fn divide_rounded(numerator: i128, divisor: i128) -> i128 {
    assert!(divisor > 0, "rounding divides by a positive number");
    let quotient = numerator.checked_div(divisor).expect("the divisor is positive");
    let remainder = numerator.checked_rem(divisor).expect("the divisor is positive").unsigned_abs();
    // remainder < divisor ≤ i128::MAX, so doubling fits in u128.
    let up = remainder.wrapping_mul(2) >= divisor.unsigned_abs();
    if up { quotient.saturating_add(numerator.signum()) } else { quotient }
}

/// `numerator ÷ divisor`, rounded up, for numerators that are not negative.
///
/// # Panics
/// If the divisor is not positive or the numerator is negative.
pub fn divide_up(numerator: i128, divisor: i128) -> i128 {
    assert!(divisor > 0 && numerator >= 0, "rounding up divides by a positive number");
    let quotient = numerator.checked_div(divisor).expect("the divisor is positive");
    let remainder = numerator.checked_rem(divisor).expect("the divisor is positive");
    if remainder > 0 { quotient.saturating_add(1) } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        for (text, rounded, floor) in
            [("2.5", 3, 2), ("-2.5", -3, -3), ("2.4999", 2, 2), ("-0.4", 0, -1), ("7", 7, 7), ("0.5", 1, 0)]
        {
            assert_eq!(number(text).to_i64_half_away(), Ok(rounded), "{text}");
            assert_eq!(number(text).to_i64_floor(0), Ok(floor), "{text}");
        }
        assert_eq!(number("1764547200999").to_i64_floor(3), Ok(1_764_547_200));
        assert_eq!(number("-1").to_i64_floor(3), Ok(-1));
        assert!(number("9223372036854775807.5").to_i64_half_away().is_err());
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        assert_eq!(number("0.1").checked_add(number("0.2")), Ok(number("0.3")));
        assert_eq!(number("1").checked_sub(number("0.001")), Ok(number("0.999")));
        assert_eq!(number("1.25").checked_mul(number("-8")), Ok(number("-10")));
        let huge = number(&"9".repeat(38));
        assert!(huge.checked_add(huge).is_err() && huge.checked_mul(huge).is_err());
        assert!(huge.checked_add(number("0.1")).is_err());
    }

    #[test]
    fn texts_are_counted_in_steps_exactly_or_half_away() {
        use DecimalError::{TooLarge, TooManyPlaces};
        let zeros = "0".repeat(400);
        // text, exact thousandths, nearest thousandths
        for (text, exact, nearest) in [
            ("1.5", Ok(1_500), Ok(1_500)),
            ("-1.5", Ok(-1_500), Ok(-1_500)),
            ("1.0005", Err(TooManyPlaces), Ok(1_001)),
            ("-1.0005", Err(TooManyPlaces), Ok(-1_001)),
            ("1.00049999", Err(TooManyPlaces), Ok(1_000)),
            ("5e-4", Err(TooManyPlaces), Ok(1)),
            ("9e-5", Err(TooManyPlaces), Ok(0)),
            ("5e3", Ok(5_000_000), Ok(5_000_000)),
            ("1e300", Err(TooLarge), Err(TooLarge)),
            ("0e2000000000", Ok(0), Ok(0)),
            ("1e-2000000000", Err(TooManyPlaces), Ok(0)),
            ("9223372036854775.807", Ok(i64::MAX), Ok(i64::MAX)),
            ("9223372036854775.8075", Err(TooManyPlaces), Err(TooLarge)),
            ("9223372036854775.808", Err(TooLarge), Err(TooLarge)),
            (&format!("{zeros}7.{zeros}"), Ok(7_000), Ok(7_000)),
        ] {
            let text = DecimalText::parse(text).unwrap();
            assert_eq!((text.steps(3), text.steps_half_away(3)), (exact, nearest), "{text:?}");
        }
    }

    #[test]
    fn an_exponent_moves_the_point() {
        for (text, whole, fraction) in [
            ("12.50", "12", "50"),
            ("1.234e+2", "123", "4"),
            ("1.5e3", "1500", ""),
            ("0.5e-3", "", "0005"),
            ("1234.5e-3", "1", "2345"),
            ("-7e0", "7", ""),
        ] {
            let digits = DecimalText::parse(text).unwrap().plain_digits();
            assert_eq!((digits.0.as_str(), digits.1.as_str()), (whole, fraction), "{text}");
        }
    }

    proptest! {
        #[test]
        fn rounding_is_within_half_a_step(numerator in any::<i64>(), divisor in 1..=i64::MAX) {
            let (numerator, divisor) = (i128::from(numerator), i128::from(divisor));
            let rounded = divide_rounded(numerator, divisor);
            let error = (numerator - rounded * divisor).abs() * 2;
            prop_assert!(error <= divisor);
            if error == divisor {
                prop_assert!((rounded * divisor).abs() > numerator.abs());
            }
        }

        #[test]
        fn steps_of_a_text_are_those_of_its_value(
            digits in 0..=i64::MAX, point in 0..18usize, exponent in -20..20i32, places in 0..13u32
        ) {
            let digits = format!("{digits:0>20}");
            let text = format!("{}.{}e{exponent}", &digits[..20 - point - 1], &digits[20 - point - 1..]);
            let value = Decimal::parse(&text);
            let text = DecimalText::parse(&text).unwrap();
            if let (Ok(value), Ok(unit)) = (value, Decimal::parse(&format!("1e{places}")))
                && let Ok(steps) = value.checked_mul(unit)
            {
                prop_assert_eq!(text.steps_half_away(places), steps.to_i64_half_away());
                if let Ok(exact) = text.steps(places) {
                    prop_assert_eq!(Ok(exact), steps.to_i64_floor(0));
                }
            }
        }
    }
}
