//! The walkthroughs for operators in `docs/`, run as they stand there: every block of `sh` in one shell, in the order of the
//! page, on a new deployment. Each must succeed, and print what the block of `text` behind it shows. Blocks below a comment
//! `SQLite` are for that database alone.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tollbook_testkit::Cluster;
use tollbook_testkit::documents::{Block, blocks, document};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    going_live
    backups
    upgrades
    corrections
}

/// What a page says whose commands are run.
const CLAIM: &str = "run by a test";
/// Where the pages say that the server listens.
const LISTEN: &str = "127.0.0.1:8080";
/// The PostgreSQL database of the pages.
const DATABASE: &str = "postgres://tollbook:…@db.example/tollbook";
/// What of the output may be anything: a part of a line, or lines.
const ANY: &str = "…";

fn going_live(fixture: &Fixture) {
    Walk::new(fixture).page("GOING_LIVE.md");
}

fn backups(fixture: &Fixture) {
    Walk::new(fixture).page("GOING_LIVE.md").page("BACKUP.md");
}

fn upgrades(fixture: &Fixture) {
    Walk::new(fixture).page("GOING_LIVE.md").page("UPGRADE.md");
}

fn corrections(fixture: &Fixture) {
    Walk::new(fixture).page("CORRECTIONS.md");
}

#[test]
fn moving_to_postgres() {
    let database = Cluster::shared().database();
    Walk::new(&Fixture::new()).with_target(database.url()).page("GOING_LIVE.md").page("POSTGRESQL.md");
}

#[test]
fn every_page_that_says_so_is_run() {
    let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
    let mut pages: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| claims(&document(&format!("docs/{name}"))))
        .collect();
    pages.sort();
    assert_eq!(pages, ["BACKUP.md", "CORRECTIONS.md", "GOING_LIVE.md", "POSTGRESQL.md", "UPGRADE.md"]);
}

/// Commands, and what the page shows of their output.
struct Step {
    commands: Block,
    shown: Option<Block>,
}

/// The steps of a page for a kind of database.
fn steps(page: &str, is_sqlite: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(page) {
        match block.language.as_str() {
            "sh" => steps.push(Step { commands: block, shown: None }),
            "text" => match steps.last_mut() {
                Some(step) if step.shown.is_none() => step.shown = Some(block),
                _ => panic!("line {}: no commands print this", block.line),
            },
            other => panic!("line {}: a block of {other}", block.line),
        }
    }
    steps.retain(|step| is_sqlite || step.commands.note.as_deref() != Some("SQLite"));
    steps
}

/// Whether a page says that its commands are run.
fn claims(page: &str) -> bool {
    page.split_whitespace().collect::<Vec<_>>().join(" ").contains(CLAIM)
}

/// A machine with the program, an empty data directory, and a configuration as the package installs it.
struct Walk<'a> {
    fixture: &'a Fixture,
    target: Option<String>,
    listen: String,
}

impl<'a> Walk<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        for folder in ["bin", "etc/tollbook", "var/lib/tollbook", "backup", "home"] {
            fs::create_dir_all(fixture.path(folder)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_tollbook"), fixture.path("bin/tollbook")).unwrap();
        for (name, program) in [
            ("bin/systemctl", include_str!("walkthroughs/systemctl")),
            ("bin/sudo", include_str!("walkthroughs/sudo")),
        ] {
            let path = fixture.write(name, program);
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        fixture.write("etc/tollbook/tollbook.toml", document("packaging/tollbook.toml"));
        if !fixture.is_on_sqlite() {
            fixture.write("etc/tollbook/environment", format!("TOLLBOOK_DATABASE_URL={}\n", fixture.url()));
        }
        Self { fixture, target: None, listen: free_address() }
    }

    /// The empty PostgreSQL database that the page names.
    fn with_target(mut self, url: &str) -> Self {
        self.target = Some(url.to_owned());
        self
    }

    /// Places of the pages, and where they are here.
    fn here(&self, text: &str) -> String {
        let place = |name: &str| self.fixture.path(name).to_str().unwrap().to_owned();
        let mut text = text.replace(LISTEN, &self.listen);
        for name in ["var/lib/tollbook", "etc/tollbook", "backup/"] {
            text = text.replace(&format!("/{name}"), &place(name));
        }
        match &self.target {
            Some(url) => text.replace(DATABASE, url),
            None => text,
        }
    }

    /// Runs a page to its end.
    fn page(self, name: &str) -> Self {
        let page = document(&format!("docs/{name}"));
        assert!(claims(&page), "{name}");
        let steps: Vec<(usize, Step)> =
            steps(&page, self.fixture.is_on_sqlite()).into_iter().enumerate().collect();
        assert!(!steps.is_empty(), "{name} has no commands");
        let mut script = "set -euo pipefail\n".to_owned();
        for (step, Step { commands, .. }) in &steps {
            let text = self.here(&commands.text);
            let (output, errors) = (self.output(*step), self.errors(*step));
            writeln!(script, "{{\n{text}}} >'{}' 2>'{}'", output.display(), errors.display()).unwrap();
            // Blocks that do not succeed have no such file.
            writeln!(script, "touch '{}'", self.done(*step).display()).unwrap();
        }
        self.shell(&script);
        for (step, Step { commands, shown }) in steps {
            let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
            let (output, errors) = (read(self.output(step)), read(self.errors(step)));
            let what = format!("docs/{name}:{}:\n{}{output}{errors}", commands.line, commands.text);
            assert!(
                self.done(step).exists(),
                "{what}\nfailed; the server's log:\n{}",
                read(self.fixture.path("log"))
            );
            fs::remove_file(self.done(step)).unwrap();
            if let Some(shown) = shown {
                let shown = lines(&self.here(&shown.text));
                assert!(
                    matches(&shown, &lines(&output)),
                    "{what}\nis not what the page shows:\n{}",
                    shown.join("\n")
                );
            }
        }
        self
    }

    fn output(&self, step: usize) -> PathBuf {
        self.fixture.path(&format!("output-{step}"))
    }

    fn errors(&self, step: usize) -> PathBuf {
        self.fixture.path(&format!("errors-{step}"))
    }

    fn done(&self, step: usize) -> PathBuf {
        self.fixture.path(&format!("done-{step}"))
    }

    fn shell(&self, script: &str) {
        let mut bash = Command::new("bash");
        self.fixture.enter(bash.args(["-c", script]));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.fixture.path("bin").display());
        bash.current_dir(self.fixture.path("home"))
            .env("PATH", path)
            .env("WALK", self.fixture.path(""))
            .env("LISTEN", &self.listen)
            .stdout(Stdio::null())
            .status()
            .unwrap();
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        self.shell("systemctl stop");
    }
}

/// An address that no other process of the machine listens on: the loopback network has one for each process.
fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(8081);
    let [_, a, b, c] = std::process::id().to_be_bytes();
    format!("127.{}.{b}.{c}:{}", 128 | a, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Lines without white space at their ends, in which a run of white space is one space: tables fit their columns to values.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Whether lines are those that are shown.
fn matches(shown: &[String], lines: &[String]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == ANY => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, more)| matches_line(first, line) && matches(rest, more))
        }
    }
}

fn matches_line(shown: &str, line: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANY) else { return shown == line };
    let Some(line) = line.strip_prefix(start) else { return false };
    line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| matches_line(rest, &line[at..]))
}

#[test]
fn output_is_compared_with_what_is_shown() {
    let compare = |shown: &str, output: &str| matches(&lines(shown), &lines(output));
    for (shown, output) in [
        ("a 1\nb\n", " a   1 \nb\n"),
        ("…\nb\n", "b\n"),
        ("…\nb\n…\n", "a\nb\nb\nc\n"),
        ("a … c … e\n", "a b c d d e\n"),
        ("{\"A\":1,…}\n", "{\"A\":1,\"B\":2}"),
        ("", ""),
    ] {
        assert!(compare(shown, output), "{shown:?} {output:?}");
    }
    for (shown, output) in [
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("a …\n", "b c\n"),
        ("…\nb\n", "a\nb\nc\n"),
        ("a … b\n", "a c\n"),
        ("", "a\n"),
    ] {
        assert!(!compare(shown, output), "{shown:?} {output:?}");
    }
}
