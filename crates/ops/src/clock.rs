//! The clock, which is injected into all code that needs the time. Only this file reads the system clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time in Unix seconds.
    fn now_s(&self) -> i64;

    /// Seconds since some moment, by a clock that is never set: two readings tell how much time has passed.
    fn elapsed_s(&self) -> i64;
}

/// When this process first asked for the time that has passed.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_s(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the only place that reads the system clock")]
        let now = SystemTime::now();
        // A clock before 1970 was never set; 0 is a valid time of an order.
        now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn elapsed_s(&self) -> i64 {
        i64::try_from(STARTED.elapsed().as_secs()).unwrap_or(i64::MAX)
    }
}

/// A clock that changes only when it is set, for tests and replays.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock at a time in Unix seconds.
    pub const fn at(now_s: i64) -> Self {
        Self(AtomicI64::new(now_s))
    }

    /// Sets the time, in Unix seconds.
    pub fn set(&self, now_s: i64) {
        self.0.store(now_s, Ordering::SeqCst);
    }

    /// Advances the time.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_s(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Time passes by being set.
    fn elapsed_s(&self) -> i64 {
        self.now_s()
    }
}

/// How far the clock may be from where the time that has passed would put it, in seconds, without having leapt.
const LEAP_S: i64 = 60;
/// How long a clock is in doubt after a leap, in seconds.
const DOUBT_S: i64 = 120;

/// Notices that a clock leaps, because it was set or was wrong for a moment. Its time is in doubt for two minutes then, and
/// what depends on the time waits: it is late by two minutes if the clock is right, and does no harm if it is not.
pub struct LeapWatch {
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Look>>,
}

/// The last look at a clock.
#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit, seconds, is the end of every name")]
struct Look {
    now_s: i64,
    elapsed_s: i64,
    /// The `elapsed_s` at which the doubt ends.
    doubted_until_s: i64,
}

impl LeapWatch {
    /// Watches a clock from the first look on.
    pub const fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, last: Mutex::new(None) }
    }

    /// The time; `None` while it is in doubt.
    pub fn certain_now_s(&self) -> Option<i64> {
        let (now_s, elapsed_s) = (self.clock.now_s(), self.clock.elapsed_s());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut doubted_until_s = last.map_or(i64::MIN, |last| last.doubted_until_s);
        if let Some(last) = *last {
            let leap_s =
                now_s.saturating_sub(last.now_s).saturating_sub(elapsed_s.saturating_sub(last.elapsed_s));
            if leap_s.saturating_abs() > LEAP_S {
                tracing::warn!(leap_s, "the clock has leapt; what depends on the time waits for {DOUBT_S} s");
                doubted_until_s = elapsed_s.saturating_add(DOUBT_S);
            }
        }
        *last = Some(Look { now_s, elapsed_s, doubted_until_s });
        (elapsed_s >= doubted_until_s).then_some(now_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that is set apart from the time that passes.
    #[derive(Default)]
    struct SetClock {
        ahead: FixedClock,
        passed: FixedClock,
    }

    impl Clock for SetClock {
        fn now_s(&self) -> i64 {
            self.ahead.now_s() + self.passed.now_s()
        }

        fn elapsed_s(&self) -> i64 {
            self.passed.now_s()
        }
    }

    #[test]
    fn a_clock_that_leaps_is_in_doubt_for_two_minutes() {
        for leap_s in [-7_200, 61, 400 * 86_400] {
            let clock = Arc::new(SetClock::default());
            let watch = LeapWatch::new(Arc::clone(&clock) as Arc<dyn Clock>);
            assert_eq!(watch.certain_now_s(), Some(0));
            clock.passed.advance(1_000);
            clock.ahead.advance(60);
            assert_eq!(watch.certain_now_s(), Some(1_060), "an adjustment");
            clock.ahead.advance(leap_s);
            assert_eq!(watch.certain_now_s(), None, "{leap_s}");
            clock.passed.advance(119);
            assert_eq!(watch.certain_now_s(), None, "{leap_s}");
            // It is right again, which is a leap too.
            clock.ahead.advance(-leap_s);
            assert_eq!(watch.certain_now_s(), None, "{leap_s}");
            clock.passed.advance(119);
            assert_eq!(watch.certain_now_s(), None, "{leap_s}");
            clock.passed.advance(1);
            assert_eq!(watch.certain_now_s(), Some(1_299), "{leap_s}");
        }
    }

    #[test]
    fn the_system_clock_is_past_2025() {
        assert!(SystemClock.now_s() > 1_735_689_600);
    }

    #[test]
    fn a_fixed_clock_changes_only_when_it_is_set() {
        let clock = FixedClock::at(100);
        assert_eq!((clock.now_s(), clock.now_s()), (100, 100));
        clock.advance(5);
        assert_eq!(clock.now_s(), 105);
        clock.set(7);
        assert_eq!(clock.now_s(), 7);
    }
}
