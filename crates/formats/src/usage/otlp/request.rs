//! A request of OTLP/HTTP: its encodings and bounds, and the calls in it.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::export::{Encoding, Export, ExportError, ExportLimits, Selection, Signal};
use super::{calls, json, size};

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
