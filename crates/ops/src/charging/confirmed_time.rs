//! A second opinion on the time before something is deleted for good. What the clock says must agree with the clock of the
//! database server, if there is one, and with what the deployment has seen for an hour before. Seconds or minutes of a wrong
//! clock then delete nothing; all that a late confirmation costs is that something is deleted later.

use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_store::{Store, StoreResult};

use crate::clock::Opinion;

/// Name of the setting with the times at which the clock was looked at: the first of an even stretch, and the last.
const SEEN: &str = "clock seen";
/// Longest time between two looks of one stretch. The clock is looked at once an hour.
const LONGEST_GAP_S: i64 = 2 * HOUR_S;
/// How far a later look may seem to be earlier, because it is that of another server.
const CLOCK_DIFFERENCE_S: i64 = 600;
/// How long a stretch must be.
const CONFIRMED_AFTER_S: i64 = 50 * 60;

/// The longest pause of all servers after which a clock is doubted for minutes only.
const SHORT_PAUSE_S: i64 = 3 * DAY_S;
/// How long it is doubted after a short pause: a clock that was wrong when its machine started is set within minutes.
const SHORT_DOUBT_S: i64 = 10 * 60;

/// A second opinion on the time at the start of a server: the clock of the database server, or else the newest time at
/// which a server has looked at its clock.
///
/// # Errors
/// Those of the store.
pub fn second_opinion(store: &dyn Store, now_s: i64) -> StoreResult<Opinion> {
    let mut snapshot = store.snapshot()?;
    if let Some(database_s) = snapshot.database_clock_s()? {
        let ahead_s = now_s.saturating_sub(database_s);
        let agrees = ahead_s.saturating_abs() <= CLOCK_DIFFERENCE_S;
        return Ok(if agrees { Opinion::Agrees } else { Opinion::Differs { ahead_s } });
    }
    let Some(seen) = snapshot.setting(SEEN)?.as_deref().and_then(Stretch::parse) else {
        return Ok(Opinion::Agrees);
    };
    if seen.continues_at(now_s) {
        return Ok(Opinion::Agrees);
    }
    let gap_s = now_s.saturating_sub(seen.last_s);
    let is_short = (0..=SHORT_PAUSE_S).contains(&gap_s);
    Ok(Opinion::Unconfirmed { gap_s, doubt_s: if is_short { SHORT_DOUBT_S } else { CONFIRMED_AFTER_S } })
}

/// Whether the time is confirmed: two looks that are at least 50 minutes apart, without a leap between them. The look is
/// stored. The first look after a pause of more than two hours confirms nothing.
///
/// # Errors
/// Those of the store.
pub(super) fn is_time_confirmed(store: &dyn Store, now_s: i64) -> StoreResult<bool> {
    let mut transaction = store.begin()?;
    if let Some(database_s) = transaction.database_clock_s()? {
        let ahead_s = now_s.saturating_sub(database_s);
        if ahead_s.saturating_abs() > CLOCK_DIFFERENCE_S {
            tracing::warn!(
                ahead_s,
                "the clock differs from the database server's; nothing is deleted until they agree"
            );
            return Ok(false);
        }
    }
    let seen = transaction.setting(SEEN)?.as_deref().and_then(Stretch::parse);
    let stretch = match seen {
        Some(seen) if seen.continues_at(now_s) => Stretch { last_s: now_s, ..seen },
        Some(seen) => {
            let leap_s = now_s.saturating_sub(seen.last_s);
            tracing::warn!(
                leap_s,
                "the clock has leapt, or no server ran; nothing is deleted until the time is confirmed"
            );
            Stretch { first_s: now_s, last_s: now_s }
        }
        None => Stretch { first_s: now_s, last_s: now_s },
    };
    transaction.set_setting(SEEN, &stretch.to_text())?;
    transaction.commit()?;
    Ok(now_s.saturating_sub(stretch.first_s) >= CONFIRMED_AFTER_S)
}

/// Looks at the clock without a leap between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    first_s: i64,
    last_s: i64,
}

impl Stretch {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once(' ')?;
        Some(Self { first_s: first.parse().ok()?, last_s: last.parse().ok()? })
    }

    fn to_text(self) -> String {
        format!("{} {}", self.first_s, self.last_s)
    }

    const fn continues_at(self, now_s: i64) -> bool {
        now_s >= self.last_s.saturating_sub(CLOCK_DIFFERENCE_S)
            && now_s <= self.last_s.saturating_add(LONGEST_GAP_S)
    }
}

#[cfg(test)]
mod tests {
    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;

    #[test]
    fn a_time_is_confirmed_by_an_hour_without_a_leap() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let confirmed = |now_s| is_time_confirmed(store.as_ref(), now_s).unwrap();
        let start_s = 1_764_547_200;
        assert!(!confirmed(start_s), "nothing is known about the first time");
        assert!(!confirmed(start_s + 2_999));
        assert!(confirmed(start_s + 3_600));
        assert!(confirmed(start_s + 3_500), "another server is a little behind");
        let leapt_s = start_s + 400 * DAY_S;
        assert!(!confirmed(leapt_s) && !confirmed(leapt_s + 2), "seconds of a wrong clock");
        assert!(!confirmed(start_s + 7_200), "the clock is right again, which must be confirmed too");
        assert!(confirmed(start_s + 3 * 3_600));
        assert!(!confirmed(start_s + 6 * 3_600), "the servers did not run");
        assert!(confirmed(start_s + 7 * 3_600));
    }

    #[test]
    fn the_newest_time_is_a_second_opinion_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let start_s = 1_764_547_200;
        let opinion = |now_s| second_opinion(store.as_ref(), now_s).unwrap();
        assert_eq!(opinion(start_s), Opinion::Agrees, "nothing is known");
        is_time_confirmed(store.as_ref(), start_s).unwrap();
        let unconfirmed = |gap_s, doubt_s| Opinion::Unconfirmed { gap_s, doubt_s };
        for (gap_s, expected) in [
            (0, Opinion::Agrees),
            (-600, Opinion::Agrees),
            (7_200, Opinion::Agrees),
            (7_201, unconfirmed(7_201, 600)),
            (3 * DAY_S, unconfirmed(3 * DAY_S, 600)),
            (3 * DAY_S + 1, unconfirmed(3 * DAY_S + 1, 3_000)),
            (400 * DAY_S, unconfirmed(400 * DAY_S, 3_000)),
            (-601, unconfirmed(-601, 3_000)),
        ] {
            assert_eq!(opinion(start_s + gap_s), expected, "{gap_s}");
        }
    }

    #[test]
    fn a_damaged_setting_confirms_nothing() {
        for text in ["", "1", "x 1", "1 x", "1 2 3"] {
            assert_eq!(Stretch::parse(text), None, "{text}");
        }
        let stretch = Stretch { first_s: -1, last_s: 7 };
        assert_eq!(Stretch::parse(&stretch.to_text()), Some(stretch));
    }
}
