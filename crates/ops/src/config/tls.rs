//! The section `[tls]` of the configuration file: the certificate that the server shows.

use std::path::PathBuf;

use serde::Deserialize;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, file};

/// TLS of the server's own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file with the certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub private_key: PathBuf,
    /// Whether TLS 1.3 is the lowest version; otherwise 1.2 is.
    pub only_1_3: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    certificate: Option<Spanned<String>>,
    private_key: Option<Spanned<String>>,
    minimum_version: Option<Spanned<String>>,
}

/// Reads the section; `None` without a certificate and a key.
///
/// # Errors
/// The first fault: one of the two files alone is one.
pub(super) fn tls(source: &Source<'_>, read: &TlsSection) -> Checked<Option<TlsConfig>> {
    let certificate = file(source, "tls.certificate", read.certificate.as_ref())?;
    let private_key = file(source, "tls.private_key", read.private_key.as_ref())?;
    let only_1_3 = match &read.minimum_version {
        None => false,
        Some(version) => match version.get_ref().as_str() {
            "1.2" => false,
            "1.3" => true,
            _ => {
                let reason = "must be \"1.2\" or \"1.3\"";
                return Err(source.error(Some(version.span()), "tls.minimum_version", reason));
            }
        },
    };
    let span = |value: &Option<Spanned<String>>| value.as_ref().map(Spanned::span);
    match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => Ok(Some(TlsConfig { certificate, private_key, only_1_3 })),
        (None, None) if read.minimum_version.is_none() => Ok(None),
        (Some(_), None) => Err(source.error(
            span(&read.certificate),
            "tls.private_key",
            "must name the key of tls.certificate",
        )),
        (None, _) => {
            let place = span(&read.private_key).or(span(&read.minimum_version));
            Err(source.error(place, "tls.certificate", "must name a certificate"))
        }
    }
}
