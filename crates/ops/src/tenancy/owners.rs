//! Who usage belongs to that other programs report: changes of the rules, and the rules in memory for servers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tollbook_domain::field_rules::Refused;
pub use tollbook_domain::{Owner, OwnerMap, OwnerRule};
use tollbook_formats::FileError;
use tollbook_formats::owners::{LocatedOwnerRule, load};
pub use tollbook_store::PutOwners;
use tollbook_store::{Snapshot, Store, StoreError, StoreResult};

use super::directory::TenantDirectory;
use crate::audit::{ActKind, record};

/// Rules that one entry of the audit log names.
const MAX_AUDITED_RULES: usize = 100;

/// Why rules were not written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// A rule breaks a rule for rules.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A file cannot be read, or states a rule that is refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rule to remove does not exist.
    #[error("there is no rule for {kind} {key:?} of {source_name}")]
    Unknown {
        /// Source of the rule.
        source_name: String,
        /// Kind of the rule.
        kind: String,
        /// Key of the rule.
        key: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a rule, or replaces the one of its source, kind and key.
///
/// # Errors
/// The rule is refused, its company or organization does not exist, or the store fails.
pub fn put_rule(store: &dyn Store, rule: &OwnerRule) -> Result<PutOwners, OwnerError> {
    rule.check()?;
    if let Some(refused) = unknown_tenant(store, &mut TenantDirectory::default(), rule)? {
        return Err(refused.into());
    }
    Ok(write(store, std::slice::from_ref(rule))?)
}

/// Adds the rules of a file, or replaces those of the same source, kind and key: all of them or none.
///
/// # Errors
/// The first rule that is refused, with file, line and field, or that of the store.
pub fn import_rules(store: &dyn Store, file: &Path) -> Result<PutOwners, OwnerError> {
    let located = load(file)?;
    let mut directory = TenantDirectory::default();
    for LocatedOwnerRule { line, rule } in &located {
        if let Some(Refused { field, reason }) = unknown_tenant(store, &mut directory, rule)? {
            let (file, line) = (file.to_owned(), Some(*line));
            return Err(FileError { file, line, key: field.to_owned(), reason }.into());
        }
    }
    let rules: Vec<OwnerRule> = located.into_iter().map(|located| located.rule).collect();
    Ok(write(store, &rules)?)
}

/// Removes a rule.
///
/// # Errors
/// There is no such rule, or the store fails.
pub fn remove_rule(store: &dyn Store, source: &str, kind: &str, key: &str) -> Result<(), OwnerError> {
    let mut transaction = store.begin()?;
    let known = transaction.owner_rules()?.into_iter().find(|rule| name_of(rule) == (source, kind, key));
    if !transaction.remove_owner_rule(source, kind, key)? {
        let [source_name, kind, key] = [source, kind, key].map(ToOwned::to_owned);
        return Err(OwnerError::Unknown { source_name, kind, key });
    }
    if let Some(rule) = known {
        let company_id = rule.owner.company_id;
        record(transaction.as_mut(), ActKind::RuleRemove, company_id, &json!([audited(&rule)]), &Value::Null);
    }
    Ok(transaction.commit()?)
}

/// Why the owner that a rule names does not exist. Companies and organizations are never deleted, so this needs no lock.
fn unknown_tenant(
    store: &dyn Store,
    directory: &mut TenantDirectory,
    rule: &OwnerRule,
) -> StoreResult<Option<Refused>> {
    let Owner { company_id, organization_id, .. } = rule.owner;
    let refuse = |field, reason| Ok(Some(Refused { field, reason }));
    match directory.get_or_load(store, company_id)? {
        None => refuse("company_id", format!("company {company_id} does not exist")),
        Some(tenant) if !tenant.organizations.contains_key(&organization_id) => {
            refuse("organization_id", format!("company {company_id} has no organization {organization_id}"))
        }
        Some(_) => Ok(None),
    }
}

fn name_of(rule: &OwnerRule) -> (&str, &str, &str) {
    (&rule.source, &rule.kind, &rule.key)
}

/// What the audit log says of a rule.
fn audited(rule: &OwnerRule) -> Value {
    json!({
        "Source": rule.source,
        "Kind": rule.kind,
        "Key": rule.key,
        "CompanyID": rule.owner.company_id,
        "OrganizationID": rule.owner.organization_id,
        "ResourceID": rule.owner.resource_id,
    })
}

/// The first rules of many, and how many there are.
fn bounded(rules: Vec<Value>) -> Value {
    if rules.len() <= MAX_AUDITED_RULES {
        return Value::Array(rules);
    }
    json!({"Rules": rules.len(), "First": rules[..MAX_AUDITED_RULES]})
}

fn write(store: &dyn Store, rules: &[OwnerRule]) -> StoreResult<PutOwners> {
    let mut transaction = store.begin()?;
    let known: HashMap<(String, String, String), OwnerRule> = transaction
        .owner_rules()?
        .into_iter()
        .map(|rule| ((rule.source.clone(), rule.kind.clone(), rule.key.clone()), rule))
        .collect();
    let put = transaction.put_owner_rules(rules)?;
    // A rule concerns the company that it names now, and the one that it named before.
    let mut changes: BTreeMap<i64, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for rule in rules {
        let before = known.get(&(rule.source.clone(), rule.kind.clone(), rule.key.clone()));
        if before == Some(rule) {
            continue;
        }
        if let Some(before) = before {
            changes.entry(before.owner.company_id).or_default().0.push(audited(before));
        }
        changes.entry(rule.owner.company_id).or_default().1.push(audited(rule));
    }
    for (company_id, (before, after)) in changes {
        record(transaction.as_mut(), ActKind::RuleSet, company_id, &bounded(before), &bounded(after));
    }
    transaction.commit()?;
    Ok(put)
}

/// The rules in memory of a server or a long command. They are read again when they have changed.
#[derive(Debug, Default)]
pub struct Owners {
    loaded: Mutex<Option<(i64, Arc<OwnerMap>)>>,
}

impl Owners {
    /// The rules of a snapshot.
    ///
    /// # Errors
    /// Those of the store.
    pub fn current(&self, snapshot: &mut dyn Snapshot) -> StoreResult<Arc<OwnerMap>> {
        let version = snapshot.owner_version()?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, map)) = loaded.as_ref()
            && *known == version
        {
            return Ok(Arc::clone(map));
        }
        let map = Arc::new(OwnerMap::new(snapshot.owner_rules()?));
        *loaded = Some((version, Arc::clone(&map)));
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;
    use crate::tenancy::companies::{add_company, add_organization};

    fn rule(key: &str, company_id: i64, organization_id: i64) -> OwnerRule {
        let owner = Owner { company_id, organization_id, ..Owner::default() };
        OwnerRule { source: "litellm".into(), kind: "team".into(), key: key.into(), owner }
    }

    #[test]
    fn rules_need_a_known_owner_and_are_seen_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(&folder.path().join("t.db"), &StoreOptions::default()).unwrap();
        add_company(&*store, None, "one", "USD", "default").unwrap();
        add_organization(&*store, 1, "A").unwrap();
        let owners = Owners::default();
        let company = |key: &str| {
            let map = owners.current(store.snapshot().unwrap().as_mut()).unwrap();
            map.owner("litellm", &[("team", key)]).map(|owner| owner.company_id)
        };
        assert_eq!(company("blue"), None);
        let refused = |rule: &OwnerRule| put_rule(&*store, rule).unwrap_err().to_string();
        assert_eq!(refused(&rule("blue", 2, 1)), "company_id: company 2 does not exist");
        assert_eq!(refused(&rule("blue", 1, 2)), "organization_id: company 1 has no organization 2");
        assert_eq!(refused(&rule("", 1, 1)), "key: must not be empty");
        put_rule(&*store, &rule("blue", 1, 1)).unwrap();
        assert_eq!(company("blue"), Some(1));
        let file = folder.path().join("map.csv");
        let head = "source,kind,key,company_id,organization_id\n";
        std::fs::write(&file, format!("{head}litellm,team,red,1,1\nlitellm,team,blue,1,3\n")).unwrap();
        let failed = import_rules(&*store, &file).unwrap_err().to_string();
        let expected = format!("{}:3: organization_id: company 1 has no organization 3", file.display());
        assert_eq!(failed, expected);
        assert_eq!(company("red"), None, "a file is imported whole or not at all");
        std::fs::write(&file, format!("{head}litellm,team,red,1,1\nlitellm,team,blue,1,1\n")).unwrap();
        let put = import_rules(&*store, &file).unwrap();
        assert_eq!((put.added, put.changed, put.unchanged), (1, 0, 1));
        assert_eq!(company("red"), Some(1));
        remove_rule(&*store, "litellm", "team", "red").unwrap();
        assert_eq!(company("red"), None);
        let gone = remove_rule(&*store, "litellm", "team", "red").unwrap_err().to_string();
        assert_eq!(gone, "there is no rule for team \"red\" of litellm");
    }
}
