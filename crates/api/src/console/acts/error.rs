//! Why an act was not done.

use axum::http::StatusCode;
use tollbook_ops::tenancy::TenantError;
use tollbook_ops::tenancy::users::UserError;
use tollbook_store::StoreError;

use crate::console::error::PageError;
use crate::operator::Failed;

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
