//! Statements over companies, organizations and API keys.

use tollbook_domain::tenant::{ApiKey, Company, Organization, Permission, StrictSigning};

use crate::error::{StoreError, StoreResult};
use crate::sql::accounts::add_account;
use crate::sql::driver::connection::{Row, all, execute_exactly, first};
use crate::sql::driver::schema::{API_KEY, COMPANY, ORGANIZATION};
use crate::sql::session::Session;
use crate::tenants::{SettingReads, SettingWrites, TenantReads, TenantWrites};

/// Name of the setting with the number of renamings.
const NAMES_VERSION: &str = "names version";

const API_KEY_COLUMNS: &str = "public_key, company_id, sealed_private_key, organization_ids, allowed_networks, \
                               rate_limit_per_s, disabled, name, permissions, created_at, expires_at, suspended, \
                               strict";

fn read_api_key(row: &dyn Row) -> StoreResult<ApiKey> {
    let damaged = |what: &str| StoreError::Damaged(format!("an API key has a {what} that cannot be read"));
    let organization_ids = row
        .text(3)?
        .split_whitespace()
        .map(|id| id.parse().map_err(|_| damaged("list of organizations")))
        .collect::<StoreResult<_>>()?;
    let rate_limit_per_s = match row.optional_int(5)? {
        Some(limit) => Some(u32::try_from(limit).map_err(|_| damaged("rate limit"))?),
        None => None,
    };
    Ok(ApiKey {
        public_key: row.text(0)?.to_owned(),
        company_id: row.int(1)?,
        sealed_private_key: row.blob(2)?.to_owned(),
        organization_ids,
        allowed_networks: row.text(4)?.split_whitespace().map(ToOwned::to_owned).collect(),
        rate_limit_per_s,
        disabled: row.int(6)? != 0,
        name: row.text(7)?.to_owned(),
        permissions: row
            .text(8)?
            .split_whitespace()
            .map(|name| Permission::from_name(name).ok_or_else(|| damaged("permission")))
            .collect::<StoreResult<_>>()?,
        created_s: row.optional_int(9)?,
        expires_s: row.optional_int(10)?,
        suspended: row.int(11)? != 0,
        strict: match row.text(12)? {
            "" => None,
            name => {
                Some(StrictSigning::from_name(name).ok_or_else(|| damaged("demand for strict signatures"))?)
            }
        },
    })
}

fn permission_names(key: &ApiKey) -> String {
    key.permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(" ")
}

fn strict_name(key: &ApiKey) -> &'static str {
    key.strict.map_or("", StrictSigning::name)
}

fn read_company(row: &dyn Row) -> StoreResult<Company> {
    Ok(Company {
        company_id: row.int(0)?,
        name: row.text(1)?.to_owned(),
        currency: row.text(2)?.to_owned(),
        brand: row.text(3)?.to_owned(),
    })
}

impl Session {
    fn require_company(&mut self, company_id: i64) -> StoreResult<()> {
        match self.company(company_id)? {
            Some(_) => Ok(()),
            None => Err(StoreError::Missing(format!("company {company_id}"))),
        }
    }

    /// Raises the version of the names if a row was renamed.
    fn note_renaming(&mut self, renamed: u64) -> StoreResult<bool> {
        if renamed == 0 {
            return Ok(false);
        }
        // Two renamings at once must not store the same version.
        self.lock_name(NAMES_VERSION)?;
        let version = self.names_version()? + 1;
        self.set_setting(NAMES_VERSION, &version.to_string())?;
        Ok(true)
    }
}

impl TenantReads for Session {
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>> {
        // Not restricted to a company, because a request has only its public key.
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {API_KEY_COLUMNS} FROM api_key WHERE public_key = $1");
        first(connection, &sql, &[public_key.into()], read_api_key)
    }

    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>> {
        let connection = self.connection.as_mut();
        // `None` lists the keys of all companies, for the operator.
        let (condition, values) = match company_id {
            Some(company_id) => ("WHERE company_id = $1", vec![company_id.into()]),
            None => ("", Vec::new()),
        };
        let sql =
            format!("SELECT {API_KEY_COLUMNS} FROM api_key {condition} ORDER BY company_id, public_key");
        all(connection, &sql, &values, read_api_key)
    }

    fn key_uses(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64)>> {
        let sql = "SELECT public_key, second FROM request_rate WHERE company_id = $1 ORDER BY public_key";
        let connection = self.connection.as_mut();
        all(connection, sql, &[company_id.into()], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))
    }

    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, name, currency, brand FROM company WHERE company_id = $1";
        first(connection, sql, &[company_id.into()], read_company)
    }

    fn companies(&mut self) -> StoreResult<Vec<Company>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, name, currency, brand FROM company ORDER BY company_id";
        all(connection, sql, &[], read_company)
    }

    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT organization_id, project_id, name FROM organization WHERE company_id = $1 \
               ORDER BY organization_id";
        all(connection, sql, &[company_id.into()], |row| {
            Ok(Organization {
                company_id,
                organization_id: row.int(0)?,
                project_id: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
            })
        })
    }

    fn names_version(&mut self) -> StoreResult<i64> {
        let Some(text) = self.setting(NAMES_VERSION)? else { return Ok(0) };
        text.parse().map_err(|_| StoreError::Damaged("the version of the names is not a number".into()))
    }
}

impl TenantWrites for Session {
    fn add_company(&mut self, name: &str, currency: &str, brand: &str) -> StoreResult<Company> {
        self.rows_change(&COMPANY);
        let connection = self.connection.as_mut();
        // If another server inserts the same number concurrently, this insertion waits for it and adds no row; the loop
        // then tries the next number.
        let company_id = loop {
            let next = "SELECT coalesce(max(company_id), 0) + 1 FROM company";
            let company_id = first(connection, next, &[], |row| row.int(0))?.unwrap_or(1);
            let added = connection.execute(
                "INSERT INTO company (company_id, name, currency, brand) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id) DO NOTHING",
                &[company_id.into(), name.into(), currency.into(), brand.into()],
            )?;
            if added == 1 {
                break company_id;
            }
        };
        let company = Company {
            company_id,
            name: name.to_owned(),
            currency: currency.to_owned(),
            brand: brand.to_owned(),
        };
        execute_exactly(
            connection,
            1,
            "INSERT INTO company_state (company_id, line_count, order_count, tiled, pruned_before, orders_version) \
         VALUES ($1, 0, 0, 0, 0, 0)",
            &[company_id.into()],
        )?;
        add_account(connection, company_id)?;
        Ok(company)
    }

    fn add_organization(
        &mut self,
        company_id: i64,
        project_id: &str,
        name: &str,
    ) -> StoreResult<Organization> {
        self.require_company(company_id)?;
        self.rows_of_company_change(&ORGANIZATION, company_id);
        let connection = self.connection.as_mut();
        // A concurrent transaction that adds an organization to the company waits here.
        let lock = format!(
            "SELECT company_id FROM company_state WHERE company_id = $1 {}",
            connection.dialect().for_update
        );
        first(connection, &lock, &[company_id.into()], |row| row.int(0))?;
        let sql = "SELECT coalesce(max(organization_id), 0) + 1 FROM organization WHERE company_id = $1";
        let organization_id = first(connection, sql, &[company_id.into()], |row| row.int(0))?.unwrap_or(1);
        let added = connection.execute(
        "INSERT INTO organization (company_id, organization_id, project_id, name) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (company_id, project_id) DO NOTHING",
        &[company_id.into(), organization_id.into(), project_id.into(), name.into()],
    )?;
        if added != 1 {
            return Err(StoreError::Exists("the project id"));
        }
        Ok(Organization {
            company_id,
            organization_id,
            project_id: project_id.to_owned(),
            name: name.to_owned(),
        })
    }

    fn rename_company(&mut self, company_id: i64, name: &str) -> StoreResult<bool> {
        self.rows_change(&COMPANY);
        let sql = "UPDATE company SET name = $2 WHERE company_id = $1";
        let renamed = self.connection.execute(sql, &[company_id.into(), name.into()])?;
        self.note_renaming(renamed)
    }

    fn rename_organization(
        &mut self,
        company_id: i64,
        organization_id: i64,
        name: &str,
    ) -> StoreResult<bool> {
        self.rows_of_company_change(&ORGANIZATION, company_id);
        let sql = "UPDATE organization SET name = $3 WHERE company_id = $1 AND organization_id = $2";
        let values = [company_id.into(), organization_id.into(), name.into()];
        let renamed = self.connection.execute(sql, &values)?;
        self.note_renaming(renamed)
    }

    fn add_api_key(&mut self, key: &ApiKey) -> StoreResult<()> {
        self.require_company(key.company_id)?;
        self.rows_change(&API_KEY);
        let connection = self.connection.as_mut();
        let organization_ids =
            key.organization_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let added = connection.execute(
        "INSERT INTO api_key (public_key, company_id, sealed_private_key, organization_ids, allowed_networks, \
         rate_limit_per_s, disabled, name, permissions, created_at, expires_at, suspended, strict) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (public_key) DO NOTHING",
        &[
            key.public_key.as_str().into(),
            key.company_id.into(),
            key.sealed_private_key.as_slice().into(),
            organization_ids.as_str().into(),
            key.allowed_networks.join(" ").as_str().into(),
            key.rate_limit_per_s.map(i64::from).into(),
            i64::from(key.disabled).into(),
            key.name.as_str().into(),
            permission_names(key).as_str().into(),
            key.created_s.into(),
            key.expires_s.into(),
            i64::from(key.suspended).into(),
            strict_name(key).into(),
        ],
    )?;
        if added == 1 { Ok(()) } else { Err(StoreError::Exists("the public key")) }
    }

    fn update_api_key(&mut self, key: &ApiKey) -> StoreResult<bool> {
        self.rows_change(&API_KEY);
        let sql = "UPDATE api_key SET allowed_networks = $2, rate_limit_per_s = $3, name = $4, permissions = $5, \
                   expires_at = $6, suspended = $7, strict = $8 WHERE public_key = $1";
        let (networks, permissions) = (key.allowed_networks.join(" "), permission_names(key));
        let values = [
            key.public_key.as_str().into(),
            networks.as_str().into(),
            key.rate_limit_per_s.map(i64::from).into(),
            key.name.as_str().into(),
            permissions.as_str().into(),
            key.expires_s.into(),
            i64::from(key.suspended).into(),
            strict_name(key).into(),
        ];
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn note_key_use(&mut self, company_id: i64, public_key: &str, used_s: i64) -> StoreResult<()> {
        // The second of the latest counted request is the latest use too; a later second begins its count anew.
        let sql = "INSERT INTO request_rate (company_id, public_key, second, requests) VALUES ($1, $2, $3, 0) \
                   ON CONFLICT (company_id, public_key) DO UPDATE SET second = excluded.second, requests = 0 \
                   WHERE excluded.second > request_rate.second OR request_rate.second > excluded.second + 60";
        self.connection.execute(sql, &[company_id.into(), public_key.into(), used_s.into()])?;
        Ok(())
    }

    fn disable_api_key(&mut self, public_key: &str) -> StoreResult<bool> {
        self.rows_change(&API_KEY);
        let connection = self.connection.as_mut();
        Ok(connection
            .execute("UPDATE api_key SET disabled = 1 WHERE public_key = $1", &[public_key.into()])?
            == 1)
    }

    fn count_request(&mut self, key: &ApiKey, now_s: i64) -> StoreResult<i64> {
        // If the clock of a server is behind, its requests count in the latest second, so that clock differences do not
        // multiply the limit. A second that is far ahead is of a clock that was wrong; it would refuse the key until then.
        let connection = self.connection.as_mut();
        let sql = "INSERT INTO request_rate (company_id, public_key, second, requests) VALUES ($1, $2, $3, 1) \
               ON CONFLICT (company_id, public_key) DO UPDATE SET \
               requests = CASE WHEN excluded.second > request_rate.second \
               OR request_rate.second > excluded.second + 60 THEN 1 ELSE request_rate.requests + 1 END, \
               second = CASE WHEN excluded.second > request_rate.second \
               OR request_rate.second > excluded.second + 60 THEN excluded.second \
               ELSE request_rate.second END RETURNING requests";
        // The count may be lost in a crash, so a request does not wait for the disk.
        let async_commit = connection.dialect().async_commit;
        if !async_commit.is_empty() {
            self.commits_async = true;
            connection.execute_script(async_commit)?;
        }
        let values = [key.company_id.into(), key.public_key.as_str().into(), now_s.into()];
        let requests = first(connection, sql, &values, |row| row.int(0))?;
        requests.ok_or_else(|| StoreError::Damaged("a request was not counted".into()))
    }
}
