//! The signed order API over HTTP: requests are read and logged (`http`), checked in the documented order (`checks`),
//! then answered by the action that they name. `concurrency` and `rate` bound what one key may ask for.

mod checks;
mod concurrency;
mod http;
mod names;
mod rate;
mod strict;

pub(crate) use checks::Gateway;
pub(crate) use http::{answer, client_address};
pub(crate) use names::WARNINGS;
