//! `tollbook-bench`: measurements of Tollbook beside something else in the same run, each with a command that anyone
//! can repeat. A run prints its tables and keeps them, with the raw numbers, under `bench/runs/<date>-<topic>/`.
//!
//! Benchmarks are not tests: nothing here fails because it was slow. What an answer says is checked all the same.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a benchmark prints is for the person who runs it"
)]

mod charging;
mod child;
mod export;
mod http;
mod import;
mod lists;
mod machine;
mod postgres;
mod report;
mod server;
mod site;
mod timing;

use clap::{Parser, Subcommand};

/// Any failure ends the run: a benchmark that goes on after one measures something else.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures Tollbook beside something else, and keeps what it found.
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
    /// Order files into a durable store, beside plain INSERTs.
    Import(import::Options),
    /// A full sheet of paid orders, beside another writer.
    Export(export::Options),
    /// Usage into settled orders, and paying, on both databases, beside plain INSERT and COPY.
    Charging(charging::Options),
    /// Import, pages, sums and a scan on PostgreSQL, beside plain COPY and bare SQL.
    Postgres(postgres::Options),
    /// One step of a benchmark in a process of its own, so that its memory is its own.
    #[command(hide = true)]
    Step(child::Step),
}

fn main() -> Result {
    match Arguments::parse().command {
        Command::Lists(options) => lists::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Export(options) => export::run(&options),
        Command::Charging(options) => charging::run(&options),
        Command::Postgres(options) => postgres::run(&options),
        Command::Step(step) => child::run(&step),
    }
}
