//! The binary `tollbook`: parses the command line, runs the command, prints the result.
//!
//! What two commands share, except arguments and output, belongs in `ops`.

mod actor;
mod arguments;
mod customer;
mod deployment;
mod manual;
mod operator;
mod output;
mod private_files;

use std::process::ExitCode;

use arguments::{Command, Customer, Global, OrdersCommand, Tollbook};
use customer::lists::Orders;
use output::{Failure, Output};

fn main() -> ExitCode {
    let (typed, format) = arguments::parse();
    let output = Output::new(format);
    let result = run(&typed, &output);
    match result {
        Ok(()) => output.done(),
        Err(failure) => output.fail(&failure),
    }
}

fn run(typed: &Tollbook, output: &Output) -> Result<(), Failure> {
    let global = &typed.global;
    // What customers download is theirs to share; all other files are the operator's.
    if !matches!(&typed.command, Command::Orders { command: OrdersCommand::Customer(_) }) {
        private_files::restrict_new_files();
    }
    match &typed.command {
        Command::Quickstart(arguments) => operator::serve::quickstart(global, arguments, output),
        Command::Serve(arguments) => operator::serve::serve(global, arguments, output),
        Command::Company(command) => operator::tenants::company(global, command, output),
        Command::Organization(command) => operator::tenants::organization(global, command, output),
        Command::Key(command) => operator::keys::key(global, command, output),
        Command::Audit(command) => operator::audit::run(global, command, output),
        Command::User(command) => operator::users::run(global, command, output),
        Command::Status => operator::status::run(global, output),
        Command::Verify => operator::verify::run(global, output),
        Command::Database(command) => operator::database::run(global, command, output),
        Command::Orders { command: OrdersCommand::Import(arguments) } => {
            operator::import::run(global, arguments, output)
        }
        Command::Orders { command: OrdersCommand::Revoke(arguments) } => {
            operator::revoke::revoke(global, arguments, output)
        }
        Command::Prices(command) => operator::prices::prices(global, command, output),
        Command::Discount(command) => operator::prices::discount(global, command, output),
        Command::Usage(command) => operator::usage::run(global, command, output),
        Command::Account(command) => operator::accounts::run(global, command, output),
        Command::Settle => operator::settle::settle(global, output),
        Command::OperatorKey(command) => operator::operator_keys::operator_key(global, command, output),
        Command::MasterKey(command) => operator::master_key::run(global, command, output),
        Command::ObjectKeys => operator::object_keys::show(global, output),
        Command::Connect(command) => operator::connect::run(global, command, output),
        Command::Webhook(command) => operator::webhooks::run(global, command, output),
        Command::UtcOffset(command) => operator::utc_offset::run(global, command, output),
        Command::Config(command) => operator::config::run(global, command, output),
        Command::Completions { shell } => manual::completions(*shell, output),
        Command::Man { directory } => manual::pages(directory, output),
        Command::Deployment(command) => operator::truth::run(global, command, output),
        Command::Orders { command: OrdersCommand::Explain(arguments) } => {
            operator::explain::order(global, arguments, output)
        }
        Command::Orders { command: OrdersCommand::List(arguments) } => {
            operator::order_list::run(global, arguments, output)
        }
        Command::Orders { command: OrdersCommand::Customer(command) } => {
            run_customer(global, command, output)
        }
    }
}

fn run_customer(global: &Global, command: &Customer, output: &Output) -> Result<(), Failure> {
    match command {
        Customer::Paid(arguments) => customer::lists::run(global, Orders::Paid, arguments, output),
        Customer::Unpaid(arguments) => customer::lists::run(global, Orders::Unpaid, arguments, output),
        Customer::Summary(arguments) => customer::sums::summary(global, arguments, output),
        Customer::Amount(arguments) => customer::sums::amount(global, arguments, output),
        Customer::Options(arguments) => customer::sums::options(arguments, output),
        Customer::Pay(arguments) => customer::pay::run(arguments, output),
        Customer::Download(arguments) => customer::download::run(global, arguments, output),
    }
}
