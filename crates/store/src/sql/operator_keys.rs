//! Statements over the keys of gateways and other programs of the operator.

use tollbook_domain::OperatorRole;

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Row, all, execute_exactly, first};
use crate::sql::driver::schema::OPERATOR_KEY;
use crate::sql::session::Session;
use crate::tenants::{OperatorKey, OperatorKeyReads, OperatorKeyWrites};

const KEY_COLUMNS: &str = "digest, name, created, disabled, roles";

fn read_operator_key(row: &dyn Row) -> StoreResult<OperatorKey> {
    let digest = row.blob(0)?.try_into();
    Ok(OperatorKey {
        digest: digest.map_err(|_| StoreError::Damaged("an operator key digest is not 32 bytes".into()))?,
        name: row.text(1)?.to_owned(),
        created_s: row.int(2)?,
        disabled: row.int(3)? != 0,
        roles: read_roles(row.text(4)?)?,
    })
}

/// The roles of a stored text. Keys of earlier versions have none there: they report usage.
fn read_roles(text: &str) -> StoreResult<Vec<OperatorRole>> {
    if text.is_empty() {
        return Ok(vec![OperatorRole::Usage]);
    }
    let unknown = || StoreError::Damaged("an operator key has a role that cannot be read".into());
    text.split(' ').map(|name| OperatorRole::from_name(name).ok_or_else(unknown)).collect()
}

impl OperatorKeyReads for Session {
    fn operator_key(&mut self, digest: &[u8; 32]) -> StoreResult<Option<OperatorKey>> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {KEY_COLUMNS} FROM operator_key WHERE digest = $1");
        first(connection, &sql, &[digest.as_slice().into()], read_operator_key)
    }

    fn operator_keys(&mut self) -> StoreResult<Vec<OperatorKey>> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {KEY_COLUMNS} FROM operator_key ORDER BY created, name, digest");
        all(connection, &sql, &[], read_operator_key)
    }
}

impl OperatorKeyWrites for Session {
    fn add_operator_key(&mut self, key: &OperatorKey) -> StoreResult<()> {
        self.rows_change(&OPERATOR_KEY);
        let roles: Vec<&str> = key.roles.iter().map(|role| role.name()).collect();
        let roles = roles.join(" ");
        let connection = self.connection.as_mut();
        execute_exactly(
            connection,
            1,
            "INSERT INTO operator_key (digest, name, created, disabled, roles) VALUES ($1, $2, $3, $4, $5)",
            &[
                key.digest.as_slice().into(),
                key.name.as_str().into(),
                key.created_s.into(),
                i64::from(key.disabled).into(),
                roles.as_str().into(),
            ],
        )
    }

    fn disable_operator_keys(&mut self, name: &str) -> StoreResult<u64> {
        self.rows_change(&OPERATOR_KEY);
        let connection = self.connection.as_mut();
        connection.execute("UPDATE operator_key SET disabled = 1 WHERE name = $1", &[name.into()])
    }
}
