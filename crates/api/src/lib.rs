//! The HTTP side of Tollbook: the signed order API, presigned downloads, the API's description, and what the operator's
//! own programs report and ask.
//!
//! No business rule may be here: what an action does in more than one step is in `ops`, what is true of orders in
//! `domain`.

pub mod actions;
mod answer;
pub mod description;
mod exporting;
mod gateway;
mod objects;
mod operator;
pub mod parameters;
pub mod ret_code;
mod server;
mod settling;
pub mod signature;
pub mod wire;

pub use gateway::{Deployment, Gateway};
pub use objects::us3_endpoint;
pub use server::{Server, ServerError};
