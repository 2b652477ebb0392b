//! Arguments of every customer command.

use clap::Args;

/// The API server and the key to call it with.
#[derive(Args)]
pub(crate) struct Account {
    /// Base URL of the API server
    #[arg(long, env = "TOLLBOOK_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) server: String,
    /// Public key
    #[arg(long, env = "TOLLBOOK_PUBLIC_KEY", value_name = "KEY")]
    pub(crate) public_key: String,
}
