//! Statements over the nonces of strictly signed requests.

use tollbook_domain::tenant::ApiKey;

use crate::error::StoreResult;
use crate::nonces::NonceWrites;
use crate::sql::session::Session;

impl NonceWrites for Session {
    fn remember_nonce(
        &mut self,
        key: &ApiKey,
        signed_s: i64,
        nonce: &str,
        durable: bool,
    ) -> StoreResult<bool> {
        let async_commit = self.connection.dialect().async_commit;
        if !durable && !async_commit.is_empty() {
            self.commits_async = true;
            self.connection.execute_script(async_commit)?;
        }
        // A second server that inserts the same nonce waits here for the first, and then inserts nothing.
        let sql = "INSERT INTO request_nonce (company_id, signed_at, public_key, nonce) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (company_id, signed_at, public_key, nonce) DO NOTHING";
        let values = [key.company_id.into(), signed_s.into(), key.public_key.as_str().into(), nonce.into()];
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn drop_nonces(&mut self, company_id: i64, before_s: i64) -> StoreResult<u64> {
        let sql = "DELETE FROM request_nonce WHERE company_id = $1 AND signed_at < $2";
        self.connection.execute(sql, &[company_id.into(), before_s.into()])
    }
}
