//! What the operator's commands work on: the data directory, the database, the configuration and the master key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::{Config, MasterKey, catalogue_file};
use tollbook_store::{Store, StoreOptions, open_sqlite};

use crate::arguments::Global;
use crate::output::Failure;

/// The master key, in hexadecimal; without it, the file `master.key` of the data directory holds it.
const MASTER_KEY_VARIABLE: &str = "TOLLBOOK_MASTER_KEY";

/// Makes the data directory where it is absent. One that holds other files is fine.
pub(crate) fn data_directory(global: &Global) -> Result<&Path, Failure> {
    std::fs::create_dir_all(&global.data)
        .map_err(|error| Failure::new(format!("the data directory {}: {error}", global.data.display())))?;
    Ok(&global.data)
}

/// Opens the database, creating and migrating it where that is needed.
pub(crate) fn store(global: &Global) -> Result<Arc<dyn Store>, Failure> {
    let data = data_directory(global)?;
    let path = match global.database.as_deref() {
        None => data.join("tollbook.db"),
        Some(url) => {
            let path = url.strip_prefix("sqlite:").ok_or_else(|| {
                let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
                Failure::new(format!(
                    "--database: {scheme} is not supported; sqlite:PATH is the database of this version"
                ))
            })?;
            PathBuf::from(path.strip_prefix("//").unwrap_or(path))
        }
    };
    Ok(open_sqlite(&path, &StoreOptions::default())?)
}

/// The configuration: the file that was named, or `tollbook.toml` of the data directory, or the defaults.
pub(crate) fn config(global: &Global) -> Result<Config, Failure> {
    Ok(match config_file(global) {
        Some(file) => Config::load(&file)?,
        None => Config::default(),
    })
}

fn config_file(global: &Global) -> Option<PathBuf> {
    let default = global.data.join("tollbook.toml");
    global.config.clone().or_else(|| default.is_file().then_some(default))
}

/// Whether brands can be checked: without a configuration file they are not known here.
pub(crate) fn has_config(global: &Global) -> bool {
    config_file(global).is_some()
}

/// The catalogue that a configuration names, over the built-in one.
pub(crate) fn catalogue(config: &Config) -> Result<Arc<Catalogue>, Failure> {
    Ok(Arc::new(catalogue_file::load(config.catalogue.as_deref())?))
}

/// The master key, checked against the database's fingerprint.
pub(crate) fn master_key(global: &Global, store: &dyn Store) -> Result<MasterKey, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one secret that may come from the environment; no argument may hold it"
    )]
    let given = std::env::var(MASTER_KEY_VARIABLE);
    let master = match given {
        Ok(hex) => MasterKey::from_hex(&hex)?,
        Err(_) => MasterKey::open_or_create(&data_directory(global)?.join("master.key"))?,
    };
    master.bind(store)?;
    Ok(master)
}
