//! Runs test executables beside each other: many of them wait for processes, not for the processor. The output of each
//! is printed whole when it ends.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::environment::TestEnvironment;
use super::executable::Executable;
use super::report::{Ended, Report};
use super::skipped::Skipped;
use super::times::Times;
use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

/// How many run at a time. Each has as many threads as there are processors.
const AT_A_TIME: usize = 2;

/// Runs the executables, and the tests of documentation if there are packages in `docs`: arguments of cargo that choose
/// them. With a part of a name, only tests that have it are run; it is a failure if there are none.
pub(super) fn run(
    workspace: &Workspace,
    environment: &TestEnvironment,
    executables: &[Executable],
    docs: Option<&[String]>,
    part: Option<&str>,
    skipped: &mut Skipped,
) -> Outcome {
    let started = Instant::now();
    let folder = workspace.test_files();
    let mut times = Times::read(&folder);
    let mut jobs: Vec<Job> =
        executables.iter().map(|test| Job::new(test.label(), test.command(environment))).collect();
    if let Some(selection) = docs {
        let mut cargo = Command::new(workspace::cargo());
        cargo.current_dir(workspace.root()).args(["test", "--doc", "--no-fail-fast"]).args(selection);
        environment.set(&mut cargo);
        jobs.push(Job::new("documentation".to_owned(), cargo));
    }
    // The next job is taken from the end: the longest of the last run, and before it those that were not in that run.
    jobs.sort_by_key(|job| times.of(&job.label));
    for job in &mut jobs {
        job.command.args(part);
    }
    let jobs = Mutex::new(jobs);
    let (to_report, ended) = std::sync::mpsc::channel();
    let mut report = Report::default();
    thread::scope(|scope| {
        for worker in 0..AT_A_TIME {
            let (jobs, to_report) = (&jobs, to_report.clone());
            let output = folder.join(format!("output-{worker}"));
            scope.spawn(move || {
                let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop();
                while let Some(job) = next() {
                    let _ = to_report.send(job.run(&output));
                }
            });
        }
        drop(to_report);
        for ended in ended {
            // Executables without a test of the name are not worth a line.
            if part.is_none() || ended.has_tests() {
                step::print(&ended.text());
            }
            times.note(&ended);
            report.add(&ended);
        }
    });
    if part.is_none() {
        times.write(&folder)?;
    }
    report.skip(skipped.passed());
    report.ignored().iter().for_each(|test| skipped.ignored(test));
    if report.is_empty() {
        return Err(
            part.map_or("there are no tests".to_owned(), |part| format!("no test has {part} in its name"))
        );
    }
    step::print(&report.text(started.elapsed()));
    report.outcome()
}

/// A program that prints results of tests.
struct Job {
    label: String,
    command: Command,
}

impl Job {
    fn new(label: String, command: Command) -> Self {
        Self { label, command }
    }

    /// Runs it to its end. The output goes to a file and not to a pipe, which a process that a test has left behind
    /// would keep open.
    fn run(mut self, output: &Path) -> Ended {
        let started = Instant::now();
        let status = self.start(output).map_err(|error| error.to_string());
        let status =
            status.and_then(|status| if status.success() { Ok(()) } else { Err(status.to_string()) });
        let output = fs::read(output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ended { label: self.label, output: output.unwrap_or_default(), status, took: started.elapsed() }
    }

    fn start(&mut self, output: &Path) -> std::io::Result<std::process::ExitStatus> {
        step::say(&format!("+ tests of {}", self.label));
        let file = File::create(output)?;
        self.command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).status()
    }
}
