//! Parses a database URL, `postgres://user:password@host:port/database?option=value`, with the options of libpq,
//! including those for TLS.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::chain;
use crate::error::{StoreError, StoreResult};

/// Session settings, which override those of the server. Every statement of the store reads an index in index order, so
/// plans must not depend on the planner statistics.
const SESSION: &str = "-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off \
                       -c client_connection_check_interval=5s";

/// The server and how to connect to it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

/// Whether the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// Not verified, as with `prefer` and `require` of libpq. The encryption protects against eavesdropping only.
    None,
    /// The certificate must be signed by an authority of the file, or of the system if `authorities` is `None`.
    Certificate { authorities: Option<String> },
}

pub(super) fn parse(url: &str) -> StoreResult<Target> {
    let (url, proof) = split_proof(url)?;
    let mut config: Config = url.parse().map_err(|error| StoreError::Url(chain(&error)))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(StoreError::Url(
            "host missing; for a directory of Unix sockets, use ?host=/run/postgresql".into(),
        ));
    }
    let options = config.get_options().map_or_else(|| SESSION.to_owned(), |own| format!("{SESSION} {own}"));
    config.options(options);
    if config.get_application_name().is_none() {
        config.application_name("tollbook");
    }
    Ok(Target { config, tls: MakeRustlsConnect::new(client(&proof)?) })
}

/// How to connect to the server of a URL, for readers of other programs' databases.
///
/// # Errors
/// The URL, or a file that it names, cannot be read.
pub fn postgres_connector(url: &str) -> StoreResult<(Config, MakeRustlsConnect)> {
    let (url, proof) = split_proof(url)?;
    let config: Config = url.parse().map_err(|error| StoreError::Url(chain(&error)))?;
    Ok((config, MakeRustlsConnect::new(client(&proof)?)))
}

/// The database of a URL without user, password and options, to be shown and compared.
///
/// # Errors
/// The URL cannot be read.
pub fn database_name(url: &str) -> StoreResult<String> {
    let (url, _) = split_proof(url)?;
    let config: Config = url.parse().map_err(|error| StoreError::Url(chain(&error)))?;
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(place, host)| {
            let ports = config.get_ports();
            let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
            match host {
                tokio_postgres::config::Host::Tcp(name) => format!("{name}:{port}"),
                tokio_postgres::config::Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    Ok(format!("postgres://{}/{database}", hosts.join(",")))
}

/// Removes the options for certificate verification from a URL, because the client library does not support them.
fn split_proof(url: &str) -> StoreResult<(String, Proof)> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), Proof::None)) };
    let (mut rest, mut verify, mut authorities) = (Vec::new(), false, None);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "verify-full")) => {
                verify = true;
                rest.push("sslmode=require");
            }
            Some(("sslmode", "verify-ca")) => {
                return Err(StoreError::Url(
                    "sslmode=verify-ca is not supported; use verify-full, which also checks the server's name".into(),
                ));
            }
            Some(("sslrootcert", file)) => {
                let file = percent_decode(file)
                    .ok_or_else(|| StoreError::Url("sslrootcert is not percent-encoded UTF-8".into()))?;
                authorities = (file != "system").then_some(file);
            }
            _ => rest.push(pair),
        }
    }
    if authorities.is_some() && !verify {
        return Err(StoreError::Url("sslrootcert requires sslmode=verify-full".into()));
    }
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((url, if verify { Proof::Certificate { authorities } } else { Proof::None }))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (digits, tail) = tail.split_first_chunk::<2>()?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn client(proof: &Proof) -> StoreResult<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Url(error.to_string()))?;
    let Proof::Certificate { authorities } = proof else {
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            .with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    if let Some(file) = authorities {
        let bad = |reason: String| StoreError::Url(format!("sslrootcert {file}: {reason}"));
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(bad("the file contains no certificate".into()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(StoreError::Url(
                "sslmode=verify-full: no system certificate authorities found; set sslrootcert".into(),
            ));
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Accepts any certificate, as libpq does without verification. The signatures of the handshake are still checked.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::{Host, SslMode};

    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = parse("postgresql://me:secret@db.example:6432/bills?sslmode=verify-full").unwrap();
        assert_eq!(target.config.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!(target.config.get_ports(), [6432]);
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        let own = parse("postgres:///bills?host=/run/postgresql&options=-c%20lock_timeout%3D3s").unwrap();
        assert!(own.config.get_options().unwrap().ends_with("5s -c lock_timeout=3s"));
    }

    #[test]
    fn a_name_has_neither_user_nor_password() {
        for (url, name) in [
            (
                "postgresql://me:secret@db.example:6432/bills?sslmode=verify-full",
                "postgres://db.example:6432/bills",
            ),
            ("postgres://me:secret@a,b:6000/bills", "postgres://a:5432,b:6000/bills"),
            ("postgres://me@db", "postgres://db:5432/me"),
            ("postgres:///bills?host=/run/postgresql", "postgres:///run/postgresql:5432/bills"),
        ] {
            assert_eq!(database_name(url).unwrap(), name, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        // URL | error
        let table = "
            postgres://me:secret@db/bills?sslmode=sometimes                   | sslmode
            postgres://me:secret@db/bills?colour=blue                         | colour
            postgres://me:secret@db:port/bills                                | port
            postgres:///bills                                                 | host missing
            postgres://me:secret@db/bills?sslmode=verify-ca                   | use verify-full
            postgres://me:secret@db/bills?sslrootcert=/no/such/file           | requires sslmode=verify-full
            postgres://me:secret@db/bills?sslmode=verify-full&sslrootcert=/no/such/file | sslrootcert /no/such/file: ";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (url, expected) = row.split_once('|').unwrap();
            let Err(StoreError::Url(said)) = parse(url.trim()) else { panic!("{row}") };
            assert!(said.contains(expected.trim()) && !said.contains("secret"), "{row}\nsaid: {said}");
        }
    }
}
