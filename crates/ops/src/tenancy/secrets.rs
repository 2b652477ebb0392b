//! The master key, and private keys sealed under it. Private keys are stored encrypted and not as digests, because
//! checking a signature needs the key itself. Nothing here may print or log a secret.

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
/// First byte of a sealed key: AES-256-GCM under the key derived for `SEALING`, with a 96-bit nonce.
const SEALED_VERSION: u8 = 1;
const SEALING: &str = "seal private keys, version 1";
const FINGERPRINT_PREFIX: &[u8] = b"tollbook master key fingerprint, version 1\0";
const AAD_PREFIX: &[u8] = b"tollbook private key of\0";
const FINGERPRINT_SETTING: &str = "master_key_fingerprint";

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
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

impl MasterKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// Parses 64 hexadecimal digits; surrounding white space is ignored.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice()).map_err(|_| SecretError::MalformedText)?;
        Ok(Self(key))
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
                Self::create(path).map_err(failed)?;
                // Read the file back: another process may have created it.
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
        // Temporary files are created with mode 0600.
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
        let digest =
            Sha256::new().chain_update(FINGERPRINT_PREFIX).chain_update(self.0.as_slice()).finalize();
        hex::encode(&digest[..16])
    }

    /// Records the key's fingerprint in a database that has none.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`] if the database has another key's: its sealed keys could not be opened.
    pub fn bind(&self, store: &dyn Store) -> Result<(), SecretError> {
        if let Some(stored) = store.snapshot()?.setting(FINGERPRINT_SETTING)? {
            return self.compare(stored);
        }
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
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_slice()).expect("any length is a key");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> Aes256Gcm {
        let key = Zeroizing::new(self.derive(SEALING));
        Aes256Gcm::new_from_slice(key.as_slice()).expect("256 bits")
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
        let ciphertext = self.cipher().encrypt(&nonce.into(), payload).expect("a private key is short");
        [&[SEALED_VERSION][..], &nonce, &ciphertext].concat()
    }

    /// Decrypts a key that [`MasterKey::seal`] encrypted for the same public key.
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
