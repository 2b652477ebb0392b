//! The clock, injected wherever a time is needed. The system's clock is read here and nowhere else.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// Unix seconds.
    fn now_s(&self) -> i64;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_s(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
        let now = SystemTime::now();
        // A clock before 1970 is a machine whose clock was never set; 0 keeps times within what orders may name.
        now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is set, for tests and replays.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Standing at a time in Unix seconds.
    pub const fn at(now_s: i64) -> Self {
        Self(AtomicI64::new(now_s))
    }

    /// Moves it to a time in Unix seconds.
    pub fn set(&self, now_s: i64) {
        self.0.store(now_s, Ordering::SeqCst);
    }

    /// Moves it forward.
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
    fn the_system_knows_that_it_is_past_2025() {
        assert!(SystemClock.now_s() > 1_735_689_600);
    }

    #[test]
    fn a_fixed_clock_stands_until_it_is_moved() {
        let clock = FixedClock::at(100);
        assert_eq!((clock.now_s(), clock.now_s()), (100, 100));
        clock.advance(5);
        assert_eq!(clock.now_s(), 105);
        clock.set(7);
        assert_eq!(clock.now_s(), 7);
    }
}
