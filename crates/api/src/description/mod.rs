//! Descriptions of the API, made of its tables: the reference page and the `OpenAPI` 3.1 document.

mod gateways;
mod openapi;
mod reference;
mod webhooks;

pub use crate::operator::{manage_openapi as operator_openapi, manage_reference as operator_reference};
pub use openapi::openapi;
pub use reference::reference;
