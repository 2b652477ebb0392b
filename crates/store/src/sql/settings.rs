//! Settings of the deployment: named texts, and locks by name.

use crate::error::StoreResult;
use crate::sql::driver::connection::{Connection, execute_exactly, first};

/// Name of the setting that marks the target of a copy as incomplete.
pub(crate) const COPY_MARK: &str = "copy";

pub(crate) fn setting(connection: &mut dyn Connection, name: &str) -> StoreResult<Option<String>> {
    first(connection, "SELECT value FROM setting WHERE name = $1", &[name.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })
}

pub(crate) fn set_setting(connection: &mut dyn Connection, name: &str, value: &str) -> StoreResult<()> {
    execute_exactly(
        connection,
        1,
        "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )
}

/// Takes the row of a name; a second transaction waits for it, also while the row is only being made.
pub(crate) fn hold(connection: &mut dyn Connection, name: &str) -> StoreResult<()> {
    set_setting(connection, &format!("hold {name}"), "")
}
