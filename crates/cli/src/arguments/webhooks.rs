//! The arguments of `webhook`.

use clap::{ArgGroup, Args, Subcommand};

use crate::customer::time::Time;

#[derive(Subcommand)]
pub(crate) enum WebhookCommand {
    /// Add an endpoint; its secret is shown once
    Add {
        /// Where events are sent, such as `https://example.com/hooks`
        #[arg(long)]
        url: String,
        /// Company whose events are sent [default: the operator's endpoint, which gets those of all companies]
        #[arg(long)]
        company: Option<i64>,
        /// Type of the events that are sent; repeatable [default: all]
        #[arg(long, value_name = "TYPE")]
        event: Vec<String>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
    },
    /// List endpoints, without secrets
    List {
        /// Limit the list to this company
        #[arg(long)]
        company: Option<i64>,
    },
    /// Change an endpoint; what is not named stays
    Set(WebhookSet),
    /// Stop sending; what is pending waits, and what happens meanwhile is not recorded
    #[command(group(ArgGroup::new("which").required(true)))]
    Disable {
        /// Endpoint
        #[arg(group = "which")]
        id: Option<String>,
        /// All endpoints, as in a copy of the database for tests
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Send again, beginning with what is pending
    Enable {
        /// Endpoint
        id: String,
    },
    /// Replace the secret; for a while messages are signed by both
    RotateSecret {
        /// Endpoint
        id: String,
        /// Hours for which messages are signed by both; 0 ends the former secret at once
        #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=8_760))]
        overlap_hours: u32,
    },
    /// Remove an endpoint with its deliveries
    Remove {
        /// Endpoint
        id: String,
    },
    /// Send a test event now, and print the answer
    Test {
        /// Endpoint
        id: String,
    },
    /// List the types of events
    Events,
    /// List deliveries, the newest events first
    Deliveries {
        /// Limit the list to this endpoint
        #[arg(long, value_name = "ID")]
        endpoint: Option<String>,
        /// Only dead letters: deliveries that were given up
        #[arg(long, conflicts_with = "pending")]
        failed: bool,
        /// Only those that are made now or later
        #[arg(long)]
        pending: bool,
        /// Maximum number of deliveries
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
    /// Send events again, under their ids
    Replay(WebhookReplay),
}

/// Options of `webhook set`.
#[derive(Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true)))]
pub(crate) struct WebhookSet {
    /// Endpoint
    pub(crate) id: String,
    /// Where events are sent
    #[arg(long, group = "change")]
    pub(crate) url: Option<String>,
    /// What people call it
    #[arg(long, group = "change")]
    pub(crate) name: Option<String>,
    /// Type of the events that are sent; repeatable
    #[arg(long, value_name = "TYPE", group = "change", conflicts_with = "all_events")]
    pub(crate) event: Vec<String>,
    /// All events are sent
    #[arg(long, group = "change")]
    pub(crate) all_events: bool,
}

/// What `webhook replay` sends again.
#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true)))]
pub(crate) struct WebhookReplay {
    /// Id of an event, `msg_…`
    #[arg(value_name = "MESSAGE", group = "what")]
    pub(crate) message: Option<String>,
    /// All dead letters
    #[arg(long, group = "what")]
    pub(crate) dead_letters: bool,
    /// Events that happened at or after this time, and whose deliveries have ended
    #[arg(long, value_name = "TIME", group = "what", requires = "to")]
    pub(crate) from: Option<Time>,
    /// The time before which they happened
    #[arg(long, value_name = "TIME", requires = "from")]
    pub(crate) to: Option<Time>,
    /// Limit it to this endpoint
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
}
