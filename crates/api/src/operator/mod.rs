//! Routes for the operator's own programs, such as gateways: they report usage and ask for the standing of a company.
//! They authenticate with a bearer key instead of a signature, and are answered by HTTP status.

mod corrections;
mod exchange;
mod standing;
mod state;
mod usage;

pub(crate) use corrections::routes as corrections_routes;
pub(crate) use standing::routes as standing_routes;
pub(crate) use state::OperatorRoutes;
pub(crate) use usage::routes as usage_routes;
