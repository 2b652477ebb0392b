//! The controls above lists: ranges, filters, and the commands and files with the same content.

use maud::{Markup, html};
use tollbook_domain::Line;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::filter::FilterField;
use tollbook_export::presentation::Presentation;
use tollbook_store::Snapshot;

use super::error::PageError;
use super::forms;
use super::text::{self, Text};
use super::view::{Link, Preset, View, date};
use super::visit::Visit;
use crate::actions::choices;

/// Options of one filter that are listed; further values can be typed.
const LISTED: usize = 60;

/// The name of a filter.
pub(super) const fn filter_text(field: FilterField) -> Text {
    match field {
        FilterField::ResourceIds => text::RESOURCE,
        FilterField::ModelIds => text::MODEL,
        FilterField::PricingUnits => text::UNIT,
        FilterField::PricingSkus => text::SKU,
        FilterField::ProductCodes => text::PRODUCT,
        FilterField::OrderTypes => text::ORDER_TYPE,
        FilterField::ChargeTypes => text::CHARGE_TYPE,
        FilterField::Regions => text::REGION,
        FilterField::OrganizationIds => text::PROJECT,
    }
}

/// Links to ranges, and a form for days. `link` is the page with everything but the range.
pub(super) fn ranges(visit: &Visit<'_>, view: &View, link: &Link) -> Markup {
    let (first, last) = view.days().unwrap_or_else(|| {
        (view.zone.day_of(view.range.start_s()), view.zone.day_of(view.range.end_s() - 1))
    });
    let without = ["range", "StartTime", "EndTime", "page", "notice"];
    let to = |preset: Preset| {
        let link =
            link.fields(&without).fold(Link::to(visit_path(visit)), |to, (name, value)| to.with(name, value));
        link.with("range", preset.name()).href()
    };
    html! {
        div class="ranges" {
            ul class="presets" {
                @for preset in Preset::ALL {
                    li { a href=(to(preset)) aria-current=[(view.preset == Some(preset)).then_some("true")] { (visit.t(preset.text())) } }
                }
            }
            form class="days" method="get" action=(visit_path(visit)) {
                @for (name, value) in link.fields(&without) { input type="hidden" name=(name) value=(value); }
                label { span { (visit.t(text::FROM)) } input type="date" name="from" value=(date(first)) required; }
                label { span { (visit.t(text::TO)) } input type="date" name="to" value=(date(last)) required; }
                button { (visit.t(text::SHOW)) }
            }
        }
    }
}

fn visit_path<'v>(visit: &Visit<'v>) -> &'v str {
    visit.here.split('?').next().unwrap_or(visit.here)
}

/// The form of filters, closed unless some are set, and the set ones as links that remove them.
pub(super) fn filters(
    visit: &Visit<'_>,
    view: &View,
    link: &Link,
    snapshot: &mut dyn Snapshot,
    presentation: &Presentation,
) -> Result<Markup, PageError> {
    let person = visit.person()?;
    let lines = snapshot.lines(person.company.company_id)?;
    let visible: Vec<&Line> =
        lines.iter().map(AsRef::as_ref).filter(|line| person.key.may_use(line.organization_id)).collect();
    let mut all = choices(&visible, presentation);
    all.sort_by_key(|choices| match choices.field {
        FilterField::OrganizationIds => 0,
        FilterField::ModelIds => 1,
        FilterField::ResourceIds => 2,
        _ => 3,
    });
    let names = |field: FilterField, value: &str| {
        let of_field = all.iter().find(|choices| choices.field == field);
        let option = of_field.and_then(|choices| choices.options.iter().find(|(known, _)| known == value));
        option.map_or_else(|| value.to_owned(), |(_, name)| name.clone())
    };
    let keep: Vec<&str> =
        FilterField::ALL.iter().map(|field| field.name()).chain(["OrderNos", "page", "notice"]).collect();
    Ok(html! {
        div class="filters" {
            @if !view.filters.is_empty() || !view.numbers.is_empty() {
                ul class="chosen" {
                    @for (place, (field, value)) in view.filters.iter().enumerate() {
                        li { a href=(removed(view, link, place)) title=(visit.t(text::REMOVE)) {
                            span { (visit.t(filter_text(*field))) } " " (names(*field, value)) span class="x" aria-hidden="true" { "×" }
                        } }
                    }
                    @for number in &view.numbers { li { span { (number) } } }
                }
            }
            details {
                summary { (visit.t(text::FILTERS)) }
                form method="get" action=(visit_path(visit)) {
                    @for (name, value) in link.fields(&keep) { input type="hidden" name=(name) value=(value); }
                    div class="fieldsets" {
                        @for choices in &all {
                            @let chosen: Vec<&str> = view.values(choices.field).collect();
                            fieldset {
                                legend { (visit.t(filter_text(choices.field))) @if choices.options.len() > LISTED { small { " " (choices.options.len()) } } }
                                div class="options" {
                                    @for (value, name) in listed(&choices.options, &chosen) {
                                        label { input type="checkbox" name=(choices.field.name()) value=(value) checked[chosen.contains(&value.as_str())]; span { (name) } }
                                    }
                                }
                                @if choices.options.len() > LISTED {
                                    label class="typed" { span { (visit.t(text::ANOTHER)) } input type="text" name=(choices.field.name()); }
                                }
                            }
                        }
                        fieldset {
                            legend { (visit.t(text::ORDER_NUMBERS)) }
                            label class="typed" { span { (visit.t(text::ORDER_NUMBERS_HINT)) } input type="text" name="OrderNos" value=(view.numbers.join(" ")); }
                        }
                    }
                    p { button class="primary" { (visit.t(text::SHOW)) } " " a href=(view_without_filters(view, link)) { (visit.t(text::CLEAR)) } }
                }
            }
        }
    })
}

/// The first options and those that are chosen.
fn listed<'o>(options: &'o [(String, String)], chosen: &[&str]) -> Vec<&'o (String, String)> {
    let is_listed = |(place, (value, _)): &(usize, &(String, String))| {
        *place < LISTED || chosen.contains(&value.as_str())
    };
    options.iter().enumerate().filter(is_listed).map(|(_, option)| option).collect()
}

fn removed(view: &View, link: &Link, place: usize) -> String {
    let mut less = view.clone();
    less.filters.remove(place);
    rebuilt(&less, link)
}

fn view_without_filters(view: &View, link: &Link) -> String {
    rebuilt(&View { filters: Vec::new(), numbers: Vec::new(), ..view.clone() }, link)
}

/// The link with the filters of another view.
fn rebuilt(view: &View, link: &Link) -> String {
    let known: Vec<&str> = FilterField::ALL
        .iter()
        .map(|field| field.name())
        .chain(["OrderNos", "page", "notice", "range", "StartTime", "EndTime", "status"])
        .collect();
    link.fields(&known).fold(view.link(link.path()), |to, (name, value)| to.with(name, value)).href()
}

/// The same content as files and as commands.
pub(super) fn elsewhere(visit: &Visit<'_>, view: &View, action: &str, download: &str) -> Markup {
    let fields = view.api();
    let curl = curl(visit, view, action);
    html! {
        form class="inline" method="post" action="/console/exports" {
            (forms::token_field(visit))
            input type="hidden" name="Action" value=(download);
            @for (name, value) in &fields { input type="hidden" name=(name) value=(value); }
            span class="segmented" {
                button name="Format" value="xlsx" { "Excel" }
                button name="Format" value="csv" { "CSV" }
                button name="Format" value="parquet" { "Parquet" }
            }
        }
        details class="command" {
            summary { (visit.t(text::AS_CURL)) }
            div {
                p { (visit.t(text::AS_CURL_WHY)) }
                pre tabindex="0" { code { (curl) } }
                p { button type="button" class="copy-block" hidden data-copy=(curl) { (visit.t(text::COPY)) } }
            }
        }
    }
}

/// A command that sends the request of the API for a view. The keys are taken from the environment.
fn curl(visit: &Visit<'_>, view: &View, action: &str) -> String {
    let config = visit.service.config();
    let url = config.public_url(visit.brand(), visit.service.deployment().bound, visit.host);
    let mut pairs = vec![("Action".to_owned(), action.to_owned())];
    let mut counts = std::collections::HashMap::new();
    for (name, value) in view.api() {
        if matches!(name.as_str(), "StartTime" | "EndTime") {
            pairs.push((name, value));
        } else {
            let count = counts.entry(name.clone()).or_insert(0_u32);
            pairs.push((format!("{name}.{count}"), value));
            *count += 1;
        }
    }
    if action.starts_with("List") && !action.ends_with("Summary") {
        pairs.push(("Page".to_owned(), "1".to_owned()));
        pairs.push(("PageSize".to_owned(), "100".to_owned()));
    }
    let mut signed = pairs.clone();
    signed.push(("PublicKey".to_owned(), String::new()));
    signed.sort();
    let texts: String = signed
        .iter()
        .map(|(name, value)| match name.as_str() {
            "PublicKey" => "PublicKey'\"$TOLLBOOK_PUBLIC_KEY\"'".to_owned(),
            _ => quoted(&format!("{name}{value}")),
        })
        .collect();
    let mut command = format!(
        "SIGNATURE=$(printf %s '{texts}'\"$TOLLBOOK_PRIVATE_KEY\" | sha1sum | cut -c1-40)\ncurl -G '{}/'",
        quoted(&url)
    );
    for (name, value) in &pairs {
        command.push_str(" \\\n  --data-urlencode '");
        command.push_str(&quoted(&format!("{name}={value}")));
        command.push('\'');
    }
    command
        + " \\\n  --data-urlencode \"PublicKey=$TOLLBOOK_PUBLIC_KEY\" --data-urlencode \"Signature=$SIGNATURE\""
}

/// A text within single quotes of a shell.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}

/// The names of the values of an attribute, for choices of how to group.
pub(super) fn dimension_name(visit: &Visit<'_>, field: FilterField) -> String {
    let key = match field {
        FilterField::OrganizationIds => "project",
        FilterField::ResourceIds => "resource",
        FilterField::ModelIds => "model",
        FilterField::PricingSkus => "sku",
        FilterField::Regions => "region",
        _ => return visit.t(filter_text(field)).to_owned(),
    };
    visit.service.catalogue().text(NameKind::Dimension, key, visit.language)
}
