//! Where exports are asked for: requests for the same file share one, a file that exists already is given again, and
//! those that must be built take their turns. Each is built on threads of its own, which step back behind requests.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tollbook_domain::Catalogue;
use tollbook_domain::tenant::Company;
use tollbook_objects::ObjectStore;
use tollbook_store::{Snapshot, Store, StoreError};

use super::registry::{self, Digest};
use super::turns::{Bounds, Turns};
use super::{Build, Document, ExportError, ExportedFile, Format, Progress, export};
use crate::config::{Brand, Config};
use crate::presentation::Presentation;
use crate::{Clock, background, random};

/// How soon it is noticed that a caller has left or a wait is over.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// What the desk works with.
#[derive(Clone)]
pub struct DeskParts {
    /// Orders, and which files there are.
    pub store: Arc<dyn Store>,
    /// Where files go.
    pub objects: Arc<dyn ObjectStore>,
    /// Names for people.
    pub catalogue: Arc<Catalogue>,
    /// Limits and times.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose orders.
    pub company: Company,
    /// How they are shown.
    pub brand: Brand,
    /// Which.
    pub document: Document,
    /// As what.
    pub format: Format,
}

/// How long whoever asks will wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as the limits say, from now on.
    Request,
    /// As long as it takes.
    Job,
}

/// Why nobody was handed a file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeskError {
    /// Too many wait already.
    #[error("too many exports are waiting")]
    Full,
    /// Its turn did not come in time.
    #[error("the export's turn did not come within {} s", .0.as_secs())]
    NoTurn(Duration),
    /// It was not finished in time.
    #[error("the export was not finished within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// Whoever asked has left.
    #[error("the caller left")]
    Left,
    /// It could not be made.
    #[error(transparent)]
    Failed(Arc<ExportError>),
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        Self::Failed(Arc::new(error.into()))
    }
}

/// Takes requests for exports. Dropped, it stops what is being built and waits for the threads to end.
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    parts: DeskParts,
    table: Mutex<Table>,
}

struct Table {
    /// By what they will contain.
    flights: HashMap<Digest, Arc<Flight>>,
    turns: Turns<ByIdentity>,
    threads: Vec<JoinHandle<()>>,
}

/// An export that is looked for, waits or is being built, for all who asked for it.
struct Flight {
    digest: Digest,
    ask: Ask,
    progress: Progress,
    /// Cancelled when nobody waits for it any more.
    abandoned: CancellationToken,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    watchers: usize,
    stage: Stage,
}

enum Stage {
    /// It may be there already, or wait for its turn.
    Waiting,
    Building,
    Ended(Result<ExportedFile, DeskError>),
}

/// The same flight, not one that is equal.
struct ByIdentity(Arc<Flight>);

impl PartialEq for ByIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Desk {
    /// A desk that nobody has asked yet.
    pub fn new(parts: DeskParts) -> Self {
        let limits = &parts.config.exports;
        let bounds = Bounds {
            at_once: limits.at_once,
            waiting: limits.waiting,
            waiting_per_company: limits.waiting_per_company,
        };
        let table = Table { flights: HashMap::new(), turns: Turns::new(bounds), threads: Vec::new() };
        Self { shared: Arc::new(Shared { parts, table: Mutex::new(table) }) }
    }

    /// The file that is asked for, of orders as they are now or a moment later. `snapshot` tells what "now" is; it ends
    /// here, since whoever waits must not hold one. `watch` is called several times a second with how far it has come,
    /// and gives up by saying so.
    pub fn file(
        &self,
        mut snapshot: Box<dyn Snapshot>,
        ask: Ask,
        patience: Patience,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, DeskError> {
        let digest = self.shared.digest(snapshot.as_mut(), &ask)?;
        drop(snapshot);
        let (flight, is_first) = self.shared.join(digest, ask);
        if is_first {
            self.shared.take_off(&flight, patience);
        }
        self.shared.wait(&flight, patience, caller, watch)
    }

    /// What a file of this content is known by: everything that its bytes depend on but the time.
    pub fn digest(&self, snapshot: &mut dyn Snapshot, ask: &Ask) -> Result<Digest, StoreError> {
        self.shared.digest(snapshot, ask)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let threads = {
            let mut table = self.shared.table();
            for flight in table.flights.values() {
                flight.abandoned.cancel();
            }
            std::mem::take(&mut table.threads)
        };
        for thread in threads {
            // A panic was told to whoever waited.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn digest(&self, snapshot: &mut dyn Snapshot, ask: &Ask) -> Result<Digest, StoreError> {
        let DeskParts { objects, catalogue, .. } = &self.parts;
        let presentation = Presentation::read(snapshot, &ask.company, &ask.brand, catalogue)?;
        registry::digest(snapshot, objects.as_ref(), ask, &presentation)
    }

    /// Joins those who wait for the same file, or is the first of them.
    fn join(&self, digest: Digest, ask: Ask) -> (Arc<Flight>, bool) {
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&digest) {
            let mut state = flight.state();
            // One whose last watcher has left is on its way out.
            if !flight.abandoned.is_cancelled() {
                state.watchers += 1;
                drop(state);
                return (Arc::clone(flight), false);
            }
        }
        let flight = Arc::new(Flight {
            digest,
            ask,
            progress: Progress::default(),
            abandoned: CancellationToken::new(),
            state: Mutex::new(State { watchers: 1, stage: Stage::Waiting }),
            changed: Condvar::new(),
        });
        table.flights.insert(digest, Arc::clone(&flight));
        (flight, true)
    }

    /// Looks whether the file is there; if it is not, lets the flight wait for its turn.
    fn take_off(self: &Arc<Self>, flight: &Arc<Flight>, patience: Patience) {
        let DeskParts { store, objects, config, clock, .. } = &self.parts;
        let company_id = flight.ask.company.company_id;
        let known = registry::find(
            store.as_ref(),
            objects.as_ref(),
            company_id,
            &flight.digest,
            // A link to it must not outlive it.
            clock.now_s().saturating_sub(config.object_retention_s - config.link_lifetime_s),
        );
        match known {
            Ok(Some(file)) => return self.land(flight, Ok(file)),
            Ok(None) => {}
            // It can be built without knowing.
            Err(error) => tracing::warn!(%error, "it cannot be told whether an export exists already"),
        }
        let mut table = self.table();
        let export = ByIdentity(Arc::clone(flight));
        let waits = match patience {
            Patience::Request => table.turns.wait(company_id, export),
            Patience::Job => {
                table.turns.wait_long(company_id, export);
                Ok(())
            }
        };
        if waits.is_err() {
            drop(table);
            return self.land(flight, Err(DeskError::Full));
        }
        self.begin_next(&mut table);
    }

    /// Begins to build what may be built.
    fn begin_next(self: &Arc<Self>, table: &mut Table) {
        table.threads.retain(|thread| !thread.is_finished());
        while let Some(ByIdentity(flight)) = table.turns.next() {
            let company_id = flight.ask.company.company_id;
            let shared = Arc::clone(self);
            let begun = std::thread::Builder::new().name("export".into()).spawn({
                let flight = Arc::clone(&flight);
                move || shared.fly(&flight)
            });
            match begun {
                Ok(thread) => table.threads.push(thread),
                Err(error) => {
                    table.turns.finished(company_id);
                    flight.end(Err(DeskError::Failed(Arc::new(error.into()))));
                    table.remove(&flight);
                }
            }
        }
    }

    /// Builds, on a thread of its own.
    fn fly(self: &Arc<Self>, flight: &Arc<Flight>) {
        background::lower_priority();
        flight.state().stage = Stage::Building;
        flight.changed.notify_all();
        // What it has half-changed is its own, and dropped.
        let built = catch_unwind(AssertUnwindSafe(|| self.build(flight)));
        let built = built.unwrap_or(Err(ExportError::Panicked));
        if let Err(error) = &built
            && !flight.abandoned.is_cancelled()
        {
            tracing::error!(%error, "an export failed; nothing of it is left");
        }
        let (file, digest) = match built {
            Ok((file, digest)) => (Ok(file), Some(digest)),
            Err(error) => (Err(DeskError::Failed(Arc::new(error))), None),
        };
        flight.end(file.clone());
        {
            let mut table = self.table();
            table.turns.finished(flight.ask.company.company_id);
            self.begin_next(&mut table);
        }
        // Nobody waits for this. Who asks meanwhile still finds the flight, and so its file.
        if let (Ok(file), Some(digest)) = (&file, &digest) {
            self.remember(flight.ask.company.company_id, digest, file);
        }
        self.table().remove(flight);
    }

    /// The file, and what it came to be known by: the orders may have changed while it waited.
    fn build(&self, flight: &Flight) -> Result<(ExportedFile, Digest), ExportError> {
        let began = Instant::now();
        let DeskParts { store, objects, catalogue, config, clock } = &self.parts;
        let Ask { company, brand, document, format } = &flight.ask;
        // A new snapshot: the one that the request was checked with has ended while it waited.
        let snapshot = store.snapshot_for(&flight.abandoned)?;
        let mut snapshot = store.offload(snapshot, &flight.abandoned)?;
        let snapshot_s = clock.now_s();
        let presentation = Presentation::read(snapshot.as_mut(), company, brand, catalogue)?;
        let digest = registry::digest(snapshot.as_mut(), objects.as_ref(), &flight.ask, &presentation)?;
        let build = Build {
            document,
            format: *format,
            presentation: &presentation,
            snapshot_s,
            random: random::u128(),
            threads: config.exports.encoders(),
            progress: &flight.progress,
            abandoned: &flight.abandoned,
        };
        let file = export(&build, snapshot, objects.as_ref())?;
        tracing::info!(
            company_id = company.company_id,
            format = %format,
            rows = file.rows,
            bytes = file.bytes,
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "export"
        );
        Ok((file, digest))
    }

    fn remember(&self, company_id: i64, digest: &Digest, file: &ExportedFile) {
        let store = self.parts.store.as_ref();
        let remembered =
            catch_unwind(AssertUnwindSafe(|| registry::remember(store, company_id, digest, file)));
        // The next one who asks has it built again.
        match remembered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an export cannot be remembered"),
            Err(_) => tracing::error!("remembering an export panicked"),
        }
    }

    /// Ends a flight. Whoever comes next begins anew, and finds the file.
    fn land(&self, flight: &Arc<Flight>, result: Result<ExportedFile, DeskError>) {
        flight.end(result);
        self.table().remove(flight);
    }

    fn wait(
        &self,
        flight: &Arc<Flight>,
        patience: Patience,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, DeskError> {
        let began = Instant::now();
        let limits = &self.parts.config.exports;
        let mut state = flight.state();
        loop {
            let waits = match &state.stage {
                Stage::Ended(result) => {
                    let result = result.clone();
                    state.watchers -= 1;
                    return result;
                }
                Stage::Waiting => true,
                Stage::Building => false,
            };
            let elapsed = began.elapsed();
            let is_request = patience == Patience::Request;
            let gives_up = if caller.is_cancelled() {
                Some(DeskError::Left)
            } else if is_request && elapsed >= limits.answer {
                Some(DeskError::TooSlow(limits.answer))
            } else if is_request && waits && elapsed >= limits.queue {
                Some(DeskError::NoTurn(limits.queue))
            } else {
                None
            };
            if let Some(reason) = gives_up {
                drop(state);
                self.leave(flight);
                return Err(reason);
            }
            state = flight.changed.wait_timeout(state, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner).0;
            if !matches!(state.stage, Stage::Ended(_)) {
                drop(state);
                if !watch(&flight.progress) {
                    self.leave(flight);
                    return Err(DeskError::Left);
                }
                state = flight.state();
            }
        }
    }

    /// One watcher less. A flight that nobody watches is stopped.
    fn leave(&self, flight: &Arc<Flight>) {
        // In this order, as those who join take both.
        let mut table = self.table();
        let mut state = flight.state();
        state.watchers -= 1;
        if state.watchers > 0 || matches!(state.stage, Stage::Ended(_)) {
            return;
        }
        flight.abandoned.cancel();
        if table.turns.leave(&ByIdentity(Arc::clone(flight))) {
            state.stage = Stage::Ended(Err(DeskError::Left));
        }
        drop(state);
        table.remove(flight);
    }
}

impl Table {
    /// Forgets a flight, unless another one for the same file has taken its place.
    fn remove(&mut self, flight: &Arc<Flight>) {
        if self.flights.get(&flight.digest).is_some_and(|other| Arc::ptr_eq(other, flight)) {
            self.flights.remove(&flight.digest);
        }
    }
}

impl Flight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, result: Result<ExportedFile, DeskError>) {
        self.state().stage = Stage::Ended(result);
        self.changed.notify_all();
    }
}
