//! Lists the corrections of a company: of its usage and of its accounts.

use tollbook_store::{Correction, CorrectionKind};

use super::request::{Corrected, CorrectionError, Progress};
use crate::charging::context::Charging;
use crate::charging::error::ChargingError;

/// Corrections that are read together.
const CORRECTIONS_PER_READ: usize = 1_000;

/// A correction, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCorrection {
    /// The correction.
    pub correction: Correction,
    /// What a correction of usage did. `None` if it is one of an account, or has not been finished: the same request
    /// finishes it.
    pub corrected: Option<Corrected>,
}

/// The first corrections of a company, by time.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn list_corrections(
    charging: &Charging<'_>,
    company_id: i64,
    limit: usize,
) -> Result<Vec<ListedCorrection>, CorrectionError> {
    let mut snapshot = charging.store.snapshot()?;
    if snapshot.company(company_id)?.is_none() {
        return Err(ChargingError::UnknownCompany(company_id).into());
    }
    let mut found: Vec<ListedCorrection> = Vec::new();
    while found.len() < limit {
        let after = found.last().map(|last| (last.correction.time_s, last.correction.key.as_str()));
        let wanted = (limit - found.len()).min(CORRECTIONS_PER_READ);
        let page = snapshot.corrections(company_id, after, i64::try_from(wanted).unwrap_or(i64::MAX))?;
        let is_last = page.len() < wanted;
        for correction in page {
            let corrected = corrected_by(&correction)?;
            found.push(ListedCorrection { correction, corrected });
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

fn corrected_by(correction: &Correction) -> Result<Option<Corrected>, CorrectionError> {
    let is_of_usage = match correction.kind {
        CorrectionKind::Void | CorrectionKind::Replace | CorrectionKind::Rerate => true,
        CorrectionKind::Reverse | CorrectionKind::Adjust => false,
    };
    if !is_of_usage {
        return Ok(None);
    }
    let progress = Progress::of(correction)?;
    Ok(progress.is_finished.then_some(progress.corrected))
}
