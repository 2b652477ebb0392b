//! The arguments of `key` that are more than a few.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::customer::time::Time;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyPermission {
    /// List and sum orders
    Read,
    /// Download orders as files
    Export,
    /// Pay unpaid orders
    Pay,
}

/// What requests with a key must sign strictly (docs/SIGNING.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyStrict {
    /// What the configuration says
    Default,
    /// Nothing
    Off,
    /// Payments
    Pay,
    /// Every request
    #[value(alias = "on")]
    All,
}

#[derive(Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Show the fingerprint of this process's master key, and whether it is being replaced
    Show,
    /// Encrypt every private key under a new master key; servers keep running. If interrupted, run the same command again
    Rotate,
    /// Refuse the former master key from now on, after every server was restarted with the new one
    Finish {
        /// Do not wait until running servers know of the new key: every one was restarted since, or none runs
        #[arg(long)]
        now: bool,
    },
}

/// Options of `key set`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true)))]
pub(crate) struct KeySet {
    /// Public key
    pub(crate) public_key: String,
    /// What people call it
    #[arg(long, group = "change")]
    pub(crate) name: Option<String>,
    /// What the key may do; repeatable
    #[arg(long, value_enum, group = "change", conflicts_with = "all_permissions")]
    pub(crate) permission: Vec<KeyPermission>,
    /// The key may do everything
    #[arg(long, group = "change")]
    pub(crate) all_permissions: bool,
    /// When it ends; a date is a day
    #[arg(long, value_name = "TIME", group = "change", conflicts_with = "no_expiry")]
    pub(crate) expires: Option<Time>,
    /// It does not end
    #[arg(long, group = "change")]
    pub(crate) no_expiry: bool,
    /// Restrict the key to an address range; repeatable
    #[arg(long, value_name = "CIDR", group = "change", conflicts_with = "any_ip")]
    pub(crate) allow_ip: Vec<String>,
    /// The key may be used from any address
    #[arg(long, group = "change")]
    pub(crate) any_ip: bool,
    /// Rate limit in requests per second; 0: none
    #[arg(long, value_name = "N", group = "change", conflicts_with_all = ["no_rate_limit", "default_rate_limit"])]
    pub(crate) rate_limit: Option<u32>,
    /// No rate limit, not that of the configuration either
    #[arg(long, group = "change", conflicts_with = "default_rate_limit")]
    pub(crate) no_rate_limit: bool,
    /// The rate limit of the configuration
    #[arg(long, group = "change")]
    pub(crate) default_rate_limit: bool,
    /// What must be signed strictly
    #[arg(long, value_enum, group = "change")]
    pub(crate) strict: Option<KeyStrict>,
    /// Refuse the key until it is resumed
    #[arg(long, group = "change", conflicts_with = "resume")]
    pub(crate) suspend: bool,
    /// Accept a suspended key again
    #[arg(long, group = "change")]
    pub(crate) resume: bool,
}
