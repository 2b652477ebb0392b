//! Usage from many gateways at once: what waits is rated and stored together, so that a durable commit serves all who
//! wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tollbook_domain::{Catalogue, Usage};
use tollbook_store::{Store, StoreError};

use super::context::Charging;
use super::rater::BATCH_RECORDS;
use super::rater::{Rater, UsageResult};
use crate::clock::Clock;
use crate::config::Config;

/// Records that may wait; more are told to come again.
const WAITING_RECORDS: usize = 200_000;

/// Why usage was not taken. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Too much waits already, or the server is stopping.
    #[error("usage cannot be taken now")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

type Answer = Result<Vec<UsageResult>, IntakeError>;

struct Job {
    records: Vec<Usage>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    records: usize,
    is_closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    awake: Condvar,
}

/// The one who stores usage for all requests of a process. Dropped, it finishes what waits.
pub struct Intake {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl Intake {
    /// Starts its thread.
    pub fn start(
        store: Arc<dyn Store>,
        config: Arc<Config>,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), awake: Condvar::new() });
        let of_worker = Arc::clone(&shared);
        let worker = std::thread::spawn(move || {
            let charging = Charging { store: store.as_ref(), config: &config, catalogue: &catalogue };
            let new = || Rater::new(charging, config.charging.limits_of_gateways());
            let mut rater = new();
            while let Some(jobs) = of_worker.next() {
                // Those who wait for these jobs are told, by the loss of their senders. Whoever comes next must find
                // someone who works: without, they would wait for ever.
                let work = || answer(&mut rater, jobs, clock.now_s());
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    tracing::error!("storing usage panicked");
                    // What it remembers may be half of something.
                    rater = new();
                }
            }
        });
        Self { shared, worker: Some(worker) }
    }

    /// Gives records to the worker; the answer comes when they are durable.
    pub fn submit(&self, records: Vec<Usage>) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_closed || queue.records + records.len() > WAITING_RECORDS {
            // Nobody listens only if the caller has left.
            let _ = answer.send(Err(IntakeError::Busy));
            return receiver;
        }
        queue.records += records.len();
        queue.jobs.push(Job { records, answer });
        self.shared.awake.notify_one();
        receiver
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.shared.awake.notify_one();
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!("the thread that stores usage panicked");
        }
    }
}

impl Shared {
    /// What waits, as much as one transaction takes; `None` when nothing will come any more.
    fn next(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.jobs.is_empty() {
            if queue.is_closed {
                return None;
            }
            queue = self.awake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = 0;
        let jobs = queue.jobs.iter().take_while(|job| {
            let fits = taken == 0 || taken + job.records.len() <= BATCH_RECORDS;
            taken += job.records.len();
            fits
        });
        let jobs = jobs.count();
        let jobs: Vec<Job> = queue.jobs.drain(..jobs).collect();
        queue.records -= jobs.iter().map(|job| job.records.len()).sum::<usize>();
        Some(jobs)
    }
}

fn answer(rater: &mut Rater<'_>, jobs: Vec<Job>, now_s: i64) {
    let (mut all, mut waiting) = (Vec::new(), Vec::with_capacity(jobs.len()));
    for mut job in jobs {
        waiting.push((job.records.len(), job.answer));
        all.append(&mut job.records);
    }
    match rater.accept(all, now_s, None) {
        Ok(fates) => {
            let mut fates = fates.into_iter();
            for (records, answer) in waiting {
                let _ = answer.send(Ok(fates.by_ref().take(records).collect()));
            }
        }
        Err(error) => {
            // Logged once, here; each who waits is told.
            tracing::error!(%error, "usage cannot be stored");
            let error = Arc::new(error);
            for (_, answer) in waiting {
                let _ = answer.send(Err(IntakeError::Store(Arc::clone(&error))));
            }
        }
    }
}
