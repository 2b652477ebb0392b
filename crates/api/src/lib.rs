//! The HTTP side of Tollbook: the signed order API, presigned downloads, the API's description, and the routes for the
//! operator's own programs.
//!
//! Business rules do not belong here: operations of more than one step are in `ops`, the rules of orders in `domain`.

pub mod actions;
mod answer;
mod background;
mod blocking;
mod body;
mod certificate_worker;
mod connections;
pub mod console;
pub mod description;
mod export_worker;
mod failure;
mod gateway;
mod key_use_worker;
mod key_uses;
mod master_key_worker;
mod metrics;
mod nonce_worker;
mod nonces;
mod objects;
mod operator;
pub mod parameters;
mod readiness;
mod request_id;
pub mod ret_code;
mod self_check_worker;
mod server;
mod service;
mod settle_worker;
pub mod signature;
pub mod strict_signature;
mod supervisor;
mod trace_parent;
pub mod views;
pub mod webhooks;
pub mod wire;

pub use axum::http::{HeaderMap, HeaderName};
pub use connections::{Tls, TlsError};
pub use objects::us3_endpoint;
pub use server::{Server, ServerError, ServerTls};
pub use service::Deployment;
pub use trace_parent::{FollowTrace, follow_traces};
