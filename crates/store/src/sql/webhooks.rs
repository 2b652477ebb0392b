//! Statements over webhooks. Deliveries are found over all companies, so these tables belong to the deployment, like that
//! of export jobs.

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{
    Connection, Row, SqlValue, SqlValues, all, delete_exactly, execute_exactly, first,
};
use crate::sql::driver::schema::WEBHOOK_ENDPOINT;
use crate::sql::session::Session;
use crate::webhooks::{
    DeliveryFilter, DeliveryKey, DeliveryProgress, DeliveryState, NewWebhookEvent, WebhookBacklog,
    WebhookDelivery, WebhookEndpoint, WebhookReads, WebhookState, WebhookTally, WebhookWrites,
};

const ENDPOINT_COLUMNS: &str = "endpoint_id, company_id, url, name, event_types, sealed_secret, former_secret, \
     former_expires, created_at, disabled_at, disabled_reason";
const DELIVERY_COLUMNS: &str = "company_id, event_no, d.endpoint_id, e.message_id, e.event_type, d.recorded_at, d.state, \
     d.attempts, d.next_attempt, d.last_attempt, d.http_status, d.error, d.ended_at";
const DELIVERIES: &str = "webhook_delivery d JOIN webhook_event e USING (company_id, event_no)";

fn types_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(ToOwned::to_owned).collect()
}

fn read_endpoint(row: &dyn Row) -> StoreResult<WebhookEndpoint> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let former = row.blob(6)?;
    let former_expires_s = row.int(7)?;
    let reason = text(10)?;
    Ok(WebhookEndpoint {
        endpoint_id: text(0)?,
        company_id: row.int(1)?,
        url: text(2)?,
        name: text(3)?,
        event_types: types_of(row.text(4)?),
        sealed_secret: row.blob(5)?.to_owned(),
        former_secret: (!former.is_empty()).then(|| (former.to_owned(), former_expires_s)),
        created_s: row.int(8)?,
        disabled: row.optional_int(9)?.map(|at_s| (at_s, reason)),
    })
}

fn read_delivery(row: &dyn Row) -> StoreResult<WebhookDelivery> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let state = row.int(6)?;
    let state = DeliveryState::from_number(state)
        .ok_or_else(|| StoreError::Damaged(format!("{state} is not a state of a delivery")))?;
    Ok(WebhookDelivery {
        key: DeliveryKey { company_id: row.int(0)?, event_no: row.int(1)?, endpoint_id: text(2)? },
        message_id: text(3)?,
        event_type: text(4)?,
        recorded_s: row.int(5)?,
        progress: DeliveryProgress {
            state,
            attempts: row.int(7)?,
            next_attempt_s: row.int(8)?,
            last_attempt_s: row.optional_int(9)?,
            http_status: row.int(10)?,
            error: text(11)?,
            ended_s: row.optional_int(12)?,
        },
    })
}

/// The first delivery of an endpoint whose next attempt fulfils a condition on `$2`.
fn first_due(
    connection: &mut dyn Connection,
    endpoint_id: &str,
    condition: &str,
    time_s: i64,
) -> StoreResult<Option<(WebhookDelivery, String)>> {
    let sql = format!(
        "SELECT {DELIVERY_COLUMNS}, e.payload FROM {DELIVERIES} WHERE d.endpoint_id = $1 AND d.state = 0 \
         AND d.next_attempt {condition} $2 ORDER BY d.next_attempt, d.company_id, d.event_no LIMIT 1"
    );
    first(connection, &sql, &[endpoint_id.into(), time_s.into()], |row| {
        Ok((read_delivery(row)?, row.text(13)?.to_owned()))
    })
}

fn read_keys(row: &dyn Row) -> StoreResult<DeliveryKey> {
    Ok(DeliveryKey { company_id: row.int(0)?, event_no: row.int(1)?, endpoint_id: row.text(2)?.to_owned() })
}

fn key_values(key: &DeliveryKey) -> [SqlValue<'_>; 3] {
    [key.company_id.into(), key.event_no.into(), key.endpoint_id.as_str().into()]
}

impl WebhookReads for Session {
    fn webhook_endpoint(&mut self, endpoint_id: &str) -> StoreResult<Option<WebhookEndpoint>> {
        let sql = format!("SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoint WHERE endpoint_id = $1");
        first(self.connection.as_mut(), &sql, &[endpoint_id.into()], read_endpoint)
    }

    fn webhook_endpoints(&mut self, company_id: Option<i64>) -> StoreResult<Vec<WebhookEndpoint>> {
        let condition = if company_id.is_some() { "WHERE company_id = $1 " } else { "" };
        let sql = format!(
            "SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoint {condition}ORDER BY company_id, endpoint_id"
        );
        let values: SqlValues<'_> = company_id.into_iter().map(SqlValue::Int).collect();
        all(self.connection.as_mut(), &sql, &values, read_endpoint)
    }

    fn webhook_subscribers(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64, Vec<String>)>> {
        let sql = "SELECT endpoint_id, company_id, event_types FROM webhook_endpoint \
                   WHERE company_id IN (0, $1) AND disabled_at IS NULL ORDER BY company_id, endpoint_id";
        all(self.connection.as_mut(), sql, &[company_id.into()], |row| {
            Ok((row.text(0)?.to_owned(), row.int(1)?, types_of(row.text(2)?)))
        })
    }

    fn webhook_state(&mut self, endpoint_id: &str) -> StoreResult<WebhookState> {
        let sql = "SELECT failing_since, paused_until FROM webhook_state WHERE endpoint_id = $1";
        let state = first(self.connection.as_mut(), sql, &[endpoint_id.into()], |row| {
            Ok(WebhookState { failing_since_s: row.optional_int(0)?, paused_until_s: row.int(1)? })
        })?;
        Ok(state.unwrap_or_default())
    }

    fn next_pending_endpoint(&mut self, after: &str) -> StoreResult<Option<String>> {
        // One probe of the index for each endpoint, however many deliveries are pending.
        let sql = "SELECT endpoint_id FROM webhook_delivery WHERE state = 0 AND endpoint_id > $1 \
                   ORDER BY endpoint_id LIMIT 1";
        first(self.connection.as_mut(), sql, &[after.into()], |row| Ok(row.text(0)?.to_owned()))
    }

    fn due_delivery(
        &mut self,
        endpoint_id: &str,
        now_s: i64,
        longest_s: i64,
    ) -> StoreResult<Option<(WebhookDelivery, String)>> {
        let connection = self.connection.as_mut();
        match first_due(connection, endpoint_id, "<=", now_s)? {
            Some(due) => Ok(Some(due)),
            None => first_due(connection, endpoint_id, ">", now_s.saturating_add(longest_s)),
        }
    }

    fn webhook_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> StoreResult<Vec<WebhookDelivery>> {
        let mut conditions = vec!["1 = 1".to_owned()];
        let mut values: SqlValues<'_> = Vec::new();
        let mut add = |condition: &str, value: Option<SqlValue<'_>>| {
            if value.is_some() {
                conditions.push(format!("{condition} ${}", conditions.len()));
            }
        };
        let bound: [(&str, Option<SqlValue<'_>>); 5] = [
            ("d.endpoint_id =", filter.endpoint_id.as_deref().map(SqlValue::Text)),
            ("e.message_id =", filter.message_id.as_deref().map(SqlValue::Text)),
            ("d.state =", filter.state.map(|state| state.number().into())),
            ("d.recorded_at >=", filter.from_s.map(SqlValue::Int)),
            ("d.recorded_at <", filter.until_s.map(SqlValue::Int)),
        ];
        for (condition, value) in bound {
            add(condition, value);
            values.extend(value);
        }
        values.push(limit.into());
        let sql = format!(
            "SELECT {DELIVERY_COLUMNS} FROM {DELIVERIES} WHERE {} \
             ORDER BY d.recorded_at DESC, d.company_id DESC, d.event_no DESC, d.endpoint_id LIMIT ${}",
            conditions.join(" AND "),
            values.len()
        );
        all(self.connection.as_mut(), &sql, &values, read_delivery)
    }

    fn webhook_payloads(
        &mut self,
        company_id: i64,
        event_type: &str,
        since_s: i64,
    ) -> StoreResult<Vec<String>> {
        let sql = "SELECT payload FROM webhook_event WHERE company_id = $1 AND event_type = $2 AND recorded_at >= $3 \
                   ORDER BY event_no";
        let values = [company_id.into(), event_type.into(), since_s.into()];
        all(self.connection.as_mut(), sql, &values, |row| Ok(row.text(0)?.to_owned()))
    }

    fn webhook_backlog(&mut self, now_s: i64) -> StoreResult<WebhookBacklog> {
        let connection = self.connection.as_mut();
        let sql = "SELECT count(*), min(d.recorded_at), min(CASE WHEN coalesce(s.paused_until, 0) <= $1 \
                   THEN d.next_attempt END) FROM webhook_delivery d \
                   JOIN webhook_endpoint p ON p.endpoint_id = d.endpoint_id \
                   LEFT JOIN webhook_state s ON s.endpoint_id = d.endpoint_id \
                   WHERE d.state = 0 AND p.disabled_at IS NULL";
        let pending = first(connection, sql, &[now_s.into()], |row| {
            Ok((row.int(0)?, row.optional_int(1)?, row.optional_int(2)?))
        })?;
        let (pending, oldest_s, next_attempt_s) = pending.unwrap_or_default();
        let sql = "SELECT count(*) FROM webhook_delivery WHERE state = 2";
        let dead_letters = first(connection, sql, &[], |row| row.int(0))?.unwrap_or(0);
        let sql = "SELECT count(*) FROM webhook_endpoint WHERE disabled_at IS NOT NULL";
        let disabled_endpoints = first(connection, sql, &[], |row| row.int(0))?.unwrap_or(0);
        Ok(WebhookBacklog { pending, oldest_s, next_attempt_s, dead_letters, disabled_endpoints })
    }

    fn due_webhook_tallies(
        &mut self,
        before_s: i64,
        wrong_after_s: i64,
        limit: i64,
    ) -> StoreResult<Vec<(i64, String)>> {
        let sql = "SELECT company_id, event_type FROM webhook_tally GROUP BY company_id, event_type \
                   HAVING min(first_at) < $1 OR max(first_at) > $2 ORDER BY company_id, event_type LIMIT $3";
        all(self.connection.as_mut(), sql, &[before_s, wrong_after_s, limit].map(SqlValue::Int), |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })
    }

    fn low_balance(&mut self, company_id: i64) -> StoreResult<Option<i64>> {
        let sql = "SELECT amount FROM low_balance WHERE company_id = $1";
        first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))
    }
}

impl WebhookWrites for Session {
    fn add_webhook_endpoint(&mut self, endpoint: &WebhookEndpoint) -> StoreResult<()> {
        self.rows_change(&WEBHOOK_ENDPOINT);
        let types = endpoint.event_types.join(" ");
        let sql = format!(
            "INSERT INTO webhook_endpoint ({ENDPOINT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        );
        let values = [
            endpoint.endpoint_id.as_str().into(),
            endpoint.company_id.into(),
            endpoint.url.as_str().into(),
            endpoint.name.as_str().into(),
            types.as_str().into(),
            endpoint.sealed_secret.as_slice().into(),
            former(endpoint).0,
            former(endpoint).1,
            endpoint.created_s.into(),
            endpoint.disabled.as_ref().map(|(at_s, _)| *at_s).into(),
            endpoint.disabled.as_ref().map_or("", |(_, reason)| reason.as_str()).into(),
        ];
        execute_exactly(self.connection.as_mut(), 1, &sql, &values)
    }

    fn update_webhook_endpoint(&mut self, endpoint: &WebhookEndpoint) -> StoreResult<bool> {
        self.rows_change(&WEBHOOK_ENDPOINT);
        let types = endpoint.event_types.join(" ");
        let sql = "UPDATE webhook_endpoint SET url = $2, name = $3, event_types = $4, sealed_secret = $5, \
                   former_secret = $6, former_expires = $7, disabled_at = $8, disabled_reason = $9 \
                   WHERE endpoint_id = $1";
        let values = [
            endpoint.endpoint_id.as_str().into(),
            endpoint.url.as_str().into(),
            endpoint.name.as_str().into(),
            types.as_str().into(),
            endpoint.sealed_secret.as_slice().into(),
            former(endpoint).0,
            former(endpoint).1,
            endpoint.disabled.as_ref().map(|(at_s, _)| *at_s).into(),
            endpoint.disabled.as_ref().map_or("", |(_, reason)| reason.as_str()).into(),
        ];
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn remove_webhook_endpoint(&mut self, endpoint_id: &str) -> StoreResult<bool> {
        self.rows_change(&WEBHOOK_ENDPOINT);
        let connection = self.connection.as_mut();
        let key = [SqlValue::Text(endpoint_id)];
        let removed = connection.execute("DELETE FROM webhook_endpoint WHERE endpoint_id = $1", &key)?;
        connection.execute("DELETE FROM webhook_state WHERE endpoint_id = $1", &key)?;
        connection.execute("DELETE FROM webhook_delivery WHERE endpoint_id = $1", &key)?;
        Ok(removed == 1)
    }

    fn set_webhook_state(&mut self, endpoint_id: &str, state: &WebhookState) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        if *state == WebhookState::default() {
            connection.execute("DELETE FROM webhook_state WHERE endpoint_id = $1", &[endpoint_id.into()])?;
            return Ok(());
        }
        let sql = "INSERT INTO webhook_state (endpoint_id, failing_since, paused_until) VALUES ($1, $2, $3) \
                   ON CONFLICT (endpoint_id) DO UPDATE SET failing_since = excluded.failing_since, \
                   paused_until = excluded.paused_until";
        let values = [endpoint_id.into(), state.failing_since_s.into(), state.paused_until_s.into()];
        execute_exactly(connection, 1, sql, &values)
    }

    fn add_webhook_event(&mut self, event: &NewWebhookEvent, endpoint_ids: &[&str]) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        let sql = "SELECT event_no FROM webhook_event WHERE company_id = $1 ORDER BY event_no DESC LIMIT 1";
        let last = first(connection, sql, &[event.company_id.into()], |row| row.int(0))?;
        let event_no = last.unwrap_or(0) + 1;
        execute_exactly(
            connection,
            1,
            "INSERT INTO webhook_event (company_id, event_no, message_id, event_type, recorded_at, payload) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                event.company_id.into(),
                event_no.into(),
                event.message_id.as_str().into(),
                event.event_type.as_str().into(),
                event.recorded_s.into(),
                event.payload.as_str().into(),
            ],
        )?;
        let deliveries: Vec<SqlValues<'_>> = endpoint_ids
            .iter()
            .map(|endpoint_id| {
                let recorded = SqlValue::Int(event.recorded_s);
                vec![event.company_id.into(), event_no.into(), (*endpoint_id).into(), recorded]
            })
            .collect();
        connection.execute_each(
            "INSERT INTO webhook_delivery (company_id, event_no, endpoint_id, recorded_at, state, attempts, \
             next_attempt, last_attempt, http_status, error, ended_at) \
             VALUES ($1, $2, $3, $4, 0, 0, $4, NULL, 0, '', NULL)",
            &deliveries,
        )?;
        Ok(())
    }

    fn set_delivery_progress(&mut self, key: &DeliveryKey, progress: &DeliveryProgress) -> StoreResult<bool> {
        let sql = "UPDATE webhook_delivery SET state = $4, attempts = $5, next_attempt = $6, last_attempt = $7, \
                   http_status = $8, error = $9, ended_at = $10 WHERE company_id = $1 AND event_no = $2 \
                   AND endpoint_id = $3 AND state = 0";
        let values: [SqlValue<'_>; 7] = [
            progress.state.number().into(),
            progress.attempts.into(),
            progress.next_attempt_s.into(),
            progress.last_attempt_s.into(),
            progress.http_status.into(),
            progress.error.as_str().into(),
            progress.ended_s.into(),
        ];
        Ok(self.connection.execute(sql, &[&key_values(key)[..], &values].concat())? == 1)
    }

    fn replay_deliveries(&mut self, keys: &[DeliveryKey], now_s: i64) -> StoreResult<u64> {
        let sets: Vec<SqlValues<'_>> =
            keys.iter().map(|key| [&key_values(key)[..], &[now_s.into()]].concat()).collect();
        self.connection.execute_each(
            "UPDATE webhook_delivery SET state = 0, attempts = 0, next_attempt = $4, ended_at = NULL \
             WHERE company_id = $1 AND event_no = $2 AND endpoint_id = $3",
            &sets,
        )
    }

    fn expire_webhooks(&mut self, before_s: i64, limit: i64) -> StoreResult<u64> {
        let connection = self.connection.as_mut();
        let values = [before_s, limit].map(SqlValue::Int);
        let ended = "SELECT company_id, event_no, endpoint_id FROM webhook_delivery \
                     WHERE state > 0 AND ended_at < $1 ORDER BY ended_at, company_id, event_no LIMIT $2";
        let undeliverable = "SELECT d.company_id, d.event_no, d.endpoint_id FROM webhook_endpoint p \
                             JOIN webhook_delivery d ON d.endpoint_id = p.endpoint_id \
                             WHERE p.disabled_at IS NOT NULL AND d.state = 0 AND d.recorded_at < $1 LIMIT $2";
        let mut old = all(connection, ended, &values, read_keys)?;
        old.extend(all(connection, undeliverable, &values, read_keys)?);
        // The same order in every transaction prevents deadlocks.
        old.sort_unstable();
        let keys: Vec<SqlValues<'_>> = old.iter().map(|key| key_values(key).to_vec()).collect();
        // A delivery may be replayed meanwhile; its former end is that of a delivery that is not wanted any longer.
        let mut deleted = connection.execute_each(
            "DELETE FROM webhook_delivery WHERE company_id = $1 AND event_no = $2 AND endpoint_id = $3",
            &keys,
        )?;
        let unread = "SELECT e.company_id, e.event_no FROM webhook_event e WHERE e.recorded_at < $1 AND NOT EXISTS \
                      (SELECT 1 FROM webhook_delivery d WHERE d.company_id = e.company_id \
                      AND d.event_no = e.event_no) ORDER BY e.recorded_at, e.company_id, e.event_no LIMIT $2";
        let events = all(connection, unread, &values, |row| Ok((row.int(0)?, row.int(1)?)))?;
        let keys: Vec<SqlValues<'_>> = events
            .iter()
            .map(|(company_id, event_no)| vec![(*company_id).into(), (*event_no).into()])
            .collect();
        deleted += connection
            .execute_each("DELETE FROM webhook_event WHERE company_id = $1 AND event_no = $2", &keys)?;
        Ok(deleted)
    }

    fn add_webhook_tallies(
        &mut self,
        company_id: i64,
        event_type: &str,
        tallies: &[WebhookTally],
        now_s: i64,
    ) -> StoreResult<()> {
        let sets: Vec<SqlValues<'_>> = tallies
            .iter()
            .map(|tally| {
                vec![
                    company_id.into(),
                    event_type.into(),
                    tally.model_id.as_str().into(),
                    tally.reason.as_str().into(),
                    tally.records.into(),
                    now_s.into(),
                ]
            })
            .collect();
        self.connection.execute_each(
            "INSERT INTO webhook_tally (company_id, event_type, model_id, reason, records, first_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (company_id, event_type, model_id, reason) \
             DO UPDATE SET records = webhook_tally.records + excluded.records",
            &sets,
        )?;
        Ok(())
    }

    fn take_webhook_tallies(&mut self, company_id: i64, event_type: &str) -> StoreResult<Vec<WebhookTally>> {
        let connection = self.connection.as_mut();
        let values = [company_id.into(), event_type.into()];
        let sql = "SELECT model_id, reason, records FROM webhook_tally WHERE company_id = $1 AND event_type = $2 \
                   ORDER BY records DESC, model_id, reason";
        let tallies = all(connection, sql, &values, |row| {
            Ok(WebhookTally {
                model_id: row.text(0)?.to_owned(),
                reason: row.text(1)?.to_owned(),
                records: row.int(2)?,
            })
        })?;
        let keys: Vec<SqlValues<'_>> = tallies
            .iter()
            .map(|tally| {
                vec![
                    company_id.into(),
                    event_type.into(),
                    tally.model_id.as_str().into(),
                    tally.reason.as_str().into(),
                ]
            })
            .collect();
        delete_exactly(
            connection,
            "DELETE FROM webhook_tally WHERE company_id = $1 AND event_type = $2 AND model_id = $3 AND reason = $4",
            &keys,
        )?;
        Ok(tallies)
    }

    fn set_low_balance(&mut self, company_id: i64, amount: Option<i64>) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        let Some(amount) = amount else {
            connection.execute("DELETE FROM low_balance WHERE company_id = $1", &[company_id.into()])?;
            return Ok(());
        };
        let sql = "INSERT INTO low_balance (company_id, amount) VALUES ($1, $2) \
                   ON CONFLICT (company_id) DO UPDATE SET amount = excluded.amount";
        execute_exactly(connection, 1, sql, &[company_id, amount].map(SqlValue::Int))
    }
}

/// The former secret of an endpoint and the time until which it signs, as they are stored.
fn former(endpoint: &WebhookEndpoint) -> (SqlValue<'_>, SqlValue<'_>) {
    match &endpoint.former_secret {
        Some((sealed, expires_s)) => (sealed.as_slice().into(), (*expires_s).into()),
        None => (SqlValue::Blob(&[]), 0.into()),
    }
}
