//! The section `[signing]` of the configuration file: which requests must be signed strictly.

use serde::Deserialize;
use tollbook_domain::tenant::StrictSigning;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, number};

/// Settings of strict signatures (docs/SIGNING.md, "Strict signatures").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    /// What must be signed strictly, unless the brand or the key says otherwise.
    pub strict: StrictSigning,
    /// Longest time between the signing of a request and its arrival, in seconds.
    pub window_s: i64,
    /// Whether the refusal of a wrong signature shows the text that should have been signed. The option
    /// `--debug-signatures` says so, not the file: it is for a test of clients, not for a deployment's whole life.
    pub debug: bool,
}

impl Default for SigningConfig {
    fn default() -> Self {
        Self { strict: StrictSigning::Off, window_s: 300, debug: false }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningSection {
    strict: Option<Spanned<String>>,
    window_s: Option<Spanned<i64>>,
}

/// Reads the section.
///
/// # Errors
/// The first fault.
pub(super) fn signing(source: &Source<'_>, read: &SigningSection) -> Checked<SigningConfig> {
    let default = SigningConfig::default();
    Ok(SigningConfig {
        strict: strict(source, "signing.strict", read.strict.as_ref())?.unwrap_or(default.strict),
        window_s: number(source, "signing.window_s", read.window_s.as_ref(), 5..=3_600)?
            .unwrap_or(default.window_s),
        debug: default.debug,
    })
}

/// What a key of the file demands to be signed strictly, if the key is set.
pub(super) fn strict(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<String>>,
) -> Checked<Option<StrictSigning>> {
    let Some(value) = value else { return Ok(None) };
    let strict = StrictSigning::from_name(value.get_ref());
    let reason = "must be \"off\", \"pay\" or \"all\"";
    strict.map(Some).ok_or_else(|| source.error(Some(value.span()), key, reason))
}
