//! Read replicas. The number of orders in an answer shows whether the primary or the replica was read.

use std::sync::Arc;
use std::time::Duration;

use tollbook_ops::MasterKey;
use tollbook_store::{Outcome, Store, StoreOptions, open_postgres};
use tollbook_testkit::{Cluster, Database};

use crate::http::sample_orders::{self, RANGE};
use crate::http::server::{CONFIG, Key, Server};
use crate::http::workbook;

/// A staleness limit that no test reaches: answers may be as old as the first request.
const LONG: Duration = Duration::from_secs(86_400);

/// A primary with one writer and a company, and its replica.
struct Fixture<'a> {
    database: Database<'a>,
    primary: &'a Cluster,
    replica: Cluster,
    /// Writes to the primary without a server.
    other: Arc<dyn Store>,
    master: MasterKey,
    key: Key,
    company_id: i64,
    organization_ids: Vec<i64>,
}

impl<'a> Fixture<'a> {
    fn over(primary: &'a Cluster) -> Self {
        let database = primary.database();
        let other = open_postgres(database.url(), None, &StoreOptions::default()).unwrap();
        let master = MasterKey::generate();
        let server = Server::over(CONFIG, Arc::clone(&other), Arc::clone(&other), master.clone(), None);
        let company = server.company("Copied", "default");
        let organization_ids = vec![server.organization(&company, "One").organization_id];
        let key = server.full_key(&company);
        let (replica, company_id) = (primary.replica(), company.company_id);
        let fixture = Self { database, primary, replica, other, master, key, company_id, organization_ids };
        fixture.add(&*fixture.other, 0);
        fixture.replica.wait_for_replay(primary);
        fixture
    }

    /// A server that reads the replica.
    fn server(&self, replica_staleness: Duration) -> (Server, Arc<dyn Store>) {
        let options = StoreOptions { replica_staleness, ..StoreOptions::default() };
        let read_url = self.replica.url(self.database.name());
        let store = open_postgres(self.database.url(), Some(&read_url), &options).unwrap();
        (Server::over(CONFIG, Arc::clone(&store), Arc::clone(&store), self.master.clone(), None), store)
    }

    fn add(&self, store: &dyn Store, number: usize) {
        let mut transaction = store.begin().unwrap();
        let orders = [sample_orders::order(self.company_id, &self.organization_ids, number * 4)];
        assert_eq!(transaction.add_orders(&orders).unwrap(), [Outcome::Added]);
        transaction.commit().unwrap();
    }

    /// Every kind of read of orders finds this number of paid orders.
    fn sees(&self, server: &Server, orders: i64, why: &str) {
        let ask =
            |action: &str| server.ask(&self.key, &format!("Action={action}&{RANGE}&Page=1&PageSize=10"));
        assert_eq!(ask("ListPaidOrders").integer("Total"), orders, "{why}");
        let summaries = ask("ListPaidOrderSummary");
        let counted = summaries.list("Summaries").iter().map(|row| row["OrderCount"].as_i64().unwrap());
        assert_eq!(counted.sum::<i64>(), orders, "{why}");
        let regions = server.ask(&self.key, "Action=GetFilterOptions");
        assert_eq!(regions.list("ResourceIds").len(), usize::try_from(orders).unwrap(), "{why}");
        let export = ask("DownloadListPaidOrders");
        let link = server.follow("GET", export.data("DownloadURL").as_str().unwrap());
        let sheets = workbook::read(&link.send(server.address).body);
        assert_eq!(sheets[0].1.len(), usize::try_from(orders).unwrap() + 1, "{why}");
    }

    /// Amounts, which include pending usage, are always read from the primary.
    fn counts(&self, server: &Server, orders: i64) {
        let amount = server.ask(&self.key, &format!("Action=GetOrderAmount&{RANGE}"));
        assert_eq!(amount.integer("PaidCount"), orders);
    }

    /// Waits until the replica has applied everything, and pauses replay.
    fn freeze(&self) {
        self.replica.wait_for_replay(self.primary);
        self.replica.pause_replay();
    }
}

#[test]
fn a_replica_answers_while_it_is_recent_enough() {
    let primary = Cluster::start();
    let fixture = Fixture::over(&primary);
    let (server, store) = fixture.server(LONG);
    fixture.sees(&server, 1, "from here on answers may be as old as this one");
    fixture.freeze();
    fixture.add(&*fixture.other, 1);
    fixture.sees(&server, 1, "the replica, which lags, answers");
    fixture.counts(&server, 2);
    fixture.add(&*store, 2);
    fixture.sees(&server, 3, "a server reads its own writes: the primary answers");
    fixture.replica.resume_replay();
    fixture.freeze();
    fixture.add(&*fixture.other, 3);
    fixture.sees(&server, 3, "the replica has caught up and answers again");
    fixture.replica.resume_replay();
    fixture.replica.wait_for_replay(&primary);
    fixture.sees(&server, 4, "the replica continues to apply changes");
    fixture.replica.promote();
    fixture.add(&*fixture.other, 4);
    fixture.sees(&server, 5, "a promoted replica is not used as a replica");
}

#[test]
fn a_disabled_key_is_refused_although_the_replica_has_it_enabled() {
    let primary = Cluster::start();
    let fixture = Fixture::over(&primary);
    let (server, _) = fixture.server(LONG);
    fixture.sees(&server, 1, "from here on answers may be as old as this one");
    fixture.freeze();
    fixture.add(&*fixture.other, 1);
    fixture.sees(&server, 1, "the replica answers");
    let mut transaction = fixture.other.begin().unwrap();
    assert!(transaction.disable_api_key(&fixture.key.public).unwrap());
    transaction.commit().unwrap();
    let refused = server.ask(&fixture.key, &format!("Action=GetOrderAmount&{RANGE}"));
    assert_eq!(refused.verdict(), "172 User Not Exists");
}

#[test]
fn a_replica_is_optional() {
    let primary = Cluster::start();
    let fixture = Fixture::over(&primary);
    let (strict, _) = fixture.server(Duration::ZERO);
    fixture.sees(&strict, 1, "both databases have the order");
    fixture.freeze();
    fixture.add(&*fixture.other, 1);
    fixture.sees(&strict, 2, "no answer may be old: the primary answers");
    let (server, _) = fixture.server(LONG);
    fixture.replica.stop();
    fixture.add(&*fixture.other, 2);
    fixture.sees(&server, 3, "the replica is stopped: the primary answers");
    let (late, _) = fixture.server(LONG);
    fixture.sees(&late, 3, "a server starts while the replica is stopped");
}
