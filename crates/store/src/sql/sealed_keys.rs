//! Statements over the encrypted private keys.

use crate::error::StoreResult;
use crate::sealed_keys::SealedKeyWrites;
use crate::sql::driver::schema::API_KEY;
use crate::sql::session::Session;

impl SealedKeyWrites for Session {
    fn replace_sealed_key(&mut self, public_key: &str, former: &[u8], sealed: &[u8]) -> StoreResult<bool> {
        self.rows_change(&API_KEY);
        // Only if nothing else has replaced it meanwhile.
        let sql =
            "UPDATE api_key SET sealed_private_key = $3 WHERE public_key = $1 AND sealed_private_key = $2";
        let values = [public_key.into(), former.into(), sealed.into()];
        Ok(self.connection.execute(sql, &values)? == 1)
    }
}
