//! The API server on loopback: the same library that the `tollbook` binary serves with, in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollbook_api::{Deployment, Gateway, Server};
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys};
use tollbook_ops::tenancy::companies::{self, KeyRights};
use tollbook_ops::{MasterKey, SystemClock};

use crate::Result;
use crate::http::Keys;
use crate::site::Site;

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) keys: Keys,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where exports of a site go.
pub(crate) fn objects(site: &Site) -> Result<EmbeddedStore> {
    Ok(EmbeddedStore::new(EmbeddedSettings {
        data_directory: site.directory.clone(),
        bucket: "exports".into(),
        keys: ObjectKeys::new("TOKEN_bench", "bench"),
        retention_s: 86_400,
        spool_bytes: 16 << 30,
    })?)
}

impl Running {
    /// Serves a site under a master key and an API key of its own.
    pub(crate) fn start(site: &Site) -> Result<Self> {
        let master = MasterKey::generate();
        let new =
            companies::add_key(site.store.as_ref(), &master, site.company.company_id, &KeyRights::default())?;
        let keys = Keys { public: new.public_key, private: new.private_key.reveal().to_owned() };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let objects = Arc::new(objects(site)?);
        let gateway = Gateway::new(Deployment {
            store: Arc::clone(&site.store),
            objects: objects.clone(),
            master,
            catalogue: Arc::clone(&site.catalogue),
            config: site.config.clone(),
            bound: address,
            clock: Arc::new(SystemClock),
        });
        let server = Server::new(listener, gateway, objects);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let served = runtime.block_on(server.run(async {
                // Asked to stop, or its owner is gone: the same.
                let _ = stopped.await;
            }));
            if let Err(error) = served {
                eprintln!("{error}");
            }
        });
        Ok(Self { address, keys, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
