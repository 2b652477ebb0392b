//! The answers to requests of OTLP/HTTP, in the encoding of the request.

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::export::{Encoding, Signal};

/// The error of a request: `google.rpc.Status`, which the messages of OTLP are published without.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// The body of an answer that accepts a request but for some records; the message says why, or is empty.
pub fn accepted(signal: Signal, encoding: Encoding, rejected: i64, error_message: String) -> Vec<u8> {
    let is_partial = rejected > 0 || !error_message.is_empty();
    match (encoding, signal) {
        (Encoding::Json, _) if !is_partial => b"{}".to_vec(),
        (Encoding::Json, _) => {
            let rejected_name = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
            };
            // 64-bit integers are texts in JSON.
            let partial = json!({ rejected_name: rejected.to_string(), "errorMessage": error_message });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
        (Encoding::Protobuf, Signal::Traces) => {
            let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message };
            ExportTraceServiceResponse { partial_success: is_partial.then_some(partial) }.encode_to_vec()
        }
        (Encoding::Protobuf, Signal::Logs) => {
            let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
            ExportLogsServiceResponse { partial_success: is_partial.then_some(partial) }.encode_to_vec()
        }
    }
}

/// The body of an answer that refuses a request. `code` is one of gRPC's.
pub fn failed(encoding: Encoding, code: i32, message: &str) -> Vec<u8> {
    match encoding {
        Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
        Encoding::Protobuf => Status { code, message: message.to_owned() }.encode_to_vec(),
    }
}
