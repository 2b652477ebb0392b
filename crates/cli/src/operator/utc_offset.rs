//! `utc-offset`: the offsets from UTC that define billing hours and days.

use serde_json::{Value, json};
use tollbook_domain::HourOffsets;
use tollbook_ops::charging;

use super::context::{CommandContext, now_s, time_text};
use crate::arguments::{Global, UtcOffsetCommand};
use crate::output::{Failure, Output, table};

pub(crate) fn run(global: &Global, command: &UtcOffsetCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let offsets = match command {
        UtcOffsetCommand::Show => context.store.snapshot()?.hour_offsets()?,
        UtcOffsetCommand::Set { offset, from } => {
            let offset_s = charging::parse_offset(offset)
                .ok_or_else(|| Failure::new("--offset: must be like +08:00 or -03:30"))?;
            charging::set_offset(
                &context.charging(),
                offset_s,
                context.optional_unix_s("--from", *from)?,
                now_s(),
            )?
        }
    };
    let value = json!({"Offsets": offsets.changes().iter().map(offset_value).collect::<Vec<_>>()});
    output.result(&value, || text(&offsets));
    Ok(())
}

fn offset_value(change: &(i64, i64)) -> Value {
    let (from_s, offset_s) = *change;
    json!({"From": (from_s != i64::MIN).then_some(from_s), "OffsetSeconds": offset_s})
}

fn text(offsets: &HourOffsets) -> String {
    let rows = offsets.changes().iter().map(|(from_s, offset_s)| {
        let from = if *from_s == i64::MIN { "the beginning".to_owned() } else { time_text(*from_s) };
        let (sign, minutes) = (if *offset_s < 0 { '-' } else { '+' }, offset_s.abs() / 60);
        vec![from, format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)]
    });
    table(&["From", "Offset"], rows)
}
