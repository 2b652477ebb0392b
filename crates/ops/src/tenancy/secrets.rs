//! The master key and what is sealed under it: private keys are kept encrypted, because a signature can only be
//! checked by who knows them. Nothing here may print or log a secret.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tollbook_store::{Store, StoreError};
use zeroize::Zeroizing;

use crate::random;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// First byte of what [`MasterKey::seal`] makes: AES-256-GCM under the key derived for `SEALING`, a 96-bit nonce.
const SEALED_VERSION: u8 = 1;
const SEALING: &str = "seal private keys, version 1";
const FINGERPRINT_PREFIX: &[u8] = b"tollbook master key fingerprint, version 1\0";
const AAD_PREFIX: &[u8] = b"tollbook private key of\0";
const FINGERPRINT_SETTING: &str = "master_key_fingerprint";

/// Why a master key cannot be used, or something sealed cannot be opened. Tells no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the master key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner can read the file.
    #[error(
        "the master key file {path} has mode {mode:04o}: it must be readable by its owner alone (chmod 600)"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else than a key.
    #[error("the master key file {0} does not hold a key: it must be 64 hexadecimal digits")]
    MalformedFile(PathBuf),
    /// The text is not a key.
    #[error("the master key must be 64 hexadecimal digits")]
    MalformedText,
    /// The database was made under another master key.
    #[error("the database belongs to another master key: its fingerprint is {stored}, this key's is {own}")]
    OtherKey {
        /// Recorded in the database.
        stored: String,
        /// Of the key at hand.
        own: String,
    },
    /// What was sealed does not open: another master key, another public key, or damage.
    #[error("the private key of {0} cannot be decrypted with this master key")]
    Sealed(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The private half of an API key, kept out of logs and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<String>);

impl PrivateKey {
    /// Takes a text into custody.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, to sign with or to hand to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// The key under which a deployment's private keys are encrypted: the same on every server of one database.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

impl MasterKey {
    /// A key nobody has had before.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// Reads 64 hexadecimal digits, as the environment gives them; white space around them is ignored.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice()).map_err(|_| SecretError::MalformedText)?;
        Ok(Self(key))
    }

    /// Reads the key file, or makes it with a new key when there is none.
    ///
    /// The file appears whole or not at all: a crash leaves no half key, and processes that start at once all end up
    /// with the key of the one that came first.
    ///
    /// # Errors
    /// Refuses a file that group or others can read, and one that holds anything but a key: making another would
    /// render every private key in the database unreadable.
    pub fn open_or_create(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File { path: path.to_owned(), source };
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(path).map_err(failed)?;
                // Read back what lies there now: it may be another process's key.
                File::open(path).map_err(failed).and_then(|file| Self::read(path, file))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn create(path: &Path) -> io::Result<()> {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(directory)?;
        // Temporary files have mode 0600 from their first moment.
        let mut temporary = tempfile::Builder::new().prefix(".master-key-").tempfile_in(directory)?;
        let digits = Zeroizing::new(hex::encode(Self::generate().0.as_slice()));
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
        // Asked of the open file, so that it cannot be exchanged between the question and the reading.
        refuse_exposed(path, &file.metadata().map_err(failed)?)?;
        let mut text = Zeroizing::new(String::new());
        // A file that is not a key may be long; this much is enough to know.
        match file.take(1_024).read_to_string(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(SecretError::MalformedFile(path.to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
        Self::from_hex(&text).map_err(|_| SecretError::MalformedFile(path.to_owned()))
    }

    /// What identifies the key without telling it: 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let digest =
            Sha256::new().chain_update(FINGERPRINT_PREFIX).chain_update(self.0.as_slice()).finalize();
        hex::encode(&digest[..16])
    }

    /// Records the key's fingerprint in a database that has none, and refuses one that has another's.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`]: nothing sealed in this database could be opened.
    pub fn bind(&self, store: &dyn Store) -> Result<(), SecretError> {
        if let Some(stored) = store.snapshot()?.setting(FINGERPRINT_SETTING)? {
            return self.compare(stored);
        }
        let mut transaction = store.begin()?;
        // Another server may have been first while this one waited for its turn.
        transaction.hold(FINGERPRINT_SETTING)?;
        if let Some(stored) = transaction.setting(FINGERPRINT_SETTING)? {
            return self.compare(stored);
        }
        transaction.set_setting(FINGERPRINT_SETTING, &self.fingerprint())?;
        Ok(transaction.commit()?)
    }

    fn compare(&self, stored: String) -> Result<(), SecretError> {
        let own = self.fingerprint();
        if stored == own { Ok(()) } else { Err(SecretError::OtherKey { stored, own }) }
    }

    /// 256 bits for one purpose, the same for the same key and purpose and unrelated to those of any other purpose.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_slice()).expect("any length is a key");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> Aes256Gcm {
        let key = Zeroizing::new(self.derive(SEALING));
        Aes256Gcm::new_from_slice(key.as_slice()).expect("256 bits")
    }

    /// Encrypts a private key and ties it to its public key: a row whose keys were exchanged does not open.
    /// The result is a version byte, a nonce of 12 bytes, and the ciphertext with its tag.
    ///
    /// # Panics
    /// Never: AES-GCM refuses only texts beyond 64 GiB.
    pub fn seal(&self, public_key: &str, private_key: &PrivateKey) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let aad = associated_data(public_key);
        let payload = Payload { msg: private_key.reveal().as_bytes(), aad: &aad };
        let ciphertext = self.cipher().encrypt(&nonce.into(), payload).expect("a private key is short");
        [&[SEALED_VERSION][..], &nonce, &ciphertext].concat()
    }

    /// Decrypts what [`MasterKey::seal`] made for the same public key.
    pub fn open(&self, public_key: &str, sealed: &[u8]) -> Result<PrivateKey, SecretError> {
        let refused = || SecretError::Sealed(public_key.to_owned());
        let (&version, rest) = sealed.split_first().ok_or_else(refused)?;
        if version != SEALED_VERSION || rest.len() < NONCE_BYTES + TAG_BYTES {
            return Err(refused());
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(refused)?;
        let aad = associated_data(public_key);
        let payload = Payload { msg: ciphertext, aad: &aad };
        let plain = self.cipher().decrypt(&(*nonce).into(), payload).map_err(|_| refused())?;
        String::from_utf8(plain).map(PrivateKey::new).map_err(|_| refused())
    }
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

// The new name is durable once its directory is.
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
    // Other systems have access lists instead of a mode; what the directory grants is the operator's decision.
    Ok(())
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
