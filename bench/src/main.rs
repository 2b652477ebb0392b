//! `tollbook-bench`: measures Tollbook and a baseline in the same run. A run prints its tables and stores them, with the
//! raw numbers and the command, under `bench/runs/<date>-<topic>/`.
//!
//! Benchmarks are not tests: nothing fails because it is slow. Every answer is checked.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its progress and its tables"
)]

mod charging;
mod check;
mod connections;
mod cost;
mod export;
mod fixture;
mod http;
mod import;
mod in_process_server;
mod lists;
mod machine;
mod postgres;
mod report;
mod result;
mod step;
mod timing;

use clap::{Parser, Subcommand};

use crate::result::Result;

/// Measures Tollbook and a baseline, and stores the results.
#[derive(Debug, Parser)]
#[command(name = "tollbook-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pages with exact totals, sums and summaries, at several sizes of one company.
    Lists(lists::Options),
    /// Import of order files into a durable store, beside plain INSERTs.
    Import(import::Options),
    /// Export of a full sheet of paid orders, beside other writers.
    Export(export::Options),
    /// Usage into settled orders, and payment, on both databases, beside plain INSERT and COPY.
    Charging(charging::Options),
    /// Import, pages, sums and a scan on PostgreSQL, beside plain COPY and bare SQL.
    Postgres(postgres::Options),
    /// Lists of a client beside thousands of idle, slow and asking connections, and the memory of the server.
    Connections(connections::Options),
    /// One step of a benchmark in a process of its own, so that its memory can be measured.
    #[command(hide = true)]
    Step(step::Step),
}

fn main() -> Result {
    match Arguments::parse().command {
        Command::Lists(options) => lists::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Export(options) => export::run(&options),
        Command::Charging(options) => charging::run(&options),
        Command::Postgres(options) => postgres::run(&options),
        Command::Connections(options) => connections::run(&options),
        Command::Step(step) => export::steps::run(&step),
    }
}
