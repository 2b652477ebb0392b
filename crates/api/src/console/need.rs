//! What pages need of the one who asks.

use tollbook_domain::tenant::Permission;

use super::error::PageError;
use super::visit::Visit;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is for people who are not signed in yet too.
    Nothing,
    /// A person who is signed in.
    Person,
    /// A person with a permission.
    Allowed(Permission),
    /// A person who sees the whole company, because accounts belong to it.
    WholeCompany,
    /// A person who manages the API keys and the webhooks of the whole company.
    Keys,
    /// One of the operator's own people.
    Operator,
    /// One who does what the operator's commands do.
    Acts,
}

impl Need {
    /// Whether the one who asks has what the route needs.
    pub(super) fn is_met(self, visit: &Visit<'_>) -> Result<(), PageError> {
        if self == Self::Nothing {
            return Ok(());
        }
        if visit.user().is_none() {
            return Err(PageError::SignIn);
        }
        let person = visit.signed_in();
        let is_met = match self {
            Self::Nothing | Self::Person => true,
            Self::Operator => visit.operator.get().is_some(),
            Self::Acts => visit.may_act(),
            Self::Allowed(permission) => person.is_some_and(|person| person.key.allows(permission)),
            Self::WholeCompany => person.is_some_and(|person| person.user.sees_whole_company()),
            Self::Keys => person.is_some_and(|person| person.user.manages_keys()),
        };
        if is_met { Ok(()) } else { Err(PageError::Forbidden) }
    }
}
