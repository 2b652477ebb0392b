//! The store, configuration, catalogue and time of commands for usage and accounts.

use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::charging::Charging;
use tollbook_ops::{Clock as _, Config, SystemClock};
use tollbook_store::Store;

use crate::arguments::Global;
use crate::deployment;
use crate::output::Failure;

pub(super) struct CommandContext {
    pub(super) store: Arc<dyn Store>,
    pub(super) config: Config,
    pub(super) catalogue: Arc<Catalogue>,
}

impl CommandContext {
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let config = deployment::config(global)?;
        let catalogue = deployment::catalogue(&config)?;
        Ok(Self { store: deployment::store(global)?, config, catalogue })
    }

    pub(super) fn charging(&self) -> Charging<'_> {
        Charging { store: self.store.as_ref(), config: &self.config, catalogue: &self.catalogue }
    }
}

pub(super) fn now_s() -> i64 {
    SystemClock.now_s()
}

/// A time in RFC 3339. A time beyond the calendar is returned in Unix seconds.
pub(super) fn time_text(time_s: i64) -> String {
    jiff::Timestamp::from_second(time_s).map_or_else(|_| time_s.to_string(), |time| time.to_string())
}
