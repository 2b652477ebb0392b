//! Fields of a usage record (`docs/USAGE_FILES.md`, "The record") and the builder that collects their values.

use std::borrow::Cow;

use tollbook_domain::usage::{Usage, service_tier};

use super::time;
use crate::text::json::{JsonValue, members, value};
use crate::text::shorten;

/// Names of the fields, in the order of the documentation.
pub(super) const FIELDS: [&str; 16] = [
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
    "resource_name",
    "service_tier",
    "free",
];

// Positions in FIELDS.
pub(super) const ID: usize = 0;
pub(super) const SOURCE: usize = 1;
pub(super) const TIME: usize = 2;
const COMPANY_ID: usize = 3;
const ORGANIZATION_ID: usize = 4;
const RESOURCE_ID: usize = 5;
const RESOURCE_TYPE: usize = 6;
const USER_EMAIL: usize = 7;
pub(super) const PROVIDER: usize = 8;
pub(super) const MODEL_ID: usize = 9;
const PRODUCT_CODE: usize = 10;
const REGION: usize = 11;
pub(super) const QUANTITIES: usize = 12;
const RESOURCE_NAME: usize = 13;
const SERVICE_TIER: usize = 14;
const FREE: usize = 15;

/// Fields that are integers, besides the time.
pub(super) const INTEGERS: [usize; 3] = [COMPANY_ID, ORGANIZATION_ID, RESOURCE_TYPE];
/// Fields that every record must have.
pub(super) const REQUIRED: [usize; 7] =
    [ID, TIME, COMPANY_ID, ORGANIZATION_ID, RESOURCE_ID, PRODUCT_CODE, QUANTITIES];

/// Position of a name in [`FIELDS`].
pub(super) fn field_index(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| *field == name)
}

/// Collects the values of a usage record. A value is set by the position of its field in [`FIELDS`].
#[derive(Default)]
pub(super) struct UsageBuilder {
    texts: [Option<String>; FIELDS.len()],
    numbers: [Option<i64>; FIELDS.len()],
    quantities: Option<Vec<(String, i64)>>,
    free: bool,
    /// A bit for each field that occurred.
    seen: u16,
}

impl UsageBuilder {
    /// Sets a field from a member of a JSON object; `null` is an absent value.
    pub(super) fn member(&mut self, name: &str, raw: &str) -> Result<(), String> {
        let Some(field) = field_index(name) else {
            return Err(format!("{}: is not a field of a usage record", shorten(name)));
        };
        self.refuse_second(field)?;
        if field == QUANTITIES {
            self.quantities = quantities(raw)?;
            return Ok(());
        }
        if field == FREE {
            return self.set_free(if raw == "null" { "false" } else { raw });
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

    /// Sets a field other than the quantities from the text of a cell or of a mapping.
    pub(super) fn cell(&mut self, field: usize, text: Cow<'_, str>) -> Result<(), String> {
        if field == TIME {
            self.set_number(field, time::seconds_or_rfc3339(&text))
        } else if INTEGERS.contains(&field) {
            self.set_number(field, integer(&text))
        } else if field == FREE {
            self.set_free(&text)
        } else {
            self.set_text(field, text);
            Ok(())
        }
    }

    fn set_free(&mut self, text: &str) -> Result<(), String> {
        self.free = match text {
            "true" => true,
            "false" => false,
            _ => return Err("free: must be true or false".to_owned()),
        };
        Ok(())
    }

    fn refuse_second(&mut self, field: usize) -> Result<(), String> {
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

    /// The record; the error names the first required field that is missing.
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
            id: text(ID),
            source: text(SOURCE),
            time_s: number(TIME),
            company_id: number(COMPANY_ID),
            organization_id: number(ORGANIZATION_ID),
            resource_id: text(RESOURCE_ID),
            resource_type: number(RESOURCE_TYPE),
            user_email: text(USER_EMAIL),
            provider: text(PROVIDER),
            model_id: text(MODEL_ID),
            product_code: text(PRODUCT_CODE),
            region: text(REGION),
            resource_name: text(RESOURCE_NAME),
            service_tier: service_tier(&text(SERVICE_TIER)),
            free: self.free,
            quantities: self.quantities.unwrap_or_default(),
        })
    }
}

/// The sorted quantities of a JSON object; `None` for null.
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

/// An integer as JSON spells it.
pub(super) fn integer(token: &str) -> Result<i64, String> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be an integer".to_owned());
    }
    token.parse().map_err(|_| "does not fit in 64 bits".to_owned())
}
