//! TLS of the server's address: its certificate, which is read again when its files change, and handshakes
//! (docs/OPERATIONS.md, "TLS").

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tollbook_ops::config::TlsConfig;
use x509_cert::der::Decode as _;

/// Why a certificate cannot be used. Has nothing of the private key.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read.
    File(PathBuf, io::Error),
    /// A file does not hold what it should.
    Content(PathBuf, &'static str),
    /// The certificate and the key do not belong together, or the library does not know their kind.
    Unusable(PathBuf, rustls::Error),
    /// A renewed certificate has ended.
    Ended(PathBuf),
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Content(file, reason) => write!(f, "{}: {reason}", file.display()),
            Self::Unusable(file, error) => {
                write!(f, "{}: the certificate and its private key cannot be used: {error}", file.display())
            }
            Self::Ended(file) => write!(f, "{}: the certificate has ended", file.display()),
        }
    }
}

impl std::error::Error for TlsError {}

/// The certificate of a server. Connections that are open keep the one that they began with.
pub struct Tls {
    config: TlsConfig,
    current: RwLock<Loaded>,
    /// The content of the files that was refused last, so that it is refused once.
    refused: RwLock<Option<Files>>,
}

/// The content of both files.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
}

#[derive(Clone)]
struct Loaded {
    files: Files,
    server: Arc<ServerConfig>,
    expires_s: i64,
}

impl Tls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let loaded = load(config, read(config)?)?;
        Ok(Self { config: config.clone(), current: RwLock::new(loaded), refused: RwLock::default() })
    }

    /// Reads the files again, and uses what is in them from now on if it has changed. Returns whether it has. May block.
    ///
    /// # Errors
    /// What is wrong with the new content; the present certificate stays. The same content is refused once, and is then no
    /// change.
    pub fn reload(&self, now_s: i64) -> Result<bool, TlsError> {
        let files = read(&self.config)?;
        if files == self.current().files {
            *self.refused.write().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(false);
        }
        if self.refused.read().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&files) {
            return Ok(false);
        }
        let loaded = load(&self.config, files.clone()).and_then(|loaded| {
            if loaded.expires_s > now_s {
                Ok(loaded)
            } else {
                Err(TlsError::Ended(self.config.certificate.clone()))
            }
        });
        let mut refused = self.refused.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok(loaded) => {
                *refused = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                Ok(true)
            }
            Err(error) => {
                *refused = Some(files);
                Err(error)
            }
        }
    }

    /// When the certificate ends, Unix seconds.
    pub fn expires_s(&self) -> i64 {
        self.current().expires_s
    }

    /// What accepts handshakes with the present certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().server)
    }

    fn current(&self) -> Loaded {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(config: &TlsConfig) -> Result<Files, TlsError> {
    let content = |file: &Path| fs::read(file).map_err(|error| TlsError::File(file.to_owned(), error));
    Ok(Files { certificate: content(&config.certificate)?, private_key: content(&config.private_key)? })
}

fn load(config: &TlsConfig, files: Files) -> Result<Loaded, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&files.certificate).collect();
    let wrong = |file: &Path, reason| TlsError::Content(file.to_owned(), reason);
    let no_certificate = || wrong(&config.certificate, "has no certificate in PEM form");
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(no_certificate)?;
    let private_key = PrivateKeyDer::from_pem_slice(&files.private_key)
        .map_err(|_| wrong(&config.private_key, "has no private key in PEM form"))?;
    let expires_s = chain.first().and_then(|own| expiry(own)).ok_or_else(no_certificate)?;
    let versions: &[&rustls::SupportedProtocolVersion] =
        if config.only_1_3 { &[&rustls::version::TLS13] } else { rustls::ALL_VERSIONS };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |error| TlsError::Unusable(config.certificate.clone(), error);
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(unusable)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { files, server: Arc::new(server), expires_s })
}

/// When a certificate ends, Unix seconds.
fn expiry(certificate: &CertificateDer<'_>) -> Option<i64> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    i64::try_from(certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs()).ok()
}
