//! The deployment that operator commands work on: data directory, database, configuration and master key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbook_domain::Catalogue;
use tollbook_ops::config::MoneySettings;
use tollbook_ops::config::check::check_file;
use tollbook_ops::deployment::{Mark, MarkFault, Truth};
use tollbook_ops::{Config, MasterKey, SecretError};
use tollbook_store::{OpenDatabase, Store, StoreOptions, connect_postgres, connect_sqlite, database_name};

use crate::actor;
use crate::arguments::{Global, command_name};
use crate::output::{Failure, note};
use crate::private_files;

/// The environment variable with the master key in hexadecimal. If it is not set, the key is in the file `master.key` of
/// the data directory.
const MASTER_KEY_VARIABLE: &str = "TOLLBOOK_MASTER_KEY";
/// The file of the master key in the data directory.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";
/// The database in the data directory.
const DATABASE_FILE: &str = "tollbook.db";

/// An opened deployment.
pub(crate) struct Deployment {
    pub(crate) store: Arc<dyn Store>,
    /// The configuration file, or without one what the database has stored of the deployment's, and defaults.
    pub(crate) config: Config,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// What a deployment is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A command. It may read a database that it must not write to, and says so.
    Command,
    /// A server. Its settings are the deployment's, so it does not start if they differ.
    Server,
}

/// Opens the deployment. Creates and migrates its database if necessary, except for a command that only reads.
pub(crate) fn open(global: &Global, purpose: Purpose) -> Result<Deployment, Failure> {
    let mut config = config(global)?;
    let mut catalogue = load_catalogue(&config)?;
    let url = database_url(global, &config);
    let mark = mark_of(global, &url)?;
    refuse_absent(global, &config, &url, &mark)?;
    let options = &config.database;
    let database = connect_all(global, &url, options)?;
    let store = database.into_store(options)?;
    let remembered = mark.content();
    let mut snapshot = store.snapshot()?;
    let state = snapshot.deployment_state()?;
    let stored: MoneySettings = snapshot.deployment_settings()?.into_iter().collect();
    let companies = snapshot.companies()?;
    drop(snapshot);
    let has_file = config_file(global).is_some();
    if !has_file {
        config.apply_money_settings(&mut catalogue, &stored).map_err(|name| {
            Failure::new(format!("the database has a value of {name} that this program cannot read"))
        })?;
    }
    let fault = match mark.compare(remembered, &state) {
        Err(missing @ MarkFault::Missing { .. }) => return Err(missing.into()),
        compared => compared.err().map(|fault| fault.to_string()),
    };
    let settings = config.money_settings(&catalogue);
    let truth = Truth { settings, is_stated: has_file || purpose == Purpose::Server, fault, mark };
    let refusal = truth.refusal(&stored, &companies);
    match (&refusal, purpose) {
        (Some(refusal), Purpose::Server) => return Err(Failure::new(refusal.as_str())),
        (Some(refusal), Purpose::Command) => note(&format!("the database is only read: {refusal}")),
        (None, _) => {}
    }
    if let Some(moved) = &state.moved {
        note(&format!("the database is only read: it was moved to {} by `tollbook database copy`", moved.to));
    }
    store.set_guard(Arc::new(truth));
    if purpose == Purpose::Server && state.moved.is_none() {
        // The settings of the first server are stored when it starts, not when it happens to write first.
        drop(store.begin()?);
    }
    let actor = match purpose {
        Purpose::Command => actor::shell(),
        Purpose::Server => actor::server(),
    };
    Ok(Deployment { store: actor::acting(store, actor), config, catalogue: Arc::new(catalogue) })
}

/// Opens the deployment for a command and returns its store.
pub(crate) fn store(global: &Global) -> Result<Arc<dyn Store>, Failure> {
    Ok(open(global, Purpose::Command)?.store)
}

/// Connects to the database and to its replica, if one is stated. Creates the data directory for an SQLite file.
pub(crate) fn connect_all(
    global: &Global,
    url: &str,
    options: &StoreOptions,
) -> Result<OpenDatabase, Failure> {
    match (&global.read_database, sqlite_path(url)) {
        (None, path) => {
            if path.is_some_and(|path| !path.as_os_str().is_empty()) {
                data_directory(global)?;
            }
            connect("--database", url, options)
        }
        (Some(read_url), None) => Ok(connect_postgres(url, Some(read_url), options)?),
        (Some(_), Some(_)) => Err(Failure::new(
            "--read-database: an SQLite file has no replicas; it needs a PostgreSQL --database",
        )),
    }
}

/// Refuses a database that was there and is not, and a directory in which a command would find nothing to read.
pub(crate) fn refuse_absent(global: &Global, config: &Config, url: &str, mark: &Mark) -> Result<(), Failure> {
    let directory = global.data.display();
    if global.data.exists() && !global.data.is_dir() {
        return Err(Failure::new(format!("the data directory {directory} is not a directory: see --data")));
    }
    let Some(path) = sqlite_path(url) else { return Ok(()) };
    if std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    mark.refuse_missing()?;
    let is_stated = global.database.is_some() || config.database_url.is_some();
    if is_stated {
        return Ok(());
    }
    // A forgotten URL must not begin a second deployment beside the first.
    if let Some(used) = Mark::databases(&global.data).first() {
        return Err(Failure::new(format!(
            "no database was stated, and {} does not exist; the data directory {directory} has been used with the \
             database {used}: state it by --database, TOLLBOOK_DATABASE_URL or database.url of the configuration file",
            path.display()
        )));
    }
    if global.only_reads {
        return Err(Failure::new(format!(
            "there is no deployment in {directory}: it has no {DATABASE_FILE}, and no database was stated. See --data and \
             --database; `tollbook serve`, `tollbook quickstart` and `tollbook company add` begin one"
        )));
    }
    Ok(())
}

/// Creates the data directory if it is absent. It may hold other files.
pub(crate) fn data_directory(global: &Global) -> Result<&Path, Failure> {
    private_files::create_data_directory(&global.data)
        .map_err(|error| Failure::new(format!("the data directory {}: {error}", global.data.display())))?;
    Ok(&global.data)
}

/// Creates the directory for temporary files if it is absent.
pub(crate) fn spool_directory(global: &Global) -> Result<PathBuf, Failure> {
    let spool = data_directory(global)?.join("spool");
    private_files::create_own_directory(&spool)
        .map_err(|error| Failure::new(format!("the spool directory {}: {error}", spool.display())))?;
    Ok(spool)
}

/// The URL of the database: the one on the command line, the configured one, or SQLite in the data directory.
pub(crate) fn database_url(global: &Global, config: &Config) -> String {
    let stated = global.database.as_ref().or(config.database_url.as_ref());
    stated.cloned().unwrap_or_else(|| format!("sqlite:{}", global.data.join(DATABASE_FILE).display()))
}

/// The file of an SQLite URL.
pub(crate) fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}

/// The name of the database of a URL, by which it is shown and remembered: without user and password, and with an
/// absolute path.
pub(crate) fn name_of(url: &str) -> Result<String, Failure> {
    match sqlite_path(url) {
        Some(path) if path.as_os_str().is_empty() => Ok(url.to_owned()),
        Some(path) => {
            // The file may be reached by several paths, but may not exist yet.
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder))?;
            Ok(format!("sqlite:{}", folder.join(path.file_name().unwrap_or_default()).display()))
        }
        // What is wrong with the URL of another kind is said when it is connected to.
        None if !url.starts_with("postgres") => Ok(String::new()),
        None => Ok(database_name(url)?),
    }
}

/// The mark of a database. That of a file in the data directory stays the same if the directory is moved.
pub(crate) fn mark_of(global: &Global, url: &str) -> Result<Mark, Failure> {
    let name = match sqlite_path(url) {
        Some(path) if is_in(path, &global.data) => {
            format!("{} of the data directory", path.file_name().unwrap_or_default().display())
        }
        _ => name_of(url)?,
    };
    Ok(Mark::new(&global.data, &name))
}

fn is_in(path: &Path, directory: &Path) -> bool {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    match (folder.canonicalize(), directory.canonicalize()) {
        (Ok(folder), Ok(directory)) => folder == directory,
        _ => folder == directory,
    }
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

/// The configuration: the file on the command line, or `tollbook.toml` in the data directory, or the defaults. What the
/// database has stored is not in it; see [`open`].
pub(crate) fn config(global: &Global) -> Result<Config, Failure> {
    let mut config = match config_file(global) {
        Some(file) => {
            let mut config = Config::load(&file)?;
            let lines = check_file(&file, &std::fs::read_to_string(&file)?).lines.into_iter();
            config.stated = lines.map(|(key, line)| (key, format!("{}:{line}", file.display()))).collect();
            config
        }
        None => Config::default(),
    };
    config.database.program = command_name();
    Ok(config)
}

/// The configuration file, if there is one.
pub(crate) fn config_file(global: &Global) -> Option<PathBuf> {
    let default = global.data.join("tollbook.toml");
    global.config.clone().or_else(|| default.is_file().then_some(default))
}

/// The built-in catalogue with the changes of the configured catalogue file.
pub(crate) fn load_catalogue(config: &Config) -> Result<Catalogue, Failure> {
    Ok(tollbook_formats::catalogue::load(config.catalogue.as_deref())?)
}

/// Whether the master key is in the environment, and not in its file.
#[expect(
    clippy::disallowed_methods,
    reason = "a secret may come from the environment, but not from an argument"
)]
pub(crate) fn is_master_key_in_environment() -> bool {
    std::env::var(MASTER_KEY_VARIABLE).is_ok()
}

/// The master key. Fails if the database was created with another one, or if the file of the database's key is missing.
pub(crate) fn master_key(global: &Global, store: &dyn Store) -> Result<MasterKey, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret may come from the environment, but not from an argument"
    )]
    let given = std::env::var(MASTER_KEY_VARIABLE);
    let master = if let Ok(hex) = given {
        MasterKey::from_hex(&hex)?
    } else {
        let file = data_directory(global)?.join(MASTER_KEY_FILE);
        if !file.exists()
            && let Some(fingerprint) = MasterKey::bound_fingerprint(store)?
        {
            return Err(SecretError::Lost { path: file, fingerprint }.into());
        }
        MasterKey::open_or_create(&file)?
    };
    master.bind(store)?;
    Ok(master)
}
