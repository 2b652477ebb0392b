//! Charts as SVG, drawn from the values of the table beside them.

use maud::{Markup, html};
use tollbook_domain::Measures;

use super::cube::{Cube, Measure};
use super::tables;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 8.0;
/// Labels below the columns.
const LABELS: usize = 8;

/// Stacked columns. `name` names a group; `href` leads from a cell to its orders. The table of the same values is for people
/// who do not see the chart, so it is hidden from their programs.
pub(super) fn stacked(
    caption: &str,
    cube: &Cube,
    measure: Measure,
    name: impl Fn(usize) -> String,
    href: impl Fn(usize, usize) -> Option<String>,
) -> Markup {
    let most = cube.totals.iter().map(|total| value(measure, total)).fold(0.0, f64::max);
    let top = nice(most);
    let room = HEIGHT - BOTTOM - TOP;
    let columns = cube.buckets.len().max(1);
    #[expect(clippy::cast_precision_loss, reason = "places on a page")]
    let step = (WIDTH - LEFT) / columns as f64;
    let width = (step * 0.76).clamp(0.6, 56.0);
    let labelled = columns.div_ceil(LABELS).max(1);
    html! {
        div tabindex="0" role="group" aria-label=(caption) { svg class="chart" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) aria-hidden="true" focusable="false" {
            @for line in 0..=4_u8 {
                @let part = f64::from(line) / 4.0;
                @let y = TOP + room * (1.0 - part);
                line class=(if line == 0 { "axis" } else { "grid" }) x1=(LEFT) x2=(WIDTH) y1=(place(y)) y2=(place(y)) {}
                text class="tick" x=(LEFT - 8.0) y=(place(y + 4.0)) text-anchor="end" { (label(top * part, measure)) }
            }
            @for (column, bucket) in cube.buckets.iter().enumerate() {
                @let x = left_of(column, step, width);
                @for part in parts(cube, measure, column, top, room) {
                    @let rect = html! {
                        rect class=(colour(part.group, cube)) x=(place(x)) y=(place(part.y)) width=(place(width)) height=(place(part.height)) {
                            title { (name(part.group)) " · " (bucket.label) " · " (part.text) }
                        }
                    };
                    @match href(part.group, column) {
                        Some(href) => a href=(href) tabindex="-1" { (rect) },
                        None => (rect),
                    }
                }
                @if column.is_multiple_of(labelled) {
                    text class="tick" x=(place(x + width / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (short(&bucket.label)) }
                }
            }
        } }
    }
}

/// The colours of the groups, by name.
pub(super) fn legend(names: &[String], cube: &Cube) -> Markup {
    html! {
        ul class="legend" {
            @for (group, name) in names.iter().enumerate() {
                li { span class=(format!("key {}", colour(group, cube))) {} (name) }
            }
        }
    }
}

/// The class with the colour of a group: grey for the smaller groups together, and for those beyond the colours.
pub(super) fn colour(group: usize, cube: &Cube) -> String {
    let is_rest = cube.groups.get(group).is_some_and(|row| row.values.is_empty());
    format!("s{}", if is_rest { 8 } else { group.min(8) })
}

/// A piece of a column.
struct Part {
    group: usize,
    y: f64,
    height: f64,
    text: String,
}

fn parts(cube: &Cube, measure: Measure, column: usize, top: f64, room: f64) -> Vec<Part> {
    let mut base = TOP + room;
    let mut parts = Vec::new();
    for (group, row) in cube.groups.iter().enumerate() {
        let Some(cell) = row.cells.get(column) else { continue };
        let height = if top > 0.0 { value(measure, cell) / top * room } else { 0.0 };
        if height <= 0.0 {
            continue;
        }
        base -= height;
        parts.push(Part { group, y: base, height, text: exact(measure, cell) });
    }
    parts
}

fn exact(measure: Measure, cell: &Measures) -> String {
    let value = measure.of(cell);
    if measure.is_money() { tollbook_domain::money::format_amount_sum(value) } else { value.to_string() }
}

/// The value as a length. Only the drawing is of limited precision; every number that is read is exact.
#[expect(clippy::cast_precision_loss, reason = "a length on a page")]
fn value(measure: Measure, measures: &Measures) -> f64 {
    let value = measure.of(measures) as f64;
    if measure.is_money() { value / 1e8 } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "places on a page")]
fn left_of(column: usize, step: f64, width: f64) -> f64 {
    LEFT + step * column as f64 + (step - width) / 2.0
}

fn place(length: f64) -> String {
    format!("{length:.2}")
}

/// The next number of the series 1, 2, 2.5, 4, 5, 8 at or above a value.
fn nice(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|step| *step >= most * 0.999_999).unwrap_or(most)
}

/// A number beside the axis, short.
fn label(value: f64, measure: Measure) -> String {
    for (size, unit) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] {
        if value >= size {
            return format!("{}{unit}", trimmed(value / size));
        }
    }
    if measure.is_money() || value == 0.0 { trimmed(value) } else { trimmed(value.round()) }
}

fn trimmed(value: f64) -> String {
    let places = if value != 0.0 && value.abs() < 0.01 { 6 } else { 2 };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The label of a day without its year.
fn short(label: &str) -> &str {
    if label.len() == 10 { label.get(5..).unwrap_or(label) } else { label }
}

/// A bar whose length is a part of the largest value, in the cell of a table.
pub(super) fn bar(value: i128, most: i128) -> Markup {
    let per_mille = if most > 0 { (value.max(0) * 1_000 / most).clamp(0, 1_000) } else { 0 };
    html! {
        svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class="s0" width=(format!("{}.{}", per_mille / 10, per_mille % 10)) height="4" {}
        }
    }
}

/// The cell of a table with the exact number.
pub(super) fn figure(measure: Measure, measures: &Measures) -> Markup {
    let value = measure.of(measures);
    if measure.is_money() { tables::money(value) } else { tables::count(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, top) in
            [(0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (34.0, 40.0), (88_629.3, 100_000.0)]
        {
            assert!((nice(most) - top).abs() < 1e-9, "{most}: {}", nice(most));
        }
        assert_eq!(label(2_500.0, Measure::Total), "2.5k");
        assert_eq!(label(0.25, Measure::Total), "0.25");
        assert_eq!(label(0.0, Measure::Orders), "0");
    }
}
