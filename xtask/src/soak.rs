//! The long rigs of the acceptance tests: how long, from which seed, and where its report goes.

use std::process::Command;

use crate::postgres;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// Runs them at once for some minutes; each writes a dated folder below `bench/runs`.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    let (minutes, seed) = parse(arguments)?;
    postgres::require()?;
    step::run(
        Command::new(workspace::cargo())
            .current_dir(workspace.root())
            .args([
                "test",
                "--package",
                "tollbook",
                "--test",
                "acceptance",
                "soak",
                "--",
                "--nocapture",
                "--test-threads=3",
            ])
            .env("TOLLBOOK_SOAK_MINUTES", minutes.to_string())
            .env("TOLLBOOK_SOAK_SEED", seed.to_string())
            .env("TOLLBOOK_SOAK_RUNS", workspace.root().join("bench/runs")),
    )
}

fn parse(arguments: &[&str]) -> Outcome<(u64, u64)> {
    let (mut minutes, mut seed) = (60, 1);
    for pair in arguments.chunks(2) {
        let (name, place) = match pair {
            ["--minutes", _] => ("--minutes", &mut minutes),
            ["--seed", _] => ("--seed", &mut seed),
            _ => return Err(format!("soak: {} is not understood", pair.join(" "))),
        };
        let value = pair.get(1).and_then(|value| value.parse().ok());
        *place = value.ok_or_else(|| format!("soak: {name} must be a number"))?;
    }
    Ok((minutes, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        assert_eq!(parse(&[]), Ok((60, 1)));
        assert_eq!(parse(&["--seed", "7", "--minutes", "2"]), Ok((2, 7)));
        for wrong in [&["--minutes"][..], &["--minutes", "two"], &["--hours", "1"], &["2"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
