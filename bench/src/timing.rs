//! Times of repeated work, their percentiles, and how numbers are shown.

use std::time::{Duration, Instant};

use crate::result::Result;

/// How often work is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    /// Measured repetitions.
    pub(crate) iterations: usize,
    /// Time after which no further repetition begins, except for the first [`MIN_ITERATIONS`].
    pub(crate) max_time: Duration,
}

/// Repetitions of even the slowest work.
const MIN_ITERATIONS: usize = 5;

impl Sampling {
    /// Times `work` after a warm-up. `check` is called with each answer and is not timed.
    pub(crate) fn time<T>(
        self,
        mut work: impl FnMut() -> Result<T>,
        mut check: impl FnMut(T) -> Result,
    ) -> Result<Timings> {
        let began = Instant::now();
        for _ in 0..(self.iterations / 10).max(1) {
            check(work()?)?;
            if began.elapsed() > self.max_time / 10 {
                break;
            }
        }
        let began = Instant::now();
        let mut samples = Vec::with_capacity(self.iterations);
        while samples.len() < self.iterations
            && (samples.len() < MIN_ITERATIONS || began.elapsed() < self.max_time)
        {
            let started = Instant::now();
            let answer = work()?;
            samples.push(started.elapsed());
            check(answer)?;
        }
        samples.sort_unstable();
        Ok(Timings(samples))
    }
}

/// Times of the repetitions in ascending order; at least one.
#[derive(Clone, Debug)]
pub(crate) struct Timings(Vec<Duration>);

impl Timings {
    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    fn at(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(50)
    }

    pub(crate) fn p95(&self) -> Duration {
        self.at(95)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(99)
    }

    pub(crate) fn max(&self) -> Duration {
        self.at(100)
    }

    pub(crate) fn min(&self) -> Duration {
        self.at(0)
    }

    /// All times in whole microseconds.
    pub(crate) fn micros(&self) -> Vec<u64> {
        self.0.iter().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).collect()
    }

    /// Median, 95th percentile and minimum as text, in milliseconds.
    pub(crate) fn shown(&self) -> String {
        let [median, p95, min] = [self.median(), self.p95(), self.min()].map(millis);
        format!("{median} ({p95}, {min})")
    }
}

/// Milliseconds with about three significant digits.
pub(crate) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    let places = match millis {
        0.0..1.0 => 3,
        0.0..10.0 => 2,
        0.0..100.0 => 1,
        _ => 0,
    };
    format!("{millis:.places$}")
}

/// The ratio `time / other` as text.
pub(crate) fn times(time: Duration, other: Duration) -> String {
    let ratio = time.as_secs_f64() / other.as_secs_f64().max(1e-9);
    // At least two significant digits.
    let places = match ratio {
        0.0..0.001 => 5,
        0.0..0.01 => 4,
        0.0..0.1 => 3,
        0.0..10.0 => 2,
        0.0..100.0 => 1,
        _ => 0,
    };
    format!("{ratio:.places$}×")
}

/// The rate per second.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of orders is far below 2^52")]
    let count = count as f64;
    count / time.as_secs_f64().max(1e-9)
}

/// A whole number with thousands separators.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let timings = Timings::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(timings.median(), Duration::from_millis(100));
        assert_eq!(timings.p95(), Duration::from_millis(190));
        assert_eq!(timings.min(), Duration::from_millis(1));
        assert_eq!(timings.shown(), "100 (190, 1.00)");
        assert_eq!(Timings::of(vec![Duration::from_micros(7)]).p95(), Duration::from_micros(7));
    }

    #[test]
    fn slow_work_is_repeated_the_minimum_number_of_times() {
        let sampling = Sampling { iterations: 100, max_time: Duration::ZERO };
        let timings = sampling.time(|| Ok(()), Ok).unwrap();
        assert_eq!(timings.micros().len(), MIN_ITERATIONS);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, 10_000_000].map(grouped), ["0", "999", "1,000", "10,000,000"]);
        let ratios = [(3, 2), (3, 2_000), (300, 2), (1, 3_000)];
        let ratios = ratios.map(|(one, other)| times(Duration::from_secs(one), Duration::from_secs(other)));
        assert_eq!(ratios, ["1.50×", "0.0015×", "150×", "0.00033×"]);
        assert_eq!(millis(Duration::from_micros(1_234)), "1.23");
    }
}
