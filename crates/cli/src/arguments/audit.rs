//! Arguments of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::customer::time::Time;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, the earliest first
    List(AuditList),
    /// Check the hash chains; exit code 1 if an entry was changed, removed or inserted, which is then named
    Verify {
        /// Check the chain of this company only; 0 for the deployment's
        #[arg(long)]
        company: Option<i64>,
        /// Check an export instead: by itself, and against the database
        #[arg(long, value_name = "FILE", conflicts_with = "company")]
        file: Option<PathBuf>,
        /// Check the export by itself alone, without a database
        #[arg(long, requires = "file")]
        alone: bool,
    },
    /// Write all entries as JSON Lines; - writes to standard output
    Export {
        /// File to write; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write the chain of this company only; 0 for the deployment's
        #[arg(long)]
        company: Option<i64>,
    },
}

#[derive(Args)]
pub(crate) struct AuditList {
    /// Limit the list to this company; 0 for acts that concern no company alone
    #[arg(long)]
    pub(crate) company: Option<i64>,
    /// First time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Time after the last one
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Limit the list to an act, e.g. account.deposit, or to a group of acts, e.g. account
    #[arg(long)]
    pub(crate) act: Option<String>,
    /// Maximum number of entries: the latest ones are listed
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) limit: usize,
}
