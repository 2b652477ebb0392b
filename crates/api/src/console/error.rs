//! Why a page is not shown as asked for.

use axum::http::StatusCode;
use tollbook_ops::charging::{ChargingError, CorrectionError};
use tollbook_ops::tenancy::TenantError;
use tollbook_ops::tenancy::users::UserError;
use tollbook_ops::webhooks::WebhookError;
use tollbook_store::StoreError;

use super::text::{self, Text};
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// A page that says what the person can do; nothing about the inside.
#[derive(Debug)]
pub(super) enum PageError {
    /// 404
    NotFound,
    /// 403: the user's role does not allow it.
    Forbidden,
    /// 403: the form was not sent from a page of the console.
    ForeignForm,
    /// 409: the form was sent before.
    RepeatedForm,
    /// 400: a parameter of the URL or the form, and what is wrong with it.
    Invalid(String),
    /// 429
    Throttled(i64),
    /// 405
    Method,
    /// 303 to the page for signing in.
    SignIn,
    /// 503
    Unavailable,
    /// 500
    Internal,
}

impl PageError {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::RepeatedForm => StatusCode::CONFLICT,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::SignIn => StatusCode::SEE_OTHER,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Heading and explanation.
    pub(super) const fn texts(&self) -> (Text, Text) {
        match self {
            Self::NotFound => (text::NOT_FOUND, text::NOT_FOUND_WHY),
            Self::Forbidden => (text::FORBIDDEN, text::FORBIDDEN_WHY),
            Self::ForeignForm => (text::FOREIGN_FORM, text::FOREIGN_FORM_WHY),
            Self::RepeatedForm => (text::REPEATED_FORM, text::REPEATED_FORM_WHY),
            Self::Invalid(_) => (text::INVALID, text::INVALID_WHY),
            Self::Throttled(_) => (text::THROTTLED, text::THROTTLED_WHY),
            Self::Method => (text::NOT_FOUND, text::METHOD_WHY),
            Self::SignIn => (text::SIGN_IN, text::SIGN_IN),
            Self::Unavailable => (text::UNAVAILABLE, text::UNAVAILABLE_WHY),
            Self::Internal => (text::INTERNAL, text::INTERNAL_WHY),
        }
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ServiceUnavailable => Self::Unavailable,
            Refusal::PermissionDenied => Self::Forbidden,
            Refusal::Internal => Self::Internal,
            Refusal::NotAvailable { name, reason } => Self::Invalid(format!("{name} {reason}")),
            other => {
                let message = other.message();
                Self::Invalid(other.reason().map_or(message, str::to_owned))
            }
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        log_and_refuse(error).into()
    }
}

impl From<TenantError> for PageError {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Store(error) => error.into(),
            TenantError::UnknownKey(_) | TenantError::UnknownCompany(_) => Self::NotFound,
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<UserError> for PageError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<CorrectionError> for PageError {
    fn from(error: CorrectionError) -> Self {
        match error {
            CorrectionError::Charging(ChargingError::Store(error)) => error.into(),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<WebhookError> for PageError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Store(error) => error.into(),
            WebhookError::UnknownEndpoint(_) | WebhookError::UnknownMessage(_) => Self::NotFound,
            other => Self::Invalid(other.to_string()),
        }
    }
}
