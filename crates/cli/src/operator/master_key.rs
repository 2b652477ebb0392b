//! `master-key`: shows and replaces the master key (docs/OPERATIONS.md, "Replacing the master key").

use std::path::{Path, PathBuf};

use serde_json::json;
use tollbook_ops::tenancy::rotation::{self, LEARNING_S};
use tollbook_ops::tenancy::secrets::Rotation;
use tollbook_ops::{Clock as _, MasterKey, SystemClock};
use tollbook_store::Store;

use super::context::{now_s, time_text};
use crate::arguments::{Global, MasterKeyCommand};
use crate::deployment::{self, MASTER_KEY_FILE};
use crate::output::{Failure, Output};

/// The environment variable with the new master key, where the present one is in the environment too.
const NEW_KEY_VARIABLE: &str = "TOLLBOOK_NEW_MASTER_KEY";
/// The file of the new key until it is that of the master key.
const NEW_KEY_FILE: &str = "master.key.new";

pub(crate) fn run(global: &Global, command: &MasterKeyCommand, output: &Output) -> Result<(), Failure> {
    let store = deployment::store(global)?;
    let master = deployment::master_key(global, store.as_ref())?;
    match command {
        MasterKeyCommand::Show => show(store.as_ref(), &master, output),
        MasterKeyCommand::Rotate => rotate(global, store.as_ref(), &master, output),
        MasterKeyCommand::Finish { now } => {
            rotation::finish(store.as_ref(), &master, (!now).then(now_s))?;
            let fingerprint = master.fingerprint();
            output.result(&json!({"Fingerprint": fingerprint}), || {
                format!("the master key {fingerprint} is the only one now; the former one is refused")
            });
            Ok(())
        }
    }
}

fn show(store: &dyn Store, master: &MasterKey, output: &Output) -> Result<(), Failure> {
    let rotation = Rotation::under_way(&mut *store.snapshot()?)?;
    let fingerprint = master.fingerprint();
    let value = json!({
        "Fingerprint": fingerprint,
        "NewFingerprint": rotation.as_ref().map(|rotation| &rotation.next),
        "Begun": rotation.as_ref().map(|rotation| rotation.begun_s),
    });
    output.result(&value, || match &rotation {
        None => format!("this process has the master key {fingerprint}, which is the only one"),
        Some(rotation) => format!(
            "this process has the master key {fingerprint}; since {} it is being replaced by {}",
            time_text(rotation.begun_s),
            rotation.next
        ),
    });
    Ok(())
}

fn rotate(global: &Global, store: &dyn Store, master: &MasterKey, output: &Output) -> Result<(), Failure> {
    let next = master.learn(&mut *store.snapshot()?)?;
    let is_next = next.as_deref() == Some(master.fingerprint().as_str());
    let data = deployment::data_directory(global)?.to_owned();
    let in_environment = deployment::is_master_key_in_environment();
    // The process that was interrupted before may have put the new key into its place already.
    if !is_next {
        let next = new_key(&data, master, next.as_deref(), in_environment)?;
        rotation::begin(store, master, &next, now_s())?;
    }
    let resealed = rotation::reseal(store, master, &mut |done| {
        tracing::debug!(done, "private keys were encrypted under the new master key");
    })?;
    let kept = if in_environment || is_next { None } else { Some(put_in_place(&data, master)?) };
    let rotation = Rotation::under_way(&mut *store.snapshot()?)?;
    let fingerprint = rotation.map(|rotation| rotation.next).unwrap_or_default();
    let value = json!({
        "NewFingerprint": fingerprint, "Resealed": resealed, "FormerKeyFile": kept,
        "FinishAfter": SystemClock.now_s() + LEARNING_S,
    });
    output.result(&value, || {
        let place = if in_environment {
            format!("set TOLLBOOK_MASTER_KEY to the value of {NEW_KEY_VARIABLE} for every server and command")
        } else {
            format!("copy {} to the other servers, if there are any", data.join(MASTER_KEY_FILE).display())
        };
        let former = kept.as_ref().map_or_else(String::new, |file| {
            format!("\nThe former key is in {}: backups made before need it.", file.display())
        });
        format!(
            "{resealed} private keys were encrypted under the new master key {fingerprint}.{former}\nNext: {place}, restart \
             the servers one after the other, then run `tollbook master-key finish`"
        )
    });
    Ok(())
}

/// The key that takes the place of the present one. It is in a file or in the environment before anything is encrypted under
/// it.
fn new_key(
    data: &Path,
    master: &MasterKey,
    under_way: Option<&str>,
    in_environment: bool,
) -> Result<MasterKey, Failure> {
    if in_environment {
        #[expect(clippy::disallowed_methods, reason = "a secret must not be an argument")]
        let hex = std::env::var(NEW_KEY_VARIABLE).map_err(|_| {
            Failure::new(format!(
                "the master key is in TOLLBOOK_MASTER_KEY, so the new one must be in {NEW_KEY_VARIABLE}: 64 hexadecimal \
                 digits, as `openssl rand -hex 32` prints them"
            ))
        })?;
        return Ok(MasterKey::from_hex(&hex)?);
    }
    let file = data.join(NEW_KEY_FILE);
    // If the file of a rotation that has begun was lost, the database still has the key.
    if let Some(next) = master.next().filter(|next| under_way == Some(next.fingerprint().as_str())) {
        next.write_new(&file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    }
    Ok(MasterKey::open_or_create(&file)?)
}

/// Makes the file of the new key that of the master key. The former one is kept beside it. Returns its file.
fn put_in_place(data: &Path, former: &MasterKey) -> Result<PathBuf, Failure> {
    let (new, place) = (data.join(NEW_KEY_FILE), data.join(MASTER_KEY_FILE));
    let kept = data.join(format!("{MASTER_KEY_FILE}.{}", &former.fingerprint()[..8]));
    former.write_new(&kept).map_err(|error| Failure::new(format!("{}: {error}", kept.display())))?;
    std::fs::rename(&new, &place).map_err(|error| Failure::new(format!("{}: {error}", place.display())))?;
    // The new name is durable once its directory is synchronized.
    std::fs::File::open(data).and_then(|directory| directory.sync_all())?;
    Ok(kept)
}
