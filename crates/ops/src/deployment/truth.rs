//! Compares the settings of this process that decide about money with those of the deployment, before it writes.

use std::collections::BTreeSet;
use std::fmt;

use tollbook_domain::tenant::Company;
use tollbook_store::{ChainHead, DeploymentGuard, StoreError, StoreResult, Transaction};

use super::mark::Mark;
use crate::config::{MoneySettings, brand_of_setting, is_addition};
use crate::random;

/// Characters of the name of a deployment.
const ID_CHARACTERS: usize = 20;

/// How to write settings on purpose that the deployment does not have.
const ADOPT: &str = "To make these settings those of the deployment on purpose, run `tollbook deployment adopt` with the \
                     same --config, and with --yes after reading what it shows; otherwise start with the deployment's \
                     configuration file (--config)";

/// A setting in which this process and the deployment differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name, as in the configuration file.
    pub name: String,
    /// The value that the deployment has; `None` if it has none.
    pub stored: Option<String>,
    /// The value that this process has.
    pub here: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| match value.as_deref() {
            None => "nothing".to_owned(),
            Some(text) => format!("\"{}\"", text.replace('\n', ", ")),
        };
        write!(
            f,
            "{}: the deployment has {}, this process {}",
            self.name,
            shown(&self.stored),
            shown(&self.here)
        )
    }
}

/// The settings in which a process and the deployment differ. Settings of a brand count once it has a company. A unit
/// that is new in the catalogue changes nothing that is there, nor does a setting that the deployment has not heard of.
pub fn differences(stored: &MoneySettings, here: &MoneySettings, companies: &[Company]) -> Vec<Difference> {
    let brands: BTreeSet<&str> = companies.iter().map(|company| company.brand.as_str()).collect();
    let names: BTreeSet<&String> = stored.keys().chain(here.keys()).collect();
    names
        .into_iter()
        .filter(|name| {
            let (stored, here) = (stored.get(*name), here.get(*name));
            match brand_of_setting(name) {
                Some(brand) if !brands.contains(brand) => false,
                // The brand is not configured; `unknown_brand` refuses its companies.
                Some(_) if here.is_none() || stored.is_none() => false,
                None if stored.is_none() && (is_addition(name) || !name.starts_with("catalogue.")) => false,
                // A setting that only another version of the program has.
                None if here.is_none() && name.starts_with("charging.") => false,
                _ => stored != here,
            }
        })
        .map(|name| Difference {
            name: name.clone(),
            stored: stored.get(name).cloned(),
            here: here.get(name).cloned(),
        })
        .collect()
}

/// What one process knows about its deployment. As the guard of a store it refuses to write if that differs from the
/// database.
pub struct Truth {
    /// What its configuration decides about money.
    pub settings: MoneySettings,
    /// Whether a configuration file, or a server by its start, states the settings. Only stated settings
    /// are stored.
    pub is_stated: bool,
    /// What is wrong with the database as a whole, so that nothing may be written.
    pub fault: Option<String>,
    /// The file that remembers how far the database was.
    pub mark: Mark,
}

impl Truth {
    /// Why this process must not write to a database with these settings and companies; `None` if it may.
    pub fn refusal(&self, stored: &MoneySettings, companies: &[Company]) -> Option<String> {
        if let Some(fault) = &self.fault {
            return Some(fault.clone());
        }
        let found = if stored.is_empty() { vec![] } else { differences(stored, &self.settings, companies) };
        if !found.is_empty() {
            let listed: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Some(format!(
                "this process has other settings than the deployment, and they decide about money. {}. {ADOPT}",
                listed.join("; ")
            ));
        }
        unknown_brand(&self.settings, companies)
    }
}

/// Why a process with these settings cannot charge one of the companies: its brand is not configured.
pub fn unknown_brand(settings: &MoneySettings, companies: &[Company]) -> Option<String> {
    let unknown = companies
        .iter()
        .find(|company| !settings.contains_key(&format!("brand.{}.channel", company.brand)))?;
    Some(format!(
        "company {} belongs to the brand \"{}\", which is not configured here, so it is not known how to charge it: \
         start with the configuration file that has the section [brand.{}] (--config)",
        unknown.company_id, unknown.brand, unknown.brand
    ))
}

impl DeploymentGuard for Truth {
    fn check(&self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        let stored: MoneySettings = transaction.deployment_settings()?.into_iter().collect();
        let companies = transaction.companies()?;
        if let Some(refusal) = self.refusal(&stored, &companies) {
            return Err(StoreError::OtherSettings(refusal));
        }
        if transaction.deployment_state()?.deployment_id.is_empty() {
            transaction.set_deployment_id(&random::token_lower(ID_CHARACTERS))?;
        }
        if !self.is_stated {
            return Ok(());
        }
        // What the deployment does not have yet is added; what it has of brands without companies is kept.
        let mut merged = stored.clone();
        merged.extend(self.settings.clone());
        if merged != stored {
            transaction.set_deployment_settings(&merged.into_iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn is_mark_due(&self) -> bool {
        self.mark.is_due()
    }

    fn keep_mark(&self, deployment_id: &str, mark_no: i64) {
        self.mark.keep(deployment_id, mark_no);
    }

    fn keep_audit(&self, deployment_id: &str, heads: &[ChainHead]) {
        self.mark.audit().keep(deployment_id, heads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> MoneySettings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn company(brand: &str) -> Company {
        Company { company_id: 3, name: "A".into(), currency: "CNY".into(), brand: brand.into() }
    }

    #[test]
    fn only_what_decides_about_money_differs() {
        // stored | here | brands with companies | names that differ
        let table = "
            charging.sequence=cash       | charging.sequence=cash           |      |
            charging.sequence=cash       | charging.sequence=bonus          |      | charging.sequence
            charging.sequence=cash       |                                  |      |
                                         | charging.sequence=cash           |      |
            brand.a.channel=1            | brand.a.channel=2                |      |
            brand.a.channel=1            | brand.a.channel=2                | a    | brand.a.channel
            brand.a.channel=1            |                                  | a    |
            catalogue.pricing_unit.300=1 | catalogue.pricing_unit.300=2     |      | catalogue.pricing_unit.300
            catalogue.pricing_unit.300=1 |                                  |      | catalogue.pricing_unit.300
                                         | catalogue.pricing_unit.300=2     |      |
                                         | catalogue.sku.x=true             |      | catalogue.sku.x
            catalogue.sku.x=true         |                                  |      | catalogue.sku.x";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let of = |text: &str| settings(&text.split_once('=').into_iter().collect::<Vec<_>>());
            let companies: Vec<Company> = cells[2].split_whitespace().map(company).collect();
            let found = differences(&of(cells[0]), &of(cells[1]), &companies);
            let names: Vec<&str> = found.iter().map(|difference| difference.name.as_str()).collect();
            assert_eq!(names.join(" "), cells[3], "{row}");
        }
    }

    #[test]
    fn a_difference_is_said_with_both_values() {
        let found = differences(
            &settings(&[("charging.sequence", "cash\nbonus")]),
            &settings(&[("charging.sequence", "bonus")]),
            &[],
        );
        assert_eq!(
            found[0].to_string(),
            "charging.sequence: the deployment has \"cash, bonus\", this process \"bonus\""
        );
    }

    #[test]
    fn a_company_of_a_brand_without_settings_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let truth = Truth {
            settings: settings(&[("brand.default.channel", "1")]),
            is_stated: true,
            fault: None,
            mark: Mark::new(folder.path(), "sqlite:x"),
        };
        assert_eq!(truth.refusal(&MoneySettings::new(), &[company("default")]), None);
        let refused = truth.refusal(&MoneySettings::new(), &[company("acme")]).unwrap();
        assert!(refused.contains("company 3 belongs to the brand \"acme\""), "{refused}");
    }
}
