//! Exports of OTLP/HTTP: a protobuf request is the same in its shortest encoding, every record is a call, refused or
//! passed over, and no request is read beyond its bounds.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tollbook_formats::usage::otlp::{
    Encoding, Export, ExportError, ExportLimits, Selection, Signal, accepted, failed, read_export,
};

use crate::files::check_reason;

const LIMITS: ExportLimits = ExportLimits { records: 8, messages_of_record: 32 };

pub(super) fn check(input: &[u8]) {
    let Some((which, body)) = input.split_first() else { return };
    let signal = if which & 1 == 0 { Signal::Traces } else { Signal::Logs };
    let encoding = if which & 2 == 0 { Encoding::Protobuf } else { Encoding::Json };
    let selection = Selection { owner_attributes: vec!["team".to_owned()], ..Selection::default() };
    let read = |body: &[u8]| read_export(body, signal, encoding, LIMITS, &selection);
    match read(body) {
        Ok(export) => {
            let records = records(&export);
            assert!(records <= LIMITS.records);
            for call in &export.calls {
                let json: serde_json::Value = serde_json::from_str(&call.json).expect("a call is JSON");
                assert!(json.is_object());
                assert!(!call.id.contains(['\n', '\r']), "{:?}", call.id);
            }
            if encoding == Encoding::Protobuf {
                let shortest = match signal {
                    Signal::Traces => {
                        let request = ExportTraceServiceRequest::decode(body).expect("it was decoded");
                        let spans = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
                        assert_eq!(spans.map(|of| of.spans.len()).sum::<usize>(), records);
                        request.encode_to_vec()
                    }
                    Signal::Logs => {
                        let request = ExportLogsServiceRequest::decode(body).expect("it was decoded");
                        let logs = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
                        assert_eq!(logs.map(|of| of.log_records.len()).sum::<usize>(), records);
                        request.encode_to_vec()
                    }
                };
                assert_eq!(read(&shortest).as_ref(), Ok(&export));
            }
            assert!(!failed(encoding, 3, "refused").is_empty());
            let _ = accepted(signal, encoding, 1, "refused".to_owned());
        }
        Err(ExportError::Malformed(reason) | ExportError::TooMany(reason)) => check_reason(&reason),
    }
}

fn records(export: &Export) -> usize {
    export.calls.len() + export.refused.len() + export.passed_over.total()
}
