//! What a page shows as its URL states it: a time range, statuses and filters. The parameters of filters are those of the
//! API, so that the same query value follows from both.

use tollbook_domain::filter::FilterField;
use tollbook_domain::time::{
    DAY_S, MAX_TIME_S, civil_of_day, day_of_civil, first_day_of_month, month_of_day,
};
use tollbook_domain::{Language, OrderQuery, Status, TimeRange};
use tollbook_export::Zone;
use tollbook_store::Snapshot;

use super::error::PageError;
use super::tables::time_text;
use super::text::{self, Text};
use super::visit::{Visit, request_of, text_of, texts_of};
use crate::actions::StatusChoice;
use crate::wire::Request;

/// The statuses that a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// What was charged: paid and unpaid.
    Charged,
    Paid,
    Unpaid,
    Revoked,
}

const CHARGED: StatusChoice = StatusChoice {
    usual: &[Status::Paid, Status::Unpaid],
    allowed: &[],
    reason: "is not a parameter of the console",
};
const PAID: StatusChoice = StatusChoice { usual: &[Status::Paid], ..CHARGED };
const UNPAID: StatusChoice = StatusChoice { usual: &[Status::Unpaid], ..CHARGED };
const REVOKED: StatusChoice = StatusChoice { usual: &[Status::Revoked], ..CHARGED };

impl Shown {
    pub(super) const ALL: [Self; 4] = [Self::Charged, Self::Paid, Self::Unpaid, Self::Revoked];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Paid => "paid",
            Self::Unpaid => "unpaid",
            Self::Revoked => "revoked",
        }
    }

    pub(super) const fn text(self) -> Text {
        match self {
            Self::Charged => text::CHARGED,
            Self::Paid => text::PAID,
            Self::Unpaid => text::UNPAID,
            Self::Revoked => text::REVOKED,
        }
    }

    const fn choice(self) -> &'static StatusChoice {
        match self {
            Self::Charged => &CHARGED,
            Self::Paid => &PAID,
            Self::Unpaid => &UNPAID,
            Self::Revoked => &REVOKED,
        }
    }
}

/// A range that is relative to today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Today,
    Yesterday,
    Days7,
    Days30,
    ThisMonth,
    LastMonth,
    ThisYear,
    LastYear,
    Ever,
}

impl Preset {
    pub(super) const ALL: [Self; 9] = [
        Self::Today,
        Self::Yesterday,
        Self::Days7,
        Self::Days30,
        Self::ThisMonth,
        Self::LastMonth,
        Self::ThisYear,
        Self::LastYear,
        Self::Ever,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::ThisMonth => "month",
            Self::LastMonth => "last-month",
            Self::ThisYear => "year",
            Self::LastYear => "last-year",
            Self::Ever => "ever",
        }
    }

    pub(super) const fn text(self) -> Text {
        match self {
            Self::Today => text::TODAY,
            Self::Yesterday => text::YESTERDAY,
            Self::Days7 => text::DAYS_7,
            Self::Days30 => text::DAYS_30,
            Self::ThisMonth => text::THIS_MONTH,
            Self::LastMonth => text::LAST_MONTH,
            Self::ThisYear => text::THIS_YEAR,
            Self::LastYear => text::LAST_YEAR,
            Self::Ever => text::EVER,
        }
    }

    /// First and last day.
    fn days(self, today: i64) -> (i64, i64) {
        let month = month_of_day(today);
        let months = |first: i64, end: i64| (first_day_of_month(first), first_day_of_month(end) - 1);
        let year = month.div_euclid(12);
        match self {
            Self::Today => (today, today),
            Self::Yesterday => (today - 1, today - 1),
            Self::Days7 => (today - 6, today),
            Self::Days30 => (today - 29, today),
            Self::ThisMonth => months(month, month + 1),
            Self::LastMonth => months(month - 1, month),
            Self::ThisYear => months(year * 12, (year + 1) * 12),
            Self::LastYear => months((year - 1) * 12, year * 12),
            Self::Ever => (0, day_of_civil(9999, 12, 30)),
        }
    }
}

/// What a page shows.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) range: TimeRange,
    /// The preset that the range came from.
    pub(super) preset: Option<Preset>,
    pub(super) shown: Shown,
    /// Parameters of the API, each with one of its values.
    pub(super) filters: Vec<(FilterField, String)>,
    /// `OrderNos`.
    pub(super) numbers: Vec<String>,
    pub(super) zone: Zone,
    pub(super) language: Language,
}

impl View {
    /// Reads the URL. `others` are the names of the page's own parameters; every other one is refused.
    pub(super) fn parse(visit: &Visit<'_>, others: &[&str]) -> Result<Self, PageError> {
        let query = visit.query;
        let common = ["range", "from", "to", "StartTime", "EndTime", "status", "OrderNos", "notice"];
        for entry in &query.entries {
            let key = entry.key.as_str();
            let is_filter = FilterField::ALL.iter().any(|field| field.name() == key);
            if !is_filter && !common.contains(&key) && !others.contains(&key) {
                return Err(PageError::Invalid(format!("there is no parameter {}", shortened(key))));
            }
        }
        let (range, preset) = range(visit)?;
        let shown = match text_of(query, "status") {
            None => Shown::Charged,
            Some(name) => Shown::ALL
                .into_iter()
                .find(|shown| shown.name() == name)
                .ok_or_else(|| invalid("status", "must be charged, paid, unpaid or revoked"))?,
        };
        let filters = FilterField::ALL.into_iter().flat_map(|field| {
            let values = texts_of(query, field.name()).filter(|value| !value.is_empty());
            values.map(move |value| (field, value.to_owned()))
        });
        let numbers = texts_of(query, "OrderNos").flat_map(str::split_whitespace).map(str::to_owned);
        Ok(Self {
            range,
            preset,
            shown,
            filters: filters.collect(),
            numbers: numbers.collect(),
            zone: visit.zone().clone(),
            language: visit.language,
        })
    }

    /// The same over another range.
    pub(super) fn over(&self, range: TimeRange) -> Self {
        Self { range, preset: None, ..self.clone() }
    }

    /// The same with other statuses.
    pub(super) fn showing(&self, shown: Shown) -> Self {
        Self { shown, ..self.clone() }
    }

    /// The same with these values of a filter alone.
    pub(super) fn only(&self, field: FilterField, values: impl IntoIterator<Item = String>) -> Self {
        let mut only = self.without(field);
        only.filters.extend(values.into_iter().map(|value| (field, value)));
        only.filters.sort_by_key(|(field, _)| *field);
        only
    }

    /// The same without a filter.
    pub(super) fn without(&self, field: FilterField) -> Self {
        let mut without = self.clone();
        without.filters.retain(|(known, _)| *known != field);
        without
    }

    /// The values of a filter.
    pub(super) fn values(&self, field: FilterField) -> impl Iterator<Item = &str> {
        self.filters.iter().filter(move |(known, _)| *known == field).map(|(_, value)| value.as_str())
    }

    /// The parameters of the API for this view.
    pub(super) fn api(&self) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("StartTime".to_owned(), self.range.start_s().to_string()),
            ("EndTime".to_owned(), self.range.end_s().to_string()),
        ];
        pairs.extend(self.filters.iter().map(|(field, value)| (field.name().to_owned(), value.clone())));
        pairs.extend(self.numbers.iter().map(|number| ("OrderNos".to_owned(), number.clone())));
        pairs
    }

    /// The request of the API for this view, with further parameters.
    pub(super) fn request(&self, more: &[(&str, &str)]) -> Request {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        request_of(self.api().into_iter().chain(more))
    }

    /// The query of this view with the rights of the person, and the snapshot to read it from.
    pub(super) fn query(&self, visit: &mut Visit<'_>) -> Result<(OrderQuery, Box<dyn Snapshot>), PageError> {
        let request = self.request(&[]);
        let call = visit.call(&request)?;
        let query = call.query(self.shown.choice(), None)?;
        Ok((query, call.snapshot.for_orders()?))
    }

    /// The same with a snapshot of the primary, which also has the usage of a moment ago.
    pub(super) fn primary(
        &self,
        visit: &mut Visit<'_>,
    ) -> Result<(OrderQuery, Box<dyn Snapshot>), PageError> {
        let request = self.request(&[]);
        let call = visit.call(&request)?;
        let query = call.query(self.shown.choice(), None)?;
        Ok((query, call.snapshot.snapshot))
    }

    /// A link to a page that shows the same.
    pub(super) fn link(&self, path: &str) -> Link {
        let mut link = Link::to(path);
        if let Some(preset) = self.preset {
            link = link.with("range", preset.name());
        } else {
            link = link.with("StartTime", self.range.start_s().to_string());
            link = link.with("EndTime", self.range.end_s().to_string());
        }
        if self.shown != Shown::Charged {
            link = link.with("status", self.shown.name());
        }
        for (field, value) in &self.filters {
            link = link.with(field.name(), value);
        }
        for number in &self.numbers {
            link = link.with("OrderNos", number);
        }
        link
    }

    /// First and last day, if the range is whole days of the zone.
    pub(super) fn days(&self) -> Option<(i64, i64)> {
        let (first, end) = (self.zone.day_of(self.range.start_s()), self.zone.day_of(self.range.end_s()));
        let is_whole = self.zone.day_start_s(first) == self.range.start_s()
            && self.zone.day_start_s(end) == self.range.end_s()
            && first < end;
        is_whole.then_some((first, end - 1))
    }

    /// The range for people: days, or times.
    pub(super) fn range_text(&self) -> String {
        if self.preset == Some(Preset::Ever) {
            return text::EVER.of(self.language).to_owned();
        }
        match self.days() {
            Some((first, last)) if first == last => date(first),
            Some((first, last)) => format!("{} – {}", date(first), date(last)),
            None => {
                format!(
                    "{} – {}",
                    time_text(&self.zone, self.range.start_s()),
                    time_text(&self.zone, self.range.end_s())
                )
            }
        }
    }
}

/// A link within the console.
#[derive(Clone, Debug)]
pub(super) struct Link {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Link {
    pub(super) fn to(path: impl Into<String>) -> Self {
        Self { path: path.into(), pairs: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The fields of a form that leads to the same, except those with these names.
    pub(super) fn fields(&self, except: &[&str]) -> impl Iterator<Item = &(String, String)> {
        self.pairs.iter().filter(move |(name, _)| !except.contains(&name.as_str()))
    }

    pub(super) fn href(&self) -> String {
        if self.pairs.is_empty() {
            return self.path.clone();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish();
        format!("{}?{query}", self.path)
    }
}

/// `2026-11-30`
pub(super) fn date(day: i64) -> String {
    let (year, month, day) = civil_of_day(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of `2026-11-30`.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<u16>().ok().map(i64::from));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let number = day_of_civil(year, month, day);
    (civil_of_day(number) == (year, month, day) && year <= 9999).then_some(number)
}

/// The range of whole days of a zone, both included.
pub(super) fn days_range(zone: &Zone, first: i64, last: i64) -> Option<TimeRange> {
    let start_s = zone.day_start_s(first).max(0);
    TimeRange::new(start_s, zone.day_start_s(last.checked_add(1)?).min(MAX_TIME_S))
}

/// The month of a day, `2026-11`.
pub(super) fn month_text(month: i64) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// The month of `2026-11`, as in [`month_of_day`].
pub(super) fn parse_month(text: &str) -> Option<i64> {
    Some(month_of_day(parse_date(&format!("{text}-01"))?))
}

/// The local day of a moment, and the range of its month.
pub(super) fn month_range(zone: &Zone, month: i64) -> Option<TimeRange> {
    days_range(zone, first_day_of_month(month), first_day_of_month(month + 1) - 1)
}

fn range(visit: &Visit<'_>) -> Result<(TimeRange, Option<Preset>), PageError> {
    let query = visit.query;
    let zone = visit.zone();
    let time = |name: &str| {
        let Some(text) = text_of(query, name) else { return Ok(None) };
        let time_s = text.parse::<i64>().ok().filter(|time_s| (0..=MAX_TIME_S).contains(time_s));
        time_s.map(Some).ok_or_else(|| invalid(name, "must be Unix seconds"))
    };
    let day = |name: &str| {
        let Some(text) = text_of(query, name) else { return Ok(None) };
        parse_date(text).map(Some).ok_or_else(|| invalid(name, "must be a date such as 2026-11-30"))
    };
    // The fields of the form of days are stronger than the link that the form replaces.
    if let (Some(from), Some(to)) = (day("from")?, day("to")?) {
        let range = days_range(zone, from, to).filter(|_| from <= to);
        return Ok((range.ok_or_else(|| invalid("to", "must not be before from"))?, None));
    }
    if let (Some(start_s), Some(end_s)) = (time("StartTime")?, time("EndTime")?) {
        let range = TimeRange::new(start_s, end_s);
        return Ok((range.ok_or_else(|| invalid("EndTime", "must be greater than StartTime"))?, None));
    }
    let preset = match text_of(query, "range") {
        None => Preset::Days30,
        Some(name) => Preset::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| invalid("range", "is not one of the ranges"))?,
    };
    let (first, last) = preset.days(zone.day_of(visit.now_s));
    let range = days_range(zone, first, last).or_else(|| TimeRange::new(0, DAY_S));
    Ok((range.ok_or(PageError::Internal)?, Some(preset)))
}

pub(super) fn invalid(name: &str, reason: &str) -> PageError {
    PageError::Invalid(format!("{name} {reason}"))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for text in ["1970-01-01", "2026-11-30", "2000-02-29", "9999-12-31"] {
            assert_eq!(parse_date(text).map(date).as_deref(), Some(text));
        }
        for text in ["2026-02-30", "2026-13-01", "2026-1", "x", "2026-11-30x", "-2026-11-30", "70000-01-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert_eq!(parse_month("2026-11").map(month_text).as_deref(), Some("2026-11"));
        assert_eq!(parse_month("2026-11-05"), None);
    }

    #[test]
    fn presets_are_whole_days() {
        let today = parse_date("2026-03-01").unwrap();
        let days = |preset: Preset| {
            let (first, last) = preset.days(today);
            format!("{} {}", date(first), date(last))
        };
        for (preset, expected) in [
            (Preset::Today, "2026-03-01 2026-03-01"),
            (Preset::Yesterday, "2026-02-28 2026-02-28"),
            (Preset::Days7, "2026-02-23 2026-03-01"),
            (Preset::Days30, "2026-01-31 2026-03-01"),
            (Preset::ThisMonth, "2026-03-01 2026-03-31"),
            (Preset::LastMonth, "2026-02-01 2026-02-28"),
            (Preset::ThisYear, "2026-01-01 2026-12-31"),
            (Preset::LastYear, "2025-01-01 2025-12-31"),
        ] {
            assert_eq!(days(preset), expected, "{preset:?}");
        }
    }

    #[test]
    fn links_escape_what_they_carry() {
        let link = Link::to("/console/orders").with("ModelIds", "a&b=c d/é").with("page", "2");
        assert_eq!(link.href(), "/console/orders?ModelIds=a%26b%3Dc+d%2F%C3%A9&page=2");
        assert_eq!(link.fields(&["page"]).count(), 1);
        assert_eq!(Link::to("/console").href(), "/console");
    }
}
