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

    /// Whether it may be wrong, so that others are asked about the time. A clock of a test or a replay is right.
    fn may_be_wrong(&self) -> bool {
        true
    }
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

    fn may_be_wrong(&self) -> bool {
        false
    }
}

/// How far the clock may be from where the time that has passed would put it, in seconds, without having leapt.
const LEAP_S: i64 = 60;
/// How long a clock is in doubt after a leap, in seconds.
const DOUBT_S: i64 = 120;

/// How often a second opinion is asked for until it agrees, in seconds.
const ASK_AGAIN_S: i64 = 10;

/// What something else says about the time of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It is right, as far as anything can tell.
    Agrees,
    /// Another clock shows another time: that of the database server. It is in doubt for as long as this is so.
    Differs {
        /// Seconds by which the clock is ahead.
        ahead_s: i64,
    },
    /// It is far from the newest time that is known, because it is wrong or because no server ran in between. It is in
    /// doubt until it has run without a leap for a while.
    Unconfirmed {
        /// Seconds by which it is later than the newest known time.
        gap_s: i64,
        /// How long it is in doubt, in seconds.
        doubt_s: i64,
    },
    /// Nothing could be learned.
    Unknown,
}

/// Gives an opinion on a time, in Unix seconds. It may block.
pub type SecondOpinion = Box<dyn Fn(i64) -> Opinion + Send + Sync>;

/// Notices that a clock is wrong. After a leap, because it was set or was wrong for a moment, its time is in doubt for two
/// minutes; at the start, until a second opinion agrees. What depends on the time waits meanwhile: it is late if the clock
/// is right, and does no harm if it is not.
pub struct LeapWatch {
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Look>>,
    /// Taken away once it has agreed.
    start: Mutex<Option<Start>>,
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

/// The doubt at the start.
struct Start {
    ask: SecondOpinion,
    /// The `elapsed_s` at which it is asked again.
    ask_at_s: i64,
    /// The `elapsed_s` since which the clock has run without a leap.
    even_since_s: Option<i64>,
    answer: Opinion,
}

impl Start {
    /// Whether the doubt goes on.
    fn is_in_doubt(&mut self, now_s: i64, elapsed_s: i64, has_leapt: bool) -> bool {
        if has_leapt {
            self.even_since_s = None;
        }
        let even_since_s = *self.even_since_s.get_or_insert(elapsed_s);
        if elapsed_s < self.ask_at_s && !has_leapt {
            return true;
        }
        self.ask_at_s = elapsed_s.saturating_add(ASK_AGAIN_S);
        let before = std::mem::replace(&mut self.answer, (self.ask)(now_s));
        let is_news = std::mem::discriminant(&before) != std::mem::discriminant(&self.answer);
        match self.answer {
            Opinion::Agrees => return false,
            Opinion::Differs { ahead_s } if is_news => tracing::warn!(
                ahead_s,
                "the clock differs from the database server's; what depends on the time waits until they agree"
            ),
            Opinion::Unconfirmed { gap_s, doubt_s } if is_news => tracing::warn!(
                gap_s,
                "the clock is far from the newest time that the deployment has seen: it is wrong, or no server ran; \
                 what depends on the time waits for {doubt_s} s"
            ),
            Opinion::Unconfirmed { doubt_s, .. } => {
                return elapsed_s.saturating_sub(even_since_s) < doubt_s;
            }
            Opinion::Differs { .. } | Opinion::Unknown => {}
        }
        true
    }
}

impl LeapWatch {
    /// Watches a clock from the first look on.
    pub const fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, last: Mutex::new(None), start: Mutex::new(None) }
    }

    /// Watches a clock, which is in doubt at first until a second opinion agrees, unless it cannot be wrong.
    pub fn with_second_opinion(clock: Arc<dyn Clock>, ask: SecondOpinion) -> Self {
        let start = Start { ask, ask_at_s: i64::MIN, even_since_s: None, answer: Opinion::Unknown };
        let start = Mutex::new(clock.may_be_wrong().then_some(start));
        Self { start, ..Self::new(clock) }
    }

    /// The time; `None` while it is in doubt.
    pub fn certain_now_s(&self) -> Option<i64> {
        let (now_s, elapsed_s) = (self.clock.now_s(), self.clock.elapsed_s());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut doubted_until_s = last.map_or(i64::MIN, |last| last.doubted_until_s);
        let mut has_leapt = false;
        if let Some(last) = *last {
            let leap_s =
                now_s.saturating_sub(last.now_s).saturating_sub(elapsed_s.saturating_sub(last.elapsed_s));
            has_leapt = leap_s.saturating_abs() > LEAP_S;
            if has_leapt {
                tracing::warn!(leap_s, "the clock has leapt; what depends on the time waits for {DOUBT_S} s");
                doubted_until_s = elapsed_s.saturating_add(DOUBT_S);
            }
        }
        *last = Some(Look { now_s, elapsed_s, doubted_until_s });
        drop(last);
        let is_in_doubt = elapsed_s < doubted_until_s;
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(doubt) = start.as_mut() {
            if doubt.is_in_doubt(now_s, elapsed_s, has_leapt) {
                return None;
            }
            *start = None;
        }
        (!is_in_doubt).then_some(now_s)
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

    /// A clock that starts far ahead, and what is asked about it.
    fn started(answer: &Arc<Mutex<Opinion>>) -> (Arc<SetClock>, LeapWatch) {
        let clock = Arc::new(SetClock::default());
        clock.ahead.advance(400 * 86_400);
        let answer = Arc::clone(answer);
        let ask = Box::new(move |_| *answer.lock().unwrap());
        let watch = LeapWatch::with_second_opinion(Arc::clone(&clock) as Arc<dyn Clock>, ask);
        (clock, watch)
    }

    #[test]
    fn a_clock_is_in_doubt_at_the_start_until_another_one_agrees() {
        let answer = Arc::new(Mutex::new(Opinion::Unknown));
        let (clock, watch) = started(&answer);
        for doubt in [Opinion::Unknown, Opinion::Differs { ahead_s: 400 * 86_400 }] {
            *answer.lock().unwrap() = doubt;
            for _ in 0..50 {
                assert_eq!(watch.certain_now_s(), None, "{doubt:?}");
                clock.passed.advance(1_000);
            }
        }
        *answer.lock().unwrap() = Opinion::Agrees;
        assert_eq!(watch.certain_now_s(), Some(400 * 86_400 + 100_000));
        // From then on only leaps count.
        *answer.lock().unwrap() = Opinion::Differs { ahead_s: 1 };
        assert!(watch.certain_now_s().is_some());
    }

    #[test]
    fn a_clock_that_nothing_confirms_is_in_doubt_for_a_while_without_a_leap() {
        let answer = Arc::new(Mutex::new(Opinion::Unconfirmed { gap_s: 1, doubt_s: 3_000 }));
        let (clock, watch) = started(&answer);
        assert_eq!(watch.certain_now_s(), None);
        clock.passed.advance(2_999);
        assert_eq!(watch.certain_now_s(), None);
        // It is set again, to another wrong time: the while begins anew.
        clock.ahead.advance(86_400);
        assert_eq!(watch.certain_now_s(), None);
        clock.passed.advance(2_999);
        assert_eq!(watch.certain_now_s(), None);
        clock.passed.advance(10);
        assert!(watch.certain_now_s().is_some());
    }

    #[test]
    fn a_clock_that_is_right_by_definition_is_never_asked_about() {
        let ask: SecondOpinion = Box::new(|_| panic!("asked"));
        let watch = LeapWatch::with_second_opinion(Arc::new(FixedClock::at(5)), ask);
        assert_eq!(watch.certain_now_s(), Some(5));
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
