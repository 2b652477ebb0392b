//! Vectors of strict signatures, which were computed by another implementation (docs/SIGNING.md, "Strict signatures").

use serde_json::Value;
use tollbook_api::strict_signature::{StrictRequest, sign, string_to_sign, verify};

const VECTORS: &str = include_str!("vectors/strict_signature_vectors.json");

fn vectors() -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() >= 5);
    vectors
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap()
}

fn request(vector: &Value) -> StrictRequest<'_> {
    StrictRequest {
        method: text(vector, "method"),
        path: text(vector, "path"),
        query: text(vector, "query"),
        content_type: text(vector, "content_type"),
        body: text(vector, "body").as_bytes(),
        timestamp: text(vector, "timestamp"),
        nonce: text(vector, "nonce"),
    }
}

#[test]
fn every_vector_is_computed() {
    for vector in vectors() {
        let (request, name) = (request(&vector), text(&vector, "name"));
        assert_eq!(string_to_sign(&request), text(&vector, "string_to_sign"), "{name}");
        assert_eq!(sign(&request, text(&vector, "private_key")), text(&vector, "signature"), "{name}");
        assert!(verify(&request, text(&vector, "private_key"), text(&vector, "signature")), "{name}");
    }
}

#[test]
fn every_part_changes_the_signature() {
    for vector in vectors() {
        let (own, key, signature) =
            (request(&vector), text(&vector, "private_key"), text(&vector, "signature"));
        let changed = [
            StrictRequest { method: "PUT", ..own },
            StrictRequest { path: "/other", ..own },
            StrictRequest { query: "other=1", ..own },
            StrictRequest { content_type: "text/plain", ..own },
            StrictRequest { body: b"other", ..own },
            StrictRequest { timestamp: "1790000001", ..own },
            StrictRequest { nonce: "another-nonce-000", ..own },
        ];
        for request in changed {
            assert!(!verify(&request, key, signature), "{}: {request:?}", text(&vector, "name"));
        }
        assert!(!verify(&own, "another key", signature));
        assert!(!verify(&own, key, &signature.to_uppercase()));
        assert!(!verify(&own, key, &signature[..63]));
        assert!(!verify(&own, key, ""));
    }
}

#[test]
fn the_document_has_the_first_vector() {
    let document = include_str!("../../../../docs/SIGNING.md");
    let vector = &vectors()[0];
    for part in ["body", "signature", "nonce"] {
        assert!(document.contains(text(vector, part)), "{part}");
    }
    for line in text(vector, "string_to_sign").lines().filter(|line| !line.is_empty()) {
        assert!(document.lines().any(|known| known.trim() == line), "{line}");
    }
}
