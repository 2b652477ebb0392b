//! The HTTP side of Tollbook: the signed order API, presigned downloads, the API's description, and the routes for the
//! operator's own programs.
//!
//! Business rules do not belong here: operations of more than one step are in `ops`, the rules of orders in `domain`.

pub mod actions;
mod answer;
mod background;
mod blocking;
mod body;
mod connections;
pub mod console;
pub mod description;
mod export_worker;
mod failure;
mod gateway;
mod key_use_worker;
mod key_uses;
mod metrics;
mod objects;
mod operator;
pub mod parameters;
mod readiness;
mod request_id;
pub mod ret_code;
mod server;
mod service;
mod settle_worker;
pub mod signature;
mod supervisor;
pub mod wire;

pub use objects::us3_endpoint;
pub use server::{Server, ServerError};
pub use service::Deployment;
