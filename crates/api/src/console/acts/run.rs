//! Runs an act with the values of its form.

use serde_json::Value;

use super::act::{Act, Preview, Run};
use super::error::ActError;
use super::own;
use super::values::{file_of, key_of, values};
use crate::console::visit::{Visit, text_of};
use crate::operator::{PersonsRequest, run_for_person};

/// What an act did, or would do.
pub(in crate::console) struct Done {
    pub(in crate::console) answer: Value,
    /// Whether it was only shown, and is to be confirmed.
    pub(in crate::console) is_preview: bool,
}

/// The field by which what was shown is confirmed.
const CONFIRMED: &str = "confirmed";

/// Runs an act, or shows what it would do unless that was confirmed.
pub(in crate::console) fn run(visit: &mut Visit<'_>, act: &Act) -> Result<Done, ActError> {
    let key = key_of(visit.form)?.to_owned();
    let mut values = values(visit, act)?;
    let is_preview = act.preview != Preview::None && text_of(visit.form, CONFIRMED) != Some("yes");
    match (act.preview, is_preview) {
        (Preview::UnlessDryRun, true) => values.push(("DryRun".to_owned(), true.into())),
        (Preview::IfApply, false) => values.push(("Apply".to_owned(), true.into())),
        _ => {}
    }
    visit.release();
    let answer = match act.run {
        Run::User(user_act) => own::run(visit, user_act, &values, &key)?,
        Run::Route(route) => {
            let file = file_of(visit).map(|(name, bytes)| {
                let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| format!(".{ending}"));
                (ending.to_ascii_lowercase(), bytes)
            });
            let request = PersonsRequest { route, values, key: &key, file };
            run_for_person(visit.service, &visit.actor(), request)?
        }
    };
    let user_id = visit.user().map(|user| user.user_id);
    tracing::info!(user_id, act = act.name, is_preview, "act in the console");
    Ok(Done { answer, is_preview })
}
