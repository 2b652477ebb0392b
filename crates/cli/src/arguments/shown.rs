//! The form in which a list is printed.

use clap::Args;

use crate::output::Format;

/// The form of a list.
#[derive(Args)]
pub(crate) struct Shown {
    /// Form of the result: `table` for people, `csv` with the exact values of the API, `json` as --json
    #[arg(
        long = "output",
        value_name = "FORM",
        value_enum,
        id = "output_format",
        hide_possible_values = true
    )]
    pub(crate) output: Option<Format>,
}
