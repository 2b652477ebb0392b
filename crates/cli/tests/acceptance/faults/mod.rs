//! The rig of faults: rounds of a mixed load and one fault each. After each round, everything that was acknowledged is
//! there, nothing is there twice, `verify` reports no difference, and the servers work again by themselves.
//! `cargo xtask soak --faults` runs it for minutes, with all kinds of faults, and writes a report.

mod filesystem;
mod kinds;
mod load;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{PipeReader, Write as _};
use std::process::Child;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollbook_testkit::Cluster;
use tollbook_testkit::stores::{BUCKET, PRIVATE_KEY, PUBLIC_KEY, Relay, S3Server};

use crate::long_run::LongRun;
use crate::program::{Fixture, Server, steps};
use crate::rig::Dice;
use filesystem::{Filesystem, can_mount};
use kinds::{Fault, Log, url_of};
pub(crate) use kinds::{faketime, limit_files, set_clock, under_faketime};
use load::{Counts, Load};

/// Records of an import that is stopped.
const IMPORTED: i64 = 12_000;
/// Records that must be acknowledged before a fault, and after it.
const ACKNOWLEDGED: i64 = 10;
/// Requests during a fault.
const REQUESTS: i64 = 12;
/// What a record costs, and the amount of a deposit, in 10⁻⁸.
const RECORD_STEPS: i128 = 200_000_000;
const DEPOSIT_STEPS: i128 = 4_000_000_000;
/// The longest wait for the servers to recover. A clock is in doubt for two minutes after a leap.
const RECOVERY: Duration = Duration::from_secs(300);
/// Rounds on one database. A new one follows, because everything that was sent is confirmed after each round.
const ROUNDS_OF_A_DATABASE: usize = 12;

/// Where the servers have their data.
enum Deployment {
    Sqlite,
    /// Two servers share it, and nothing else uses it, so that it can be killed.
    Postgres(Cluster),
}

/// File systems that can be filled: of the data directory, of the spool in it, and of a log.
struct Filesystems {
    spool: Filesystem,
    data: Filesystem,
    log: Filesystem,
}

/// Room for the databases of a rig's rounds, for an export, and for a log until it is filled, in bytes.
const DATA_BYTES: u64 = 192 << 20;
const SPOOL_BYTES: u64 = 32 << 20;
const LOG_BYTES: u64 = 4 << 20;

impl Filesystems {
    fn mount(fixture: &Fixture) -> Self {
        let mount = |path, bytes| Filesystem::mount(path, bytes).unwrap();
        let data = mount(fixture.data(), DATA_BYTES);
        let spool = mount(fixture.data().join("spool"), SPOOL_BYTES);
        Self { spool, data, log: mount(fixture.path("log"), LOG_BYTES) }
    }
}

struct Rig<'a> {
    fixture: &'a Fixture,
    deployment: Deployment,
    servers: Vec<Server>,
    urls: &'a RwLock<Vec<String>>,
    relay: Relay,
    /// If a fault of the run needs them.
    filesystems: Option<Filesystems>,
    load: &'a Load<'a>,
    /// Records of imports.
    imported: i64,
    /// The log of a server, which is not read.
    unread: Option<PipeReader>,
    /// Whether a server was started for the fault of this round alone.
    is_prepared: bool,
}

impl Rig<'_> {
    fn start_import(&self, round: usize) -> Child {
        let mut text = String::new();
        for number in 0..IMPORTED {
            let _ = writeln!(text, "{}", self.load.file_record(&format!("{round}-{number}"), number));
        }
        self.fixture.write("usage.jsonl", text);
        self.fixture.spawn(&["usage", "import", "usage.jsonl"])
    }

    /// One round: load, a fault during it, and the proof that it did no harm.
    fn round(&mut self, fault: Fault, round: usize, dice: &mut Dice) -> Counts {
        let die = dice.below(1 << 20);
        let victim = usize::try_from(dice.below(i64::try_from(self.servers.len()).unwrap())).unwrap();
        self.prepare(fault, victim);
        let done = AtomicBool::new(false);
        let load = self.load;
        std::thread::scope(|scope| {
            let done = &done;
            let mut seed = || Dice::new(u64::try_from(dice.below(1 << 40)).unwrap());
            let [first, second, third, fourth] = [seed(), seed(), seed(), seed()];
            scope.spawn(move || load.report(first, done));
            scope.spawn(move || load.report(second, done));
            scope.spawn(move || load.deposit(&format!("d{round}"), done));
            scope.spawn(move || load.pay(third, done));
            scope.spawn(move || load.export(fourth, done));
            // If a check fails here, the threads of the load must end too.
            let disturbed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                wait_for("load before the fault", || load.acknowledged() >= ACKNOWLEDGED);
                let suffered = self.inflict(fault, victim, round, die);
                let before = load.requests();
                let begin = Instant::now();
                wait_for("load during the fault", || {
                    load.requests() >= before + REQUESTS && begin.elapsed() >= fault.lasts()
                });
                self.relieve(suffered);
                let before = load.acknowledged();
                wait_for("load after the fault", || load.acknowledged() >= before + ACKNOWLEDGED);
            }));
            done.store(true, Ordering::SeqCst);
            disturbed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        self.prove(fault);
        if self.is_prepared {
            self.restart(victim, Log::Kept, &[]);
        }
        load.take_counts()
    }

    fn prove(&self, fault: Fault) {
        let load = self.load;
        for place in 0..self.servers.len() {
            wait_for(&format!("server {place} after {fault:?}"), || load.is_ready(place));
        }
        load.confirm();
        // The servers close the hours by themselves.
        wait_for(&format!("settlement after {fault:?}"), || load.amount()["PendingAmount"] == "0.00");
        let (records, deposits) = load.expected();
        let amount = load.amount();
        let charged = i128::from(records + self.imported) * RECORD_STEPS;
        let total = steps(&amount["TotalOrderAmount"]);
        if total != charged {
            let records = (total - charged) / RECORD_STEPS;
            panic!("{fault:?}: {records} records too many (or too few): {amount}");
        }
        let shown = self.fixture.json(&["account", "show", "--company", "1"]);
        let balance = i128::from(deposits) * DEPOSIT_STEPS - steps(&amount["PaidAmount"]);
        assert_eq!(steps(&shown["Balances"]["Cash"]), balance, "{fault:?}: {shown} {amount}");
        let found = self.fixture.json(&["verify"]);
        assert_eq!(found["Differences"], json!([]), "after {fault:?}");
    }
}

/// Polls until something is so.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < RECOVERY, "waited for too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A long run's numbers.
#[derive(Default)]
struct Report {
    rounds: usize,
    faults: BTreeMap<Fault, usize>,
    counts: Counts,
}

fn run(is_on_sqlite: bool, short: &[Fault]) {
    let run = LongRun::of("soak-faults");
    let name = if is_on_sqlite { "sqlite" } else { "postgresql" };
    let mut raw = run.raw(&format!("{name}.jsonl"));
    let mut faults = if raw.is_some() { Fault::all(is_on_sqlite) } else { short.to_vec() };
    faults.retain(|fault| run.is_wanted(&format!("{fault:?}")));
    let is_mounted = faults.iter().any(|fault| fault.is_of_a_filesystem()) && can_mount();
    faults.retain(|fault| is_mounted || !fault.is_of_a_filesystem());
    if faults.is_empty() {
        return;
    }
    let mut dice = Dice::new(run.seed);
    let mut report = Report::default();
    while run.goes_on(report.rounds, faults.len()) {
        on_new_deployment(is_on_sqlite, is_mounted, &mut |rig| {
            for _ in 0..ROUNDS_OF_A_DATABASE {
                let fault = faults[report.rounds % faults.len()];
                let begin = Instant::now();
                let counts = rig.round(fault, report.rounds, &mut dice);
                report.rounds += 1;
                *report.faults.entry(fault).or_default() += 1;
                report.counts.add(counts);
                let mut value = counts.value();
                value["Round"] = report.rounds.into();
                value["Fault"] = format!("{fault:?}").into();
                value["Milliseconds"] = u64::try_from(begin.elapsed().as_millis()).unwrap().into();
                println!("{name} {value}");
                if let Some(raw) = &mut raw {
                    writeln!(raw, "{value}").unwrap();
                }
                assert_eq!((counts.lost, counts.doubled), (0, 0), "{fault:?}");
                if !run.goes_on(report.rounds, faults.len()) {
                    break;
                }
            }
        });
    }
    run.write(&format!("{name}.json"), &format!("{:#}\n", value_of(&run, name, &report)));
}

fn value_of(run: &LongRun, database: &str, report: &Report) -> Value {
    let faults: serde_json::Map<String, Value> =
        report.faults.iter().map(|(fault, rounds)| (format!("{fault:?}"), (*rounds).into())).collect();
    let mut value = report.counts.value();
    value["Command"] = format!("{} --faults", run.command()).into();
    value["Date"] = run.date.as_str().into();
    value["Database"] = database.into();
    value["Rounds"] = report.rounds.into();
    value["Faults"] = faults.into();
    value["ClockFaults"] =
        if faketime().is_some() { "yes" } else { "no: libfaketime is not installed" }.into();
    value
}

/// Starts a deployment with a store of its own and hands its rig over.
fn on_new_deployment(is_on_sqlite: bool, is_mounted: bool, use_it: &mut dyn FnMut(&mut Rig<'_>)) {
    let keys = [("TOLLBOOK_OBJECTS_PUBLIC_KEY", PUBLIC_KEY), ("TOLLBOOK_OBJECTS_PRIVATE_KEY", PRIVATE_KEY)];
    let (deployment, fixture) = if is_on_sqlite {
        (Deployment::Sqlite, Fixture::with_environment(&keys))
    } else {
        let cluster = Cluster::start();
        cluster.sql("postgres", "CREATE DATABASE rig");
        let fixture = Fixture::on_with_environment(&cluster.url("rig"), &keys);
        (Deployment::Postgres(cluster), fixture)
    };
    let filesystems = is_mounted.then(|| Filesystems::mount(&fixture));
    let company = fixture.company("Acme");
    let prices = "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"2\"\n";
    let prices = fixture.write("prices.toml", prices);
    fixture.json(&["prices", "import", prices.to_str().unwrap()]);
    let store = S3Server::start(false);
    let relay = Relay::to(store.address);
    let config = format!(
        "[objects]\nstore = \"s3://{BUCKET}?endpoint=http://{}\"\nfree_bytes = 0\nupload_timeout_s = 5\n\
         [database]\nlock_timeout_s = 2\n[charging]\ngrace_s = 0\ngather_s = 1\n",
        relay.address
    );
    std::fs::write(fixture.data().join("tollbook.toml"), config).unwrap();
    let servers: Vec<Server> =
        (0..if is_on_sqlite { 1 } else { 2 }).map(|_| fixture.start(&["serve"])).collect();
    let urls = RwLock::new(servers.iter().map(|server| url_of(server).to_owned()).collect());
    let load = Load::new(&fixture, &company, &urls);
    let mut rig = Rig {
        fixture: &fixture,
        deployment,
        servers,
        urls: &urls,
        relay,
        filesystems,
        load: &load,
        imported: 0,
        unread: None,
        is_prepared: false,
    };
    use_it(&mut rig);
    for server in &mut rig.servers {
        server.stop();
    }
}

#[test]
fn faults_lose_and_repeat_nothing_on_sqlite() {
    run(true, Fault::SHORT_ON_SQLITE);
}

#[test]
fn faults_lose_and_repeat_nothing_on_postgresql() {
    run(false, Fault::SHORT_ON_POSTGRES);
}
