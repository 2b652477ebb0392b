//! Several servers on one database, and a pool with one connection.

use std::sync::Arc;

use tollbook_ops::MasterKey;
use tollbook_ops::tenancy::keys::KeyRights;
use tollbook_store::{Store, StoreOptions, open_postgres};
use tollbook_testkit::{Cluster, Database};

use crate::http::sample_orders::RANGE;
use crate::http::server::{CONFIG, Server};

const LIMITED: &str = "153 Request rate limited";

fn open(database: &Database<'_>) -> Arc<dyn Store> {
    open_postgres(database.url(), None, &StoreOptions::default()).unwrap()
}

fn limited(rate_limit_per_s: u32) -> KeyRights {
    KeyRights { rate_limit_per_s: Some(rate_limit_per_s), ..KeyRights::default() }
}

#[test]
fn servers_share_the_rate_limit_of_a_key() {
    let database = Cluster::shared().database();
    let master = MasterKey::generate();
    let servers = [(); 2].map(|()| {
        let store = open(&database);
        Server::over(CONFIG, Arc::clone(&store), store, master.clone(), None)
    });
    let company = servers[0].company("Spread", "default");
    let (key, other) = (servers[0].key(&company, &limited(3)), servers[0].key(&company, &limited(1_000_000)));
    let request = format!("Action=GetOrderAmount&{RANGE}");
    // One row per second: the server of each request, and its verdict.
    let table: [(&[usize], &[&str]); 3] = [
        (&[0, 1, 0, 1, 0, 0, 1], &["0", "0", "0", LIMITED, LIMITED, LIMITED, LIMITED]),
        (&[1, 1, 1, 0, 1], &["0", "0", "0", LIMITED, LIMITED]),
        (&[0, 0, 0, 0], &["0", "0", "0", LIMITED]),
    ];
    for (asked, expected) in table {
        let verdicts: Vec<String> =
            asked.iter().map(|server| servers[*server].ask(&key, &request).verdict()).collect();
        assert_eq!(verdicts, expected);
        assert_eq!(servers[0].ask(&other, &request).verdict(), "0", "another key has its own limit");
        servers.iter().for_each(|server| server.clock.advance(1));
    }
}

#[test]
fn a_limited_key_needs_one_connection_at_a_time() {
    let database = Cluster::shared().database();
    let options = StoreOptions { connections: 1, ..StoreOptions::default() };
    let store = open_postgres(database.url(), None, &options).unwrap();
    let server = Server::over(CONFIG, Arc::clone(&store), store, MasterKey::generate(), None);
    let company = server.company("Narrow", "default");
    let key = server.key(&company, &limited(2));
    let request = format!("Action=GetOrderAmount&{RANGE}");
    let verdicts = [(); 3].map(|()| server.ask(&key, &request).verdict());
    assert_eq!(verdicts, ["0", "0", LIMITED]);
}
