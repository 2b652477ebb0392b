//! The report of a run: what each executable printed, the failures by name, and one line that counts all tests.

use std::fmt::Write as _;
use std::time::Duration;

use super::results::{self, Counts, Verdict};
use crate::step::Outcome;

/// An executable that has run.
pub(super) struct Ended {
    pub(super) label: String,
    /// What it wrote to standard output and standard error.
    pub(super) output: String,
    /// Why it failed, if it did.
    pub(super) status: Result<(), String>,
    pub(super) took: Duration,
}

impl Ended {
    pub(super) fn has_tests(&self) -> bool {
        self.status.is_err() || results::counts(&self.output).is_some_and(|counts| counts.total() > 0)
    }

    pub(super) fn text(&self) -> String {
        let mut text =
            format!("\n     Tests of {}, {:.1} s\n{}", self.label, self.took.as_secs_f64(), self.output);
        if let Err(reason) = &self.status {
            let _ = writeln!(text, "{}: {reason}", self.label);
        }
        text
    }
}

#[derive(Default)]
pub(super) struct Report {
    counts: Counts,
    /// Tests, and executables that failed although none of their tests did.
    failures: Vec<String>,
    /// The tests that were reported as ignored.
    ignored: Vec<String>,
}

impl Report {
    pub(super) fn add(&mut self, ended: &Ended) {
        let mut counts = results::counts(&ended.output).unwrap_or_default();
        let verdicts = results::verdicts(&ended.output);
        let ignored = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Ignored);
        self.ignored.extend(ignored.map(|(name, _)| (*name).to_owned()));
        let failed = verdicts.into_iter().filter(|(_, verdict)| *verdict == Verdict::Failed);
        let mut failures: Vec<String> = failed.map(|(name, _)| format!("{} {name}", ended.label)).collect();
        if let (Err(reason), true) = (&ended.status, failures.is_empty()) {
            failures.push(format!("{}: {reason}", ended.label));
            counts.failed = counts.failed.max(1);
        }
        self.counts += counts;
        self.failures.extend(failures);
    }

    /// Counts some tests as skipped that passed as far as their executables know.
    pub(super) fn skip(&mut self, tests: usize) {
        let tests = tests.min(self.counts.passed);
        self.counts.passed -= tests;
        self.counts.ignored += tests;
    }

    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.total() == 0
    }

    pub(super) fn text(&self, took: Duration) -> String {
        let mut text = format!("\ntests took {:.1} s\n", took.as_secs_f64());
        for failure in &self.failures {
            let _ = writeln!(text, "failed: {failure}");
        }
        let Counts { passed, failed, ignored } = self.counts;
        let skipped = if ignored > 0 { format!(", {ignored} skipped") } else { String::new() };
        let _ = writeln!(text, "{passed} passed, {failed} failed{skipped}");
        text
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self.failures.len() {
            0 => Ok(()),
            1 => Err("1 test failed".to_owned()),
            count => Err(format!("{count} tests failed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(label: &str, output: &str, status: Result<(), &str>) -> Ended {
        Ended {
            label: label.to_owned(),
            output: output.to_owned(),
            status: status.map_err(str::to_owned),
            took: Duration::from_millis(1_250),
        }
    }

    fn check(executables: &[Ended], skipped: usize, expected: &str) {
        let mut report = Report::default();
        executables.iter().for_each(|ended| report.add(ended));
        report.skip(skipped);
        assert_eq!(report.text(Duration::from_secs(2)), format!("\ntests took 2.0 s\n{expected}"));
        assert_eq!(report.outcome().is_err(), expected.contains("failed: "));
    }

    #[test]
    fn all_tests_are_counted() {
        let good = || ended("a", "test x ... ok\ntest result: ok. 2 passed; 0 failed; 1 ignored\n", Ok(()));
        check(&[good()], 0, "2 passed, 0 failed, 1 skipped\n");
        check(&[good(), good()], 3, "1 passed, 0 failed, 5 skipped\n");
        let none = ended("b", "test result: ok. 0 passed; 0 failed; 0 ignored\n", Ok(()));
        assert!(!none.has_tests() && good().has_tests());
        check(&[none], 0, "0 passed, 0 failed\n");
        assert!(good().text().starts_with("\n     Tests of a, 1.2 s\ntest x ... ok\n"));
    }

    #[test]
    fn failures_are_named() {
        let output = "test x ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n";
        let bad = || ended("a", output, Err("exit status: 101"));
        check(&[bad()], 0, "failed: a x\n1 passed, 1 failed\n");
        let killed = ended("b", "running 2 tests\ntest x ... ok\n", Err("signal: 9"));
        check(&[bad(), killed], 0, "failed: a x\nfailed: b: signal: 9\n1 passed, 2 failed\n");
    }
}
