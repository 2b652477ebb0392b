//! What a key may do, and until when.

use std::sync::Arc;
use std::sync::mpsc::channel;

use tollbook_domain::tenant::Permission;
use tollbook_ops::tenancy::keys::{KeyChange, KeyRights, keys, rotate_key, set_key};

use super::backend::{Backend, on_each_backend};
use super::faulty::{Waits, Where};
use super::faulty_store::FaultyStore;
use super::sample_orders::RANGE;
use super::server::{CONFIG, Key, NOW_S, Server};

const USER_NOT_EXISTS: &str = "172 User Not Exists";
const DENIED: &str = "299 Permission denied";

/// A request for each permission.
const REQUESTS: [(Permission, &str); 4] = [
    (Permission::Read, "Action=GetOrderAmount"),
    (Permission::Export, "Action=DownloadListPaidOrders"),
    (Permission::Export, "Action=GetExportJob&JobId=none"),
    (Permission::Pay, "Action=StartPayUnpaidOrders&OrderNos.0=U1"),
];

fn verdict(server: &Server, key: &Key, request: &str) -> String {
    server.ask(key, &format!("{request}&{RANGE}")).verdict()
}

fn a_key_does_what_it_is_permitted(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Acme", "default");
    for permitted in Permission::ALL {
        let rights = KeyRights { permissions: vec![permitted], ..KeyRights::default() };
        let key = server.key(&company, &rights);
        for (needed, request) in REQUESTS {
            let found = verdict(&server, &key, request);
            assert_eq!(found == DENIED, needed != permitted, "{permitted:?}: {request}: {found}");
        }
    }
    let everything = server.full_key(&company);
    for (_, request) in REQUESTS {
        assert_ne!(verdict(&server, &everything, request), DENIED);
    }
}

fn a_key_is_refused_from_its_end_on_and_while_it_is_suspended(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Acme", "default");
    let rights = KeyRights { expires_s: Some(NOW_S + 100), ..KeyRights::default() };
    let key = server.key(&company, &rights);
    let ask = || verdict(&server, &key, REQUESTS[0].1);
    assert_eq!(ask(), "0");
    server.clock.set(NOW_S + 99);
    assert_eq!(ask(), "0");
    server.clock.set(NOW_S + 100);
    assert_eq!(ask(), USER_NOT_EXISTS);
    let set = |change: KeyChange| set_key(&*server.store, &key.public, &change, NOW_S + 100).unwrap();
    set(KeyChange { expires_s: Some(None), ..KeyChange::default() });
    assert_eq!(ask(), "0");
    set(KeyChange { suspended: Some(true), ..KeyChange::default() });
    assert_eq!(ask(), USER_NOT_EXISTS);
    set(KeyChange {
        suspended: Some(false),
        permissions: Some(vec![Permission::Pay]),
        ..KeyChange::default()
    });
    assert_eq!(ask(), DENIED);
}

fn a_rotated_key_and_its_successor_are_both_answered_for_a_while(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Acme", "default");
    let rights = KeyRights {
        name: "billing".into(),
        permissions: vec![Permission::Read],
        rate_limit_per_s: Some(1_000),
        ..KeyRights::default()
    };
    let former = server.key(&company, &rights);
    let rotated = rotate_key(&*server.store, server.master(), &former.public, 60, NOW_S).unwrap();
    assert_eq!(rotated.former_expires_s, NOW_S + 60);
    let new =
        Key { public: rotated.key.public_key.clone(), private: rotated.key.private_key.reveal().to_owned() };
    let both = || [&former, &new].map(|key| verdict(&server, key, REQUESTS[0].1));
    assert_eq!(both(), ["0", "0"]);
    assert_eq!(verdict(&server, &new, REQUESTS[3].1), DENIED, "its rights are those of the former key");
    server.clock.set(NOW_S + 60);
    assert_eq!(both(), [USER_NOT_EXISTS, "0"]);
    let stored = keys(&*server.store, Some(company.company_id)).unwrap();
    let named: Vec<_> = stored.iter().map(|(key, _)| (key.name.as_str(), key.expires_s)).collect();
    assert!(
        named.contains(&("billing", Some(NOW_S + 60))) && named.contains(&("billing", None)),
        "{named:?}"
    );
    // A key that has ended cannot be rotated: its secret may be known to others.
    assert!(rotate_key(&*server.store, server.master(), &former.public, 60, NOW_S + 60).is_err());
}

/// A key is checked when its request begins to be answered. What has begun is finished; what waits for its turn is checked
/// when the turn comes.
fn a_key_that_ends_amid_a_request_lets_it_finish(backend: Backend) {
    let config = format!("[limits]\nrequests_per_key = 1\n{}", CONFIG.split_once("\n\n").unwrap().1);
    // A sum, which reads orders, and a payment, which begins a transaction.
    for request in [REQUESTS[0].1, REQUESTS[3].1] {
        let ((reached, was_reached), (let_go, go_on)) = (channel(), channel());
        let fault = Arc::new(Waits::new(reached, go_on));
        let server = Server::configured(backend, &config, |inner| {
            Arc::new(FaultyStore { inner, place: Where::Orders, fault })
        });
        let company = server.company("Ending", "default");
        let rights = KeyRights { expires_s: Some(NOW_S + 100), ..KeyRights::default() };
        let key = server.key(&company, &rights);
        std::thread::scope(|scope| {
            let begun = scope.spawn(|| verdict(&server, &key, request));
            was_reached.recv().unwrap();
            server.clock.set(NOW_S + 100);
            let behind = scope.spawn(|| verdict(&server, &key, REQUESTS[0].1));
            // More often than the request reads orders.
            (0..64).for_each(|_| let_go.send(()).unwrap());
            assert_eq!(begun.join().unwrap(), "0", "{request}");
            assert_eq!(behind.join().unwrap(), USER_NOT_EXISTS, "{request}");
        });
    }
}

on_each_backend!(
    a_key_does_what_it_is_permitted,
    a_key_is_refused_from_its_end_on_and_while_it_is_suspended,
    a_key_that_ends_amid_a_request_lets_it_finish,
    a_rotated_key_and_its_successor_are_both_answered_for_a_while,
);
