//! Sends one message. Every address that a name has is checked when a connection is made, after it was looked up: what the
//! name had before does not matter. Redirects are not followed, and a proxy of the environment is not used, because it
//! would choose the address.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tollbook_ops::Clock;
use tollbook_ops::config::WebhooksConfig;
use tollbook_ops::webhooks::{AddressGuard, Answer, Message, Reply, Sender};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::retry_after::retry_after_s;

/// Largest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// Bytes of an answer's body that are read, if they are.
const EXCERPT_BYTES: u64 = 1_024;

/// Sends messages over HTTP.
pub struct HttpSender {
    agent: Agent,
    guard: AddressGuard,
    clock: Arc<dyn Clock>,
    reads_bodies: bool,
}

/// Looks names up, and keeps the addresses that are allowed.
#[derive(Debug)]
struct GuardedResolver<R> {
    names: R,
    guard: AddressGuard,
}

impl<R: Resolver> Resolver for GuardedResolver<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        let mut refused = None;
        for address in &found {
            match self.guard.check_address(address.ip()) {
                Ok(()) => allowed.push(*address),
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            Some(reason) if allowed.is_empty() => {
                Err(ureq::Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, reason)))
            }
            _ => Ok(allowed),
        }
    }
}

impl HttpSender {
    /// A sender that does not read the bodies of answers.
    ///
    /// # Errors
    /// Why the file of trusted authorities cannot be used.
    pub fn new(config: &WebhooksConfig, clock: Arc<dyn Clock>) -> Result<Self, String> {
        Self::with_names(config, clock, DefaultResolver::default())
    }

    /// The same with another way to look names up.
    fn with_names(
        config: &WebhooksConfig,
        clock: Arc<dyn Clock>,
        names: impl Resolver,
    ) -> Result<Self, String> {
        let authorities = match &config.authorities {
            None => RootCerts::WebPki,
            Some(file) => authorities(file)?,
        };
        let guard = AddressGuard::new(config);
        let http = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(authorities).build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(!config.allow_http)
            .proxy(None)
            .timeout_global(Some(config.timeout.max(Duration::from_millis(1))))
            .max_response_header_size(LONGEST_HEAD)
            // Each message has a connection of its own, whose address was just checked.
            .max_idle_connections(0)
            .user_agent(concat!("tollbook/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = GuardedResolver { names, guard: guard.clone() };
        let agent = Agent::with_parts(http, DefaultConnector::default(), resolver);
        Ok(Self { agent, guard, clock, reads_bodies: false })
    }

    /// The first characters of bodies are read too.
    #[must_use]
    pub fn reading_bodies(self) -> Self {
        Self { reads_bodies: true, ..self }
    }
}

impl Sender for HttpSender {
    fn send(&self, message: &Message) -> Answer {
        // The configuration may have changed since the URL was stated.
        let url = self.guard.checked_url(&message.url).map_err(|reason| format!("the URL {reason}"))?;
        let mut response = self
            .agent
            .post(&url)
            .header("content-type", "application/json")
            .header("webhook-id", &message.message_id)
            .header("webhook-timestamp", message.time_s.to_string())
            .header("webhook-signature", &message.signatures)
            .send(message.body.as_bytes())
            .map_err(|error| error_text(&error))?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after_s = header.and_then(|text| retry_after_s(text, self.clock.now_s()));
        let mut excerpt = Vec::new();
        if self.reads_bodies {
            // The status is the answer; a body that breaks off does not change it.
            let _ = response.body_mut().as_reader().take(EXCERPT_BYTES).read_to_end(&mut excerpt);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            retry_after_s,
            excerpt: String::from_utf8_lossy(&excerpt).into_owned(),
        })
    }
}

/// The certificates in a PEM file; at least one.
fn authorities(file: &Path) -> Result<RootCerts, String> {
    let failed = |reason: &str| format!("webhooks.ca_file {}: {reason}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(&error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| failed("is not PEM"))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(failed("has no certificate")) } else { Ok(RootCerts::from(found)) }
}

fn error_text(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("not sent: the URL {error}")
        }
        error => format!("no answer: {error}"),
    }
}

#[cfg(test)]
mod tests;
