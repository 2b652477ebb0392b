//! `cargo xtask`: the one entry for tests, linters and the repository's own checks. It starts other programs and reads
//! files; nothing of the product is used here.

mod chromium;
mod curl;
mod fuzz;
mod gnumeric;
mod languages;
mod libreoffice;
mod lint;
mod node;
mod package;
mod postgres;
mod promtool;
mod python;
mod soak;
mod step;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use step::Outcome;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [-p CRATE]… [NAME]
        Runs every test of the workspace, or of some crates, or those with NAME in their names. CRATE is a package or
        its folder: store, tollbook-store, cli. Only what these crates' tests need is prepared.
  test [-p CRATE]… --repeat N NAME
        Runs the tests with NAME in their names N times and reports how often each passed and failed.
  test --suite readers [NAME]
        Runs the tests that read workbooks with every reader that the registries have. They need Node, npm, LibreOffice
        and Gnumeric; packages are installed below the target directory.
  test --suite gateways [NAME]
        Runs the tests with real gateways and clients, which are not among the others: LiteLLM's proxy, OpenTelemetry's
        exporters, a client of OpenMeter.
  test --suite clients
        Runs the programs of docs/CLIENTS.md against a server. They need curl, Python, Node, Go and a JDK.
  test --suite openapi
        Draws requests from the document of the API with schemathesis and compares the answers with it; generates clients
        from the documents and calls a server with them. It needs Node and npm.
  test --suite fuzz [TARGET]
        Runs every fuzz target for a few seconds. It needs a C++ compiler.
  test [-p CRATE]… [NAME] -- ARGUMENT…
        Runs cargo test with these arguments, one test executable after the other.
  fuzz [--seconds N] [--keep] [TARGET]
        Looks for inputs that break a rule of a fuzz target, or of each one, for 60 seconds without --seconds, two targets
        at a time. With --keep, inputs that reach new code are added to fuzz/corpus.
  lint  Runs rustfmt, clippy, rustdoc, tidy, and linters that are installed below the target directory.
  tidy  Runs the repository's own checks.
  package [--twice]
        Makes the Debian package and the release archive of the program in the profile dist, with their checksums, in
        target/package. The same commit gives the same bytes in any folder; --twice builds again in another one and compares.
  soak [--minutes N] [--seed S]
        Runs the soak tests, for 60 minutes without --minutes: three servers on one PostgreSQL, and charging on both
        databases, while importers, servers and the database are killed. Writes dated reports to bench/runs.
  soak --faults [--minutes N] [--seed S] [--only FAULT,…]
        Runs rounds of a mixed load and one fault each on both databases, for 60 minutes without --minutes: processes that
        are killed and stopped, logs and disks that are full, a store that fails, clocks that leap, PostgreSQL killed.
        Writes a dated report to bench/runs. Faults of clocks need libfaketime.
  soak --sequences N [--seed S] [--database sqlite|postgresql]
        Compares charging with its naive model over N random sequences of operations on each database, in an optimised
        build. Writes a dated report to bench/runs.
  help  Prints this text.

environment:
  TOLLBOOK_SHARED         The folder of shared data that some tests read; ../shared without it. If the folder does not
                          exist, these tests are skipped and the run ends with a line that names them; with CI=true
                          it fails.
  TOLLBOOK_PYTHON_CACHE   The folder in which private Python environments are made once for each list of requirements
                          and version of Python; target/python-environments without it. Work trees may share it.
  CARGO_TARGET_DIR        The target directory, as for cargo.
  SOURCE_DATE_EPOCH       The time of everything in the packages; that of the commit without it.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Workspace::locate();
    let outcome = match arguments.as_slice() {
        ["test", rest @ ..] => test::run(&workspace, rest),
        ["fuzz", rest @ ..] => fuzz::run(&workspace, rest),
        ["lint"] => lint::run(&workspace),
        ["tidy"] => tidy::run(&workspace),
        ["package", rest @ ..] => package::run(&workspace, rest),
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
