//! A PostgreSQL server: creation, start, stop, kill, queries and settings.

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

/// Port in the name of the Unix socket, which is in the cluster's own folder. It is not a TCP port.
const SOCKET_PORT: u16 = 5432;

/// `fsync` is off, because the operating system keeps the writes of killed processes. `full_page_writes` is on, because
/// a kill can interrupt the write of a page. Dynamic shared memory is in files in the folder, which are deleted with
/// it. A replica that has lost its primary reconnects soon.
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

/// All characters except the unreserved ones of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Number of free ports to try, because another process may bind a port before the server does.
const PORTS_TO_TRY: usize = 5;

/// Timeout for events that should be immediate.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server with its databases. The superuser is `postgres`; there are no passwords.
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    tcp: bool,
    /// Held while a setting is changed, because the time of a reload does not show which change caused it.
    settings: Mutex<()>,
    /// On drop, stops the server and deletes the folder.
    _watchdog: Watchdog,
}

impl Cluster {
    /// The cluster of the test process. It is started at first use, and is stopped and deleted when the process ends,
    /// even if the process is killed.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        // A static is not dropped; the watchdog detects the end of the process.
        SHARED.get_or_init(Cluster::start)
    }

    /// Starts a new cluster, which listens only on a Unix socket in its folder. On drop, it is stopped and deleted.
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

    /// Like [`Cluster::start`], but the cluster also listens on a free TCP port of 127.0.0.1.
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

    /// The port of 127.0.0.1 on which the cluster listens.
    ///
    /// # Panics
    ///
    /// If it was not started with [`Cluster::start_with_tcp`].
    pub fn tcp_port(&self) -> u16 {
        assert!(self.tcp, "this cluster does not listen on TCP");
        self.port
    }

    /// The folder of all files of this cluster, including its sockets.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of a database of this cluster over its socket. The host is the percent-encoded path of the folder.
    ///
    /// # Panics
    ///
    /// If the path of the folder for temporary files is not UTF-8.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().expect("the path of the folder is UTF-8");
        let encoded = |text| utf8_percent_encode(text, &RESERVED);
        format!("postgres://postgres@{}:{}/{}", encoded(folder), self.port, encoded(database))
    }

    /// Runs SQL in psql, one statement at a time, and returns the trimmed output: one row per line, columns separated
    /// by `|`.
    ///
    /// # Panics
    ///
    /// If a statement fails. The message has psql's standard error.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|why| panic!("{sql}\n{why}"))
    }

    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.connect(self.program("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        // Passed on standard input, because the length of arguments is limited, and psql runs `-c` in one transaction.
        programs::output(&mut psql, sql).map(|printed| printed.trim().to_owned())
    }

    /// Kills the server like a power failure: SIGKILL to the postmaster and all of its children. Clients find the
    /// connection closed without a message.
    ///
    /// # Panics
    ///
    /// If the cluster is not running.
    pub fn kill(&self) {
        assert!(self.data().join("postmaster.pid").exists(), "the cluster is not running");
        watchdog::cut_power(&self.programs, &self.data()).expect("every process is killed");
    }

    /// Stops the server in fast mode: open transactions are rolled back, and a checkpoint is written.
    ///
    /// # Panics
    ///
    /// If the cluster is not running.
    pub fn stop(&self) {
        self.control(&["stop", "-m", "fast"]).expect("PostgreSQL stops");
    }

    /// Starts the server after [`Cluster::kill`] or [`Cluster::stop`]. Returns when it accepts connections.
    ///
    /// # Panics
    ///
    /// If the server does not start. The message has its log.
    pub fn start_again(&self) {
        if let Err(why) = self.try_start() {
            panic!("PostgreSQL does not start: {why}");
        }
    }

    /// Changes a setting of the whole server (`ALTER SYSTEM`). Returns when new sessions use it.
    ///
    /// # Panics
    ///
    /// If the setting or value does not exist, or if the setting changes only at a server start.
    pub fn set(&self, name: &str, value: &str) {
        let _turn = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        // In a new session, this is when the postmaster last read its settings. `SHOW` is not suitable, because it
        // prints the value in another notation.
        let loaded = || self.sql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        let value = value.replace('\'', "''");
        self.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'; SELECT pg_reload_conf()"));
        wait_until(&format!("{name} to be in force"), || loaded() != before);
        let pending = format!("SELECT pending_restart FROM pg_settings WHERE name = lower('{name}')");
        assert_ne!(self.sql("postgres", &pending), "t", "{name} only changes when the server starts");
    }

    /// A cluster with a folder and a watchdog, but without data.
    pub(crate) fn prepare() -> Self {
        let made = tempfile::Builder::new().prefix("tollbook-pg-").tempdir();
        let made = made.expect("a temporary folder can be created");
        let folder = made.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .expect("the owner can set permissions");
        let owner = fs::metadata(folder).expect("the folder has metadata").uid();
        let programs = Programs::find(owner == 0);
        if let Some(User { uid, gid }) = programs.user() {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).expect("root can change the owner");
        }
        let watchdog = Watchdog::start(&programs, &folder.join("data"), folder);
        let settings = Mutex::default();
        Self { programs, folder: made.keep(), port: SOCKET_PORT, tcp: false, settings, _watchdog: watchdog }
    }

    /// A cluster with data that is not started.
    fn create() -> Self {
        let cluster = Self::prepare();
        let mut initdb = cluster.program("initdb");
        initdb.arg("-D").arg(cluster.data()).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--data-checksums", "--no-sync"]);
        if let Err(why) = programs::output(&mut initdb, "") {
            panic!("the cluster cannot be created: {why}");
        }
        cluster.configure(SETTINGS);
        cluster
    }

    pub(crate) fn listen_on_socket(&self) {
        self.listen("");
    }

    /// Configures the TCP addresses to listen on. The server always listens on the socket as well.
    fn listen(&self, addresses: &str) {
        let folder = self.folder.display().to_string().replace('\'', "''");
        let port = self.port;
        self.configure(&format!(
            "listen_addresses = '{addresses}'\nport = {port}\nunix_socket_directories = '{folder}'\n"
        ));
    }

    /// Appends settings. The last value of a setting takes effect.
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

    /// Runs `pg_ctl` and waits until the action is complete.
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

    /// Adds the arguments with which a client program connects to this cluster.
    pub(crate) fn connect(&self, mut command: Command) -> Command {
        command.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        command
    }
}

/// Polls until the condition is true.
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
