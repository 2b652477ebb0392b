//! What can be typed about prices, usage, accounts and settling.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tollbook_domain::AccountKind;

use super::Account;
use crate::customer::time::Time;

#[derive(Subcommand)]
pub(crate) enum PricesCommand {
    /// Import a price list: genai-prices (.json) or our own format (.toml)
    Import {
        /// File
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// From when prices hold that state no time [default: 1970]
        #[arg(long, value_name = "TIME")]
        valid_from: Option<Time>,
    },
    /// List the price book
    List {
        /// Only of this provider
        #[arg(long)]
        provider: Option<String>,
        /// Only what the book calls so
        #[arg(long)]
        model: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum DiscountCommand {
    /// Set what part of the list price is charged; of several discounts the most specific holds: SKU, model, company
    Set {
        /// Of this company [default: of every company]
        #[arg(long)]
        company: Option<i64>,
        /// For this model [default: for every model]
        #[arg(long)]
        model: Option<String>,
        /// For this SKU [default: for every SKU]
        #[arg(long)]
        sku: Option<String>,
        /// Between 0 and 1, like 0.85; 1 takes the discount away
        #[arg(long, value_name = "FACTOR", visible_alias = "discount")]
        factor: String,
    },
    /// List discounts
    List,
}

#[derive(Subcommand)]
pub(crate) enum UsageCommand {
    /// Import usage records: .jsonl or .csv, plain, .gz or .zst; - is standard input
    Import {
        /// Files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<OsString>,
        /// How the files' columns become usage records: a TOML file, or one of openai, anthropic, litellm, otel-genai,
        /// azure-llm-2023, servegen
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// A field of every record, over the mapping's, like `company_id=1`; repeatable
        #[arg(long = "set", value_name = "FIELD=VALUE", requires = "mapping")]
        constants: Vec<String>,
    },
    /// List usage that has no price yet
    Unpriced(Uncharged),
    /// List usage that costs nothing
    Free(Uncharged),
}

#[derive(Args)]
pub(crate) struct Uncharged {
    /// Only of this company
    #[arg(long)]
    pub(crate) company: Option<i64>,
    /// Most records that are listed
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) limit: usize,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DepositKind {
    /// Cash; it repays used credit first
    Cash,
    /// Bonus; it does not pay arrears
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
    /// Pay in, then pay arrears, oldest first; the same key again moves nothing
    Deposit(Deposit),
    /// Set how far credit may be used
    CreditLimit {
        /// Company number
        #[arg(long)]
        company: i64,
        /// Amount
        #[arg(long, allow_hyphen_values = true)]
        amount: String,
    },
    /// Show balances, grants and what is owed
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
        /// First entry
        #[arg(long, default_value_t = 0, value_name = "N")]
        from: i64,
        /// Most entries
        #[arg(long, default_value_t = 10_000, value_name = "N")]
        limit: i64,
    },
}

#[derive(Args)]
pub(crate) struct Deposit {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Which account
    #[arg(long, value_enum)]
    pub(crate) kind: DepositKind,
    /// Amount
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) amount: String,
    /// Names the deposit: the same key again moves nothing
    #[arg(long)]
    pub(crate) key: String,
    /// When what is left of it ends (not of cash)
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Time>,
    /// Only for orders of this product; repeatable (not of cash)
    #[arg(long, value_name = "CODE")]
    pub(crate) product: Vec<String>,
    /// Only for orders of this model; repeatable (not of cash)
    #[arg(long, value_name = "ID")]
    pub(crate) model: Vec<String>,
    /// Leave arrears as they are
    #[arg(long)]
    pub(crate) no_settle: bool,
}

#[derive(Subcommand)]
pub(crate) enum OperatorKeyCommand {
    /// Add a key for a gateway; it is shown once
    Add {
        /// Name for people
        #[arg(long)]
        name: String,
    },
    /// List keys, without the keys themselves
    List,
    /// Disable all keys of a name for good
    Disable {
        /// Name
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum HoursCommand {
    /// Show the offsets from UTC by which usage is cut into hours and local days
    Show,
    /// Set the offset from UTC, in whole or half hours
    Set {
        /// Like +08:00 or -03:30
        #[arg(long, allow_hyphen_values = true)]
        offset: String,
        /// From when, in the future [default: for all time, as long as there is no usage]
        #[arg(long, value_name = "TIME")]
        from: Option<Time>,
    },
}

/// Take orders back: an unpaid order is revoked, a paid one is refunded whole.
#[derive(Args)]
pub(crate) struct Revoke {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Why
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
}
