//! Settings of a soak test: `cargo xtask soak` passes the duration, the seed and the folder of the report in the
//! environment. Without them, a soak test runs a few rounds and writes no report.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MINUTES: &str = "TOLLBOOK_SOAK_MINUTES";
const SEED: &str = "TOLLBOOK_SOAK_SEED";
const RUNS: &str = "TOLLBOOK_SOAK_RUNS";
const ONLY: &str = "TOLLBOOK_SOAK_ONLY";

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the runner passes the settings in the environment")]
    std::env::var(name).ok()
}

pub(crate) struct LongRun {
    minutes: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) date: String,
    folder: Option<PathBuf>,
    /// Names of the faults that are wanted; all if it is empty.
    only: Vec<String>,
    begin: Instant,
}

impl LongRun {
    /// A run that writes its report to a folder named after the date and the topic.
    pub(crate) fn of(topic: &str) -> Self {
        let date = jiff::Timestamp::now().to_string()[..10].to_owned();
        let folder = variable(RUNS).map(|runs| Path::new(&runs).join(format!("{date}-{topic}")));
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
        }
        Self {
            minutes: variable(MINUTES).map(|minutes| minutes.parse().unwrap()),
            seed: variable(SEED).map_or(1, |seed| seed.parse().unwrap()),
            date,
            folder,
            only: variable(ONLY).map_or_else(Vec::new, |only| only.split(',').map(str::to_owned).collect()),
            begin: Instant::now(),
        }
    }

    /// Whether another round follows. Without a duration, a run has `short` rounds.
    pub(crate) fn goes_on(&self, rounds: usize, short: usize) -> bool {
        match self.minutes {
            None => rounds < short,
            Some(minutes) => self.begin.elapsed() < Duration::from_secs(60 * minutes),
        }
    }

    /// Whether a fault is wanted.
    pub(crate) fn is_wanted(&self, fault: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == fault)
    }

    /// Creates a file of the report.
    pub(crate) fn raw(&self, name: &str) -> Option<File> {
        self.folder.as_ref().map(|folder| File::create(folder.join(name)).unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        if let Some(folder) = &self.folder {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    /// The command that repeats the run.
    pub(crate) fn command(&self) -> String {
        let minutes = self.minutes.map_or_else(String::new, |minutes| format!(" --minutes {minutes}"));
        format!("cargo xtask soak{minutes} --seed {}", self.seed)
    }
}
