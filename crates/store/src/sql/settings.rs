//! Settings of the deployment, which are named texts, and named locks.

use crate::error::StoreResult;
use crate::sql::driver::connection::{execute_exactly, first};
use crate::sql::driver::schema::SETTING;
use crate::sql::session::Session;
use crate::sql::setting_names::{LOCK_PREFIX, is_transient};
use crate::tenants::{SettingReads, SettingWrites};

impl SettingReads for Session {
    fn setting(&mut self, name: &str) -> StoreResult<Option<String>> {
        first(self.connection.as_mut(), "SELECT value FROM setting WHERE name = $1", &[name.into()], |row| {
            Ok(row.text(0)?.to_owned())
        })
    }
}

impl SettingWrites for Session {
    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()> {
        if !is_transient(name) {
            self.rows_change(&SETTING);
        }
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[name.into(), value.into()],
        )
    }

    fn lock_name(&mut self, name: &str) -> StoreResult<()> {
        // Writing the row locks it. A second transaction waits for it, even if both insert the row.
        self.set_setting(&format!("{LOCK_PREFIX}{name}"), "")
    }
}
