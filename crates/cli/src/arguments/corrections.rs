//! Arguments of the commands that correct usage and explain it.

use std::ffi::OsString;

use clap::Args;

use crate::customer::time::Time;

/// Key and reason of a correction.
#[derive(Args)]
pub(crate) struct Correction {
    /// Reason; kept in the audit log
    #[arg(long)]
    pub(crate) reason: String,
    /// Key of the correction within the company; the same key again does nothing
    #[arg(long)]
    pub(crate) key: String,
}

#[derive(Args)]
pub(crate) struct Void {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Source of the records [default: any; an id of several sources is refused]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Time of the records, if a source has used an id again a day or more later [default: any]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Time>,
    #[command(flatten)]
    pub(crate) correction: Correction,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Ids of the records
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Replace {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    #[command(flatten)]
    pub(crate) correction: Correction,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// File of the right records, as for `usage import`; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: OsString,
}

#[derive(Args)]
pub(crate) struct Rerate {
    /// Company number [default: every company]
    #[arg(long)]
    pub(crate) company: Option<i64>,
    /// Start of the range of usage: Unix seconds, 2026-11-01, or 2026-11-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Time,
    /// End of the range, exclusive
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Time,
    /// Limit it to this model
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Limit it to records that count this SKU
    #[arg(long)]
    pub(crate) sku: Option<String>,
    #[command(flatten)]
    pub(crate) correction: Correction,
    /// Make the changes; without it the difference is shown
    #[arg(long)]
    pub(crate) apply: bool,
}

#[derive(Args)]
pub(crate) struct ListCorrections {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Maximum number of corrections to list
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) limit: usize,
}

#[derive(Args)]
pub(crate) struct ExplainUsage {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Source of the record [default: any]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Id of the record
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Args)]
pub(crate) struct ExplainOrder {
    /// Company number
    #[arg(long)]
    pub(crate) company: i64,
    /// Maximum number of records to list
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) limit: usize,
    /// Any number of the order
    #[arg(value_name = "ORDERNO")]
    pub(crate) order: String,
}
