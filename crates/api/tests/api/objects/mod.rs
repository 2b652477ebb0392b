//! Object stores with servers: our clients with a third-party S3 server and with our US3 host, the published US3 client
//! with that host, and network failures between them.

mod contract;
mod failures;
mod killed;
mod published;
mod relay;
mod relayed_store;
mod served;
mod servers;
