//! Any measure by group, subgroup and time, as chart and table. Each figure leads to the orders that it is the sum of.

use maud::{Markup, html};
use tollbook_domain::filter::{FilterField, LineAttribute};

use crate::console::cube::{self, Cube, CubeRequest, Measure, Step};
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, Shown, View, invalid};
use crate::console::visit::{Visit, text_of};
use crate::console::{chart, filters, layout, tables};
use crate::parameters::MAX_LIST_VALUES;

/// What rows can be grouped by.
const DIMENSIONS: [FilterField; 7] = [
    FilterField::ModelIds,
    FilterField::OrganizationIds,
    FilterField::ResourceIds,
    FilterField::PricingSkus,
    FilterField::Regions,
    FilterField::ProductCodes,
    FilterField::OrderTypes,
];
const TOPS: [usize; 4] = [5, 8, 20, 100];

/// The parameters of the page beside those of the view.
struct Choice {
    measure: Measure,
    by: FilterField,
    then: Option<FilterField>,
    step: Step,
    top: usize,
    is_cumulative: bool,
}

impl Choice {
    fn parse(visit: &Visit<'_>) -> Result<Self, PageError> {
        let query = visit.query;
        let dimension = |name: &str| {
            let Some(text) = text_of(query, name) else { return Ok(None) };
            let found = DIMENSIONS.into_iter().find(|field| field.name() == text);
            found.map(Some).ok_or_else(|| invalid(name, "is not one of the groups"))
        };
        let measure = match text_of(query, "measure") {
            None => Measure::Total,
            Some(text) => Measure::ALL
                .into_iter()
                .find(|measure| measure.name() == text)
                .ok_or_else(|| invalid("measure", "is not one of the measures"))?,
        };
        let step = match text_of(query, "step") {
            None => Step::Day,
            Some(text) => Step::ALL
                .into_iter()
                .find(|step| step.name() == text)
                .ok_or_else(|| invalid("step", "must be hour, day, month or whole"))?,
        };
        let top = match text_of(query, "top") {
            None => 8,
            Some(text) => text
                .parse()
                .ok()
                .filter(|top| TOPS.contains(top))
                .ok_or_else(|| invalid("top", "must be 5, 8, 20 or 100"))?,
        };
        let by = dimension("by")?.unwrap_or(FilterField::ModelIds);
        let then = dimension("then")?.filter(|then| *then != by);
        Ok(Self { measure, by, then, step, top, is_cumulative: text_of(query, "cumulative").is_some() })
    }

    fn fields(&self) -> Vec<FilterField> {
        [Some(self.by), self.then].into_iter().flatten().collect()
    }

    fn on(&self, link: Link) -> Link {
        let mut link = link
            .with("measure", self.measure.name())
            .with("by", self.by.name())
            .with("step", self.step.name())
            .with("top", self.top.to_string());
        if let Some(then) = self.then {
            link = link.with("then", then.name());
        }
        if self.is_cumulative {
            link = link.with("cumulative", "1");
        }
        link
    }
}

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &["measure", "by", "then", "step", "top", "cumulative"])?;
    let choice = Choice::parse(visit)?;
    let buckets = choice.step.buckets(view.range, &view.zone).ok_or_else(|| {
        PageError::Invalid(text::TOO_MANY_COLUMNS.with(visit.language, &[&cube::MAX_BUCKETS.to_string()]))
    })?;
    let (query, mut snapshot) = view.query(visit)?;
    let snapshot = snapshot.as_mut();
    let presentation = visit.presentation(snapshot)?;
    let fields = choice.fields();
    let request =
        CubeRequest { query: &query, buckets, by: &fields, measure: choice.measure, top: choice.top };
    let mut cube = cube::read(snapshot, request, &presentation)?;
    if choice.is_cumulative {
        cube.cumulate();
    }
    let link = choice.on(view.link("/console/explore"));
    let filters = filters::filters(visit, &view, &link, snapshot, &presentation)?;
    let title = visit.t(text::EXPLORE);
    let names = names(visit, &cube);
    let href = |group, column| {
        let range_from_start = choice.is_cumulative;
        cell_href_over(&view, &cube, &fields, Some(group), Some(column), range_from_start)
    };
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, filters::elsewhere(visit, &view, "GetOrderAmount", "DownloadOrderSummary")))
        (filters::ranges(visit, &view, &link))
        (controls(visit, &view, &choice))
        (filters)
        @if cube.total.orders == 0 { (layout::nothing(visit, text::NO_ORDERS)) }
        @else {
            @if choice.step != Step::Whole {
                figure {
                    (chart::legend(&names, &cube))
                    (chart::stacked(visit.t(choice.measure.text()), &cube, choice.measure, |group| names.get(group).cloned().unwrap_or_default(), href))
                    figcaption { (visit.t(choice.measure.text())) " · " (visit.t(choice.step.text())) " · " (view.range_text()) }
                }
            }
            @if choice.measure == Measure::Quantity { p class="hint" { (visit.t(text::QUANTITY_HINT)) } }
            (table(visit, &view, &cube, &fields, choice.measure, choice.is_cumulative))
        }
    };
    Ok(layout::page(visit, "/console/explore", title, content))
}

/// The name of an attribute.
pub(in crate::console) fn dimension(visit: &Visit<'_>, field: FilterField) -> String {
    filters::dimension_name(visit, field)
}

fn controls(visit: &Visit<'_>, view: &View, choice: &Choice) -> Markup {
    let link = view.link("/console/explore");
    html! {
        form class="controls" method="get" action="/console/explore" {
            @for (name, value) in link.fields(&["status"]) { input type="hidden" name=(name) value=(value); }
            label { span { (visit.t(text::MEASURE)) } select name="measure" { @for measure in Measure::ALL { option value=(measure.name()) selected[measure == choice.measure] { (visit.t(measure.text())) } } } }
            label { span { (visit.t(text::GROUP)) } select name="by" { @for field in DIMENSIONS { option value=(field.name()) selected[field == choice.by] { (dimension(visit, field)) } } } }
            label { span { (visit.t(text::SUBGROUP)) } select name="then" {
                option value="" selected[choice.then.is_none()] { (visit.t(text::NONE)) }
                @for field in DIMENSIONS { option value=(field.name()) selected[Some(field) == choice.then] { (dimension(visit, field)) } }
            } }
            label { span { (visit.t(text::STEP)) } select name="step" { @for step in Step::ALL { option value=(step.name()) selected[step == choice.step] { (visit.t(step.text())) } } } }
            label { span { (visit.t(text::STATUS)) } select name="status" { @for shown in Shown::ALL { option value=(shown.name()) selected[shown == view.shown] { (visit.t(shown.text())) } } } }
            label { span { (visit.t(text::TOP)) } select name="top" { @for top in TOPS { option value=(top) selected[top == choice.top] { (top) } } } }
            label class="check" { input type="checkbox" name="cumulative" value="1" checked[choice.is_cumulative]; span { (visit.t(text::CUMULATIVE)) } }
            button class="primary" { (visit.t(text::SHOW)) }
        }
    }
}

/// The names of the rows of a cube.
pub(in crate::console) fn names(visit: &Visit<'_>, cube: &Cube) -> Vec<String> {
    let name =
        |name: &String| if name.is_empty() { visit.t(text::WITHOUT_NAME).to_owned() } else { name.clone() };
    cube.groups
        .iter()
        .map(|group| {
            if group.values.is_empty() {
                text::OTHERS.with(visit.language, &[&group.others.len().to_string()])
            } else {
                group.names.iter().map(name).collect::<Vec<_>>().join(" · ")
            }
        })
        .collect()
}

/// The orders of a cell: of a group or of all, in a column or in the whole range. `None` if no filter selects just them.
pub(in crate::console) fn cell_href(
    view: &View,
    cube: &Cube,
    by: &[FilterField],
    group: Option<usize>,
    column: Option<usize>,
) -> Option<String> {
    cell_href_over(view, cube, by, group, column, false)
}

fn cell_href_over(
    view: &View,
    cube: &Cube,
    by: &[FilterField],
    group: Option<usize>,
    column: Option<usize>,
    from_start: bool,
) -> Option<String> {
    let mut cell = view.clone();
    if let Some(column) = column {
        let range = cube.buckets.get(column)?.range;
        cell = view.over(if from_start { view.range.until(range.end_s()) } else { range });
    }
    if let Some(group) = group {
        let group = cube.groups.get(group)?;
        if group.values.is_empty() {
            // The others, if they differ in one attribute and a filter can list them.
            let [field] = by else { return None };
            let values: Vec<String> =
                group.others.iter().filter_map(|values| values.first().cloned()).collect();
            if values.len() > MAX_LIST_VALUES || !values.iter().all(|value| can_filter(*field, value)) {
                return None;
            }
            cell = cell.only(*field, values);
        }
        for (field, value) in by.iter().zip(&group.values) {
            if !can_filter(*field, value) {
                return None;
            }
            cell = cell.only(*field, [value.clone()]);
        }
    }
    Some(cell.link("/console/orders").href())
}

/// An empty text is no value of a filter.
fn can_filter(field: FilterField, value: &str) -> bool {
    !value.is_empty() || matches!(field.attribute(), LineAttribute::Number(_))
}

/// The table of a cube: rows are columns of the chart, because time has more values than there are groups.
pub(in crate::console) fn table(
    visit: &Visit<'_>,
    view: &View,
    cube: &Cube,
    by: &[FilterField],
    measure: Measure,
    is_cumulative: bool,
) -> Markup {
    let names = names(visit, cube);
    let cell = |group: Option<usize>, column: Option<usize>, measures| {
        let href = cell_href_over(view, cube, by, group, column, is_cumulative);
        html! { td class="r" { (tables::linked(href.as_deref(), chart::figure(measure, measures))) } }
    };
    let is_whole = cube.buckets.len() == 1;
    html! {
        div class="table" tabindex="0" role="region" aria-label=(visit.t(measure.text())) {
            table class="cube" {
                caption { (visit.t(measure.text())) " · " (by.iter().map(|field| dimension(visit, *field)).collect::<Vec<_>>().join(" · ")) " · " (view.range_text()) }
                thead { tr {
                    th scope="col" { (by.iter().map(|field| dimension(visit, *field)).collect::<Vec<_>>().join(" · ")) }
                    th scope="col" class="r" { (visit.t(text::TOTAL)) }
                    @if !is_whole { @for bucket in &cube.buckets { th scope="col" class="r" { (bucket.label) } } }
                } }
                tbody {
                    @for (group, row) in cube.groups.iter().enumerate() {
                        tr {
                            th scope="row" { span class=(format!("key {}", chart::colour(group, cube))) aria-hidden="true" {} (names[group]) }
                            (cell(Some(group), None, &row.total))
                            @if !is_whole { @for (column, measures) in row.cells.iter().enumerate() { (cell(Some(group), Some(column), measures)) } }
                        }
                    }
                }
                tfoot { tr {
                    th scope="row" { (visit.t(text::TOTAL)) }
                    (cell(None, None, &cube.total))
                    @if !is_whole { @for (column, measures) in cube.totals.iter().enumerate() { (cell(None, Some(column), measures)) } }
                } }
            }
        }
    }
}

/// The groups of a cube by size, with their shares.
pub(in crate::console) fn ranking(visit: &Visit<'_>, view: &View, cube: &Cube, by: FilterField) -> Markup {
    let names = names(visit, cube);
    let most = cube.groups.iter().map(|group| group.total.total).max().unwrap_or(0);
    let share = |total: i128| {
        if cube.total.total <= 0 {
            return String::new();
        }
        let per_mille = total * 1_000 / cube.total.total;
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    };
    html! {
        div class="table" tabindex="0" role="region" aria-label=(dimension(visit, by)) { table class="ranking" {
            caption { (dimension(visit, by)) " · " (view.range_text()) }
            thead { tr { th scope="col" { (dimension(visit, by)) } th scope="col" class="barcell" { (visit.t(text::SHARE)) } th scope="col" class="r" { (visit.t(text::ORDERS)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) } } }
            tbody {
                @for (group, row) in cube.groups.iter().enumerate() {
                    tr {
                        th scope="row" { span class=(format!("key {}", chart::colour(group, cube))) aria-hidden="true" {} (names[group]) }
                        td class="barcell" { (chart::bar(row.total.total, most)) span { (share(row.total.total)) } }
                        td class="r" { (tables::count(row.total.orders)) }
                        td class="r" { (tables::linked(cell_href(view, cube, &[by], Some(group), None).as_deref(), tables::money(row.total.total))) }
                    }
                }
            }
            tfoot { tr { th scope="row" { (visit.t(text::TOTAL)) } td class="barcell" {} td class="r" { (tables::count(cube.total.orders)) } td class="r" { (tables::linked(cell_href(view, cube, &[by], None, None).as_deref(), tables::money(cube.total.total))) } } }
        } }
    }
}
