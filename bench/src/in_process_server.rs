//! The API server on loopback in this process, with the library that the `tollbook` binary uses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollbook_api::{Deployment, Server};
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys};
use tollbook_ops::tenancy::keys::{self, KeyRights};
use tollbook_ops::{MasterKey, SystemClock};

use crate::fixture::Fixture;
use crate::http::Keys;
use crate::result::Result;

/// A server. Dropping it stops it.
pub(crate) struct InProcessServer {
    pub(crate) address: SocketAddr,
    pub(crate) keys: Keys,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The object store of a fixture's exports.
pub(crate) fn objects(fixture: &Fixture) -> Result<EmbeddedStore> {
    Ok(EmbeddedStore::new(EmbeddedSettings {
        data_directory: fixture.directory.clone(),
        bucket: "exports".into(),
        keys: ObjectKeys::new("TOKEN_bench", "bench"),
        retention_s: 86_400,
        spool: tollbook_objects::SpoolLimits { bytes: 16 << 30, free_bytes: 0 },
    })?)
}

impl InProcessServer {
    /// Serves a fixture with a new master key and a new API key.
    pub(crate) fn start(fixture: &Fixture) -> Result<Self> {
        let master = MasterKey::generate();
        let new = keys::add_key(
            fixture.store.as_ref(),
            &master,
            fixture.company.company_id,
            &KeyRights::default(),
            tollbook_ops::Clock::now_s(&tollbook_ops::SystemClock),
        )?;
        let keys = Keys { public: new.public_key, private: new.private_key.reveal().to_owned() };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let objects = Arc::new(objects(fixture)?);
        let deployment = Deployment {
            store: Arc::clone(&fixture.store),
            objects: objects.clone(),
            master,
            catalogue: Arc::clone(&fixture.catalogue),
            config: fixture.config.clone(),
            bound: address,
            clock: Arc::new(SystemClock),
        };
        let server = Server::new(listener, deployment, objects);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let served = runtime.block_on(server.run(async {
                // The sender is never used: dropping it stops the server.
                let _ = stopped.await;
            }));
            if let Err(error) = served {
                eprintln!("{error}");
            }
        });
        Ok(Self { address, keys, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for InProcessServer {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
