//! The files and directories that a server needs: whether they are there, can be used, and are closed to other users.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Access, access};
use tollbook_objects::free_bytes;
use tollbook_ops::config::check::Finding;
use tollbook_ops::{Config, MasterKey};

use super::environment::Environment;
use crate::arguments::Global;
use crate::deployment;

const OTHERS: u32 = 0o007;
const GROUP_AND_OTHERS: u32 = 0o077;

pub(super) struct Files<'a> {
    pub(super) global: &'a Global,
    pub(super) config: &'a Config,
    pub(super) environment: &'a Environment,
}

fn problem(key: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { key: key.into(), text: text.into(), is_problem: true }
}

fn note(key: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { is_problem: false, ..problem(key, text) }
}

impl Files<'_> {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.data_directory(&mut found);
        self.database(&mut found);
        self.master_key(&mut found);
        self.object_store(&mut found);
        if let Err(error) = tollbook_formats::catalogue::load(self.config.catalogue.as_deref()) {
            found.push(problem("catalogue", error.to_string()));
        }
        found
    }

    fn data_directory(&self, found: &mut Vec<Finding>) {
        let data = &self.global.data;
        let shown = data.display();
        let Ok(metadata) = std::fs::metadata(data) else {
            let parent = nearest_directory(data);
            if access(parent, Access::WRITE_OK | Access::EXEC_OK).is_err() {
                let text = format!("{shown} does not exist and cannot be created in {}", parent.display());
                found.push(problem("--data", text));
            } else {
                found.push(note(
                    "--data",
                    format!("{shown} does not exist; it is created at the first start"),
                ));
            }
            return;
        };
        if !metadata.is_dir() {
            found.push(problem("--data", format!("{shown} is not a directory")));
            return;
        }
        if access(data, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
            let owner = metadata.uid();
            found.push(problem(
                "--data",
                format!("{shown} cannot be written by this user; it belongs to user {owner}"),
            ));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & GROUP_AND_OTHERS != 0 {
            found.push(note(
                "--data",
                format!("{shown} has mode {mode:o}: other users can see what is in it"),
            ));
        }
        let floor = self.config.objects.spool.free_bytes;
        if let Ok(free) = free_bytes(data)
            && free < floor
        {
            let text =
                format!("is {floor}, but the disk of {shown} has {free} bytes free: no export is begun");
            found.push(problem("objects.free_bytes", text));
        }
    }

    fn database(&self, found: &mut Vec<Finding>) {
        let url = deployment::database_url(self.global, self.config);
        let key = if self.global.database.is_some() { "--database" } else { "database.url" };
        let Some(path) = deployment::sqlite_path(&url) else {
            if deployment::name_of(&url).is_ok_and(|name| !name.is_empty()) {
                return;
            }
            found.push(problem(key, "must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"));
            return;
        };
        if self.global.read_database.is_some() {
            found.push(problem(
                "--read-database",
                "an SQLite file has no replicas; it needs a PostgreSQL database",
            ));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        if folder != self.global.data && !folder.is_dir() {
            found.push(problem(key, format!("the directory {} does not exist", folder.display())));
        } else if path.exists() && access(path, Access::READ_OK | Access::WRITE_OK).is_err() {
            found.push(problem(key, format!("{} cannot be read and written by this user", path.display())));
        }
    }

    fn master_key(&self, found: &mut Vec<Finding>) {
        let file = self.global.data.join("master.key");
        let given = self.environment.value("TOLLBOOK_MASTER_KEY").map(MasterKey::from_hex);
        if !file.exists() {
            return;
        }
        match (MasterKey::open_or_create(&file), given) {
            (Err(error), None) => found.push(problem("master.key", error.to_string())),
            (Ok(kept), Some(Ok(given))) if kept.fingerprint() != given.fingerprint() => {
                let text = format!("is another key than {}; the variable is used", file.display());
                found.push(problem("TOLLBOOK_MASTER_KEY", text));
            }
            _ => {}
        }
    }

    fn object_store(&self, found: &mut Vec<Finding>) {
        let objects = &self.config.objects;
        let keys = ["TOLLBOOK_OBJECTS_PUBLIC_KEY", "TOLLBOOK_OBJECTS_PRIVATE_KEY"];
        for key in keys {
            match (&objects.store, self.environment.is_set(key)) {
                (Some(store), false) => {
                    found.push(problem(key, format!("is not set, but objects.store is {store}")));
                }
                (None, true) => found.push(note(key, "has no effect without objects.store")),
                _ => {}
            }
        }
        if let Some(file) = &objects.tuning.authorities {
            match std::fs::read_to_string(file) {
                Err(error) => found.push(problem("objects.ca_file", format!("{}: {error}", file.display()))),
                Ok(text) if !text.contains("-----BEGIN CERTIFICATE-----") => {
                    found.push(problem(
                        "objects.ca_file",
                        format!("{} has no certificate in PEM", file.display()),
                    ));
                }
                Ok(_) => {}
            }
        }
    }
}

/// What the modes of the configuration file allow others, if it holds a password or could be changed by them.
pub(super) fn modes(file: &Path, has_password: bool) -> Vec<Finding> {
    let Ok(metadata) = std::fs::metadata(file) else { return Vec::new() };
    let mode = metadata.permissions().mode() & 0o7777;
    let mut found = Vec::new();
    if mode & 0o002 != 0 {
        let text = format!("{} has mode {mode:o}: every user can change it", file.display());
        found.push(problem("--config", text));
    }
    if has_password && mode & OTHERS != 0 {
        let text =
            format!("holds a password, and {} has mode {mode:o}: every user can read it", file.display());
        found.push(problem("database.url", text));
    }
    found
}

/// The directory in which the missing part of a path would be created.
fn nearest_directory(path: &Path) -> &Path {
    let mut above = path;
    while let Some(parent) = above.parent() {
        above = if parent == Path::new("") { Path::new(".") } else { parent };
        if above.exists() {
            return above;
        }
    }
    above
}
