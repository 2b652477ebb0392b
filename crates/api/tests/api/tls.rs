//! TLS of the server: versions, renewal under load, broken renewals, and peers that do not complete a handshake.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tollbook_api::{Deployment, ServerError, ServerTls, Tls, TlsError};
use tollbook_domain::Catalogue;
use tollbook_ops::{Config, FixedClock, MasterKey};
use tollbook_store::{StoreOptions, open_sqlite};

use crate::http::server::embedded_store;

/// 2026-01-01T00:00:00Z.
const NOW_S: i64 = 1_767_225_600;

/// A self-signed certificate of `localhost`, with its key, in PEM form.
struct Pair {
    certificate: String,
    private_key: String,
    der: CertificateDer<'static>,
}

fn pair(name: &str, until_year: i32) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    let made = params.self_signed(&key).unwrap();
    Pair { certificate: made.pem(), private_key: key.serialize_pem(), der: made.der().clone() }
}

struct Fixture {
    folder: TempDir,
    tls: Arc<Tls>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

fn write(folder: &Path, pair: &Pair) {
    std::fs::write(folder.join("certificate.pem"), &pair.certificate).unwrap();
    std::fs::write(folder.join("key.pem"), &pair.private_key).unwrap();
}

impl Fixture {
    /// A server that shows this certificate.
    fn start(pair: &Pair, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), pair);
        let text = format!("[tls]\ncertificate = \"certificate.pem\"\nprivate_key = \"key.pem\"\n{more}");
        let config = Config::parse(&folder.path().join("tollbook.toml"), &text).unwrap();
        let tls = Arc::new(Tls::load(config.tls.as_ref().unwrap()).unwrap());
        let store = open_sqlite(&folder.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let master = MasterKey::generate();
        let objects = embedded_store(folder.path(), &master, &config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let deployment = Deployment {
            store,
            objects: objects.clone(),
            master,
            catalogue: Arc::new(Catalogue::built_in()),
            config,
            bound: address,
            clock: Arc::new(FixedClock::at(NOW_S)),
        };
        let shown = ServerTls { certificate: Some(Arc::clone(&tls)), ..ServerTls::default() };
        let server = tollbook_api::Server::with_tls(listener, deployment, objects, shown).without_own_work();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(server.run(async move {
                let _ = stopped.await;
            }))
        });
        Self { folder, tls, address, stop: Some(stop), thread: Some(thread) }
    }

    fn renew(&self, pair: &Pair) -> Result<bool, TlsError> {
        write(self.folder.path(), pair);
        self.tls.reload(NOW_S)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(Ok(())))), "the server failed");
    }
}

/// An open connection over TLS.
struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    /// Connects to a server, and trusts these certificates alone.
    fn connect(
        address: SocketAddr,
        trusted: &[&Pair],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for pair in trusted {
            roots.add(pair.der.clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// Sends a request, and reads the answer, which must be 200 with the text `ok`.
    fn ask(&mut self) -> std::io::Result<()> {
        self.0.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\nok\n") {
            let mut bytes = [0; 1024];
            let count = self.0.read(&mut bytes)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            read.extend_from_slice(&bytes[..count]);
        }
        assert!(read.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&read));
        Ok(())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

/// What a server shows to a new connection.
fn shown(fixture: &Fixture, trusted: &[&Pair]) -> CertificateDer<'static> {
    Client::connect(fixture.address, trusted, rustls::ALL_VERSIONS).unwrap().certificate()
}

#[test]
fn a_certificate_is_renewed_under_load_without_a_failed_request() {
    let (first, second) = (pair("first", 2030), pair("second", 2031));
    let fixture = Fixture::start(&first, "");
    let trusted = [&first, &second];
    let open = || Client::connect(fixture.address, &trusted, rustls::ALL_VERSIONS).unwrap();
    let mut kept = open();
    kept.ask().unwrap();
    assert_eq!(kept.certificate(), first.der);
    let (is_over, asked, with_second) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut reused = open();
                while !is_over.load(Ordering::SeqCst) {
                    let mut new = open();
                    new.ask().unwrap();
                    reused.ask().unwrap();
                    with_second.fetch_add(usize::from(new.certificate() == second.der), Ordering::SeqCst);
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let wait_for = |count: &AtomicUsize| {
            while count.load(Ordering::SeqCst) < 20 {
                std::thread::yield_now();
            }
        };
        wait_for(&asked);
        assert!(fixture.renew(&second).unwrap());
        wait_for(&with_second);
        is_over.store(true, Ordering::SeqCst);
    });
    kept.ask().unwrap();
    assert_eq!(shown(&fixture, &trusted), second.der);
    assert!(!fixture.renew(&second).unwrap(), "nothing has changed");
}

#[test]
fn a_broken_renewal_is_refused_and_the_former_certificate_stays() {
    let (first, second, ended) = (pair("first", 2030), pair("second", 2031), pair("ended", 2025));
    let fixture = Fixture::start(&first, "");
    let mixed = || Pair { private_key: first.private_key.clone(), ..pair("mixed", 2031) };
    let broken = |certificate: &str, private_key: &str| Pair {
        certificate: certificate.to_owned(),
        private_key: private_key.to_owned(),
        der: first.der.clone(),
    };
    for (renewed, reason) in [
        (mixed(), "certificate.pem: the certificate and its private key cannot be used"),
        (broken("", &first.private_key), "certificate.pem: has no certificate in PEM form"),
        (
            broken(&second.certificate[..200], &second.private_key),
            "certificate.pem: has no certificate in PEM form",
        ),
        (broken(&second.certificate, "secret"), "key.pem: has no private key in PEM form"),
        (broken(&ended.certificate, &ended.private_key), "certificate.pem: the certificate has ended"),
    ] {
        let refused = fixture.renew(&renewed).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        assert!(!refused.contains("secret"));
        assert!(!fixture.tls.reload(NOW_S).unwrap(), "the same content is refused once");
        assert_eq!(shown(&fixture, &[&first]), first.der);
    }
    std::fs::remove_file(fixture.folder.path().join("key.pem")).unwrap();
    assert!(fixture.tls.reload(NOW_S).unwrap_err().to_string().contains("key.pem: "));
    assert!(fixture.renew(&second).unwrap());
    assert_eq!(shown(&fixture, &[&second]), second.der);
    assert_eq!(fixture.tls.expires_s(), 1_924_992_000);
}

#[test]
fn versions_below_the_minimum_are_refused() {
    let own = pair("own", 2030);
    let (old, new) = ([&rustls::version::TLS12], [&rustls::version::TLS13]);
    for (more, accepted) in [("", [true, true]), ("minimum_version = \"1.3\"\n", [false, true])] {
        let fixture = Fixture::start(&own, more);
        for (versions, accepted) in [&old[..], &new[..]].into_iter().zip(accepted) {
            let client = Client::connect(fixture.address, &[&own], versions);
            assert_eq!(client.is_ok_and(|mut client| client.ask().is_ok()), accepted, "{more}");
        }
    }
}

/// Reads until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn peers_without_a_handshake_are_told_or_closed() {
    let own = pair("own", 2030);
    let fixture = Fixture::start(&own, "[server]\nhead_timeout_s = 1\n");
    let mut plain = TcpStream::connect(fixture.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let told = rest(plain);
    assert!(told.starts_with("HTTP/1.1 400 ") && told.ends_with("served by HTTPS alone\n"), "{told}");
    // The beginning of a handshake, and nothing more.
    let mut slow = TcpStream::connect(fixture.address).unwrap();
    slow.write_all(&[22, 3, 1]).unwrap();
    assert_eq!(rest(slow), "", "closed after the time of a head");
    Client::connect(fixture.address, &[&own], rustls::ALL_VERSIONS).unwrap().ask().unwrap();
}

#[test]
fn connections_in_a_handshake_count_and_make_room() {
    let own = pair("own", 2030);
    let fixture = Fixture::start(&own, "[server]\nconnections = 2\nhead_timeout_s = 600\n");
    let begun: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(fixture.address).unwrap();
            stream.write_all(&[22, 3, 1]).unwrap();
            stream
        })
        .collect();
    // There is no place left, and one of them is closed for it.
    Client::connect(fixture.address, &[&own], rustls::ALL_VERSIONS).unwrap().ask().unwrap();
    drop(begun);
}
