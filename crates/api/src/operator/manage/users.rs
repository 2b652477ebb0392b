//! Users of the console of a company. The operator's own people are not made here: a key may not give more than it has.

use serde_json::{Value, json};
use tollbook_domain::time::HOUR_S;
use tollbook_domain::{Role, User};
use tollbook_ops::tenancy::TenantError;
use tollbook_ops::tenancy::users::{self, INVITATION_LIFETIME_S, Invite, UserError, invitation_path};
use tollbook_store::AuditEntry;

use super::call::{Call, values_after};
use super::failed::Failed;
use crate::views;

pub(super) fn list(call: &Call<'_>) -> Result<Value, Failed> {
    let users = users::users(call.store(), call.values.integer("CompanyID"))?;
    Ok(json!({"Users": users.iter().map(views::user).collect::<Vec<_>>()}))
}

fn role(call: &Call<'_>) -> Option<Role> {
    call.values.text("Role").and_then(Role::from_name)
}

pub(super) fn invite(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let company_id = call.company();
    let company = call.store().snapshot()?.company(company_id)?;
    let company = company.ok_or(TenantError::UnknownCompany(company_id))?;
    let invite = Invite {
        email: values.text_or_empty("Email").to_owned(),
        company_id: Some(company_id),
        organization_ids: values.integers("OrganizationIDs"),
        role: role(call).unwrap_or(Role::Viewer),
    };
    let lifetime_s =
        values.integer("Hours").map_or(INVITATION_LIFETIME_S, |hours| hours.saturating_mul(HOUR_S));
    let invited = users::invite(call.store(), &invite, lifetime_s, call.now_s())?;
    let url = call.service.url_for(&company, None);
    Ok(json!({
        "Email": invited.user.email,
        "CompanyID": company_id,
        "Link": format!("{url}{}", invitation_path(&invited.token)),
        "Expires": invited.expires_s,
        "Repeated": false,
    }))
}

pub(super) fn invitation_again(call: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    Ok(json!({
        "Email": after["User"]["Email"],
        "CompanyID": call.company(),
        // The token of a link is not stored.
        "Link": null,
        "Expires": after["Expires"],
        "Repeated": true,
    }))
}

/// The user of the path, who is one of the company of the path.
fn user_of_path(call: &Call<'_>) -> Result<User, Failed> {
    let email = call.values.text_or_empty("email");
    let users = users::users(call.store(), Some(call.company()))?;
    let found = users.into_iter().find(|user| user.email.eq_ignore_ascii_case(email));
    found.ok_or_else(|| UserError::Unknown(email.to_owned()).into())
}

pub(super) fn change(call: &Call<'_>) -> Result<Value, Failed> {
    let mut user = user_of_path(call)?;
    let values = call.values;
    if values.is_stated("Role") || values.is_stated("OrganizationIDs") {
        let organization_ids = if values.is_stated("OrganizationIDs") {
            values.integers("OrganizationIDs")
        } else {
            user.organization_ids
        };
        user =
            users::set_role(call.store(), &user.email, role(call).unwrap_or(user.role), &organization_ids)?;
    }
    match values.is_stated("Disabled").then(|| values.flag("Disabled")) {
        Some(true) => user = users::disable(call.store(), &user.email)?,
        Some(false) => user = users::enable(call.store(), &user.email)?,
        None => {}
    }
    Ok(views::user(&user))
}
