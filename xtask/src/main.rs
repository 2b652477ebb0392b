//! `cargo xtask`: the one entry for tests, linters and the repository's own checks. It only starts other programs and
//! reads files; nothing of the product is used here.

mod libreoffice;
mod lint;
mod postgres;
mod python;
mod soak;
mod step;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use step::Outcome;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [-- ARGUMENT…]   every test of the workspace, the published Python clients included; arguments go to cargo test
  lint                  rustfmt, clippy, rustdoc, tidy, and linters installed in private places below target/
  tidy                  the repository's own checks
  soak [--minutes N] [--seed S]
                        three servers on one PostgreSQL while importers and the database are killed, and charging
                        on both databases while whoever moves money is killed, 60 minutes long;
                        dated reports go to bench/runs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::locate();
    let outcome = match arguments.as_slice() {
        ["test"] => test::run(&workspace, &[]),
        ["test", "--", rest @ ..] => test::run(&workspace, rest),
        ["lint"] => lint::run(&workspace),
        ["tidy"] => tidy::run(&workspace),
        ["soak", rest @ ..] => soak::run(&workspace, rest),
        ["help" | "--help" | "-h"] => {
            step::say(USAGE);
            Ok(())
        }
        _ => {
            step::say(USAGE);
            return ExitCode::from(2);
        }
    };
    finish(outcome)
}

fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            step::say(&format!("xtask: {reason}"));
            ExitCode::FAILURE
        }
    }
}
