//! The arguments of `user`.

use clap::{Subcommand, ValueEnum};

/// What a user of the console may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UserRole {
    /// See and download the bills of a company
    Viewer,
    /// Also pay unpaid orders
    Payer,
    /// Also manage API keys
    Administrator,
    /// See what the operator sees
    OperatorViewer,
    /// Do what the operator does
    Operator,
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user and print a link that opens the console once; for a known user, a new link, as for a forgotten password
    Invite {
        /// Email address
        #[arg(long)]
        email: String,
        /// Company number; not for the operator's own people
        #[arg(long)]
        company: Option<i64>,
        /// What the user may do
        #[arg(long, value_enum)]
        role: UserRole,
        /// Bind the user to an organization; repeatable
        #[arg(long)]
        organization: Vec<i64>,
        /// Hours after which the link ends
        #[arg(long, value_name = "N", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: u32,
    },
    /// List users
    List {
        /// Limit the list to this company
        #[arg(long)]
        company: Option<i64>,
    },
    /// Disable a user: sessions end at once, links work no longer
    Disable {
        /// Email address
        email: String,
    },
    /// Enable a disabled user
    Enable {
        /// Email address
        email: String,
    },
    /// Change what a user may do
    Role {
        /// Email address
        email: String,
        /// What the user may do
        #[arg(long, value_enum)]
        role: UserRole,
        /// Bind the user to an organization; repeatable [default: the whole company]
        #[arg(long)]
        organization: Vec<i64>,
    },
}
