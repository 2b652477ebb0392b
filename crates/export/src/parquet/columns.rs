//! Columns of a Parquet file: their types, and the values of rows gathered by column. What the rows are of is not known
//! here.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES};
use tollbook_store::StoreError;

use crate::fields::{Cell, Field, FieldKind};

/// Digits of every decimal: as many as 16 bytes hold, because sums of a summary have no other bound.
const PRECISION: i32 = 38;
/// Bytes of a decimal.
const DECIMAL_BYTES: i32 = 16;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// UTF-8.
    Text,
    /// 64 bits, signed.
    Integer,
    /// `DECIMAL(38, places)`.
    Decimal(u32),
    /// Milliseconds since 1970 in UTC.
    Time,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Whether an empty text and an absent time are null; without it, a text is as it is and a time must be there.
    pub(crate) nullable: bool,
}

impl Shape {
    /// The column of a published field.
    pub(crate) fn of<F>(field: &Field<F>) -> Self {
        let form = match field.kind {
            FieldKind::Text => Form::Text,
            // A sum of 64-bit quantities is wider than they are.
            FieldKind::Integer if field.name == "SumQuantity" => Form::Decimal(0),
            FieldKind::Integer => Form::Integer,
            FieldKind::Decimal if matches!(field.name, "ListPrice" | "DiscountPrice") => {
                Form::Decimal(UNIT_PRICE_PLACES)
            }
            FieldKind::Decimal => Form::Decimal(AMOUNT_PLACES),
            FieldKind::Time | FieldKind::TextTime => Form::Time,
        };
        Self { name: field.name, form, nullable: form == Form::Time }
    }

    fn schema(self) -> Result<TypePtr> {
        let repetition = if self.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let builder =
            |physical| Type::primitive_type_builder(self.name, physical).with_repetition(repetition);
        let column = match self.form {
            Form::Text => builder(PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)),
            Form::Integer => builder(PhysicalType::INT64),
            Form::Decimal(places) => {
                let scale = i32::try_from(places).expect("money has a few places");
                builder(PhysicalType::FIXED_LEN_BYTE_ARRAY)
                    .with_length(DECIMAL_BYTES)
                    .with_precision(PRECISION)
                    .with_scale(scale)
                    .with_logical_type(Some(LogicalType::decimal(scale, PRECISION)))
            }
            Form::Time => builder(PhysicalType::INT64)
                .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        };
        Ok(Arc::new(column.build()?))
    }
}

/// The schema of a file.
pub(crate) fn schema(shapes: &[Shape]) -> Result<TypePtr> {
    let columns = shapes.iter().map(|shape| shape.schema()).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}

/// One value, ready to be written; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ColumnValue {
    Null,
    Text(ByteArray),
    /// Also a time.
    Integer(i64),
    Decimal(FixedLenByteArray),
}

impl ColumnValue {
    /// A cell as a column has it.
    pub(crate) fn of(cell: &Cell<'_>, shape: Shape) -> std::result::Result<Self, StoreError> {
        let value = match (cell, shape.form) {
            // No cell says "no number"; an empty text does in every column that may be null.
            (Cell::Text("") | Cell::Time(None), _) if shape.nullable => Some(Self::Null),
            (Cell::Text(text), Form::Text) => Some(Self::Text(ByteArray::from(*text))),
            (Cell::Made(text), Form::Text) if shape.nullable && text.is_empty() => Some(Self::Null),
            (Cell::Made(text), Form::Text) => Some(Self::Text(ByteArray::from(text.as_str()))),
            (Cell::Integer(number), Form::Integer) => i64::try_from(*number).ok().map(Self::Integer),
            (Cell::Integer(number), Form::Decimal(places)) => scaled(*number, 0, places),
            (Cell::Decimal { mantissa, places: has }, Form::Decimal(places)) => {
                scaled(*mantissa, *has, places)
            }
            (Cell::Time(Some(unix_s)), Form::Time) => unix_s.checked_mul(1_000).map(Self::Integer),
            _ => None,
        };
        value.ok_or_else(|| StoreError::Damaged(format!("{} cannot be {cell:?}", shape.name)))
    }
}

/// The same decimal with more places. None can be lost, because none is dropped.
fn scaled(mantissa: i128, has: u32, places: u32) -> Option<ColumnValue> {
    let mantissa = mantissa.checked_mul(10_i128.checked_pow(places.checked_sub(has)?)?)?;
    Some(ColumnValue::Decimal(ByteArray::from(mantissa.to_be_bytes().to_vec()).into()))
}

/// The values of some rows in one column.
#[derive(Debug)]
pub(crate) struct ColumnValues {
    /// For each row, 1 if there is a value; only of a column that may be null.
    pub(crate) present: Option<Vec<i16>>,
    pub(crate) typed: Typed,
}

/// Without the nulls.
#[derive(Debug)]
pub(crate) enum Typed {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Decimal(Vec<FixedLenByteArray>),
}

impl ColumnValues {
    pub(crate) fn new(shape: Shape, rows: usize) -> Self {
        let typed = match shape.form {
            Form::Text => Typed::Text(Vec::with_capacity(rows)),
            Form::Integer | Form::Time => Typed::Integer(Vec::with_capacity(rows)),
            Form::Decimal(_) => Typed::Decimal(Vec::with_capacity(rows)),
        };
        Self { present: shape.nullable.then(|| Vec::with_capacity(rows)), typed }
    }

    /// Appends a value of the column's shape.
    pub(crate) fn push(&mut self, value: ColumnValue) {
        if let Some(present) = &mut self.present {
            present.push((value != ColumnValue::Null).into());
        }
        match (&mut self.typed, value) {
            (Typed::Text(values), ColumnValue::Text(text)) => values.push(text),
            (Typed::Integer(values), ColumnValue::Integer(number)) => values.push(number),
            (Typed::Decimal(values), ColumnValue::Decimal(decimal)) => values.push(decimal),
            (_, ColumnValue::Null) => {}
            // `ColumnValue::of` makes what the shape says, and `new` a column of it.
            (typed, value) => unreachable!("{value:?} in {typed:?}"),
        }
    }
}
