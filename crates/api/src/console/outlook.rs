//! What the month will cost and how long balances last, from the sums of days.

use tollbook_domain::forecast::{ForecastError, HISTORY_DAYS, History};
use tollbook_domain::time::{first_day_of_month, month_of_day};
use tollbook_domain::{OrderQuery, TimeRange};
use tollbook_export::Zone;
use tollbook_store::Snapshot;

use super::error::PageError;
use super::view::days_range;

/// The forecasts of a company, or of what a person sees of it.
pub(super) struct Outlook {
    /// The sum of this month at its end, in 10⁻⁸ currency units; `None` if there is too little to tell.
    pub(super) month: Option<i128>,
    pub(super) error: Option<ForecastError>,
    /// The local day in which the amount that is available is used up; `None` if nothing is spent.
    pub(super) ends_on: Option<i128>,
    /// The days whose average is counted with.
    pub(super) averaged_days: usize,
}

impl Outlook {
    /// Reads the sums of days of `query`, whose range does not count. `available` is what can be spent.
    pub(super) fn read(
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        zone: &Zone,
        now_s: i64,
        available: Option<i128>,
    ) -> Result<Self, PageError> {
        let today = zone.day_of(now_s);
        let month = month_of_day(today);
        let (first, end) = (first_day_of_month(month), first_day_of_month(month + 1));
        let mut sum = |range: TimeRange| -> Result<i128, PageError> {
            let sums = snapshot.sums(&OrderQuery { range, ..query.clone() })?;
            Ok(sums.iter().map(|(_, measures)| measures.total).sum())
        };
        let begins = today - i64::try_from(HISTORY_DAYS).map_err(|_| PageError::Internal)?;
        let day = |day: i64| days_range(zone, day, day).ok_or(PageError::Internal);
        let days: Vec<i128> = (begins..today).map(|number| sum(day(number)?)).collect::<Result<_, _>>()?;
        let so_far = sum(day(today)?)?;
        let spent = if today > first {
            sum(days_range(zone, first, today - 1).ok_or(PageError::Internal)?)?
        } else {
            0
        };
        let history = History::new(&days);
        let left = usize::try_from(end - today).map_err(|_| PageError::Internal)?;
        Ok(Self {
            month: history.next_days(left, so_far).map(|rest| spent + rest),
            error: history.error(),
            averaged_days: history.averaged_days(),
            ends_on: available
                .and_then(|available| history.lasts_days(available))
                .map(|days| days + i128::from(today)),
        })
    }
}
