//! The log of new-api is read from every database, from where it was read last, and nothing is lost or charged twice.

use tollbook_domain::{Owner, OwnerRule, Status};
use tollbook_ops::new_api::{Tail, TailCounts, TailError, open_log};
use tollbook_ops::tenancy::owners::put_rule;
use tollbook_testkit::{Cluster, MariaDb};

use crate::charging::fixture::{BASE_S, Backend, Fixture, query, unit_price};

/// The columns of the table that are read, and some that are not.
const TABLE: &str = "CREATE TABLE logs (id BIGINT PRIMARY KEY, user_id BIGINT, created_at BIGINT, type BIGINT, \
     content TEXT, username VARCHAR(80), token_name VARCHAR(80), model_name VARCHAR(80), quota BIGINT, \
     prompt_tokens BIGINT, completion_tokens BIGINT, is_stream BOOLEAN, token_id BIGINT, request_id VARCHAR(80), \
     other TEXT)";

/// One database of new-api.
trait Source {
    fn url(&self) -> String;
    fn sql(&self, sql: &str);

    /// Adds a row of consumption.
    fn row(&self, id: i64, created_s: i64, token_id: i64, tokens: i64) {
        self.sql(&format!(
            "INSERT INTO logs VALUES ({id}, 7, {created_s}, 2, 'x', 'ann', 'prod', 'm', 5, {tokens}, 0, FALSE, \
             {token_id}, 'req-{id}', '{{\"cache_tokens\":0}}')"
        ));
    }
}

struct Sqlite(tempfile::TempDir);

impl Source for Sqlite {
    fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("one-api.db").display())
    }

    fn sql(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.0.path().join("one-api.db")).unwrap();
        database.execute_batch(sql).unwrap();
    }
}

struct Postgres(tollbook_testkit::Database<'static>);

impl Source for Postgres {
    fn url(&self) -> String {
        self.0.url().to_owned()
    }

    fn sql(&self, sql: &str) {
        self.0.sql(sql);
    }
}

impl Source for MariaDb {
    fn url(&self) -> String {
        MariaDb::url(self)
    }

    fn sql(&self, sql: &str) {
        MariaDb::sql(self, sql);
    }
}

#[test]
fn the_log_is_read_from_sqlite() {
    read_in_steps(&Sqlite(tempfile::tempdir().unwrap()));
}

#[test]
fn the_log_is_read_from_postgres() {
    read_in_steps(&Postgres(Cluster::shared().database()));
}

#[test]
fn the_log_is_read_from_mariadb() {
    read_in_steps(&MariaDb::start());
}

fn own(fixture: &Fixture, kind: &str, key: &str, company_id: i64) {
    let owner = Owner { company_id, organization_id: 1, ..Owner::default() };
    let rule = OwnerRule { source: "new-api".into(), kind: kind.into(), key: key.into(), owner };
    put_rule(&*fixture.store, &rule).unwrap();
}

/// A new process that reads what there is.
fn once(fixture: &Fixture, url: &str, since_s: Option<i64>, now_s: i64) -> Result<TailCounts, TailError> {
    let mut source = open_log(url)?;
    let mut tail = Tail::new(fixture.charging(), source.as_mut(), "new-api", since_s)?;
    tail.catch_up(source.as_mut(), now_s)
}

/// Read, charged, duplicate, refused, skipped.
fn shown(counts: &TailCounts) -> [u64; 5] {
    [counts.read, counts.charged, counts.duplicate, counts.refused, counts.skipped]
}

fn read_in_steps(source: &dyn Source) {
    let backend = Backend::sqlite();
    let fixture = Fixture::new(&backend, 2);
    fixture.put(&[unit_price("m")]);
    own(&fixture, "key_id", "11", 1);
    own(&fixture, "key_id", "22", 2);
    source.sql(TABLE);
    let url = source.url();
    let pending = |company_id| fixture.pending(&query(company_id, &[Status::Paid]));
    assert_eq!(shown(&once(&fixture, &url, None, BASE_S).unwrap()), [0; 5]);
    // Row 11 is missing: its transaction has not committed. Row 13 is a top-up, row 14 of an unknown key.
    for (id, token_id, tokens) in [(10, 11, 1), (12, 22, 100), (14, 33, 1_000)] {
        source.row(id, BASE_S + id, token_id, tokens);
    }
    source.sql("INSERT INTO logs (id, created_at, type, model_name) VALUES (13, 1767225613, 1, '')");
    let first = once(&fixture, &url, None, BASE_S + 20).unwrap();
    assert_eq!(shown(&first), [4, 2, 0, 1, 1]);
    let reasons: Vec<&String> = first.reasons.keys().collect();
    let reason = "company_id: no rule of new-api says whom key_id \"33\", key_alias \"prod\", user \"ann\", \
                  user \"7\" belongs to";
    assert_eq!(reasons, [reason]);
    assert_eq!((pending(1), pending(2)), (1, 100));
    // Row 11 appears late. The rows behind it are read again, and are duplicates.
    source.row(11, BASE_S + 11, 11, 10);
    let second = once(&fixture, &url, None, BASE_S + 25).unwrap();
    assert_eq!(shown(&second), [4, 1, 1, 1, 1]);
    assert_eq!((pending(1), pending(2)), (11, 100));
    // Without a gap, nothing is read again.
    assert_eq!(shown(&once(&fixture, &url, None, BASE_S + 30).unwrap()), [0; 5]);
    // A row that was refused is read again on request, when there is a rule.
    own(&fixture, "user", "ann", 1);
    let again = once(&fixture, &url, Some(BASE_S + 12), BASE_S + 30).unwrap();
    assert_eq!(shown(&again), [3, 1, 1, 0, 1]);
    assert_eq!((pending(1), pending(2)), (1_011, 100));
    assert_eq!(shown(&once(&fixture, &url, None, BASE_S + 30).unwrap()), [0; 5]);
    // One process that follows: a gap that stays is passed after a minute.
    let mut log = open_log(&url).unwrap();
    let mut tail = Tail::new(fixture.charging(), log.as_mut(), "new-api", None).unwrap();
    source.row(20, BASE_S + 40, 22, 1);
    let mut read = |now_s| shown(&tail.catch_up(log.as_mut(), now_s).unwrap());
    assert_eq!(read(BASE_S + 41), [1, 1, 0, 0, 0]);
    assert_eq!(read(BASE_S + 42), [0; 5]);
    source.row(17, BASE_S + 40, 22, 2);
    assert_eq!(read(BASE_S + 43), [1, 1, 0, 0, 0]);
    assert_eq!(read(BASE_S + 200), [0; 5]);
    assert_eq!(shown(&once(&fixture, &url, None, BASE_S + 200).unwrap()), [0; 5]);
    assert_eq!((pending(1), pending(2)), (1_011, 103));
    // Another log under the same name is refused.
    source.sql("DELETE FROM logs WHERE id > 12");
    let refused = once(&fixture, &url, None, BASE_S + 200).unwrap_err().to_string();
    assert!(
        refused.starts_with("the log of \"new-api\" ends at row 12, but was read up to row 20"),
        "{refused}"
    );
    fixture.assert_clean();
}

#[test]
fn a_log_that_cannot_be_read_is_named_without_its_password() {
    for (url, reason) in [
        ("oracle://x", "the log of new-api: its URL must be mysql://, postgres:// or sqlite:PATH"),
        ("sqlite:/no/such/file.db", "the log of new-api: /no/such/file.db is not a file"),
        ("mysql://me:secret@127.0.0.1:1/x", "the log of new-api: "),
        ("postgres://me:secret@127.0.0.1:1/x", "the log of new-api: "),
    ] {
        let error = open_log(url).err().unwrap().to_string();
        assert!(error.starts_with(reason) && !error.contains("secret"), "{error}");
    }
}
