//! The HTTP side of Tollbook: the signed order API, presigned downloads and the API's description.
//!
//! No business rule may be here: what an action does in more than one step is in `ops`, what is true of orders in
//! `domain`.

pub mod actions;
mod answer;
pub mod description;
mod gateway;
mod objects;
pub mod parameters;
pub mod ret_code;
mod server;
pub mod signature;
pub mod wire;

pub use gateway::{Deployment, Gateway};
pub use server::{Server, ServerError};
