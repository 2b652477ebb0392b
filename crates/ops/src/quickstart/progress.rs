//! The stored progress of the demo, from which a later start continues.

use serde::{Deserialize, Serialize};
use tollbook_store::{Snapshot, Transaction};

use super::error::QuickstartError;
use crate::demo::{DEMO_DAYS, DemoMonth};

/// Name of the setting with the progress.
pub(super) const SETTING: &str = "quickstart";

/// The progress of the demo. The transaction that creates the company stores it for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DemoProgress {
    pub(super) company_id: i64,
    pub(super) organization_ids: Vec<i64>,
    pub(super) public_keys: Vec<String>,
    pub(super) seed: u64,
    pub(super) start_s: i64,
    pub(super) complete: bool,
    /// The time of the first start, which is the end of the usage; 0 if an earlier version created the demo.
    #[serde(default, rename = "made_s")]
    pub(super) created_s: i64,
    /// Length of the month; 0 if an earlier version created the demo.
    #[serde(default)]
    pub(super) days: i64,
    /// Number of finished hours of the month.
    #[serde(default)]
    pub(super) hour: usize,
    /// Whether the daily run and the closing of the next hour are finished.
    #[serde(default)]
    pub(super) settled: bool,
    /// Number of finished events.
    #[serde(default)]
    pub(super) events: usize,
}

impl DemoProgress {
    /// Reads the progress; `None` if there is no demo.
    pub(super) fn read(snapshot: &mut dyn Snapshot) -> Result<Option<Self>, QuickstartError> {
        let Some(text) = snapshot.setting(SETTING)? else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| QuickstartError::InvalidProgress(error.to_string()))
    }

    pub(super) fn write(&self, transaction: &mut dyn Transaction) -> Result<(), QuickstartError> {
        let text = serde_json::to_string(self)
            .map_err(|error| QuickstartError::InvalidProgress(error.to_string()))?;
        Ok(transaction.set_setting(SETTING, &text)?)
    }

    pub(super) fn month(&self) -> DemoMonth {
        DemoMonth {
            seed: self.seed,
            start_s: self.start_s,
            days: if self.days == 0 { DEMO_DAYS } else { self.days },
            company_id: self.company_id,
            organization_ids: self.organization_ids.clone(),
        }
    }
}
