//! The store, configuration, catalogue and time of commands for usage and accounts.

use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::charging::Charging;
use tollbook_ops::{Clock as _, Config, SystemClock};
use tollbook_store::Store;

use crate::arguments::Global;
use crate::customer::time::{Days, Time, ZoneName};
use crate::deployment::{self, Deployment, Purpose};
use crate::output::Failure;

pub(super) struct CommandContext {
    pub(super) store: Arc<dyn Store>,
    pub(super) config: Config,
    pub(super) catalogue: Arc<Catalogue>,
    time_zone: Option<ZoneName>,
}

impl CommandContext {
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let Deployment { store, config, catalogue } = deployment::open(global, Purpose::Command)?;
        Ok(Self { store, config, catalogue, time_zone: global.time_zone.clone() })
    }

    /// The Unix seconds of an option's time. A date is a day of the deployment's UTC offset.
    pub(super) fn unix_s(&self, option: &str, time: Time) -> Result<i64, Failure> {
        Ok(operator_days(self.store.as_ref(), self.time_zone.as_ref())?.unix_s(option, time))
    }

    /// As [`Self::unix_s`], of an option that may be absent.
    pub(super) fn optional_unix_s(&self, option: &str, time: Option<Time>) -> Result<Option<i64>, Failure> {
        time.map(|time| self.unix_s(option, time)).transpose()
    }

    pub(super) fn charging(&self) -> Charging<'_> {
        Charging { store: self.store.as_ref(), config: &self.config, catalogue: &self.catalogue }
    }
}

/// The days of an operator's command: those of the deployment's UTC offset unless a zone is stated.
pub(super) fn operator_days(store: &dyn Store, stated: Option<&ZoneName>) -> Result<Days, Failure> {
    Ok(match stated {
        Some(zone) => Days::Zone(zone.clone()),
        None => Days::Deployment(store.snapshot()?.hour_offsets()?),
    })
}

pub(super) fn now_s() -> i64 {
    SystemClock.now_s()
}

/// A time in RFC 3339. A time beyond the calendar is returned in Unix seconds.
pub(super) fn time_text(time_s: i64) -> String {
    jiff::Timestamp::from_second(time_s).map_or_else(|_| time_s.to_string(), |time| time.to_string())
}
