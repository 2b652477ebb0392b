//! `status`: what needs a person, and what to type for each.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_ops::status::{DeploymentStatus, KEY_DAYS, deployment_status};

use super::accounts::account_table;
use super::context::{CommandContext, now_s, time_text};
use super::unpriced::{group_table, with_risk};
use crate::arguments::Global;
use crate::output::{Failure, Output, printable, table};

/// Models of unpriced usage that are shown; --json has all.
const SHOWN_MODELS: usize = 10;

pub(crate) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let status = deployment_status(&context.charging(), now_s())?;
    let value = value_of(&status);
    if !status.needs_attention() {
        output.result(&value, || format!("nothing needs a person; {} companies", status.companies));
        return Ok(());
    }
    output.result(&value, || text_of(&status));
    Err(Failure::new("something needs a person").printed())
}

fn value_of(status: &DeploymentStatus) -> Value {
    let DeploymentStatus { unpriced, at_risk, accounts, webhooks, .. } = status;
    let models = unpriced.groups.iter().zip(at_risk).map(|(group, risks)| with_risk(group, risks));
    let failed = status.failed_exports.iter().map(|job| {
        json!({
            "CompanyID": job.submitted.company_id, "JobID": job.submitted.job_id, "Created": job.submitted.created_s,
            "Reason": job.outcome,
        })
    });
    json!({
        "NeedsAttention": status.needs_attention(),
        "Companies": status.companies,
        "UnpricedRecords": unpriced.records,
        "UnpricedModels": models.collect::<Vec<_>>(),
        "Accounts": accounts.iter().map(views::company_account).collect::<Vec<_>>(),
        "LateHours": status.late_hours,
        "OldestLateHour": status.oldest_late_s,
        "FailedExports": failed.collect::<Vec<_>>(),
        "DeadWebhooks": webhooks.dead_letters,
        "DisabledEndpoints": webhooks.disabled_endpoints,
        "EndingKeys": status.ending_keys.iter().map(|key| views::key(key, None)).collect::<Vec<_>>(),
    })
}

fn text_of(status: &DeploymentStatus) -> String {
    let DeploymentStatus { unpriced, at_risk, accounts, webhooks, .. } = status;
    let mut parts: Vec<String> = Vec::new();
    if unpriced.records > 0 {
        let shown = unpriced.groups.get(..SHOWN_MODELS).unwrap_or(&unpriced.groups);
        parts.push(format!(
            "Usage without a price: {} records of {} models (tollbook usage unpriced --summary)\n{}",
            unpriced.records,
            unpriced.all_groups,
            group_table(shown, at_risk)
        ));
    }
    if !accounts.is_empty() {
        let rows: Vec<Value> = accounts.iter().map(views::company_account).collect();
        parts.push(format!(
            "Companies that owe, are close to their credit limit or run dry: {} (tollbook account list)\n{}",
            accounts.len(),
            account_table(&rows)
        ));
    }
    if status.late_hours > 0 {
        let oldest = status.oldest_late_s.map(time_text).unwrap_or_default();
        parts.push(format!(
            "Hours that are due and not closed: {}, the oldest ended at {oldest} (is a server running? tollbook settle)",
            status.late_hours
        ));
    }
    if !status.failed_exports.is_empty() {
        let rows = status.failed_exports.iter().map(|job| {
            let submitted = &job.submitted;
            vec![
                submitted.company_id.to_string(),
                submitted.job_id.clone(),
                time_text(submitted.created_s),
                printable(&job.outcome),
            ]
        });
        parts.push(format!("Failed exports\n{}", table(&["CompanyID", "JobID", "Asked", "Reason"], rows)));
    }
    if webhooks.dead_letters > 0 || webhooks.disabled_endpoints > 0 {
        parts.push(format!(
            "Webhooks: {} deliveries given up, {} endpoints disabled (tollbook webhook deliveries --failed)",
            webhooks.dead_letters, webhooks.disabled_endpoints
        ));
    }
    if !status.ending_keys.is_empty() {
        let rows = status.ending_keys.iter().map(|key| {
            vec![
                key.company_id.to_string(),
                key.public_key.clone(),
                printable(&key.name),
                key.expires_s.map(time_text).unwrap_or_default(),
            ]
        });
        parts.push(format!(
            "Keys that end within {KEY_DAYS} days (tollbook key rotate)\n{}",
            table(&["CompanyID", "PublicKey", "Name", "Ends"], rows)
        ));
    }
    parts.join("\n\n")
}
