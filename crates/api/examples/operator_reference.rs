//! Prints the reference page of the operator's API:
//! `cargo run -p tollbook-api --example operator_reference > docs/OPERATOR_API.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(tollbook_api::description::operator_reference().as_bytes())
}
