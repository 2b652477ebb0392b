//! The console: pages on which people of a company read, explain and pay their bills. Server-rendered, and complete without
//! script.
//!
//! Pages show numbers and call operations; rules about orders and money are in `domain` and `ops`.

mod assets;
mod chart;
mod cookies;
mod cube;
mod error;
mod filters;
mod form_token;
mod forms;
mod http;
mod layout;
mod need;
mod pages;
mod reply;
mod routes;
mod tables;
mod text;
mod throttle;
mod view;
mod visit;

pub(crate) use http::{ConsoleRoutes, answer};
pub use need::Need;
pub use routes::{ConsoleRoute, ROUTES};
