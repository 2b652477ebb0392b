//! The long rigs: how long, from which seed, and where their reports go.

mod sequences;

use std::process::Command;

use crate::postgres;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};
use sequences::Sequences;

/// Runs the soak tests at once for some minutes, or charging against its model for some sequences; each writes a dated
/// folder below `bench/runs`.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    let wanted = parse(arguments)?;
    if wanted.needs_postgres() {
        postgres::require()?;
    }
    match &wanted {
        Wanted::Soak { minutes, seed } => run_tests(workspace, "soak", None, *minutes, *seed),
        Wanted::Faults { only, minutes, seed } => {
            run_tests(workspace, "faults::", only.as_deref(), *minutes, *seed)
        }
        Wanted::Sequences(wanted) => sequences::run(workspace, wanted),
    }
}

fn run_tests(workspace: &Workspace, tests: &str, only: Option<&str>, minutes: u64, seed: u64) -> Outcome {
    step::run(
        Command::new(workspace::cargo())
            .current_dir(workspace.root())
            .args([
                "test",
                "--package",
                "tollbook",
                "--test",
                "acceptance",
                tests,
                "--",
                "--nocapture",
                "--test-threads=3",
            ])
            .envs(only.map(|only| ("TOLLBOOK_SOAK_ONLY", only)))
            .env("TOLLBOOK_SOAK_MINUTES", minutes.to_string())
            .env("TOLLBOOK_SOAK_SEED", seed.to_string())
            .env("TOLLBOOK_SOAK_RUNS", workspace.root().join("bench/runs")),
    )
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Soak { minutes: u64, seed: u64 },
    Faults { only: Option<String>, minutes: u64, seed: u64 },
    Sequences(Sequences),
}

impl Wanted {
    fn needs_postgres(&self) -> bool {
        match self {
            Self::Soak { .. } | Self::Faults { .. } => true,
            Self::Sequences(of) => of.database.as_deref() != Some("sqlite"),
        }
    }
}

fn parse(arguments: &[&str]) -> Outcome<Wanted> {
    let (mut minutes, mut sequences, mut seed, mut database, mut only) = (None, None, 1, None, None);
    let with_values: Vec<&str> =
        arguments.iter().copied().filter(|argument| *argument != "--faults").collect();
    let has_faults = with_values.len() < arguments.len();
    for pair in with_values.chunks(2) {
        let [name, value] = pair else { return Err(format!("soak: {} is not understood", pair.join(" "))) };
        let number = || value.parse().map_err(|_| format!("soak: {name} must be a number"));
        match *name {
            "--minutes" => minutes = Some(number()?),
            "--sequences" => sequences = Some(number()?),
            "--seed" => seed = number()?,
            "--only" => only = Some((*value).to_owned()),
            "--database" => database = Some((*value).to_owned()),
            _ => return Err(format!("soak: {} is not understood", pair.join(" "))),
        }
    }
    match (minutes, sequences, database) {
        (minutes, None, None) if has_faults => {
            Ok(Wanted::Faults { only, minutes: minutes.unwrap_or(60), seed })
        }
        _ if has_faults => Err("soak: --faults takes --minutes, --seed and --only alone".to_owned()),
        _ if only.is_some() => Err("soak: --only needs --faults".to_owned()),
        (None, Some(count), database) => Ok(Wanted::Sequences(Sequences { count, seed, database })),
        (minutes, None, None) => Ok(Wanted::Soak { minutes: minutes.unwrap_or(60), seed }),
        (Some(_), Some(_), _) => Err("soak: --minutes and --sequences exclude each other".to_owned()),
        (_, None, Some(_)) => Err("soak: --database needs --sequences".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let soak = |minutes, seed| Ok(Wanted::Soak { minutes, seed });
        let sequences = |count, seed, database: Option<&str>| {
            let database = database.map(str::to_owned);
            Ok(Wanted::Sequences(Sequences { count, seed, database }))
        };
        assert_eq!(parse(&[]), soak(60, 1));
        assert_eq!(parse(&["--seed", "7", "--minutes", "2"]), soak(2, 7));
        assert_eq!(parse(&["--sequences", "9"]), sequences(9, 1, None));
        assert_eq!(
            parse(&["--database", "sqlite", "--seed", "3", "--sequences", "9"]),
            sequences(9, 3, Some("sqlite"))
        );
        assert_eq!(parse(&["--faults"]), Ok(Wanted::Faults { only: None, minutes: 60, seed: 1 }));
        let only = Some("ClockLeaps,LogUnread".to_owned());
        let faults = Ok(Wanted::Faults { only, minutes: 20, seed: 4 });
        let arguments = ["--minutes", "20", "--faults", "--seed", "4", "--only", "ClockLeaps,LogUnread"];
        assert_eq!(parse(&arguments), faults);
        for wrong in [
            &["--faults", "--sequences", "9"][..],
            &["--only", "ClockLeaps"],
            &["--minutes"],
            &["--minutes", "two"],
            &["--hours", "1"],
            &["2"],
            &["--minutes", "1", "--sequences", "1"],
            &["--database", "sqlite"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sequences_on_sqlite_need_no_postgresql() {
        let needs = |arguments: &[&str]| parse(arguments).map(|wanted| wanted.needs_postgres());
        assert_eq!(needs(&[]), Ok(true));
        assert_eq!(needs(&["--sequences", "9"]), Ok(true));
        assert_eq!(needs(&["--sequences", "9", "--database", "sqlite"]), Ok(false));
    }
}
