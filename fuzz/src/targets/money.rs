//! Decimals and amounts: one reader of digits against another, written and read again, rounded by at most half a step.

use tollbook_domain::decimal::{Decimal, DecimalText, divide_rounded};
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES};
use tollbook_domain::{Amount, UnitPrice};

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, more) = text.split_once(' ').unwrap_or((text, ""));
    let amount = Amount::parse(text);
    assert_eq!(amount.ok().map(Amount::steps), naive_steps(text, AMOUNT_PLACES), "{text}");
    let price = UnitPrice::parse(text);
    assert_eq!(price.ok().map(UnitPrice::steps), naive_steps(text, UNIT_PRICE_PLACES), "{text}");
    if let Ok(amount) = amount {
        assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
    }
    if let Ok(price) = price {
        assert_eq!(UnitPrice::parse(&price.to_string()), Ok(price));
        charge(price, more);
    }
    if let Ok(decimal) = DecimalText::parse(text) {
        let exact = UnitPrice::from_decimal(&decimal);
        let rounded = UnitPrice::from_decimal_half_away(&decimal);
        if let Ok(exact) = exact {
            assert_eq!(rounded, Ok(exact), "{text}");
            assert_eq!(decimal.is_plain().then_some(exact), price.ok().filter(|_| decimal.is_plain()));
        }
        // An exponent beyond what memory holds is never written out.
        if decimal.exponent().unsigned_abs() < 400 {
            let (mut whole, fraction) = decimal.plain_digits();
            if whole.is_empty() {
                whole.push('0');
            }
            let plain = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
            assert_eq!(
                UnitPrice::parse(&plain).ok().filter(|_| !decimal.has_minus()),
                exact.ok().filter(|_| !decimal.has_minus()),
                "{text}"
            );
        }
    }
    if let (Ok(a), Ok(b)) = (Decimal::parse(text), Decimal::parse(more)) {
        arithmetic(a, b);
    }
}

/// The amount of a quantity is within half a step of the exact one.
fn charge(price: UnitPrice, more: &str) {
    let mut numbers = more.split(' ').map_while(|number| number.parse::<i64>().ok());
    let (Some(quantity), Some(units)) = (numbers.next(), numbers.next()) else { return };
    if quantity < 0 || units <= 0 {
        return;
    }
    if let Ok(amount) = price.charge(quantity, units) {
        let exact = i128::from(price.steps()).checked_mul(quantity.into());
        let exact = exact.expect("a product of two 64-bit numbers");
        let difference = (exact - i128::from(amount.steps()) * 10_000 * i128::from(units)).abs();
        assert!(difference * 2 <= 10_000 * i128::from(units));
        assert_eq!(i128::from(amount.steps()), divide_rounded(exact, 10_000 * i128::from(units)));
    }
}

fn arithmetic(a: Decimal, b: Decimal) {
    assert_eq!(a.checked_add(b).ok(), b.checked_add(a).ok());
    assert_eq!(a.checked_mul(b).ok(), b.checked_mul(a).ok());
    if let Ok(sum) = a.checked_add(b)
        && let Ok(difference) = sum.checked_sub(b)
    {
        assert_eq!(difference, a);
    }
    let _ = (a.to_i64_half_away(), a.to_i64_floor(12), a.is_negative());
}

/// The steps of a plain decimal, by moving its digits. Zero may have a minus sign.
fn naive_steps(text: &str, places: u32) -> Option<i64> {
    if let Some(positive) = text.strip_prefix('-') {
        return naive_steps(positive, places).filter(|steps| *steps == 0 && !positive.starts_with('-'));
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let places = usize::try_from(places).ok()?;
    if fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}")
        .trim_start_matches('0')
        .parse()
        .or_else(|_| {
            let is_zero = whole.bytes().chain(fraction.bytes()).all(|byte| byte == b'0');
            is_zero.then_some(0).ok_or(())
        })
        .ok()
}
