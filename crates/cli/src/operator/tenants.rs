//! `company` and `organization`: adds, lists and renames tenants.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_ops::tenancy::companies;

use crate::arguments::{CompanyCommand, Global, OrganizationCommand};
use crate::deployment::{self, Deployment, Purpose};
use crate::output::{Failure, Output, printable, table};

pub(crate) fn company(global: &Global, command: &CompanyCommand, output: &Output) -> Result<(), Failure> {
    let Deployment { store, config, .. } = deployment::open(global, Purpose::Command)?;
    match command {
        CompanyCommand::Add { name, currency, brand } => {
            let company = companies::add_company(store.as_ref(), Some(&config), name, currency, brand)?;
            print_created(output, json!({"CompanyID": company.company_id}));
        }
        CompanyCommand::List { name, brand, .. } => {
            let companies = companies::companies(store.as_ref())?;
            let part = name.as_ref().map(|name| name.to_lowercase());
            let rows = companies
                .iter()
                .filter(|c| part.as_ref().is_none_or(|part| c.name.to_lowercase().contains(part)))
                .filter(|c| brand.as_ref().is_none_or(|brand| *brand == c.brand))
                .map(views::company);
            print_list(output, &["CompanyID", "Name", "Currency", "Brand"], rows.collect());
        }
        CompanyCommand::Set { company, name } => {
            let company = companies::rename_company(store.as_ref(), *company, name)?;
            print_created(output, json!({"CompanyID": company.company_id, "Name": company.name}));
        }
    }
    Ok(())
}

pub(crate) fn organization(
    global: &Global,
    command: &OrganizationCommand,
    output: &Output,
) -> Result<(), Failure> {
    let store = deployment::store(global)?;
    match command {
        OrganizationCommand::Add { company, name } => {
            let organization = companies::add_organization(store.as_ref(), *company, name)?;
            let ids = json!({
                "OrganizationID": organization.organization_id,
                "ProjectId": organization.project_id,
            });
            print_created(output, ids);
        }
        OrganizationCommand::List { company } => {
            let companies = match company {
                Some(company) => vec![*company],
                None => companies::companies(store.as_ref())?.iter().map(|c| c.company_id).collect(),
            };
            let mut rows = Vec::new();
            for company in companies {
                rows.extend(companies::organizations(store.as_ref(), company)?.iter().map(|o| {
                    json!({
                        "CompanyID": o.company_id,
                        "OrganizationID": o.organization_id,
                        "ProjectId": o.project_id,
                        "Name": o.name,
                    })
                }));
            }
            print_list(output, &["CompanyID", "OrganizationID", "ProjectId", "Name"], rows);
        }
        OrganizationCommand::Set { company, organization, name } => {
            let renamed = companies::rename_organization(store.as_ref(), *company, *organization, name)?;
            let ids = json!({
                "CompanyID": renamed.company_id,
                "OrganizationID": renamed.organization_id,
                "Name": renamed.name,
            });
            print_created(output, ids);
        }
    }
    Ok(())
}

/// Prints a created object as one line of JSON, with and without `--json`.
pub(super) fn print_created(output: &Output, value: Value) {
    output.result(&value, || value.to_string());
}

fn print_list(output: &Output, columns: &[&str], rows: Vec<Value>) {
    output.list(&Value::Array(rows.clone()), columns, &rows, || list_text(columns, &rows));
}

/// A table of some members of objects.
pub(super) fn list_text(columns: &[&str], rows: &[Value]) -> String {
    table(
        columns,
        rows.iter().map(|row| {
            let cell = |name: &&str| match &row[*name] {
                Value::String(text) => printable(text),
                Value::Null => String::new(),
                Value::Array(values) => {
                    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").replace('"', "")
                }
                other => other.to_string(),
            };
            columns.iter().map(cell).collect()
        }),
    )
}
