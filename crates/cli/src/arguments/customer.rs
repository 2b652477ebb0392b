//! The customer's side: commands that sign requests and call an API server.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::account::Account;
use super::charging::Pay;
use super::shown::Shown;
use crate::customer::time::Time;

/// Customer commands: they sign requests and call an API server.
#[derive(Subcommand)]
pub(crate) enum Customer {
    /// List paid orders
    Paid(List),
    /// List unpaid orders
    Unpaid(List),
    /// Sum orders by resource, SKU, model and price
    Summary(Summary),
    /// Sum the amounts of orders
    Amount(Amounts),
    /// List the values that orders can be filtered by
    Options(Options),
    /// Pay unpaid orders
    Pay(Pay),
    /// Download orders as an Excel workbook or in another format
    Download(Download),
}

/// A range of time and filters.
#[derive(Args)]
pub(crate) struct Ranged {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Start of the range: Unix seconds, 2026-11-01T08:00:00Z, or the day 2026-11-01 of the time zone [default: 30 days before
    /// the end]
    #[arg(long, visible_alias = "start", value_name = "TIME")]
    pub(crate) start_time: Option<Time>,
    /// End of the range, exclusive [default: the end of the current hour]
    #[arg(long, visible_alias = "end", value_name = "TIME")]
    pub(crate) end_time: Option<Time>,
    /// `ResourceID`; repeatable, as are all filters
    #[arg(long, visible_alias = "resource", value_name = "ID")]
    pub(crate) resource_ids: Vec<String>,
    /// `ModelID`
    #[arg(long, visible_alias = "model", value_name = "ID")]
    pub(crate) model_ids: Vec<String>,
    /// `PricingUnit`
    #[arg(long, visible_alias = "unit", value_name = "N")]
    pub(crate) pricing_units: Vec<String>,
    /// `PricingSKU`
    #[arg(long, visible_alias = "sku", value_name = "SKU")]
    pub(crate) pricing_skus: Vec<String>,
    /// `ProductCode`: modelverse, sandbox or starcard
    #[arg(long, visible_alias = "product", value_name = "CODE")]
    pub(crate) product_codes: Vec<String>,
    /// `OrderType`
    #[arg(long, visible_alias = "order-type", value_name = "N")]
    pub(crate) order_types: Vec<String>,
    /// `ChargeType`
    #[arg(long, visible_alias = "charge-type", value_name = "N")]
    pub(crate) charge_types: Vec<String>,
    /// Region
    #[arg(long, visible_alias = "region", value_name = "REGION")]
    pub(crate) regions: Vec<String>,
    /// `OrganizationID`
    #[arg(long, visible_alias = "organization", value_name = "N")]
    pub(crate) organization_ids: Vec<String>,
    /// Order number, or source or arrears number
    #[arg(long, visible_alias = "order-no", value_name = "NO")]
    pub(crate) order_nos: Vec<String>,
    /// Status: 1 unpaid, 2 paid, 3 revoked
    #[arg(long, visible_alias = "status", value_name = "N")]
    pub(crate) statuses: Vec<String>,
}

impl Ranged {
    /// The filters, as list parameter of the API and values.
    pub(crate) fn filters(&self) -> [(&'static str, &[String]); 11] {
        [
            ("ResourceIds", &self.resource_ids),
            ("ModelIds", &self.model_ids),
            ("PricingUnits", &self.pricing_units),
            ("PricingSkus", &self.pricing_skus),
            ("ProductCodes", &self.product_codes),
            ("OrderTypes", &self.order_types),
            ("ChargeTypes", &self.charge_types),
            ("Regions", &self.regions),
            ("OrganizationIds", &self.organization_ids),
            ("OrderNos", &self.order_nos),
            ("Statuses", &self.statuses),
        ]
    }
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) ranged: Ranged,
    /// Page number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) page: i64,
    /// Orders per page, 10 to 100
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) page_size: i64,
    /// All pages, printed as they arrive: no order twice, and none that is there all the time left out
    #[arg(long, conflicts_with_all = ["page", "page_size"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Amounts {
    #[command(flatten)]
    pub(crate) ranged: Ranged,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Summary {
    #[command(flatten)]
    pub(crate) ranged: Ranged,
    /// Summarize unpaid orders instead of paid ones
    #[arg(long)]
    pub(crate) unpaid: bool,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Limit the values to orders of this product
    #[arg(long, visible_alias = "product", value_name = "CODE")]
    pub(crate) product_code: Option<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Download {
    /// Orders or sums to download
    #[arg(value_enum, default_value_t = Workbook::Paid)]
    pub(crate) workbook: Workbook,
    #[command(flatten)]
    pub(crate) ranged: Ranged,
    /// File format: xlsx, bill, csv, csv.gz, parquet; FOCUS: focus (1.0), focus-1.2, focus-1.3, focus-1.4, each also with
    /// .parquet at its end
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// What separates the cells of csv and csv.gz: comma, semicolon, semicolon-named, tab
    #[arg(long, value_name = "SEPARATOR")]
    pub(crate) separator: Option<String>,
    /// Create the file in a background job and wait for it without a time limit
    #[arg(long)]
    pub(crate) background: bool,
    /// File or directory to save to, or - for standard output [default: the file name of the server, in the current
    /// directory]. Without --format, the ending of its name states the format: .xlsx, .csv, .csv.gz or .parquet
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Workbook {
    /// Paid orders
    Paid,
    /// Unpaid orders
    Unpaid,
    /// Both summaries
    Summary,
}
