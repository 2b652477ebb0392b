//! A request of OTLP/HTTP: its encodings and bounds, and the calls in it.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::calls::{self, Call, PassedOver};
use super::{json, size};

/// What a request reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Maximum number of spans or log records.
    pub records: usize,
    /// Maximum number of messages of every kind, such as attributes, on average of a record. Decoded, each takes up to 300
    /// bytes.
    pub messages_of_record: usize,
}

/// What is read of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Values of the resource attribute `service.name` whose records are read; all if it is empty.
    pub services: Vec<String>,
    /// Names of instrumentation scopes whose records are read; all if it is empty.
    pub scopes: Vec<String>,
    /// Names of attributes of records or resources by which an owner may be looked up.
    pub owner_attributes: Vec<String>,
}

/// What is in a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// The calls, in the order of the request.
    pub calls: Vec<Call>,
    /// Calls that cannot be records: the reason for each.
    pub refused: Vec<String>,
    /// The number of spans or log records that are no calls, or are counted by another span.
    pub passed_over: PassedOver,
}

/// Why a request is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is not of the encoding; the reason.
    #[error("the body is no OTLP export request: {0}")]
    Malformed(String),
    /// It has too many records or messages; what and how many.
    #[error("the request has {0}")]
    TooMany(String),
}

/// Reads a request, within bounds that hold before anything is decoded.
pub fn read_export(
    body: &[u8],
    signal: Signal,
    encoding: Encoding,
    limits: ExportLimits,
    selection: &Selection,
) -> Result<Export, ExportError> {
    let messages = match encoding {
        Encoding::Protobuf => {
            let size = size::of_protobuf(body, signal).map_err(ExportError::Malformed)?;
            check_records(size.records, limits)?;
            size.messages
        }
        Encoding::Json => size::messages_of_json(body),
    };
    let most = limits.records.saturating_mul(limits.messages_of_record);
    if messages > most {
        return Err(ExportError::TooMany(format!(
            "{messages} attributes and other parts, the most is {most}"
        )));
    }
    let export = match signal {
        Signal::Traces => calls::of_spans(&traces(body, encoding, limits)?, selection),
        Signal::Logs => calls::of_log_records(&logs(body, encoding, limits)?, selection),
    };
    Ok(export)
}

fn check_records(records: usize, limits: ExportLimits) -> Result<(), ExportError> {
    if records > limits.records {
        let most = limits.records;
        return Err(ExportError::TooMany(format!("{records} spans or log records, the most is {most}")));
    }
    Ok(())
}

fn traces(
    body: &[u8],
    encoding: Encoding,
    limits: ExportLimits,
) -> Result<ExportTraceServiceRequest, ExportError> {
    let request = match encoding {
        Encoding::Protobuf => ExportTraceServiceRequest::decode(body)
            .map_err(|error| ExportError::Malformed(error.to_string()))?,
        Encoding::Json => json::traces(body).map_err(ExportError::Malformed)?,
    };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    check_records(scopes.map(|scope| scope.spans.len()).sum(), limits)?;
    Ok(request)
}

fn logs(
    body: &[u8],
    encoding: Encoding,
    limits: ExportLimits,
) -> Result<ExportLogsServiceRequest, ExportError> {
    let request = match encoding {
        Encoding::Protobuf => ExportLogsServiceRequest::decode(body)
            .map_err(|error| ExportError::Malformed(error.to_string()))?,
        Encoding::Json => json::logs(body).map_err(ExportError::Malformed)?,
    };
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    check_records(scopes.map(|scope| scope.log_records.len()).sum(), limits)?;
    Ok(request)
}
