//! A server: how it is made, started, stopped, killed, asked and set.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::programs::{self, Programs, User};
use crate::watchdog::{self, Watchdog};

/// Names the socket in the cluster's own folder; nothing listens on it elsewhere unless TCP is wanted.
const SOCKET_PORT: u16 = 5432;

/// No sync: the system stays up when processes are killed, and keeps what they wrote. Pages are still written whole to
/// the log, since a kill can cut a write in two. Shared memory is a file in the folder and is deleted with it.
/// A replica that has lost its primary looks for it again soon.
const SETTINGS: &str = "
fsync = off
full_page_writes = on
dynamic_shared_memory_type = mmap
shared_buffers = 64MB
max_connections = 200
wal_level = replica
max_wal_senders = 5
wal_keep_size = 256MB
wal_retrieve_retry_interval = 100ms
";

/// All but RFC 3986's unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Free ports to try: another process may take one before the server does.
const PORTS_TO_TRY: usize = 5;

/// How long something may take that has no reason to take long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server with its databases, superuser `postgres`, no passwords.
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    tcp: bool,
    /// Held while settings are changed: a reload says when it happened, not whose it was.
    settings: Mutex<()>,
    /// Only held: dropped, it stops the server and deletes the folder.
    _watchdog: Watchdog,
}

impl Cluster {
    /// One per test process, started at first use; stopped and deleted when the process ends, however it ends.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        // Never dropped; the watchdog sees the end of the process.
        SHARED.get_or_init(Cluster::start)
    }

    /// One of the caller's own; dropped, it is stopped and deleted. It listens on a Unix socket in its folder alone.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is missing or does not start.
    pub fn start() -> Cluster {
        let cluster = Cluster::create();
        cluster.listen_on_socket();
        cluster.start_again();
        cluster
    }

    /// [`Cluster::start`], which listens on a free TCP port of 127.0.0.1 as well.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is missing or does not start.
    pub fn start_with_tcp() -> Cluster {
        let mut cluster = Cluster::create();
        cluster.tcp = true;
        let mut reasons = String::new();
        for _ in 0..PORTS_TO_TRY {
            cluster.port = free_port();
            cluster.listen("127.0.0.1");
            match cluster.try_start() {
                Ok(()) => return cluster,
                Err(why) => reasons.push_str(&why),
            }
        }
        panic!("PostgreSQL does not start: {reasons}");
    }

    /// The port of 127.0.0.1 that it listens on.
    ///
    /// # Panics
    ///
    /// When it was not started with [`Cluster::start_with_tcp`].
    pub fn tcp_port(&self) -> u16 {
        assert!(self.tcp, "this cluster does not listen on TCP");
        self.port
    }

    /// Everything that this cluster keeps, its sockets included.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of a database of this cluster, over its socket: its folder, percent-encoded, is the host.
    ///
    /// # Panics
    ///
    /// When the folder for temporary files has a name that is not UTF-8.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().expect("the folder has a name in UTF-8");
        let encoded = |text| utf8_percent_encode(text, &RESERVED);
        format!("postgres://postgres@{}:{}/{}", encoded(folder), self.port, encoded(database))
    }

    /// Runs SQL in psql, one statement at a time, and returns what it printed, trimmed: rows by line, columns by `|`.
    ///
    /// # Panics
    ///
    /// With psql's standard error, at the first statement that fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|why| panic!("{sql}\n{why}"))
    }

    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.connect(self.program("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        // Not as an argument: its length is limited, and psql would make one transaction of it.
        programs::output(&mut psql, sql).map(|printed| printed.trim().to_owned())
    }

    /// Kills all of it at once as a power cut would: SIGKILL to the postmaster and all of its children. Clients see a
    /// closed connection and no message.
    ///
    /// # Panics
    ///
    /// When it is not running.
    pub fn kill(&self) {
        assert!(self.data().join("postmaster.pid").exists(), "the cluster is not running");
        watchdog::cut_power(&self.programs, &self.data()).expect("every process is killed");
    }

    /// Orderly fast stop: transactions are rolled back, everything is written.
    ///
    /// # Panics
    ///
    /// When it is not running.
    pub fn stop(&self) {
        self.control(&["stop", "-m", "fast"]).expect("PostgreSQL stops");
    }

    /// Starts it again after [`Cluster::kill`] or [`Cluster::stop`]; returns when it accepts connections.
    ///
    /// # Panics
    ///
    /// With the server's log, when it does not start.
    pub fn start_again(&self) {
        if let Err(why) = self.try_start() {
            panic!("PostgreSQL does not start: {why}");
        }
    }

    /// Changes a setting of the whole server (`ALTER SYSTEM`); returns when sessions that begin now have it.
    ///
    /// # Panics
    ///
    /// When there is no such setting or value, or when it only changes at a start.
    pub fn set(&self, name: &str, value: &str) {
        let _turn = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        // A new session knows when the postmaster that it comes from last read its settings. `SHOW` would print the
        // value in a form of its own.
        let loaded = || self.sql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        let value = value.replace('\'', "''");
        self.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'; SELECT pg_reload_conf()"));
        wait_until(&format!("{name} to be in force"), || loaded() != before);
        let pending = format!("SELECT pending_restart FROM pg_settings WHERE name = lower('{name}')");
        assert_ne!(self.sql("postgres", &pending), "t", "{name} only changes when the server starts");
    }

    /// A folder with a watchdog, without data.
    pub(crate) fn prepare() -> Self {
        let made = tempfile::Builder::new().prefix("tollbook-pg-").tempdir();
        let made = made.expect("a temporary folder can be made");
        let folder = made.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our folder is ours");
        let owner = fs::metadata(folder).expect("our folder can be read").uid();
        let programs = Programs::find(owner == 0);
        if let Some(User { uid, gid }) = programs.user() {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).expect("root gives its folder away");
        }
        let watchdog = Watchdog::start(&programs, &folder.join("data"), folder);
        let settings = Mutex::default();
        Self { programs, folder: made.keep(), port: SOCKET_PORT, tcp: false, settings, _watchdog: watchdog }
    }

    /// With data, not started.
    fn create() -> Self {
        let cluster = Self::prepare();
        let mut initdb = cluster.program("initdb");
        initdb.arg("-D").arg(cluster.data()).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--data-checksums", "--no-sync"]);
        if let Err(why) = programs::output(&mut initdb, "") {
            panic!("the cluster cannot be made: {why}");
        }
        cluster.configure(SETTINGS);
        cluster
    }

    pub(crate) fn listen_on_socket(&self) {
        self.listen("");
    }

    /// On these TCP addresses, and on the socket always.
    fn listen(&self, addresses: &str) {
        let folder = self.folder.display().to_string().replace('\'', "''");
        let port = self.port;
        self.configure(&format!(
            "listen_addresses = '{addresses}'\nport = {port}\nunix_socket_directories = '{folder}'\n"
        ));
    }

    /// What comes last counts.
    fn configure(&self, settings: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"));
        file.and_then(|mut file| file.write_all(settings.as_bytes())).expect("settings can be written");
    }

    fn try_start(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        let started = self.control(&["start", "-l", &log.display().to_string()]);
        started.map_err(|mut why| {
            let _ = write!(why, "\n{}", fs::read_to_string(&log).unwrap_or_default());
            why
        })
    }

    /// Runs `pg_ctl` and waits for what it is to do.
    pub(crate) fn control(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).args(["-s", "-w", "-t", "120"]).args(arguments);
        programs::output(&mut command, "").map(drop)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn program(&self, name: &str) -> Command {
        self.programs.command(name, &self.folder)
    }

    /// Lets a client program connect to this cluster.
    pub(crate) fn connect(&self, mut command: Command) -> Command {
        command.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        command
    }
}

/// Asks until it is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}
