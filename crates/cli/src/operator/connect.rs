//! `connect`: usage of other programs, and whom it belongs to.

use serde_json::json;
use tollbook_api::views;
use tollbook_domain::owner::DEFAULT_KIND;
use tollbook_ops::guides;
use tollbook_ops::tenancy::owners::{self, Owner, OwnerRule, PutOwners};

use super::guide;
use crate::arguments::{ConnectCommand, Global, MapCommand, RuleName, RuleOwner};
use crate::deployment;
use crate::output::{Failure, Output, printable, table};

pub(crate) fn run(global: &Global, command: &ConnectCommand, output: &Output) -> Result<(), Failure> {
    match command {
        ConnectCommand::Map(command) => map(global, command, output),
        ConnectCommand::Litellm(arguments) => guide::run(global, &guides::LITELLM, arguments, output),
        ConnectCommand::Opentelemetry(arguments) => {
            guide::run(global, &guides::OPENTELEMETRY, arguments, output)
        }
        ConnectCommand::Kong(arguments) => guide::run(global, &guides::KONG, arguments, output),
        ConnectCommand::EnvoyAiGateway(arguments) => {
            guide::run(global, &guides::ENVOY_AI_GATEWAY, arguments, output)
        }
        ConnectCommand::Bifrost(arguments) => guide::run(global, &guides::BIFROST, arguments, output),
        ConnectCommand::Agentgateway(arguments) => {
            guide::run(global, &guides::AGENTGATEWAY, arguments, output)
        }
        ConnectCommand::NewApi(arguments) => super::new_api::run(global, arguments, output),
    }
}

fn map(global: &Global, command: &MapCommand, output: &Output) -> Result<(), Failure> {
    let store = deployment::store(global)?;
    match command {
        MapCommand::Add { name, owner } => {
            print_put(output, owners::put_rule(store.as_ref(), &rule(name, owner))?);
        }
        MapCommand::Default { source, owner } => {
            let name = RuleName { source: source.clone(), kind: DEFAULT_KIND.to_owned(), key: String::new() };
            print_put(output, owners::put_rule(store.as_ref(), &rule(&name, owner))?);
        }
        MapCommand::Import { file } => {
            print_put(output, owners::import_rules(store.as_ref(), file)?);
        }
        MapCommand::Remove(RuleName { source, kind, key }) => {
            owners::remove_rule(store.as_ref(), source, kind, key)?;
            output.result(&json!({"Source": source, "Kind": kind, "Key": key, "Removed": true}), || {
                format!("removed the rule for {kind} {key:?} of {source}")
            });
        }
        MapCommand::List { source } => {
            let mut rules = store.snapshot()?.owner_rules()?;
            rules.retain(|rule| source.as_ref().is_none_or(|source| *source == rule.source));
            print_rules(output, &rules);
        }
    }
    Ok(())
}

fn rule(name: &RuleName, owner: &RuleOwner) -> OwnerRule {
    let RuleName { source, kind, key } = name;
    OwnerRule {
        source: source.clone(),
        kind: kind.clone(),
        key: key.clone(),
        owner: Owner {
            company_id: owner.company,
            organization_id: owner.organization,
            resource_id: owner.resource.clone(),
            resource_name: owner.resource_name.clone(),
        },
    }
}

fn print_put(output: &Output, put: PutOwners) {
    let PutOwners { added, changed, unchanged } = put;
    output.result(&views::put_owners(put), || {
        format!("{added} added, {changed} changed, {unchanged} unchanged")
    });
}

fn print_rules(output: &Output, rules: &[OwnerRule]) {
    let rows = rules.iter().map(views::owner_rule);
    output.result(&json!({"Rules": rows.collect::<Vec<_>>()}), || {
        let headers = ["Source", "Kind", "Key", "CompanyID", "OrganizationID", "ResourceID", "ResourceName"];
        let rows = rules.iter().map(|OwnerRule { source, kind, key, owner }| {
            vec![
                printable(source),
                printable(kind),
                printable(key),
                owner.company_id.to_string(),
                owner.organization_id.to_string(),
                printable(&owner.resource_id),
                printable(&owner.resource_name),
            ]
        });
        table(&headers, rows)
    });
}
