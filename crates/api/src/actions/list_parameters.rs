//! The parameters that the actions on orders share: range, paging and filters. Filters by line are the domain's table
//! [`FilterField`], so a new one there is a parameter of every action here.

use tollbook_domain::filter::{FilterField, LineAttribute};
use tollbook_domain::time::MAX_TIME_S;

use super::delivery::{ASYNC, FORMAT, SEPARATOR};
use super::shape::{Meaning, Parameter, ParameterShape};

/// Parameters of the lists.
pub(super) const LIST: &[Parameter] =
    &joined::<{ 6 + FILTERS.len() }>(&[&RANGE, &PAGING, &FILTERS, &[ORDER_NOS, STATUSES]]);

/// Parameters of the summaries.
pub(super) const SUMMARY: &[Parameter] =
    &joined::<{ 4 + FILTERS.len() }>(&[&RANGE, &FILTERS, &[ORDER_NOS, STATUSES]]);

/// Parameters of the downloads.
pub(super) const DOWNLOAD: &[Parameter] =
    &joined::<{ SUMMARY.len() + 3 }>(&[SUMMARY, &[FORMAT, SEPARATOR, ASYNC]]);

/// Parameters of the ledger.
pub(super) const LEDGER_PAGING: [Parameter; 2] =
    [bounded("Page", 1, i64::MAX, "Page number, from 1"), bounded("PageSize", 10, 100, "Entries per page")];

/// Parameters of the totals, which are split by status anyway.
pub(super) const AMOUNT: &[Parameter] = &joined::<{ 3 + FILTERS.len() }>(&[&RANGE, &FILTERS, &[ORDER_NOS]]);

const RANGE: [Parameter; 2] = [
    time("StartTime", "Start of the range over the orders' `StartTime`, Unix seconds"),
    time("EndTime", "End of the range, not included; greater than `StartTime`"),
];

const PAGING: [Parameter; 2] =
    [bounded("Page", 1, i64::MAX, "Page number, from 1"), bounded("PageSize", 10, 100, "Orders per page")];

const FILTERS: [Parameter; FilterField::ALL.len()] = {
    let mut filters = [RANGE[0]; FilterField::ALL.len()];
    let mut place = 0;
    while place < filters.len() {
        let field = FilterField::ALL[place];
        let shape = match field.attribute() {
            LineAttribute::Text(_) => ParameterShape::Texts,
            LineAttribute::Number(_) => ParameterShape::Integers,
        };
        let meaning = Meaning::Text(field.meaning());
        filters[place] = Parameter { name: field.name(), shape, required: false, extension: false, meaning };
        place += 1;
    }
    filters
};

const ORDER_NOS: Parameter = Parameter {
    name: "OrderNos",
    shape: ParameterShape::Texts,
    required: false,
    extension: true,
    meaning: Meaning::Text("`OrderNo`, `SourceOrderNo` or `UnpaidOrderNo` of the orders"),
};

const STATUSES: Parameter = Parameter {
    name: "Statuses",
    shape: ParameterShape::Integers,
    required: false,
    extension: true,
    meaning: Meaning::Text(
        "`Status` of the orders instead of the action's own choice: paid actions take 2 and 3, unpaid ones 1 and 3, the \
         order summary all three",
    ),
};

const fn time(name: &'static str, meaning: &'static str) -> Parameter {
    bounded(name, 0, MAX_TIME_S, meaning)
}

const fn bounded(name: &'static str, from: i64, to: i64, meaning: &'static str) -> Parameter {
    let (shape, meaning) = (ParameterShape::Integer(from, to), Meaning::Text(meaning));
    Parameter { name, shape, required: true, extension: false, meaning }
}

/// The parts one after the other, which together have `N` parameters.
const fn joined<const N: usize>(parts: &[&[Parameter]]) -> [Parameter; N] {
    let mut all = [RANGE[0]; N];
    let (mut part, mut place) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[place] = parts[part][index];
            index += 1;
            place += 1;
        }
        part += 1;
    }
    assert!(place == N, "the parts have another number of parameters");
    all
}
