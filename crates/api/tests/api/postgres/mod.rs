//! Properties of a database server, with one Tollbook server or several: locks, sharing, outages and replicas.

mod locked;
mod outages;
mod replicas;
mod sharing;
