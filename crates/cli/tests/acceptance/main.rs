//! Acceptance tests of the binary: its commands and servers, the published Python clients, real usage data, full disks,
//! crashed databases and killed processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]
#![expect(clippy::print_stdout, reason = "a skipped test prints that it is skipped")]

mod accounts;
mod attention;
mod audit;
mod certificates;
mod commands;
mod config;
mod connect;
mod corrections;
mod customers;
mod dates;
mod debug_signatures;
mod failures;
mod faults;
mod gateway;
mod halt;
mod import;
mod keys;
mod logs;
mod long_run;
mod mappings;
mod master_key;
mod modes;
mod monitoring;
mod monitoring_faults;
mod moving;
mod object_stores;
mod outages;
mod peers;
mod prices;
mod program;
mod prune;
mod published_prices;
mod python;
mod quickstart;
mod real_charges;
mod replicas;
mod restore;
mod rig;
mod servegen;
mod servers;
mod slips;
mod soak;
mod soak_charging;
mod stopped;
mod strict;
mod suite_clients;
mod suite_console;
mod suite_gateways;
mod suite_openapi;
mod systemd;
mod traces;
mod truth;
mod upgrade;
mod users;
mod walkthroughs;
mod webhooks;
