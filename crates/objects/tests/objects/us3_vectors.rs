//! Signing and verification of every recorded US3 request in `vectors/us3_vectors.json` (docs/SIGNING.md, "US3
//! signatures"). The counts at the end of each test are those of the file, so none is skipped.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tollbook_objects::ObjectKeys;
use tollbook_objects::us3::{EtagHasher, FormUpload, Refusal, Request, Verified, sign, verify, verify_form};

const VECTORS: &str = include_str!("../vectors/us3_vectors.json");

/// The bucket of every recording.
const BUCKET: &str = "demobucket";

/// The characters that an HTTP client escapes in a given URL: spaces, and all that are not ASCII.
const ON_WIRE: &AsciiSet = &CONTROLS.add(b' ');

fn vectors() -> Value {
    serde_json::from_str(VECTORS).expect("json")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn keys(vector: &Value) -> ObjectKeys {
    ObjectKeys::new(text(vector, "public_key"), text(vector, "private_key"))
}

/// The recorded headers. A list is a header that was sent several times.
fn headers(wire: &Value) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (name, value) in wire["headers"].as_object().into_iter().flatten() {
        match value {
            Value::Array(values) => found.extend(values.iter().map(|v| (&**name, v.as_str().expect("text")))),
            value => found.push((&**name, value.as_str().expect("text"))),
        }
    }
    found
}

/// The fourth line of the signed string, as a time; `None` for a request that is signed by header.
fn expires_unix_s(vector: &Value) -> Option<i64> {
    text(vector, "string_to_sign").split('\n').nth(3).and_then(|line| line.parse().ok())
}

/// Checks that a request verifies, with its signed string and key, and that it does not verify with another key pair,
/// bucket or time.
fn assert_verifies(vector: &Value, request: &Request<'_>) {
    let id = text(vector, "id");
    let expires = expires_unix_s(vector);
    let now_s = expires.map_or(0, |expires| expires - 1);
    let expected = Verified {
        key: text(vector, "key").to_owned(),
        string_to_sign: text(vector, "string_to_sign").to_owned(),
    };
    assert_eq!(verify(request, &keys(vector), now_s), Ok(expected), "{id}");

    let other_private = ObjectKeys::new(text(vector, "public_key"), "other");
    assert_eq!(verify(request, &other_private, now_s), Err(Refusal::InvalidSignature), "{id}");
    let other_public = ObjectKeys::new("other", text(vector, "private_key"));
    assert_eq!(verify(request, &other_public, now_s), Err(Refusal::UnknownPublicKey), "{id}");
    let other_bucket = Request { bucket: "otherbucket", ..*request };
    assert_eq!(verify(&other_bucket, &keys(vector), now_s), Err(Refusal::InvalidSignature), "{id}");
    if let Some(expires) = expires {
        assert_eq!(verify(request, &keys(vector), expires), Err(Refusal::Expired), "{id}");
    }
}

#[test]
fn every_signature_matches_its_string_to_sign() {
    let file = vectors();
    let mut signed = 0;
    for vector in file["vectors"].as_array().expect("vectors") {
        let signature = sign(text(vector, "private_key"), text(vector, "string_to_sign"));
        assert_eq!(signature, text(vector, "signature"), "{}", text(vector, "id"));
        signed += 1;
    }
    assert_eq!(signed, 24);
}

#[test]
fn every_recorded_request_verifies() {
    let file = vectors();
    let (mut requests, mut forms, mut urls) = (0, 0, 0);
    for vector in file["vectors"].as_array().expect("vectors") {
        let wire = &vector["wire"];
        if wire.is_null() {
            assert!(vector["url"].is_string(), "{} has neither request nor url", text(vector, "id"));
        } else if wire["headers"]["(form) authorization"].is_string() {
            assert_form_verifies(vector, wire);
            forms += 1;
        } else {
            let headers = headers(wire);
            let request = Request::from_target(
                text(wire, "method"),
                text(vector, "bucket"),
                text(wire, "target"),
                &headers,
            );
            assert_verifies(vector, &request);
            requests += 1;
        }
        if vector["url"].is_string() {
            assert_url_verifies(vector);
            urls += 1;
        }
    }
    assert_eq!((requests, forms, urls), (19, 1, 5));
}

/// The recording has the content type of the file part in its signed string.
fn assert_form_verifies(vector: &Value, wire: &Value) {
    let headers = headers(wire);
    let signed_type = text(vector, "string_to_sign").split('\n').nth(2).expect("content type");
    let form = FormUpload {
        bucket: text(vector, "bucket"),
        file_name: text(vector, "key"),
        authorization: text(&wire["headers"], "(form) authorization"),
        file_content_type: signed_type,
        headers: &headers,
    };
    let verified = verify_form(&form, &keys(vector)).expect("form");
    assert_eq!(verified.string_to_sign, text(vector, "string_to_sign"));
    let of_request = FormUpload { file_content_type: text(&wire["headers"], "content-type"), ..form };
    assert_eq!(verify_form(&of_request, &keys(vector)), Err(Refusal::InvalidSignature));
}

/// Checks a URL as the SDK returns it, unescaped, and as HTTP clients send it.
fn assert_url_verifies(vector: &Value) {
    let url = text(vector, "url");
    let (_, rest) = url.split_once("://").expect("scheme");
    let target = &rest[rest.find('/').expect("path")..];
    let fixed_type = text(vector, "string_to_sign").split('\n').nth(2).expect("content type");
    let headers: &[_] = if fixed_type.is_empty() { &[] } else { &[("Content-Type", fixed_type)] };
    let escaped = utf8_percent_encode(target, ON_WIRE).to_string();
    let (path, query) = escaped.split_once('?').expect("query");
    let form_decoded = format!("{path}?{}", query.replace('+', "%20"));
    let signature = text(vector, "signature");
    let escaped_signature = utf8_percent_encode(signature, NON_ALPHANUMERIC).to_string();
    let fully_escaped = format!("{path}?{}", query.replace(signature, &escaped_signature));
    assert!(fully_escaped.contains("%3D"));
    for target in [target, &escaped, &form_decoded, &fully_escaped] {
        assert_verifies(vector, &Request::from_target("GET", text(vector, "bucket"), target, headers));
        let now_s = expires_unix_s(vector).expect("expires") - 1;
        if !fixed_type.is_empty() {
            let without_type = Request::from_target("GET", BUCKET, target, &[]);
            assert_eq!(verify(&without_type, &keys(vector), now_s), Err(Refusal::InvalidSignature));
        }
        let put = Request::from_target("PUT", BUCKET, target, headers);
        assert_eq!(verify(&put, &keys(vector), now_s), Err(Refusal::InvalidSignature));
    }
}

#[test]
fn every_negative_request_is_refused_as_stated() {
    let file = vectors();
    // Negative vectors have no key pair; they were made with that of the others.
    let keys = keys(&file["vectors"][0]);
    let now_s = 1_795_224_000;
    let mut refused = 0;
    for vector in file["negative"].as_array().expect("negative") {
        let wire = &vector["wire"];
        let headers = headers(wire);
        let request = Request::from_target(text(wire, "method"), BUCKET, text(wire, "target"), &headers);
        let refusal = verify(&request, &keys, now_s).expect_err(text(vector, "id"));
        let expected = text(vector, "expect");
        if expected.starts_with("expiry is checked before the signature") {
            assert_eq!(refusal, Refusal::Expired);
            assert_eq!(refusal.status(), 403);
            assert_eq!(refusal.message(), "signature expired");
            // The signature is valid, so only the time refuses it,
            assert!(verify(&request, &keys, 1_499_999_999).is_ok());
            // and the time is checked before an invalid signature.
            let altered = text(wire, "target").replace("Signature=x4", "Signature=y4");
            assert_ne!(altered, text(wire, "target"));
            let request = Request::from_target("GET", BUCKET, &altered, &[]);
            assert_eq!(verify(&request, &keys, now_s), Err(Refusal::Expired));
            assert_eq!(verify(&request, &keys, 1_499_999_999), Err(Refusal::InvalidSignature));
        } else {
            assert!(expected.starts_with("HTTP 403") && expected.contains("-148658"), "{expected}");
            assert_eq!(refusal, Refusal::InvalidSignature);
            assert_eq!((refusal.status(), refusal.ret_code()), (403, -148_658));
            assert_eq!(refusal.body(), r#"{"RetCode":-148658,"ErrMsg":"invalid signature"}"#);
        }
        refused += 1;
    }
    assert_eq!(refused, 4);

    // The signature that three of them contain is valid for its own request.
    let target = "/reports/paid.xlsx?UCloudPublicKey=TOKEN_2368f919-0e7e-4e6c-affb-083fa53110e8&Expires=1893456000\
                  &Signature=anmL4iFpDD6PQbHqQvf48awmxyY%3D";
    assert!(verify(&Request::from_target("GET", BUCKET, target, &[]), &keys, now_s).is_ok());
}

#[test]
fn every_etag_is_the_recorded_one() {
    let file = vectors();
    let mut hashed = 0;
    for vector in file["etag"].as_array().expect("etag") {
        let size = usize::try_from(vector["size"].as_u64().expect("size")).expect("size");
        let content: Vec<u8> = match size {
            10 => b"hello us3\n".to_vec(),
            _ => (0..=u8::MAX).cycle().map(|i| i.wrapping_mul(7)).take(size).collect(),
        };
        assert_eq!(content.len(), size);
        let mut hasher = EtagHasher::new();
        content.chunks(100_000).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), text(vector, "etag"), "{}", text(vector, "content"));
        hashed += 1;
    }
    assert_eq!(hashed, 2);
}
