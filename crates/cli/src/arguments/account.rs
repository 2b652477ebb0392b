//! Arguments of every customer command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The API server and the key to call it with.
#[derive(Args)]
pub(crate) struct Account {
    /// Base URL of the API server
    #[arg(long, env = "TOLLBOOK_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) server: String,
    /// Public key
    #[arg(long, env = "TOLLBOOK_PUBLIC_KEY", value_name = "KEY")]
    pub(crate) public_key: String,
    /// How requests are signed
    #[arg(long, env = "TOLLBOOK_SIGNING", value_enum, default_value_t = Signing::Auto)]
    pub(crate) signing: Signing,
    /// File with the authorities of the server's certificate, instead of the public ones
    #[arg(long, env = "TOLLBOOK_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Signing {
    /// As published, and strictly if the server demands it
    Auto,
    /// As published
    Published,
    /// Strictly: each request once, and within some minutes
    Strict,
}
