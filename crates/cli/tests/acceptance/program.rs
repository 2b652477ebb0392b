//! Runs the binary, as one command or as a server in the background, in a separate data directory.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tollbook_ops::MasterKey;

/// A temporary folder with a data directory, and a database: SQLite in the data directory, or PostgreSQL.
pub(crate) struct Fixture {
    folder: TempDir,
    url: Option<String>,
    /// Further variables of the environment of its commands and servers.
    environment: Vec<(&'static str, String)>,
}

/// Defines two tests for each function of a fixture: one for each kind of database.
macro_rules! on_each_database {
    ($($test:ident)+) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                super::$test(&crate::program::Fixture::new());
            })+
        }

        mod postgres {
            $(#[test]
            fn $test() {
                let database = tollbook_testkit::Cluster::shared().database();
                super::$test(&crate::program::Fixture::on(database.url()));
            })+
        }
    };
}
pub(crate) use on_each_database;

/// A company with one organization and one API key.
#[derive(Clone)]
pub(crate) struct Company {
    pub(crate) id: i64,
    pub(crate) project_id: String,
    pub(crate) public_key: String,
    pub(crate) private_key: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None, environment: Vec::new() }
    }

    /// A fixture whose commands and servers use a PostgreSQL database, unless their arguments name another one.
    pub(crate) fn on(url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..Self::new() }
    }

    /// A fixture with further variables in the environment of its commands and servers.
    pub(crate) fn with_environment(environment: &[(&'static str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { environment, ..Self::new() }
    }

    pub(crate) fn is_on_sqlite(&self) -> bool {
        self.url.is_none()
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("sqlite:{}", self.data().join("tollbook.db").display()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A command that runs in the folder, with an environment of the fixture only.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollbook"));
        self.enter(command.args(arguments));
        command
    }

    /// Sets the folder and the environment of a command. The environment of the test is not inherited.
    pub(crate) fn enter(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("TOLLBOOK_DATA", self.data())
            .env("TZ", "UTC");
        command.envs(self.url.iter().map(|url| ("TOLLBOOK_DATABASE_URL", url)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    }

    /// Starts a command in the background. [`finish`] returns its result.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&[&["--json"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until a command writes to the database, or has ended.
    pub(crate) fn wait_for_a_writer(&self, child: &mut Child) {
        while child.try_wait().unwrap().is_none() && !self.is_written() {
            std::thread::yield_now();
        }
    }

    /// Whether an uncommitted transaction has written to the database; with SQLite, whether the WAL exceeds 1 MiB.
    pub(crate) fn is_written(&self) -> bool {
        match &self.url {
            None => {
                let log = std::fs::metadata(self.data().join("tollbook.db-wal"));
                log.is_ok_and(|log| log.len() > 1 << 20)
            }
            Some(url) => sql(url, WRITERS) != "0",
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command with `--json`, which must succeed and print exactly one JSON value.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command with `--json`, which must exit with code 1. Returns the printed value and standard error.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (Value, String) {
        let output = self.run(&[&["--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let value = serde_json::from_slice(&output.stdout).unwrap();
        (value, String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn company(&self, name: &str) -> Company {
        self.company_in(name, "CNY")
    }

    pub(crate) fn company_in(&self, name: &str, currency: &str) -> Company {
        let company = self.json(&["company", "add", "--name", name, "--currency", currency]);
        let company_id = company["CompanyID"].as_i64().unwrap();
        let id = company_id.to_string();
        let organization = self.json(&["organization", "add", "--company", &id, "--name", "Main"]);
        assert_eq!(organization["OrganizationID"], 1);
        let key = self.json(&["key", "add", "--company", &id]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Company {
            id: company_id,
            project_id: text(&organization["ProjectId"]),
            public_key: text(&key["PublicKey"]),
            private_key: text(&key["PrivateKey"]),
        }
    }

    pub(crate) fn assert_verified(&self, orders: i64) {
        let found = self.json(&["verify"]);
        assert_eq!((&found["Orders"], &found["Differences"]), (&orders.into(), &Value::Array(Vec::new())));
    }

    /// A fixture on a PostgreSQL database, with further variables in the environment.
    pub(crate) fn on_with_environment(url: &str, environment: &[(&'static str, &str)]) -> Self {
        Self { url: Some(url.to_owned()), ..Self::with_environment(environment) }
    }

    /// Starts `serve` or `quickstart` on a free port and waits until it has printed its URL.
    pub(crate) fn start(&self, arguments: &[&str]) -> Server {
        self.start_with(arguments, "127.0.0.1:0", Stdio::piped())
    }

    /// Starts `serve` or `quickstart` as [`start`](Self::start) does, on another address, or with its log elsewhere.
    pub(crate) fn start_with(&self, arguments: &[&str], listen: &str, log: Stdio) -> Server {
        self.start_in(arguments, listen, log, &[])
    }

    /// The same, with further variables in the environment.
    pub(crate) fn start_in(
        &self,
        arguments: &[&str],
        listen: &str,
        log: Stdio,
        environment: &[(&'static str, String)],
    ) -> Server {
        // SIGXFSZ is ignored, so that a test can make writes fail as on a full disk; SIGHUP is not, even if the tests run under
        // nohup: a server leaves it ignored then.
        let mut command = Command::new("env");
        command
            .args(["--default-signal=HUP", "sh"])
            .args(["-c", "trap '' XFSZ; exec \"$0\" --json \"$@\""])
            .arg(env!("CARGO_BIN_EXE_tollbook"))
            .args(arguments)
            .args(["--listen", listen])
            .stdout(Stdio::piped())
            .stderr(log);
        self.enter(&mut command);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let log = child.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut log = String::new();
                BufReader::new(stderr).read_to_string(&mut log).unwrap();
                log
            })
        });
        let mut server = Server { child, stdout, log, said: Value::Null };
        server.said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", server.stop()));
        server
    }

    /// Starts `count` servers at the same time.
    pub(crate) fn start_together(&self, count: usize) -> Vec<Server> {
        std::thread::scope(|scope| {
            let starting: Vec<_> = (0..count).map(|_| scope.spawn(|| self.start(&["serve"]))).collect();
            starting.into_iter().map(|server| server.join().unwrap()).collect()
        })
    }

    /// The deployment's object key pair, as the server derives it.
    pub(crate) fn object_keys(&self) -> (String, String) {
        let master = MasterKey::open_or_create(&self.data().join("master.key")).unwrap();
        let public = tollbook_ops::maintenance::shared_objects::object_keys(&master).public().to_owned();
        let private = hex::encode(master.derive("object private key"));
        (public, private)
    }
}

/// The number of sessions of the program with an uncommitted write.
const WRITERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'tollbook' AND backend_xid IS NOT NULL";

/// Runs SQL in the database of a URL and returns what psql printed.
pub(crate) fn sql(url: &str, sql: &str) -> String {
    let psql = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql];
    let output = Command::new("psql").args(psql).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Waits for a spawned command. Returns its exit code, the JSON value on standard output, and standard error.
pub(crate) fn finish(child: Child) -> (Option<i32>, Value, String) {
    let output = child.wait_with_output().unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), value, String::from_utf8(output.stderr).unwrap())
}

/// The number of files in a folder and its subfolders, without lock files.
pub(crate) fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files =
        entries.filter(|path| !path.ends_with("lock") && path.extension().is_none_or(|e| e != "lock"));
    files.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

/// An amount in 10⁻⁸.
pub(crate) fn steps(value: &Value) -> i128 {
    let (whole, fraction) = value.as_str().unwrap().split_once('.').unwrap();
    whole.parse::<i128>().unwrap() * 100_000_000 + format!("{fraction:0<8}").parse::<i128>().unwrap()
}

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: Option<std::thread::JoinHandle<String>>,
    /// The JSON value printed at the start.
    pub(crate) said: Value,
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        self.said["URL"].as_str().unwrap()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> &str {
        self.url().strip_prefix("http://").unwrap()
    }

    /// The number of its open sockets.
    pub(crate) fn sockets(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().flatten();
        let targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Waits until the server has ended and returns its exit code; `None` if a signal ended it.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Runs a customer command against this server.
    pub(crate) fn customer(&self, fixture: &Fixture, keys: (&str, &str), arguments: &[&str]) -> Output {
        self.customer_command(fixture, keys, arguments).output().unwrap()
    }

    /// A customer command against this server, to be run.
    pub(crate) fn customer_command(
        &self,
        fixture: &Fixture,
        keys: (&str, &str),
        arguments: &[&str],
    ) -> Command {
        let mut command = fixture.command(arguments);
        command.env("TOLLBOOK_SERVER", self.url());
        command.env("TOLLBOOK_PUBLIC_KEY", keys.0).env("TOLLBOOK_PRIVATE_KEY", keys.1);
        command
    }

    /// Runs a customer command with `--json`, which must succeed, and returns its value.
    pub(crate) fn ask(&self, fixture: &Fixture, company: &Company, arguments: &[&str]) -> Value {
        let keys = (company.public_key.as_str(), company.private_key.as_str());
        let output = self.customer(fixture, keys, &[&["--json"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        crate::stopped::signal(self.child.id(), name);
    }

    /// Stops the server and returns its log. Standard output must have been one JSON value.
    pub(crate) fn stop(&mut self) -> String {
        if self.child.try_wait().unwrap().is_none() {
            self.signal("TERM");
        }
        self.child.wait().unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "standard output is exactly one JSON value");
        self.log.take().map(|log| log.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
