//! The master key, and private keys sealed under it. Private keys are stored encrypted and not as digests, because
//! checking a signature needs the key itself. Nothing here may print or log a secret.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tollbook_store::{SettingReads, Store, StoreError, Transaction};
use zeroize::Zeroizing;

use crate::random;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// First byte of a sealed key: AES-256-GCM under the key derived for `SEALING`, with a 96-bit nonce.
const SEALED_VERSION: u8 = 1;
/// Name of the setting with the record of a rotation; empty if there is none.
pub(super) const ROTATION_SETTING: &str = "master_key_rotation";
/// In place of a public key for a master key that is encrypted under another one. No public key has a space.
const ROTATION_NAME: &str = "a master key";
const SEALING: &str = "seal private keys, version 1";
const FINGERPRINT_PREFIX: &[u8] = b"tollbook master key fingerprint, version 1\0";
const AAD_PREFIX: &[u8] = b"tollbook private key of\0";
/// Name of the setting with the fingerprint of the key that the database belongs to. A transaction that changes the master
/// key, or seals with it, locks the name.
pub(super) const FINGERPRINT_SETTING: &str = "master_key_fingerprint";

/// Why a master key cannot be used, or a sealed key cannot be opened. Contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or created.
    #[error("the master key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is accessible to its group or to others.
    #[error(
        "the master key file {path} has mode {mode:04o}: it must be readable by its owner alone (chmod 600)"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not contain a key.
    #[error("the master key file {0} does not hold a key: it must be 64 hexadecimal digits")]
    MalformedFile(PathBuf),
    /// The text is not a key.
    #[error("the master key must be 64 hexadecimal digits")]
    MalformedText,
    /// The key file is missing, but the database has a key.
    #[error(
        "the master key file {path} is missing; without it the private keys in the database cannot be read. Restore the \
         file from a backup, or set TOLLBOOK_MASTER_KEY; its fingerprint is {fingerprint}. If the key is lost for good, \
         every API key must be issued anew (docs/OPERATIONS.md, \"A lost master key\")"
    )]
    Lost {
        /// The missing file.
        path: PathBuf,
        /// The fingerprint in the database.
        fingerprint: String,
    },
    /// The database was created under another master key.
    #[error("the database belongs to another master key: its fingerprint is {stored}, this key's is {own}")]
    OtherKey {
        /// The fingerprint in the database.
        stored: String,
        /// The fingerprint of this key.
        own: String,
    },
    /// A sealed key cannot be opened: another master key, another public key, or damage.
    #[error("the private key of {0} cannot be decrypted with this master key")]
    Sealed(String),
    /// The record of a rotation in the database cannot be read.
    #[error("the database's record of a rotation of the master key cannot be read")]
    Rotation,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The private half of an API key: not printed by `Debug`, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<String>);

impl PrivateKey {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for signing, or for showing it to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// The key under which a deployment's private keys are encrypted. All servers of a database have the same.
///
/// While the master key is replaced (see `rotation`), a process knows both keys, whichever it was started with. Clones share
/// what they learn.
#[derive(Clone)]
pub struct MasterKey {
    own: Secret,
    others: Arc<Mutex<Others>>,
}

/// The bytes of a master key.
type Secret = Zeroizing<[u8; KEY_BYTES]>;

/// The other keys that a process knows.
#[derive(Default)]
struct Others {
    /// Takes the place of the own key.
    next: Option<Secret>,
    /// The one whose place the own key takes.
    former: Option<Secret>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

impl MasterKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self::of(Zeroizing::new(random::bytes()))
    }

    /// Parses 64 hexadecimal digits; surrounding white space is ignored.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice()).map_err(|_| SecretError::MalformedText)?;
        Ok(Self::of(key))
    }

    /// Reads the key file, or creates it with a new key if it does not exist.
    ///
    /// The file is created atomically: a crash leaves no partial key, and processes that start at the same time all use
    /// the key of the first.
    ///
    /// # Errors
    /// The file is accessible to its group or to others, or it does not contain a key. It is not replaced then: every
    /// private key in the database would become unreadable.
    pub fn open_or_create(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File { path: path.to_owned(), source };
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::generate().write_new(path).map_err(failed)?;
                // Read the file back: another process may have created it.
                File::open(path).map_err(failed).and_then(|file| Self::read(path, file))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn of(own: Secret) -> Self {
        Self { own, others: Arc::default() }
    }

    /// The key as hexadecimal digits, for its file.
    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.own.as_slice()))
    }

    /// Writes the key to a new file that only its owner can read, durably. A file that is there is left as it is.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn write_new(&self, path: &Path) -> io::Result<()> {
        let key = self;
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(directory)?;
        // Temporary files are created with mode 0600.
        let mut temporary = tempfile::Builder::new().prefix(".master-key-").tempfile_in(directory)?;
        let digits = key.to_hex();
        writeln!(temporary, "{}", digits.as_str())?;
        temporary.as_file().sync_all()?;
        match temporary.persist_noclobber(path) {
            Ok(_) => sync_directory(directory),
            Err(raced) if raced.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(refused) => Err(refused.error),
        }
    }

    fn read(path: &Path, file: File) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File { path: path.to_owned(), source };
        // The metadata of the open file: the path could be replaced between the check and the read.
        refuse_exposed(path, &file.metadata().map_err(failed)?)?;
        let mut text = Zeroizing::new(String::new());
        // A file that is not a key may be long; 1,024 bytes suffice to recognize it.
        match file.take(1_024).read_to_string(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(SecretError::MalformedFile(path.to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
        Self::from_hex(&text).map_err(|_| SecretError::MalformedFile(path.to_owned()))
    }

    /// 32 hexadecimal digits that identify the key without revealing it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.own)
    }

    /// The fingerprint of the key that encrypts: the own one, or the one that takes its place.
    pub(super) fn sealing_fingerprint(&self) -> String {
        fingerprint(&self.sealing_key())
    }

    fn sealing_key(&self) -> Secret {
        self.others().next.clone().unwrap_or_else(|| self.own.clone())
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that takes the place of this one, if it is known.
    pub fn next(&self) -> Option<Self> {
        self.others().next.clone().map(Self::of)
    }

    /// Remembers the key that takes the place of this one, or the one whose place this one takes.
    pub(super) fn learn_key(&self, key: &Self, is_next: bool) {
        let mut others = self.others();
        let place = if is_next { &mut others.next } else { &mut others.former };
        *place = Some(key.own.clone());
    }

    /// Learns the other key of a rotation that is under way. Returns the fingerprint of the new key; `None` if there is no
    /// rotation.
    ///
    /// # Errors
    /// The key is neither of the two.
    pub fn learn<S: SettingReads + ?Sized>(&self, settings: &mut S) -> Result<Option<String>, SecretError> {
        let Some(rotation) = Rotation::under_way(settings)? else { return Ok(None) };
        let own = self.fingerprint();
        let is_next = rotation.next == own;
        let sealed = if is_next { &rotation.former_under_next } else { &rotation.next_under_former };
        let other = self
            .open_key(sealed)
            .map_err(|_| SecretError::OtherKey { stored: rotation.next.clone(), own })?;
        self.learn_key(&other, !is_next);
        Ok(Some(rotation.next))
    }

    /// Encrypts another master key under this one.
    pub(super) fn seal_key(&self, key: &Self) -> Vec<u8> {
        self.seal(ROTATION_NAME, &PrivateKey(key.to_hex()))
    }

    /// Decrypts a key that [`MasterKey::seal_key`] encrypted under this one.
    pub(super) fn open_key(&self, sealed: &[u8]) -> Result<Self, SecretError> {
        Self::from_hex(self.open(ROTATION_NAME, sealed)?.reveal())
    }

    /// Makes sure that what this transaction seals can be opened as long as its commit is the next change of the master
    /// key: a process that was started with a former key must not seal under it.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`] if the database belongs to a key that this process does not know.
    pub(crate) fn check_sealing(&self, transaction: &mut dyn Transaction) -> Result<(), SecretError> {
        transaction.lock_name(FINGERPRINT_SETTING)?;
        let Some(stored) = transaction.setting(FINGERPRINT_SETTING)? else { return Ok(()) };
        let sealing = self.learn(transaction)?.unwrap_or(stored);
        if sealing == self.sealing_fingerprint() { Ok(()) } else { self.compare(sealing) }
    }

    /// Records the key's fingerprint in a database that has none.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`] if the database has another key's: its sealed keys could not be opened.
    pub fn bind(&self, store: &dyn Store) -> Result<(), SecretError> {
        let mut snapshot = store.snapshot()?;
        if let Some(stored) = snapshot.setting(FINGERPRINT_SETTING)? {
            let next = self.learn(&mut *snapshot)?;
            return if next == Some(self.fingerprint()) { Ok(()) } else { self.compare(stored) };
        }
        drop(snapshot);
        let mut transaction = store.begin()?;
        // Another server may have recorded its fingerprint before this transaction got the lock.
        transaction.lock_name(FINGERPRINT_SETTING)?;
        if let Some(stored) = transaction.setting(FINGERPRINT_SETTING)? {
            return self.compare(stored);
        }
        transaction.set_setting(FINGERPRINT_SETTING, &self.fingerprint())?;
        Ok(transaction.commit()?)
    }

    /// The fingerprint of the key that a database belongs to; `None` before the first start.
    ///
    /// # Errors
    /// Those of the database.
    pub fn bound_fingerprint(store: &dyn Store) -> Result<Option<String>, SecretError> {
        Ok(store.snapshot()?.setting(FINGERPRINT_SETTING)?)
    }

    fn compare(&self, stored: String) -> Result<(), SecretError> {
        let own = self.fingerprint();
        if stored == own { Ok(()) } else { Err(SecretError::OtherKey { stored, own }) }
    }

    /// Derives 256 bits for one purpose. Equal keys and purposes give equal bits; the bits of different purposes are
    /// unrelated.
    ///
    /// # Panics
    /// Never: HMAC accepts keys of any length.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        derive(&self.own, purpose)
    }

    /// [`MasterKey::derive`] for what all servers must agree on: while the master key is being replaced, the bits of the former
    /// key, also in a process that was started with the new one.
    pub fn derive_shared(&self, purpose: &str) -> [u8; 32] {
        let former = self.others().former.clone();
        derive(former.as_ref().unwrap_or(&self.own), purpose)
    }

    /// Encrypts a private key and binds it to its public key, so that it cannot be opened under another public key.
    /// The result is a version byte, a nonce of 12 bytes, and the ciphertext with its tag.
    ///
    /// # Panics
    /// Never: AES-GCM fails only for texts longer than 64 GiB.
    pub fn seal(&self, public_key: &str, private_key: &PrivateKey) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let aad = associated_data(public_key);
        let payload = Payload { msg: private_key.reveal().as_bytes(), aad: &aad };
        let ciphertext =
            cipher(&self.sealing_key()).encrypt(&nonce.into(), payload).expect("a private key is short");
        [&[SEALED_VERSION][..], &nonce, &ciphertext].concat()
    }

    /// Whether a key is encrypted under the key that encrypts now.
    pub(crate) fn is_current(&self, public_key: &str, sealed: &[u8]) -> bool {
        open_under(&self.sealing_key(), public_key, sealed).is_some()
    }

    /// [`MasterKey::open`]. If it fails, the database is asked whether the master key is being replaced.
    pub fn open_learning(
        &self,
        store: &dyn Store,
        public_key: &str,
        sealed: &[u8],
    ) -> Result<PrivateKey, SecretError> {
        self.open(public_key, sealed).or_else(|_| {
            self.learn(&mut *store.snapshot()?)?;
            self.open(public_key, sealed)
        })
    }

    /// Decrypts a key that [`MasterKey::seal`] encrypted for the same public key.
    pub fn open(&self, public_key: &str, sealed: &[u8]) -> Result<PrivateKey, SecretError> {
        let (next, former) = {
            let others = self.others();
            (others.next.clone(), others.former.clone())
        };
        let known = [next.as_ref(), Some(&self.own), former.as_ref()];
        let opened = known.into_iter().flatten().find_map(|key| open_under(key, public_key, sealed));
        opened.ok_or_else(|| SecretError::Sealed(public_key.to_owned()))
    }
}

/// A rotation of the master key that is under way, as the database has it: each key encrypted under the other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The fingerprint of the new key.
    pub next: String,
    /// When it began, Unix seconds.
    pub begun_s: i64,
    pub(super) next_under_former: Vec<u8>,
    pub(super) former_under_next: Vec<u8>,
}

impl Rotation {
    /// The rotation that is under way.
    ///
    /// # Errors
    /// Those of the database, or its record cannot be read.
    pub fn under_way<S: SettingReads + ?Sized>(settings: &mut S) -> Result<Option<Self>, SecretError> {
        let text = settings.setting(ROTATION_SETTING)?;
        Self::parse(text.as_deref().unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Option<Self>, SecretError> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let parsed = match parts[..] {
            [] => return Ok(None),
            ["1", next, begun_s, next_under_former, former_under_next] => (|| {
                Some(Self {
                    next: next.to_owned(),
                    begun_s: begun_s.parse().ok()?,
                    next_under_former: hex::decode(next_under_former).ok()?,
                    former_under_next: hex::decode(former_under_next).ok()?,
                })
            })(),
            _ => None,
        };
        parsed.map(Some).ok_or(SecretError::Rotation)
    }

    pub(super) fn text(&self) -> String {
        let [next, former] = [&self.next_under_former, &self.former_under_next].map(hex::encode);
        format!("1 {} {} {next} {former}", self.next, self.begun_s)
    }
}

fn fingerprint(key: &Secret) -> String {
    let digest = Sha256::new().chain_update(FINGERPRINT_PREFIX).chain_update(key.as_slice()).finalize();
    hex::encode(&digest[..16])
}

fn derive(key: &Secret, purpose: &str) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()).expect("any length is a key");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

fn cipher(key: &Secret) -> Aes256Gcm {
    let key = Zeroizing::new(derive(key, SEALING));
    Aes256Gcm::new_from_slice(key.as_slice()).expect("256 bits")
}

fn open_under(key: &Secret, public_key: &str, sealed: &[u8]) -> Option<PrivateKey> {
    let (&version, rest) = sealed.split_first()?;
    if version != SEALED_VERSION || rest.len() < NONCE_BYTES + TAG_BYTES {
        return None;
    }
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let aad = associated_data(public_key);
    let payload = Payload { msg: ciphertext, aad: &aad };
    let plain = cipher(key).decrypt(&(*nonce).into(), payload).ok()?;
    String::from_utf8(plain).ok().map(PrivateKey::new)
}

fn associated_data(public_key: &str) -> Vec<u8> {
    [AAD_PREFIX, public_key.as_bytes()].concat()
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, metadata: &std::fs::Metadata) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

// A new file name is durable once its directory is synchronized.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path, _: &std::fs::Metadata) -> Result<(), SecretError> {
    // Other systems have access lists instead of a mode; they are not checked.
    Ok(())
}

#[cfg(test)]
mod tests;
