//! Object stores with servers: our clients with a third-party S3 server and with our US3 host, the published US3 client
//! with that host, and network failures between them.

mod contract;
mod failures;
mod killed;
mod published;
mod relayed_store;
mod served;

use std::sync::Arc;

use tollbook_ops::SystemClock;
use tollbook_testkit::stores::Us3Server;

/// The product's read-only US3 host.
fn read_only_host() -> Us3Server {
    Us3Server::of(|store| tollbook_api::us3_endpoint(store, Arc::new(SystemClock)))
}
