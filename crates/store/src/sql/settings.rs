//! Settings of the deployment: named texts, and locks by name.

use crate::error::StoreResult;
use crate::sql::driver::connection::{execute_exactly, first};
use crate::sql::session::Session;
use crate::tenants::{SettingReads, SettingWrites};

/// Name of the setting that marks the target of a copy as incomplete.
pub(crate) const COPY_MARK: &str = "copy";
/// The settings whose rows are locks begin with this.
pub(crate) const LOCK_PREFIX: &str = "lock ";

impl SettingReads for Session {
    fn setting(&mut self, name: &str) -> StoreResult<Option<String>> {
        first(self.connection.as_mut(), "SELECT value FROM setting WHERE name = $1", &[name.into()], |row| {
            Ok(row.text(0)?.to_owned())
        })
    }
}

impl SettingWrites for Session {
    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()> {
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[name.into(), value.into()],
        )
    }

    fn lock_name(&mut self, name: &str) -> StoreResult<()> {
        // Writes the row of the name; a second transaction waits for it, even while the row is being inserted.
        self.set_setting(&format!("{LOCK_PREFIX}{name}"), "")
    }
}
