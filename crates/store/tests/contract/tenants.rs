//! Companies, organizations, keys, settings.

use tollbook_domain::tenant::{ApiKey, Permission, StrictSigning};
use tollbook_domain::{Owner, OwnerRule};
use tollbook_store::{PutOwners, Store, StoreError, StoreOptions};

use crate::Backend;

pub(crate) fn company(store: &dyn Store, name: &str) -> i64 {
    let mut transaction = store.begin().unwrap();
    let company = transaction.add_company(name, "CNY", "default").unwrap();
    transaction.add_organization(company.company_id, "org-a", "A").unwrap();
    transaction.add_organization(company.company_id, "org-b", "B").unwrap();
    transaction.commit().unwrap();
    company.company_id
}

pub(crate) fn companies_and_organizations_are_numbered(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    assert_eq!(company(&*store, "one"), 1);
    assert_eq!(company(&*store, "two"), 2);
    let store = backend.open(&StoreOptions::default());
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(
        snapshot.companies().unwrap().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["one", "two"]
    );
    assert_eq!(snapshot.company(2).unwrap().unwrap().currency, "CNY");
    assert!(snapshot.company(3).unwrap().is_none());
    let organizations = snapshot.organizations(2).unwrap();
    assert_eq!(
        organizations.iter().map(|o| (o.organization_id, o.project_id.as_str())).collect::<Vec<_>>(),
        [(1, "org-a"), (2, "org-b")]
    );
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.add_organization(9, "org-x", "X"), Err(StoreError::Missing(_))));
    assert!(matches!(transaction.add_organization(1, "org-a", "again"), Err(StoreError::Exists(_))));
}

pub(crate) fn companies_and_organizations_are_renamed(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    company(&*store, "two");
    let before = store.snapshot().unwrap().names_version().unwrap();
    let mut transaction = store.begin().unwrap();
    assert!(!transaction.rename_company(3, "x").unwrap());
    assert!(!transaction.rename_organization(1, 3, "x").unwrap());
    assert!(!transaction.rename_organization(3, 1, "x").unwrap());
    assert_eq!(transaction.names_version().unwrap(), before, "nothing was renamed");
    assert!(transaction.rename_company(2, "zwei").unwrap());
    assert!(transaction.rename_organization(2, 1, "研发").unwrap());
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.names_version().unwrap(), before + 2);
    let names: Vec<String> = snapshot.companies().unwrap().into_iter().map(|known| known.name).collect();
    assert_eq!(names, ["one", "zwei"]);
    let names = |snapshot: &mut dyn tollbook_store::Snapshot, company_id| {
        let organizations = snapshot.organizations(company_id).unwrap();
        organizations.into_iter().map(|known| (known.organization_id, known.name)).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut *snapshot, 1), [(1, "A".into()), (2, "B".into())]);
    assert_eq!(names(&mut *snapshot, 2), [(1, "研发".into()), (2, "B".into())]);
    drop(snapshot);
    // Renamings at once are all counted.
    std::thread::scope(|scope| {
        for n in 0..4 {
            let store = &store;
            scope.spawn(move || {
                let mut transaction = store.begin().unwrap();
                assert!(transaction.rename_organization(1 + n % 2, 1 + n / 2, &format!("n{n}")).unwrap());
                transaction.commit().unwrap();
            });
        }
    });
    assert_eq!(store.snapshot().unwrap().names_version().unwrap(), before + 6);
}

pub(crate) fn keys_are_read_as_written_and_can_be_disabled(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let key = ApiKey {
        public_key: "pub".into(),
        company_id: 1,
        sealed_private_key: vec![0, 255, 7],
        organization_ids: vec![2, 1],
        allowed_networks: vec!["10.0.0.0/8".into(), "::1/128".into()],
        rate_limit_per_s: Some(5),
        disabled: false,
        name: "billing · 账单".into(),
        permissions: vec![Permission::Read, Permission::Pay],
        created_s: Some(7),
        expires_s: Some(i64::MAX),
        suspended: true,
        strict: Some(StrictSigning::Pay),
    };
    let mut transaction = store.begin().unwrap();
    transaction.add_api_key(&key).unwrap();
    assert!(matches!(transaction.add_api_key(&key), Err(StoreError::Exists(_))));
    let orphan = ApiKey { company_id: 5, public_key: "other".into(), ..key.clone() };
    assert!(matches!(transaction.add_api_key(&orphan), Err(StoreError::Missing(_))));
    transaction.commit().unwrap();
    assert!(store.snapshot().unwrap().api_key("pub").unwrap() == Some(key.clone()));
    assert!(store.snapshot().unwrap().api_key("Pub").unwrap().is_none());
    let changed = ApiKey {
        name: String::new(),
        permissions: Vec::new(),
        expires_s: None,
        suspended: false,
        allowed_networks: Vec::new(),
        rate_limit_per_s: None,
        strict: None,
        ..key.clone()
    };
    let mut transaction = store.begin().unwrap();
    // What identifies a key, its company, its secret and its organizations do not change.
    let other =
        ApiKey { company_id: 9, sealed_private_key: vec![1], organization_ids: vec![7], ..changed.clone() };
    assert!(transaction.update_api_key(&other).unwrap());
    assert!(!transaction.update_api_key(&ApiKey { public_key: "none".into(), ..changed.clone() }).unwrap());
    transaction.commit().unwrap();
    assert!(store.snapshot().unwrap().api_key("pub").unwrap() == Some(changed));
    let mut transaction = store.begin().unwrap();
    assert!(transaction.disable_api_key("pub").unwrap());
    assert!(!transaction.disable_api_key("none").unwrap());
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    assert!(snapshot.api_key("pub").unwrap().unwrap().disabled);
    assert_eq!(snapshot.api_keys(Some(1)).unwrap().len(), 1);
    assert_eq!(snapshot.api_keys(Some(2)).unwrap().len(), 0);
    assert_eq!(snapshot.api_keys(None).unwrap().len(), 1);
}

pub(crate) fn the_latest_use_of_a_key_is_kept(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let (one, two) = (company(&*store, "one"), company(&*store, "two"));
    let note = |company_id, key: &str, used_s| {
        let mut transaction = store.begin().unwrap();
        transaction.note_key_use(company_id, key, used_s).unwrap();
        transaction.commit().unwrap();
    };
    for (company_id, key, used_s) in
        [(one, "b", 70), (one, "a", 50), (one, "a", 60), (one, "a", 40), (two, "c", 999), (two, "c", 1)]
    {
        note(company_id, key, used_s);
    }
    let uses = |company_id| store.snapshot().unwrap().key_uses(company_id).unwrap();
    assert_eq!(uses(one), [("a".to_owned(), 60), ("b".to_owned(), 70)]);
    assert_eq!(uses(two), [("c".to_owned(), 1)]);
    assert_eq!(uses(99), []);
}

pub(crate) fn settings_are_kept(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let mut transaction = store.begin().unwrap();
    transaction.set_setting("a", "1").unwrap();
    transaction.set_setting("a", "2").unwrap();
    assert_eq!(transaction.setting("a").unwrap().as_deref(), Some("2"));
    transaction.commit().unwrap();
    let store = backend.open(&StoreOptions::default());
    assert_eq!(store.snapshot().unwrap().setting("a").unwrap().as_deref(), Some("2"));
    assert_eq!(store.snapshot().unwrap().setting("b").unwrap(), None);
}

pub(crate) fn a_dropped_transaction_is_rolled_back(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    drop({
        let mut transaction = store.begin().unwrap();
        transaction.add_company("gone", "CNY", "default").unwrap();
        transaction
    });
    assert!(store.snapshot().unwrap().companies().unwrap().is_empty());
    assert_eq!(company(&*store, "first"), 1);
}

pub(crate) fn requests_of_a_key_are_counted_per_second(backend: &dyn Backend) {
    let stores = [backend.open(&StoreOptions::default()), backend.open(&StoreOptions::default())];
    let company_id = company(&*stores[0], "one");
    let key =
        |name: &str| ApiKey { rate_limit_per_s: Some(2), ..ApiKey::unrestricted(name, company_id, vec![1]) };
    // server | second by its clock | requests in the latest second, in which a server whose clock is behind counts too
    let table = [
        (0, 10, 1),
        (1, 10, 2),
        (0, 10, 3),
        (1, 11, 1),
        (0, 10, 2),
        (1, 11, 3),
        (0, 99, 1),
        // A clock that was more than a minute ahead does not count.
        (1, 9_999, 1),
        (0, 100, 1),
        (0, 100, 2),
    ];
    for (server, second, expected) in table {
        let mut transaction = stores[server].begin().unwrap();
        assert_eq!(transaction.count_request(&key("busy"), second).unwrap(), expected);
        transaction.commit().unwrap();
    }
    let mut transaction = stores[0].begin().unwrap();
    assert_eq!(transaction.count_request(&key("quiet"), 99).unwrap(), 1);
}

pub(crate) fn owner_rule(source: &str, kind: &str, key: &str, company_id: i64) -> OwnerRule {
    let owner = Owner {
        company_id,
        organization_id: 2,
        resource_id: format!("of {key}"),
        resource_name: "生产".into(),
    };
    OwnerRule { source: source.into(), kind: kind.into(), key: key.into(), owner }
}

pub(crate) fn owner_rules_are_replaced_by_name_and_counted(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let put = |rules: &[OwnerRule]| {
        let mut transaction = store.begin().unwrap();
        let put = transaction.put_owner_rules(rules).unwrap();
        transaction.commit().unwrap();
        let PutOwners { added, changed, unchanged } = put;
        (added, changed, unchanged)
    };
    let version = || store.snapshot().unwrap().owner_version().unwrap();
    let team = owner_rule("litellm", "team", "Blau", 1);
    let lower = owner_rule("litellm", "team", "blau", 2);
    let everywhere = owner_rule("*", "default", "", 3);
    assert_eq!(version(), 0);
    assert_eq!(put(&[team.clone(), lower.clone(), everywhere.clone()]), (3, 0, 0));
    assert_eq!(version(), 1);
    assert_eq!(put(&[team.clone(), everywhere.clone()]), (0, 0, 2));
    assert_eq!(version(), 1, "nothing was changed");
    // Of two rules of one name the last one holds.
    let moved = owner_rule("litellm", "team", "blau", 5);
    assert_eq!(put(&[owner_rule("litellm", "team", "blau", 4), moved.clone()]), (0, 2, 0));
    assert_eq!(version(), 2);
    let store = backend.open(&StoreOptions::default());
    let rules = || store.snapshot().unwrap().owner_rules().unwrap();
    assert_eq!(rules(), [everywhere.clone(), team.clone(), moved]);
    let mut transaction = store.begin().unwrap();
    assert!(!transaction.remove_owner_rule("*", "team", "blau").unwrap());
    assert!(transaction.remove_owner_rule("litellm", "team", "blau").unwrap());
    transaction.commit().unwrap();
    assert_eq!(rules(), [everywhere, team]);
    assert_eq!(store.snapshot().unwrap().owner_version().unwrap(), 3);
    drop({
        let mut transaction = store.begin().unwrap();
        assert!(transaction.remove_owner_rule("*", "default", "").unwrap());
        transaction
    });
    assert_eq!(rules().len(), 2);
}

pub(crate) fn a_nonce_is_accepted_once_until_it_is_dropped(backend: &dyn Backend) {
    let stores = [backend.open(&StoreOptions::default()), backend.open(&StoreOptions::default())];
    let (one, two) = (company(&*stores[0], "one"), company(&*stores[0], "two"));
    let table = [
        // store, company, key, signed at, nonce, durable, accepted
        (0, one, "a", 100, "n", true, true),
        (1, one, "a", 100, "n", true, false),
        (1, one, "a", 100, "n", false, false),
        (0, one, "a", 101, "n", false, true),
        (1, one, "b", 100, "n", false, true),
        (1, two, "c", 100, "n", true, true),
        (0, one, "a", 100, "N", true, true),
        (0, one, "a", 101, "n", true, false),
    ];
    for (store, company_id, key, signed_s, nonce, durable, accepted) in table {
        let mut transaction = stores[store].begin().unwrap();
        let key = ApiKey::unrestricted(key, company_id, Vec::new());
        let found = transaction.remember_nonce(&key, signed_s, nonce, durable).unwrap();
        assert_eq!(found, accepted, "{} {signed_s} {nonce}", key.public_key);
        transaction.commit().unwrap();
    }
    let dropped = |company_id, before_s| {
        let mut transaction = stores[0].begin().unwrap();
        let dropped = transaction.drop_nonces(company_id, before_s).unwrap();
        transaction.commit().unwrap();
        dropped
    };
    assert_eq!([dropped(one, 100), dropped(one, 101), dropped(one, 101)], [0, 3, 0]);
    assert_eq!(dropped(two, 101), 1);
    let mut transaction = stores[1].begin().unwrap();
    let key = ApiKey::unrestricted("a", one, Vec::new());
    assert!(!transaction.remember_nonce(&key, 101, "n", true).unwrap(), "it is within the window");
}

pub(crate) fn an_encrypted_key_is_replaced_if_it_is_the_former_one(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let company_id = company(&*store, "one");
    let mut transaction = store.begin().unwrap();
    transaction.add_api_key(&ApiKey::unrestricted("a", company_id, vec![1])).unwrap();
    for (key, former, sealed, replaced) in [
        ("a", [0], [2], false),
        ("b", [1], [2], false),
        ("a", [1], [2], true),
        ("a", [1], [3], false),
        ("a", [2], [3], true),
    ] {
        assert_eq!(
            transaction.replace_sealed_key(key, &former, &sealed).unwrap(),
            replaced,
            "{key} {former:?}"
        );
    }
    transaction.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().api_key("a").unwrap().unwrap().sealed_private_key, [3]);
}
