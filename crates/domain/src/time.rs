//! Time ranges in Unix seconds, cut into the UTC days and months of the rollups, and civil dates by integer arithmetic.

use std::ops::Range;

/// Seconds in an hour.
pub const HOUR_S: i64 = 3_600;
/// Seconds in a UTC day; Unix time has no leap seconds.
pub const DAY_S: i64 = 86_400;
/// The latest time a request or an order may name: 9999-12-31T23:59:59Z (docs/ORDERS.md, "Limits").
pub const MAX_TIME_S: i64 = 253_402_300_799;

/// A half-open range of Unix seconds, `[start_s, end_s)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    start_s: i64,
    end_s: i64,
}

impl TimeRange {
    /// The range between two times; `None` unless 0 ≤ start < end ≤ [`MAX_TIME_S`].
    pub fn new(start_s: i64, end_s: i64) -> Option<Self> {
        (0 <= start_s && start_s < end_s && end_s <= MAX_TIME_S).then_some(Self { start_s, end_s })
    }

    /// Every time an order can have, including the last second of the calendar.
    pub fn everything() -> Self {
        Self { start_s: 0, end_s: MAX_TIME_S.saturating_add(1) }
    }

    /// First second of the range.
    pub const fn start_s(self) -> i64 {
        self.start_s
    }

    /// First second after the range.
    pub const fn end_s(self) -> i64 {
        self.end_s
    }

    /// Length in seconds.
    pub const fn span_s(self) -> i64 {
        self.end_s.saturating_sub(self.start_s)
    }

    /// Whether it contains a time.
    pub fn contains(self, time_s: i64) -> bool {
        self.start_s <= time_s && time_s < self.end_s
    }

    fn part(start_s: i64, end_s: i64) -> Option<Self> {
        (start_s < end_s).then_some(Self { start_s, end_s })
    }

    /// The same start with another end.
    ///
    /// # Panics
    /// If the end is not after the start.
    #[must_use]
    pub fn until(self, end_s: i64) -> Self {
        assert!(self.start_s < end_s, "a time range is never empty");
        Self { start_s: self.start_s, end_s }
    }

    /// One UTC day, given in days since 1970-01-01.
    pub fn of_day(day: i64) -> Self {
        let start_s = day.saturating_mul(DAY_S);
        Self { start_s, end_s: start_s.saturating_add(DAY_S) }
    }

    /// One hour, given in hours since 1970-01-01T00:00.
    pub fn of_hour(hour: i64) -> Self {
        let start_s = hour.saturating_mul(HOUR_S);
        Self { start_s, end_s: start_s.saturating_add(HOUR_S) }
    }

    /// Like [`TimeRange::cut`], with whole hours separated from the edges.
    pub fn cut_to_hours(self) -> Vec<Span> {
        self.cut()
            .into_iter()
            .flat_map(|span| match span {
                Span::Edge(edge) => edge.hours(),
                whole @ (Span::Hours(_) | Span::Days(_) | Span::Months(_)) => vec![whole],
            })
            .collect()
    }

    fn hours(self) -> Vec<Span> {
        let first = self.start_s.saturating_add(HOUR_S.saturating_sub(1)).div_euclid(HOUR_S);
        let end = hour_of(self.end_s);
        if first >= end {
            return vec![Span::Edge(self)];
        }
        let edge = |start_s, end_s| Self::part(start_s, end_s).map(Span::Edge);
        let before = edge(self.start_s, first.saturating_mul(HOUR_S));
        let after = edge(end.saturating_mul(HOUR_S), self.end_s);
        before.into_iter().chain([Span::Hours(first..end)]).chain(after).collect()
    }

    /// Cuts the range into ragged edges, whole days and whole months, in ascending order.
    pub fn cut(self) -> Vec<Span> {
        let first_day = ceil_day(self.start_s);
        let end_day = day_of(self.end_s);
        if first_day > end_day {
            return vec![Span::Edge(self)];
        }
        let mut spans = Vec::new();
        spans.extend(Self::part(self.start_s, first_day.saturating_mul(DAY_S)).map(Span::Edge));
        let first_month = match month_of_day(first_day) {
            month if first_day_of_month(month) == first_day => month,
            month => month.saturating_add(1),
        };
        let end_month = month_of_day(end_day);
        if first_month < end_month {
            push_days(&mut spans, first_day..first_day_of_month(first_month));
            spans.push(Span::Months(first_month..end_month));
            push_days(&mut spans, first_day_of_month(end_month)..end_day);
        } else {
            push_days(&mut spans, first_day..end_day);
        }
        spans.extend(Self::part(end_day.saturating_mul(DAY_S), self.end_s).map(Span::Edge));
        spans
    }
}

fn push_days(spans: &mut Vec<Span>, days: Range<i64>) {
    if !days.is_empty() {
        spans.push(Span::Days(days));
    }
}

/// A part of a [`TimeRange`]: whole hours, whole UTC days, whole UTC months, or a ragged edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Ragged edge, shorter than a day; read from the orders.
    Edge(TimeRange),
    /// Hours since 1970-01-01T00:00.
    Hours(Range<i64>),
    /// Days since 1970-01-01.
    Days(Range<i64>),
    /// Months, as in [`month_of_day`].
    Months(Range<i64>),
}

/// The hour of a time: hours since 1970-01-01T00:00.
pub const fn hour_of(time_s: i64) -> i64 {
    time_s.div_euclid(HOUR_S)
}

/// The UTC day of a time: days since 1970-01-01.
pub const fn day_of(time_s: i64) -> i64 {
    time_s.div_euclid(DAY_S)
}

fn ceil_day(time_s: i64) -> i64 {
    let day = day_of(time_s);
    if day.saturating_mul(DAY_S) == time_s { day } else { day.saturating_add(1) }
}

/// The month of a day: `year × 12 + month − 1`.
pub fn month_of_day(day: i64) -> i64 {
    let (year, month, _) = civil_of_day(day);
    year.saturating_mul(12).saturating_add(month).saturating_sub(1)
}

/// The first day of a month given as in [`month_of_day`].
pub fn first_day_of_month(month: i64) -> i64 {
    day_of_civil(month.div_euclid(12), month.rem_euclid(12).saturating_add(1), 1)
}

/// Year, month and day of a day count (days since 1970-01-01), proleptic Gregorian.
///
/// Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub fn civil_of_day(day: i64) -> (i64, i64, i64) {
    let z = day.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe
        .saturating_sub(doe.div_euclid(1_460))
        .saturating_add(doe.div_euclid(36_524))
        .saturating_sub(doe.div_euclid(146_096)))
    .div_euclid(365);
    let doy = doe.saturating_sub(
        yoe.saturating_mul(365).saturating_add(yoe.div_euclid(4)).saturating_sub(yoe.div_euclid(100)),
    );
    let mp = doy.saturating_mul(5).saturating_add(2).div_euclid(153);
    let d = doy.saturating_sub(mp.saturating_mul(153).saturating_add(2).div_euclid(5)).saturating_add(1);
    let m = if mp < 10 { mp.saturating_add(3) } else { mp.saturating_sub(9) };
    let y = yoe.saturating_add(era.saturating_mul(400)).saturating_add(i64::from(m <= 2));
    (y, m, d)
}

/// The inverse of [`civil_of_day`] (`days_from_civil` of the same paper).
pub fn day_of_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year.saturating_sub(i64::from(month <= 2));
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = month.saturating_add(9).rem_euclid(12);
    let doy = mp.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day).saturating_sub(1);
    let doe = yoe
        .saturating_mul(365)
        .saturating_add(yoe.div_euclid(4))
        .saturating_sub(yoe.div_euclid(100))
        .saturating_add(doy);
    era.saturating_mul(146_097).saturating_add(doe).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        for (day, civil) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (20_412, (2025, 11, 20)),
            (11_016, (2000, 2, 29)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil_of_day(day), civil);
            assert_eq!(day_of_civil(civil.0, civil.1, civil.2), day);
        }
    }

    #[test]
    fn a_year_is_twelve_whole_months() {
        let start = day_of_civil(2025, 1, 1) * DAY_S;
        let end = day_of_civil(2026, 1, 1) * DAY_S;
        let spans = TimeRange::new(start, end).unwrap().cut();
        assert_eq!(spans, vec![Span::Months(2025 * 12..2026 * 12)]);
    }

    #[test]
    fn a_ragged_range_has_two_edges_around_days_and_months() {
        let start = day_of_civil(2025, 1, 30) * DAY_S + 5;
        let end = day_of_civil(2025, 4, 2) * DAY_S + 7;
        let spans = TimeRange::new(start, end).unwrap().cut();
        let day = |m, d| day_of_civil(2025, m, d);
        assert_eq!(
            spans,
            vec![
                Span::Edge(TimeRange::new(start, day(1, 31) * DAY_S).unwrap()),
                Span::Days(day(1, 31)..day(2, 1)),
                Span::Months(2025 * 12 + 1..2025 * 12 + 3),
                Span::Days(day(4, 1)..day(4, 2)),
                Span::Edge(TimeRange::new(day(4, 2) * DAY_S, end).unwrap()),
            ]
        );
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(day in -1_000_000i64..4_000_000) {
            let (y, m, d) = civil_of_day(day);
            prop_assert_eq!(day_of_civil(y, m, d), day);
            prop_assert!((1..=12).contains(&m) && (1..=31).contains(&d));
            prop_assert!(first_day_of_month(month_of_day(day)) <= day);
            prop_assert!(day < first_day_of_month(month_of_day(day) + 1));
        }

        #[test]
        fn the_cut_covers_the_range_once(
            start in 0..=MAX_TIME_S - 1,
            span in prop_oneof![1..=800 * DAY_S, 1..=3 * DAY_S],
            to_hours: bool,
        ) {
            let range = TimeRange::new(start, (start + span).min(MAX_TIME_S)).unwrap();
            let mut at = range.start_s();
            for piece in if to_hours { range.cut_to_hours() } else { range.cut() } {
                let (from, to) = match piece {
                    Span::Edge(edge) => {
                        let bound = if to_hours { 2 * HOUR_S } else { DAY_S };
                        prop_assert!(edge.span_s() < bound);
                        prop_assert!(!to_hours || edge.hours() == [Span::Edge(edge)]);
                        (edge.start_s(), edge.end_s())
                    }
                    Span::Hours(hours) => {
                        prop_assert!(to_hours);
                        (hours.start * HOUR_S, hours.end * HOUR_S)
                    }
                    Span::Days(days) => (days.start * DAY_S, days.end * DAY_S),
                    Span::Months(months) => {
                        (first_day_of_month(months.start) * DAY_S, first_day_of_month(months.end) * DAY_S)
                    }
                };
                prop_assert_eq!(from, at);
                prop_assert!(from < to);
                at = to;
            }
            prop_assert_eq!(at, range.end_s());
        }
    }
}
