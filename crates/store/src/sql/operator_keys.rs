//! Keys of gateways and other programs of the operator.

use crate::OperatorKey;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, Row, all, execute_exactly, first};

const KEY_COLUMNS: &str = "digest, name, created, disabled";

fn read_operator_key(row: &dyn Row) -> StoreResult<OperatorKey> {
    let digest = row.blob(0)?.try_into();
    Ok(OperatorKey {
        digest: digest.map_err(|_| StoreError::Damaged("an operator key has another length".into()))?,
        name: row.text(1)?.to_owned(),
        created_s: row.int(2)?,
        disabled: row.int(3)? != 0,
    })
}

pub(crate) fn operator_key(
    connection: &mut dyn Connection,
    digest: &[u8; 32],
) -> StoreResult<Option<OperatorKey>> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM operator_key WHERE digest = $1");
    first(connection, &sql, &[digest.as_slice().into()], read_operator_key)
}

pub(crate) fn operator_keys(connection: &mut dyn Connection) -> StoreResult<Vec<OperatorKey>> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM operator_key ORDER BY created, name, digest");
    all(connection, &sql, &[], read_operator_key)
}

pub(crate) fn add_operator_key(connection: &mut dyn Connection, key: &OperatorKey) -> StoreResult<()> {
    execute_exactly(
        connection,
        1,
        "INSERT INTO operator_key (digest, name, created, disabled) VALUES ($1, $2, $3, $4)",
        &[
            key.digest.as_slice().into(),
            key.name.as_str().into(),
            key.created_s.into(),
            i64::from(key.disabled).into(),
        ],
    )
}

pub(crate) fn disable_operator_keys(connection: &mut dyn Connection, name: &str) -> StoreResult<u64> {
    connection.execute("UPDATE operator_key SET disabled = 1 WHERE name = $1", &[name.into()])
}
