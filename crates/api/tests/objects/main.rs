//! Object stores against servers: our clients with an S3 server that is not ours and with our own US3 host, the
//! published US3 client with that host, and what happens when the way between them fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract;
mod failures;
mod killed;
mod published;
mod relay;
mod served;
mod servers;
mod site;
