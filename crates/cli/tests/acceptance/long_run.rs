//! Settings of a soak test: `cargo xtask soak` passes in the environment for how long, from which seed, and where its report
//! goes. Told nothing, a rig makes a few rounds and writes nothing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MINUTES: &str = "TOLLBOOK_SOAK_MINUTES";
const SEED: &str = "TOLLBOOK_SOAK_SEED";
const RUNS: &str = "TOLLBOOK_SOAK_RUNS";

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the runner says in the environment how long")]
    std::env::var(name).ok()
}

pub(crate) struct LongRun {
    minutes: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) date: String,
    folder: Option<PathBuf>,
    begin: Instant,
}

impl LongRun {
    /// A run whose report goes into a dated folder of this topic.
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
            begin: Instant::now(),
        }
    }

    /// Whether another round follows; without a duration, `short` rounds are enough.
    pub(crate) fn goes_on(&self, rounds: usize, short: usize) -> bool {
        match self.minutes {
            None => rounds < short,
            Some(minutes) => self.begin.elapsed() < Duration::from_secs(60 * minutes),
        }
    }

    /// A file of the report.
    pub(crate) fn raw(&self, name: &str) -> Option<File> {
        self.folder.as_ref().map(|folder| File::create(folder.join(name)).unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        if let Some(folder) = &self.folder {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    /// The command that repeats it.
    pub(crate) fn command(&self) -> String {
        let minutes = self.minutes.map_or_else(String::new, |minutes| format!(" --minutes {minutes}"));
        format!("cargo xtask soak{minutes} --seed {}", self.seed)
    }
}
