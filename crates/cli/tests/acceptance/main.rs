//! The product as its users meet it: the started binary, the published Python clients, real usage data, and what
//! happens when a disk is full or a process is killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod commands;
mod failures;
mod gateway;
mod halt;
mod import;
mod long_run;
mod moving;
mod outages;
mod program;
mod prune;
mod python;
mod real_charges;
mod replicas;
mod rig;
mod servegen;
mod servers;
mod soak;
mod soak_charging;
