//! The comparison of charging with its naive model over many random sequences of operations, in an optimised build. Each
//! part has a seed of its own, so that a failure is repeated by its part alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// Sequences per part.
const PART: u64 = 250;
/// The test, below the module of its database.
const TEST: &str = "balances_and_orders_equal_those_of_the_naive_model";

/// How many sequences, from which seed, on which databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequences {
    pub(super) count: u64,
    pub(super) seed: u64,
    /// `sqlite` or `postgresql`; both without it.
    pub(super) database: Option<String>,
}

/// A part: how many sequences with which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    seed: u64,
    count: u64,
}

/// The result of the parts of one database.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed_parts: Vec<u64>,
    seconds: u64,
}

impl Sequences {
    /// The databases, with the module that has the test on each.
    fn databases(&self) -> Outcome<Vec<(&'static str, &'static str)>> {
        const ALL: [(&str, &str); 2] = [("sqlite", "sqlite"), ("postgresql", "postgres")];
        let Some(wanted) = &self.database else { return Ok(ALL.to_vec()) };
        let found = ALL.into_iter().find(|(name, _)| name == wanted);
        Ok(vec![found.ok_or_else(|| format!("soak: {wanted} is not sqlite or postgresql"))?])
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let count = self.count;
        (0..count.div_ceil(PART))
            .map(move |part| Part { seed: self.seed + part, count: PART.min(count - part * PART) })
    }
}

/// Runs all parts, also after one has failed. Each part's result is written as soon as it is known.
pub(super) fn run(workspace: &Workspace, wanted: &Sequences) -> Outcome {
    let databases = wanted.databases()?;
    let date = step::output(Command::new("date").args(["-u", "+%F"]))?;
    let folder = workspace.root().join("bench/runs").join(format!("{}-soak-sequences", date.trim()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut failed = 0;
    for (name, module) in databases {
        let counts = run_on(workspace, wanted, (name, module), &folder)?;
        failed += counts.failed_parts.len();
        write(&folder.join(format!("{name}.md")), &summary(wanted, name, date.trim(), &counts))?;
    }
    if failed > 0 {
        Err(format!("{failed} parts failed; their seeds are in {}", folder.display()))
    } else {
        Ok(())
    }
}

fn run_on(
    workspace: &Workspace,
    wanted: &Sequences,
    (name, module): (&str, &str),
    folder: &Path,
) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let mut lines = String::new();
    for part in wanted.parts() {
        let begin = Instant::now();
        let passed = step::run(&mut command(workspace, module, part));
        counts.add(part, passed.is_ok(), begin.elapsed());
        let result = serde_json::json!({
            "Database": name, "Seed": part.seed, "Sequences": part.count, "Passed": passed.is_ok(),
            "Seconds": begin.elapsed().as_secs(),
        });
        let _ = writeln!(lines, "{result}");
        write(&folder.join(format!("{name}.jsonl")), &lines)?;
    }
    Ok(counts)
}

fn command(workspace: &Workspace, module: &str, part: Part) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.current_dir(workspace.root());
    command.args([
        "test",
        "--quiet",
        "--profile",
        "soak",
        "--package",
        "tollbook-ops",
        "--test",
        "ops",
        "--",
    ]);
    command.args(["--exact", &format!("charging::{module}::{TEST}")]);
    command.env("PROPTEST_CASES", part.count.to_string());
    command.env("PROPTEST_RNG_SEED", part.seed.to_string());
    command
}

impl Counts {
    fn add(&mut self, part: Part, is_passed: bool, time: Duration) {
        self.seconds += time.as_secs();
        if is_passed {
            self.passed += part.count;
        } else {
            self.failed_parts.push(part.seed);
        }
    }
}

fn summary(wanted: &Sequences, database: &str, date: &str, counts: &Counts) -> String {
    let Sequences { count, seed, .. } = wanted;
    let mut text = format!(
        "# Charging against the naive model on {database}, {date}\n\n    \
         cargo xtask soak --sequences {count} --seed {seed} --database {database}\n\n\
         Random sequences of usage, prices, hours, deposits, reversals, adjustments, payments, voids, replacements and \
         rating again, each followed by its own repetition; orders, balances, ledger and open hours are compared with the \
         model's. The build is optimised, with the checks of a test build.\n\n"
    );
    let failed: Vec<String> = counts.failed_parts.iter().map(u64::to_string).collect();
    for (what, number) in [("sequences that passed", counts.passed), ("seconds", counts.seconds)] {
        let _ = writeln!(text, "- {what}: {number}");
    }
    let failed = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    let _ = writeln!(text, "- parts that failed, by seed: {failed}\n\nThe parts are in `{database}.jsonl`.");
    text
}

fn write(path: &PathBuf, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(count: u64, database: Option<&str>) -> Sequences {
        Sequences { count, seed: 7, database: database.map(str::to_owned) }
    }

    #[test]
    fn parts_have_seeds_of_their_own_and_add_up() {
        let parts: Vec<Part> = sequences(2 * PART + 1, None).parts().collect();
        let counts = [(7, PART), (8, PART), (9, 1)];
        assert_eq!(parts, counts.map(|(seed, count)| Part { seed, count }));
        assert_eq!(sequences(PART, None).parts().count(), 1);
        assert_eq!(sequences(0, None).parts().count(), 0);
    }

    #[test]
    fn databases() {
        let names = |database| {
            let found = sequences(1, database).databases()?;
            Ok::<Vec<&str>, String>(found.into_iter().map(|(_, module)| module).collect())
        };
        assert_eq!(names(None), Ok(vec!["sqlite", "postgres"]));
        assert_eq!(names(Some("postgresql")), Ok(vec!["postgres"]));
        assert!(names(Some("mysql")).is_err());
    }

    #[test]
    fn a_summary_names_the_parts_that_failed() {
        let mut counts = Counts::default();
        for (seed, is_passed) in [(7, true), (8, false), (9, true)] {
            counts.add(Part { seed, count: 100 }, is_passed, Duration::from_secs(2));
        }
        let text = summary(&sequences(300, None), "sqlite", "2026-11-29", &counts);
        assert!(
            text.contains("- sequences that passed: 200\n- seconds: 6\n- parts that failed, by seed: 8\n"),
            "{text}"
        );
        let text = summary(&sequences(300, None), "sqlite", "2026-11-29", &Counts::default());
        assert!(text.contains("by seed: none\n"), "{text}");
    }
}
