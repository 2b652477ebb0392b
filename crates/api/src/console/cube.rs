//! Measures of orders by time and group, for charts and tables: each cell is the sum that the store answers for its range,
//! added up by line.

use std::collections::HashMap;

use tollbook_domain::filter::{FilterField, LineAttribute};
use tollbook_domain::time::{HOUR_S, first_day_of_month, month_of_day};
use tollbook_domain::{Line, Measures, OrderQuery, TimeRange};
use tollbook_export::Zone;
use tollbook_export::presentation::Presentation;
use tollbook_store::{Snapshot, StoreError, StoreResult};

use super::text::{self, Text};
use crate::actions::name_of;

/// Most columns of a cube.
pub(super) const MAX_BUCKETS: usize = 400;

/// What is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Total,
    Original,
    Orders,
    Quantity,
}

impl Measure {
    pub(super) const ALL: [Self; 4] = [Self::Total, Self::Original, Self::Orders, Self::Quantity];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Original => "original",
            Self::Orders => "orders",
            Self::Quantity => "quantity",
        }
    }

    pub(super) const fn text(self) -> Text {
        match self {
            Self::Total => text::AMOUNT,
            Self::Original => text::ORIGINAL,
            Self::Orders => text::ORDERS,
            Self::Quantity => text::QUANTITY,
        }
    }

    pub(super) const fn is_money(self) -> bool {
        matches!(self, Self::Total | Self::Original)
    }

    pub(super) fn of(self, measures: &Measures) -> i128 {
        match self {
            Self::Total => measures.total,
            Self::Original => measures.original,
            Self::Orders => measures.orders.into(),
            Self::Quantity => measures.quantity,
        }
    }
}

/// The time that a column covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Hour,
    Day,
    Month,
    /// The whole range.
    Whole,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::Whole];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Whole => "whole",
        }
    }

    pub(super) const fn text(self) -> Text {
        match self {
            Self::Hour => text::BY_HOUR,
            Self::Day => text::BY_DAY,
            Self::Month => text::BY_MONTH,
            Self::Whole => text::WHOLE_RANGE,
        }
    }

    /// The columns of a range, with their labels; `None` if there are more than [`MAX_BUCKETS`].
    pub(super) fn buckets(self, range: TimeRange, zone: &Zone) -> Option<Vec<Bucket>> {
        let mut buckets = Vec::new();
        let mut start_s = range.start_s();
        while start_s < range.end_s() {
            if buckets.len() == MAX_BUCKETS {
                return None;
            }
            let day = zone.day_of(start_s);
            let end_s = match self {
                Self::Hour => {
                    let offset_s = i64::from(zone.offset_s(start_s));
                    (start_s + offset_s).div_euclid(HOUR_S) * HOUR_S + HOUR_S - offset_s
                }
                Self::Day => zone.day_start_s(day + 1),
                Self::Month => zone.day_start_s(first_day_of_month(month_of_day(day) + 1)),
                Self::Whole => range.end_s(),
            };
            let end_s = end_s.clamp(start_s + 1, range.end_s());
            let label = match self {
                Self::Hour => zone.text(start_s).get(5..16).unwrap_or_default().to_owned(),
                Self::Day => super::view::date(day),
                Self::Month => super::view::month_text(month_of_day(day)),
                Self::Whole => String::new(),
            };
            buckets.push(Bucket { range: TimeRange::new(start_s, end_s)?, label });
            start_s = end_s;
        }
        Some(buckets)
    }
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) range: TimeRange,
    pub(super) label: String,
}

/// A row: a group, or all smaller groups together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The value of each attribute that groups; empty for the smaller groups.
    pub(super) values: Vec<String>,
    pub(super) names: Vec<String>,
    /// The values of the first attribute of the groups that are put together.
    pub(super) others: Vec<Vec<String>>,
    pub(super) cells: Vec<Measures>,
    pub(super) total: Measures,
}

/// Measures by group and column.
#[derive(Clone, Debug)]
pub(super) struct Cube {
    pub(super) buckets: Vec<Bucket>,
    /// Largest first; the smaller ones together last.
    pub(super) groups: Vec<Group>,
    /// The sums of the columns.
    pub(super) totals: Vec<Measures>,
    pub(super) total: Measures,
}

/// What a cube is made of.
pub(super) struct CubeRequest<'a> {
    pub(super) query: &'a OrderQuery,
    pub(super) buckets: Vec<Bucket>,
    pub(super) by: &'a [FilterField],
    pub(super) measure: Measure,
    /// Groups that have a row of their own.
    pub(super) top: usize,
}

/// The value of an attribute, as the parameter of its filter.
pub(super) fn value_of(field: FilterField, line: &Line) -> String {
    match field.attribute() {
        LineAttribute::Text(text) => text(line).to_owned(),
        LineAttribute::Number(number) => number(line).to_string(),
    }
}

/// Reads a cube from one snapshot.
pub(super) fn read(
    snapshot: &mut dyn Snapshot,
    request: CubeRequest<'_>,
    presentation: &Presentation,
) -> StoreResult<Cube> {
    let CubeRequest { query, buckets, by, measure, top } = request;
    let lines = snapshot.lines(query.company_id)?;
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut of_line: HashMap<u32, usize> = HashMap::new();
    let mut totals = Vec::with_capacity(buckets.len());
    for (column, bucket) in buckets.iter().enumerate() {
        let part = OrderQuery { range: bucket.range, ..query.clone() };
        let mut sum = Measures::default();
        for (_, line_no, measures) in snapshot.sums_by_line(&part)? {
            if measures.orders == 0 {
                continue;
            }
            // Never `None`: a snapshot has the line of each of its orders. A sum without one would be too small.
            let line =
                lines.get(line_no).ok_or_else(|| StoreError::Damaged("an order names no line".into()))?;
            let place = *of_line.entry(line_no).or_insert_with(|| {
                let values: Vec<String> = by.iter().map(|field| value_of(*field, line)).collect();
                *places.entry(values.clone()).or_insert_with(|| {
                    groups.push(Group {
                        names: by.iter().map(|field| name_of(*field, line, presentation)).collect(),
                        values,
                        others: Vec::new(),
                        cells: vec![Measures::default(); buckets.len()],
                        total: Measures::default(),
                    });
                    groups.len() - 1
                })
            });
            if let Some(group) = groups.get_mut(place) {
                group.total.add(&measures);
                if let Some(cell) = group.cells.get_mut(column) {
                    cell.add(&measures);
                }
            }
            sum.add(&measures);
        }
        totals.push(sum);
    }
    groups.sort_by(|a, b| {
        measure.of(&b.total).cmp(&measure.of(&a.total)).then_with(|| a.values.cmp(&b.values))
    });
    let total = totals.iter().fold(Measures::default(), |mut sum, part| {
        sum.add(part);
        sum
    });
    Ok(Cube { groups: with_others(groups, top), totals, total, buckets })
}

/// The first groups, and all others together.
fn with_others(mut groups: Vec<Group>, top: usize) -> Vec<Group> {
    // A row for one other group would hide its name for nothing.
    if groups.len() <= top + 1 {
        return groups;
    }
    let others = groups.split_off(top);
    let mut together = Group {
        values: Vec::new(),
        names: Vec::new(),
        others: Vec::new(),
        cells: vec![Measures::default(); others.first().map_or(0, |group| group.cells.len())],
        total: Measures::default(),
    };
    for group in others {
        together.total.add(&group.total);
        for (sum, cell) in together.cells.iter_mut().zip(&group.cells) {
            sum.add(cell);
        }
        together.others.push(group.values);
    }
    groups.push(together);
    groups
}

impl Cube {
    /// Makes each cell the sum of it and those before.
    pub(super) fn cumulate(&mut self) {
        let run = |cells: &mut Vec<Measures>| {
            let mut sum = Measures::default();
            for cell in cells {
                sum.add(cell);
                *cell = sum;
            }
        };
        self.groups.iter_mut().for_each(|group| run(&mut group.cells));
        run(&mut self.totals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_the_range_once() {
        let zone = Zone::named("America/New_York").unwrap();
        let start_s = zone.day_start_s(20_000) + 5_000;
        let range = TimeRange::new(start_s, start_s + 90 * 86_400).unwrap();
        for step in [Step::Day, Step::Month, Step::Whole] {
            let buckets = step.buckets(range, &zone).unwrap();
            let mut at = range.start_s();
            for bucket in &buckets {
                assert_eq!(bucket.range.start_s(), at);
                at = bucket.range.end_s();
            }
            assert_eq!(at, range.end_s());
        }
        assert!(Step::Hour.buckets(range, &zone).is_none(), "more than {MAX_BUCKETS}");
        let hours = Step::Hour.buckets(TimeRange::new(start_s, start_s + 7_200).unwrap(), &zone).unwrap();
        assert_eq!(hours.len(), 3, "{hours:?}");
    }
}
