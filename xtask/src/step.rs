//! Runs other programs: each is announced, and a failure names the program.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

/// The result of a command; the error is a text for a person.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Prints a line on standard error. Standard output belongs to the programs that are run and to reports of tests.
pub(crate) fn say(line: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a part of a report on standard output.
pub(crate) fn print(text: &str) {
    // Neither is a closed standard output.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

/// Runs a program to its end, with the standard output and error of this program.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = line(command);
    say(&format!("+ {line}"));
    let status = command.stdin(Stdio::null()).status().map_err(|error| format!("{line}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}")) }
}

/// Runs a program to its end and calls `each` with every line that it writes to standard output.
pub(crate) fn run_reading(command: &mut Command, mut each: impl FnMut(&str)) -> Outcome {
    let line = line(command);
    say(&format!("+ {line}"));
    let failed = |error| format!("{line}: {error}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    for written in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        each(&written.map_err(failed)?);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}")) }
}

/// Runs a program quietly and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{line}: the output is not UTF-8"))
}

/// The program's file name and its arguments, for people.
pub(crate) fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_program() {
        let failed = run(Command::new("/bin/sh").args(["-c", "exit 3"]));
        assert_eq!(failed, Err("sh -c exit 3: exit status: 3".to_owned()));
        assert!(run(&mut Command::new("/no/such/program")).is_err_and(|why| why.starts_with("program: ")));
    }

    #[test]
    fn lines_are_read_until_the_end() {
        let mut lines = Vec::new();
        let mut read = |text: &str| {
            run_reading(Command::new("/bin/sh").args(["-c", text]), |line| lines.push(line.to_owned()))
        };
        assert_eq!(read("echo a; echo b >&2; echo c"), Ok(()));
        assert_eq!(read("echo d; exit 3"), Err("sh -c echo d; exit 3: exit status: 3".to_owned()));
        assert_eq!(lines, ["a", "c", "d"]);
    }

    #[test]
    fn output_is_standard_output_alone() {
        assert_eq!(output(Command::new("/bin/sh").args(["-c", "echo a; echo b >&2"])), Ok("a\n".to_owned()));
        let failed = output(Command::new("/bin/sh").args(["-c", "echo why >&2; exit 1"]));
        assert!(failed.is_err_and(|why| why.ends_with("exit status: 1\nwhy\n")));
    }
}
