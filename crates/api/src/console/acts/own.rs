//! Acts on users, which the operator's API does not have.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollbook_domain::{Role, User};
use tollbook_ops::tenancy::TenantError;
use tollbook_ops::tenancy::users::{self, INVITATION_LIFETIME_S, Invite, UserError, invitation_path};
use tollbook_store::{RequestClaim, StoreError};

use super::act::UserAct;
use super::error::ActError;
use crate::console::error::PageError;
use crate::console::visit::Visit;

/// Longest time for which a link is valid, in hours.
const MAX_HOURS: i64 = 8_760;

/// The values of a form by their names.
struct Given<'v>(&'v [(String, Value)]);

impl Given<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    fn numbers(&self, name: &str) -> Vec<i64> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_i64).collect()
    }

    fn role(&self) -> Result<Role, ActError> {
        let role = Role::from_name(self.text("Role")).filter(|role| !role.is_of_operator());
        role.ok_or_else(|| ActError::field("Role", "is not a role of a company's users"))
    }
}

/// Runs an act on a user of a company.
pub(super) fn run(
    visit: &Visit<'_>,
    act: UserAct,
    values: &[(String, Value)],
    key: &str,
) -> Result<Value, ActError> {
    let given = Given(values);
    let email = given.text("Email");
    let company_id = given.number("company").unwrap_or_default();
    if act == UserAct::Invite {
        return invite(visit, &given, company_id, key);
    }
    let store = visit.acting();
    // The form names the company, and the user must be one of it.
    let of_company = users::users(&store, Some(company_id))?;
    if !of_company.iter().any(|user| user.email == email) {
        return Err(UserError::Unknown(email.to_owned()).into());
    }
    let user = match act {
        UserAct::Disable => users::disable(&store, email)?,
        UserAct::Enable => users::enable(&store, email)?,
        UserAct::Invite | UserAct::SetRole => {
            users::set_role(&store, email, given.role()?, &given.numbers("OrganizationIDs"))?
        }
    };
    Ok(shown(&user))
}

fn invite(visit: &Visit<'_>, given: &Given<'_>, company_id: i64, key: &str) -> Result<Value, ActError> {
    let invite = Invite {
        email: given.text("Email").to_owned(),
        company_id: Some(company_id),
        organization_ids: given.numbers("OrganizationIDs"),
        role: given.role()?,
    };
    let hours = given.number("Hours").unwrap_or(INVITATION_LIFETIME_S / 3_600);
    if !(1..=MAX_HOURS).contains(&hours) {
        return Err(ActError::field("Hours", "must be an integer from 1 to 8760"));
    }
    // The token of a link is not kept, so that a form that is sent again cannot be answered as before.
    let digest = Sha256::digest(format!("user invite\0{invite:?}")).into();
    let claim = RequestClaim { key: key.to_owned(), digest };
    let acting = visit.acting();
    let is_claimed = |name: &str| visit.service.store().snapshot()?.claimed_request(name, key);
    if is_claimed(&acting.actor().name)?.is_some() {
        return Err(PageError::RepeatedForm.into());
    }
    let acting = acting.claiming(claim);
    let invited = match users::invite(&acting, &invite, hours * 3_600, visit.now_s) {
        Err(UserError::Store(StoreError::Exists(_))) => return Err(PageError::RepeatedForm.into()),
        invited => invited?,
    };
    let company = visit.service.store().snapshot()?.company(company_id)?;
    let company = company.ok_or(TenantError::UnknownCompany(company_id))?;
    let url = visit.service.url_for(&company, visit.host);
    let mut value = shown(&invited.user);
    value["Link"] = format!("{url}{}", invitation_path(&invited.token)).into();
    value["Expires"] = invited.expires_s.into();
    Ok(value)
}

fn shown(user: &User) -> Value {
    json!({
        "Email": user.email,
        "Role": user.role.name(),
        "OrganizationIDs": user.organization_ids,
        "Disabled": user.disabled,
    })
}
