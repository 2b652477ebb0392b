//! The command line (docs/CONFIGURATION.md, "Command line"). Names are fixed: scripts rely on them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::customer::time::{Time, ZoneName};
use crate::output::Format;

mod account;
mod audit;
mod charging;
mod config;
mod connect;
mod corrections;
mod customer;
mod help;
mod keys;
mod reading;
mod shown;
mod user;
mod webhooks;

pub(crate) use account::{Account, Signing};
pub(crate) use audit::{AuditCommand, AuditList};
pub(crate) use charging::{
    AccountCommand, Adjust, Deposit, DiscountCommand, ExplainPrice, OnUnknownCounts, OperatorKeyCommand, Pay,
    PricesCommand, Reverse, Revoke, Uncharged, UsageCommand, UtcOffsetCommand,
};
use config::source_in;
pub(crate) use config::{ConfigCommand, Source};
pub(crate) use connect::{ConnectCommand, Guide, MapCommand, NewApi, RuleName, RuleOwner};
pub(crate) use corrections::{
    Correction, ExplainOrder, ExplainUsage, ListCorrections, Replace, Rerate, Void,
};
pub(crate) use customer::{Amounts, Customer, Download, List, Options, Ranged, Summary, Workbook};
pub(crate) use keys::{KeyPermission, KeySet, KeyStrict, MasterKeyCommand};
pub(crate) use shown::Shown;
pub(crate) use user::{UserCommand, UserRole};
pub(crate) use webhooks::{WebhookCommand, WebhookReplay, WebhookSet};

/// Tollbook: a self-hosted billing-order service for AI platforms.
#[derive(Parser)]
#[command(name = "tollbook", version, propagate_version = true)]
pub(crate) struct Tollbook {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command line: what the arguments say, with headings and examples.
pub(crate) fn command() -> clap::Command {
    help::arranged(Tollbook::command())
}

/// The arguments of this process, and the form of its result. Ends the process if they are wrong, or if they ask for help.
pub(crate) fn parse() -> (Tollbook, Format) {
    let matches = command().get_matches();
    let mut typed = Tollbook::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    typed.global.only_reads = typed.command.only_reads();
    let mut inner = &matches;
    while let Some((_, next)) = inner.subcommand() {
        inner = next;
    }
    let stated = inner.try_get_one::<Format>("output_format").ok().flatten();
    let format = match (typed.global.json, stated) {
        (true, Some(Format::Table | Format::Csv)) => {
            wrong_usage("--json and --output state two forms of the result")
        }
        (true, _) => Format::Json,
        (false, stated) => stated.copied().unwrap_or_default(),
    };
    (typed, format)
}

/// Ends the process as for arguments that are wrong.
pub(crate) fn wrong_usage(reason: &str) -> ! {
    command().error(clap::error::ErrorKind::ArgumentConflict, reason).exit()
}

/// The name of the running command, such as `tollbook orders import`, for other processes that wait for this one. Without
/// the values of options, which may be secrets.
pub(crate) fn command_name() -> String {
    name_of(std::env::args().skip(1))
}

fn name_of(arguments: impl Iterator<Item = String>) -> String {
    let mut command = command();
    let mut name = command.get_name().to_owned();
    for argument in arguments {
        let Some(subcommand) = command.find_subcommand(argument).cloned() else { continue };
        name = format!("{name} {}", subcommand.get_name());
        command = subcommand;
    }
    name
}

/// Where the value of an option of every command is stated. `option` is its name in the code, such as `read_database`.
pub(crate) fn source_of(option: &str) -> Source {
    // These arguments have been read once, so that they are valid.
    let matches = command().try_get_matches_from(std::env::args_os()).unwrap_or_default();
    source_in(&matches, option)
}

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = help::GLOBAL_OPTIONS)]
pub(crate) struct Global {
    /// Data directory
    #[arg(long, global = true, env = "TOLLBOOK_DATA", default_value = "./tollbook-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Database [default: SQLite in the data directory]: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    #[arg(long, global = true, env = "TOLLBOOK_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// Streaming replica of the PostgreSQL database, from which lists, sums and exports are read
    #[arg(
        long,
        global = true,
        env = "TOLLBOOK_READ_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) read_database: Option<String>,
    /// Configuration file [default: tollbook.toml in the data directory, if it is there]
    #[arg(long, global = true, env = "TOLLBOOK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Time zone of dates without a time, such as Europe/Berlin or +08:00 [default: the deployment's UTC offset; for the
    /// customer's commands the machine's time zone]
    #[arg(long, global = true, value_name = "ZONE", allow_hyphen_values = true)]
    pub(crate) time_zone: Option<ZoneName>,
    /// Print exactly one JSON value on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Whether the command only reads, so that it makes no deployment where there is none.
    #[arg(skip)]
    pub(crate) only_reads: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a demo company with a month of orders, print its keys, and start the server
    Quickstart(Listen),
    /// Serve the API and downloads
    Serve(Listen),
    /// Manage companies
    #[command(subcommand)]
    Company(CompanyCommand),
    /// Manage organizations of a company
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage who signs in at the console
    #[command(subcommand)]
    User(UserCommand),
    /// Import and revoke orders (operator); list, sum, pay and download them (customer)
    Orders {
        #[command(subcommand)]
        command: OrdersCommand,
    },
    /// Manage the price book
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Manage discounts on list prices
    #[command(subcommand)]
    Discount(DiscountCommand),
    /// Import, list, correct and explain usage records
    #[command(subcommand)]
    Usage(UsageCommand),
    /// Deposit money; show accounts and ledgers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Close hours that are over, charge them, and pay arrears (a running server does this by itself)
    Settle,
    /// Show and replace the master key, under which private keys are encrypted
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Manage keys of gateways and other programs of the operator
    #[command(subcommand)]
    OperatorKey(OperatorKeyCommand),
    /// Show the key pair with which US3 clients read the embedded object store
    ObjectKeys,
    /// Connect gateways and other programs that report usage
    #[command(subcommand)]
    Connect(ConnectCommand),
    /// Manage webhooks: endpoints that are sent events, and deliveries
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// UTC offset that defines billing hours and days
    #[command(subcommand, visible_alias = "hours")]
    UtcOffset(UtcOffsetCommand),
    /// List, check and export the audit log: who did what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show what needs a person; exit code 1 if anything does
    Status,
    /// Recount orders, rollups, ledgers and balances; exit code 1 on any difference
    Verify,
    /// Copy, back up, restore, prune and distribute the database
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Show and change on purpose what every process of the deployment must agree on
    #[command(subcommand)]
    Deployment(DeploymentCommand),
    /// Check the configuration, and show every setting in force with its source
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script by which a shell completes commands and options
    Completions {
        /// Shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write a manual page for every command
    Man {
        /// Directory to write to; it is created if it is absent
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Show the settings that decide about money, those of this process, and where the database was moved to
    Show,
    /// Make the settings of this process those of the deployment, and use the database as it is, even if it was moved or is
    /// older than it was; shows what would change unless --yes is given
    Adopt {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Move a database into an empty one; nothing is written to the source any longer. If interrupted, run the same
    /// command again to continue
    Copy {
        /// Database to copy
        #[arg(long, value_name = "URL", hide_env_values = true)]
        from: String,
        /// Empty database, or one that holds an interrupted copy of the same source
        #[arg(long, value_name = "URL", hide_env_values = true)]
        to: String,
        /// Leave the source in use, as for a restored backup or a copy for tests
        #[arg(long)]
        keep_source: bool,
    },
    /// Copy the database into a new SQLite file; servers may keep running
    Backup {
        /// File to create
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Open the backup again, check its storage, recount every order in it, and print what is in it
        #[arg(long)]
        verify: bool,
    },
    /// Restore a backup as the SQLite database of this deployment. Refused while a server runs; the former database is kept
    /// aside
    Restore {
        /// Backup to restore; it is not changed
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Restore it in the place of a deployment that is there, or one of another deployment
        #[arg(long)]
        replace: bool,
    },
    /// Delete paid and revoked orders that began before a day; later imports of such orders are refused
    Prune {
        /// First day to keep, e.g. 2026-01-31
        #[arg(long, value_name = "DATE")]
        before: String,
        /// Do not ask on a terminal
        #[arg(long, conflicts_with = "dry_run")]
        yes: bool,
        /// Show how many orders would be deleted, and delete none
        #[arg(long)]
        dry_run: bool,
    },
    /// Distribute the tables of a PostgreSQL database over the machines of its Citus cluster, by company
    Distribute,
}

#[derive(Args)]
pub(crate) struct Listen {
    /// Address to listen on [default: the configured one, or 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Show clients whose signature is refused (171) the text that they should have signed
    #[arg(long, env = "TOLLBOOK_DEBUG_SIGNATURES")]
    pub(crate) debug_signatures: bool,
}

#[derive(Subcommand)]
pub(crate) enum CompanyCommand {
    /// Add a company
    Add {
        /// Display name
        #[arg(long)]
        name: String,
        /// CNY or USD
        #[arg(long)]
        currency: String,
        /// Brand: the NAME of a [brand.NAME] section of the configuration
        #[arg(long, default_value = tollbook_ops::config::DEFAULT_BRAND)]
        brand: String,
    },
    /// List companies
    List {
        /// Only companies whose name has this text in it
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Only companies of this brand
        #[arg(long)]
        brand: Option<String>,
        #[command(flatten)]
        shown: Shown,
    },
    /// Rename a company; its number stays
    Set {
        /// Company number
        #[arg(long)]
        company: i64,
        /// New display name
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Add an organization to a company
    Add {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Display name
        #[arg(long)]
        name: String,
    },
    /// List organizations
    List {
        /// Limit the list to this company
        #[arg(long)]
        company: Option<i64>,
    },
    /// Rename an organization; its number stays, and orders keep the name that they were billed under
    Set {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Organization number
        #[arg(long)]
        organization: i64,
        /// New display name
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Add a key; the private key is shown once
    Add {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Bind the key to an organization; repeatable
        #[arg(long)]
        organization: Vec<i64>,
        /// Restrict the key to an address range; repeatable
        #[arg(long, value_name = "CIDR")]
        allow_ip: Vec<String>,
        /// Rate limit in requests per second; 0: none [default: that of the configuration]
        #[arg(long, value_name = "N")]
        rate_limit: Option<u32>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// What the key may do; repeatable [default: everything]
        #[arg(long, value_enum)]
        permission: Vec<KeyPermission>,
        /// When it ends; a date is a day
        #[arg(long, value_name = "TIME")]
        expires: Option<Time>,
        /// What must be signed strictly [default: what the configuration says]
        #[arg(long, value_enum)]
        strict: Option<KeyStrict>,
    },
    /// List keys, without private keys
    List {
        /// Limit the list to this company
        #[arg(long)]
        company: Option<i64>,
    },
    /// Change a key; what is not named stays
    Set(KeySet),
    /// Replace a key: a new one with the same rights, and the former one ends after a while
    Rotate {
        /// Public key of the former one
        public_key: String,
        /// Hours for which both are answered; 0 ends the former one at once
        #[arg(long, value_name = "N", default_value_t = 168, value_parser = clap::value_parser!(u32).range(0..=87_600))]
        overlap_hours: u32,
    },
    /// Disable a key permanently
    Disable {
        /// Public key
        public_key: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum OrdersCommand {
    /// Import order files: .jsonl, .json or .csv, plain, .gz or .zst; - reads standard input
    Import(Import),
    /// Revoke unpaid orders, and refund paid orders in full
    Revoke(Revoke),
    /// List orders of all companies, the newest first, or any order by its number
    List(ListOrders),
    /// Show the records that an order was made of, and the orders that it replaces or that replace it
    Explain(ExplainOrder),
    #[command(flatten)]
    Customer(Box<Customer>),
}

/// Which orders of all companies are listed.
#[derive(Args)]
pub(crate) struct ListOrders {
    /// Numbers: of orders, and of unpaid orders
    #[arg(value_name = "ORDERNO")]
    pub(crate) numbers: Vec<String>,
    /// Only orders of this company
    #[arg(long)]
    pub(crate) company: Option<i64>,
    /// Status: 1 unpaid, 2 paid, 3 revoked; repeatable
    #[arg(long, value_name = "N")]
    pub(crate) status: Vec<i64>,
    /// Only orders that began at this time or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Only orders that began before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Only orders of this model; repeatable
    #[arg(long, value_name = "ID")]
    pub(crate) model: Vec<String>,
    /// Only orders of this resource; repeatable
    #[arg(long, value_name = "ID")]
    pub(crate) resource: Vec<String>,
    /// Only orders of this SKU; repeatable
    #[arg(long)]
    pub(crate) sku: Vec<String>,
    /// Maximum number of orders to list
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Import {
    /// Files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<std::ffi::OsString>,
    /// Skip invalid records and store the rest
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Store amounts as they were billed, also where they differ from price × quantity
    #[arg(long)]
    pub(crate) as_billed: bool,
}

#[cfg(test)]
mod tests;
