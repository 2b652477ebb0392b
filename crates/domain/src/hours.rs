//! Billing hours: the buckets in which usage is added up, by the deployment's offset from UTC, and the local dates and
//! times of that offset (docs/CHARGING.md, "Hours").

use crate::time::{DAY_S, HOUR_S, MAX_TIME_S, first_day_of_month, month_of_day};

/// Half an hour in seconds; offsets are multiples of it.
const HALF_HOUR_S: i64 = 1_800;
/// The largest offset from UTC in the world, in seconds.
const MAX_OFFSET_S: i64 = 14 * HOUR_S;

/// A period whose usage becomes one order for each line: `[start_s, end_s)`, an hour, or less at a change of the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// `StartTime` of its orders, Unix seconds.
    pub start_s: i64,
    /// `EndTime` of its orders, Unix seconds.
    pub end_s: i64,
}

/// The deployment's offsets from UTC, each in effect from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourOffsets {
    /// Time of effect in Unix seconds, and offset in seconds ahead of UTC. The first takes effect at `i64::MIN`.
    changes: Vec<(i64, i64)>,
}

/// Why a change of the offset is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffsetError {
    /// The offset is not a multiple of half an hour, or more than 14 hours.
    #[error("an offset must be whole or half hours, at most 14")]
    Offset,
    /// The change would affect a bucket that has begun.
    #[error("a change of the offset must take effect later than usage may lie ahead")]
    Past,
    /// Another change takes effect at that time or later.
    #[error("a change of the offset is set for later already")]
    Order,
}

impl Default for HourOffsets {
    fn default() -> Self {
        Self::fixed(0)
    }
}

impl HourOffsets {
    /// One offset for all times, in seconds ahead of UTC.
    pub fn fixed(offset_s: i64) -> Self {
        Self { changes: vec![(i64::MIN, offset_s)] }
    }

    /// Whether an offset in seconds is allowed: a multiple of half an hour, at most 14 hours.
    pub fn is_offset(offset_s: i64) -> bool {
        (-MAX_OFFSET_S..=MAX_OFFSET_S).contains(&offset_s) && offset_s.rem_euclid(HALF_HOUR_S) == 0
    }

    /// The changes, oldest first: time of effect in Unix seconds, and offset in seconds ahead of UTC.
    pub fn changes(&self) -> &[(i64, i64)] {
        &self.changes
    }

    /// The offsets of stored changes; `None` if they are not in ascending order or not allowed.
    pub fn from_changes(changes: Vec<(i64, i64)>) -> Option<Self> {
        let ordered = changes.is_sorted_by(|(a, _), (b, _)| a < b);
        let begins = changes.first().is_some_and(|(from_s, _)| *from_s == i64::MIN);
        let valid = changes.iter().all(|(_, offset_s)| Self::is_offset(*offset_s));
        (ordered && begins && valid).then_some(Self { changes })
    }

    /// Adds a change that takes effect at a future time.
    ///
    /// # Errors
    /// [`OffsetError`]; nothing has changed then.
    pub fn change(&mut self, from_s: i64, offset_s: i64, now_s: i64) -> Result<(), OffsetError> {
        if !Self::is_offset(offset_s) {
            return Err(OffsetError::Offset);
        }
        if from_s <= now_s || from_s > MAX_TIME_S {
            return Err(OffsetError::Past);
        }
        if self.changes.last().is_some_and(|(last_s, _)| *last_s >= from_s) {
            return Err(OffsetError::Order);
        }
        self.changes.push((from_s, offset_s));
        Ok(())
    }

    /// The offset at a time, in seconds ahead of UTC.
    pub fn at(&self, time_s: i64) -> i64 {
        self.segment(time_s).1
    }

    /// The start of the offset at a time, the offset, and the start of the next one.
    fn segment(&self, time_s: i64) -> (i64, i64, i64) {
        let next = self.changes.partition_point(|(from_s, _)| *from_s <= time_s);
        let until = self.changes.get(next).map_or(i64::MAX, |(from_s, _)| *from_s);
        let (from_s, offset_s) = self.changes.get(next.saturating_sub(1)).copied().unwrap_or((i64::MIN, 0));
        (from_s, offset_s, until)
    }

    /// The bucket of a time: the local hour, cut where the offset changes. It does not begin before 1970.
    pub fn bucket(&self, time_s: i64) -> Bucket {
        let (from_s, offset_s, until_s) = self.segment(time_s);
        let local = time_s.saturating_add(offset_s);
        let start_s = local.saturating_sub(local.rem_euclid(HOUR_S)).saturating_sub(offset_s);
        let end_s = start_s.saturating_add(HOUR_S);
        Bucket { start_s: start_s.max(from_s).max(0), end_s: end_s.min(until_s) }
    }

    /// The first second of a local date (days since 1970-01-01). If a change skips midnight, the date begins with the
    /// change; if midnight comes twice, it begins with the first.
    pub fn day_start(&self, day: i64) -> i64 {
        let midnight = day.saturating_mul(DAY_S);
        let starts = self.changes.iter().enumerate().map(|(place, (from_s, offset_s))| {
            let until_s = self.changes.get(place.saturating_add(1)).map_or(i64::MAX, |(from_s, _)| *from_s);
            (midnight.saturating_sub(*offset_s).max(*from_s), until_s)
        });
        let mut within = starts.filter(|(start_s, until_s)| start_s < until_s);
        within.next().map_or(midnight, |(start_s, _)| start_s)
    }

    /// Start of the local month that is `months` after the month of a time.
    pub fn month_start(&self, time_s: i64, months: i64) -> i64 {
        let month = month_of_day(self.local_day(time_s)).saturating_add(months);
        self.day_start(first_day_of_month(month))
    }

    /// The local date of a time: days since 1970-01-01.
    pub fn local_day(&self, time_s: i64) -> i64 {
        time_s.saturating_add(self.at(time_s)).div_euclid(DAY_S)
    }

    /// Seconds since local midnight.
    pub fn time_of_day(&self, time_s: i64) -> i64 {
        time_s.saturating_add(self.at(time_s)).rem_euclid(DAY_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_are_hours_of_local_time() {
        // offset | time | start | end
        let table = "
            0      | 7200  | 7200  | 10800
            0      | 10799 | 7200  | 10800
            28800  | 10799 | 7200  | 10800
            19800  | 7200  | 5400  | 9000
            19800  | 9000  | 9000  | 12600
            -12600 | 7200  | 5400  | 9000
            19800  | 100   | 0     | 1800";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<i64> = row.split('|').map(|cell| cell.trim().parse().unwrap()).collect();
            let bucket = HourOffsets::fixed(cells[0]).bucket(cells[1]);
            assert_eq!((bucket.start_s, bucket.end_s), (cells[2], cells[3]), "{row}");
        }
    }

    #[test]
    fn a_change_makes_one_bucket_shorter() {
        let mut offsets = HourOffsets::default();
        assert_eq!(offsets.change(36_000, 900, 0), Err(OffsetError::Offset));
        assert_eq!(offsets.change(36_000, 19_800, 36_000), Err(OffsetError::Past));
        offsets.change(36_000, 19_800, 35_000).unwrap();
        assert_eq!(offsets.change(36_000, 0, 0), Err(OffsetError::Order));
        let bucket = |time_s| {
            let bucket = offsets.bucket(time_s);
            (bucket.start_s, bucket.end_s)
        };
        assert_eq!(bucket(35_999), (32_400, 36_000));
        assert_eq!(bucket(36_000), (36_000, 37_800), "half an hour up to the next local hour");
        assert_eq!(bucket(37_800), (37_800, 41_400));
        assert_eq!((offsets.local_day(0), offsets.time_of_day(36_000)), (0, 55_800));
    }

    #[test]
    fn days_and_months_begin_at_local_midnight() {
        let west = HourOffsets::fixed(-10_800);
        // 2026-12-01T03:00:00Z is midnight; a second earlier it is November.
        let december = 1_796_094_000;
        assert_eq!(west.day_start(20_788), december);
        assert_eq!(west.month_start(december, 0), december);
        assert_eq!(west.month_start(december - 1, 1), december);
        assert_eq!(west.month_start(december - 1, 0), 1_793_502_000);
        // The change skips the midnight of day 1, or makes it come twice.
        let mut skipped = HourOffsets::default();
        skipped.change(DAY_S - 1_800, 3_600, 0).unwrap();
        assert_eq!((skipped.day_start(1), skipped.day_start(2)), (DAY_S - 1_800, 2 * DAY_S - 3_600));
        let mut twice = HourOffsets::default();
        twice.change(DAY_S + 1_800, -3_600, 0).unwrap();
        assert_eq!((twice.day_start(1), twice.day_start(2)), (DAY_S, 2 * DAY_S + 3_600));
    }

    proptest! {
        #[test]
        fn a_day_begins_with_its_first_second(
            day in 0..100i64,
            halves in -28..=28i64,
            later in -28..=28i64,
            at in 1..100 * DAY_S,
        ) {
            let mut offsets = HourOffsets::fixed(halves * 1_800);
            offsets.change(at, later * 1_800, 0).unwrap();
            let start_s = offsets.day_start(day);
            prop_assert!(offsets.local_day(start_s) >= day);
            // Every earlier time has an earlier date.
            prop_assert!((1..200).all(|half| offsets.local_day(start_s - half * 900) < day));
            prop_assert!(offsets.local_day(start_s - 1) < day);
        }

        #[test]
        fn every_time_is_in_one_bucket(
            time_s in 0..MAX_TIME_S / 2,
            halves in -28..=28i64,
            later in -28..=28i64,
            at in 1..MAX_TIME_S / 2,
        ) {
            let mut offsets = HourOffsets::fixed(halves * 1_800);
            offsets.change(at, later * 1_800, 0).unwrap();
            let bucket = offsets.bucket(time_s);
            prop_assert!(bucket.start_s <= time_s && time_s < bucket.end_s);
            prop_assert!(bucket.end_s - bucket.start_s <= HOUR_S);
            prop_assert_eq!(offsets.bucket(bucket.start_s), bucket);
            prop_assert_eq!(offsets.bucket(bucket.end_s - 1), bucket);
            prop_assert_eq!(offsets.bucket(bucket.end_s).start_s, bucket.end_s);
        }
    }
}
