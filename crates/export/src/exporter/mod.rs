//! Takes requests for exports. Requests for the same file share one build, a file that is already stored is returned
//! again, and builds are queued fairly between companies. Each build has a thread of its own, at lower priority.

pub mod cache;
mod in_flight;
pub mod jobs;
mod queue;
mod request;
mod space;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tollbook_domain::Catalogue;
use tollbook_objects::ObjectStore;
use tollbook_store::{Snapshot, Store, StoreError};

use self::cache::Digest;
use self::in_flight::{ByIdentity, InFlight, Join, Names, Stage};
use self::queue::{Bounds, FairQueue};
use crate::build::Build;
use crate::error::ExportError;
use crate::file::ExportedFile;
use crate::limits::ExportLimits;
use crate::presentation::Presentation;
use crate::priority;
use crate::progress::Progress;
use crate::write::export;

pub use request::{ExportRequest, ExportRequestError, WaitPolicy};

/// How often a waiting request checks whether it was cancelled or its time is up.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What an [`Exporter`] works with.
#[derive(Clone)]
pub struct ExporterParts {
    /// The orders, and the records of stored exports.
    pub store: Arc<dyn Store>,
    /// Where files are stored.
    pub objects: Arc<dyn ObjectStore>,
    /// Display names.
    pub catalogue: Arc<Catalogue>,
    /// How many exports may run and wait.
    pub limits: ExportLimits,
    /// A stored file is returned again until it is this old, in seconds: what is left of its retention is then the
    /// lifetime of a link.
    pub reusable_for_s: i64,
    /// The clock, in Unix seconds.
    pub now_s: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// 128 unpredictable bits, for the names of objects.
    pub random: fn() -> u128,
}

/// Builds exports on request. When dropped, it cancels the builds that are running and waits for their threads.
pub struct Exporter {
    shared: Arc<Shared>,
}

struct Shared {
    parts: ExporterParts,
    /// Of the catalogue of the parts.
    catalogue: Digest,
    table: Mutex<Table>,
}

struct Table {
    /// By what the file will contain.
    in_flight: HashMap<Digest, Arc<InFlight>>,
    queue: FairQueue<ByIdentity>,
    threads: Vec<JoinHandle<()>>,
}

/// What a request found in the table.
enum Joined {
    /// No export of the file: this request starts one.
    First(Arc<InFlight>),
    /// An export that is queued or being built.
    Waiting(Arc<InFlight>),
    /// An export whose file is stored, but not yet recorded in the cache.
    Finished(Arc<InFlight>, Box<ExportedFile>),
}

impl Exporter {
    /// An exporter with an empty queue.
    pub fn new(parts: ExporterParts) -> Self {
        let limits = &parts.limits;
        let bounds = Bounds {
            at_once: limits.at_once,
            waiting: limits.waiting,
            waiting_per_company: limits.waiting_per_company,
        };
        let table = Table { in_flight: HashMap::new(), queue: FairQueue::new(bounds), threads: Vec::new() };
        let catalogue = cache::catalogue_digest(&parts.catalogue);
        Self { shared: Arc::new(Shared { parts, catalogue, table: Mutex::new(table) }) }
    }

    /// Returns the requested file, of the orders as they are now or a moment later. Blocks until the file is stored.
    ///
    /// `snapshot` defines "now"; it is dropped here, because a waiting request must not hold one. `watch` is called
    /// several times a second with the progress; it cancels the request by returning `false`.
    pub fn file(
        &self,
        mut snapshot: Box<dyn Snapshot>,
        request: ExportRequest,
        policy: WaitPolicy,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, ExportRequestError> {
        let (digest, names) = self.shared.digest(snapshot.as_mut(), &request)?;
        drop(snapshot);
        loop {
            let in_flight = match self.shared.join(digest, &request, &names) {
                Joined::First(in_flight) => {
                    self.shared.start(&in_flight, policy);
                    in_flight
                }
                Joined::Waiting(in_flight) => in_flight,
                Joined::Finished(in_flight, file) => {
                    if cache::is_stored(self.shared.parts.objects.as_ref(), &file) {
                        return Ok(*file);
                    }
                    // The object was deleted meanwhile. The file is built again.
                    self.shared.table().remove(&in_flight);
                    continue;
                }
            };
            return self.shared.wait(&in_flight, policy, caller, watch);
        }
    }

    /// Exports that are being built and those that wait for it, in this process.
    pub fn in_progress(&self) -> (usize, usize) {
        let table = self.shared.table();
        table.queue.counts()
    }

    /// The digest of everything that the bytes of the requested file depend on, except the time.
    pub fn digest(&self, snapshot: &mut dyn Snapshot, request: &ExportRequest) -> Result<Digest, StoreError> {
        self.shared.digest(snapshot, request).map(|(digest, _)| digest)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let threads = {
            let mut table = self.shared.table();
            for in_flight in table.in_flight.values() {
                in_flight.abandoned.cancel();
            }
            std::mem::take(&mut table.threads)
        };
        for thread in threads {
            // A panic was already reported to the waiting requests.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of a request's file, and the names that it was made with.
    fn digest(
        &self,
        snapshot: &mut dyn Snapshot,
        request: &ExportRequest,
    ) -> Result<(Digest, Arc<Names>), StoreError> {
        let names = self.names(snapshot, request)?;
        let objects = self.parts.objects.as_ref();
        let digest = cache::digest(snapshot, objects, request, &names.presentation, &self.catalogue)?;
        Ok((digest, Arc::new(names)))
    }

    fn names(&self, snapshot: &mut dyn Snapshot, request: &ExportRequest) -> Result<Names, StoreError> {
        let ExportRequest { company, display, .. } = request;
        let versions = Presentation::versions(snapshot, company.company_id)?;
        let presentation = Presentation::read(snapshot, company, display, &self.parts.catalogue)?
            .with_offsets(snapshot.hour_offsets()?);
        Ok(Names { versions, presentation })
    }

    /// Files stored at or before this time are not returned again: a link to one could outlive the file.
    fn expired_s(&self) -> i64 {
        (self.parts.now_s)().saturating_sub(self.parts.reusable_for_s)
    }

    /// Joins the export of the same file that is in flight, or starts one.
    fn join(&self, digest: Digest, request: &ExportRequest, names: &Arc<Names>) -> Joined {
        let mut table = self.table();
        if let Some(in_flight) = table.in_flight.get(&digest) {
            match in_flight.join(self.expired_s()) {
                Some(Join::Waiting) => return Joined::Waiting(Arc::clone(in_flight)),
                Some(Join::Finished(file)) => return Joined::Finished(Arc::clone(in_flight), file),
                None => {}
            }
        }
        let in_flight = Arc::new(InFlight::new(digest, request.clone(), Arc::clone(names)));
        table.in_flight.insert(digest, Arc::clone(&in_flight));
        Joined::First(in_flight)
    }

    /// Looks the file up in the cache. If it is not there, queues the export.
    fn start(self: &Arc<Self>, in_flight: &Arc<InFlight>, policy: WaitPolicy) {
        let ExporterParts { store, objects, .. } = &self.parts;
        let company_id = in_flight.request.company.company_id;
        let stored =
            cache::find(store.as_ref(), objects.as_ref(), company_id, &in_flight.digest, self.expired_s());
        match stored {
            Ok(Some(file)) => return self.finish(in_flight, Ok(file)),
            Ok(None) => {}
            // The file can be built without the cache.
            Err(error) => {
                tracing::warn!(%error, company_id, "export cache lookup failed; will build the file");
            }
        }
        let mut table = self.table();
        let export = ByIdentity(Arc::clone(in_flight));
        let queued = match policy {
            WaitPolicy::Request => table.queue.push(company_id, export),
            WaitPolicy::Job => {
                table.queue.push_unbounded(company_id, export);
                Ok(())
            }
        };
        if queued.is_err() {
            drop(table);
            return self.finish(in_flight, Err(ExportRequestError::QueueFull));
        }
        self.start_builds(&mut table);
    }

    /// Starts as many queued builds as may run at once.
    fn start_builds(self: &Arc<Self>, table: &mut Table) {
        table.threads.retain(|thread| !thread.is_finished());
        while let Some(ByIdentity(in_flight)) = table.queue.next() {
            let company_id = in_flight.request.company.company_id;
            let shared = Arc::clone(self);
            let spawned = std::thread::Builder::new().name("export".into()).spawn({
                let in_flight = Arc::clone(&in_flight);
                move || shared.run(&in_flight)
            });
            match spawned {
                Ok(thread) => table.threads.push(thread),
                Err(error) => {
                    table.queue.finished(company_id);
                    let failed = ExportRequestError::Failed(Arc::new(error.into()));
                    in_flight.set_stage(Stage::Finished(Err(failed)));
                    table.remove(&in_flight);
                }
            }
        }
    }

    /// Builds the file and records it, on a thread of its own.
    fn run(self: &Arc<Self>, in_flight: &Arc<InFlight>) {
        priority::lower_priority();
        in_flight.set_stage(Stage::Building);
        let company_id = in_flight.request.company.company_id;
        // Whatever a panic leaves half-changed belongs to this build alone, and is dropped.
        let built = catch_unwind(AssertUnwindSafe(|| self.build(in_flight)));
        let built = built.unwrap_or(Err(ExportError::Panicked));
        if let Err(error) = &built
            && !in_flight.abandoned.is_cancelled()
        {
            let cause = error.root_cause().map(ToString::to_string);
            tracing::error!(%error, cause, company_id, "export failed; no file was stored");
        }
        let (file, digest) = match built {
            Ok((file, digest)) => (Ok(file), Some(digest)),
            Err(error) => (Err(ExportRequestError::Failed(Arc::new(error))), None),
        };
        in_flight.set_stage(Stage::Finished(file.clone()));
        {
            let mut table = self.table();
            table.queue.finished(company_id);
            self.start_builds(&mut table);
        }
        // The waiting requests have their file already. A request that comes meanwhile still finds this export in
        // flight, and so its file.
        if let (Ok(file), Some(digest)) = (&file, &digest) {
            self.record(company_id, digest, file);
        }
        self.table().remove(in_flight);
    }

    /// Builds the file. Returns its actual digest too: the orders may have changed while the request was queued.
    fn build(&self, in_flight: &InFlight) -> Result<(ExportedFile, Digest), ExportError> {
        let started = Instant::now();
        let ExporterParts { store, objects, limits, now_s, random, .. } = &self.parts;
        let ExportRequest { company, document, format, separator, .. } = &in_flight.request;
        // A new snapshot: the one that the request was checked with was dropped when the request was queued.
        let snapshot = store.snapshot_for(&in_flight.abandoned)?;
        let mut snapshot = store.replica_or(snapshot, &in_flight.abandoned)?;
        let snapshot_s = now_s();
        let changed;
        let Names { versions, presentation } = in_flight.names.as_ref();
        let presentation = if presentation.is_current(snapshot.as_mut(), *versions)? {
            presentation
        } else {
            changed = self.names(snapshot.as_mut(), &in_flight.request)?;
            &changed.presentation
        };
        let request = &in_flight.request;
        let digest =
            cache::digest(snapshot.as_mut(), objects.as_ref(), request, presentation, &self.catalogue)?;
        let build = Build {
            document,
            format: *format,
            separator: *separator,
            presentation,
            snapshot_s,
            random: random(),
            threads: limits.encoders(),
            progress: &in_flight.progress,
            abandoned: &in_flight.abandoned,
        };
        let file = export(&build, snapshot, objects.as_ref())?;
        tracing::info!(
            company_id = company.company_id,
            format = %format,
            rows = file.rows,
            bytes = file.bytes,
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "export"
        );
        Ok((file, digest))
    }

    /// Records a stored file in the cache, and deletes old files if there are too many now. On failure the next request
    /// builds the file again.
    fn record(&self, company_id: i64, digest: &Digest, file: &ExportedFile) {
        let ExporterParts { store, objects, limits, .. } = &self.parts;
        let recorded = catch_unwind(AssertUnwindSafe(|| {
            cache::record(store.as_ref(), company_id, digest, file)?;
            let newest = space::Newest { company_id, digest };
            space::enforce(store.as_ref(), objects.as_ref(), limits, newest)
        }));
        match recorded {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, company_id, "export could not be recorded in the cache"),
            Err(_) => tracing::error!(company_id, "recording an export in the cache panicked"),
        }
    }

    /// Finishes an export and removes it from the table. Later requests look the file up in the cache.
    fn finish(&self, in_flight: &Arc<InFlight>, result: Result<ExportedFile, ExportRequestError>) {
        in_flight.set_stage(Stage::Finished(result));
        self.table().remove(in_flight);
    }

    fn wait(
        &self,
        in_flight: &Arc<InFlight>,
        policy: WaitPolicy,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, ExportRequestError> {
        let started = Instant::now();
        let limits = &self.parts.limits;
        let mut state = in_flight.state();
        loop {
            let is_queued = match &state.stage {
                Stage::Finished(result) => {
                    let result = result.clone();
                    state.waiters -= 1;
                    return result;
                }
                Stage::Queued => true,
                Stage::Building => false,
            };
            let elapsed = started.elapsed();
            let is_request = policy == WaitPolicy::Request;
            let cancelled = if caller.is_cancelled() {
                Some(ExportRequestError::Cancelled)
            } else if is_request && elapsed >= limits.answer {
                Some(ExportRequestError::DeadlineExceeded(limits.answer))
            } else if is_request && is_queued && elapsed >= limits.queue {
                Some(ExportRequestError::QueueTimeout(limits.queue))
            } else {
                None
            };
            if let Some(reason) = cancelled {
                drop(state);
                self.cancel(in_flight);
                return Err(reason);
            }
            state = in_flight.wait(state, POLL_INTERVAL);
            if !matches!(state.stage, Stage::Finished(_)) {
                drop(state);
                if !watch(&in_flight.progress) {
                    self.cancel(in_flight);
                    return Err(ExportRequestError::Cancelled);
                }
                state = in_flight.state();
            }
        }
    }

    /// Removes one waiting request. An export without waiting requests is cancelled.
    fn cancel(&self, in_flight: &Arc<InFlight>) {
        // Table before state, in the order in which `join` takes them.
        let mut table = self.table();
        let mut state = in_flight.state();
        state.waiters -= 1;
        if state.waiters > 0 || matches!(state.stage, Stage::Finished(_)) {
            return;
        }
        in_flight.abandoned.cancel();
        if table.queue.remove(&ByIdentity(Arc::clone(in_flight))) {
            state.stage = Stage::Finished(Err(ExportRequestError::Cancelled));
        }
        drop(state);
        table.remove(in_flight);
    }
}

impl Table {
    /// Removes an export, unless another one for the same file has replaced it.
    fn remove(&mut self, in_flight: &Arc<InFlight>) {
        if self.in_flight.get(&in_flight.digest).is_some_and(|other| Arc::ptr_eq(other, in_flight)) {
            self.in_flight.remove(&in_flight.digest);
        }
    }
}
