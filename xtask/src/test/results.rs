//! Reads what test executables print.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// How many tests came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
}

impl Counts {
    pub(super) fn total(self) -> usize {
        self.passed + self.failed + self.ignored
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The tests that the list in the terse format names.
pub(super) fn listed(output: &str) -> Vec<String> {
    output.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// Each test of the output with its end, as in `test name ... ok`.
pub(super) fn verdicts(output: &str) -> Vec<(&str, Verdict)> {
    output.lines().filter_map(verdict).collect()
}

fn verdict(line: &str) -> Option<(&str, Verdict)> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match end.split([' ', ',']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    Some((name.trim_end_matches(" - should panic"), verdict))
}

/// The sum of the lines that begin with `test result: `. `None` when there is none: the executable did not end by itself.
pub(super) fn counts(output: &str) -> Option<Counts> {
    let mut counts = None;
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let number = |what: &str| {
            let before = line.split([';', '.']).find_map(|part| part.trim().strip_suffix(what));
            before.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        let found = Counts { passed: number("passed"), failed: number("failed"), ignored: number("ignored") };
        *counts.get_or_insert_with(Counts::default) += found;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 4 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d - should panic ... ok\n\
        test e ... ignored, needs time\ntest f has been running for over 60 seconds\n\nfailures:\n\n\
        test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.85s\n";

    #[test]
    fn verdicts_of_tests() {
        assert_eq!(
            verdicts(OUTPUT),
            [
                ("a::b", Verdict::Passed),
                ("a::c", Verdict::Failed),
                ("d", Verdict::Passed),
                ("e", Verdict::Ignored),
            ]
        );
    }

    #[test]
    fn counts_of_an_executable() {
        let expected = Counts { passed: 2, failed: 1, ignored: 1 };
        assert_eq!(counts(OUTPUT), Some(expected));
        assert_eq!(expected.total(), 4);
        assert_eq!(counts("running 3 tests\ntest a ... ok\n"), None);
        let docs =
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        assert_eq!(counts(&docs.repeat(2)), Some(Counts { passed: 2, ..Counts::default() }));
    }

    #[test]
    fn lists() {
        assert_eq!(listed("a::b: test\nc: benchmark\n\n"), ["a::b"]);
    }
}
