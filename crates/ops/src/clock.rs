//! The clock, which is injected into all code that needs the time. Only this file reads the system clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time in Unix seconds.
    fn now_s(&self) -> i64;
}

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
