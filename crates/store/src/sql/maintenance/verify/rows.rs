//! A walk over the rows of a table that is too large for the check of its storage at once: some rows at a time are read in
//! the order of their keys. A page that cannot be read, a value of the wrong type and a key out of its order are found.

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Flow, Row, SqlValue, SqlValues, first};
use crate::sql::driver::table::{ColumnType, Scope, Table};
use crate::sql::session::Session;
use crate::verification::{KeyValue, RowWalk};

/// Rows that are read at a time.
const ROWS_PER_READ: i64 = 5_000;

fn key_value(row: &dyn Row, column: usize, kind: ColumnType) -> StoreResult<KeyValue> {
    Ok(match kind {
        ColumnType::Int => KeyValue::Int(row.int(column)?),
        ColumnType::Text => KeyValue::Text(row.text(column)?.to_owned()),
        ColumnType::Blob => KeyValue::Blob(row.blob(column)?.to_owned()),
    })
}

const fn bound(value: &KeyValue) -> SqlValue<'_> {
    match value {
        KeyValue::Int(value) => SqlValue::Int(*value),
        KeyValue::Text(value) => SqlValue::Text(value.as_str()),
        KeyValue::Blob(value) => SqlValue::Blob(value.as_slice()),
    }
}

impl Session {
    /// Reads the next rows. Returns where the walk goes on; `None` at the end of the table.
    pub(crate) fn walk_rows(&mut self, walk: &RowWalk) -> StoreResult<Option<RowWalk>> {
        let (table, mut walk) = (walk.table, walk.clone());
        if table.scope == Scope::Company && walk.company_id == 0 {
            let Some(company_id) = self.company_after(0)? else { return Ok(None) };
            walk.company_id = company_id;
        }
        let (read, last) = self.read_rows(table, &walk)?;
        if read == ROWS_PER_READ {
            return Ok(Some(RowWalk { after: last, ..walk }));
        }
        if table.scope == Scope::Deployment {
            return Ok(None);
        }
        let next = self.company_after(walk.company_id)?;
        Ok(next.map(|company_id| RowWalk { company_id, after: Vec::new(), ..walk }))
    }

    fn company_after(&mut self, company_id: i64) -> StoreResult<Option<i64>> {
        let sql = "SELECT company_id FROM company WHERE company_id > $1 ORDER BY company_id LIMIT 1";
        first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))
    }

    fn read_rows(&mut self, table: &'static Table, walk: &RowWalk) -> StoreResult<(i64, Vec<KeyValue>)> {
        let of_company = usize::from(table.scope == Scope::Company);
        let key: Vec<&str> = table.key_columns().skip(of_company).collect();
        let mut values: SqlValues<'_> = Vec::new();
        let mut conditions = Vec::new();
        if of_company == 1 {
            values.push(walk.company_id.into());
            conditions.push("company_id = $1".to_owned());
        }
        if !walk.after.is_empty() {
            let begin = values.len() + 1;
            let places: Vec<String> = (begin..begin + key.len()).map(|place| format!("${place}")).collect();
            conditions.push(format!("({}) > ({})", key.join(", "), places.join(", ")));
            values.extend(walk.after.iter().map(bound));
        }
        let condition = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        let order = if key.is_empty() { table.key_columns().collect() } else { key };
        let (columns, order) = (table.column_list(), order.join(", "));
        let rows = format!("FROM {} WHERE {condition} ORDER BY {order} LIMIT {ROWS_PER_READ}", table.name);
        let (mut read, mut last) = (0, walk.after.clone());
        self.connection.query(&format!("SELECT {columns} {rows}"), &values, &mut |row| {
            read += 1;
            for (place, (_, kind)) in table.columns.iter().enumerate().skip(table.key) {
                match kind {
                    ColumnType::Int => drop(row.optional_int(place)?),
                    ColumnType::Text => drop(row.optional_text(place)?.map(str::len)),
                    ColumnType::Blob => drop(row.blob(place)?.len()),
                }
            }
            let key: Vec<KeyValue> = (of_company..table.key)
                .map(|place| key_value(row, place, table.columns[place].1))
                .collect::<StoreResult<_>>()?;
            if !last.is_empty() && key <= last {
                return Err(StoreError::Damaged(format!(
                    "the rows of {} are not in the order of their keys: {key:?} follows {last:?}",
                    table.name
                )));
            }
            last = key;
            Ok(Flow::More)
        })?;
        Ok((read, last))
    }
}
