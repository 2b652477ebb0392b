//! Reading from a replica, and failover to it when the primary stops.

use tollbook_testkit::Cluster;

use crate::failures::write_orders;
use crate::program::{Fixture, Server, sql};
use crate::rig::{Client, range};

const ORDERS: i64 = 3_000;

fn total(client: &Client, server: &Server) -> i64 {
    let mut parameters = range();
    parameters.extend([("Page", "1".to_owned()), ("PageSize", "10".to_owned())]);
    let answer = client.call(server.url(), "ListPaidOrders", &parameters);
    if answer["RetCode"] == 150 {
        return -1;
    }
    assert_eq!(answer["RetCode"], 0, "{answer}");
    answer["Total"].as_i64().unwrap()
}

#[test]
fn lists_are_read_from_a_replica_that_replaces_the_primary_once_promoted() {
    let primary = Cluster::start();
    let database = primary.database();
    let fixture = Fixture::on(database.url());
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, ORDERS);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let replica = primary.replica();
    let replica_url = replica.url(database.name());
    let client = Client::new(&company);
    let server = fixture.start(&["serve", "--read-database", &replica_url]);
    replica.wait_for_replay(&primary);
    assert_eq!(total(&client, &server), ORDERS);
    let sessions = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'tollbook'";
    assert_eq!(sql(&replica_url, sessions), "t", "the replica was queried");
    // A server with both addresses uses the database that accepts writes.
    let (_, name) = replica_url.rsplit_once('/').unwrap();
    let host = |url: &str| url.split_once('@').unwrap().1.rsplit_once('/').unwrap().0.to_owned();
    let both = format!(
        "postgres://postgres@{},{}/{name}?target_session_attrs=read-write",
        host(database.url()),
        host(&replica_url)
    );
    let follower = fixture.start(&["serve", "--database", &both]);
    assert_eq!(total(&client, &follower), ORDERS);
    primary.stop();
    assert_eq!(total(&client, &follower), -1, "no database accepts writes");
    replica.promote();
    assert_eq!(total(&client, &follower), ORDERS, "the server fails over without a restart");
    assert_eq!(total(&client, &server), -1, "the primary of this server has stopped");
    // The promoted replica works with the same keys and data directory.
    let verified = fixture.json(&["verify", "--database", &replica_url]);
    assert_eq!(verified["Differences"], serde_json::json!([]));
    assert_eq!(verified["Orders"], ORDERS);
    let again = fixture.start(&["serve", "--database", &replica_url]);
    assert_eq!(total(&client, &again), ORDERS);
    let repeated = fixture.json(&["orders", "import", "orders.jsonl", "--database", &both]);
    assert_eq!(repeated["Present"], ORDERS);
    fixture
        .write("more.jsonl", crate::import::lines([crate::import::paid(&company, ORDERS, 1_760_000_400, 1)]));
    assert_eq!(fixture.json(&["orders", "import", "more.jsonl", "--database", &both])["Added"], 1);
    assert_eq!([total(&client, &follower), total(&client, &again)], [ORDERS + 1; 2]);
}
