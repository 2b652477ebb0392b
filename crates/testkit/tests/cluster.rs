//! What tests rely on: servers that start, keep what is committed, follow each other, and leave nothing behind.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tollbook_testkit::Cluster;

/// Set for the test process that another one starts and kills.
const IS_CHILD: &str = "TOLLBOOK_TESTKIT_CHILD";

/// Within a minute, without waiting longer than needed.
fn becomes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > Duration::from_secs(60) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// What a panic says.
fn panic_text<T>(run: impl FnOnce() -> T) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err().expect("it panics");
    payload.downcast_ref::<String>().expect("a text with values").clone()
}

#[test]
fn databases_are_apart_and_deleted() {
    let cluster = Cluster::shared();
    let (one, other) = (cluster.database(), cluster.database());
    assert_ne!(one.name(), other.name());
    assert_eq!(one.url(), cluster.url(one.name()));
    one.sql("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2);");
    assert_eq!(one.sql("SELECT i, i * 2 FROM t ORDER BY i"), "1|2\n2|4");
    assert_eq!(other.sql("SELECT to_regclass('t') IS NULL"), "t");
    assert_eq!(one.sql("SHOW server_encoding; SHOW data_checksums"), "UTF8\non");

    let name = one.name().to_owned();
    drop(one);
    let why = panic_text(|| cluster.sql(&name, "SELECT 1"));
    assert!(why.contains("does not exist"), "{why}");
}

#[test]
fn an_error_is_a_panic_with_what_psql_said() {
    let database = Cluster::shared().database();
    let why = panic_text(|| database.sql("SELECT 1; SELECT nothing; SELECT 2"));
    assert!(why.contains("ERROR:  column \"nothing\" does not exist"), "{why}");
}

#[test]
fn the_url_is_what_clients_understand() {
    let cluster = Cluster::shared();
    let url = cluster.url("postgres");
    assert!(url.starts_with("postgres://postgres@%2F"), "{url}");
    assert!(url.ends_with(":5432/postgres"), "{url}");
    // libpq reads the same form.
    let printed = Command::new("psql").args(["-X", "-A", "-t", "-c", "SELECT 7", &url]).output();
    assert_eq!(String::from_utf8_lossy(&printed.expect("psql runs").stdout), "7\n");
}

#[test]
fn what_is_committed_survives_a_kill() {
    let cluster = Cluster::start();
    let database = cluster.database();
    database.sql("CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 1000)");
    let log = || std::fs::read_to_string(cluster.folder().join("log")).expect("the log");
    for killed in 1..=3 {
        cluster.kill();
        assert!(panic_text(|| database.sql("SELECT 1")).contains("connection to server"));
        cluster.start_again();
        assert_eq!(database.sql("SELECT count(*) FROM t"), (1000 * killed).to_string());
        database.sql("INSERT INTO t SELECT generate_series(1, 1000)");
    }
    assert_eq!(log().matches("database system was not properly shut down").count(), 3);
    cluster.stop();
    cluster.start_again();
    assert_eq!(database.sql("SELECT count(*) FROM t"), "4000");
    assert_eq!(log().matches("database system was not properly shut down").count(), 3);
}

#[test]
fn a_kill_ends_sessions_that_are_busy() {
    let cluster = Cluster::start();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| panic_text(|| cluster.sql("postgres", "SELECT pg_sleep(1000)")));
        assert!(becomes_true(|| {
            cluster.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                == "1"
        }));
        cluster.kill();
        let why = busy.join().expect("psql ended");
        assert!(why.contains("server closed the connection unexpectedly"), "{why}");
    });
}

#[test]
fn settings_are_in_force_at_once() {
    let cluster = Cluster::start();
    for milliseconds in [1000, 1500, 1000] {
        cluster.set("idle_in_transaction_session_timeout", &format!("{milliseconds}ms"));
        let now = "SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'";
        assert_eq!(cluster.sql("postgres", now), milliseconds.to_string());
    }
    cluster.set("log_line_prefix", "it's ");
    assert_eq!(cluster.sql("postgres", "SHOW log_line_prefix"), "it's");
    let why = panic_text(|| cluster.set("max_connections", "20"));
    assert!(why.contains("max_connections only changes when the server starts"), "{why}");
}

#[test]
fn a_replica_follows_pauses_and_takes_over() {
    let primary = Cluster::start();
    let database = primary.database();
    database.sql("CREATE TABLE t (i int)");
    let replica = primary.replica();
    assert_ne!(replica.url("x"), primary.url("x"));
    let rows = || replica.sql(database.name(), "SELECT count(*) FROM t");

    database.sql("INSERT INTO t VALUES (1)");
    replica.wait_for_replay(&primary);
    assert_eq!(rows(), "1");
    let why = panic_text(|| replica.sql(database.name(), "INSERT INTO t VALUES (2)"));
    assert!(why.contains("read-only transaction"), "{why}");

    replica.pause_replay();
    database.sql("INSERT INTO t VALUES (2)");
    let flushed = primary.sql("postgres", "SELECT pg_current_wal_flush_lsn()");
    let received = format!("SELECT pg_last_wal_receive_lsn() >= '{flushed}'");
    assert!(becomes_true(|| replica.sql("postgres", &received) == "t"));
    assert_eq!(rows(), "1");
    replica.resume_replay();
    replica.wait_for_replay(&primary);
    assert_eq!(rows(), "2");

    replica.kill();
    database.sql("INSERT INTO t VALUES (3)");
    replica.start_again();
    replica.wait_for_replay(&primary);
    assert_eq!(rows(), "3");

    primary.kill();
    replica.promote();
    replica.sql(database.name(), "INSERT INTO t VALUES (4)");
    assert_eq!(rows(), "4");
    let own = replica.database();
    own.sql("CREATE TABLE t (i int)");
}

#[test]
fn tcp_is_for_those_who_ask() {
    let cluster = Cluster::start_with_tcp();
    TcpStream::connect(("127.0.0.1", cluster.tcp_port())).expect("it listens");
    assert_eq!(cluster.sql("postgres", "SELECT 1"), "1");
    let replica = cluster.replica();
    assert_eq!(replica.sql("postgres", "SHOW listen_addresses"), "");
}

#[test]
fn a_dropped_cluster_leaves_nothing() {
    let cluster = Cluster::start();
    let folder = cluster.folder().to_owned();
    assert!(folder.join("data").exists());
    drop(cluster);
    assert!(!folder.exists());

    let cluster = Cluster::start();
    cluster.kill();
    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!folder.exists());
}

#[test]
fn a_killed_test_process_leaves_nothing() {
    if std::env::var_os(IS_CHILD).is_some() {
        println!("\nfolder {}", Cluster::shared().folder().display());
        loop {
            std::thread::park();
        }
    }
    let own = std::env::current_exe().expect("our program");
    let mut child = Command::new(own)
        .args(["--exact", "a_killed_test_process_leaves_nothing", "--nocapture"])
        .env(IS_CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let folder = lines.find_map(|line| line.strip_prefix("folder ").map(str::to_owned));
    let folder = folder.expect("it says where its cluster is");
    assert!(Path::new(&folder).join("data/postmaster.pid").exists());
    // SIGKILL.
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    assert!(becomes_true(|| !Path::new(&folder).exists()), "{folder} is still there");
}
