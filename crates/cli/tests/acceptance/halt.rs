//! Halts sessions of a PostgreSQL database at a point that a test chooses.

use std::process::{Child, Command, Stdio};

use crate::program::sql;

/// Halts each session that inserts into a table that has rows already, inside its transaction.
pub(crate) fn at_the_second_batch(url: &str, table: &str) {
    sql(
        url,
        &format!(
            "CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF EXISTS (SELECT FROM {table}) THEN PERFORM pg_sleep(3600); END IF; RETURN NULL; END $$; \
             CREATE TRIGGER halt BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION halt();"
        ),
    );
}

/// Waits until a session is halted. Fails if `child`, the process of that session, ends before.
pub(crate) fn wait(url: &str, child: &mut Child) {
    let halted = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while sql(url, halted) == "0" {
        assert!(child.try_wait().unwrap().is_none(), "the process ended before it was halted");
        std::thread::yield_now();
    }
}

/// Terminates the halted sessions, and halts no others. Without this, the server would not notice at once that their
/// clients have disconnected.
pub(crate) fn end(url: &str) {
    sql(
        url,
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep'",
    );
    sql(url, "DROP FUNCTION halt CASCADE");
}

/// A session that locks a table, so that its readers wait.
pub(crate) struct Lock(Child);

impl Lock {
    pub(crate) fn on(url: &str, table: &str) -> Self {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let script = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n");
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), script.as_bytes()).unwrap();
        let locks = "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database \
                     WHERE datname = current_database()) AND mode = 'AccessExclusiveLock'";
        while sql(url, &format!("{locks} AND granted AND relation = '{table}'::regclass")) == "0" {
            std::thread::yield_now();
        }
        Self(child)
    }

    /// Waits until a session of the program waits for a lock.
    pub(crate) fn wait_for_a_waiter(url: &str) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'tollbook' AND wait_event_type = 'Lock'";
        while sql(url, waiting) == "0" {
            std::thread::yield_now();
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
