//! If a client disconnects while its statement waits for a lock, the statement is cancelled in the database.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollbook_api::actions::Action;
use tollbook_ops::MasterKey;
use tollbook_store::{StoreOptions, open_postgres};
use tollbook_testkit::{Cluster, Database};

use crate::http::client::{Answer, Http};
use crate::http::faulty::PATIENCE;
use crate::http::sample_orders;
use crate::http::server::{CONFIG, Server};

/// A session that locks a table until it is dropped.
struct Holder {
    psql: Child,
    _input: ChildStdin,
}

impl Holder {
    fn of(database: &Database<'_>, table: &str) -> Self {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", database.url()]);
        let mut psql = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = psql.stdin.take().unwrap();
        writeln!(input, "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n\\echo held").unwrap();
        let mut said = String::new();
        BufReader::new(psql.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Self { psql, _input: input }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // The transaction ends with the connection.
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// Polls until the condition is true.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_waiting_statement_is_cancelled_if_its_client_disconnects() {
    let database = Cluster::shared().database();
    let store = open_postgres(database.url(), None, &StoreOptions::default()).unwrap();
    let server = Server::over(CONFIG, Arc::clone(&store), store, MasterKey::generate(), None);
    let company = server.company("Locked", "default");
    let organization = server.organization(&company, "One");
    server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
    let key = server.full_key(&company);
    // The number of active sessions of the server, and how many of them wait for a lock.
    let busy = || {
        database.sql(
            "SELECT count(*), count(*) FILTER (WHERE wait_event_type = 'Lock') FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'tollbook' AND state <> 'idle'",
        )
    };
    for name in ["ListPaidOrders", "DownloadListPaidOrders"] {
        let action = Action::find(name).unwrap();
        let http = Http::form(&key.signed(sample_orders::required(action)));
        let holder = Holder::of(&database, "orders");
        let client = http.begin(server.address);
        wait_until("the statement to wait", || busy() == "1|1");
        drop(client);
        // The table is still locked, so the statement stops waiting only if it is cancelled.
        wait_until("the statement to be cancelled", || busy() == "0|0");
        drop(holder);
        assert_eq!(Answer::of(&http.send(server.address), Some(name)).verdict(), "0", "{name}");
    }
    // The object and its ETag.
    assert_eq!(server.export_files(), 2, "only the export of the answered request is stored");
}
