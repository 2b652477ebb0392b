//! Routes for the operator's own programs, such as gateways: they report usage and ask for the standing of a company.
//! They authenticate with a bearer key instead of a signature, and are answered by HTTP status.

mod corrections;
mod exchange;
mod litellm;
mod manage;
mod openmeter;
mod otlp;
mod report;
mod standing;
mod state;
mod upload;
mod usage;

pub(crate) use corrections::routes as corrections_routes;
pub(crate) use litellm::routes as litellm_routes;
pub(crate) use manage::router as manage_router;
pub(crate) use manage::{Failed, PersonsRequest, run_for_person};
pub use manage::{openapi as manage_openapi, reference as manage_reference};
pub(crate) use openmeter::routes as openmeter_routes;
pub(crate) use otlp::routes as otlp_routes;
pub(crate) use standing::routes as standing_routes;
pub(crate) use state::OperatorRoutes;
pub(crate) use usage::routes as usage_routes;
