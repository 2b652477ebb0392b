//! Prints docs/CONFIGURATION.md: `cargo run -p tollbook-ops --example configuration > docs/CONFIGURATION.md`.

#![expect(clippy::print_stdout, reason = "it prints the page")]

fn main() {
    print!("{}", tollbook_ops::config::reference::page());
}
