//! Columns of a Parquet file: their types, and values in the format's plain encoding. This file does not know what a row
//! stands for.

use std::cmp::Ordering;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::{Type, TypePtr};
use tollbook_store::StoreError;

use crate::fields::{Cell, Field, FieldKind};

/// Digits of a decimal of 16 bytes. Sums of a summary have no other bound.
const WIDE_PRECISION: i32 = 38;
/// Bytes of such a decimal.
const WIDE_BYTES: i32 = 16;
/// Digits of a decimal in an `INT64`.
const NARROW_PRECISION: i32 = 18;
/// The first number with more digits.
pub(crate) const NARROW_END: i64 = 10_i64.pow(18);

/// Longest text in the statistics of a column. A longer smallest or largest one is left out.
const MAX_STATISTIC_BYTES: usize = 128;

/// Name and type of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSchema {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// Whether empty texts and absent times are null. Otherwise an empty text is a value and an absent time an error.
    pub(crate) nullable: bool,
    /// Whether decimals have at most 18 digits and are an `INT64`.
    pub(crate) narrow: bool,
}

/// How a column stores its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// `BYTE_ARRAY`.
    Text,
    /// `INT64`.
    Int64,
    /// `FIXED_LEN_BYTE_ARRAY` of 16 bytes.
    Decimal128,
}

impl ColumnSchema {
    /// The column of a published field.
    pub(crate) fn of<F>(field: &Field<F>) -> Self {
        Self { name: field.name, kind: field.kind, nullable: field.kind.is_time(), narrow: false }
    }

    pub(crate) fn storage(self) -> Storage {
        match self.kind {
            FieldKind::Text => Storage::Text,
            FieldKind::Integer | FieldKind::Time | FieldKind::TextTime => Storage::Int64,
            FieldKind::WideInteger | FieldKind::Decimal { .. } if self.narrow => Storage::Int64,
            FieldKind::WideInteger | FieldKind::Decimal { .. } => Storage::Decimal128,
        }
    }

    fn parquet_type(self) -> Result<TypePtr> {
        let repetition = if self.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let physical = match self.storage() {
            Storage::Text => PhysicalType::BYTE_ARRAY,
            Storage::Int64 => PhysicalType::INT64,
            Storage::Decimal128 => PhysicalType::FIXED_LEN_BYTE_ARRAY,
        };
        let builder = Type::primitive_type_builder(self.name, physical).with_repetition(repetition);
        let builder = match self.storage() {
            Storage::Decimal128 => builder.with_length(WIDE_BYTES),
            Storage::Text | Storage::Int64 => builder,
        };
        let decimal = |places: u32| {
            let scale = i32::try_from(places).expect("a decimal has fewer than 39 places");
            let precision = if self.narrow { NARROW_PRECISION } else { WIDE_PRECISION };
            (scale, precision, LogicalType::decimal(scale, precision))
        };
        let logical = match self.kind {
            FieldKind::Text => Some(LogicalType::String),
            FieldKind::Integer => None,
            FieldKind::Time | FieldKind::TextTime => Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
            FieldKind::WideInteger | FieldKind::Decimal { .. } => {
                let places = match self.kind {
                    FieldKind::Decimal { places } => places,
                    _ => 0,
                };
                let (scale, precision, logical) = decimal(places);
                let builder = builder.with_scale(scale).with_precision(precision);
                return Ok(Arc::new(builder.with_logical_type(Some(logical)).build()?));
            }
        };
        Ok(Arc::new(builder.with_logical_type(logical).build()?))
    }
}

/// The schema of a file.
pub(crate) fn file_schema(schemas: &[ColumnSchema]) -> Result<TypePtr> {
    let columns = schemas.iter().map(|schema| schema.parquet_type()).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}

/// A value in the representation of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Text(&'a str),
    /// An integer, a decimal of at most 18 digits, or a time in milliseconds since 1970 in UTC.
    Int64(i64),
    Decimal128(i128),
}

impl<'a> Value<'a> {
    /// Converts a cell to the type of its column.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the cell is not of the column's type or the type cannot hold its value.
    pub(crate) fn of(cell: &'a Cell<'_>, schema: ColumnSchema) -> std::result::Result<Self, StoreError> {
        let value = match (cell, schema.kind) {
            // Cells have no absent number: in a nullable column of any type, an empty text is null.
            (Cell::Text("") | Cell::Time(None), _) if schema.nullable => Some(Self::Null),
            (Cell::OwnedText(text), FieldKind::Text) if schema.nullable && text.is_empty() => {
                Some(Self::Null)
            }
            (Cell::Text(text), FieldKind::Text) => Some(Self::Text(text)),
            (Cell::OwnedText(text), FieldKind::Text) => Some(Self::Text(text)),
            (Cell::Integer(number), FieldKind::Integer) => i64::try_from(*number).ok().map(Self::Int64),
            (Cell::Integer(number), FieldKind::WideInteger) => decimal(*number, schema),
            (Cell::Decimal { mantissa, places: has }, FieldKind::Decimal { places }) => {
                scaled(*mantissa, *has, places).and_then(|mantissa| decimal(mantissa, schema))
            }
            (Cell::Time(Some(unix_s)), FieldKind::Time | FieldKind::TextTime) => {
                unix_s.checked_mul(1_000).map(Self::Int64)
            }
            _ => None,
        };
        value.ok_or_else(|| StoreError::Damaged(format!("{} cannot be {cell:?}", schema.name)))
    }
}

/// The mantissa of the same decimal with more places. Places are never dropped, so no digit is lost.
fn scaled(mantissa: i128, has: u32, places: u32) -> Option<i128> {
    match places.checked_sub(has)? {
        0 => Some(mantissa),
        more => mantissa.checked_mul(10_i128.checked_pow(more)?),
    }
}

fn decimal<'a>(mantissa: i128, schema: ColumnSchema) -> Option<Value<'a>> {
    if !schema.narrow {
        return Some(Value::Decimal128(mantissa));
    }
    let narrow = i64::try_from(mantissa).ok()?;
    (-NARROW_END < narrow && narrow < NARROW_END).then_some(Value::Int64(narrow))
}

/// Values of one column in the plain encoding of Parquet ("Encodings", PLAIN), without the nulls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    /// For each value, where it ends in `bytes`.
    ends: Vec<usize>,
    /// In a nullable column, for each row, whether it has a value.
    pub(crate) present: Option<Vec<bool>>,
}

impl Values {
    pub(crate) fn new(schema: ColumnSchema) -> Self {
        Self { present: schema.nullable.then(Vec::new), ..Self::default() }
    }

    /// Number of values that are not null.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All values, one after the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends a value.
    pub(crate) fn push(&mut self, value: Value<'_>) {
        if let Some(present) = &mut self.present {
            present.push(value != Value::Null);
        }
        match value {
            Value::Null => return,
            Value::Text(text) => {
                let len = u32::try_from(text.len()).expect("a text is shorter than 4 GiB");
                self.bytes.extend_from_slice(&len.to_le_bytes());
                self.bytes.extend_from_slice(text.as_bytes());
            }
            Value::Int64(number) => self.bytes.extend_from_slice(&number.to_le_bytes()),
            Value::Decimal128(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
        }
        self.ends.push(self.bytes.len());
    }

    /// Appends a value that is already encoded.
    pub(crate) fn push_encoded(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// Appends all values of another list.
    pub(crate) fn append(&mut self, more: &Self) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&more.bytes);
        self.ends.extend(more.ends.iter().map(|end| offset + end));
        if let (Some(present), Some(more)) = (&mut self.present, &more.present) {
            present.extend_from_slice(more);
        }
    }

    /// The value with a number.
    pub(crate) fn get(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[number]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let value = &self.bytes[start..*end];
            start = *end;
            value
        })
    }

    /// The values from a number on, as bytes.
    pub(crate) fn bytes_of(&self, number: usize, count: usize) -> &[u8] {
        let end_of = |number: usize| number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[end_of(number)..end_of(number + count)]
    }

    /// How many rows and values a page has that begins with a row and its value, and ends after `max_bytes`.
    pub(crate) fn page(&self, row: usize, number: usize, max_bytes: usize) -> (usize, usize) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let later = &self.ends[number..];
        let count = later.partition_point(|end| end - start < max_bytes).saturating_add(1).min(later.len());
        let Some(present) = &self.present else { return (count, count) };
        if count == later.len() {
            return (present.len() - row, count);
        }
        // Nulls before the first value of the next page belong to that page.
        let mut left = count;
        let rows = present[row..].iter().take_while(|present| {
            let belongs = left > 0;
            left -= usize::from(**present && belongs);
            belongs
        });
        (rows.count(), count)
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        if let Some(present) = &mut self.present {
            present.clear();
        }
    }
}

/// Orders two encoded values of a column as its statistics are ordered.
fn compare(storage: Storage, one: &[u8], other: &[u8]) -> Ordering {
    match storage {
        Storage::Text => one.get(4..).cmp(&other.get(4..)),
        Storage::Int64 => int64(one).cmp(&int64(other)),
        Storage::Decimal128 => decimal128(one).cmp(&decimal128(other)),
    }
}

fn int64(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_le_bytes)
}

fn decimal128(value: &[u8]) -> Option<i128> {
    value.try_into().ok().map(i128::from_be_bytes)
}

/// Smallest and largest value of a column, from its distinct values or from all, and the number of nulls.
pub(crate) fn statistics<'v>(
    storage: Storage,
    values: impl Iterator<Item = &'v [u8]>,
    nulls: usize,
) -> Statistics {
    let mut ends: Option<[&[u8]; 2]> = None;
    for value in values {
        let [min, max] = ends.get_or_insert([value, value]);
        if compare(storage, value, min).is_lt() {
            *min = value;
        } else if compare(storage, value, max).is_gt() {
            *max = value;
        }
    }
    let [min, max] = ends.map_or([None, None], |ends| ends.map(Some));
    let nulls = Some(nulls as u64);
    let text = |value: Option<&[u8]>| {
        let text = value.and_then(|value| value.get(4..));
        text.filter(|text| text.len() <= MAX_STATISTIC_BYTES).map(|text| ByteArray::from(text.to_vec()))
    };
    let fixed = |value: Option<&[u8]>| value.map(|value| FixedLenByteArray::from(value.to_vec()));
    match storage {
        Storage::Text => Statistics::byte_array(text(min), text(max), None, nulls, false),
        Storage::Int64 => Statistics::int64(min.and_then(int64), max.and_then(int64), None, nulls, false),
        Storage::Decimal128 => Statistics::fixed_len_byte_array(fixed(min), fixed(max), None, nulls, false),
    }
}
