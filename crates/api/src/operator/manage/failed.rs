//! Why a request of the operator's API failed: the problem, and the parameter that it is about.

use axum::http::StatusCode;
use tollbook_ops::SecretError;
use tollbook_ops::audit::AuditLogError;
use tollbook_ops::charging::{ChargingError, CorrectionError};
use tollbook_ops::pricing::PricingError;
use tollbook_ops::tenancy::owners::OwnerError;
use tollbook_ops::tenancy::users::UserError;
use tollbook_ops::tenancy::{NameError, TenantError};
use tollbook_ops::webhooks::WebhookError;
use tollbook_store::StoreError;

use crate::operator::exchange::{Problem, log_and_report};

/// The header with the key by which a request is done once.
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The problem, and the name of the parameter.
    Problem(Problem, Option<String>),
    /// The same request was done at the same time.
    Claimed,
}

impl Failed {
    /// The status of the answer, what the caller can do about it, and the parameter that it is about.
    pub(crate) fn into_parts(self) -> (StatusCode, String, Option<String>) {
        let (problem, parameter) = match self {
            Self::Problem(problem, parameter) => (problem, parameter),
            // The other request was not found again: it is as if this one had not been tried.
            Self::Claimed => (Problem::Unavailable, None),
        };
        (problem.status(), problem.text(), parameter)
    }

    pub(super) fn malformed(text: impl Into<String>) -> Self {
        Self::Problem(Problem::Malformed(text.into()), None)
    }

    /// A parameter whose value is not one of it.
    pub(super) fn parameter(name: &'static str, reason: impl Into<String>) -> Self {
        Self::unknown_parameter(name, reason)
    }

    /// A parameter that there is not.
    pub(super) fn unknown_parameter(name: &str, reason: impl Into<String>) -> Self {
        // What a caller sent may be long.
        let name: String = name.chars().take(100).collect();
        Self::Problem(Problem::Malformed(format!("{name}: {}", reason.into())), Some(name))
    }

    pub(super) fn not_found(name: &'static str, text: impl Into<String>) -> Self {
        Self::Problem(Problem::NotFound(text.into()), Some(name.to_owned()))
    }

    pub(super) fn refused(name: Option<&'static str>, text: impl Into<String>) -> Self {
        Self::Problem(Problem::Refused(text.into()), name.map(ToOwned::to_owned))
    }

    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::Problem(Problem::Conflict(text.into()), Some(IDEMPOTENCY_KEY.to_owned()))
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem, None)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists(_) => Self::Claimed,
            error => Self::Problem(log_and_report(&error), None),
        }
    }
}

fn of_name(error: NameError) -> Failed {
    let parameter = match error.subject {
        "the reason" => "Reason",
        "the reference" => "Reference",
        "a product of the deposit" => "Products",
        "a model of the deposit" => "Models",
        "the key" | "the deposit's key" => IDEMPOTENCY_KEY,
        _ => "Name",
    };
    Failed::refused(Some(parameter), error.to_string())
}

/// The problem of a secret that cannot be opened.
pub(super) fn secret_problem(error: &SecretError) -> Failed {
    match error {
        SecretError::Store(error) => Failed::Problem(log_and_report(error), None),
        error => {
            tracing::error!(%error, "a private key cannot be opened");
            Failed::Problem(Problem::Internal, None)
        }
    }
}

impl From<TenantError> for Failed {
    fn from(error: TenantError) -> Self {
        let text = error.to_string();
        match error {
            TenantError::Store(error) => error.into(),
            TenantError::Name(error) => of_name(error),
            TenantError::UnknownCompany(_) => Self::not_found("company", text),
            TenantError::UnknownOrganization { .. } => Self::not_found("organization", text),
            TenantError::UnknownKey(_) | TenantError::UnknownOperatorKey(_) => {
                Self::not_found("public_key", text)
            }
            TenantError::Currency(_) => Self::refused(Some("Currency"), text),
            TenantError::Brand { .. } => Self::refused(Some("Brand"), text),
            TenantError::Network { .. } => Self::refused(Some("AllowIPs"), text),
            TenantError::Secret(error) => secret_problem(&error),
            TenantError::Ended => Self::refused(Some("Expires"), text),
            TenantError::NotUsable(_) => Self::refused(Some("public_key"), text),
            TenantError::TooMany(_) | TenantError::NoRole => Self::refused(None, text),
        }
    }
}

impl From<ChargingError> for Failed {
    fn from(error: ChargingError) -> Self {
        let text = error.to_string();
        match error {
            ChargingError::Store(error) => error.into(),
            ChargingError::Name(error) => of_name(error),
            ChargingError::UnknownCompany(_) => Self::not_found("company", text),
            ChargingError::UnknownDeposit(_) => Self::not_found("Deposit", text),
            ChargingError::OtherDeposit(_) | ChargingError::OtherCorrection(_) => Self::conflict(text),
            ChargingError::Account(_) => Self::refused(Some("Amount"), text),
            ChargingError::Offset(_) | ChargingError::OffsetInUse => Self::refused(None, text),
        }
    }
}

impl From<CorrectionError> for Failed {
    fn from(error: CorrectionError) -> Self {
        let text = error.to_string();
        match error {
            CorrectionError::Charging(error) => error.into(),
            CorrectionError::OtherCorrection(_) => Self::conflict(text),
            error => match error.store_error() {
                Some(error) => Self::Problem(log_and_report(error), None),
                None => Self::refused(None, text),
            },
        }
    }
}

impl From<PricingError> for Failed {
    fn from(error: PricingError) -> Self {
        let text = error.to_string();
        match error {
            PricingError::Store(error) => error.into(),
            PricingError::Argument { option, reason } => {
                let parameter = match option {
                    "--list" => "List",
                    "--rate" => "Rate",
                    "--order" => "Order",
                    "--model" => "ModelID",
                    "--sku" => "PricingSKU",
                    "--factor" => "Factor",
                    _ => "CompanyID",
                };
                Self::refused(Some(parameter), format!("{parameter}: {reason}"))
            }
            PricingError::NoDiscount => {
                Self::Problem(Problem::NotFound("there is no such discount".into()), None)
            }
            PricingError::Product { .. } => Self::refused(None, text),
        }
    }
}

impl From<UserError> for Failed {
    fn from(error: UserError) -> Self {
        let text = error.to_string();
        match error {
            UserError::Store(error) => error.into(),
            UserError::Name(error) => of_name(error),
            UserError::Tenant(error) => error.into(),
            UserError::Unknown(_) => Self::not_found("email", text),
            UserError::Email(_) | UserError::Disabled(_) => Self::refused(Some("Email"), text),
            // The command's way to mend it is not a program's.
            UserError::Exists(email) => {
                Self::refused(Some("Email"), format!("{email} is a user already, with other rights"))
            }
            UserError::Role(..) => Self::refused(Some("Role"), text),
            UserError::Link | UserError::WrongPassword | UserError::Password(_) => Self::refused(None, text),
        }
    }
}

impl From<WebhookError> for Failed {
    fn from(error: WebhookError) -> Self {
        let text = error.to_string();
        match error {
            WebhookError::Store(error) => error.into(),
            WebhookError::Name(error) => of_name(error),
            WebhookError::Secret(error) => secret_problem(&error),
            WebhookError::UnknownCompany(_) => Self::not_found("CompanyID", text),
            WebhookError::UnknownEndpoint(_) => Self::not_found("endpoint", text),
            WebhookError::UnknownMessage(_) => Self::not_found("MessageID", text),
            WebhookError::Url(_) => Self::refused(Some("URL"), text),
            WebhookError::EventType { .. } => Self::refused(Some("Events"), text),
            WebhookError::TooMany(_) => Self::refused(None, text),
        }
    }
}

impl From<OwnerError> for Failed {
    fn from(error: OwnerError) -> Self {
        let text = error.to_string();
        match error {
            OwnerError::Store(error) => error.into(),
            OwnerError::Refused(refused) => {
                let parameter = match refused.field {
                    "source" => "Source",
                    "kind" => "Kind",
                    "key" => "Key",
                    "company_id" => "CompanyID",
                    "organization_id" => "OrganizationID",
                    "resource_id" => "ResourceID",
                    _ => "ResourceName",
                };
                Self::refused(Some(parameter), format!("{parameter}: {}", refused.reason))
            }
            OwnerError::Unknown { .. } => Self::not_found("Key", text),
            OwnerError::File(_) => Self::refused(None, text),
        }
    }
}

impl From<AuditLogError> for Failed {
    fn from(error: AuditLogError) -> Self {
        let text = error.to_string();
        match error {
            AuditLogError::Store(error) => error.into(),
            AuditLogError::UnknownAct(_) => Self::refused(Some("Act"), text),
            AuditLogError::UnknownCompany(_) => Self::not_found("CompanyID", text),
            AuditLogError::Line { .. } | AuditLogError::File(_) => Self::refused(None, text),
        }
    }
}
