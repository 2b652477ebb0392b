//! Arguments of `connect`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum ConnectCommand {
    /// Say whom the usage of other programs belongs to
    #[command(subcommand)]
    Map(MapCommand),
}

#[derive(Subcommand)]
pub(crate) enum MapCommand {
    /// Add a rule, or replace the one of the same source, kind and key
    Add {
        #[command(flatten)]
        name: RuleName,
        #[command(flatten)]
        owner: RuleOwner,
    },
    /// Set the owner of the records of a source that no other rule is for
    Default {
        /// Program: litellm, otlp, openmeter or new-api; * is every one
        #[arg(long)]
        source: String,
        #[command(flatten)]
        owner: RuleOwner,
    },
    /// List the rules
    List {
        /// Limit the list to this program
        #[arg(long)]
        source: Option<String>,
    },
    /// Remove a rule
    Remove(RuleName),
    /// Add the rules of a file, .toml or .csv, or replace those of the same source, kind and key: all or none
    Import {
        /// File
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// What identifies a rule.
#[derive(Args)]
pub(crate) struct RuleName {
    /// Program: litellm, otlp, openmeter or new-api; * is every one
    #[arg(long)]
    pub(crate) source: String,
    /// What the key is: `key_hash`, `key_id`, `key_alias`, team, user, `end_user`, organization, project, subject,
    /// attribute:NAME, or default, which has no key
    #[arg(long)]
    pub(crate) kind: String,
    /// The program's own name of it, compared byte for byte
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) key: String,
}

/// Whom records belong to.
#[derive(Args)]
pub(crate) struct RuleOwner {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Organization number
    #[arg(long)]
    pub(crate) organization: i64,
    /// `ResourceID` of the records [default: the most specific name of each record, such as the hash of its API key]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) resource: String,
    /// Display name of the resource
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) resource_name: String,
}
