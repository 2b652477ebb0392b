//! Runs an act with the values of its form.

use axum::http::StatusCode;
use serde_json::Value;
use tollbook_ops::tenancy::TenantError;
use tollbook_ops::tenancy::users::UserError;
use tollbook_store::StoreError;

use super::values::{file_of, key_of, values};
use super::{Act, Preview, Run, own};
use crate::console::error::PageError;
use crate::console::visit::{Visit, text_of};
use crate::operator::{Failed, PersonsRequest, run_for_person};

/// Why an act was not done.
pub(in crate::console) enum ActError {
    /// The form is shown again with the reason, and the field that it is about.
    Refused { status: StatusCode, reason: String, field: Option<String> },
    /// Another page is shown.
    Page(PageError),
}

impl ActError {
    /// A field whose value is not one of it.
    pub(super) fn field(name: &str, reason: &str) -> Self {
        let (status, reason) = (StatusCode::BAD_REQUEST, format!("{name}: {reason}"));
        Self::Refused { status, reason, field: Some(name.to_owned()) }
    }

    fn refused(field: &str, reason: impl ToString) -> Self {
        let (status, reason) = (StatusCode::UNPROCESSABLE_ENTITY, reason.to_string());
        Self::Refused { status, reason, field: Some(field.to_owned()) }
    }
}

impl From<PageError> for ActError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Page(error.into())
    }
}

impl From<TenantError> for ActError {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Store(error) => error.into(),
            error @ TenantError::UnknownOrganization { .. } => Self::refused("OrganizationIDs", error),
            error => Self::refused("company", error),
        }
    }
}

impl From<UserError> for ActError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            UserError::Tenant(error) => error.into(),
            error @ UserError::Role(..) => Self::refused("Role", error),
            error => Self::refused("Email", error),
        }
    }
}

impl From<Failed> for ActError {
    fn from(failed: Failed) -> Self {
        let (status, reason, field) = failed.into_parts();
        match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::Page(PageError::Unavailable),
            StatusCode::INTERNAL_SERVER_ERROR => Self::Page(PageError::Internal),
            status => Self::Refused { status, reason, field },
        }
    }
}

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
