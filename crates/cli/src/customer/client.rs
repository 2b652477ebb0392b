//! Sends one signed request as a form: signed like the published SDKs, or strictly (docs/SIGNING.md).

use std::time::Duration;

use serde_json::Value;
use tollbook_api::signature::sign;
use tollbook_api::strict_signature::{self, NONCE_HEADER, SIGNATURE_HEADER, StrictRequest, TIMESTAMP_HEADER};
use tollbook_ops::{Clock as _, SystemClock, random};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::arguments::{Account, Signing};
use crate::output::{Failure, printable};

/// The environment variable with the customer's private key. Secrets are not accepted as arguments.
const PRIVATE_KEY_VARIABLE: &str = "TOLLBOOK_PRIVATE_KEY";
/// The timeout of a request. It suffices for an export of millions of rows.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The `RetCode` of a server that demands a strict signature.
const STRICT_SIGNATURE_REQUIRED: i64 = 175;
const FORM: &str = "application/x-www-form-urlencoded";

/// Calls an action and returns its answer. A `RetCode` other than 0 is a failure.
pub(super) fn call(
    account: &Account,
    action: &str,
    parameters: Vec<(String, String)>,
) -> Result<Value, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a secret must not be an argument")]
    let private_key = std::env::var(PRIVATE_KEY_VARIABLE)
        .map_err(|_| Failure::new(format!("the private key is missing: set {PRIVATE_KEY_VARIABLE}")))?;
    let agent = agent(account, Some(TIMEOUT))?;
    let mut form = parameters;
    form.push(("Action".to_owned(), action.to_owned()));
    form.push(("PublicKey".to_owned(), account.public_key.clone()));
    let strict = account.signing == Signing::Strict;
    let answered = send(account, &agent, form.clone(), &private_key, strict)?;
    // A server of another kind does not know strict signatures, so they are used when one asks for them.
    let again = account.signing == Signing::Auto && answered.code == Some(STRICT_SIGNATURE_REQUIRED);
    let answered = if again { send(account, &agent, form, &private_key, true)? } else { answered };
    match answered.code {
        Some(0) => Ok(answered.value),
        Some(code) => {
            let answer = answered.value;
            let message = printable(answer["Message"].as_str().unwrap_or_default());
            let reason = answer["Reason"].as_str().map(|reason| format!(": {}", printable(reason)));
            let (reason, request_id) = (reason.unwrap_or_default(), answered.request_id);
            Err(Failure::with_value(format!("RetCode {code}: {message}{reason}{request_id}"), answer))
        }
        None => {
            let status = answered.status;
            Err(Failure::new(format!("{}: answered HTTP {status} without a RetCode", account.server)))
        }
    }
}

/// An answer, whatever its `RetCode`.
struct Answered {
    value: Value,
    code: Option<i64>,
    status: ureq::http::StatusCode,
    /// The request's id in brackets.
    request_id: String,
}

fn send(
    account: &Account,
    agent: &ureq::Agent,
    mut form: Vec<(String, String)>,
    private_key: &str,
    strict: bool,
) -> Result<Answered, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", account.server));
    if !strict {
        form.push(("Signature".to_owned(), sign(&form, private_key)));
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = agent.post(&account.server).content_type(FORM);
    if strict {
        let uri: ureq::http::Uri = account.server.parse().map_err(|error| failed(&error))?;
        let (timestamp, nonce) = (SystemClock.now_s().to_string(), random::token(32));
        let signed = StrictRequest {
            method: "POST",
            path: if uri.path().is_empty() { "/" } else { uri.path() },
            query: uri.query().unwrap_or_default(),
            content_type: FORM,
            body: body.as_bytes(),
            timestamp: &timestamp,
            nonce: &nonce,
        };
        let signature = strict_signature::sign(&signed, private_key);
        for (name, value) in
            [(TIMESTAMP_HEADER, timestamp), (NONCE_HEADER, nonce), (SIGNATURE_HEADER, signature)]
        {
            request = request.header(name, value);
        }
    }
    let mut response = request.send(body).map_err(|error| failed(&error))?;
    let request_id = response.headers().get("x-ucloud-request-uuid").and_then(|id| id.to_str().ok());
    let request_id = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_to_string()
        .map_err(|error| failed(&error))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|_| failed(&format!("answered HTTP {status} with something that is not JSON")))?;
    Ok(Answered { code: value["RetCode"].as_i64(), value, status, request_id })
}

/// A client that trusts the given authorities instead of the public ones, if there are any.
pub(super) fn agent(account: &Account, timeout: Option<Duration>) -> Result<ureq::Agent, Failure> {
    let root_certs = match &account.ca_file {
        None => RootCerts::WebPki,
        Some(file) => {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::new(format!("--ca-file {}: {error}", file.display()))
            };
            let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
            let certificates: Result<Vec<Certificate<'static>>, _> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(error) => Some(Err(error)),
                })
                .collect();
            let certificates = certificates.map_err(|error| wrong(&error))?;
            if certificates.is_empty() {
                return Err(wrong(&"has no certificate in PEM form"));
            }
            RootCerts::from(certificates)
        }
    };
    Ok(ureq::Agent::config_builder()
        .timeout_global(timeout)
        .tls_config(TlsConfig::builder().root_certs(root_certs).build())
        .http_status_as_error(false)
        .build()
        .into())
}
