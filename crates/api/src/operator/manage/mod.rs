//! The operator's API below `/operator/v1`: what the command line does, over HTTP with JSON. One table of routes feeds the
//! router, the checks of parameters, the `OpenAPI` document and the reference page. Each route calls the function of `ops`
//! that the command of its name calls.

mod accounts;
mod call;
mod failed;
mod http;
mod jobs;
mod log;
mod once;
mod openapi;
mod orders;
mod owners;
mod parameter;
mod prices;
mod reference;
mod route;
mod table;
mod tenants;
mod usage;
mod users;
mod values;
mod webhooks;

pub(crate) use failed::Failed;
pub(crate) use http::router;
pub(crate) use once::{PersonsRequest, run_for_person};
pub use openapi::openapi;
pub use reference::reference;
