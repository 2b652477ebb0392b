//! `user`: invites, lists, changes and disables users of the console.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::Role;
use tollbook_domain::time::HOUR_S;
use tollbook_ops::tenancy::users::{self, Invite, invitation_path};

use super::context::{CommandContext, now_s, time_text};
use super::tenants::{list_text, print_created};
use crate::arguments::{Global, UserCommand, UserRole};
use crate::output::{Failure, Output};

const COLUMNS: [&str; 8] =
    ["UserID", "Email", "CompanyID", "OrganizationIDs", "Role", "Password", "Created", "Disabled"];

pub(crate) fn run(global: &Global, command: &UserCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let store = context.store.as_ref();
    match command {
        UserCommand::Invite { email, company, role, organization, hours } => {
            let invite = Invite {
                email: email.clone(),
                company_id: *company,
                organization_ids: organization.clone(),
                role: role_of(*role),
            };
            let invited = users::invite(store, &invite, i64::from(*hours) * HOUR_S, now_s())?;
            print_created(
                output,
                json!({
                    "UserID": invited.user.user_id,
                    "Email": invited.user.email,
                    "Link": format!("{}{}", base_url(&context, *company)?, invitation_path(&invited.token)),
                    "Expires": invited.expires_s,
                }),
            );
        }
        UserCommand::List { company } => {
            let rows: Vec<Value> = users::users(store, *company)?.iter().map(views::user).collect();
            output.result(&Value::Array(rows.clone()), || {
                let readable = |mut row: Value| {
                    row["Created"] = time_text(row["Created"].as_i64().unwrap_or(0)).into();
                    row
                };
                list_text(&COLUMNS, &rows.into_iter().map(readable).collect::<Vec<_>>())
            });
        }
        UserCommand::Disable { email } => print_created(output, views::user(&users::disable(store, email)?)),
        UserCommand::Enable { email } => print_created(output, views::user(&users::enable(store, email)?)),
        UserCommand::Role { email, role, organization } => {
            let user = users::set_role(store, email, role_of(*role), organization)?;
            print_created(output, views::user(&user));
        }
    }
    Ok(())
}

/// The URL at which the company's people reach the server, by the configuration.
fn base_url(context: &CommandContext, company_id: Option<i64>) -> Result<String, Failure> {
    let company = match company_id {
        Some(company_id) => context.store.snapshot()?.company(company_id)?,
        None => None,
    };
    let config = &context.config;
    let brand = company.map_or_else(|| config.default_brand(), |company| config.brand_of(&company));
    Ok(config.public_url(brand, config.listen, None))
}

const fn role_of(role: UserRole) -> Role {
    match role {
        UserRole::Viewer => Role::Viewer,
        UserRole::Payer => Role::Payer,
        UserRole::Administrator => Role::Administrator,
        UserRole::OperatorViewer => Role::OperatorViewer,
        UserRole::Operator => Role::Operator,
    }
}
