//! Object stores against servers: our clients with an S3 server by others and with our own US3 host, the published US3
//! client with that host, and failures of the network between them.

mod contract;
mod failures;
mod killed;
mod published;
mod relay;
mod relayed_store;
mod served;
mod servers;
