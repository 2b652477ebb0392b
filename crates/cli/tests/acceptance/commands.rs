//! Names, outputs and exit codes of the commands (docs/CONFIGURATION.md, "Command line").

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database, sql};

on_each_database! {
    operator_commands_create_list_and_disable
    customer_commands_report_errors
}

fn operator_commands_create_list_and_disable(fixture: &Fixture) {
    std::fs::create_dir(fixture.data()).unwrap();
    fixture.write("data/unrelated.txt", "a data directory may hold other files");
    assert_eq!(
        fixture.json(&["company", "add", "--name", "Acme", "--currency", "USD"]),
        json!({"CompanyID": 1})
    );
    let organization = fixture.json(&["organization", "add", "--company", "1", "--name", "研发"]);
    assert_eq!(organization["OrganizationID"], 1);
    assert!(organization["ProjectId"].as_str().unwrap().starts_with("org-"));
    let key = fixture.json(&[
        "key",
        "add",
        "--company",
        "1",
        "--organization",
        "1",
        "--allow-ip",
        "10.0.0.0/8",
        "--rate-limit",
        "5",
    ]);
    assert_eq!(key.as_object().unwrap().keys().collect::<Vec<_>>(), ["PrivateKey", "PublicKey"]);
    let mode = std::fs::metadata(fixture.data().join("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        fixture.json(&["company", "list"]),
        json!([{"CompanyID": 1, "Name": "Acme", "Currency": "USD", "Brand": "default"}])
    );
    assert_eq!(fixture.json(&["organization", "list"])[0]["Name"], "研发");
    assert_eq!(
        fixture.json(&["company", "set", "--company", "1", "--name", "Acme Ltd"]),
        json!({"CompanyID": 1, "Name": "Acme Ltd"})
    );
    assert_eq!(fixture.json(&["company", "list"])[0]["Name"], "Acme Ltd");
    let set = ["organization", "set", "--company", "1", "--organization", "1", "--name", "研究"];
    assert_eq!(fixture.json(&set), json!({"CompanyID": 1, "OrganizationID": 1, "Name": "研究"}));
    let mut renamed = organization.clone();
    (renamed["CompanyID"], renamed["Name"]) = (json!(1), json!("研究"));
    assert_eq!(fixture.json(&["organization", "list"]), json!([renamed]));
    let listed = fixture.json(&["key", "list"]);
    assert_eq!(listed[0]["PublicKey"], key["PublicKey"]);
    assert_eq!(listed[0]["AllowIPs"], json!(["10.0.0.0/8"]));
    assert_eq!((&listed[0]["RateLimit"], &listed[0]["Disabled"]), (&json!(5), &json!(false)));
    let database = if fixture.is_on_sqlite() {
        std::fs::read(fixture.data().join("tollbook.db")).unwrap()
    } else {
        hex::decode(sql(&fixture.url(), "SELECT encode(sealed_private_key, 'hex') FROM api_key")).unwrap()
    };
    let private = key["PrivateKey"].as_str().unwrap().as_bytes();
    assert!(
        !database.is_empty() && !database.windows(private.len()).any(|bytes| bytes == private),
        "private keys are stored encrypted"
    );
    fixture.json(&["key", "disable", key["PublicKey"].as_str().unwrap()]);
    assert_eq!(fixture.json(&["key", "list", "--company", "1"])[0]["Disabled"], true);
    // The text output has the same content.
    let text = String::from_utf8(fixture.run(&["company", "list"]).stdout).unwrap();
    assert!(text.contains("Acme") && text.contains("USD"), "{text}");
}

#[test]
fn failures_exit_with_1_and_usage_errors_with_2() {
    let fixture = Fixture::new();
    for (arguments, reason) in [
        (&["organization", "add", "--company", "9", "--name", "x"][..], "company 9"),
        (&["company", "set", "--company", "9", "--name", "x"][..], "company 9 does not exist"),
        (
            &["organization", "set", "--company", "9", "--organization", "1", "--name", "x"][..],
            "company 9 does not exist",
        ),
        (&["key", "add", "--company", "9"][..], "company 9"),
        (&["key", "disable", "unknown"][..], "unknown"),
        (&["company", "add", "--name", "x", "--currency", "EUR"][..], "EUR"),
        (&["company", "list", "--database", "mysql://x"][..], "must be sqlite:PATH or postgres:"),
        (
            &["company", "list", "--database", "postgres://me:secret@h:port/x"][..],
            "invalid database URL: invalid",
        ),
        (&["company", "list", "--database", "postgres://me:secret@127.0.0.1:1/x"][..], "not available"),
        (
            &["company", "list", "--read-database", "postgres:///x"][..],
            "--read-database: an SQLite file has no replicas",
        ),
        (&["verify", "--config", "none.toml"][..], "none.toml"),
    ] {
        let (value, error) = fixture.refused(arguments);
        assert!(value["Error"].as_str().unwrap().contains(reason), "{arguments:?}: {value}");
        assert!(error.contains(reason) && !error.contains("secret"), "{error}");
    }
    for arguments in
        [&["orders", "import"][..], &["company", "add"][..], &["company", "set"][..], &["nonsense"][..]]
    {
        assert_eq!(fixture.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let not_ours = fixture.write("other.db", "this is no database at all, only a text that is long enough");
    let url = format!("sqlite:{}", not_ours.display());
    let (value, _) = fixture.refused(&["company", "list", "--database", &url]);
    assert!(value["Error"].as_str().unwrap().contains("not a Tollbook database"), "{value}");
}

fn customer_commands_report_errors(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let server = fixture.start(&["serve"]);
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let output = server.customer(fixture, keys, &["--json", "orders", "paid", "--page-size", "9"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["RetCode"], 230);
    let output = server.customer(fixture, (keys.0, "wrong"), &["orders", "amount"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("RetCode 171: Signature VerifyAC Error (request "), "{error}");
    assert_eq!(output.stdout, b"");
    let amount = server.ask(fixture, &company, &["orders", "amount"]);
    assert_eq!((&amount["TotalOrderAmount"], &amount["OrderCount"]), (&json!("0.00"), &json!(0)));
    // A key that is disabled while the server runs is unknown at the next request.
    fixture.json(&["key", "disable", keys.0]);
    let output = server.customer(fixture, keys, &["orders", "options"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("RetCode 172: User Not Exists"));
    // The server is not reachable.
    let unreachable = fixture
        .command(&["orders", "options"])
        .env("TOLLBOOK_SERVER", "http://127.0.0.1:1")
        .env("TOLLBOOK_PUBLIC_KEY", "x")
        .env("TOLLBOOK_PRIVATE_KEY", "y")
        .output()
        .unwrap();
    assert_eq!(unreachable.status.code(), Some(1));
}

#[test]
fn a_remote_object_store_takes_its_keys_from_the_environment() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    fixture.write("store.toml", "[objects]\nstore = \"s3://exports?region=eu-west-1\"\n");
    let serve = ["--json", "--config", "store.toml", "serve", "--listen", "127.0.0.1:0"];
    for given in [None, Some("TOLLBOOK_OBJECTS_PUBLIC_KEY"), Some("TOLLBOOK_OBJECTS_PRIVATE_KEY")] {
        let mut command = fixture.command(&serve);
        command.envs(given.map(|name| (name, "half"))).env("TOLLBOOK_OBJECTS_SESSION_TOKEN", "");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            value["Error"],
            "objects.store is s3://exports?region=eu-west-1, whose keys must be in the environment: \
             TOLLBOOK_OBJECTS_PUBLIC_KEY and TOLLBOOK_OBJECTS_PRIVATE_KEY"
        );
    }
    // US3 has no temporary keys; with a pair of S3's the server would start.
    fixture.write("store.toml", "[objects]\nstore = \"us3://exports?endpoint=https://us3.invalid\"\n");
    let mut command = fixture.command(&serve);
    for name in ["PUBLIC_KEY", "PRIVATE_KEY", "SESSION_TOKEN"] {
        command.env(format!("TOLLBOOK_OBJECTS_{name}"), "secret-value");
    }
    let output = command.output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        value["Error"],
        "objects.store us3://exports?endpoint=https://us3.invalid: a session token belongs to s3 stores; us3 has none"
    );
}
