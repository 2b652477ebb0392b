//! Statements over the rules that say whom the usage of other programs belongs to.

use std::collections::BTreeMap;

use tollbook_domain::{Owner, OwnerRule};

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{SqlValues, all};
use crate::sql::driver::schema::USAGE_OWNER;
use crate::sql::session::Session;
use crate::tenants::{OwnerReads, OwnerWrites, PutOwners, SettingReads, SettingWrites};

/// Name of the setting with the version of the rules, and of the lock that serializes their changes.
const VERSION: &str = "owner version";

impl Session {
    /// Raises the version, which makes every cache of the rules reload.
    fn note_owner_change(&mut self) -> StoreResult<()> {
        self.rows_change(&USAGE_OWNER);
        let version = self.owner_version()? + 1;
        self.set_setting(VERSION, &version.to_string())
    }
}

impl OwnerReads for Session {
    fn owner_rules(&mut self) -> StoreResult<Vec<OwnerRule>> {
        let sql = "SELECT source, kind, name, company_id, organization_id, resource_id, resource_name \
                   FROM usage_owner ORDER BY source, kind, name";
        all(self.connection.as_mut(), sql, &[], |row| {
            let text = |column| row.text(column).map(ToOwned::to_owned);
            let owner = Owner {
                company_id: row.int(3)?,
                organization_id: row.int(4)?,
                resource_id: text(5)?,
                resource_name: text(6)?,
            };
            Ok(OwnerRule { source: text(0)?, kind: text(1)?, key: text(2)?, owner })
        })
    }

    fn owner_version(&mut self) -> StoreResult<i64> {
        let Some(text) = self.setting(VERSION)? else { return Ok(0) };
        let damaged = || StoreError::Damaged("the version of the owners is not a number".into());
        text.parse().map_err(|_| damaged())
    }
}

impl OwnerWrites for Session {
    fn put_owner_rules(&mut self, rules: &[OwnerRule]) -> StoreResult<PutOwners> {
        self.lock_name(VERSION)?;
        let name = |rule: &OwnerRule| (rule.source.clone(), rule.kind.clone(), rule.key.clone());
        let mut book: BTreeMap<_, OwnerRule> =
            self.owner_rules()?.into_iter().map(|rule| (name(&rule), rule)).collect();
        let mut put = PutOwners::default();
        let mut written = BTreeMap::new();
        for rule in rules {
            match book.insert(name(rule), rule.clone()) {
                Some(old) if old == *rule => {
                    put.unchanged += 1;
                    continue;
                }
                Some(_) => put.changed += 1,
                None => put.added += 1,
            }
            written.insert(name(rule), rule);
        }
        if written.is_empty() {
            return Ok(put);
        }
        let values: Vec<SqlValues<'_>> = (written.values())
            .map(|OwnerRule { source, kind, key, owner }| {
                vec![
                    source.as_str().into(),
                    kind.as_str().into(),
                    key.as_str().into(),
                    owner.company_id.into(),
                    owner.organization_id.into(),
                    owner.resource_id.as_str().into(),
                    owner.resource_name.as_str().into(),
                ]
            })
            .collect();
        self.connection.execute_each(
            "INSERT INTO usage_owner (source, kind, name, company_id, organization_id, resource_id, resource_name) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source, kind, name) DO UPDATE SET \
             company_id = excluded.company_id, organization_id = excluded.organization_id, \
             resource_id = excluded.resource_id, resource_name = excluded.resource_name",
            &values,
        )?;
        self.note_owner_change()?;
        Ok(put)
    }

    fn remove_owner_rule(&mut self, source: &str, kind: &str, key: &str) -> StoreResult<bool> {
        self.lock_name(VERSION)?;
        let sql = "DELETE FROM usage_owner WHERE source = $1 AND kind = $2 AND name = $3";
        let removed = self.connection.execute(sql, &[source.into(), kind.into(), key.into()])?;
        if removed > 0 {
            self.note_owner_change()?;
        }
        Ok(removed > 0)
    }
}
