//! What the help of commands shows beside the options that the parser reads: headings, examples, and whose options they are.

use clap::Command;

/// The heading of the options that every command takes.
pub(super) const GLOBAL_OPTIONS: &str = "Global options";
/// Options of every command that only operators' commands use.
const OF_OPERATORS: [&str; 4] = ["data", "database", "read_database", "config"];
/// The customers' commands below `orders`.
const OF_CUSTOMERS: [&str; 7] = ["paid", "unpaid", "summary", "amount", "options", "pay", "download"];
const KEY: [&str; 4] = ["server", "public_key", "signing", "ca_file"];
const FILTERS: [&str; 11] = [
    "resource_ids",
    "model_ids",
    "pricing_units",
    "pricing_skus",
    "product_codes",
    "order_types",
    "charge_types",
    "regions",
    "organization_ids",
    "order_nos",
    "statuses",
];

const ENVIRONMENT: &str = "\
Environment:
  TOLLBOOK_PRIVATE_KEY   private key; it is never an argument
  TOLLBOOK_SERVER, TOLLBOOK_PUBLIC_KEY, TOLLBOOK_SIGNING, TOLLBOOK_CA_FILE   as the options";

const ORDERS: &str = "\
Customers' commands: paid, unpaid, summary, amount, options, pay and download sign requests and call a server.
Operators' commands: the others open the database.";

/// Examples by command.
pub(super) const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "tollbook quickstart",
            "tollbook status",
            "tollbook orders paid --start 2026-10-01 --end 2026-11-01",
        ],
    ),
    ("serve", &["tollbook serve --config tollbook.toml --listen 0.0.0.0:8080"]),
    ("company add", &["tollbook company add --name Acme --currency CNY"]),
    ("key add", &["tollbook key add --company 1 --organization 1 --permission read --expires 2027-01-01"]),
    (
        "orders paid",
        &[
            "tollbook orders paid --start 2026-10-01 --end 2026-11-01 --model qwen-max",
            "tollbook orders paid --start 2026-10-01 --end 2026-11-01 --all --output csv",
        ],
    ),
    ("orders unpaid", &["tollbook orders unpaid --all", "tollbook orders unpaid --status 3"]),
    ("orders summary", &["tollbook orders summary --start 2026-10-01 --end 2026-11-01"]),
    ("orders amount", &["tollbook orders amount --start 2026-10-01 --end 2026-11-01 --organization 2"]),
    ("orders pay", &["tollbook orders pay U2026100100000000000001"]),
    (
        "orders download",
        &[
            "tollbook orders download paid --start 2026-10-01 --end 2026-11-01 --output october.csv.gz",
            "tollbook orders download paid --start 2026-10-01 --format csv --output -",
        ],
    ),
    ("orders import", &["tollbook orders import orders.jsonl.gz --skip-invalid"]),
    (
        "orders revoke",
        &["tollbook orders revoke --company 1 --reason \"billed twice\" O2026100100000000000001"],
    ),
    (
        "prices import",
        &[
            "tollbook prices import prices.toml",
            "tollbook prices import prices.toml --dry-run",
            "tollbook prices import data.json --factor 1.2 --rate USD=7.10",
        ],
    ),
    ("prices export", &["tollbook prices export prices.toml"]),
    (
        "usage import",
        &[
            "tollbook usage import usage.jsonl.gz",
            "tollbook usage import calls.jsonl --mapping openai --set company_id=1",
        ],
    ),
    ("usage unpriced", &["tollbook usage unpriced --summary"]),
    ("account deposit", &["tollbook account deposit --company 1 --kind cash --amount 1000 --key invoice-1"]),
    ("account show", &["tollbook account show --company 1"]),
    ("database backup", &["tollbook database backup /backup/tollbook.db --verify"]),
    ("completions", &["tollbook completions bash", "tollbook completions zsh", "tollbook completions fish"]),
    ("man", &["tollbook man /usr/local/share/man/man1"]),
];

/// The command line with headings and examples.
pub(super) fn arranged(mut command: Command) -> Command {
    let of_operators: Vec<clap::Arg> = command
        .get_arguments()
        .filter(|argument| OF_OPERATORS.contains(&argument.get_id().as_str()))
        .map(|argument| argument.clone().hide(true))
        .collect();
    command = command.mut_subcommand("orders", |orders| {
        let orders = OF_CUSTOMERS.iter().fold(orders, |orders, name| {
            orders.mut_subcommand(name, |customers| of_customer(customers, &of_operators))
        });
        orders.after_help(ORDERS)
    });
    for (path, examples) in EXAMPLES {
        let path: Vec<&str> = path.split_whitespace().collect();
        command = at(command, &path, &|command| with_examples(command, examples));
    }
    command
}

/// A customer's command: the options of operators, which it takes as every command does, are not shown.
fn of_customer(command: Command, of_operators: &[clap::Arg]) -> Command {
    let headed = command.mut_args(|argument| {
        let id = argument.get_id().as_str();
        match () {
            () if KEY.contains(&id) => argument.help_heading("Server and key"),
            () if FILTERS.contains(&id) => argument.help_heading("Filters (repeatable)"),
            () => argument,
        }
    });
    headed.args(of_operators).after_help(ENVIRONMENT)
}

fn with_examples(command: Command, examples: &[&str]) -> Command {
    let lines: Vec<String> = examples.iter().map(|example| format!("  {example}")).collect();
    let examples = format!("Examples:\n{}", lines.join("\n"));
    let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    command.after_help(format!("{before}{examples}"))
}

/// Changes the command at a path below another.
fn at(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [first, rest @ ..] => command.mut_subcommand(first, |below| at(below, rest, change)),
    }
}
