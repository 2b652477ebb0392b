//! The section `[limits]` of the configuration file: bounds of one request, and of those under way.

use serde::Deserialize;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, number};

/// Limits of requests. The first three are applied before the sender is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body_bytes: usize,
    /// Maximum number of parameters.
    pub parameters: usize,
    /// Maximum nesting depth of JSON.
    pub json_depth: usize,
    /// Requests of one key that are answered at once; further ones wait. 0: no bound.
    pub requests_per_key: usize,
    /// The same of one company, over all its keys.
    pub requests_per_company: usize,
    /// Requests a second of a key that has no limit of its own, at each server; 0: any number.
    pub key_rate_per_s: u32,
    /// The same of one company, over all its keys.
    pub company_rate_per_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            parameters: 2_000,
            json_depth: 32,
            requests_per_key: 16,
            requests_per_company: 32,
            key_rate_per_s: 5_000,
            company_rate_per_s: 10_000,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    body_bytes: Option<Spanned<i64>>,
    parameters: Option<Spanned<i64>>,
    json_depth: Option<Spanned<i64>>,
    requests_per_key: Option<Spanned<i64>>,
    requests_per_company: Option<Spanned<i64>>,
    key_rate_per_s: Option<Spanned<i64>>,
    company_rate_per_s: Option<Spanned<i64>>,
}

pub(super) fn limits(source: &Source<'_>, read: &LimitsSection) -> Checked<Limits> {
    let limit = |key, value: &Option<Spanned<i64>>, range, default| -> Checked<usize> {
        let number = number(source, key, value.as_ref(), range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    let rate = |key, value: &Option<Spanned<i64>>, default| -> Checked<u32> {
        let number = number(source, key, value.as_ref(), 0..=1_000_000)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default))
    };
    let default = Limits::default();
    Ok(Limits {
        // Every documented request fits into the smallest values.
        body_bytes: limit("limits.body_bytes", &read.body_bytes, 65_536..=67_108_864, default.body_bytes)?,
        parameters: limit("limits.parameters", &read.parameters, 1_200..=100_000, default.parameters)?,
        json_depth: limit("limits.json_depth", &read.json_depth, 2..=128, default.json_depth)?,
        // A server has 64 workers.
        requests_per_key: limit(
            "limits.requests_per_key",
            &read.requests_per_key,
            0..=64,
            default.requests_per_key,
        )?,
        requests_per_company: limit(
            "limits.requests_per_company",
            &read.requests_per_company,
            0..=64,
            default.requests_per_company,
        )?,
        key_rate_per_s: rate("limits.key_rate_per_s", &read.key_rate_per_s, default.key_rate_per_s)?,
        company_rate_per_s: rate(
            "limits.company_rate_per_s",
            &read.company_rate_per_s,
            default.company_rate_per_s,
        )?,
    })
}
