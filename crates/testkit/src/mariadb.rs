//! A temporary `MariaDB` server, which listens only on a socket in its folder.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::programs;

/// Panic message if a program is missing.
const NEEDED: &str = "MariaDB is needed; on Debian, install the package mariadb-server";
/// Timeout of the start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A `MariaDB` server with the database `test`. The user is `root`, without a password. It is stopped on drop.
pub struct MariaDb {
    folder: tempfile::TempDir,
    server: Child,
}

impl MariaDb {
    /// Starts a server.
    ///
    /// # Panics
    /// If `MariaDB` is missing or does not start.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tollbook-my-").tempdir();
        let folder = folder.expect("a temporary folder can be created");
        let data = format!("--datadir={}", folder.path().join("data").display());
        let user = "--user=root";
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", &data, user, "--auth-root-authentication-method=normal"]);
        programs::output(&mut install, "").unwrap_or_else(|why| panic!("{NEEDED}: {why}"));
        let socket = folder.path().join("socket");
        let server = Command::new("mariadbd")
            .args(["--no-defaults", &data, user, "--skip-networking", "--innodb-flush-log-at-trx-commit=0"])
            .arg(format!("--socket={}", socket.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| panic!("{NEEDED}: {why}"));
        let mut started = Self { folder, server };
        let begun = Instant::now();
        while started.try_sql("SELECT 1").is_err() {
            let ended = started.server.try_wait().expect("the state of a child is known");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "MariaDB does not start");
            std::thread::yield_now();
        }
        started.sql("CREATE DATABASE IF NOT EXISTS test");
        started
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The URL of the database.
    ///
    /// # Panics
    /// If the path of temporary files is not UTF-8.
    pub fn url(&self) -> String {
        let socket = self.socket();
        let socket = socket.to_str().expect("the path of the folder is UTF-8");
        format!("mysql://root@localhost/test?socket={}", utf8_percent_encode(socket, NON_ALPHANUMERIC))
    }

    /// Runs SQL in the client.
    ///
    /// # Panics
    /// If a statement fails.
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|why| panic!("{sql}\n{why}"))
    }

    fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"]);
        client.arg(format!("--socket={}", self.socket().display()));
        let database = if sql.starts_with("CREATE DATABASE") || sql == "SELECT 1" { "mysql" } else { "test" };
        programs::output(client.arg(database), sql)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
