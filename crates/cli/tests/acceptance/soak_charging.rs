//! Soak test of charging: usage imports, `settle`, deposits, corrections of accounts and usage, and a server that pays
//! orders are killed at random times. After each kill, `verify` must report no difference, and a repeated command must complete the work.
//! `cargo xtask soak` runs it for minutes and writes a report.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollbook_testkit::Cluster;

use crate::long_run::LongRun;
use crate::program::{Company, Fixture, finish, steps};
use crate::rig::{Client, Dice};

/// The number of rounds if no duration is given.
const SHORT: usize = 10;
/// Records per round.
const ROUND: i64 = 3_000;
/// API keys and models of the usage. Each pair has two billing lines, for input and output.
const KEYS: i64 = 15;
const MODELS: i64 = 4;
/// Rounds on one database. A new database follows, because `verify` takes longer with each round.
const ROUNDS_OF_A_DATABASE: usize = 20;
/// The longest time before an import or `rerate`, or a shorter command, is killed: about its duration. The test does not depend on
/// it: the outcome is the same at any time of the kill.
const IMPORT_MS: i64 = 700;
const COMMAND_MS: i64 = 90;
/// 2026-06-01T00:00:00Z.
const START_S: i64 = 1_780_272_000;
/// The price of 1 per million tokens, in 10⁻⁸ per token.
const STEPS_OF_ONE: i128 = 100;
/// The price of all models but [`REPRICED`], per million tokens.
const PRICE: i128 = 2;
/// The model whose price is wrong in each round, and rated again.
const REPRICED: i64 = 3;
/// Records that are voided in each round, by number: some share orders, and one has no output.
const VOIDED: [i64; 4] = [0, 1, 1_530, 2_999];
/// The record that is replaced in each round, and its input in place of the one it had.
const REPLACED: (i64, i64) = (62, 1_000_003);

fn prices(of_repriced: i128) -> String {
    let model = |id: &str, rule: &str, price: i128| {
        format!("[[model]]\nid = \"{id}\"\n{rule}[model.prices]\ninput = \"{price}\"\noutput = \"{price}\"\n")
    };
    let others = model("all", "match = { starts_with = \"m-\" }\n", PRICE);
    format!("currency = \"CNY\"\nunit = 12\n{}{others}", model(&format!("m-{REPRICED}"), "", of_repriced))
}

/// Input and output of a record.
fn tokens(number: i64) -> (i64, i64) {
    (number % 997 + 1, number % 89)
}

fn model_of(number: i64) -> i64 {
    number / KEYS % MODELS
}

#[derive(Default)]
struct Round {
    imports_killed: i64,
    settlers_killed: i64,
    deposits_killed: i64,
    corrections_killed: i64,
    usage_corrections_killed: i64,
    servers_killed: i64,
    orders: i64,
    records: i64,
    ms: u128,
}

impl Round {
    fn value(&self, number: usize, database: &str) -> Value {
        json!({
            "Round": number, "Database": database, "Records": self.records, "Orders": self.orders,
            "ImportsKilled": self.imports_killed, "SettlersKilled": self.settlers_killed,
            "DepositsKilled": self.deposits_killed, "CorrectionsKilled": self.corrections_killed,
            "UsageCorrectionsKilled": self.usage_corrections_killed,
            "ServersKilled": self.servers_killed,
            "Milliseconds": u64::try_from(self.ms).unwrap(),
        })
    }

    fn add(&mut self, other: &Self) {
        self.imports_killed += other.imports_killed;
        self.settlers_killed += other.settlers_killed;
        self.deposits_killed += other.deposits_killed;
        self.corrections_killed += other.corrections_killed;
        self.usage_corrections_killed += other.usage_corrections_killed;
        self.servers_killed += other.servers_killed;
        self.orders += other.orders;
        self.records += other.records;
        self.ms += other.ms;
    }
}

/// A deployment and its expected totals.
struct Rig<'a> {
    fixture: &'a Fixture,
    company: Company,
    client: Client,
    /// The charge of all usage so far, in 10⁻⁸.
    charged: i128,
    /// The sum of deposits, in 10⁻⁸.
    deposited: i128,
    orders: i64,
    /// The price of [`REPRICED`], per million tokens.
    price_of_repriced: i128,
}

impl<'a> Rig<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        let company = fixture.company("Acme");
        let client = Client::new(&company);
        let rig =
            Self { fixture, company, client, charged: 0, deposited: 0, orders: 0, price_of_repriced: PRICE };
        rig.import_prices();
        rig
    }

    fn import_prices(&self) {
        let file = self.fixture.write("prices.toml", prices(self.price_of_repriced));
        self.fixture.json(&["prices", "import", file.to_str().unwrap()]);
    }

    /// What a record costs at the present prices, in 10⁻⁸.
    fn charge_of(&self, number: i64, (input, output): (i64, i64)) -> i128 {
        let price = if model_of(number) == REPRICED { self.price_of_repriced } else { PRICE };
        i128::from(input + output) * price * STEPS_OF_ONE
    }

    fn record(&self, round: i64, number: i64, (input, output): (i64, i64)) -> Value {
        json!({
            "id": format!("{round:05}-{number:06}"), "source": "rig",
            "time": START_S + round * 7_200 + number * 7_200 / ROUND,
            "company_id": self.company.id, "organization_id": 1,
            "resource_id": format!("key-{}", number % KEYS), "model_id": format!("m-{}", model_of(number)),
            "product_code": "modelverse", "region": "us-ca", "quantities": {"input": input, "output": output},
        })
    }

    /// Writes a file of usage for two hours that no other round uses. Returns its charge.
    fn write(&self, round: i64) -> i128 {
        let mut text = String::new();
        let mut charge = 0;
        for number in 0..ROUND {
            charge += self.charge_of(number, tokens(number));
            let _ = writeln!(text, "{}", self.record(round, number, tokens(number)));
        }
        self.fixture.write("usage.jsonl", text);
        charge
    }

    /// Runs a command and kills it at a random time, until it succeeds. Verifies the database after each kill.
    fn disturbed(&self, arguments: &[&str], dice: &mut Dice, killed: &mut i64) -> Value {
        let is_long = arguments.contains(&"import") || arguments.contains(&"rerate");
        let patience_ms = if is_long { IMPORT_MS } else { COMMAND_MS };
        for attempt in 0.. {
            let mut child = self.fixture.spawn(arguments);
            // From the fourth attempt on, the command is not killed.
            if attempt < 3 && wait_then_kill(&mut child, dice.below(patience_ms)) {
                *killed += 1;
            }
            let (code, value, error) = finish(child);
            match code {
                Some(0) => return value,
                None => self.assert_clean(arguments),
                Some(code) => panic!("{arguments:?}: {code} {value} {error}"),
            }
        }
        unreachable!("the loop ends when the command succeeds")
    }

    fn assert_clean(&self, after: &[&str]) {
        let found = self.fixture.json(&["verify"]);
        assert_eq!(found["Differences"], json!([]), "after killing {after:?}");
    }

    fn round(&mut self, number: i64, dice: &mut Dice) -> Round {
        let begin = Instant::now();
        let mut round = Round { records: ROUND, ..Round::default() };
        let charge = self.write(number);
        // The deposit covers half of the charge.
        let (first, second) = (format!("{number}-a"), format!("{number}-b"));
        let half = charge / 2;
        self.deposit(half, &first, true, dice, &mut round);
        let report = self.disturbed(&["usage", "import", "usage.jsonl"], dice, &mut round.imports_killed);
        assert_eq!(report["Accepted"].as_i64().unwrap() + report["Duplicate"].as_i64().unwrap(), ROUND);
        // Hours of a killed process stay leased for some seconds. `settle` waits until the leases expire.
        self.disturbed(&["settle"], dice, &mut round.settlers_killed);
        self.charged += charge;
        self.orders += 2 * KEYS * MODELS * 2;
        let again = self.fixture.json(&["usage", "import", "usage.jsonl"]);
        assert_eq!((&again["Duplicate"], &again["Accepted"]), (&ROUND.into(), &0.into()));
        self.deposit(charge - half, &second, false, dice, &mut round);
        self.pay_everything(dice, &mut round);
        self.correct(number, half, dice, &mut round);
        self.correct_usage(number, dice, &mut round);
        let shown = self.fixture.json(&["account", "show", "--company", "1"]);
        assert_eq!(shown["ArrearsOrders"], 0, "{shown}");
        assert_eq!(steps(&shown["Balances"]["Cash"]), self.deposited - self.charged);
        self.fixture.assert_verified(self.orders);
        round.orders = self.orders;
        round.ms = begin.elapsed().as_millis();
        round
    }

    fn deposit(&mut self, amount: i128, key: &str, settles: bool, dice: &mut Dice, round: &mut Round) {
        let text = format!("{}.{:08}", amount / 100_000_000, amount % 100_000_000);
        let mut arguments = vec!["account", "deposit", "--company", "1", "--kind", "cash"];
        arguments.extend(["--amount", &text, "--key", key]);
        if !settles {
            arguments.push("--no-settle");
        }
        let done = self.disturbed(&arguments, dice, &mut round.deposits_killed);
        assert_eq!(done["Amount"].as_str().map(|text| steps(&text.into())), Some(amount));
        self.deposited += amount;
    }

    /// Reverses a deposit that is unspent, and a spent one, which is then deposited again; adjusts the balance.
    fn correct(&mut self, number: i64, amount: i128, dice: &mut Dice, round: &mut Round) {
        let (spent, wrong, again) =
            (format!("{number}-a"), format!("{number}-wrong"), format!("{number}-again"));
        self.deposit(amount, &wrong, false, dice, round);
        for (deposit, more) in [(&wrong, &[][..]), (&spent, &["--owe"][..])] {
            let key = format!("reverse {deposit}");
            let reversal = [
                "account",
                "reverse",
                "--company",
                "1",
                "--deposit",
                deposit,
                "--key",
                &key,
                "--reason",
                "r",
            ];
            let done = self.disturbed(&[&reversal[..], more].concat(), dice, &mut round.corrections_killed);
            assert_eq!(steps(&done["Taken"]) + steps(&done["Owed"]), amount, "{done}");
            self.deposited -= amount;
        }
        self.deposit(amount, &again, false, dice, round);
        let key = format!("adjust {number}");
        let adjustment = ["account", "adjust", "--company", "1", "--kind", "cash", "--amount=+0.00000007"];
        let adjustment = [&adjustment[..], &["--key", &key, "--reason", "r"]].concat();
        self.disturbed(&adjustment, dice, &mut round.corrections_killed);
        self.deposited += 7;
    }

    /// Voids records, replaces one, and rates a model again after its price has changed. All orders were paid, and the
    /// balance covers those that replace them.
    fn correct_usage(&mut self, number: i64, dice: &mut Dice, round: &mut Round) {
        self.deposit(1_000_000_000, &format!("{number}-more"), false, dice, round);
        let correction = |command: &str, key: &str| -> Vec<String> {
            ["usage", command, "--company", "1", "--reason", "r", "--key", key].map(str::to_owned).to_vec()
        };
        let mut void = correction("void", &format!("void {number}"));
        void.extend(VOIDED.map(|voided| format!("{number:05}-{voided:06}")));
        // Record 0 has no output; the others are of lines of their own.
        self.corrected(&void, VOIDED.len(), 7, dice, round);
        self.charged -= VOIDED.map(|voided| self.charge_of(voided, tokens(voided))).iter().sum::<i128>();

        let (replaced, input) = REPLACED;
        let (before, after) = (tokens(replaced), (input, tokens(replaced).1));
        let file = self.fixture.write("right.jsonl", format!("{}\n", self.record(number, replaced, after)));
        let mut replace = correction("replace", &format!("replace {number}"));
        replace.push(file.to_str().unwrap().to_owned());
        self.corrected(&replace, 1, 1, dice, round);
        self.charged += self.charge_of(replaced, after) - self.charge_of(replaced, before);

        let rated: Vec<i64> =
            (0..ROUND).filter(|of| model_of(*of) == REPRICED && !VOIDED.contains(of)).collect();
        let charge = |rig: &Self| rated.iter().map(|of| rig.charge_of(*of, tokens(*of))).sum::<i128>();
        let before = charge(self);
        self.price_of_repriced = 1 + i128::from(number % 3) * 3;
        self.import_prices();
        let from_s = START_S + number * 7_200;
        let mut rerate = correction("rerate", &format!("rerate {number}"));
        let more = ["--from", &from_s.to_string(), "--to", &(from_s + 7_200).to_string()].map(str::to_owned);
        rerate.extend(more);
        rerate.extend(["--model", &format!("m-{REPRICED}"), "--apply"].map(str::to_owned));
        let orders = usize::try_from(2 * KEYS * 2).unwrap();
        self.corrected(&rerate, rated.len(), orders, dice, round);
        self.charged += charge(self) - before;
    }

    /// Makes a correction of usage, and repeats it, which changes nothing.
    fn corrected(
        &mut self,
        arguments: &[String],
        records: usize,
        orders: usize,
        dice: &mut Dice,
        round: &mut Round,
    ) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let killed_before = round.usage_corrections_killed;
        let done = self.disturbed(&arguments, dice, &mut round.usage_corrections_killed);
        let again = self.fixture.json(&arguments);
        let whole = [records, orders, orders].map(|number| i64::try_from(number).unwrap());
        let counts = |value: &Value| {
            let value = value["Companies"].get(0).unwrap_or(value);
            ["Records", "OrdersReplaced", "OrdersMade"].map(|name| value[name].as_i64().unwrap())
        };
        // A command that completes a killed one counts, and records, what it did itself.
        let is_part = round.usage_corrections_killed > killed_before
            && counts(&done).iter().zip(whole).all(|(part, whole)| *part <= whole);
        assert!(is_part || counts(&done) == whole, "{arguments:?}: {done}");
        assert_eq!(counts(&again), counts(&done), "{arguments:?}: {again}");
        assert_eq!(again["Companies"].get(0).unwrap_or(&again)["Repeated"], true, "{arguments:?}: {again}");
        self.orders += i64::try_from(orders).unwrap();
    }

    /// Two threads send the same payments to a server, which is killed during them.
    fn pay_everything(&self, dice: &mut Dice, round: &mut Round) {
        for attempt in 0.. {
            let server = self.fixture.start(&["serve"]);
            let unpaid = self.unpaid(server.url());
            if unpaid.is_empty() {
                return;
            }
            let is_killed = attempt < 2;
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        for numbers in unpaid.chunks(50) {
                            let numbered = numbers.iter().enumerate();
                            let names: Vec<(String, String)> = numbered
                                .map(|(place, number)| (format!("OrderNos.{place}"), number.clone()))
                                .collect();
                            let form: Vec<(&str, String)> =
                                names.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                            // The call panics if the server is killed during it.
                            let url = server.url();
                            let call = || self.client.call(url, "StartPayUnpaidOrders", &form);
                            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
                            match answer {
                                Ok(answer) => assert_eq!(answer["FailureCount"], 0, "{answer}"),
                                Err(_) => assert!(is_killed, "a server that was not killed did not answer"),
                            }
                        }
                    });
                }
                if is_killed {
                    std::thread::sleep(Duration::from_millis(u64::try_from(dice.below(60)).unwrap()));
                    server.signal("KILL");
                    round.servers_killed += 1;
                }
            });
            drop(server);
            self.assert_clean(&["serve"]);
        }
    }

    fn unpaid(&self, server: &str) -> Vec<String> {
        let range = [
            ("StartTime", START_S.to_string()),
            ("EndTime", (START_S + 366 * 86_400).to_string()),
            ("PageSize", "100".to_owned()),
        ];
        let mut numbers = Vec::new();
        for page in 1.. {
            let mut parameters = range.to_vec();
            parameters.push(("Page", page.to_string()));
            let answer = self.client.ask(server, "ListUnpaidOrders", &parameters);
            let orders = answer["Orders"].as_array().unwrap();
            if orders.is_empty() {
                break;
            }
            numbers.extend(orders.iter().map(|order| order["OrderNo"].as_str().unwrap().to_owned()));
        }
        numbers
    }
}

/// Kills a process after a time. Returns whether it was still running.
fn wait_then_kill(child: &mut Child, after_ms: i64) -> bool {
    std::thread::sleep(Duration::from_millis(u64::try_from(after_ms).unwrap()));
    let works = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    works
}

#[test]
fn killed_processes_lose_and_repeat_nothing_on_sqlite() {
    soak("SQLite", |rounds| {
        let fixture = Fixture::new();
        rounds(&fixture);
    });
}

#[test]
fn killed_processes_lose_and_repeat_nothing_on_postgresql() {
    soak("PostgreSQL", |rounds| {
        let database = Cluster::shared().database();
        let fixture = Fixture::on(database.url());
        rounds(&fixture);
    });
}

fn soak(database: &str, with_site: impl Fn(&mut dyn FnMut(&Fixture))) {
    let run = LongRun::of("soak-charging");
    let name = database.to_lowercase();
    let mut raw = run.raw(&format!("{name}.jsonl"));
    let goes_on = |round: usize| run.goes_on(round, SHORT);
    let mut dice = Dice::new(run.seed);
    let (mut number, mut sum) = (0, Round::default());
    while goes_on(number) {
        with_site(&mut |fixture| {
            let mut rig = Rig::new(fixture);
            for of_this in 0..ROUNDS_OF_A_DATABASE {
                let round = rig.round(i64::try_from(of_this).unwrap(), &mut dice);
                number += 1;
                println!("{}", round.value(number, database));
                if let Some(raw) = &mut raw {
                    writeln!(raw, "{}", round.value(number, database)).unwrap();
                }
                sum.add(&round);
                if !goes_on(number) {
                    break;
                }
            }
        });
    }
    run.write(&format!("{name}.md"), &summary(&run, database, number, &sum));
}

fn summary(run: &LongRun, database: &str, rounds: usize, sum: &Round) -> String {
    let mut text = format!("# Charging soak on {database}, {}\n\n    {}\n\n", run.date, run.command());
    let _ = writeln!(
        text,
        "In each round a usage import, settling, deposits, corrections of accounts, corrections of usage (void, replace, rate \
         again) and a server that is paying were killed at random moments and run again. After each kill `verify` was clean; after each round every record was charged once, every order \
         paid once, and the balance was what was paid in less what usage came to, to the last digit. Debug builds; \
         nothing here is a measurement of speed.\n"
    );
    for (what, count) in [
        ("rounds", i64::try_from(rounds).unwrap()),
        ("usage records", sum.records),
        ("imports killed", sum.imports_killed),
        ("settlers killed", sum.settlers_killed),
        ("deposits killed", sum.deposits_killed),
        ("corrections of accounts killed", sum.corrections_killed),
        ("corrections of usage killed", sum.usage_corrections_killed),
        ("servers killed while paying", sum.servers_killed),
        ("seconds", i64::try_from(sum.ms / 1_000).unwrap()),
    ] {
        let _ = writeln!(text, "- {what}: {count}");
    }
    let _ = writeln!(text, "\nThe rounds are in `{}.jsonl`.", database.to_lowercase());
    text
}
