//! A database that is down, read-only, or denies access: the server reports it, and recovers without a restart.

use std::sync::Arc;

use tollbook_ops::MasterKey;
use tollbook_ops::tenancy::keys::KeyRights;
use tollbook_store::{Outcome, Store, StoreError, StoreOptions, open_postgres};
use tollbook_testkit::{Cluster, Database};

use crate::http::client::{Http, encode};
use crate::http::sample_orders;
use crate::http::server::{CONFIG, Key, Server};

const UNAVAILABLE: &str = "150 Service unavailable";

struct Fixture {
    server: Server,
    store: Arc<dyn Store>,
    key: Key,
    limited: Key,
    company_id: i64,
    organization_ids: Vec<i64>,
}

impl Fixture {
    fn over(url: &str) -> Self {
        let store = open_postgres(url, None, &StoreOptions::default()).unwrap();
        let server =
            Server::over(CONFIG, Arc::clone(&store), Arc::clone(&store), MasterKey::generate(), None);
        let company = server.company("Exposed", "default");
        let organization = server.organization(&company, "One");
        let organization_ids = vec![organization.organization_id];
        server.add(&sample_orders::orders(company.company_id, &organization_ids));
        let key = server.full_key(&company);
        let rights = KeyRights { rate_limit_per_s: Some(1_000), ..KeyRights::default() };
        let limited = server.key(&company, &rights);
        Self { server, store, key, limited, company_id: company.company_id, organization_ids }
    }

    fn every_action_says(&self, key: &Key, verdict: &str) {
        for action in tollbook_api::actions::ACTIONS {
            let answer = self.server.ask(key, &encode(&sample_orders::required(action)));
            // What it answers is read with the key.
            let is_read = action.name == "GetUserInfo" && answer.verdict() == "0";
            assert!(is_read || answer.verdict() == verdict, "{}: {}", action.name, answer.verdict());
        }
    }

    fn health(&self) -> u16 {
        Http::new("GET", "/healthz").send(self.server.address).status
    }

    /// Stores one more order.
    fn add(&self, number: usize) -> Result<Vec<Outcome>, StoreError> {
        let mut transaction = self.store.begin()?;
        let order = sample_orders::order(self.company_id, &self.organization_ids, number);
        let outcomes = transaction.add_orders(&[order])?;
        transaction.commit()?;
        Ok(outcomes)
    }
}

/// Ends the current sessions, so that new sessions use the changed settings.
fn end_sessions(database: &Database<'_>) {
    database.sql(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
}

#[test]
fn a_restarted_database_is_used_at_once() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = Fixture::over(database.url());
    let outages: [&dyn Fn(); 3] = [&|| cluster.stop(), &|| cluster.kill(), &|| cluster.stop()];
    for end in outages {
        fixture.every_action_says(&fixture.key, "0");
        assert_eq!(fixture.health(), 200);
        let files = fixture.server.export_files();
        end();
        fixture.every_action_says(&fixture.key, UNAVAILABLE);
        fixture.every_action_says(&fixture.limited, UNAVAILABLE);
        assert_eq!(fixture.health(), 503);
        assert_eq!(fixture.server.export_files(), files, "a failed export leaves no file");
        cluster.start_again();
    }
    fixture.every_action_says(&fixture.key, "0");
    fixture.every_action_says(&fixture.limited, "0");
}

#[test]
fn a_read_only_database_is_still_read() {
    let database = Cluster::shared().database();
    let fixture = Fixture::over(database.url());
    let set = |value: &str| {
        database.sql(&format!(
            "SET default_transaction_read_only = off;
             ALTER DATABASE {} SET default_transaction_read_only = {value}",
            database.name()
        ));
        end_sessions(&database);
    };
    set("on");
    for action in tollbook_api::actions::ACTIONS {
        let answer = fixture.server.ask(&fixture.key, &encode(&sample_orders::required(action)));
        let verdict = if sample_orders::writes(action) { UNAVAILABLE } else { "0" };
        assert_eq!(answer.verdict(), verdict, "{}", action.name);
    }
    fixture.every_action_says(&fixture.limited, UNAVAILABLE);
    assert!(matches!(fixture.add(100), Err(StoreError::Unavailable(_))));
    assert_eq!(fixture.health(), 200);
    set("off");
    fixture.every_action_says(&fixture.limited, "0");
    assert_eq!(fixture.add(100).unwrap(), [Outcome::Added]);
}

#[test]
fn a_database_that_accepts_no_connections_is_unavailable() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let fixture = Fixture::over(database.url());
    let (name, elsewhere) = (database.name(), |sql: &str| cluster.sql("postgres", sql));
    elsewhere(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    elsewhere(&format!(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'"
    ));
    fixture.every_action_says(&fixture.key, UNAVAILABLE);
    assert_eq!(fixture.health(), 503);
    let standing = Http::new("GET", "/v1/companies/1/standing").header("Authorization", "Bearer x");
    assert_eq!(standing.send(fixture.server.address).status, 503);
    elsewhere(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    fixture.every_action_says(&fixture.key, "0");
}

#[test]
fn a_database_that_denies_access_is_unavailable() {
    let database = Cluster::shared().database();
    let role = format!("of_{}", database.name());
    database.sql(&format!("CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}", database.name()));
    let fixture = Fixture::over(&database.url().replace("postgres@", &format!("{role}@")));
    // Statement, verdict for the unlimited key, verdict for the limited key, statement that reverts the first
    let table = [
        (format!("ALTER ROLE {role} NOLOGIN"), UNAVAILABLE, UNAVAILABLE, format!("ALTER ROLE {role} LOGIN")),
        (
            format!(
                "REVOKE ALL ON orders, rollup, organization, export_job, account, ledger, line FROM {role}"
            ),
            UNAVAILABLE,
            UNAVAILABLE,
            format!("GRANT ALL ON orders, rollup, organization, export_job, account, ledger, line TO {role}"),
        ),
        (
            format!("REVOKE ALL ON request_rate FROM {role}"),
            "0",
            UNAVAILABLE,
            format!("GRANT ALL ON request_rate TO {role}"),
        ),
    ];
    for (done, unlimited, limited, undone) in table {
        database.sql(&done);
        end_sessions(&database);
        fixture.every_action_says(&fixture.key, unlimited);
        fixture.every_action_says(&fixture.limited, limited);
        database.sql(&undone);
        fixture.every_action_says(&fixture.key, "0");
        fixture.every_action_says(&fixture.limited, "0");
    }
}
