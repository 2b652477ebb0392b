//! Backups that are opened again, and restored: over a running server, over a deployment, after a loss, and damaged.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::Fixture;

fn error(fixture: &Fixture, arguments: &[&str]) -> String {
    fixture.refused(arguments).0["Error"].as_str().unwrap().to_owned()
}

fn deposit(fixture: &Fixture, key: &str) {
    let amount = ["--company", "1", "--kind", "cash", "--amount", "5", "--key", key];
    fixture.json(&[&["account", "deposit"], &amount[..]].concat());
}

fn cash(fixture: &Fixture) -> Value {
    fixture.json(&["account", "show", "--company", "1"])["Balances"]["Cash"].clone()
}

/// A deployment with one deposit in a backup and two more after it. Its marks were written by a server.
fn with_backup() -> (Fixture, String) {
    let fixture = Fixture::new();
    fixture.company("Acme");
    deposit(&fixture, "before");
    let backup = fixture.path("backup.db").display().to_string();
    let made = fixture.json(&["database", "backup", &backup, "--verify"]);
    let verified = &made["Verified"];
    assert_eq!((&verified["Companies"], &verified["Orders"]), (&json!(1), &json!(0)));
    assert_eq!(verified["Bytes"], std::fs::metadata(&backup).unwrap().len());
    assert!(verified["SHA256"].as_str().unwrap().len() == 64 && verified["Mark"].as_i64().unwrap() > 0);
    for beside in ["backup.db-wal", "backup.db.part", "backup.db.part-wal", "backup.db-server.lock"] {
        assert!(!fixture.path(beside).exists(), "{beside}");
    }
    deposit(&fixture, "after-1");
    deposit(&fixture, "after-2");
    fixture.company("Later");
    (fixture, backup)
}

#[test]
fn a_restored_backup_is_the_deployment_and_says_what_is_gone() {
    let (fixture, backup) = with_backup();
    let refused = error(&fixture, &["database", "restore", &backup]);
    assert!(refused.contains("has a deployment already (2 companies); --replace"), "{refused}");
    assert_eq!(cash(&fixture), "15.00", "nothing was changed");
    let restored = fixture.json(&["database", "restore", &backup, "--replace"]);
    assert_eq!((&restored["Companies"], &restored["Differences"]), (&json!(1), &json!([])));
    assert!(restored["FormerMark"].as_i64() > restored["Mark"].as_i64(), "{restored}");
    assert_eq!(
        restored["Gone"],
        json!([
            {"CompanyID": 1, "Missing": false, "Orders": 0, "LedgerEntries": 2},
            {"CompanyID": 2, "Missing": true, "Orders": 0, "LedgerEntries": 0},
        ])
    );
    // The mark outside of the database agrees, so that nothing has to be adopted.
    assert_eq!(cash(&fixture), "5.00");
    fixture.assert_verified(0);
    deposit(&fixture, "next");
    fixture.start(&["serve"]).stop();
    assert_eq!(fixture.json(&["deployment", "show"])["Fault"], Value::Null);
    // The former database is kept, can be read, and is not written.
    let kept = format!("sqlite:{}", restored["Kept"].as_str().unwrap());
    let shown = fixture.json(&["account", "show", "--company", "1", "--database", &kept]);
    assert_eq!(shown["Balances"]["Cash"], "15.00");
    let written = ["company", "add", "--name", "x", "--currency", "CNY", "--database", &kept];
    assert!(error(&fixture, &written).contains("a backup was restored"), "{}", error(&fixture, &written));
    // The backup was not changed, and can be restored again.
    assert!(!fixture.path("backup.db-wal").exists());
    fixture.json(&["database", "restore", &backup, "--replace"]);
    assert_eq!(cash(&fixture), "5.00");
}

#[test]
fn a_restore_over_a_running_server_is_refused_and_the_server_goes_on() {
    let (fixture, backup) = with_backup();
    let mut server = fixture.start(&["serve"]);
    let refused = error(&fixture, &["database", "restore", &backup, "--replace"]);
    assert!(refused.contains("a server runs on") && refused.contains("stop it first"), "{refused}");
    assert_eq!(cash(&fixture), "15.00");
    deposit(&fixture, "later");
    server.stop();
    fixture.json(&["database", "restore", &backup, "--replace"]);
    assert_eq!(cash(&fixture), "5.00");
}

#[test]
fn a_lost_database_is_restored_without_a_word_and_the_key_is_named() {
    let (fixture, backup) = with_backup();
    for file in ["tollbook.db", "tollbook.db-wal", "tollbook.db-shm", "master.key"] {
        let _ = std::fs::remove_file(fixture.data().join(file));
    }
    assert!(error(&fixture, &["company", "list"]).contains("is missing or empty"));
    let output = fixture.run(&["--json", "database", "restore", &backup]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("the master key of this backup (fingerprint "),
        "{said}"
    );
    assert!(!fixture.data().join("master.key").exists(), "no other key is made");
    let restored: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&restored["Kept"], &restored["Gone"]), (&Value::Null, &Value::Null));
    assert_eq!(cash(&fixture), "5.00");
    // In a directory that was never used, too.
    let elsewhere = fixture.path("elsewhere").display().to_string();
    fixture.json(&["database", "restore", &backup, "--data", &elsewhere]);
    let shown = fixture.json(&["account", "show", "--company", "1", "--data", &elsewhere]);
    assert_eq!(shown["Balances"]["Cash"], "5.00");
}

#[test]
fn what_is_no_sound_backup_changes_nothing() {
    let (fixture, backup) = with_backup();
    let restore =
        |file: PathBuf| error(&fixture, &["database", "restore", &file.display().to_string(), "--replace"]);
    let whole = std::fs::read(&backup).unwrap();
    let cut = fixture.write("cut.db", &whole[..whole.len() / 2]);
    let changed = fixture.write("changed.db", &whole);
    let database = rusqlite::Connection::open(&changed).unwrap();
    database.execute_batch("UPDATE account SET cash = cash + 1; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(database);
    let newer = fixture.write("newer.db", &whole);
    let database = rusqlite::Connection::open(&newer).unwrap();
    database
        .execute_batch("INSERT INTO schema_version VALUES (999); PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(database);
    for (file, reason) in [
        (fixture.path("absent.db"), "there is no backup"),
        (cut, "damaged"),
        (changed, "the backup is damaged, and nothing was changed"),
        (newer, "schema version 999"),
        (fixture.write("text.db", "not a database, but longer than a header"), "not a"),
        (fixture.data().join("tollbook.db"), "is the database of the deployment itself"),
    ] {
        let refused = restore(file.clone());
        assert!(refused.contains(reason), "{}: {refused}", file.display());
        assert_eq!(cash(&fixture), "15.00", "{}", file.display());
    }
    let left: Vec<_> = std::fs::read_dir(fixture.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".restoring") || name.contains(".before-restore"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_backup_of_another_deployment_needs_a_word() {
    let (fixture, _) = with_backup();
    let other = Fixture::new();
    other.company("Other");
    let backup = other.path("other.db").display().to_string();
    other.json(&["database", "backup", &backup]);
    std::fs::remove_file(fixture.data().join("tollbook.db")).unwrap();
    let _ = std::fs::remove_file(fixture.data().join("tollbook.db-wal"));
    let refused = error(&fixture, &["database", "restore", &backup]);
    assert!(refused.contains("of another deployment"), "{refused}");
    fixture.json(&["database", "restore", &backup, "--replace"]);
    assert_eq!(fixture.json(&["company", "list"])[0]["Name"], "Other");
}

#[test]
fn a_deployment_on_postgres_is_restored_by_a_copy() {
    let (fixture, backup) = with_backup();
    let database = tollbook_testkit::Cluster::shared().database();
    let on_postgres = Fixture::on(database.url());
    let refused = error(&on_postgres, &["database", "restore", &backup]);
    assert!(refused.contains("tollbook database copy --keep-source --from sqlite:"), "{refused}");
    let from = format!("sqlite:{backup}");
    on_postgres.json(&["database", "copy", "--keep-source", "--from", &from, "--to", database.url()]);
    on_postgres.assert_verified(0);
    assert_eq!(cash(&on_postgres), "5.00");
    // And back: the backup of a deployment on PostgreSQL is a file like that of SQLite.
    let made = on_postgres.path("of-postgres.db").display().to_string();
    on_postgres.json(&["database", "backup", &made, "--verify"]);
    fixture.json(&["database", "restore", &made, "--replace"]);
    assert_eq!(cash(&fixture), "5.00");
    fixture.assert_verified(0);
}
