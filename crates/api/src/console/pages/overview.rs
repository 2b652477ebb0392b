//! The first page: what is spent, owed and left.

use maud::{Markup, html};
use tollbook_domain::filter::FilterField;
use tollbook_domain::forecast::ForecastError;
use tollbook_domain::time::{first_day_of_month, month_of_day};
use tollbook_domain::{Measures, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_ops::charging::standing;
use tollbook_store::Snapshot;

use super::explore;
use crate::console::cube::{self, CubeRequest, Measure, Step};
use crate::console::error::PageError;
use crate::console::outlook::Outlook;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Preset, Shown, View, date, days_range, invalid, month_range};
use crate::console::visit::{Visit, text_of};
use crate::console::{chart, layout, tables};

/// What spend can be stacked by.
const STACKS: [FilterField; 4] =
    [FilterField::ModelIds, FilterField::OrganizationIds, FilterField::ResourceIds, FilterField::PricingSkus];
/// Days from today up to which the end of balances is named.
const LAST_DAYS: i64 = 3_650;
/// Groups with a colour of their own.
const TOP: usize = 6;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &["by"])?;
    let by = stack(visit)?;
    let charging = visit.service.charging();
    let (query, mut snapshot) = view.primary(visit)?;
    let snapshot = snapshot.as_mut();
    let presentation = visit.presentation(snapshot)?;
    let buckets = Step::Day.buckets(view.range, &view.zone);
    let buckets = buckets.or_else(|| Step::Month.buckets(view.range, &view.zone));
    let buckets = buckets.ok_or_else(|| invalid("range", "is too long for a chart; choose a shorter one"))?;
    let request = CubeRequest { query: &query, buckets, by: &[by], measure: Measure::Total, top: TOP };
    let cube = cube::read(snapshot, request, &presentation)?;
    let months = Months::read(visit, snapshot, &query, &view)?;
    let whole = OrderQuery { range: TimeRange::everything(), ..query.clone() };
    let pending = snapshot.pending(&whole, visit.service.catalogue())?;
    let unpaid = OrderQuery { statuses: StatusSet::of(&[Status::Unpaid]), ..whole };
    let owed = snapshot.sums(&unpaid)?.first().map(|(_, measures)| *measures).unwrap_or_default();
    let person = visit.person()?;
    let standing = if person.user.sees_whole_company() {
        standing(&charging, person.company.company_id, visit.now_s)?
    } else {
        None
    };
    let available = standing.as_ref().map(|standing| standing.available);
    let outlook = Outlook::read(snapshot, &query, &view.zone, visit.now_s, available)?;
    let ever = View { shown: Shown::Unpaid, preset: Some(Preset::Ever), ..view.clone() };
    let title = visit.t(text::OVERVIEW);
    let names = explore::names(visit, &cube);
    let content = html! {
        (layout::heading(title, html! { (person.company.name) " · " (person.company.currency) " · " (view.zone.name()) }, html! {}))
        dl class="cards" {
            (card(visit.t(text::THIS_MONTH), tables::money(months.this.total), Some(months.this_view.link("/console/orders").href()), months.compared(visit)))
            (card(visit.t(text::LAST_MONTH), tables::money(months.last.total), Some(months.last_view.link("/console/orders").href()), html! { (text::N_ORDERS.with(visit.language, &[&months.last.orders.to_string()])) }))
            (card(visit.t(text::PENDING), tables::money(pending), None, html! { (visit.t(text::PENDING_WHY)) }))
            (card(visit.t(text::OWED), tables::money(owed.total), Some(ever.link("/console/orders").href()), html! { (text::N_ORDERS.with(visit.language, &[&owed.orders.to_string()])) }))
            @if let Some(standing) = &standing {
                (card(visit.t(text::AVAILABLE), tables::money(standing.available), Some("/console/accounts".to_owned()), html! { (visit.t(text::AVAILABLE_WHY)) }))
            }
            (forecast(visit, &outlook))
            @if let Some(standing) = &standing { (runs_out(visit, &outlook, standing.available)) }
        }
        section {
            div class="section-head" {
                h2 { (visit.t(text::SPEND_BY_DAY)) }
                ul class="presets" {
                    @for field in STACKS {
                        li { a href=(view.link("/console").with("by", field.name()).href()) aria-current=[(field == by).then_some("true")] { (explore::dimension(visit, field)) } }
                    }
                }
            }
            (ranges(visit, &view, by))
            @if cube.total.orders == 0 { (layout::nothing(visit, text::NO_ORDERS)) }
            @else {
                figure {
                    (chart::legend(&names, &cube))
                    (chart::stacked(visit.t(text::SPEND_BY_DAY), &cube, Measure::Total, |group| names.get(group).cloned().unwrap_or_default(), |group, column| explore::cell_href(&view, &cube, &[by], Some(group), Some(column))))
                    figcaption { (visit.t(text::CHART_CAPTION)) " " (view.range_text()) }
                }
                details { summary { (visit.t(text::AS_TABLE)) } (explore::table(visit, &view, &cube, &[by], Measure::Total, false)) }
                (explore::ranking(visit, &view, &cube, by))
            }
        }
    };
    Ok(layout::page(visit, "/console", title, content))
}

fn stack(visit: &Visit<'_>) -> Result<FilterField, PageError> {
    let Some(name) = text_of(visit.query, "by") else { return Ok(FilterField::ModelIds) };
    let found = STACKS.into_iter().find(|field| field.name() == name);
    found.ok_or_else(|| invalid("by", "is not one of the groups"))
}

fn card(name: &str, value: Markup, href: Option<String>, below: Markup) -> Markup {
    html! {
        div class="stat" {
            dt { (name) }
            dd { (tables::linked(href.as_deref(), value)) }
            dd class="under" { (below) }
        }
    }
}

/// The forecast of the month, with how far off such forecasts were.
fn forecast(visit: &Visit<'_>, outlook: &Outlook) -> Markup {
    let below = match outlook.error {
        Some(ForecastError { per_mille, weeks }) => {
            let percent = format!("{}.{} %", per_mille.div_euclid(10), per_mille.rem_euclid(10));
            text::FORECAST_ERROR.with(visit.language, &[&weeks.to_string(), &percent])
        }
        None => visit.t(text::FORECAST_NO_ERROR).to_owned(),
    };
    match outlook.month {
        Some(month) => card(visit.t(text::FORECAST), tables::money(month), None, html! { (below) }),
        None => card(visit.t(text::FORECAST), html! { "–" }, None, html! { (visit.t(text::FORECAST_SHORT)) }),
    }
}

/// When what is available is used up.
fn runs_out(visit: &Visit<'_>, outlook: &Outlook, available: i128) -> Markup {
    let last = visit.zone().day_of(visit.now_s) + LAST_DAYS;
    let when = match outlook.ends_on.map(i64::try_from) {
        _ if available <= 0 => visit.t(text::RUNS_OUT_NOW).to_owned(),
        None => "–".to_owned(),
        Some(Ok(day)) if day <= last => date(day),
        Some(_) => text::RUNS_OUT_LATER.with(visit.language, &[&date(last)]),
    };
    let why = text::RUNS_OUT_WHY.with(visit.language, &[&outlook.averaged_days.to_string()]);
    card(visit.t(text::RUNS_OUT), html! { (when) }, None, html! { (why) })
}

fn ranges(visit: &Visit<'_>, view: &View, by: FilterField) -> Markup {
    let shown = [Preset::Days7, Preset::Days30, Preset::ThisMonth, Preset::LastMonth, Preset::ThisYear];
    let link = |preset: Preset| {
        let range = View { preset: Some(preset), ..view.clone() };
        range.link("/console").with("by", by.name()).href()
    };
    html! {
        ul class="presets" {
            @for preset in shown { li { a href=(link(preset)) aria-current=[(view.preset == Some(preset)).then_some("true")] { (visit.t(preset.text())) } } }
        }
    }
}

/// This month and the last one.
struct Months {
    this_view: View,
    this: Measures,
    last_view: View,
    last: Measures,
    /// The first days of the last month, as many as there are in this one so far.
    same_days: Measures,
    days: i64,
}

impl Months {
    fn read(
        visit: &Visit<'_>,
        snapshot: &mut dyn Snapshot,
        query: &OrderQuery,
        view: &View,
    ) -> Result<Self, PageError> {
        let today = view.zone.day_of(visit.now_s);
        let month = month_of_day(today);
        let days = today - first_day_of_month(month) + 1;
        let range = |month: i64| month_range(&view.zone, month).ok_or(PageError::Internal);
        let last_begins = first_day_of_month(month - 1);
        let last_ends = (last_begins + days - 1).min(first_day_of_month(month) - 1);
        let same = days_range(&view.zone, last_begins, last_ends).ok_or(PageError::Internal)?;
        let mut sum = |range: TimeRange| -> Result<Measures, PageError> {
            let mut sum = Measures::default();
            for (_, measures) in snapshot.sums(&OrderQuery { range, ..query.clone() })? {
                sum.add(&measures);
            }
            Ok(sum)
        };
        let (this_view, last_view) = (view.over(range(month)?), view.over(range(month - 1)?));
        Ok(Self {
            this: sum(this_view.range)?,
            last: sum(last_view.range)?,
            same_days: sum(same)?,
            this_view: View { preset: Some(Preset::ThisMonth), ..this_view },
            last_view: View { preset: Some(Preset::LastMonth), ..last_view },
            days,
        })
    }

    /// How this month compares with as many days of the last one.
    fn compared(&self, visit: &Visit<'_>) -> Markup {
        let (now, then) = (self.this.total, self.same_days.total);
        let days = self.days.to_string();
        if then <= 0 {
            return html! { (text::N_ORDERS.with(visit.language, &[&self.this.orders.to_string()])) };
        }
        let per_mille = (now - then) * 1_000 / then;
        let sign = if per_mille < 0 { "−" } else { "+" };
        let percent = format!("{sign}{}.{} %", per_mille.abs() / 10, per_mille.abs() % 10);
        html! { (text::COMPARED.with(visit.language, &[&percent, &days])) }
    }
}
