//! `connect`: whom the usage of other programs belongs to.

use serde_json::json;

use crate::program::{Fixture, on_each_database};

on_each_database! { owners_are_stated_listed_and_removed }

fn owners_are_stated_listed_and_removed(fixture: &Fixture) {
    fixture.company("Acme");
    let map = |arguments: &[&str]| fixture.json(&[&["connect", "map"], arguments].concat());
    let one = ["--company", "1", "--organization", "1"];
    let put = |added: u8, changed: u8, unchanged: u8| json!({"Added": added, "Changed": changed, "Unchanged": unchanged});
    let team = ["add", "--source", "litellm", "--kind", "team", "--key", "team-7"];
    assert_eq!(map(&[&team[..], &one].concat()), put(1, 0, 0));
    assert_eq!(map(&[&team[..], &one, &["--resource-name", "Blue"]].concat()), put(0, 1, 0));
    assert_eq!(map(&[&["default", "--source", "litellm"], &one[..]].concat()), put(1, 0, 0));
    fixture.write(
        "map.csv",
        "source,kind,key,company_id,organization_id,resource_id\n\
         litellm,key_hash,88dc28d0,1,1,production\nlitellm,default,,1,1,\n",
    );
    assert_eq!(map(&["import", "map.csv"]), put(1, 0, 1));
    let rule = |kind: &str, key: &str, resource: &str, name: &str| {
        json!({
            "Source": "litellm", "Kind": kind, "Key": key, "CompanyID": 1, "OrganizationID": 1,
            "ResourceID": resource, "ResourceName": name,
        })
    };
    let listed = [
        rule("default", "", "", ""),
        rule("key_hash", "88dc28d0", "production", ""),
        rule("team", "team-7", "", "Blue"),
    ];
    assert_eq!(map(&["list"]), json!({"Rules": listed}));
    assert_eq!(map(&["list", "--source", "otlp"]), json!({"Rules": []}));
    map(&["remove", "--source", "litellm", "--kind", "default"]);
    assert_eq!(map(&["list"]), json!({"Rules": listed[1..]}));
    let refused = |arguments: &[&str], reason: &str| {
        let (value, _) = fixture.refused(&[&["connect", "map"], arguments].concat());
        assert_eq!(value["Error"], reason);
    };
    refused(
        &["remove", "--source", "litellm", "--kind", "default"],
        "there is no rule for default \"\" of litellm",
    );
    refused(
        &[&team[..], &["--company", "9", "--organization", "1"]].concat(),
        "company_id: company 9 does not exist",
    );
    refused(
        &[&team[..], &["--company", "1", "--organization", "9"]].concat(),
        "organization_id: company 1 has no organization 9",
    );
    fixture.write(
        "map.toml",
        "[[map]]\nsource = \"litellm\"\nkind = \"team\"\ncompany_id = 1\norganization_id = 1\n",
    );
    refused(&["import", "map.toml"], "map.toml:1: map.key: must not be empty");
    assert_eq!(map(&["list"]), json!({"Rules": listed[1..]}), "nothing was changed");
    assert_eq!(fixture.json(&["verify"])["Differences"], json!([]));
}
