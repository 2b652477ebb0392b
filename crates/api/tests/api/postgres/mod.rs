//! What only a database server can do, with one server of ours or several: hold locks, be shared, go down and have
//! replicas.

mod locked;
mod outages;
mod replicas;
mod sharing;
