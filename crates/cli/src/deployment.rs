//! What the operator's commands work on: the data directory, the database, the configuration and the master key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::{Config, MasterKey, catalogue_file};
use tollbook_store::{Store, StoreOptions, open_postgres, open_sqlite};

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

/// Opens the database that the command line names, creating and migrating it where that is needed.
pub(crate) fn store(global: &Global) -> Result<Arc<dyn Store>, Failure> {
    let options = config(global)?.database;
    match global.database.as_deref() {
        None if global.read_database.is_some() => {
            Err(Failure::new("--read-database needs --database: a replica follows a database server"))
        }
        None => {
            let path = data_directory(global)?.join("tollbook.db");
            Ok(open_sqlite(&path, &options)?)
        }
        Some(url) => open(url, global.read_database.as_deref(), &options),
    }
}

/// Opens the database of a URL.
pub(crate) fn open(
    url: &str,
    read_url: Option<&str>,
    options: &StoreOptions,
) -> Result<Arc<dyn Store>, Failure> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match (scheme, read_url) {
        ("postgres" | "postgresql", _) => Ok(open_postgres(url, read_url, options)?),
        ("sqlite", None) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() {
                return Err(Failure::new("--database: sqlite:PATH names a file"));
            }
            Ok(open_sqlite(Path::new(path), options)?)
        }
        ("sqlite", Some(_)) => Err(Failure::new("--read-database: an SQLite file has no replicas")),
        _ => Err(Failure::new(
            "--database: must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
        )),
    }
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
