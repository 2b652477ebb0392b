//! Arguments of the commands for prices, usage, accounts and settlement.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tollbook_domain::price_list::{Multiplier, OWN_LIST, Rate};
use tollbook_domain::{AccountKind, OperatorRole};

use super::account::Account;
use super::corrections::{ExplainUsage, ListCorrections, Replace, Rerate, Void};
use super::shown::Shown;
use crate::customer::time::Time;

#[derive(Subcommand)]
pub(crate) enum PricesCommand {
    /// Import a price list: genai-prices or LiteLLM (.json), or Tollbook's own format (.toml)
    Import {
        /// File
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Start of validity for prices that state none [default: 1970]
        #[arg(long, value_name = "TIME")]
        valid_from: Option<Time>,
        /// Name of the list [default: own for Tollbook's own format, else the name of the published list]
        #[arg(long, value_name = "NAME")]
        list: Option<String>,
        /// Factor of all prices, e.g. 1.2 [default: that of the list's last import, else 1]
        #[arg(long, value_name = "FACTOR", value_parser = Multiplier::parse, allow_hyphen_values = true)]
        factor: Option<Multiplier>,
        /// Rate of exchange, e.g. USD=7.10: 1 USD is 7.10 CNY, and prices in USD become prices in CNY [default: that of the
        /// list's last import]
        #[arg(long, value_name = "CURRENCY=RATE", value_parser = Rate::parse)]
        rate: Option<Rate>,
        /// Show what would change, and which prices could never be chosen; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the price lists in the order in which they hold
    Lists {
        /// New order of the lists, the first first, separated by commas. Own lists hold before published ones
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        order: Vec<String>,
    },
    /// Explain the price of a SKU: every price that applies, which one holds, and why
    Explain(ExplainPrice),
    /// Remove or end prices of a list. Usage that was rated keeps its prices
    Remove {
        /// List
        #[arg(long, value_name = "NAME")]
        list: String,
        /// Remove only the prices of this model
        #[arg(long)]
        model: Option<String>,
        /// Remove only the prices of this SKU
        #[arg(long)]
        sku: Option<String>,
        /// End the prices at this time instead: usage before it has them, and prices that begin later are removed
        #[arg(long, value_name = "TIME")]
        until: Option<Time>,
    },
    /// Write the prices of a list as a file of Tollbook's own format
    Export {
        /// File to write, .toml; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// List
        #[arg(long, value_name = "NAME", default_value = OWN_LIST)]
        list: String,
    },
    /// List the price book
    List {
        /// Limit the list to prices of this price list
        #[arg(long, value_name = "NAME")]
        list: Option<String>,
        /// Limit the list to this provider
        #[arg(long)]
        provider: Option<String>,
        /// Limit the list to this model
        #[arg(long)]
        model: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct ExplainPrice {
    /// Company, for its currency and discounts
    #[arg(long)]
    pub(crate) company: i64,
    /// Model; "" for usage without a model
    #[arg(long)]
    pub(crate) model: String,
    /// SKU
    #[arg(long)]
    pub(crate) sku: String,
    /// Provider of the model
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) provider: String,
    /// Length of the request in tokens
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) tokens: i64,
    /// Service tier, e.g. flex
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) tier: String,
    /// Time of the usage [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Time>,
}

#[derive(Subcommand)]
pub(crate) enum DiscountCommand {
    /// Set the part of the list price that is charged. The most specific discount applies: SKU, then model, then company
    Set {
        /// Company [default: all companies]
        #[arg(long)]
        company: Option<i64>,
        /// Model [default: all models]
        #[arg(long)]
        model: Option<String>,
        /// SKU [default: all SKUs]
        #[arg(long)]
        sku: Option<String>,
        /// Factor between 0 and 1, e.g. 0.85; 1 exempts from less specific discounts, or removes the discount if there is none
        #[arg(long, value_name = "FACTOR", visible_alias = "discount")]
        factor: String,
    },
    /// Remove a discount; the next less specific one, if there is one, applies again
    Remove {
        /// Company of the discount [default: the one for all companies]
        #[arg(long)]
        company: Option<i64>,
        /// Model of the discount [default: the one for all models]
        #[arg(long)]
        model: Option<String>,
        /// SKU of the discount [default: the one for all SKUs]
        #[arg(long)]
        sku: Option<String>,
    },
    /// List discounts
    List,
}

/// What becomes of a record with a count that its mapping does not account for.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OnUnknownCounts {
    /// It is refused, and the count named
    Refuse,
    /// It is read, and the summary has the number of records by count
    Warn,
}

#[derive(Subcommand)]
pub(crate) enum UsageCommand {
    /// Import usage records: .jsonl, .json or .csv, plain, .gz or .zst; - reads standard input
    Import {
        /// Files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<OsString>,
        /// Mapping of the files' columns to usage records: a TOML file, or one of openai, openai-batch, openai-realtime,
        /// openai-usage, openai-usage-csv, openai-costs-csv, anthropic, anthropic-batch, anthropic-usage, claude-code, gemini,
        /// deepseek, kimi, xai, perplexity, openrouter, openrouter-activity, bedrock, litellm, new-api, one-api, otel-genai,
        /// azure-llm-2023, servegen
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Value of a field for every record, e.g. `company_id=1`; overrides the mapping; repeatable
        #[arg(long = "set", value_name = "FIELD=VALUE", requires = "mapping")]
        constants: Vec<String>,
        /// What becomes of a record with a count that is not 0 and that the mapping does not account for
        #[arg(long, value_name = "WHAT", default_value = "refuse", requires = "mapping")]
        unknown_counts: OnUnknownCounts,
        /// Accept usage of any age, also where `charging.import_past_s` bounds it
        #[arg(long)]
        allow_old: bool,
    },
    /// List usage without a price
    Unpriced {
        #[command(flatten)]
        listed: Uncharged,
        /// Sum the records by provider and model, the most frequent first, with the nearest names that have prices
        #[arg(long)]
        summary: bool,
    },
    /// List usage with a price of zero
    Free(Uncharged),
    /// Take records out: their orders are refunded or revoked, and what is left becomes new ones. Idempotent by --key
    Void(Void),
    /// Replace records by the right ones of the same identities. Idempotent by --key
    Replace(Replace),
    /// Rate usage of a range again by the present prices: first the difference, then --apply. Idempotent by --key
    Rerate(Rerate),
    /// List the corrections of a company, those of its accounts too, the earliest first
    Corrections(ListCorrections),
    /// Show what became of a record: its orders, prices and price lists
    Explain(ExplainUsage),
}

#[derive(Args)]
pub(crate) struct Uncharged {
    /// Limit the list to this company
    #[arg(long)]
    pub(crate) company: Option<i64>,
    /// Maximum number of records, or of models of a summary, to list
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) limit: usize,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DepositKind {
    /// Cash; repays used credit first
    Cash,
    /// Bonus; does not pay arrears
    Bonus,
    /// Coupon
    Coupon,
    /// Star card
    StarCard,
}

impl From<DepositKind> for AccountKind {
    fn from(kind: DepositKind) -> Self {
        match kind {
            DepositKind::Cash => Self::Cash,
            DepositKind::Bonus => Self::Bonus,
            DepositKind::Coupon => Self::Coupon,
            DepositKind::StarCard => Self::StarCard,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Deposit money, then pay arrears oldest first. Idempotent by --key
    Deposit(Deposit),
    /// Set the credit limit
    CreditLimit {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Amount
        #[arg(long, allow_hyphen_values = true)]
        amount: String,
    },
    /// Set or show the balance below which a webhook says that it is low
    LowBalance {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Amount, greater than 0
        #[arg(long, conflicts_with = "off")]
        amount: Option<String>,
        /// The balance is never low
        #[arg(long)]
        off: bool,
    },
    /// Take a deposit or grant back, whole or in part, from what is left of it. Idempotent by --key
    Reverse(Reverse),
    /// Add an amount to an account or take it. Idempotent by --key
    Adjust(Adjust),
    /// List the accounts of all companies: what they owe, can spend, and for how many days
    List {
        /// Only companies that owe: unpaid orders, or credit beyond the limit
        #[arg(long)]
        in_arrears: bool,
        /// Only companies whose money is gone within three days at the rate of the last seven, or is below their low balance
        #[arg(long)]
        runs_dry: bool,
        /// Only companies that have used nine tenths of their credit limit
        #[arg(long)]
        close_to_limit: bool,
        #[command(flatten)]
        shown: Shown,
    },
    /// Show balances, grants and arrears
    Show {
        /// Company number
        #[arg(long)]
        company: i64,
    },
    /// Show the ledger, oldest entry first
    Ledger {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Number of the first entry
        #[arg(long, default_value_t = 0, value_name = "N")]
        from: i64,
        /// Maximum number of entries
        #[arg(long, default_value_t = 10_000, value_name = "N")]
        limit: i64,
    },
}

#[derive(Args)]
pub(crate) struct Deposit {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Kind of account
    #[arg(long, value_enum)]
    pub(crate) kind: DepositKind,
    /// Amount
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) amount: String,
    /// Idempotency key: a repeated deposit with the same key is not booked again
    #[arg(long)]
    pub(crate) key: String,
    /// Expiry of the remaining amount (not for cash)
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Time>,
    /// Restrict the deposit to orders of this product; repeatable (not for cash)
    #[arg(long, value_name = "CODE")]
    pub(crate) product: Vec<String>,
    /// Restrict the deposit to orders of this model; repeatable (not for cash)
    #[arg(long, value_name = "ID")]
    pub(crate) model: Vec<String>,
    /// Do not pay arrears from the deposit
    #[arg(long)]
    pub(crate) no_settle: bool,
}

#[derive(Args)]
pub(crate) struct Reverse {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Key of the deposit
    #[arg(long, value_name = "KEY")]
    pub(crate) deposit: String,
    /// Idempotency key of this reversal: repeated with the same key it changes nothing
    #[arg(long)]
    pub(crate) key: String,
    /// Amount [default: all of the deposit that was not reversed before]
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) amount: Option<String>,
    /// Let the company owe what was spent: it becomes used credit, beyond the limit if need be
    #[arg(long)]
    pub(crate) owe: bool,
    /// Reason, recorded with the reversal
    #[arg(long)]
    pub(crate) reason: String,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Adjust {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Kind of account
    #[arg(long, value_enum)]
    pub(crate) kind: DepositKind,
    /// Amount to add, or with a minus sign to take, e.g. --amount=-5.00
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) amount: String,
    /// Idempotency key of this adjustment: repeated with the same key it changes nothing
    #[arg(long)]
    pub(crate) key: String,
    /// Reason, recorded with the adjustment
    #[arg(long)]
    pub(crate) reason: String,
    /// What it refers to, such as a ticket
    #[arg(long)]
    pub(crate) reference: Option<String>,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a key of the operator's programs may do.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum KeyRole {
    /// Report and correct usage, and ask for the standing of companies
    Usage,
    /// Read everything of the operator's API
    Read,
    /// Change companies, organizations, API keys, prices and discounts
    Operate,
    /// Move money
    Money,
}

impl From<KeyRole> for OperatorRole {
    fn from(role: KeyRole) -> Self {
        match role {
            KeyRole::Usage => Self::Usage,
            KeyRole::Read => Self::Read,
            KeyRole::Operate => Self::Operate,
            KeyRole::Money => Self::Money,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum OperatorKeyCommand {
    /// Add a key for a gateway; the key is shown once
    Add {
        /// Display name
        #[arg(long)]
        name: String,
        /// What the key may do; repeatable [default: usage, as gateways need it]
        #[arg(long, value_enum)]
        role: Vec<KeyRole>,
    },
    /// List names and states of keys
    List,
    /// Disable all keys of a name permanently
    Disable {
        /// Name
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum UtcOffsetCommand {
    /// Show the UTC offsets that define billing hours and days
    Show,
    /// Set the UTC offset, in whole or half hours
    Set {
        /// Offset, e.g. +08:00 or -03:30
        #[arg(long, allow_hyphen_values = true)]
        offset: String,
        /// Time in the future from which the offset applies [default: all time; allowed only while there is no usage]
        #[arg(long, value_name = "TIME")]
        from: Option<Time>,
    },
}

/// Revoke unpaid orders, and refund paid orders in full.
#[derive(Args)]
pub(crate) struct Revoke {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Reason, recorded with the orders
    #[arg(long)]
    pub(crate) reason: String,
    /// Order numbers
    #[arg(required = true, value_name = "ORDERNO")]
    pub(crate) orders: Vec<String>,
}

/// Pay unpaid orders.
#[derive(Args)]
pub(crate) struct Pay {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Order numbers of unpaid orders
    #[arg(required = true, value_name = "ORDERNO")]
    pub(crate) orders: Vec<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}
