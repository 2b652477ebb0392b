//! Metrics that are found when they are read: the state of the store, of the background tasks, of the disk and of the
//! process. Reading the store costs a moment, so that what was found is used again for some seconds, and sums over all
//! companies for a minute.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use tollbook_objects::free_bytes;
use tollbook_ops::charging::arrears_query;
use tollbook_ops::tasks::LostLines;
use tollbook_store::{HourFilter, Snapshot, StoreResult, WebhookBacklog};

use super::webhooks::register_backlog;
use crate::operator::OperatorRoutes;
use crate::readiness::{Checks, Readiness};
use crate::service::Service;

/// How long what was found in the store is used again.
const STORE_AGE: Duration = Duration::from_secs(5);
/// How long sums over all companies are used again.
const COMPANIES_AGE: Duration = Duration::from_secs(60);
/// Hours and jobs that are counted at most; an alert does not need to know more.
const COUNTED: i64 = 10_000;
/// Companies of which the arrears are summed at most; with more of them, they are not stated.
const COMPANIES: usize = 10_000;

/// What the metrics are found from.
pub(crate) struct Sources {
    pub(crate) service: Arc<Service>,
    pub(crate) operator: Arc<OperatorRoutes>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) lost_lines: Arc<LostLines>,
    /// The data directory.
    pub(crate) data: Option<PathBuf>,
}

/// What was found before, and when.
#[derive(Default)]
pub(super) struct Samples {
    store: Mutex<Option<(Instant, OfStore)>>,
    companies: Mutex<Option<(Instant, OfCompanies)>>,
}

/// The state of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfStore {
    /// Hours that are over and not closed yet.
    hours: i64,
    /// End of the oldest of them, Unix seconds.
    oldest_s: Option<i64>,
    /// All hours with usage that is not ordered yet.
    all_hours: i64,
    waiting_jobs: i64,
    /// Waiting and running.
    unfinished_jobs: [i64; 2],
    export_bytes: i64,
    webhooks: WebhookBacklog,
    /// How far the clock of the database server is ahead of this one.
    clock_ahead_s: Option<i64>,
    replica_lag_bytes: Option<u64>,
}

/// Arrears by currency: what is owed in 10⁻⁸ units, and by how many companies. `None` if there are too many companies.
type OfCompanies = Option<BTreeMap<String, (i128, i64)>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Currency {
    currency: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Check {
    check: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pool {
    pool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskName {
    task: &'static str,
}

impl Samples {
    /// Registers what is found now. What the store does not tell is left out, and its gauge `store_up` is 0. May block.
    pub(super) fn register(&self, sources: &Sources, checks: &Checks, registry: &mut Registry) {
        let Sources { service, operator, lost_lines, data, .. } = sources;
        let now_s = service.now_s();
        let store = kept(&self.store, STORE_AGE, || of_store(service, now_s));
        register_readiness(registry, service, checks);
        register_queues(registry, service, operator);
        registry.register(
            "store_up",
            "Whether the store answers",
            ConstGauge::new(i64::from(store.is_some())),
        );
        if let Some(store) = store {
            register_store(registry, &store, now_s);
        }
        let companies =
            kept(&self.companies, COMPANIES_AGE, || of_companies(service.store().snapshot()?.as_mut()));
        if let Some(companies) = companies.flatten() {
            register_companies(registry, companies);
        }
        register_tasks(registry, service);
        registry.register(
            "log_lines_lost",
            "Lines of the log that could not be written",
            ConstCounter::new(lost_lines.count()),
        );
        if let Some(tls) = service.tls() {
            registry.register_with_unit(
                "tls_certificate_expiry_timestamp",
                "When the certificate of the server's address ends, Unix time",
                Unit::Seconds,
                ConstGauge::new(tls.expires_s()),
            );
        }
        if let Some(free) = data.as_deref().and_then(|data| free_bytes(data).ok()) {
            registry.register_with_unit(
                "disk_free",
                "Free bytes of the disk of the data directory",
                Unit::Bytes,
                ConstGauge::new(i64::try_from(free).unwrap_or(i64::MAX)),
            );
            let floor = service.config().objects.spool.free_bytes;
            registry.register_with_unit(
                "disk_floor",
                "Free bytes below which no export is written",
                Unit::Bytes,
                ConstGauge::new(i64::try_from(floor).unwrap_or(i64::MAX)),
            );
        }
    }
}

/// What was found before if it is young enough, else what is found now; what was found before, once, if that fails.
fn kept<T: Clone>(
    before: &Mutex<Option<(Instant, T)>>,
    age: Duration,
    find: impl FnOnce() -> StoreResult<T>,
) -> Option<T> {
    let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, found)) = before.as_ref()
        && at.elapsed() < age
    {
        return Some(found.clone());
    }
    match find() {
        Ok(found) => {
            *before = Some((Instant::now(), found.clone()));
            Some(found)
        }
        Err(error) => {
            tracing::warn!(%error, "the store could not be read for the metrics");
            *before = None;
            None
        }
    }
}

fn of_store(service: &Service, now_s: i64) -> StoreResult<OfStore> {
    let replica_lag_bytes = service.store().replica_lag_bytes().unwrap_or_else(|error| {
        tracing::warn!(%error, "the lag of the read replica is not known");
        None
    });
    let mut snapshot = service.store().snapshot()?;
    let all_hours = snapshot.due_hours(HourFilter::EndedBy(i64::MAX), now_s, COUNTED)?;
    let hours = snapshot.due_hours(HourFilter::EndedBy(now_s), now_s, COUNTED)?;
    let jobs = snapshot.due_export_jobs(now_s, COUNTED)?;
    Ok(OfStore {
        oldest_s: hours.iter().map(|hour| hour.bucket.end_s).min(),
        hours: i64::try_from(hours.len()).unwrap_or(COUNTED),
        all_hours: i64::try_from(all_hours.len()).unwrap_or(COUNTED),
        unfinished_jobs: snapshot.count_unfinished_export_jobs()?,
        clock_ahead_s: snapshot.database_clock_s()?.map(|clock_s| clock_s - service.now_s()),
        replica_lag_bytes,
        waiting_jobs: i64::try_from(jobs.len()).unwrap_or(COUNTED),
        export_bytes: snapshot.all_export_bytes()?.iter().map(|(_, bytes)| bytes).sum(),
        webhooks: snapshot.webhook_backlog(now_s)?,
    })
}

fn of_companies(snapshot: &mut dyn Snapshot) -> StoreResult<OfCompanies> {
    let companies = snapshot.companies()?;
    if companies.len() > COMPANIES {
        return Ok(None);
    }
    let mut arrears = BTreeMap::new();
    for company in companies {
        let unpaid: i128 = snapshot
            .sums(&arrears_query(company.company_id))?
            .iter()
            .map(|(_, measures)| measures.total)
            .sum();
        let (total, owing): &mut (i128, i64) = arrears.entry(company.currency).or_default();
        *total += unpaid;
        *owing += i64::from(unpaid > 0);
    }
    Ok(Some(arrears))
}

fn register_store(registry: &mut Registry, store: &OfStore, now_s: i64) {
    let OfStore { hours, oldest_s, waiting_jobs, export_bytes, webhooks, .. } = store;
    register_backlog(registry, webhooks, now_s);
    registry.register(
        "open_hours",
        "Hours with usage that is not ordered yet, those that are not over included",
        ConstGauge::new(store.all_hours),
    );
    let jobs = Family::<State, Gauge>::default();
    for (state, number) in ["waiting", "running"].into_iter().zip(store.unfinished_jobs) {
        jobs.get_or_create(&State { state }).set(number);
    }
    registry.register(
        "export_jobs",
        "Background export jobs of all servers that have not ended, by state",
        jobs,
    );
    if let Some(ahead_s) = store.clock_ahead_s {
        registry.register_with_unit(
            "database_clock_ahead",
            "How far the clock of the database server is ahead of this server's",
            Unit::Seconds,
            ConstGauge::new(ahead_s),
        );
    }
    if let Some(lag) = store.replica_lag_bytes {
        registry.register_with_unit(
            "replica_lag",
            "Bytes of the write-ahead log that the read replica has not replayed",
            Unit::Bytes,
            ConstGauge::new(i64::try_from(lag).unwrap_or(i64::MAX)),
        );
    }
    registry.register("open_hours_ended", "Hours that are over and not closed yet", ConstGauge::new(*hours));
    registry.register_with_unit(
        "oldest_open_hour_age",
        "Time since the end of the oldest hour that is over and not closed yet; 0 if there is none",
        Unit::Seconds,
        ConstGauge::new(oldest_s.map_or(0, |end_s| (now_s - end_s).max(0))),
    );
    registry.register(
        "export_jobs_waiting",
        "Companies with export jobs that no server runs",
        ConstGauge::new(*waiting_jobs),
    );
    registry.register_with_unit(
        "export_files",
        "Bytes of the recorded files of exports",
        Unit::Bytes,
        ConstGauge::new(*export_bytes),
    );
}

fn register_companies(registry: &mut Registry, arrears: BTreeMap<String, (i128, i64)>) {
    let (owed, owing) = (
        Family::<Currency, Gauge<f64, std::sync::atomic::AtomicU64>>::default(),
        Family::<Currency, Gauge>::default(),
    );
    for (currency, (total, companies)) in arrears {
        let labels = Currency { currency };
        // For a chart: sums that must be exact are those of the API.
        #[expect(clippy::cast_precision_loss, reason = "a gauge of Prometheus is a floating-point number")]
        owed.get_or_create(&labels).set(total as f64 / 1e8);
        owing.get_or_create(&labels).set(companies);
    }
    registry.register("arrears", "Unpaid amount by currency, in its units", owed);
    registry.register("companies_in_arrears", "Companies with unpaid orders by currency", owing);
}

/// The checks of `/readyz`, and whether the clock is believed.
fn register_readiness(registry: &mut Registry, service: &Service, checks: &Checks) {
    let ready = Family::<Check, Gauge>::default();
    for (check, result) in checks {
        ready.get_or_create(&Check { check }).set(i64::from(result.is_ok()));
    }
    registry.register("ready", "The checks of /readyz", ready);
    registry.register(
        "clock_certain",
        "Whether the clock has not leapt in the last minutes; what depends on the time waits otherwise",
        ConstGauge::new(i64::from(service.certain_now_s().is_some())),
    );
}

/// What waits or is in memory in this process.
fn register_queues(registry: &mut Registry, service: &Service, operator: &OperatorRoutes) {
    let gauge = |number: usize| ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
    registry.register(
        "intake_queued_records",
        "Reported usage records that wait to be stored",
        gauge(operator.queued_records()),
    );
    registry.register_with_unit(
        "request_bodies",
        "Bodies of requests in memory",
        Unit::Bytes,
        gauge(service.bodies().bytes_in_use()),
    );
    let (building, queued) = service.exporter().in_progress();
    let exports = Family::<State, Gauge>::default();
    for (state, number) in [("building", building), ("queued", queued)] {
        exports.get_or_create(&State { state }).set(i64::try_from(number).unwrap_or(i64::MAX));
    }
    registry.register("exports", "Exports of this server that are built or wait for it", exports);
    if let Some(bytes) = service.deployment().objects.spool_bytes() {
        registry.register_with_unit(
            "spool",
            "Bytes of the unfinished files of exports",
            Unit::Bytes,
            ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX)),
        );
    }
    let [in_use, waiting, limit] = [(); 3].map(|()| Family::<Pool, Gauge>::default());
    for pool in service.store().connections() {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let labels = Pool { pool: pool.name };
        in_use.get_or_create(&labels).set(number(pool.in_use));
        waiting.get_or_create(&labels).set(number(pool.waiting));
        if let Some(most) = pool.limit {
            limit.get_or_create(&labels).set(number(most));
        }
    }
    registry.register("store_connections_in_use", "Connections to the database in use", in_use);
    registry.register("store_connections_waiting", "Transactions that wait for one, or to write", waiting);
    registry.register("store_connections_limit", "Most connections, if there is a limit", limit);
}

fn register_tasks(registry: &mut Registry, service: &Service) {
    let (up, hung, restarts) = (
        Family::<TaskName, Gauge>::default(),
        Family::<TaskName, Gauge<f64, std::sync::atomic::AtomicU64>>::default(),
        Family::<TaskName, prometheus_client::metrics::counter::Counter>::default(),
    );
    for task in service.tasks().reports() {
        let labels = TaskName { task: task.name };
        up.get_or_create(&labels).set(i64::from(task.is_alive));
        hung.get_or_create(&labels).set(task.without_progress.as_secs_f64());
        restarts.get_or_create(&labels).inc_by(task.restarts);
    }
    registry.register("task_up", "Whether a background task runs and does not hang", up);
    registry.register_with_unit(
        "task_without_progress",
        "Time since the round of a background task last made progress; 0 between rounds",
        Unit::Seconds,
        hung,
    );
    registry.register("task_restarts", "How often a background task was restarted", restarts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollbook_store::StoreError;

    #[test]
    fn what_was_found_is_used_again_until_it_is_old_and_dropped_by_a_failure() {
        let before = Mutex::default();
        let find = |age_s, found: Result<i32, ()>| {
            kept(&before, Duration::from_secs(age_s), || found.map_err(|()| StoreError::Stopped("no".into())))
        };
        assert_eq!(find(60, Ok(1)), Some(1));
        assert_eq!(find(60, Ok(2)), Some(1), "young");
        assert_eq!(find(0, Ok(3)), Some(3), "old");
        assert_eq!(find(0, Err(())), None);
        assert_eq!(find(60, Ok(4)), Some(4), "nothing old is stated after a failure");
    }
}
