//! The section `[exports]` of the configuration file. Defaults are those of [`ExportLimits`].

use std::time::Duration;

use serde::Deserialize;
use tollbook_export::ExportLimits;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::objects::MOST_BYTES;
use super::value::{Checked, number};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportsSection {
    at_once: Option<Spanned<i64>>,
    waiting: Option<Spanned<i64>>,
    waiting_per_company: Option<Spanned<i64>>,
    queue_s: Option<Spanned<i64>>,
    answer_s: Option<Spanned<i64>>,
    threads: Option<Spanned<i64>>,
    jobs_per_company: Option<Spanned<i64>>,
    company_bytes: Option<Spanned<i64>>,
    total_bytes: Option<Spanned<i64>>,
}

pub(super) fn exports(source: &Source<'_>, read: &ExportsSection) -> Checked<ExportLimits> {
    let default = ExportLimits::default();
    let value = |key: &str, value: &Option<Spanned<i64>>, range| {
        number(source, &format!("exports.{key}"), value.as_ref(), range)
    };
    let count = |key: &str, read: &Option<Spanned<i64>>, range, default: usize| -> Checked<usize> {
        let number = value(key, read, range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    let seconds = |key: &str, read: &Option<Spanned<i64>>, range, default: Duration| -> Checked<Duration> {
        let number = value(key, read, range)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()).map_or(default, Duration::from_secs))
    };
    let limits = ExportLimits {
        at_once: count("at_once", &read.at_once, 1..=16, default.at_once)?,
        // Each waiting request occupies a worker of the server; lists and sums need the remaining ones.
        waiting: count("waiting", &read.waiting, 0..=32, default.waiting)?,
        waiting_per_company: count(
            "waiting_per_company",
            &read.waiting_per_company,
            0..=32,
            default.waiting_per_company,
        )?,
        queue: seconds("queue_s", &read.queue_s, 1..=600, default.queue)?,
        answer: seconds("answer_s", &read.answer_s, 1..=3_600, default.answer)?,
        threads: count("threads", &read.threads, 0..=256, default.threads)?,
        jobs_per_company: value("jobs_per_company", &read.jobs_per_company, 0..=10_000)?
            .unwrap_or(default.jobs_per_company),
        company_bytes: value("company_bytes", &read.company_bytes, 16_777_216..=MOST_BYTES)?
            .unwrap_or(default.company_bytes),
        total_bytes: value("total_bytes", &read.total_bytes, 16_777_216..=MOST_BYTES)?
            .unwrap_or(default.total_bytes),
    };
    if limits.queue <= limits.answer {
        return Ok(limits);
    }
    let key = read.queue_s.as_ref().or(read.answer_s.as_ref());
    let reason = format!(
        "is {}, but must not exceed exports.answer_s, {}",
        limits.queue.as_secs(),
        limits.answer.as_secs()
    );
    Err(source.error(key.map(Spanned::span), "exports.queue_s", reason))
}
