//! Tests of companies, organizations and keys.

use std::sync::Arc;

use tollbook_store::{Store, StoreOptions, open_sqlite};

use super::companies::{
    add_company, add_organization, companies, organizations, rename_company, rename_organization,
};
use super::keys::{KeyRights, add_key, disable_key, keys};
use super::secrets::MasterKey;
use crate::config::Config;

fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
    (directory, store)
}

fn company(store: &dyn Store) -> i64 {
    add_company(store, Some(&Config::default()), "Demo", "CNY", "default").unwrap().company_id
}

#[test]
fn companies_organizations_and_keys_are_created_and_listed() {
    let (_directory, store) = store();
    let master = MasterKey::generate();
    let company_id = company(&*store);
    let organization = add_organization(&*store, company_id, "  Research ").unwrap();
    assert_eq!(organization.name, "Research");
    let project = organization.project_id.strip_prefix("org-").unwrap();
    assert!(project.len() == 8 && project.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));

    let rights = KeyRights {
        organization_ids: vec![organization.organization_id, organization.organization_id],
        allowed_networks: vec!["192.0.2.1".into(), "10.0.0.0/8".into(), "192.0.2.1/32".into()],
        rate_limit_per_s: Some(20),
        ..KeyRights::default()
    };
    let created = add_key(&*store, &master, company_id, &rights, 5).unwrap();
    assert_eq!((created.public_key.len(), created.private_key.reveal().len()), (40, 40));
    let stored = keys(&*store, Some(company_id)).unwrap();
    assert_eq!(stored.len(), 1);
    let stored: Vec<_> = stored.into_iter().map(|(key, _)| key).collect();
    assert_eq!(stored[0].organization_ids, [organization.organization_id]);
    assert_eq!(stored[0].allowed_networks, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(stored[0].rate_limit_per_s, Some(20));
    let opened = master.open(&created.public_key, &stored[0].sealed_private_key).unwrap();
    assert_eq!(opened, created.private_key);

    disable_key(&*store, &created.public_key).unwrap();
    disable_key(&*store, &created.public_key).unwrap();
    assert!(keys(&*store, None).unwrap()[0].0.disabled);
    assert_eq!(companies(&*store).unwrap().len(), 1);
    assert_eq!(organizations(&*store, company_id).unwrap(), [organization]);
}

#[test]
fn a_refused_renaming_has_its_reason_and_changes_nothing() {
    let (_directory, store) = store();
    let store = &*store;
    let company_id = company(store);
    let organization = add_organization(store, company_id, "A").unwrap();
    let long = "x".repeat(257);
    let of_company =
        |company_id, name: &str| rename_company(store, company_id, name).unwrap_err().to_string();
    assert_eq!(of_company(9, "x"), "company 9 does not exist");
    assert_eq!(of_company(company_id, " "), "the company's name must not be empty");
    assert_eq!(of_company(company_id, "a\nb"), "the company's name must have no control characters");
    let of_organization = |company_id, organization_id, name: &str| {
        rename_organization(store, company_id, organization_id, name).unwrap_err().to_string()
    };
    assert_eq!(of_organization(9, 1, "x"), "company 9 does not exist");
    assert_eq!(of_organization(company_id, 7, "x"), format!("company {company_id} has no organization 7"));
    assert_eq!(of_organization(company_id, 1, &long), "the organization's name must have at most 256 bytes");
    assert_eq!(companies(store).unwrap()[0].name, "Demo");
    assert_eq!(organizations(store, company_id).unwrap(), [organization]);
    assert_eq!(store.snapshot().unwrap().names_version().unwrap(), 0);
}

#[test]
fn a_refused_creation_has_its_reason_and_changes_nothing() {
    let (_directory, store) = store();
    let (store, config, master) = (&*store, Config::default(), MasterKey::generate());
    let (mine, other) = (company(store), company(store));
    add_organization(store, mine, "A").unwrap();
    let strange = add_organization(store, other, "B").unwrap();
    let foreign = add_organization(store, other, "C").unwrap().organization_id;
    assert!(strange.organization_id != foreign);

    let long = "x".repeat(257);
    let company =
        |name, currency, brand| add_company(store, Some(&config), name, currency, brand).unwrap_err();
    let key = |company_id, rights: KeyRights| add_key(store, &master, company_id, &rights, 5).unwrap_err();
    let networks = |text: &str| KeyRights { allowed_networks: vec![text.into()], ..KeyRights::default() };
    for (error, text) in [
        (company(" ", "CNY", "default"), "the company's name must not be empty"),
        (company(&long, "CNY", "default"), "the company's name must have at most 256 bytes"),
        (company("a\nb", "CNY", "default"), "the company's name must have no control characters"),
        (company("A", "EUR", "default"), "currency \"EUR\" is not supported: it must be CNY or USD"),
        (company("A", "CNY", "x"), "brand \"x\" is not configured; configured are default"),
        (add_organization(store, 99, "A").unwrap_err(), "company 99 does not exist"),
        (add_organization(store, mine, "").unwrap_err(), "the organization's name must not be empty"),
        (key(99, KeyRights::default()), "company 99 does not exist"),
        (
            key(mine, KeyRights { organization_ids: vec![foreign], ..KeyRights::default() }),
            "company 1 has no organization 2",
        ),
        (
            key(mine, networks("10.0.0.1/8")),
            "allowed network \"10.0.0.1/8\" has bits beyond its prefix: write 10.0.0.0/8",
        ),
        (disable_key(store, "x").unwrap_err(), "there is no key with the public key \"x\""),
        (organizations(store, 99).unwrap_err(), "company 99 does not exist"),
        (keys(store, Some(99)).unwrap_err(), "company 99 does not exist"),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(companies(store).unwrap().len(), 2);
    assert!(keys(store, None).unwrap().is_empty());
    assert_eq!(organizations(store, mine).unwrap().len(), 1);
}

#[test]
fn a_database_belongs_to_one_master_key() {
    let (_directory, store) = store();
    let master = MasterKey::generate();
    master.bind(&*store).unwrap();
    master.bind(&*store).unwrap();
    let other = MasterKey::generate();
    let error = other.bind(&*store).unwrap_err().to_string();
    assert!(error.contains(&master.fingerprint()) && error.contains(&other.fingerprint()), "{error}");
    master.bind(&*store).unwrap();
}
