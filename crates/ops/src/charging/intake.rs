//! Intake of usage from many gateways at once: queued requests are rated and stored together, so that one durable commit
//! serves all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tollbook_domain::{Catalogue, Usage};
use tollbook_store::{Store, StoreError};

use super::context::Charging;
use super::rater::{BATCH_RECORDS, Rater, UsageResult};
use crate::clock::{Clock, LeapWatch};
use crate::config::Config;
use crate::tasks::{Task, panic_text};

/// Maximum number of queued records; requests beyond it are refused as busy.
const QUEUED_RECORDS: usize = 200_000;

/// Why usage was not stored. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The queue is full, or the server is stopping.
    #[error("usage cannot be taken now")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

type IntakeResult = Result<Vec<UsageResult>, IntakeError>;

/// The records of one request.
struct Submission {
    records: Vec<Usage>,
    reply: oneshot::Sender<IntakeResult>,
}

#[derive(Default)]
struct Queue {
    submissions: Vec<Submission>,
    records: usize,
    is_closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// The thread that stores usage for all requests of a process. Dropping it stores what is queued and ends the thread.
pub struct Intake {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl Intake {
    /// Starts the thread, which refuses nothing for its time while `leaps` doubts the clock. Its state is reported to `task`.
    pub fn start(
        store: Arc<dyn Store>,
        config: Arc<Config>,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        leaps: Arc<LeapWatch>,
        task: Arc<Task>,
    ) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let of_worker = Arc::clone(&shared);
        // At once, so that it is not reported missing before its first moment.
        task.started();
        let worker = std::thread::spawn(move || {
            let charging = Charging { store: store.as_ref(), config: &config, catalogue: &catalogue };
            // What is queued meanwhile is stored after the restart.
            loop {
                let work = || store_until_closed(&of_worker, charging, clock.as_ref(), &leaps, &task);
                let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { break };
                if !of_worker.pause(task.failed(&panic_text(panic.as_ref()))) {
                    break;
                }
                task.started();
            }
            task.stopped();
        });
        Self { shared, worker: Some(worker) }
    }

    /// Records that are queued.
    pub fn queued_records(&self) -> usize {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).records
    }

    /// Queues records. The result arrives when they are durable.
    pub fn submit(&self, records: Vec<Usage>) -> oneshot::Receiver<IntakeResult> {
        let (reply, receiver) = oneshot::channel();
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_closed || queue.records + records.len() > QUEUED_RECORDS {
            // Sending cannot fail: this function still has the receiver.
            let _ = reply.send(Err(IntakeError::Busy));
            return receiver;
        }
        queue.records += records.len();
        queue.submissions.push(Submission { records, reply });
        self.shared.changed.notify_one();
        receiver
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.shared.changed.notify_one();
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!("the thread that stores usage panicked");
        }
    }
}

impl Shared {
    /// Waits for a time, or until the queue is closed. Returns whether there is work left to do after it.
    fn pause(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !queue.is_closed {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !queue.submissions.is_empty()
    }

    /// Waits for submissions and returns as many as one transaction stores; `None` if the queue is closed and empty.
    fn next(&self) -> Option<Vec<Submission>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.submissions.is_empty() {
            if queue.is_closed {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut records = 0;
        let fitting = queue.submissions.iter().take_while(|submission| {
            let fits = records == 0 || records + submission.records.len() <= BATCH_RECORDS;
            records += submission.records.len();
            fits
        });
        let fitting = fitting.count();
        let submissions: Vec<Submission> = queue.submissions.drain(..fitting).collect();
        queue.records -= submissions.iter().map(|submission| submission.records.len()).sum::<usize>();
        Some(submissions)
    }
}

/// Stores what is submitted until the queue is closed and empty.
fn store_until_closed(
    shared: &Shared,
    charging: Charging<'_>,
    clock: &dyn Clock,
    leaps: &LeapWatch,
    task: &Arc<Task>,
) {
    let new_rater = || Rater::new(charging, charging.config.charging.limits_of_gateways());
    let mut rater = new_rater();
    while let Some(submissions) = shared.next() {
        // After a panic, the dropped senders report the failure to the requests of this batch, and the next batch is
        // stored without a pause: a request that makes this panic must not delay the others.
        let work = || {
            rater.set_time_in_doubt(leaps.certain_now_s().is_none());
            store_submissions(&mut rater, submissions, clock.now_s());
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task.round(work))) {
            tracing::error!(error = panic_text(panic.as_ref()), "storing usage panicked");
            // The rater may be in an inconsistent state.
            rater = new_rater();
        }
    }
}

/// Stores the records of all submissions together and replies to each.
fn store_submissions(rater: &mut Rater<'_>, submissions: Vec<Submission>, now_s: i64) {
    let (mut records, mut replies) = (Vec::new(), Vec::with_capacity(submissions.len()));
    for mut submission in submissions {
        replies.push((submission.records.len(), submission.reply));
        records.append(&mut submission.records);
    }
    let span = tracing::info_span!("store_usage", requests = replies.len(), records = records.len());
    let _entered = span.enter();
    // A reply cannot be sent if its request was cancelled.
    match rater.accept(records, now_s, None) {
        Ok(results) => {
            let mut results = results.into_iter();
            for (records, reply) in replies {
                let _ = reply.send(Ok(results.by_ref().take(records).collect()));
            }
        }
        Err(error) => {
            tracing::error!(%error, "storing usage failed");
            let error = Arc::new(error);
            for (_, reply) in replies {
                let _ = reply.send(Err(IntakeError::Store(Arc::clone(&error))));
            }
        }
    }
}
