//! Conversion of values and rows, and the binary format of COPY.

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Row, SqlValue};

/// A value bound to a statement.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a SqlValue<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        type_: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            SqlValue::Null => Ok(IsNull::Yes),
            SqlValue::Int(value) => value.to_sql(type_, out),
            SqlValue::Text(value) => value.to_sql(type_, out),
            SqlValue::Blob(value) => value.to_sql(type_, out),
        }
    }

    fn accepts(type_: &Type) -> bool {
        matches!(*type_, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

/// A row of a result.
pub(super) struct PostgresRow<'a>(pub(super) &'a tokio_postgres::Row);

fn wrong_type<E>(_: E) -> StoreError {
    StoreError::Damaged("a column has a value of the wrong type".into())
}

impl Row for PostgresRow<'_> {
    fn int(&self, column: usize) -> StoreResult<i64> {
        self.0.try_get(column).map_err(wrong_type)
    }

    fn optional_int(&self, column: usize) -> StoreResult<Option<i64>> {
        self.0.try_get(column).map_err(wrong_type)
    }

    fn text(&self, column: usize) -> StoreResult<&str> {
        self.0.try_get(column).map_err(wrong_type)
    }

    fn optional_text(&self, column: usize) -> StoreResult<Option<&str>> {
        self.0.try_get(column).map_err(wrong_type)
    }

    fn blob(&self, column: usize) -> StoreResult<&[u8]> {
        self.0.try_get(column).map_err(wrong_type)
    }
}

/// Header of binary COPY data: signature, no flags, no extension.
pub(super) const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Trailer of binary COPY data.
pub(super) const COPY_TRAILER: &[u8] = &[0xff, 0xff];

/// Appends a row in the binary format of COPY.
pub(super) fn copy_row(values: &[SqlValue<'_>], out: &mut BytesMut) -> StoreResult<()> {
    let count = i16::try_from(values.len()).map_err(wrong_type)?;
    out.put_i16(count);
    for value in values {
        let bytes = match value {
            SqlValue::Null => {
                out.put_i32(-1);
                continue;
            }
            SqlValue::Int(value) => {
                out.put_i32(8);
                out.put_i64(*value);
                continue;
            }
            SqlValue::Text(text) => text.as_bytes(),
            SqlValue::Blob(bytes) => bytes,
        };
        let length = i32::try_from(bytes.len())
            .map_err(|_| StoreError::Database("a value is longer than 2 GiB".into()))?;
        out.put_i32(length);
        out.put_slice(bytes);
    }
    Ok(())
}
