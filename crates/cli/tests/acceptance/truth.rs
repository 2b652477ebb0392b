//! One deployment, one truth: settings that differ, databases that were moved, lost, emptied or replaced, a lost master
//! key, and directories that are no deployment (docs/OPERATIONS.md, "One deployment").

use std::path::Path;

use serde_json::{Value, json};
use tollbook_testkit::Cluster;

use crate::program::{Fixture, on_each_database, sql};

on_each_database! {
    a_process_with_other_settings_is_refused
    a_process_without_a_configuration_file_has_the_settings_of_the_deployment
    a_company_of_a_brand_that_is_not_configured_is_refused
    a_moved_database_is_only_read
    a_database_that_became_older_is_noticed
    an_emptied_database_is_noticed
    a_lost_master_key_is_not_replaced
}

fn error(fixture: &Fixture, arguments: &[&str]) -> String {
    let (value, _) = fixture.refused(arguments);
    value["Error"].as_str().unwrap().to_owned()
}

fn deposit<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", "5", "--key", key];
    [&fixed, more].concat()
}

fn cash(fixture: &Fixture) -> Value {
    fixture.json(&["account", "show", "--company", "1"])["Balances"]["Cash"].clone()
}

const CASH_FIRST: &str = "[charging]\nsequence = [\"cash\", \"bonus\"]\n[brand.default]\nchannel = 7\n";

fn a_process_with_other_settings_is_refused(fixture: &Fixture) {
    fixture.write("own.toml", CASH_FIRST);
    fixture.write("other.toml", "[charging]\nsequence = [\"bonus\", \"cash\"]\n");
    // Until a configuration is stated, there is nothing to differ from.
    fixture.company("Acme");
    assert_eq!(fixture.json(&["deployment", "show"])["Settings"], json!({}));
    fixture.start(&["serve", "--config", "own.toml"]).stop();
    let shown = fixture.json(&["deployment", "show"]);
    assert_eq!(shown["Settings"]["charging.sequence"], "cash\nbonus");
    assert_eq!((&shown["Differences"], &shown["MovedTo"]), (&json!([]), &json!(null)));
    let other = ["--config", "other.toml"];
    let writing: [Vec<&str>; 5] = [
        deposit("d", &other),
        [&["company", "add", "--name", "x", "--currency", "CNY"], &other[..]].concat(),
        [&["utc-offset", "set", "--offset", "+08:00"], &other[..]].concat(),
        [&["operator-key", "add", "--name", "x"], &other[..]].concat(),
        [&["serve", "--listen", "127.0.0.1:0"], &other[..]].concat(),
    ];
    for arguments in &writing {
        let refused = error(fixture, arguments);
        for part in [
            "charging.sequence: the deployment has \"cash, bonus\", this process \"bonus, cash\"",
            "brand.default.channel: the deployment has \"7\", this process \"1\"",
            "tollbook deployment adopt",
        ] {
            assert!(refused.contains(part), "{arguments:?}: {refused}");
        }
    }
    assert_eq!(cash(fixture), "0.00");
    // Reading is allowed, and it is said that the settings differ.
    let read = fixture.run(&[&["company", "list"], &other[..]].concat());
    let said = String::from_utf8(read.stderr).unwrap();
    assert!(read.status.success() && said.contains("the database is only read"), "{said}");
    // The change is shown first.
    let adopt = [&["deployment", "adopt"], &other[..]].concat();
    let shown = fixture.json(&adopt);
    assert_eq!(shown["Adopted"], false);
    assert_eq!(
        shown["Differences"],
        json!([
            {"Name": "brand.default.channel", "Stored": "7", "Here": "1"},
            {"Name": "charging.sequence", "Stored": "cash\nbonus", "Here": "bonus\ncash"},
        ])
    );
    assert!(error(fixture, &writing[0]).contains("charging.sequence"));
    assert_eq!(fixture.json(&[&adopt[..], &["--yes"]].concat())["Adopted"], true);
    fixture.json(&writing[0]);
    assert_eq!(cash(fixture), "5.00");
    assert!(error(fixture, &deposit("d2", &["--config", "own.toml"])).contains("charging.sequence"));
    fixture.assert_verified(0);
}

fn a_process_without_a_configuration_file_has_the_settings_of_the_deployment(fixture: &Fixture) {
    fixture.write("own.toml", CASH_FIRST);
    let config = ["--config", "own.toml"];
    fixture.company("Acme");
    fixture.write(
        "prices.toml",
        "currency = \"CNY\"\nunit = 10\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"1\"\n",
    );
    fixture.json(&[&["prices", "import", "prices.toml"], &config[..]].concat());
    for kind in ["cash", "bonus"] {
        let fixed =
            ["account", "deposit", "--company", "1", "--amount", "100", "--kind", kind, "--key", kind];
        fixture.json(&fixed);
    }
    let record = json!({
        "id": "r-1", "source": "test", "time": 1_780_272_000, "company_id": 1, "organization_id": 1,
        "resource_id": "key", "model_id": "m", "product_code": "modelverse", "quantities": {"input": 3},
    });
    fixture.write("usage.jsonl", record.to_string());
    // A forgotten --config: the orders are those of the configured channel, paid from the configured account.
    assert_eq!(fixture.json(&["usage", "import", "usage.jsonl"])["OrdersPaid"], 1);
    let balances = fixture.json(&["account", "show", "--company", "1"])["Balances"].clone();
    assert_eq!((&balances["Cash"], &balances["Bonus"]), (&json!("97.00"), &json!("100.00")));
    let explained = fixture.json(&["usage", "explain", "--company", "1", "r-1"]).to_string();
    assert!(explained.contains("\"Channel\":7") || channel(fixture) == "7", "{explained}");
    fixture.assert_verified(1);
}

/// The channel of the first line.
fn channel(fixture: &Fixture) -> String {
    let statement = "SELECT channel FROM line WHERE company_id = 1 AND line_no = 0";
    if !fixture.is_on_sqlite() {
        return sql(&fixture.url(), statement);
    }
    let database = rusqlite::Connection::open(fixture.data().join("tollbook.db")).unwrap();
    database.query_row(statement, [], |row| row.get::<_, i64>(0)).unwrap().to_string()
}

fn a_company_of_a_brand_that_is_not_configured_is_refused(fixture: &Fixture) {
    let add = ["company", "add", "--name", "A", "--currency", "CNY", "--brand", "acme"];
    let refused = error(fixture, &add);
    assert!(refused.contains("brand \"acme\" is not configured; configured are default"), "{refused}");
    fixture.write("acme.toml", "[brand.acme]\nchannel = 2\n");
    fixture.write("empty.toml", "");
    fixture.json(&[&add[..], &["--config", "acme.toml"]].concat());
    // The brand is known from now on, but not to a process whose configuration lacks it.
    fixture.json(&deposit("d", &[]));
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &deposit("d2", &[])[..]] {
        let refused = error(fixture, &[arguments, &["--config", "empty.toml"]].concat());
        assert!(refused.contains("company 1 belongs to the brand \"acme\""), "{arguments:?}: {refused}");
    }
    let refused = error(fixture, &["deployment", "adopt", "--yes", "--config", "empty.toml"]);
    assert!(refused.contains("company 1 belongs to the brand \"acme\""), "{refused}");
    assert_eq!(cash(fixture), "5.00");
}

fn a_moved_database_is_only_read(fixture: &Fixture) {
    fixture.company("Acme");
    fixture.json(&deposit("d", &[]));
    let target = format!("sqlite:{}", fixture.path("target.db").display());
    let copy = ["database", "copy", "--from", &fixture.url(), "--to", &target].map(str::to_owned);
    let copy: Vec<&str> = copy.iter().map(String::as_str).collect();
    let mut server = fixture.start(&["serve"]);
    let refused = error(fixture, &copy);
    assert!(refused.contains("uses the source"), "{refused}");
    // The refusal has left no mark.
    fixture.json(&deposit("d", &[]));
    server.stop();
    fixture.json(&copy);
    for arguments in [
        deposit("d2", &[]),
        vec!["operator-key", "add", "--name", "x"],
        vec!["company", "add", "--name", "x", "--currency", "CNY"],
    ] {
        let refused = error(fixture, &arguments);
        let expected = format!("this database was moved to {target} by");
        assert!(refused.contains(&expected) && refused.contains("deployment adopt --yes"), "{refused}");
    }
    assert_eq!(cash(fixture), "5.00", "it can be read");
    let read = fixture.run(&["verify"]);
    let said = String::from_utf8(read.stderr).unwrap();
    assert!(read.status.success() && said.contains("was moved to"), "{said}");
    fixture.json(&deposit("d2", &["--database", &target]));
    // On purpose, the source is used again.
    assert_eq!(fixture.json(&["deployment", "show"])["MovedTo"], json!(target));
    fixture.json(&["deployment", "adopt", "--yes"]);
    fixture.json(&deposit("d2", &[]));
    assert_eq!(cash(fixture), "10.00");
    fixture.assert_verified(0);
}

/// The only file of marks in the data directory.
fn mark_file(fixture: &Fixture) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(fixture.data().join("marks")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

fn a_database_that_became_older_is_noticed(fixture: &Fixture) {
    fixture.company("Acme");
    fixture.json(&deposit("d", &[]));
    let old = fixture.path("old.db");
    let file = fixture.data().join("tollbook.db");
    if fixture.is_on_sqlite() {
        std::fs::copy(&file, &old).unwrap();
    }
    fixture.json(&deposit("d2", &[]));
    let mark: Value = serde_json::from_slice(&std::fs::read(mark_file(fixture)).unwrap()).unwrap();
    assert!(mark["Mark"].as_i64() > Some(3), "every command has left a mark: {mark}");
    if fixture.is_on_sqlite() {
        std::fs::copy(&old, &file).unwrap();
    } else {
        // What a restored backup of the database would say.
        sql(&fixture.url(), "UPDATE deployment_state SET mark_no = mark_no - 1");
    }
    let refused = error(fixture, &deposit("d3", &[]));
    assert!(refused.contains("an older copy was put in its place"), "{refused}");
    let refused = error(fixture, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("an older copy was put in its place"), "{refused}");
    let read = fixture.run(&["company", "list"]);
    assert!(read.status.success());
    assert!(String::from_utf8(read.stderr).unwrap().contains("older copy"));
    fixture.json(&["deployment", "adopt", "--yes"]);
    fixture.json(&deposit("d3", &[]));
    fixture.assert_verified(0);
}

#[test]
fn a_lost_write_ahead_log_is_noticed() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    let mut server = fixture.start(&["serve"]);
    // The server keeps the log open, so the deposit is in it alone.
    fixture.json(&deposit("d", &[]));
    server.signal("KILL");
    server.stop();
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(fixture.data().join(format!("tollbook.db{suffix}"))).unwrap();
    }
    let refused = error(&fixture, &deposit("d2", &[]));
    assert!(refused.contains("its write-ahead log was lost"), "{refused}");
}

fn an_emptied_database_is_noticed(fixture: &Fixture) {
    fixture.company("Acme");
    let file = fixture.data().join("tollbook.db");
    if fixture.is_on_sqlite() {
        std::fs::remove_file(&file).unwrap();
    } else {
        sql(&fixture.url(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    let every = [vec!["company", "list"], deposit("d", &[]), vec!["serve", "--listen", "127.0.0.1:0"]];
    for arguments in &every {
        let refused = error(fixture, arguments);
        assert!(refused.contains("is missing or empty, but this data directory has used it"), "{refused}");
        assert!(!file.exists(), "{arguments:?}");
    }
    if fixture.is_on_sqlite() {
        std::fs::write(&file, "").unwrap();
        assert!(error(fixture, &every[0]).contains("is missing or empty"));
        std::fs::remove_file(&file).unwrap();
    }
    // On purpose, a new deployment begins.
    std::fs::remove_file(mark_file(fixture)).unwrap();
    assert_eq!(fixture.json(&["company", "add", "--name", "New", "--currency", "CNY"])["CompanyID"], 1);
}

fn a_lost_master_key_is_not_replaced(fixture: &Fixture) {
    fixture.company("Acme");
    let file = fixture.data().join("master.key");
    let key = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for arguments in [&["key", "add", "--company", "1"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = error(fixture, arguments);
        for part in ["master.key is missing", "Restore the file from a backup, or set TOLLBOOK_MASTER_KEY"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert!(!file.exists(), "no other key was made");
    }
    // Its text in the environment does as well.
    let mut command = fixture.command(&["key", "add", "--company", "1"]);
    command.env("TOLLBOOK_MASTER_KEY", String::from_utf8(key).unwrap().trim());
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_reading_command_makes_no_deployment() {
    let fixture = Fixture::new();
    for arguments in [
        &["company", "list"][..],
        &["verify"],
        &["account", "show", "--company", "1"],
        &["prices", "list"],
        &["utc-offset", "show"],
        &["deployment", "show"],
    ] {
        let refused = error(&fixture, arguments);
        assert!(refused.contains("there is no deployment in "), "{arguments:?}: {refused}");
        assert!(!fixture.data().exists(), "{arguments:?}");
    }
    fixture.write("data", "a file");
    let refused = error(&fixture, &["company", "add", "--name", "x", "--currency", "CNY"]);
    assert!(refused.contains("is not a directory"), "{refused}");
}

#[test]
fn a_configured_database_is_used_and_a_forgotten_one_is_asked_for() {
    let database = Cluster::shared().database();
    let fixture = Fixture::new();
    let config = format!("[database]\nurl = \"{}\"\n", database.url());
    fixture.write("deployment.toml", config);
    let configured = ["--config", "deployment.toml"];
    std::fs::create_dir(fixture.data()).unwrap();
    let add = ["company", "add", "--name", "Acme", "--currency", "CNY"];
    assert_eq!(fixture.json(&[&add[..], &configured].concat())["CompanyID"], 1);
    assert_eq!(database.sql("SELECT count(*) FROM company"), "1");
    // The command line takes precedence.
    let file = format!("sqlite:{}", fixture.path("other.db").display());
    let listed = fixture.json(&[&["company", "list", "--database", &file], &configured[..]].concat());
    assert_eq!(listed, json!([]));
    // Without either, a second deployment would begin in the data directory.
    let refused = error(&fixture, &add);
    assert!(refused.contains("no database was stated") && refused.contains("database.url"), "{refused}");
    assert!(!Path::new(&fixture.data()).join("tollbook.db").exists());
    let password = refused.contains("postgres:postgres@");
    assert!(!password, "{refused}");
}
