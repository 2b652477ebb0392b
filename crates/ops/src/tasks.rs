//! The state of a process that its operator asks about: its background tasks, which are supervised, and the lines of its
//! log that could not be written. Nothing here runs a task: its supervisor does, and reports to its [`Task`].

use std::any::Any;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Pause before the first restart of a task.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a round of a task may take without progress, unless its task says otherwise. Then it counts as hung.
pub const PROGRESS_TIMEOUT: Duration = Duration::from_secs(300);

thread_local! {
    /// The task whose round this thread runs.
    static RUNNING: RefCell<Option<Arc<Task>>> = const { RefCell::new(None) };
}

/// Notes that the round of a task which this thread runs has made progress: it has closed an hour, say. A round that makes
/// none for [`PROGRESS_TIMEOUT`] counts as hung. Does nothing on other threads.
pub fn note_progress() {
    RUNNING.with_borrow(|task| {
        if let Some(task) = task {
            task.note_progress();
        }
    });
}

/// The supervised tasks of a process.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Vec<Arc<Task>>>);

impl Tasks {
    /// Adds a task, which is not running yet.
    pub fn add(&self, name: &'static str) -> Arc<Task> {
        self.add_with_timeout(name, PROGRESS_TIMEOUT)
    }

    /// The same for a task whose rounds may take longer without progress that can be seen.
    pub fn add_with_timeout(&self, name: &'static str, progress_timeout: Duration) -> Arc<Task> {
        let task = Arc::new(Task { name, progress_timeout, state: Mutex::default() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&task));
        task
    }

    /// The state of every task, in the order in which they were added.
    pub fn reports(&self) -> Vec<TaskReport> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().map(|task| task.report()).collect()
    }

    /// Why the process should be replaced: a task that does not run, or that hangs and has made no progress for longer than
    /// `patience`.
    ///
    /// # Errors
    /// The reason.
    pub fn check_progress(&self, patience: Duration) -> Result<(), String> {
        for task in self.reports() {
            if task.hangs && task.without_progress > patience {
                let for_s = task.without_progress.as_secs();
                return Err(format!("the {} has made no progress for {for_s} s", task.name));
            }
            if !task.is_alive && !task.hangs {
                return Err(format!("the {} is not running", task.name));
            }
        }
        Ok(())
    }
}

/// A background task that is restarted if it ends or panics.
#[derive(Debug)]
pub struct Task {
    name: &'static str,
    progress_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while it is not running.
    running_since: Option<Instant>,
    /// It ended because the process stops.
    is_stopped: bool,
    restarts: u64,
    last_error: Option<String>,
    /// Pause before the next restart.
    pause: Option<Duration>,
    /// When the round that it runs last made progress; `None` between rounds.
    progress: Option<Instant>,
}

/// The state of a task at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskReport {
    /// The task's name.
    pub name: &'static str,
    /// Whether it runs, or has been stopped with the process. If not, it ended or panicked, and is restarted soon, or it
    /// hangs.
    pub is_alive: bool,
    /// Whether its round has made no progress for too long.
    pub hangs: bool,
    /// How long its round has made no progress; zero between rounds.
    pub without_progress: Duration,
    /// How long it has been running; `None` if it does not run.
    pub running_for: Option<Duration>,
    /// How often it has been restarted.
    pub restarts: u64,
    /// Why it last ended or panicked.
    pub last_error: Option<String>,
}

impl Task {
    /// The task's name in the log and for the operator.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The task runs from now on.
    pub fn started(&self) {
        let mut state = self.state();
        state.running_since = Some(Instant::now());
        state.is_stopped = false;
        state.progress = None;
    }

    /// Runs a round of the task on this thread. It counts as hung if it makes no progress for too long.
    pub fn round<T>(self: &Arc<Self>, run: impl FnOnce() -> T) -> T {
        let _round = Round::begin(self);
        run()
    }

    fn note_progress(&self) {
        let mut state = self.state();
        if state.progress.is_some() {
            state.progress = Some(Instant::now());
        }
    }

    /// The task has ended or panicked, and should not have. Logs it, and returns the pause after which it is to be
    /// restarted: longer with each failure in a row, so that a task that fails at once does not use up the processor.
    pub fn failed(&self, error: &str) -> Duration {
        let (pause, restarts) = {
            let mut state = self.state();
            let ran = state.running_since.take().map(|since| since.elapsed());
            let doubled = state.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
            let pause = if ran.is_some_and(|ran| ran >= LONGEST_PAUSE) { FIRST_PAUSE } else { doubled };
            state.pause = Some(pause);
            state.restarts += 1;
            state.last_error = Some(error.to_owned());
            (pause, state.restarts)
        };
        tracing::error!(
            task = self.name,
            %error,
            restarts,
            pause_s = pause.as_secs(),
            "the {} ended unexpectedly; will be restarted",
            self.name
        );
        pause
    }

    /// The task has ended because the process stops.
    pub fn stopped(&self) {
        let mut state = self.state();
        state.running_since = None;
        state.is_stopped = true;
    }

    fn report(&self) -> TaskReport {
        let state = self.state();
        let without_progress = state.progress.map_or(Duration::ZERO, |since| since.elapsed());
        let hangs = state.progress.is_some() && without_progress >= self.progress_timeout;
        TaskReport {
            name: self.name,
            is_alive: (state.running_since.is_some() && !hangs) || state.is_stopped,
            hangs,
            without_progress,
            running_for: state.running_since.map(|since| since.elapsed()),
            restarts: state.restarts,
            last_error: state.last_error.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A round that a thread runs. It ends when this is dropped, also by a panic.
struct Round<'a>(&'a Task);

impl<'a> Round<'a> {
    fn begin(task: &'a Arc<Task>) -> Self {
        task.state().progress = Some(Instant::now());
        RUNNING.set(Some(Arc::clone(task)));
        Self(task)
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        RUNNING.set(None);
        self.0.state().progress = None;
    }
}

/// The text of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.map_or_else(|| "panicked".to_owned(), |text| format!("panicked: {text}"))
}

/// The lines of the log that could not be written, since the process started.
#[derive(Debug, Default)]
pub struct LostLines(AtomicU64);

impl LostLines {
    /// Counts a line that was lost.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of lines that were lost.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_alive_while_it_runs_and_after_it_was_stopped() {
        let tasks = Tasks::default();
        let task = tasks.add("sweeper");
        let alive = || tasks.reports()[0].is_alive;
        assert!(!alive(), "it has not been started");
        task.started();
        assert!(alive());
        task.failed("panicked: no");
        assert!(!alive());
        task.started();
        assert!(alive());
        task.stopped();
        let report = &tasks.reports()[0];
        assert_eq!((report.is_alive, report.running_for, report.restarts), (true, None, 1));
        assert_eq!(report.last_error.as_deref(), Some("panicked: no"));
    }

    #[test]
    fn a_process_with_a_hung_task_should_be_replaced() {
        let tasks = Tasks::default();
        let task = tasks.add_with_timeout("sweeper", Duration::ZERO);
        task.started();
        assert_eq!(tasks.check_progress(Duration::ZERO), Ok(()), "it has nothing to do");
        task.round(|| {
            let begun = Instant::now();
            while Instant::now() == begun {}
            let hung = tasks.check_progress(Duration::ZERO).unwrap_err();
            assert_eq!(hung, "the sweeper has made no progress for 0 s");
            assert_eq!(tasks.check_progress(Duration::from_secs(600)), Ok(()), "it may take longer");
        });
        assert_eq!(tasks.check_progress(Duration::ZERO), Ok(()));
        task.failed("ended");
        assert_eq!(tasks.check_progress(Duration::MAX), Err("the sweeper is not running".to_owned()));
    }

    #[test]
    fn a_round_without_progress_hangs_until_it_makes_some() {
        let tasks = Tasks::default();
        let task = tasks.add_with_timeout("sweeper", Duration::ZERO);
        let patient = tasks.add("settler");
        let states = || tasks.reports().iter().map(|task| (task.is_alive, task.hangs)).collect::<Vec<_>>();
        task.started();
        patient.started();
        // A timeout of zero is exceeded by any time.
        patient.round(|| {
            task.round(|| assert_eq!(states(), [(false, true), (true, false)]));
        });
        let tasks = Tasks::default();
        let task = tasks.add("sweeper");
        task.started();
        task.round(|| {
            let since = |task: &Task| task.state().progress.unwrap();
            let begun = since(&task);
            while Instant::now() == begun {}
            note_progress();
            assert!(since(&task) > begun);
        });
        note_progress();
        assert_eq!(task.state().progress, None, "it is not in a round");
        let panicked = std::panic::catch_unwind(|| task.round(|| panic!("in a round")));
        assert!(panicked.is_err());
        assert_eq!(task.state().progress, None);
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let task = Tasks::default().add("sweeper");
        let pauses: Vec<u64> = (0..8)
            .map(|_| {
                task.started();
                task.failed("ended").as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn texts_of_panics() {
        for (panic, text) in [
            (Box::new("static") as Box<dyn Any + Send>, "panicked: static"),
            (Box::new("owned".to_owned()), "panicked: owned"),
            (Box::new(17), "panicked"),
        ] {
            assert_eq!(panic_text(panic.as_ref()), text);
        }
    }
}
