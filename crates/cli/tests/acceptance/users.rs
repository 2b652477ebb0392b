//! `user`: inviting, listing, changing and disabling users of the console.

use serde_json::json;

use crate::program::{Fixture, on_each_database};

on_each_database! {
    users_are_invited_listed_changed_and_disabled
}

fn users_are_invited_listed_changed_and_disabled(fixture: &Fixture) {
    fixture.company("Acme");
    let invite = ["user", "invite", "--email", "Clerk@Acme.example", "--company", "1", "--role", "viewer"];
    let invited = fixture.json(&[&invite[..], &["--organization", "1"]].concat());
    assert_eq!((&invited["UserID"], &invited["Email"]), (&json!(1), &json!("clerk@acme.example")));
    let link = invited["Link"].as_str().unwrap();
    let token = link.strip_prefix("http://127.0.0.1:8080/console/invitation/").unwrap();
    assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    assert!(invited["Expires"].as_i64().unwrap() > 1_700_000_000);
    let again = fixture.json(&[&invite[..], &["--organization", "1", "--hours", "1"]].concat());
    assert_eq!(again["UserID"], 1);
    assert_ne!(again["Link"], invited["Link"], "a forgotten password is replaced by a new link");
    let operator = fixture.json(&["user", "invite", "--email", "root@op.example", "--role", "operator"]);
    assert_eq!(operator["UserID"], 2);
    let listed = fixture.json(&["user", "list", "--company", "1"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let user = &listed[0];
    assert_eq!((&user["Role"], &user["OrganizationIDs"]), (&json!("viewer"), &json!([1])));
    assert_eq!((&user["Password"], &user["Disabled"]), (&json!(false), &json!(false)));
    let changed = fixture.json(&["user", "role", "clerk@acme.example", "--role", "payer"]);
    assert_eq!((&changed["Role"], &changed["OrganizationIDs"]), (&json!("payer"), &json!([])));
    assert_eq!(fixture.json(&["user", "disable", "clerk@acme.example"])["Disabled"], true);
    for (arguments, reason) in [
        (
            &["user", "invite", "--email", "clerk@acme.example", "--company", "1", "--role", "payer"][..],
            "disabled",
        ),
        (&["user", "invite", "--email", "root@op.example", "--role", "operator-viewer"], "with other rights"),
        (
            &["user", "invite", "--email", "stranger", "--company", "1", "--role", "viewer"],
            "not an email address",
        ),
        (&["user", "invite", "--email", "a@b.example", "--company", "9", "--role", "viewer"], "company 9"),
        (&["user", "invite", "--email", "a@b.example", "--role", "viewer"], "needs a company"),
        (
            &["user", "invite", "--email", "a@b.example", "--company", "1", "--role", "operator"],
            "has no company",
        ),
        (
            &[
                "user",
                "invite",
                "--email",
                "a@b.example",
                "--company",
                "1",
                "--role",
                "viewer",
                "--organization",
                "9",
            ],
            "no organization 9",
        ),
        (&["user", "role", "root@op.example", "--role", "payer"], "needs a company"),
        (&["user", "disable", "stranger@acme.example"], "there is no user stranger@acme.example"),
        (&["user", "list", "--company", "9"], "company 9"),
    ] {
        let (value, _) = fixture.refused(arguments);
        assert!(value["Error"].as_str().unwrap().contains(reason), "{arguments:?}: {value}");
    }
    assert_eq!(fixture.json(&["user", "enable", "clerk@acme.example"])["Disabled"], false);
    assert_eq!(fixture.json(&["user", "list"]).as_array().unwrap().len(), 2);
    fixture.json(&["verify"]);
}
