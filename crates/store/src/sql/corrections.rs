//! Statements over corrections.

use crate::corrections::{Correction, CorrectionKind, CorrectionReads, CorrectionWrites};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Row, all, execute_exactly, first};
use crate::sql::session::Session;

const COLUMNS: &str = "correction_key, kind, digest, time, reason, reference, result";

fn read(row: &dyn Row) -> StoreResult<Correction> {
    let kind = row.int(1)?;
    Ok(Correction {
        key: row.text(0)?.to_owned(),
        kind: CorrectionKind::from_number(kind)
            .ok_or_else(|| StoreError::Damaged(format!("{kind} is not a kind of correction")))?,
        digest: row
            .blob(2)?
            .try_into()
            .map_err(|_| StoreError::Damaged("the digest of a correction cannot be read".into()))?,
        time_s: row.int(3)?,
        reason: row.text(4)?.to_owned(),
        reference: row.text(5)?.to_owned(),
        result: row.text(6)?.to_owned(),
    })
}

impl CorrectionReads for Session {
    fn correction(&mut self, company_id: i64, key: &str) -> StoreResult<Option<Correction>> {
        let sql = format!("SELECT {COLUMNS} FROM correction WHERE company_id = $1 AND correction_key = $2");
        first(self.connection.as_mut(), &sql, &[company_id.into(), key.into()], read)
    }

    fn corrections(
        &mut self,
        company_id: i64,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> StoreResult<Vec<Correction>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM correction WHERE company_id = $1 AND (time, correction_key) > ($2, $3) \
             ORDER BY time, correction_key LIMIT $4"
        );
        let (time_s, key) = after.unwrap_or((i64::MIN, ""));
        let values = [company_id.into(), time_s.into(), key.into(), limit.into()];
        all(self.connection.as_mut(), &sql, &values, read)
    }
}

impl CorrectionWrites for Session {
    fn add_correction(&mut self, company_id: i64, correction: &Correction) -> StoreResult<()> {
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO correction (company_id, correction_key, kind, digest, time, reason, reference, result) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                company_id.into(),
                correction.key.as_str().into(),
                correction.kind.number().into(),
                correction.digest.as_slice().into(),
                correction.time_s.into(),
                correction.reason.as_str().into(),
                correction.reference.as_str().into(),
                correction.result.as_str().into(),
            ],
        )
    }

    fn set_correction_result(&mut self, company_id: i64, key: &str, result: &str) -> StoreResult<()> {
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE correction SET result = $3 WHERE company_id = $1 AND correction_key = $2",
            &[company_id.into(), key.into(), result.into()],
        )
    }
}
