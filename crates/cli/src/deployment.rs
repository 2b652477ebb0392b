//! The deployment that operator commands work on: data directory, database, configuration and master key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::{Config, MasterKey};
use tollbook_store::{OpenDatabase, Store, StoreOptions, connect_postgres, connect_sqlite};

use crate::arguments::Global;
use crate::output::Failure;

/// The environment variable with the master key in hexadecimal. If it is not set, the key is in the file `master.key` of
/// the data directory.
const MASTER_KEY_VARIABLE: &str = "TOLLBOOK_MASTER_KEY";

/// Creates the data directory if it is absent. It may hold other files.
pub(crate) fn data_directory(global: &Global) -> Result<&Path, Failure> {
    std::fs::create_dir_all(&global.data)
        .map_err(|error| Failure::new(format!("the data directory {}: {error}", global.data.display())))?;
    Ok(&global.data)
}

/// Creates the directory for temporary files if it is absent.
pub(crate) fn spool_directory(global: &Global) -> Result<PathBuf, Failure> {
    let spool = global.data.join("spool");
    std::fs::create_dir_all(&spool)
        .map_err(|error| Failure::new(format!("the spool directory {}: {error}", spool.display())))?;
    Ok(spool)
}

/// Opens the database that the command line names. Creates and migrates it if necessary.
pub(crate) fn store(global: &Global) -> Result<Arc<dyn Store>, Failure> {
    let options = config(global)?.database;
    let url = database_url(global)?;
    let database = match (&global.read_database, sqlite_path(&url)) {
        (None, _) => connect("--database", &url, &options)?,
        (Some(read_url), None) => connect_postgres(&url, Some(read_url), &options)?,
        (Some(_), Some(_)) => {
            return Err(Failure::new(
                "--read-database: an SQLite file has no replicas; it needs a PostgreSQL --database",
            ));
        }
    };
    Ok(database.into_store(&options)?)
}

/// The URL of the database: the one on the command line, or SQLite in the data directory.
pub(crate) fn database_url(global: &Global) -> Result<String, Failure> {
    match &global.database {
        Some(url) => Ok(url.clone()),
        None => Ok(format!("sqlite:{}", data_directory(global)?.join("tollbook.db").display())),
    }
}

/// The file of an SQLite URL.
pub(crate) fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}

/// Connects to the database of a URL. `argument` names the URL's source in errors.
pub(crate) fn connect(argument: &str, url: &str, options: &StoreOptions) -> Result<OpenDatabase, Failure> {
    if let Some(path) = sqlite_path(url) {
        if path.as_os_str().is_empty() {
            return Err(Failure::new(format!("{argument}: sqlite:PATH must name a file")));
        }
        return Ok(connect_sqlite(path, options)?);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(connect_postgres(url, None, options)?);
    }
    Err(Failure::new(format!(
        "{argument}: must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )))
}

/// The configuration: the file on the command line, or `tollbook.toml` in the data directory, or the defaults.
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

/// Whether there is a configuration file. Without one, the configured brands are unknown.
pub(crate) fn has_config(global: &Global) -> bool {
    config_file(global).is_some()
}

/// The built-in catalogue with the changes of the configured catalogue file.
pub(crate) fn catalogue(config: &Config) -> Result<Arc<Catalogue>, Failure> {
    Ok(Arc::new(tollbook_formats::catalogue::load(config.catalogue.as_deref())?))
}

/// The master key. Fails if the database was created with another one.
pub(crate) fn master_key(global: &Global, store: &dyn Store) -> Result<MasterKey, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret may come from the environment, but not from an argument"
    )]
    let given = std::env::var(MASTER_KEY_VARIABLE);
    let master = match given {
        Ok(hex) => MasterKey::from_hex(&hex)?,
        Err(_) => MasterKey::open_or_create(&data_directory(global)?.join("master.key"))?,
    };
    master.bind(store)?;
    Ok(master)
}
