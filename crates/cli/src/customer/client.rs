//! Sends one signed request as a form, like the published SDKs.

use std::time::Duration;

use serde_json::Value;
use tollbook_api::signature::sign;

use crate::arguments::Account;
use crate::output::{Failure, printable};

/// The environment variable with the customer's private key. Secrets are not accepted as arguments.
const PRIVATE_KEY_VARIABLE: &str = "TOLLBOOK_PRIVATE_KEY";
/// The timeout of a request. It suffices for an export of millions of rows.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Calls an action and returns its answer. A `RetCode` other than 0 is a failure.
pub(super) fn call(
    account: &Account,
    action: &str,
    parameters: Vec<(String, String)>,
) -> Result<Value, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a secret must not be an argument")]
    let private_key = std::env::var(PRIVATE_KEY_VARIABLE)
        .map_err(|_| Failure::new(format!("the private key is missing: set {PRIVATE_KEY_VARIABLE}")))?;
    let mut form = parameters;
    form.push(("Action".to_owned(), action.to_owned()));
    form.push(("PublicKey".to_owned(), account.public_key.clone()));
    let signature = sign(&form, &private_key);
    form.push(("Signature".to_owned(), signature));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", account.server));
    let mut response = agent.post(&account.server).send_form(form).map_err(|error| failed(&error))?;
    let request_id = response.headers().get("x-ucloud-request-uuid").and_then(|id| id.to_str().ok());
    let request_id = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_to_string()
        .map_err(|error| failed(&error))?;
    let answer: Value = serde_json::from_str(&text)
        .map_err(|_| failed(&format!("answered HTTP {status} with something that is not JSON")))?;
    match answer["RetCode"].as_i64() {
        Some(0) => Ok(answer),
        Some(code) => {
            let message = printable(answer["Message"].as_str().unwrap_or_default());
            let reason = answer["Reason"].as_str().map(|reason| format!(": {}", printable(reason)));
            let reason = reason.unwrap_or_default();
            Err(Failure::with_value(format!("RetCode {code}: {message}{reason}{request_id}"), answer))
        }
        None => Err(failed(&format!("answered HTTP {status} without a RetCode"))),
    }
}
