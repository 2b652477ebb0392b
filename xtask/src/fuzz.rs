//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, for a time. The binary is a test of `fuzz/` that is built with
//! coverage counters by the installed compiler (`fuzz/rustc-with-coverage`); nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// Seconds of one target without `--seconds`.
const SECONDS: u64 = 60;
/// Those of one target in the suite: with two at a time, the suite takes about a minute.
const SUITE_SECONDS: u64 = 5;
/// Targets that run at a time.
const AT_A_TIME: usize = 2;
/// Longest input, and longest time for one, in bytes and seconds.
const LIMITS: [&str; 3] = ["-max_len=8192", "-timeout=20", "-rss_limit_mb=2048"];

#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    seconds: u64,
    /// Whether inputs that reach new code are added to the corpus in the repository.
    keeps: bool,
    target: Option<String>,
}

/// Runs one target or all.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Outcome {
    fuzz(workspace, &parse(arguments)?)
}

/// A short run of every target, or of those with a text in their names.
pub(crate) fn suite(workspace: &Workspace, part: Option<&str>) -> Outcome {
    fuzz(workspace, &Wanted { seconds: SUITE_SECONDS, keeps: false, target: part.map(str::to_owned) })
}

fn parse(arguments: &[&str]) -> Outcome<Wanted> {
    let mut wanted = Wanted { seconds: SECONDS, keeps: false, target: None };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--seconds" => {
                let value = rest.next().and_then(|value| value.parse().ok()).filter(|seconds| *seconds > 0);
                wanted.seconds = value.ok_or("fuzz: --seconds needs a number")?;
            }
            "--keep" => wanted.keeps = true,
            option if option.starts_with('-') => return Err(format!("fuzz: {option} is not understood")),
            name if wanted.target.is_none() => wanted.target = Some(name.to_owned()),
            name => return Err(format!("fuzz: one target at most, and {name} is another")),
        }
    }
    Ok(wanted)
}

fn fuzz(workspace: &Workspace, wanted: &Wanted) -> Outcome {
    step::output(Command::new("c++").arg("--version")).map_err(|why| {
        format!("a C++ compiler is needed, for libFuzzer; on Debian, install the package g++ ({why})")
    })?;
    let targets = targets(workspace, wanted.target.as_deref())?;
    let program = build(workspace)?;
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = Target::new(workspace, target).run(&program, wanted);
                    if let (Err(why), Ok(mut failures)) = (outcome, failures.lock()) {
                        failures.push(why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().map_err(|_| "fuzz: a run panicked".to_owned())?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// The folders of the corpora are the targets; a test compares both.
fn targets(workspace: &Workspace, part: Option<&str>) -> Outcome<Vec<String>> {
    let folder = workspace.root().join("fuzz/corpus");
    let read = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = read.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let chosen: Vec<String> = match part {
        Some(name) if names.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(part) => names.iter().filter(|name| name.contains(part)).cloned().collect(),
        None => names.clone(),
    };
    if chosen.is_empty() {
        return Err(format!("fuzz: there is no such target: there are {}", names.join(", ")));
    }
    Ok(chosen)
}

/// Builds the binary. Dependencies are those of the tests, so that only the crates of the workspace are compiled again.
fn build(workspace: &Workspace) -> Outcome<PathBuf> {
    let mut cargo = Command::new(workspace::cargo());
    cargo
        .current_dir(workspace.root())
        .args(["test", "--workspace", "--features", "tollbook-fuzz/libfuzzer", "--test", "libfuzzer"])
        .args(["--no-run", "--message-format", "json-render-diagnostics"])
        .env("RUSTC_WORKSPACE_WRAPPER", workspace.root().join("fuzz/rustc-with-coverage"));
    let mut program = None;
    step::run_reading(&mut cargo, |message| program = executable(message).or(program.take()))?;
    program.ok_or_else(|| format!("{}: there is no executable", step::line(&cargo)))
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_wanted = message["reason"] == "compiler-artifact" && message["target"]["name"] == "libfuzzer";
    message["executable"].as_str().filter(|_| is_wanted).map(PathBuf::from)
}

/// A target and its folders.
struct Target<'t> {
    name: &'t str,
    /// The corpus of the repository.
    kept: PathBuf,
    /// What was found on this machine, from run to run.
    found: PathBuf,
    /// Where inputs are written that break a rule.
    broken: PathBuf,
    dictionary: PathBuf,
    temporary: PathBuf,
}

impl<'t> Target<'t> {
    fn new(workspace: &Workspace, name: &'t str) -> Self {
        let own = workspace.fuzz_files().join(name);
        let fuzz = workspace.root().join("fuzz");
        Self {
            name,
            kept: fuzz.join("corpus").join(name),
            found: own.join("found"),
            broken: own.join("broken"),
            dictionary: fuzz.join("dictionaries").join(format!("{name}.dict")),
            temporary: own.join("temporary"),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .args(LIMITS)
            .arg(format!("-artifact_prefix={}/", self.broken.display()))
            .env("TOLLBOOK_FUZZ_TARGET", self.name)
            .env("TMPDIR", &self.temporary)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, program: &Path, wanted: &Wanted) -> Outcome {
        for folder in [&self.found, &self.broken, &self.temporary] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let mut command = self.command(program);
        command.arg(format!("-max_total_time={}", wanted.seconds)).arg("-print_final_stats=1");
        if self.dictionary.exists() {
            command.arg(format!("-dict={}", self.dictionary.display()));
        }
        let output = command.args([&self.found, &self.kept]).output();
        let output = output.map_err(|error| format!("fuzz: {}: {error}", self.name))?;
        let said = String::from_utf8_lossy(&output.stderr);
        // Temporary files are left behind when the process ends.
        let _ = fs::remove_dir_all(&self.temporary);
        let runs = statistic(&said, "number_of_executed_units");
        match (output.status.success(), runs) {
            (true, Some(runs)) if runs > 0 => {
                let coverage = last_coverage(&said);
                step::say(&format!("{}: {runs} inputs, {coverage}", self.name));
                if wanted.keeps { self.keep(program) } else { Ok(()) }
            }
            _ => Err(format!(
                "fuzz: {}: {}\n{}\nthe inputs that break a rule are in {}",
                self.name,
                output.status,
                tail(&said),
                self.broken.display()
            )),
        }
    }

    /// Adds the inputs to the corpus of the repository that reach code which none of it reaches.
    fn keep(&self, program: &Path) -> Outcome {
        let mut command = self.command(program);
        let output = command.arg("-merge=1").args([&self.kept, &self.found]).output();
        let output = output.map_err(|error| format!("fuzz: {}: {error}", self.name))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "fuzz: {}: {}\n{}",
            self.name,
            output.status,
            tail(&String::from_utf8_lossy(&output.stderr))
        ))
    }
}

/// A number of the statistics at the end of a run.
fn statistic(said: &str, name: &str) -> Option<u64> {
    let line = said.lines().rev().find(|line| line.starts_with("stat::") && line.contains(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What the last line of progress says of coverage.
fn last_coverage(said: &str) -> String {
    let line = said.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let value = |name: &str| {
        let place = words.iter().position(|word| *word == name);
        place.and_then(|place| words.get(place + 1)).copied().unwrap_or("0")
    };
    format!("{} edges, a corpus of {}", value("cov:"), value("corp:"))
}

/// The last lines of what a run said, with what panicked.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let panicked = lines.iter().position(|line| line.contains("panicked at"));
    let begin = panicked.unwrap_or_else(|| lines.len().saturating_sub(20));
    lines[begin..].iter().take(20).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let wanted = |seconds, keeps, target: Option<&str>| {
            Ok(Wanted { seconds, keeps, target: target.map(str::to_owned) })
        };
        assert_eq!(parse(&[]), wanted(SECONDS, false, None));
        assert_eq!(parse(&["--seconds", "5", "money"]), wanted(5, false, Some("money")));
        assert_eq!(parse(&["money", "--keep"]), wanted(SECONDS, true, Some("money")));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--all"], &["a", "b"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let said = "#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0\n#9\tDONE   cov: 17 ft: 20 corp: 3/12b lim: 4\n\
                    stat::number_of_executed_units: 9\nstat::new_units_added:          2\n";
        assert_eq!(statistic(said, "number_of_executed_units"), Some(9));
        assert_eq!(statistic("", "number_of_executed_units"), None);
        assert_eq!(last_coverage(said), "17 edges, a corpus of 3/12b");
        assert_eq!(tail("a\nthread panicked at x\nwhy"), "thread panicked at x\nwhy");
    }

    #[test]
    fn targets_are_named_whole_or_in_part() {
        let workspace = Workspace::locate();
        assert_eq!(targets(&workspace, Some("otlp")), Ok(vec!["otlp".to_owned()]));
        assert!(targets(&workspace, Some("prices")).is_ok_and(|found| found.len() == 2));
        assert!(targets(&workspace, Some("nothing")).is_err_and(|why| why.contains("money")));
        assert!(targets(&workspace, None).is_ok_and(|all| all.len() > 15));
    }
}
