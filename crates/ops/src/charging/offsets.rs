//! The UTC offset of the deployment, which defines billing hours and local days.

use serde_json::{Value, json};
use tollbook_domain::HourOffsets;
use tollbook_domain::hours::OffsetError;
use tollbook_store::DEPLOYMENT_CHAIN;

use super::context::Charging;
use super::error::ChargingError;
use crate::audit::{ActKind, record};

/// Sets the offset, in seconds ahead of UTC: from a future time on, or for all time if there is no usage yet.
///
/// # Errors
/// The offset is not a multiple of half an hour, `from_s` is not later than usage may be, or there is usage already.
pub fn set_offset(
    charging: &Charging<'_>,
    offset_s: i64,
    from_s: Option<i64>,
    now_s: i64,
) -> Result<HourOffsets, ChargingError> {
    let mut transaction = charging.store.begin()?;
    transaction.lock_name("hour offsets")?;
    let mut offsets = transaction.hour_offsets()?;
    let before = audited(&offsets);
    match from_s {
        // Usage with a time in the future may be in an open hour already.
        Some(from_s) => {
            let latest_usage_s = now_s.saturating_add(charging.config.charging.future_s);
            offsets.change(from_s, offset_s, latest_usage_s)?;
        }
        None if !HourOffsets::is_offset(offset_s) => return Err(OffsetError::Offset.into()),
        None if offsets == HourOffsets::fixed(offset_s) => return Ok(offsets),
        None if transaction.has_usage()? => return Err(ChargingError::OffsetInUse),
        None => offsets = HourOffsets::fixed(offset_s),
    }
    transaction.set_hour_offsets(&offsets)?;
    record(transaction.as_mut(), ActKind::UtcOffsetSet, DEPLOYMENT_CHAIN, &before, &audited(&offsets));
    transaction.commit()?;
    Ok(offsets)
}

/// The offsets as the audit log has them: from when, and seconds ahead of UTC.
fn audited(offsets: &HourOffsets) -> Value {
    let changes = offsets.changes().iter();
    changes
        .map(|(from_s, offset_s)| {
            json!({"From": (*from_s != i64::MIN).then_some(from_s), "OffsetSeconds": offset_s})
        })
        .collect()
}

/// Parses an offset from UTC such as `+08:00` into seconds.
pub fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i64>().ok())?
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}
