//! Forecasts of spending from the sums of whole days: the mean of the same days of the last weeks. Integers only; each result
//! is divided once, rounded half away from zero.

/// Days of a week.
const WEEK: usize = 7;
/// Weeks whose days are averaged.
pub const WEEKS: usize = 4;
/// Weeks whose forecasts are compared with what came.
pub const COMPARED_WEEKS: usize = 8;
/// Days that a forecast and its comparison look back.
pub const HISTORY_DAYS: usize = (WEEKS + COMPARED_WEEKS) * WEEK;

/// The sums of whole days without a gap, the latest last.
#[derive(Clone, Copy, Debug)]
pub struct History<'d>(&'d [i128]);

/// How far off the forecasts of past weeks were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastError {
    /// The median of the differences, in thousandths of what came; the smaller middle one of an even number.
    pub per_mille: i128,
    /// The weeks that were compared.
    pub weeks: usize,
}

impl<'d> History<'d> {
    /// The history of these days. Days before the first one with a sum are not counted: nothing was used yet.
    pub fn new(days: &'d [i128]) -> Self {
        let first = days.iter().position(|sum| *sum != 0).unwrap_or(days.len());
        Self(days.get(first..).unwrap_or_default())
    }

    /// The weeks that are averaged; `None` if there is not one whole week.
    fn weeks(self) -> Option<usize> {
        let weeks = self.0.chunks_exact(WEEK).len().min(WEEKS);
        (weeks > 0).then_some(weeks)
    }

    /// The days that are averaged: whole weeks, at most [`WEEKS`].
    pub fn averaged_days(self) -> usize {
        self.weeks().map_or(0, |weeks| weeks.saturating_mul(WEEK))
    }

    /// What the day `ahead` days after the history would be, times the number of averaged weeks.
    fn day_times_weeks(self, ahead: usize, weeks: usize) -> Option<i128> {
        let in_week = ahead.checked_rem(WEEK)?;
        let mut sum = 0_i128;
        for week in 1..=weeks {
            let back = week.checked_mul(WEEK)?.checked_sub(in_week)?;
            let place = self.0.len().checked_sub(back)?;
            sum = sum.checked_add(*self.0.get(place)?)?;
        }
        Some(sum)
    }

    /// What the next days would be together. Of the first of them, `so_far` came already: it is at least that.
    ///
    /// `None` if the history has less than a week.
    pub fn next_days(self, days: usize, so_far: i128) -> Option<i128> {
        let weeks = self.weeks()?;
        let divisor = i128::try_from(weeks).ok()?;
        let mut sum = 0_i128;
        for ahead in 0..days {
            let mut day = self.day_times_weeks(ahead, weeks)?;
            if ahead == 0 {
                day = day.max(so_far.checked_mul(divisor)?);
            }
            sum = sum.checked_add(day)?;
        }
        div_half_away(sum, divisor)
    }

    /// How far off this forecast of a week was in the last weeks, each made of the days before it. Weeks in which nothing was
    /// spent cannot be compared.
    pub fn error(self) -> Option<ForecastError> {
        let mut errors = Vec::new();
        for week in 1..=COMPARED_WEEKS {
            let Some(split) = self.0.len().checked_sub(week.checked_mul(WEEK)?) else { break };
            let (before, after) = self.0.split_at_checked(split)?;
            let actual = after.iter().take(WEEK).try_fold(0_i128, |sum, day| sum.checked_add(*day))?;
            let Some(forecast) = Self(before).next_days(WEEK, 0) else { break };
            if actual > 0 {
                let difference = forecast.checked_sub(actual)?.checked_abs()?;
                errors.push(div_half_away(difference.checked_mul(1_000)?, actual)?);
            }
        }
        errors.sort_unstable();
        let middle = errors.len().checked_sub(1)?.checked_div(2)?;
        Some(ForecastError { per_mille: *errors.get(middle)?, weeks: errors.len() })
    }

    /// The whole days for which an amount lasts at the average of the averaged weeks, rounded down; `None` if nothing is spent, or
    /// the history has less than a week.
    pub fn lasts_days(self, amount: i128) -> Option<i128> {
        let days = self.weeks()?.checked_mul(WEEK)?;
        let recent = self.0.get(self.0.len().checked_sub(days)?..)?;
        let spent = recent.iter().try_fold(0_i128, |sum, day| sum.checked_add(*day))?;
        if spent <= 0 {
            return None;
        }
        amount.max(0).checked_mul(i128::try_from(days).ok()?)?.checked_div(spent)
    }
}

/// A quotient, rounded half away from zero. The divisor is positive.
fn div_half_away(number: i128, divisor: i128) -> Option<i128> {
    let magnitude = number.checked_abs()?.checked_mul(2)?.checked_add(divisor)?;
    let quotient = magnitude.checked_div(divisor.checked_mul(2)?)?;
    if number < 0 { quotient.checked_neg() } else { Some(quotient) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeks whose days are 1, 2, …, 7 times a factor.
    fn weeks(factors: &[i128]) -> Vec<i128> {
        factors.iter().flat_map(|factor| (1..=7).map(move |day| day * factor)).collect()
    }

    #[test]
    fn days_are_the_mean_of_the_same_days_of_the_last_weeks() {
        let days = weeks(&[100, 10, 20, 30, 40]);
        let history = History::new(&days);
        // Of the last four weeks the factor is 25; the first day of a week is 1 times it.
        for (ahead, expected) in [(0, 0), (1, 25), (2, 75), (7, 700), (8, 725)] {
            assert_eq!(history.next_days(ahead, 0), Some(expected), "{ahead}");
        }
        // What came already is not less.
        assert_eq!(history.next_days(2, 99), Some(99 + 50));
        assert_eq!(history.next_days(2, 3), Some(75));
        // 102 / 4 = 25.5, away from zero.
        let uneven = weeks(&[10, 20, 30, 42]);
        assert_eq!(History::new(&uneven).next_days(1, 0), Some(26));
    }

    #[test]
    fn less_than_a_week_is_no_forecast_and_days_before_the_first_are_none() {
        assert_eq!(History::new(&[]).next_days(3, 5), None);
        assert_eq!(History::new(&[0, 0, 0, 0, 1, 2, 3, 4, 5, 6]).next_days(1, 0), None);
        let days = [vec![0; 40], weeks(&[10])].concat();
        assert_eq!(History::new(&days).next_days(7, 0), Some(280), "one week is averaged over one week");
        assert_eq!(History::new(&days).error(), None);
    }

    #[test]
    fn the_error_is_the_median_of_weeks_against_what_came() {
        let same = weeks(&[10; 12]);
        assert_eq!(History::new(&same).error(), Some(ForecastError { per_mille: 0, weeks: 8 }));
        // The second week is twice the first: the forecast is half of what came.
        let doubled = weeks(&[10, 20]);
        assert_eq!(History::new(&doubled).error(), Some(ForecastError { per_mille: 500, weeks: 1 }));
        // 20 from 10: 500; 20 from 15: 250; the smaller of the two in the middle.
        let three = weeks(&[10, 20, 20]);
        assert_eq!(History::new(&three).error(), Some(ForecastError { per_mille: 250, weeks: 2 }));
    }

    #[test]
    fn an_amount_lasts_for_whole_days() {
        let days = weeks(&[10; 4]);
        let history = History::new(&days);
        // 40 a day.
        for (amount, expected) in [(0, 0), (-5, 0), (39, 0), (40, 1), (4_000, 100)] {
            assert_eq!(history.lasts_days(amount), Some(expected), "{amount}");
        }
        assert_eq!(History::new(&[0; 84]).lasts_days(5), None);
        assert_eq!(history.lasts_days(i128::MAX), None, "too large to be counted");
    }
}
