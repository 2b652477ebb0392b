//! `deployment`: shows what all processes of the deployment agree on, and changes it on purpose.

use serde_json::{Value, json};
use tollbook_ops::audit::ActKind;
use tollbook_ops::config::{MoneySettings, brand_of_setting};
use tollbook_ops::deployment::{Difference, Mark, differences, unknown_brand};
use tollbook_store::{Act, DEPLOYMENT_CHAIN, Deployed, OpenDatabase};

use super::context::{now_s, time_text};
use crate::actor;
use crate::arguments::{DeploymentCommand, Global};
use crate::deployment;
use crate::output::{Failure, Output, printable, table};

pub(crate) fn run(global: &Global, command: &DeploymentCommand, output: &Output) -> Result<(), Failure> {
    let view = View::open(global)?;
    match command {
        DeploymentCommand::Show => view.show(output),
        DeploymentCommand::Adopt { yes } => view.adopt(*yes, output)?,
    }
    Ok(())
}

/// What the database has stored, and what this process has.
struct View {
    database: OpenDatabase,
    deployed: Deployed,
    stored: MoneySettings,
    here: MoneySettings,
    mark: Mark,
    fault: Option<String>,
}

impl View {
    fn open(global: &Global) -> Result<Self, Failure> {
        let mut config = deployment::config(global)?;
        let mut catalogue = deployment::load_catalogue(&config)?;
        let url = deployment::database_url(global, &config);
        let mark = deployment::mark_of(global, &url)?;
        deployment::refuse_absent(global, &config, &url, &mark)?;
        let database = deployment::connect_all(global, &url, &config.database)?;
        database.prepare()?;
        let remembered = mark.content();
        let deployed = database.deployed()?;
        let stored: MoneySettings = deployed.settings.iter().cloned().collect();
        // A process without a configuration file has what is stored.
        if deployment::config_file(global).is_none() {
            config.apply_money_settings(&mut catalogue, &stored).map_err(|name| {
                Failure::new(format!("the database has a value of {name} that this program cannot read"))
            })?;
        }
        let here = config.money_settings(&catalogue);
        let fault = mark.compare(remembered, &deployed.state).err().map(|fault| fault.to_string());
        Ok(Self { database, deployed, stored, here, mark, fault })
    }

    fn differences(&self) -> Vec<Difference> {
        if self.stored.is_empty() {
            return Vec::new();
        }
        differences(&self.stored, &self.here, &self.deployed.companies)
    }

    fn value(&self) -> Value {
        let settings: serde_json::Map<String, Value> =
            self.stored.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let differences: Vec<Value> = (self.differences().iter())
            .map(|found| json!({"Name": found.name, "Stored": found.stored, "Here": found.here}))
            .collect();
        let moved = self.deployed.state.moved.as_ref();
        json!({
            "DeploymentID": self.deployed.state.deployment_id,
            "Mark": self.deployed.state.mark_no,
            "Settings": settings,
            "Differences": differences,
            "MovedTo": moved.map(|moved| &moved.to),
            "MovedAt": moved.map(|moved| moved.at_s),
            "Fault": self.fault,
        })
    }

    fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.stored.is_empty() {
            parts.push("No settings are stored yet: no server has been started, and no command with a configuration file \
                        has written.".to_owned());
        } else {
            let rows = self
                .stored
                .iter()
                .map(|(name, value)| vec![printable(name), printable(&value.replace('\n', ", "))]);
            parts.push(table(&["Setting", "Value"], rows));
        }
        parts.extend(self.differences().iter().map(|found| printable(&found.to_string())));
        if let Some(moved) = &self.deployed.state.moved {
            let done = if moved.is_done { "moved" } else { "being moved" };
            parts.push(format!("The database was {done} to {} at {}.", moved.to, time_text(moved.at_s)));
        }
        parts.extend(self.fault.clone());
        parts.join("\n")
    }

    fn show(&self, output: &Output) {
        output.result(&self.value(), || self.text());
    }

    fn adopt(&self, yes: bool, output: &Output) -> Result<(), Failure> {
        if let Some(refusal) = unknown_brand(&self.here, &self.deployed.companies) {
            return Err(Failure::new(refusal));
        }
        if yes {
            // Brands that this process does not know have no companies; what is stored of them is kept.
            let mut settings = self.stored.clone();
            settings.retain(|name, _| brand_of_setting(name).is_some());
            settings.extend(self.here.clone());
            let stated = |settings: &MoneySettings| serde_json::json!(settings).to_string();
            let act = Act {
                company_id: DEPLOYMENT_CHAIN,
                name: ActKind::DeploymentAdopt.name(),
                before: stated(&self.stored),
                after: stated(&settings),
                reason: self.fault.clone().unwrap_or_default(),
            };
            let (actor, now_s) = (actor::shell(), now_s());
            let settings: Vec<_> = settings.into_iter().collect();
            self.database.adopt_by(&settings, Some((&actor, now_s, act)))?;
            self.mark.forget()?;
        }
        let mut value = self.value();
        value["Adopted"] = yes.into();
        output.result(&value, || {
            let done = if yes {
                "These differences are no more: the deployment has the settings of this process, and its database is used \
                 as it is. Servers that have other settings write nothing until they are started with these."
            } else {
                "Nothing was changed; --yes gives the deployment the settings of this process, and uses the database as it is."
            };
            format!("{}\n{done}", self.text())
        });
        Ok(())
    }
}
