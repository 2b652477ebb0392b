//! The packages of the workspace, by the names under which a person may ask for them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::step::{self, Outcome};
use crate::workspace::{self, Workspace};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// The folder of its manifest.
    pub(super) folder: PathBuf,
    pub(super) has_library: bool,
    id: String,
}

pub(super) struct Packages(Vec<Package>);

impl Packages {
    pub(super) fn read(workspace: &Workspace) -> Outcome<Self> {
        let mut cargo = Command::new(workspace::cargo());
        cargo.current_dir(workspace.root()).args(["metadata", "--no-deps", "--format-version", "1"]);
        Self::parse(&step::output(&mut cargo)?)
    }

    fn parse(metadata: &str) -> Outcome<Self> {
        let metadata: Value =
            serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let packages: Option<Vec<Package>> = packages.map(package).collect();
        packages.map(Self).ok_or_else(|| "cargo metadata: a package without a name".to_owned())
    }

    /// Each named package once, in the order of the workspace; all of them when none is named. A name is the package's,
    /// that without `tollbook-`, or its folder's.
    pub(super) fn choose(&self, names: &[String]) -> Outcome<Vec<&Package>> {
        for name in names {
            if !self.0.iter().any(|package| package.is_called(name)) {
                let known: Vec<&str> = self.0.iter().filter_map(Package::folder_name).collect();
                return Err(format!("there is no crate {name}: there are {}", known.join(", ")));
            }
        }
        let is_named =
            |package: &&Package| names.is_empty() || names.iter().any(|name| package.is_called(name));
        Ok(self.0.iter().filter(is_named).collect())
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Package> {
        self.0.iter().find(|package| package.id == id)
    }
}

impl Package {
    fn is_called(&self, name: &str) -> bool {
        self.name == name
            || self.name.strip_prefix("tollbook-") == Some(name)
            || self.folder_name() == Some(name)
    }

    fn folder_name(&self) -> Option<&str> {
        self.folder.file_name()?.to_str()
    }
}

fn package(value: &Value) -> Option<Package> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let targets = value["targets"].as_array().into_iter().flatten();
    let kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        folder: PathBuf::from(text("manifest_path")?).parent()?.to_path_buf(),
        has_library: kinds.into_iter().any(|kind| kind == "lib"),
        id: text("id")?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A library and a program.
    pub(crate) fn two() -> Packages {
        let package = |name: &str, folder: &str, kind: &str| {
            format!(
                r#"{{"name": "{name}", "version": "0.1.0", "id": "path+{name}", "manifest_path": "/r/{folder}/Cargo.toml",
                    "targets": [{{"kind": ["{kind}"]}}, {{"kind": ["test"]}}]}}"#
            )
        };
        let store = package("tollbook-store", "crates/store", "lib");
        let cli = package("tollbook", "crates/cli", "bin");
        Packages::parse(&format!(r#"{{"packages": [{store}, {cli}]}}"#)).expect("metadata")
    }

    #[test]
    fn names_of_a_crate() {
        let packages = two();
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let chosen = packages.choose(&names)?;
            Ok::<_, String>(chosen.into_iter().map(|package| package.name.clone()).collect::<Vec<_>>())
        };
        for name in ["store", "tollbook-store"] {
            assert_eq!(chosen(&[name]), Ok(vec!["tollbook-store".to_owned()]), "{name}");
        }
        for name in ["cli", "tollbook"] {
            assert_eq!(chosen(&[name]), Ok(vec!["tollbook".to_owned()]), "{name}");
        }
        assert_eq!(chosen(&["cli", "store", "store"]).map(|names| names.len()), Ok(2));
        assert_eq!(chosen(&[]).map(|names| names.len()), Ok(2));
        assert_eq!(chosen(&["stone"]), Err("there is no crate stone: there are store, cli".to_owned()));
    }

    #[test]
    fn libraries() {
        let packages = two();
        assert!(packages.by_id("path+tollbook-store").expect("there").has_library);
        assert!(!packages.by_id("path+tollbook").expect("there").has_library);
        assert!(Packages::parse("{").is_err());
    }
}
