//! The faults of the rig: how each is brought about and ended.

use std::fs::File;
use std::io::pipe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tollbook_testkit::stores::Act;

use super::filesystem::Filesystem;
use super::{Deployment, Rig};
use crate::program::{Server, finish};
use crate::stopped::{signal, stop_while_writing};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A server is killed and started again.
    ServerKilled,
    /// A server is stopped by a signal, and goes on later.
    ServerStopped,
    /// An import of usage is stopped by a signal while it has the lock, and goes on later.
    ImportStopped,
    /// The log of a server is a pipe without a reader.
    LogWithoutReader,
    /// The log of a server is a pipe that nothing reads.
    LogUnread,
    /// The log of a server is on a full disk.
    LogDiskFull,
    /// A server cannot write to the data directory, as on a full disk.
    DataDiskFull,
    /// Both.
    BothDisksFull,
    /// The file system of the data directory has no byte left, for all processes.
    DataFilesystemFull,
    /// That of a server's log.
    LogFilesystemFull,
    /// Both.
    AllFilesystemsFull,
    /// That of the spool, in which exports are made.
    SpoolFilesystemFull,
    /// The object store answers errors, cuts connections and is silent.
    StoreFails,
    /// PostgreSQL is killed and started again.
    PostgresKilled,
    /// The clock of a server leaps and returns after a few seconds.
    ClockLeaps,
    /// The clock of a server is two hours behind or ahead of that of the other one.
    ClockDiffers,
}

impl Fault {
    /// Those of a short run. They take seconds; the others are in the long run.
    pub(super) const SHORT_ON_SQLITE: &[Self] =
        &[Self::ImportStopped, Self::ServerStopped, Self::LogWithoutReader, Self::AllFilesystemsFull];
    pub(super) const SHORT_ON_POSTGRES: &[Self] =
        &[Self::ImportStopped, Self::PostgresKilled, Self::SpoolFilesystemFull, Self::StoreFails];

    /// Whether it needs mounted file systems.
    pub(super) const fn is_of_a_filesystem(self) -> bool {
        matches!(
            self,
            Self::DataFilesystemFull
                | Self::LogFilesystemFull
                | Self::AllFilesystemsFull
                | Self::SpoolFilesystemFull
        )
    }

    /// How long it lasts at least. Workers look at the clock once a second.
    pub(super) const fn lasts(self) -> Duration {
        match self {
            Self::ClockLeaps | Self::ClockDiffers => Duration::from_secs(3),
            // What is free in a database's files is used up first.
            _ if self.is_of_a_filesystem() => Duration::from_secs(2),
            _ => Duration::ZERO,
        }
    }

    /// All that this machine can bring about on a database.
    pub(super) fn all(is_on_sqlite: bool) -> Vec<Self> {
        let mut all = vec![
            Self::ServerKilled,
            Self::ServerStopped,
            Self::ImportStopped,
            Self::LogWithoutReader,
            Self::LogUnread,
            Self::LogDiskFull,
            Self::DataDiskFull,
            Self::BothDisksFull,
            Self::StoreFails,
            Self::DataFilesystemFull,
            Self::LogFilesystemFull,
            Self::AllFilesystemsFull,
            Self::SpoolFilesystemFull,
        ];
        if !is_on_sqlite {
            all.push(Self::PostgresKilled);
        }
        if faketime().is_some() {
            all.push(Self::ClockLeaps);
            if !is_on_sqlite {
                all.push(Self::ClockDiffers);
            }
        }
        all
    }
}

/// What becomes of a server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// It can be written.
    Kept,
    /// It is written to a pipe that has no reader.
    WithoutReader,
    /// It is written to a pipe whose reader does not read, which is full soon.
    Unread,
    /// It is written to a disk that is full.
    OnFullDisk,
    /// It is written to a file system of its own, which is filled later.
    OnFilesystem,
}

/// A fault that is being suffered.
pub(super) enum Suffered {
    Nothing,
    Stopped(u32),
    Import(Child),
    Full(u32),
    Store,
    Postgres,
    Clock(PathBuf),
    Filesystems(Vec<Place>),
}

/// A file system of the rig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Data,
    Spool,
    Log,
}

impl Rig<'_> {
    /// Prepares the servers for a fault: some can only be brought about at the start of a server.
    pub(super) fn prepare(&mut self, fault: Fault, victim: usize) {
        let log = match fault {
            Fault::LogWithoutReader => Log::WithoutReader,
            Fault::LogUnread => Log::Unread,
            Fault::LogDiskFull | Fault::BothDisksFull => Log::OnFullDisk,
            Fault::LogFilesystemFull | Fault::AllFilesystemsFull => Log::OnFilesystem,
            _ => Log::Kept,
        };
        let clock = self.clock_file();
        let mut environment = Vec::new();
        if log != Log::Kept {
            // The more is logged, the sooner a pipe is full.
            environment.push(("TOLLBOOK_LOG", "debug".to_owned()));
        }
        if matches!(fault, Fault::ClockLeaps | Fault::ClockDiffers) {
            set_clock(&clock, "+0");
            environment.extend(under_faketime(&clock));
        }
        if !environment.is_empty() {
            self.restart(victim, log, &environment);
        }
    }

    /// Brings a fault about.
    pub(super) fn inflict(&mut self, fault: Fault, victim: usize, round: usize, die: i64) -> Suffered {
        let process_id = self.servers[victim].process_id();
        match fault {
            Fault::ServerKilled => {
                self.restart(victim, Log::Kept, &[]);
                Suffered::Nothing
            }
            Fault::ServerStopped => {
                signal(process_id, "STOP");
                Suffered::Stopped(process_id)
            }
            Fault::ImportStopped => {
                let mut import = self.start_import(round);
                stop_while_writing(self.fixture, &mut import);
                Suffered::Import(import)
            }
            Fault::LogWithoutReader | Fault::LogUnread | Fault::LogDiskFull => Suffered::Nothing,
            Fault::DataDiskFull | Fault::BothDisksFull => {
                limit_files(process_id, "65536");
                Suffered::Full(process_id)
            }
            Fault::DataFilesystemFull => self.fill(&[Place::Data]),
            Fault::LogFilesystemFull => self.fill(&[Place::Log]),
            Fault::AllFilesystemsFull => self.fill(&[Place::Log, Place::Data, Place::Spool]),
            Fault::SpoolFilesystemFull => self.fill(&[Place::Spool]),
            Fault::StoreFails => {
                let mut turn = die;
                self.relay.rule(move |_| {
                    turn += 1;
                    match turn % 4 {
                        0 => Act::Silence,
                        1 => Act::CutBody,
                        2 => Act::CutAnswer,
                        _ => Act::Answer(503, "slow down"),
                    }
                });
                Suffered::Store
            }
            Fault::PostgresKilled => {
                self.cluster().kill();
                Suffered::Postgres
            }
            Fault::ClockLeaps => {
                let leaps = ["+400d", "+30d", "-2h"];
                set_clock(&self.clock_file(), leaps[usize::try_from(die).unwrap() % leaps.len()]);
                Suffered::Clock(self.clock_file())
            }
            Fault::ClockDiffers => {
                set_clock(&self.clock_file(), if die % 2 == 0 { "-2h" } else { "+2h" });
                Suffered::Clock(self.clock_file())
            }
        }
    }

    /// Ends a fault, as far as an operator would. The servers must recover by themselves.
    pub(super) fn relieve(&mut self, suffered: Suffered) {
        match suffered {
            Suffered::Nothing => {}
            Suffered::Stopped(process_id) => signal(process_id, "CONT"),
            Suffered::Import(import) => {
                signal(import.id(), "CONT");
                self.finish_import(import);
            }
            Suffered::Full(process_id) => limit_files(process_id, "unlimited"),
            Suffered::Store => self.relay.pass(),
            Suffered::Postgres => self.cluster().start_again(),
            Suffered::Clock(file) => set_clock(&file, "+0"),
            Suffered::Filesystems(places) => {
                places.into_iter().for_each(|place| self.filesystem(place).free());
            }
        }
    }

    /// Waits for an import that was stopped. If another writer kept it waiting for too long, the same command completes it.
    fn finish_import(&mut self, import: Child) {
        let mut result = finish(import);
        while result.0 != Some(0) {
            let said = result.1["Error"].as_str().unwrap_or_default();
            assert!(said.contains("another writer") || said.contains("not available"), "{result:?}");
            result = finish(self.fixture.spawn(&["usage", "import", "usage.jsonl"]));
        }
        let count = |name: &str| result.1[name].as_i64().unwrap();
        assert_eq!(count("Accepted") + count("Duplicate"), super::IMPORTED, "{result:?}");
        self.imported += super::IMPORTED;
    }

    /// Kills a server and starts it again.
    pub(super) fn restart(&mut self, victim: usize, log: Log, environment: &[(&'static str, String)]) {
        let (reader, writer) = pipe().unwrap();
        let stderr = match log {
            Log::Kept => Stdio::piped(),
            Log::WithoutReader | Log::Unread => writer.into(),
            Log::OnFullDisk => File::options().write(true).open("/dev/full").unwrap().into(),
            Log::OnFilesystem => {
                let file = self.filesystem(Place::Log).path().join("server.log");
                File::options().append(true).create(true).open(file).unwrap().into()
            }
        };
        self.unread = (log == Log::Unread).then_some(reader);
        let started = self.fixture.start_in(&["serve"], "127.0.0.1:0", stderr, environment);
        started.url().clone_into(&mut self.urls.write().unwrap()[victim]);
        drop(std::mem::replace(&mut self.servers[victim], started));
        self.is_prepared = log != Log::Kept || !environment.is_empty();
    }

    fn fill(&self, places: &[Place]) -> Suffered {
        places.iter().for_each(|place| self.filesystem(*place).fill());
        Suffered::Filesystems(places.to_vec())
    }

    fn filesystem(&self, place: Place) -> &Filesystem {
        let mounted =
            self.filesystems.as_ref().expect("faults of file systems are chosen only if they are mounted");
        match place {
            Place::Data => &mounted.data,
            Place::Spool => &mounted.spool,
            Place::Log => &mounted.log,
        }
    }

    fn clock_file(&self) -> PathBuf {
        self.fixture.path("clock")
    }

    fn cluster(&self) -> &tollbook_testkit::Cluster {
        match &self.deployment {
            Deployment::Postgres(cluster) => cluster,
            Deployment::Sqlite => unreachable!("a fault of PostgreSQL on SQLite"),
        }
    }
}

/// What a server said at its start.
pub(super) fn url_of(server: &Server) -> &str {
    server.said["URL"].as_str().unwrap_or_else(|| panic!("{}", Value::clone(&server.said)))
}

/// Limits the bytes of each file that a process writes, which has the effect of a full disk. The limit is a soft one, which
/// can be raised again.
pub(crate) fn limit_files(process_id: u32, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &process_id.to_string(), &format!("--fsize={bytes}:")])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The library that gives a process another clock; `None` if it is not installed.
pub(crate) fn faketime() -> Option<&'static Path> {
    const PLACES: [&str; 3] = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/faketime/libfaketimeMT.so.1",
    ];
    PLACES.iter().map(Path::new).find(|path| path.exists())
}

pub(crate) fn under_faketime(clock: &Path) -> [(&'static str, String); 5] {
    let library = faketime().expect("faults of clocks are chosen only if it is installed");
    [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// Sets how far the clocks of the processes under the file are off. It is replaced, so that none reads a part of it.
pub(crate) fn set_clock(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{offset}\n")).unwrap();
    std::fs::rename(&new, file).unwrap();
}
