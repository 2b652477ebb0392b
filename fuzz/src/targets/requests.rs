//! Requests to the order API: parameters are the same when they are encoded and decoded again, every dialect signs
//! without a loss, and the readers of values keep their bounds.

use tollbook_api::parameters::{MAX_LIST_VALUES, MAX_VALUE_BYTES, Parameters};
use tollbook_api::ret_code::Refusal;
use tollbook_api::signature::{Dialect, sign, string_to_sign, verify};
use tollbook_api::wire::{Limits, ParameterValue, Request, decode, encode_json};

const JSON: &str = "application/json";
const LIMITS: Limits = Limits { body_bytes: 1 << 16, parameters: 200, json_depth: 32 };

pub(super) fn check(input: &[u8]) {
    let Some((which, body)) = input.split_first() else { return };
    let content_type = if which & 1 == 0 { "application/x-www-form-urlencoded" } else { JSON };
    let query = std::str::from_utf8(body).ok();
    let read = match which & 2 {
        0 => decode("POST", None, Some(content_type), body, &LIMITS),
        _ => decode("GET", query, None, b"", &LIMITS),
    };
    let request = match read {
        Ok(request) => request,
        Err(refusal) => return check_refusal(&refusal),
    };
    assert!(request.entries.len() <= LIMITS.parameters);
    let json = encode_json(&request.entries);
    let wide = Limits { body_bytes: usize::MAX, ..LIMITS };
    if !json.is_empty() {
        let again = decode("POST", None, Some(JSON), json.as_bytes(), &wide);
        assert_eq!(again.as_ref(), Ok(&request), "{json}");
    }
    check_signature(&request);
    check_parameters(&request);
}

fn check_refusal(refusal: &Refusal) {
    assert!(matches!(refusal.code(), 230 | 240), "{refusal}");
    let message = refusal.message();
    assert!(message.starts_with("Params [Body]"), "{message}");
    assert!(!message.contains(['\n', '\r']), "{message}");
}

fn check_signature(request: &Request) {
    for dialect in Dialect::ALL {
        let text = string_to_sign(request, dialect);
        assert!(!verify(request, "private", &text));
    }
    let texts: Option<Vec<(String, String)>> = request
        .entries
        .iter()
        .map(|entry| match &entry.value {
            ParameterValue::String(text) => Some((entry.key.clone(), text.clone())),
            _ => None,
        })
        .collect();
    if let Some(texts) = texts {
        let signature = sign(&texts, "private");
        assert!(verify(request, "private", &signature));
        assert!(!verify(request, "another", &signature));
        assert!(
            !verify(request, "private", &signature.to_uppercase())
                || !signature.contains(['a', 'b', 'c', 'd', 'e', 'f'])
        );
    }
}

fn check_parameters(request: &Request) {
    let parameters = Parameters::new(request);
    let has_no_nul = parameters.check_nul().is_ok();
    for name in ["StartTime", "OrderTypes", "Limit", "Action"] {
        if let Ok(Some(text)) = parameters.text(name) {
            assert!(!text.is_empty() && text.len() <= MAX_VALUE_BYTES);
            assert!(!has_no_nul || !text.contains('\0'));
        }
        if let Ok(texts) = parameters.texts(name) {
            assert!(texts.len() <= MAX_LIST_VALUES);
            assert!(texts.iter().all(|text| !text.is_empty() && text.len() <= MAX_VALUE_BYTES));
        }
        if let (Ok(integers), Ok(texts)) = (parameters.integers(name), parameters.texts(name)) {
            assert!(integers.len() <= texts.len());
        }
        if let (Ok(Some(integer)), Ok(Some(text))) = (parameters.integer(name), parameters.text(name)) {
            assert_eq!(text.trim_start_matches('+').parse().ok(), Some(integer), "{text}");
        }
        let _ = (parameters.flag(name), parameters.envelope(name));
    }
    let kept = parameters.to_json();
    assert!(
        decode("POST", None, Some(JSON), kept.as_bytes(), &Limits { body_bytes: usize::MAX, ..LIMITS })
            .is_ok()
    );
}
