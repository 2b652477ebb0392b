//! Arguments of `connect`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::customer::time::Time;

#[derive(Subcommand)]
pub(crate) enum ConnectCommand {
    /// Say whom the usage of other programs belongs to
    #[command(subcommand)]
    Map(MapCommand),
    /// Show what to paste into LiteLLM, and wait for its first record
    Litellm(Guide),
    /// Show what to paste into an OpenTelemetry Collector or SDK, and wait for its first record
    Opentelemetry(Guide),
    /// Show what to paste into Kong, and wait for its first record
    Kong(Guide),
    /// Show what to paste into Envoy AI Gateway, and wait for its first record
    EnvoyAiGateway(Guide),
    /// Show what to paste into Bifrost, and wait for its first record
    Bifrost(Guide),
    /// Show what to paste into agentgateway, and wait for its first record
    Agentgateway(Guide),
    /// Read the log of new-api from its database, from where it was read last; without --from, show how
    NewApi(NewApi),
}

/// What to paste into a gateway.
#[derive(Args)]
pub(crate) struct Guide {
    /// URL at which the gateway reaches the server [default: `public_url` of the configuration, or where it listens]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Add an operator key of the gateway's name, and put it into the lines
    #[arg(long)]
    pub(crate) add_key: bool,
    /// Wait for the first record and say what it cost [default on a terminal]
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) wait: bool,
    /// Do not wait for the first record
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Read the log of new-api.
#[derive(Args)]
pub(crate) struct NewApi {
    /// Database of new-api: `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, `postgres://…`, or sqlite:PATH
    #[arg(long, env = "TOLLBOOK_NEW_API_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) from: Option<String>,
    /// Name of the log: the source of its records. Each new-api needs its own, because their ids are the same
    #[arg(long, default_value = "new-api")]
    pub(crate) name: String,
    /// Read what is there and end, instead of following the log
    #[arg(long, requires = "from")]
    pub(crate) once: bool,
    /// Read again from the first row that was written at this time; records that are stored already are duplicates
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Time>,
    /// Seconds between reads
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) interval: u64,
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
