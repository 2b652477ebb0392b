//! Soak test of imports: three servers on one PostgreSQL database, two importers and readers. Importers and the
//! database are killed at random times and restarted. `cargo xtask soak` runs it for minutes and writes a report.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tollbook_testkit::{Cluster, Database};

use crate::long_run::LongRun;
use crate::program::{Fixture, Server, finish};
use crate::rig::{Dice, Model};

/// The number of rounds if no duration is given.
const SHORT: usize = 2;
/// Orders per round.
const ROUND: usize = 3_000;
/// Rounds on one database. A new database follows, because `verify` takes longer with each round.
const ROUNDS_OF_A_DATABASE: usize = 20;
/// The number of import attempts of a round that may be interrupted.
const DISTURBED: usize = 4;

/// Counts of one round.
#[derive(Default)]
struct Round {
    orders: usize,
    imports: i64,
    importers_killed: i64,
    postgres_killed: i64,
    answers: i64,
    unavailable: i64,
    ms: u128,
}

impl Round {
    fn value(&self, number: usize) -> Value {
        json!({
            "Round": number, "Orders": self.orders, "Imports": self.imports,
            "ImportersKilled": self.importers_killed, "PostgresKilled": self.postgres_killed,
            "Answers": self.answers, "Unavailable": self.unavailable,
            "Milliseconds": u64::try_from(self.ms).unwrap(),
        })
    }

    fn add(&mut self, other: &Round) {
        self.orders += other.orders;
        self.imports += other.imports;
        self.importers_killed += other.importers_killed;
        self.postgres_killed += other.postgres_killed;
        self.answers += other.answers;
        self.unavailable += other.unavailable;
        self.ms += other.ms;
    }
}

#[test]
fn three_servers_keep_running_while_importers_and_the_database_are_killed() {
    let run = LongRun::of("soak");
    let mut raw = run.raw("rounds.jsonl");
    let goes_on = |round: usize| run.goes_on(round, SHORT);
    let mut dice = Dice::new(run.seed);
    let (mut number, mut sum) = (0, Round::default());
    while goes_on(number) {
        let cluster = Cluster::start();
        let database = cluster.database();
        let rig = Rig::new(&cluster, &database);
        for of_this in 0..ROUNDS_OF_A_DATABASE {
            let round = rig.round(of_this, &mut dice);
            number += 1;
            println!("{}", round.value(number));
            if let Some(raw) = &mut raw {
                writeln!(raw, "{}", round.value(number)).unwrap();
            }
            sum.add(&round);
            if !goes_on(number) {
                break;
            }
        }
        rig.stop();
    }
    let text = summary(&run, number, &sum);
    println!("{text}");
    run.write("README.md", &text);
}

struct Rig<'a> {
    cluster: &'a Cluster,
    database: &'a Database<'a>,
    fixture: Fixture,
    servers: Vec<Server>,
    urls: Vec<String>,
    model: Model,
}

impl<'a> Rig<'a> {
    fn new(cluster: &'a Cluster, database: &'a Database<'a>) -> Self {
        let fixture = Fixture::on(database.url());
        let servers = fixture.start_together(3);
        let urls = servers.iter().map(|server| server.url().to_owned()).collect();
        let company = fixture.company("Acme");
        let model = Model::new(&company, i64::try_from(ROUND * ROUNDS_OF_A_DATABASE).unwrap());
        Self { cluster, database, fixture, servers, urls, model }
    }

    fn round(&self, number: usize, dice: &mut Dice) -> Round {
        let begin = Instant::now();
        let (first, end) = (number * ROUND, (number + 1) * ROUND);
        for (name, text) in ["a.jsonl", "b.jsonl"].iter().zip(self.model.overlapping(first..end)) {
            self.fixture.write(name, text);
        }
        let mut round = Round { orders: ROUND, ..Round::default() };
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let done = &done;
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let dice = Dice::new(u64::try_from(dice.below(1 << 40)).unwrap());
                    scope.spawn(move || self.model.read_until(&self.urls, dice, done, true))
                })
                .collect();
            // If the import fails, the readers must end too.
            let imported = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.import(first, dice, &mut round);
            }));
            done.store(true, Ordering::SeqCst);
            for reader in readers {
                let seen = reader.join().unwrap();
                round.answers += seen.answers;
                round.unavailable += seen.unavailable;
            }
            imported.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        self.fixture.assert_verified(i64::try_from(end).unwrap());
        self.model.compare(&self.urls, end);
        round.ms = begin.elapsed().as_millis();
        round
    }

    /// Imports both files, and repeats interrupted imports until both are complete.
    fn import(&self, stored: usize, dice: &mut Dice, round: &mut Round) {
        let mut left = vec!["a.jsonl", "b.jsonl"];
        for attempt in 0.. {
            // About one of four attempts is not interrupted. The others are interrupted inside a transaction, or as
            // soon as a random number of orders is committed.
            let event = if attempt < DISTURBED && dice.below(4) > 0 { 1 + dice.below(2) } else { 0 };
            let in_transaction = dice.below(2) == 0;
            let enough = i64::try_from(stored).unwrap() + dice.below(i64::try_from(ROUND).unwrap());
            let victim = usize::try_from(dice.below(i64::try_from(left.len()).unwrap())).unwrap();
            let mut children: Vec<Child> =
                left.iter().map(|file| self.fixture.spawn(&["orders", "import", file])).collect();
            round.imports += i64::try_from(children.len()).unwrap();
            if event > 0 {
                let stored = || self.database.sql("SELECT count(*) FROM orders").parse::<i64>().unwrap();
                let reached = || if in_transaction { self.fixture.is_written() } else { stored() >= enough };
                while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) && !reached() {}
            }
            if event == 1 {
                children[victim].kill().unwrap();
            } else if event == 2 {
                self.cluster.kill();
                round.postgres_killed += 1;
                self.cluster.start_again();
            }
            let mut still = Vec::new();
            for (file, child) in left.into_iter().zip(children) {
                match finish(child) {
                    (Some(0), _, _) => {}
                    (None, _, _) if event == 1 => {
                        round.importers_killed += 1;
                        still.push(file);
                    }
                    (Some(1), value, _) if event == 2 => {
                        let said = value["Error"].as_str().unwrap();
                        assert!(said.starts_with("the database is not available: "), "{said}");
                        still.push(file);
                    }
                    (code, value, error) => panic!("{file}: {code:?} {value} {error}"),
                }
            }
            if still.is_empty() {
                return;
            }
            left = still;
        }
    }

    fn stop(mut self) {
        for server in &mut self.servers {
            server.stop();
        }
    }
}

fn summary(run: &LongRun, rounds: usize, sum: &Round) -> String {
    let line = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map_or_else(
            |_| "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut text = format!("# Soak, {}\n\n    {}\n\n", run.date, run.command());
    let _ = writeln!(text, "- {cores} cores, kernel {}", line("uname", &["-r"]));
    let _ = writeln!(text, "- Commit: {}", line("git", &["rev-parse", "--short=12", "HEAD"]));
    let changed = !line("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    let _ = writeln!(text, "- Changes that are not committed: {}\n", if changed { "yes" } else { "no" });
    let _ = writeln!(
        text,
        "Three servers on one PostgreSQL database and one data directory; in each round two imports of files that \
         overlap, disturbed up to {DISTURBED} times, while two readers ask all servers. Every answer was consistent \
         in itself, and no count ever went back; after each round `verify` was clean, and every page, count and sum \
         of each server equalled the naive model. Debug builds; nothing here is a measurement of speed.\n"
    );
    for (what, count) in [
        ("rounds", rounds.to_string()),
        ("orders imported", sum.orders.to_string()),
        ("imports begun", sum.imports.to_string()),
        ("importers killed", sum.importers_killed.to_string()),
        ("PostgreSQL killed", sum.postgres_killed.to_string()),
        ("answers checked by readers", (sum.answers - sum.unavailable).to_string()),
        ("answers with RetCode 150", sum.unavailable.to_string()),
        ("seconds", (sum.ms / 1_000).to_string()),
    ] {
        let _ = writeln!(text, "- {what}: {count}");
    }
    text.push_str("\nThe rounds are in `rounds.jsonl`.\n");
    text
}
