//! One usage record, as JSON or as the cells of a CSV file, to [`Usage`] (docs/USAGE_FILES.md, "The record"). What a
//! value must lie between is [`Usage::check`]'s.

use std::borrow::Cow;

use tollbook_domain::usage::Usage;

use super::{event, time};
use crate::text::json::{JsonValue, members, value};
use crate::text::shorten;

/// The fields of a record, in the order of the specification.
pub(super) const FIELDS: [&str; 13] = [
    "id",
    "source",
    "time",
    "company_id",
    "organization_id",
    "resource_id",
    "resource_type",
    "user_email",
    "provider",
    "model_id",
    "product_code",
    "region",
    "quantities",
];

/// Place of the time in [`FIELDS`].
pub(super) const TIME: usize = 2;
/// Place of the quantities in [`FIELDS`].
pub(super) const QUANTITIES: usize = 12;
/// Places in [`FIELDS`] of what is a number.
pub(super) const INTEGERS: [usize; 3] = [3, 4, 6];
/// Places in [`FIELDS`] of what every record states.
pub(super) const REQUIRED: [usize; 7] = [0, TIME, 3, 4, 5, 10, QUANTITIES];

/// What a CSV header puts before a SKU.
const SKU_PREFIX: &str = "quantities.";

/// Place of a name in [`FIELDS`].
pub(super) fn place(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| *field == name)
}

/// A record of a JSON Lines file: a usage record, or an event, which states its `specversion`.
///
/// # Errors
/// The reason why it is none, lowercase and without a full stop, the field first where one is to blame.
pub fn parse(line: &[u8]) -> Result<Usage, String> {
    let line = std::str::from_utf8(line).map_err(|_| "is not valid UTF-8")?;
    // The name may stand in some text as well, so that the parser has the last word.
    if line.contains("\"specversion\"") && is_event(line) {
        return event::parse(line);
    }
    let mut draft = Draft::default();
    members(line, |name, raw| draft.member(&name, raw))?;
    draft.finish()
}

fn is_event(line: &str) -> bool {
    let mut found = false;
    // A broken object is told about by whoever reads it as a record.
    let _ = members(line, |name, _| {
        found |= name == "specversion";
        Ok(())
    });
    found
}

/// The fields of a record that is being read.
#[derive(Default)]
pub(super) struct Draft {
    texts: [Option<String>; FIELDS.len()],
    numbers: [Option<i64>; FIELDS.len()],
    quantities: Option<Vec<(String, i64)>>,
    /// Bits of the fields that occurred.
    seen: u16,
}

impl Draft {
    /// Takes a member of a JSON object; `null` states nothing.
    pub(super) fn member(&mut self, name: &str, raw: &str) -> Result<(), String> {
        let Some(field) = place(name) else {
            return Err(format!("{}: is not a field of a usage record", shorten(name)));
        };
        self.once(field)?;
        if field == QUANTITIES {
            self.quantities = quantities(raw)?;
            return Ok(());
        }
        let Some(value) = value(raw).map_err(|reason| format!("{name}: {reason}"))? else {
            return Ok(());
        };
        let number = field == TIME || INTEGERS.contains(&field);
        match value {
            JsonValue::Text(text) if field == TIME => self.set_number(field, time::rfc3339(&text)),
            JsonValue::Text(text) if !number => {
                self.set_text(field, text);
                Ok(())
            }
            JsonValue::Number(token) if number => self.set_number(field, integer(token)),
            _ if field == TIME => Err("time: must be Unix seconds or an RFC 3339 time".to_owned()),
            _ if number => Err(format!("{name}: must be an integer")),
            _ => Err(format!("{name}: must be a text")),
        }
    }

    /// Takes the text of a field, as a cell or a mapping gives it.
    pub(super) fn cell(&mut self, field: usize, text: Cow<'_, str>) -> Result<(), String> {
        if field == TIME {
            self.set_number(field, time::seconds_or_rfc3339(&text))
        } else if INTEGERS.contains(&field) {
            self.set_number(field, integer(&text))
        } else {
            self.set_text(field, text);
            Ok(())
        }
    }

    fn once(&mut self, field: usize) -> Result<(), String> {
        if self.seen & (1 << field) != 0 {
            return Err(format!("{}: occurs twice", FIELDS[field]));
        }
        self.seen |= 1 << field;
        Ok(())
    }

    pub(super) fn set_text(&mut self, field: usize, text: Cow<'_, str>) {
        self.texts[field] = Some(text.into_owned());
    }

    pub(super) fn set_number(&mut self, field: usize, number: Result<i64, String>) -> Result<(), String> {
        let number = number.map_err(|reason| format!("{}: {reason}", FIELDS[field]))?;
        self.numbers[field] = Some(number);
        Ok(())
    }

    pub(super) fn set_quantities(&mut self, quantities: Vec<(String, i64)>) {
        self.quantities = Some(quantities);
    }

    /// The record; the error names what is missing.
    pub(super) fn finish(mut self) -> Result<Usage, String> {
        for field in REQUIRED {
            let stated = match field {
                QUANTITIES => self.quantities.is_some(),
                _ => self.texts[field].is_some() || self.numbers[field].is_some(),
            };
            if !stated {
                return Err(format!("{}: is required", FIELDS[field]));
            }
        }
        let mut text = |field: usize| self.texts[field].take().unwrap_or_default();
        let number = |field: usize| self.numbers[field].unwrap_or_default();
        Ok(Usage {
            id: text(0),
            source: text(1),
            time_s: number(TIME),
            company_id: number(3),
            organization_id: number(4),
            resource_id: text(5),
            resource_type: number(6),
            user_email: text(7),
            provider: text(8),
            model_id: text(9),
            product_code: text(10),
            region: text(11),
            quantities: self.quantities.unwrap_or_default(),
        })
    }
}

/// The sorted quantities of an object, `None` for null.
fn quantities(raw: &str) -> Result<Option<Vec<(String, i64)>>, String> {
    match raw.as_bytes() {
        [b'n', ..] => return Ok(None),
        [b'{', ..] => {}
        _ => return Err("quantities: must be an object of whole numbers by SKU".to_owned()),
    }
    let mut found = Vec::with_capacity(4);
    members(raw, |sku, raw| {
        let quantity = match raw.as_bytes() {
            [b'-' | b'0'..=b'9', ..] => integer(raw),
            _ => Err("must be an integer".to_owned()),
        };
        let quantity = quantity.map_err(|reason| format!("quantities: {}: {reason}", shorten(&sku)))?;
        found.push((sku.into_owned(), quantity));
        Ok(())
    })
    .map_err(
        |reason| if reason.starts_with("quantities") { reason } else { format!("quantities: {reason}") },
    )?;
    sorted(found).map(Some)
}

/// Sorts quantities by SKU and refuses a SKU that occurs twice.
pub(super) fn sorted(mut quantities: Vec<(String, i64)>) -> Result<Vec<(String, i64)>, String> {
    quantities.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    match quantities.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("quantities: {}: occurs twice", shorten(&pair[0].0))),
        None => Ok(quantities),
    }
}

/// A whole number as JSON spells one.
pub(super) fn integer(token: &str) -> Result<i64, String> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be an integer".to_owned());
    }
    token.parse().map_err(|_| "does not fit in 64 bits".to_owned())
}

/// What a column of a CSV file is when no mapping says it.
pub(super) enum Column {
    /// The place of a field.
    Field(usize),
    /// The quantity of a SKU.
    Sku(String),
}

/// The columns of a header.
pub(super) fn columns(names: &mut dyn Iterator<Item = Cow<'_, str>>) -> Result<Vec<Column>, String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut columns = Vec::new();
    let mut stated = 0u16;
    for name in names {
        if !seen.insert(name.to_string()) {
            return Err(format!("{}: occurs twice", shorten(&name)));
        }
        if let Some(sku) = name.strip_prefix(SKU_PREFIX) {
            stated |= 1 << QUANTITIES;
            columns.push(Column::Sku(sku.to_owned()));
        } else if let Some(field) = place(&name).filter(|field| *field != QUANTITIES) {
            stated |= 1 << field;
            columns.push(Column::Field(field));
        } else {
            return Err(format!("{}: is not a field of a usage record", shorten(&name)));
        }
    }
    match REQUIRED.iter().find(|field| stated & (1 << **field) == 0) {
        Some(&QUANTITIES) => Err("a column such as quantities.input is required".to_owned()),
        Some(&field) => Err(format!("{}: is required", FIELDS[field])),
        None => Ok(columns),
    }
}

/// The record in the cells of a CSV file. An empty cell states nothing.
pub(super) fn of_cells<'c>(
    columns: &[Column],
    cells: impl Iterator<Item = Cow<'c, str>>,
) -> Result<Usage, String> {
    let mut draft = Draft::default();
    let mut quantities = Vec::with_capacity(4);
    for (column, cell) in columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        match column {
            Column::Field(field) => draft.cell(*field, cell)?,
            Column::Sku(sku) => {
                let quantity =
                    integer(&cell).map_err(|reason| format!("quantities: {}: {reason}", shorten(sku)))?;
                quantities.push((sku.clone(), quantity));
            }
        }
    }
    draft.set_quantities(sorted(quantities)?);
    draft.finish()
}
