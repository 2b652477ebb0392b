//! Columns of a Parquet file: their types, and the values of rows gathered by column. This file does not know what a row
//! stands for.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};
use tollbook_store::StoreError;

use crate::fields::{Cell, Field, FieldKind};

/// Digits of every decimal: as many as 16 bytes hold, because sums of a summary have no other bound.
const PRECISION: i32 = 38;
/// Bytes of a decimal.
const DECIMAL_BYTES: i32 = 16;

/// Name and type of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnSchema {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    /// Whether empty texts and absent times are null. Otherwise an empty text is a value and an absent time an error.
    pub(crate) nullable: bool,
}

impl ColumnSchema {
    /// The column of a published field.
    pub(crate) fn of<F>(field: &Field<F>) -> Self {
        Self { name: field.name, kind: field.kind, nullable: field.kind.is_time() }
    }

    fn parquet_type(self) -> Result<TypePtr> {
        let repetition = if self.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let builder =
            |physical| Type::primitive_type_builder(self.name, physical).with_repetition(repetition);
        let decimal = |places: u32| {
            let scale = i32::try_from(places).expect("a decimal has fewer than 39 places");
            builder(PhysicalType::FIXED_LEN_BYTE_ARRAY)
                .with_length(DECIMAL_BYTES)
                .with_precision(PRECISION)
                .with_scale(scale)
                .with_logical_type(Some(LogicalType::decimal(scale, PRECISION)))
        };
        let column = match self.kind {
            FieldKind::Text => builder(PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)),
            FieldKind::Integer => builder(PhysicalType::INT64),
            FieldKind::WideInteger => decimal(0),
            FieldKind::Decimal { places } => decimal(places),
            FieldKind::Time | FieldKind::TextTime => builder(PhysicalType::INT64)
                .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        };
        Ok(Arc::new(column.build()?))
    }
}

/// The schema of a file.
pub(crate) fn file_schema(schemas: &[ColumnSchema]) -> Result<TypePtr> {
    let columns = schemas.iter().map(|schema| schema.parquet_type()).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}

/// One value in the representation of its column; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ColumnValue {
    Null,
    Text(ByteArray),
    /// An integer, or a time in milliseconds since 1970 in UTC.
    Integer(i64),
    Decimal(FixedLenByteArray),
}

impl ColumnValue {
    /// Converts a cell to the type of its column.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the cell is not of the column's type or the type cannot hold its value.
    pub(crate) fn of(cell: &Cell<'_>, schema: ColumnSchema) -> std::result::Result<Self, StoreError> {
        let value = match (cell, schema.kind) {
            // Cells have no absent number: in a nullable column of any type, an empty text is null.
            (Cell::Text("") | Cell::Time(None), _) if schema.nullable => Some(Self::Null),
            (Cell::Text(text), FieldKind::Text) => Some(Self::Text(ByteArray::from(*text))),
            (Cell::OwnedText(text), FieldKind::Text) if schema.nullable && text.is_empty() => {
                Some(Self::Null)
            }
            (Cell::OwnedText(text), FieldKind::Text) => Some(Self::Text(ByteArray::from(text.as_str()))),
            (Cell::Integer(number), FieldKind::Integer) => i64::try_from(*number).ok().map(Self::Integer),
            (Cell::Integer(number), FieldKind::WideInteger) => Some(decimal(*number)),
            (Cell::Decimal { mantissa, places: has }, FieldKind::Decimal { places }) => {
                scaled(*mantissa, *has, places).map(decimal)
            }
            (Cell::Time(Some(unix_s)), FieldKind::Time | FieldKind::TextTime) => {
                unix_s.checked_mul(1_000).map(Self::Integer)
            }
            _ => None,
        };
        value.ok_or_else(|| StoreError::Damaged(format!("{} cannot be {cell:?}", schema.name)))
    }
}

/// The mantissa of the same decimal with more places. Places are never dropped, so no digit is lost.
fn scaled(mantissa: i128, has: u32, places: u32) -> Option<i128> {
    mantissa.checked_mul(10_i128.checked_pow(places.checked_sub(has)?)?)
}

fn decimal(mantissa: i128) -> ColumnValue {
    ColumnValue::Decimal(ByteArray::from(mantissa.to_be_bytes().to_vec()).into())
}

/// The values of some rows in one column.
#[derive(Debug)]
pub(crate) struct ColumnValues {
    /// In a nullable column, for each row, 1 for a value and 0 for null.
    pub(crate) present: Option<Vec<i16>>,
    pub(crate) not_null: TypedValues,
}

/// Values of one type, without the nulls.
#[derive(Debug)]
pub(crate) enum TypedValues {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Decimal(Vec<FixedLenByteArray>),
}

impl ColumnValues {
    /// No values, with room for `rows`.
    pub(crate) fn new(schema: ColumnSchema, rows: usize) -> Self {
        let not_null = match schema.kind {
            FieldKind::Text => TypedValues::Text(Vec::with_capacity(rows)),
            FieldKind::Integer | FieldKind::Time | FieldKind::TextTime => {
                TypedValues::Integer(Vec::with_capacity(rows))
            }
            FieldKind::WideInteger | FieldKind::Decimal { .. } => {
                TypedValues::Decimal(Vec::with_capacity(rows))
            }
        };
        Self { present: schema.nullable.then(|| Vec::with_capacity(rows)), not_null }
    }

    /// Appends a value that [`ColumnValue::of`] made for this column.
    pub(crate) fn push(&mut self, value: ColumnValue) {
        if let Some(present) = &mut self.present {
            present.push((value != ColumnValue::Null).into());
        }
        match (&mut self.not_null, value) {
            (TypedValues::Text(values), ColumnValue::Text(text)) => values.push(text),
            (TypedValues::Integer(values), ColumnValue::Integer(number)) => values.push(number),
            (TypedValues::Decimal(values), ColumnValue::Decimal(decimal)) => values.push(decimal),
            (_, ColumnValue::Null) => {}
            (values, value) => unreachable!("{value:?} in {values:?}"),
        }
    }
}
