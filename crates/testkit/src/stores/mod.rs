//! Object store servers for tests: an S3 server over a directory, and US3 hosts over the embedded store; a relay that
//! injects faults between a server and its client; and a TLS server in front of either.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot continue fails")]

mod relay;
mod servers;
mod tls;
mod us3_host;

pub use relay::{Act, Asked, Relay};
pub use servers::{
    BUCKET, DOMAIN, PRIVATE_KEY, PUBLIC_KEY, RETENTION_S, S3Server, Us3Server, files_below, keys,
};
pub use tls::TlsServer;
pub use us3_host::Us3Host;
