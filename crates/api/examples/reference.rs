//! Prints the reference page: `cargo run -p tollbook-api --example reference > docs/API.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(tollbook_api::description::reference().as_bytes())
}
