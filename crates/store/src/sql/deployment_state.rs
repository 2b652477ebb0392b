//! Statements over the one row with the state of the deployment.

use crate::deployment::{DeploymentState, Moved};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, SqlValue, execute_exactly, first};

pub(crate) fn read(connection: &mut dyn Connection) -> StoreResult<DeploymentState> {
    Ok(read_with_version(connection)?.0)
}

/// The state, and the version of the schema, which another process may have raised.
pub(crate) fn read_with_version(connection: &mut dyn Connection) -> StoreResult<(DeploymentState, i64)> {
    let sql = "SELECT deployment_id, settings_version, mark_no, moved_to, moved_at, move_done, \
               (SELECT max(version) FROM schema_version) FROM deployment_state WHERE id = 1";
    let state = first(connection, sql, &[], |row| {
        let moved = Moved { to: row.text(3)?.to_owned(), at_s: row.int(4)?, is_done: row.int(5)? != 0 };
        let state = DeploymentState {
            deployment_id: row.text(0)?.to_owned(),
            settings_version: row.int(1)?,
            mark_no: row.int(2)?,
            moved: (!moved.to.is_empty()).then_some(moved),
        };
        Ok((state, row.int(6)?))
    })?;
    state.ok_or_else(|| StoreError::Damaged("the state of the deployment is missing".into()))
}

/// Changes columns of the row.
pub(crate) fn change(
    connection: &mut dyn Connection,
    change: &str,
    values: &[SqlValue<'_>],
) -> StoreResult<()> {
    let sql = format!("UPDATE deployment_state SET {change} WHERE id = 1");
    execute_exactly(connection, 1, &sql, values)
}

/// Counts a commit of this process, and returns the state with the new number.
pub(crate) fn raise_mark(connection: &mut dyn Connection) -> StoreResult<DeploymentState> {
    change(connection, "mark_no = mark_no + 1", &[])?;
    read(connection)
}

/// Writes the whole state, as at the end of a copy.
pub(crate) fn write(connection: &mut dyn Connection, state: &DeploymentState) -> StoreResult<()> {
    let none = Moved { to: String::new(), at_s: 0, is_done: false };
    let moved = state.moved.as_ref().unwrap_or(&none);
    change(
        connection,
        "deployment_id = $1, settings_version = $2, mark_no = $3, moved_to = $4, moved_at = $5, move_done = $6",
        &[
            state.deployment_id.as_str().into(),
            state.settings_version.into(),
            state.mark_no.into(),
            moved.to.as_str().into(),
            moved.at_s.into(),
            i64::from(moved.is_done).into(),
        ],
    )
}
