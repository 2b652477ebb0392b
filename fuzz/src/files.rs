//! Inputs as files: plain, and compressed in ways that a reader must not see.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use tollbook_domain::usage::Usage;
use tollbook_formats::text::Input;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

/// A folder for temporary files, one for the process.
pub(crate) fn folder() -> &'static Path {
    FOLDER.path()
}

/// The bytes as a stream, which states neither format nor compression.
pub(crate) fn stream(bytes: Vec<u8>) -> Input {
    Input::Stream { name: "input".to_owned(), from: Box::new(Cursor::new(bytes)) }
}

/// The bytes in gzip: as many members as `cuts` divides them into. A decoder returns one member after the other, so
/// that its reader sees other pieces of the text.
pub(crate) fn gzip(bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (piece, after) = rest.split_at(rest.len().min(*cut));
        compressed.extend(member(piece));
        rest = after;
    }
    compressed.extend(member(rest));
    compressed
}

fn member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// Whether the first bytes are those of a compressed file.
pub(crate) fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Checks the reason of an error: one line, which ends without a full stop.
pub(crate) fn check_reason(reason: &str) {
    assert!(!reason.is_empty() && !reason.contains(['\n', '\r']), "a reason is one line: {reason:?}");
}

/// A usage record as JSON that reads back to it.
pub(crate) fn usage_json(usage: &Usage) -> String {
    let texts = [
        ("id", &usage.id),
        ("source", &usage.source),
        ("resource_id", &usage.resource_id),
        ("resource_name", &usage.resource_name),
        ("user_email", &usage.user_email),
        ("provider", &usage.provider),
        ("model_id", &usage.model_id),
        ("product_code", &usage.product_code),
        ("region", &usage.region),
        ("service_tier", &usage.service_tier),
    ];
    let numbers = [
        ("time", usage.time_s),
        ("company_id", usage.company_id),
        ("organization_id", usage.organization_id),
        ("resource_type", usage.resource_type),
    ];
    let mut members: Vec<String> =
        texts.iter().map(|(name, text)| format!("\"{name}\":{}", serde_json::json!(text))).collect();
    members.extend(numbers.iter().map(|(name, number)| format!("\"{name}\":{number}")));
    members.push(format!("\"free\":{}", usage.free));
    let quantities: Vec<String> =
        usage.quantities.iter().map(|(sku, count)| format!("{}:{count}", serde_json::json!(sku))).collect();
    members.push(format!("\"quantities\":{{{}}}", quantities.join(",")));
    format!("{{{}}}", members.join(","))
}

/// A counter that nothing reads.
pub(crate) fn uncounted() -> Arc<std::sync::atomic::AtomicU64> {
    Arc::default()
}
