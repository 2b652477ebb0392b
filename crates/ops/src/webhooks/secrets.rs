//! Secrets of endpoints: made, sealed under the master key like private keys, and used to sign by Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use standardwebhooks::Webhook;
use tollbook_store::{Transaction, WebhookEndpoint};

use crate::random;
use crate::tenancy::secrets::{MasterKey, PrivateKey, SecretError};

/// Bytes of a secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";

/// The secret of an endpoint: not printed by `Debug`, and wiped when dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret(PrivateKey);

impl WebhookSecret {
    /// A new secret.
    pub(super) fn generate() -> Self {
        let bytes: [u8; SECRET_BYTES] = random::bytes();
        Self(PrivateKey::new(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// The text, `whsec_` and base64, for showing it to its owner once.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Encrypts it. The result can be opened for the same endpoint only.
    pub(super) fn seal(&self, master: &MasterKey, endpoint_id: &str) -> Vec<u8> {
        master.seal(&sealed_name(endpoint_id), &self.0)
    }

    /// The secret of an endpoint.
    ///
    /// # Errors
    /// It was sealed under another key.
    pub fn of(master: &MasterKey, endpoint: &WebhookEndpoint) -> Result<Self, SecretError> {
        Self::open(master, &endpoint.endpoint_id, &endpoint.sealed_secret)
    }

    fn open(master: &MasterKey, endpoint_id: &str, sealed: &[u8]) -> Result<Self, SecretError> {
        master.open(&sealed_name(endpoint_id), sealed).map(Self)
    }

    fn sign(&self, message_id: &str, time_s: i64, body: &str) -> Option<String> {
        Webhook::new(self.reveal()).ok()?.sign(message_id, time_s, body.as_bytes()).ok()
    }
}

/// Seals under the key that seals now the secrets of all endpoints that are not, while the master key is replaced. Returns
/// the number of endpoints that were changed.
///
/// # Errors
/// A secret cannot be opened by a key that `master` knows, or the store fails.
pub(crate) fn reseal_secrets(
    transaction: &mut dyn Transaction,
    master: &MasterKey,
) -> Result<usize, SecretError> {
    let mut done = 0;
    for endpoint in transaction.webhook_endpoints(None)? {
        let id = &endpoint.endpoint_id;
        let former = endpoint.former_secret.as_ref().map(|(sealed, _)| sealed);
        let is_current = |sealed: &Vec<u8>| master.is_current(&sealed_name(id), sealed);
        if is_current(&endpoint.sealed_secret) && former.is_none_or(is_current) {
            continue;
        }
        let reseal =
            |sealed: &[u8]| Ok::<_, SecretError>(WebhookSecret::open(master, id, sealed)?.seal(master, id));
        let former = endpoint.former_secret.as_ref();
        let former = former.map(|(sealed, expires_s)| Ok::<_, SecretError>((reseal(sealed)?, *expires_s)));
        transaction.update_webhook_endpoint(&WebhookEndpoint {
            sealed_secret: reseal(&endpoint.sealed_secret)?,
            former_secret: former.transpose()?,
            ..endpoint.clone()
        })?;
        done += 1;
    }
    Ok(done)
}

/// The name under which the secret of an endpoint is sealed. Public keys have no blank, so it is none of a key.
fn sealed_name(endpoint_id: &str) -> String {
    format!("webhook {endpoint_id}")
}

/// The header `webhook-signature` of a message: one signature, and one more while the former secret is valid.
pub(super) fn signatures(
    master: &MasterKey,
    endpoint: &WebhookEndpoint,
    (message_id, time_s, body): (&str, i64, &str),
) -> Result<String, SecretError> {
    let former = endpoint.former_secret.as_ref().filter(|(_, expires_s)| time_s < *expires_s);
    let sealed = std::iter::once(&endpoint.sealed_secret).chain(former.map(|(sealed, _)| sealed));
    let mut signatures = Vec::with_capacity(2);
    for sealed in sealed {
        let secret = WebhookSecret::open(master, &endpoint.endpoint_id, sealed)?;
        let signature = secret.sign(message_id, time_s, body);
        signatures.push(signature.ok_or_else(|| SecretError::Sealed(sealed_name(&endpoint.endpoint_id)))?);
    }
    Ok(signatures.join(" "))
}
