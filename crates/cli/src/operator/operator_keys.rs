//! `operator-key`: keys of gateways and other programs of the operator.

use serde_json::json;
use tollbook_domain::OperatorRole;
use tollbook_ops::tenancy::operator_keys;

use tollbook_store::OperatorKey;

use super::context::{CommandContext, now_s, time_text};
use crate::arguments::{Global, OperatorKeyCommand};
use crate::output::{Failure, Output, note, printable, table};

fn role_names(key: &OperatorKey) -> Vec<&'static str> {
    key.roles.iter().map(|role| role.name()).collect()
}

pub(crate) fn operator_key(
    global: &Global,
    command: &OperatorKeyCommand,
    output: &Output,
) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        OperatorKeyCommand::Add { name, role } => {
            let keys = context.store.snapshot()?.operator_keys()?;
            let same = keys.iter().filter(|key| !key.disabled && key.name == name.trim()).count();
            if same > 0 {
                note(&printable(&format!(
                    "{same} other enabled keys have the name {:?}; `tollbook operator-key disable` disables all keys of a name",
                    name.trim()
                )));
            }
            let mut roles: Vec<OperatorRole> = role.iter().map(|role| OperatorRole::from(*role)).collect();
            if roles.is_empty() {
                roles.push(OperatorRole::Usage);
            }
            let store = context.store.as_ref();
            let key = operator_keys::add_operator_key_with(store, name, &roles, now_s())?;
            output.result(&json!({"Name": name, "OperatorKey": key}), || {
                format!("{key}\nThe key is shown only now: the database keeps its digest.")
            });
        }
        OperatorKeyCommand::List => {
            let keys = context.store.snapshot()?.operator_keys()?;
            let rows = keys
                .iter()
                .map(|key| json!({"Name": key.name, "Created": key.created_s, "Disabled": key.disabled, "Roles": role_names(key)}));
            output.result(&json!({"OperatorKeys": rows.collect::<Vec<_>>()}), || {
                let rows = keys.iter().map(|key| {
                    let state = if key.disabled { "disabled" } else { "" };
                    let roles = role_names(key).join(" ");
                    vec![printable(&key.name), time_text(key.created_s), roles, state.to_owned()]
                });
                table(&["Name", "Created", "Roles", ""], rows)
            });
        }
        OperatorKeyCommand::Disable { name } => {
            let disabled = operator_keys::disable_operator_keys(context.store.as_ref(), name)?;
            output.result(&json!({"Name": name, "Disabled": disabled}), || format!("{disabled} disabled"));
        }
    }
    Ok(())
}
