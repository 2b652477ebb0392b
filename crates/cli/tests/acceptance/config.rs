//! `config check` and `config show`.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::program::Fixture;

fn keys(found: &Value, list: &str) -> Vec<String> {
    found[list].as_array().unwrap().iter().map(|found| found["Key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_problem_of_file_environment_and_options_is_named() {
    let fixture = Fixture::with_environment(&[
        ("TOLLBOOK_DATABASEURL", "postgres://u:secret@h/d"),
        ("TOLLBOOK_LOG_FORMAT", "yaml"),
    ]);
    let file = fixture.write(
        "bad.toml",
        "lissten = \"0.0.0.0:80\"\ncatalogue = \"nowhere.toml\"\n[server]\nconnections = 0\n\
         [database]\nurl = \"postgres://tollbook:secret@db.example/orders\"\n\
         [objects]\nstore = \"s3://exports?region=eu-west-1\"\nca_file = \"nowhere.pem\"\n",
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (found, log) = fixture.refused(&["config", "check", "--config", "bad.toml"]);
    let problems = keys(&found, "Problems");
    for key in [
        "TOLLBOOK_DATABASEURL",
        "TOLLBOOK_LOG_FORMAT",
        "lissten",
        "server.connections",
        "catalogue",
        "objects.ca_file",
        "TOLLBOOK_OBJECTS_PUBLIC_KEY",
        "TOLLBOOK_OBJECTS_PRIVATE_KEY",
        "database.url",
    ] {
        assert!(problems.iter().any(|found| found == key), "{key}: {problems:?}");
    }
    assert!(log.contains("problem: bad.toml:1: lissten: unknown key; did you mean listen?"), "{log}");
    assert!(
        log.contains("TOLLBOOK_DATABASEURL: unknown variable; did you mean TOLLBOOK_DATABASE_URL?"),
        "{log}"
    );
    assert!(log.contains("bad.toml:6: database.url: holds a password"), "{log}");
    assert!(!log.contains("secret") && !found.to_string().contains("secret"), "{log}");
    assert!(!fixture.data().exists(), "a check makes nothing");
}

#[test]
fn a_usual_configuration_has_no_problem_and_its_notes_do_not_fail() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    let found = fixture.json(&["config", "check"]);
    assert_eq!((keys(&found, "Problems"), keys(&found, "Notes")), (vec![], vec![]));
    fixture.write("tollbook.toml", "listen = \"0.0.0.0:8080\"\n");
    let found = fixture.json(&["config", "check", "--config", "tollbook.toml"]);
    assert_eq!((keys(&found, "Problems"), keys(&found, "Notes")), (vec![], vec!["public_url".to_owned()]));
    let (found, _) = fixture.refused(&["config", "check", "--config", "absent.toml"]);
    assert_eq!(keys(&found, "Problems"), ["--config"]);
}

#[test]
fn a_master_key_that_is_not_the_one_in_the_file_is_a_problem() {
    let key = "00".repeat(32);
    let fixture = Fixture::with_environment(&[("TOLLBOOK_MASTER_KEY", &key)]);
    std::fs::create_dir(fixture.data()).unwrap();
    let file = fixture.data().join("master.key");
    std::fs::write(&file, "11".repeat(32)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (found, log) = fixture.refused(&["config", "check"]);
    assert_eq!(keys(&found, "Problems"), ["TOLLBOOK_MASTER_KEY"], "{log}");
    assert!(!log.contains(&key) && !log.contains("1111"), "{log}");
}

#[test]
fn every_setting_is_shown_with_its_source_and_secrets_are_masked() {
    let master = "ab".repeat(32);
    let fixture = Fixture::with_environment(&[("TOLLBOOK_MASTER_KEY", &master), ("TOLLBOOK_LOG", "debug")]);
    fixture.write(
        "t.toml",
        "listen = \"0.0.0.0:81\"\n\n[database]\nurl = \"postgres://tollbook:secret@db.example/orders\"\n\
         [brand.acme]\nhosts = [\"a.example\"]\n",
    );
    let shown = |arguments: &[&str]| {
        let shown = fixture.json(&[&["config", "show", "--config", "t.toml"], arguments].concat());
        assert!(!shown.to_string().contains("secret") && !shown.to_string().contains(&master), "{shown}");
        move |key: &str| {
            let settings = shown["Settings"].as_array().unwrap();
            let row = settings.iter().find(|row| row["Key"] == key).unwrap_or_else(|| panic!("{key}"));
            (row["Value"].clone(), row["Source"].as_str().unwrap().to_owned())
        }
    };
    let row = |value: Value, source: &str| (value, source.to_owned());
    let of = shown(&[]);
    assert_eq!(of("listen"), row("0.0.0.0:81".into(), "t.toml:1"));
    assert_eq!(of("database"), row("postgres://db.example:5432/orders".into(), "t.toml:4"));
    assert_eq!(of("server.connections"), row(16_384.into(), "default"));
    assert_eq!(of("brand.acme.hosts"), row(Value::from(vec!["a.example"]), "t.toml:6"));
    assert_eq!(of("brand.default.channel"), row(1.into(), "default"));
    assert_eq!(of("config"), row("t.toml".into(), "--config"));
    assert_eq!(of("data").1, "TOLLBOOK_DATA");
    assert_eq!(of("TOLLBOOK_LOG"), row("debug".into(), "environment"));
    assert_eq!(of("TOLLBOOK_MASTER_KEY"), row("(set)".into(), "environment"));
    let of = shown(&["--database", "postgres://u:secret@other.example/d", "--data", "elsewhere"]);
    assert_eq!(of("database"), row("postgres://other.example:5432/d".into(), "--database"));
    assert_eq!(of("data"), row("elsewhere".into(), "--data"));
    let text = String::from_utf8(fixture.run(&["config", "show"]).stdout).unwrap();
    assert!(
        text.lines()
            .any(|line| line.trim_start().starts_with("server.stop_timeout_s") && line.ends_with("default")),
        "{text}"
    );
}
