//! The console: pages on which people of a company read, explain and pay their bills. Server-rendered, and complete without
//! script.
//!
//! Pages show numbers and call operations; rules about orders and money are in `domain` and `ops`.

mod acts;
mod assets;
mod chart;
mod cookies;
mod cube;
mod desk;
mod error;
mod filters;
mod form_token;
mod forms;
mod http;
mod layout;
mod members;
mod need;
mod outlook;
mod pages;
mod reply;
mod routes;
mod tables;
mod text;
mod throttle;
mod upload;
mod view;
mod visit;

pub use acts::{ACTS, Act, Field, Kind};
pub(crate) use http::{ConsoleRoutes, answer};
pub use need::Need;
pub use routes::{ConsoleRoute, ROUTES};
