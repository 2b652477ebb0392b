//! Requests of OTLP/HTTP: spans and log records in protobuf or JSON, and which of them are calls that are charged
//! (docs/GATEWAYS.md, "OpenTelemetry").

mod calls;
mod export;
mod json;
mod json_text;
mod line;
mod names;
mod request;
mod response;
mod size;
mod summaries;
#[cfg(test)]
mod tests;

pub use export::{Call, Encoding, Export, ExportError, ExportLimits, PassedOver, Selection, Signal};
pub(super) use line::map_line;
pub use request::read_export;
pub use response::{accepted, failed};
