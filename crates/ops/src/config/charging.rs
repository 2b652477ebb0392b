//! The section `[charging]` of the configuration file.

use serde::Deserialize;
use tollbook_domain::account::{AccountKind, SETTLEMENT_ORDER};
use tollbook_domain::usage::UsageLimits;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, DAY_S, number};

/// Settings of charging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargingConfig {
    /// Time from the end of an hour to its closing, in seconds.
    pub grace_s: i64,
    /// How long late usage of an ended hour is collected before it becomes orders, in seconds.
    pub gather_s: i64,
    /// Maximum age of usage that gateways report, in seconds.
    pub past_s: i64,
    /// Maximum age of usage in imported files, in seconds; `None`: any.
    pub import_past_s: Option<i64>,
    /// How far in the future the time of usage may be, in seconds.
    pub future_s: i64,
    /// Maximum base units of one SKU in one record.
    pub max_quantity: i64,
    /// Maximum records of one request.
    pub batch_records: usize,
    /// Maximum body size of a request with usage, in bytes.
    pub batch_bytes: usize,
    /// Maximum spans, log records, payloads or events of one request of another program.
    pub telemetry_records: usize,
    /// Maximum body size of such a request, compressed and expanded, in bytes.
    pub telemetry_bytes: usize,
    /// The values of `service.name` whose spans and log records are counted; all if it is empty.
    pub otlp_services: Vec<String>,
    /// The names of the instrumentation scopes whose spans and log records are counted; all if it is empty.
    pub otlp_scopes: Vec<String>,
    /// How long the identities of an hour's records are kept after its last record, in seconds.
    pub identity_window_s: i64,
    /// The account kinds that pay an order, in this sequence.
    pub sequence: Vec<AccountKind>,
    /// The account kinds that do not pay arrears.
    pub not_for_arrears: Vec<AccountKind>,
    /// Whether arrears are paid after a deposit.
    pub deposit_pays_arrears: bool,
    /// Local time of the daily arrears run, in seconds since midnight; `None`: never.
    pub arrears_at_s: Option<i64>,
    /// Whether usage with a price of 0 makes orders.
    pub bill_zero_amounts: bool,
}

impl Default for ChargingConfig {
    fn default() -> Self {
        Self {
            grace_s: 60,
            gather_s: 10,
            past_s: 366 * 86_400,
            import_past_s: None,
            future_s: 3_600,
            max_quantity: 1_000_000_000_000_000,
            batch_records: 1_000,
            batch_bytes: 4 << 20,
            telemetry_records: 10_000,
            telemetry_bytes: 16 << 20,
            otlp_services: Vec::new(),
            otlp_scopes: Vec::new(),
            identity_window_s: 40 * 86_400,
            sequence: SETTLEMENT_ORDER.to_vec(),
            not_for_arrears: vec![AccountKind::Bonus],
            deposit_pays_arrears: true,
            arrears_at_s: Some(5 * 3_600),
            bill_zero_amounts: false,
        }
    }
}

impl ChargingConfig {
    /// Limits of usage that gateways report.
    pub const fn limits_of_gateways(&self) -> UsageLimits {
        UsageLimits { past_s: Some(self.past_s), future_s: self.future_s, quantity: self.max_quantity }
    }

    /// Limits of usage in imported files: those of gateways, with the maximum age of imports.
    pub const fn limits_of_imports(&self) -> UsageLimits {
        UsageLimits { past_s: self.import_past_s, ..self.limits_of_gateways() }
    }

    /// Limits of usage that a person gives again, such as in corrections: those of gateways without a maximum age.
    pub const fn limits_of_files(&self) -> UsageLimits {
        UsageLimits { past_s: None, ..self.limits_of_gateways() }
    }

    /// The account kinds that pay arrears, in sequence.
    pub fn arrears_sequence(&self) -> Vec<AccountKind> {
        self.sequence.iter().copied().filter(|kind| !self.not_for_arrears.contains(kind)).collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargingSection {
    grace_s: Option<Spanned<i64>>,
    gather_s: Option<Spanned<i64>>,
    past_s: Option<Spanned<i64>>,
    import_past_s: Option<Spanned<i64>>,
    future_s: Option<Spanned<i64>>,
    max_quantity: Option<Spanned<i64>>,
    batch_records: Option<Spanned<i64>>,
    batch_bytes: Option<Spanned<i64>>,
    telemetry_records: Option<Spanned<i64>>,
    telemetry_bytes: Option<Spanned<i64>>,
    #[serde(default)]
    otlp_services: Vec<String>,
    #[serde(default)]
    otlp_scopes: Vec<String>,
    identity_window_s: Option<Spanned<i64>>,
    sequence: Option<Spanned<Vec<Spanned<String>>>>,
    not_for_arrears: Option<Spanned<Vec<Spanned<String>>>>,
    deposit_pays_arrears: Option<bool>,
    arrears_at: Option<Spanned<String>>,
    /// Formerly `orders_for_free`.
    #[serde(alias = "orders_for_free")]
    bill_zero_amounts: Option<bool>,
}

pub(super) fn charging(source: &Source<'_>, read: &ChargingSection) -> Checked<ChargingConfig> {
    let default = ChargingConfig::default();
    let value = |key: &str, value: &Option<Spanned<i64>>, range, default: i64| -> Checked<i64> {
        let number = number(source, &format!("charging.{key}"), value.as_ref(), range)?;
        Ok(number.unwrap_or(default))
    };
    let size = |key: &str, value: &Option<Spanned<i64>>, range, default: usize| -> Checked<usize> {
        let number = number(source, &format!("charging.{key}"), value.as_ref(), range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    let mut config = ChargingConfig {
        grace_s: value("grace_s", &read.grace_s, 0..=DAY_S, default.grace_s)?,
        gather_s: value("gather_s", &read.gather_s, 0..=DAY_S, default.gather_s)?,
        past_s: value("past_s", &read.past_s, 3_600..=3_660 * DAY_S, default.past_s)?,
        // 0 states that there is none, which is the default.
        import_past_s: Some(value("import_past_s", &read.import_past_s, 0..=3_660 * DAY_S, 0)?)
            .filter(|bound| *bound > 0),
        future_s: value("future_s", &read.future_s, 0..=DAY_S, default.future_s)?,
        // The sum of larger quantities could exceed what the store adds up.
        max_quantity: value(
            "max_quantity",
            &read.max_quantity,
            1..=1_000_000_000_000_000_000,
            default.max_quantity,
        )?,
        batch_records: size("batch_records", &read.batch_records, 1..=10_000, default.batch_records)?,
        batch_bytes: size("batch_bytes", &read.batch_bytes, 65_536..=67_108_864, default.batch_bytes)?,
        telemetry_records: size(
            "telemetry_records",
            &read.telemetry_records,
            1..=50_000,
            default.telemetry_records,
        )?,
        telemetry_bytes: size(
            "telemetry_bytes",
            &read.telemetry_bytes,
            65_536..=134_217_728,
            default.telemetry_bytes,
        )?,
        otlp_services: read.otlp_services.clone(),
        otlp_scopes: read.otlp_scopes.clone(),
        identity_window_s: value(
            "identity_window_s",
            &read.identity_window_s,
            DAY_S..=3_660 * DAY_S,
            default.identity_window_s,
        )?,
        ..default
    };
    if let Some(sequence) = &read.sequence {
        config.sequence = kinds(source, "charging.sequence", sequence.get_ref())?;
        if config.sequence.is_empty() {
            let reason = "must name at least one kind of account";
            return Err(source.error(Some(sequence.span()), "charging.sequence", reason));
        }
    }
    if let Some(excluded) = &read.not_for_arrears {
        config.not_for_arrears = kinds(source, "charging.not_for_arrears", excluded.get_ref())?;
    }
    if config.arrears_sequence().is_empty() {
        let key = read.not_for_arrears.as_ref().or(read.sequence.as_ref());
        let reason = "leaves no kind of the sequence to pay arrears from";
        return Err(source.error(key.map(Spanned::span), "charging.not_for_arrears", reason));
    }
    if let Some(at) = &read.arrears_at {
        config.arrears_at_s = time_of_day(at.get_ref()).ok_or_else(|| {
            let reason = "must be a time such as \"05:00\", or \"never\"";
            source.error(Some(at.span()), "charging.arrears_at", reason)
        })?;
    }
    config.deposit_pays_arrears = read.deposit_pays_arrears.unwrap_or(config.deposit_pays_arrears);
    config.bill_zero_amounts = read.bill_zero_amounts.unwrap_or(config.bill_zero_amounts);
    Ok(config)
}

fn kinds(source: &Source<'_>, key: &str, names: &[Spanned<String>]) -> Checked<Vec<AccountKind>> {
    let mut kinds = Vec::with_capacity(names.len());
    for name in names {
        let refused = |reason: String| Err(source.error(Some(name.span()), key, reason));
        match AccountKind::from_name(name.get_ref()) {
            None => {
                let known: Vec<&str> = AccountKind::ALL.iter().map(|kind| kind.name()).collect();
                return refused(format!("\"{}\" is none of {}", name.get_ref(), known.join(", ")));
            }
            Some(kind) if kinds.contains(&kind) => {
                return refused(format!("\"{}\" is named twice", name.get_ref()));
            }
            Some(kind) => kinds.push(kind),
        }
    }
    Ok(kinds)
}

/// Seconds since midnight; the inner `None` is "never", the outer an invalid text.
#[expect(clippy::option_option, reason = "invalid, never and a time are three cases")]
pub(super) fn time_of_day(text: &str) -> Option<Option<i64>> {
    if text == "never" {
        return Some(None);
    }
    let (hours, minutes) = text.split_once(':')?;
    let below = |text: &str, bound: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_number && *number < bound)
    };
    Some(Some(below(hours, 24)? * 3_600 + below(minutes, 60)? * 60))
}
