//! When a delivery is attempted again: the schedule that Standard Webhooks recommends, over more than three days.

use crate::random;

/// Pauses after the first, second, … failed attempt, in seconds. After the last one there is one more attempt.
pub const DELAYS_S: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Attempts until an event is a dead letter.
pub const ATTEMPTS: i64 = 10;

/// A pause is longer by at most this fraction, so that deliveries which failed together are not attempted together.
const JITTER: i64 = 5;

/// The longest pause that a receiver can ask for, in seconds.
pub(super) const LONGEST_RETRY_AFTER_S: i64 = 86_400;

/// The longest pause between two attempts, in seconds.
pub const LONGEST_DELAY_S: i64 = 86_400 + 86_400 / JITTER;

/// The pause after a number of failed attempts, in seconds, with jitter; `None` after the last one.
pub(super) fn delay_s(attempts: i64) -> Option<i64> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let delay_s = *DELAYS_S.get(place)?;
    let drawn = i64::from(u32::from_le_bytes(random::bytes()));
    Some(delay_s + drawn % (delay_s / JITTER + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_over_days_and_end() {
        for (attempts, least_s) in (1..).zip(DELAYS_S) {
            for _ in 0..100 {
                let delay_s = delay_s(attempts).unwrap();
                assert!((least_s..=least_s + least_s / 5).contains(&delay_s), "{attempts}: {delay_s}");
                assert!(delay_s <= LONGEST_DELAY_S);
            }
        }
        assert_eq!(delay_s(0), None, "the first attempt has no pause before it");
        assert_eq!(delay_s(ATTEMPTS), None);
        assert_eq!(usize::try_from(ATTEMPTS).unwrap(), DELAYS_S.len() + 1);
        let days = DELAYS_S.iter().sum::<i64>() / 86_400;
        assert_eq!(days, 3, "three days and some hours without jitter");
        let drawn: std::collections::BTreeSet<i64> = (0..100).filter_map(|_| delay_s(9)).collect();
        assert!(drawn.len() > 50, "jitter differs");
    }
}
