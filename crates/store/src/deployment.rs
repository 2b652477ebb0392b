//! What a deployment is: the settings that decide about money, whether its database was moved, and the number by which
//! a file outside the database notices that it became older.

use tollbook_domain::tenant::Company;

use crate::error::StoreResult;

/// Where a copy of a database is used instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The target of the copy, without a password.
    pub to: String,
    /// When the copy began, Unix seconds.
    pub at_s: i64,
    /// Whether the copy is complete. Nothing is written to the source while it is being made, either.
    pub is_done: bool,
}

/// The state of a deployment's database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentState {
    /// Tells the deployment from every other one; empty until the first write. Copies have the id of their source.
    pub deployment_id: String,
    /// Counts the changes of the settings; 0 while there are none.
    pub settings_version: i64,
    /// Rises with commits: at least once a second while a process commits.
    pub mark_no: i64,
    /// Where the database was moved to; nothing is written to it then.
    pub moved: Option<Moved>,
}

/// A setting that decides about money: its name, as in the configuration file, and its value.
pub type DeploymentSetting = (String, String);

/// Everything that a database says about its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The state.
    pub state: DeploymentState,
    /// The settings that decide about money.
    pub settings: Vec<DeploymentSetting>,
    /// The companies, by number.
    pub companies: Vec<Company>,
}

/// Reads of what a deployment is.
pub trait DeploymentReads {
    /// The state of the database.
    fn deployment_state(&mut self) -> StoreResult<DeploymentState>;

    /// The settings that decide about money, by name; none if no process has stored them yet.
    fn deployment_settings(&mut self) -> StoreResult<Vec<DeploymentSetting>>;
}

/// Changes of what a deployment is.
pub trait DeploymentWrites {
    /// Replaces the settings that decide about money, and counts the change.
    fn set_deployment_settings(&mut self, settings: &[DeploymentSetting]) -> StoreResult<()>;

    /// Names the deployment; its database must have no id yet.
    fn set_deployment_id(&mut self, id: &str) -> StoreResult<()>;
}
