//! A complete deployment for one test, with its own directory, database, clock and port, and the operator's commands.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tollbook_api::{Deployment, ServerError};
use tollbook_domain::tenant::{Company, Organization};
use tollbook_domain::{Catalogue, LineFilter, NewOrder, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectStore};
use tollbook_ops::maintenance::shared_objects::object_keys;
use tollbook_ops::quickstart::{Quickstart, quickstart};
use tollbook_ops::tenancy::{
    companies,
    keys::{self, KeyRights},
};
use tollbook_ops::{Clock, Config, FixedClock, MasterKey};
use tollbook_store::{NewExportJob, Outcome, Store, StoredOrder};

use super::backend::{Backend, TestDatabase};
use super::sample_orders::JOB_ID;

/// 2025-12-01T00:00:00Z, the initial time of the server's clock. Only the test advances the clock.
pub(crate) const NOW_S: i64 = 1_764_547_200;
/// Lifetime of links, in seconds.
pub(crate) const LINK_LIFETIME_S: i64 = 600;
/// Retention of exports, in seconds.
pub(crate) const RETENTION_S: i64 = 3_600;

/// The client is a trusted proxy, so that tests can send requests from any address.
pub(crate) const CONFIG: &str = r#"
link_lifetime_s = 600
object_retention_s = 3600
trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]

[brand.default]
hosts = ["orders.example"]

[brand.acme]
hosts = ["billing.acme.example", "acme.example"]
language = "zh"
channel = 2
time_zone = "Asia/Shanghai"
public_url = "https://billing.acme.example/console"

[brand.coast]
hosts = ["coast.example"]
time_zone = "America/New_York"
"#;

/// An API key with its private key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) public: String,
    pub(crate) private: String,
}

/// The embedded store of a server with this data directory.
pub(crate) fn embedded_store(directory: &Path, master: &MasterKey, config: &Config) -> Arc<EmbeddedStore> {
    let settings = EmbeddedSettings {
        data_directory: directory.to_owned(),
        bucket: "tollbook".to_owned(),
        keys: object_keys(master),
        retention_s: config.object_retention_s,
        spool: config.objects.spool,
    };
    Arc::new(EmbeddedStore::new(settings).unwrap())
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) objects: Arc<EmbeddedStore>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: Config,
    pub(crate) master: MasterKey,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
    directory: TempDir,
    /// Held until the server is dropped. `None` if the test holds the database.
    _database: Option<TestDatabase>,
}

impl Server {
    /// A server with its own database.
    pub(crate) fn start(backend: Backend) -> Self {
        Self::behind(backend, |store| store)
    }

    /// A server whose store is wrapped in another. The operator writes to the inner store.
    pub(crate) fn behind(backend: Backend, wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        Self::configured(backend, CONFIG, wrap)
    }

    /// A server with another configuration.
    pub(crate) fn configured(
        backend: Backend,
        config: &str,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let database = TestDatabase::new(backend);
        let store = database.open();
        let served = wrap(Arc::clone(&store));
        Self::over(config, store, served, MasterKey::generate(), Some(database))
    }

    /// A server with background workers. With all other servers, tests run that work explicitly.
    pub(crate) fn working(backend: Backend) -> Self {
        let database = TestDatabase::new(backend);
        let store = database.open();
        Self::new(CONFIG, Arc::clone(&store), store, MasterKey::generate(), Some(database), true)
    }

    /// A server whose store is `served`. The operator writes to `store`.
    pub(crate) fn over(
        config: &str,
        store: Arc<dyn Store>,
        served: Arc<dyn Store>,
        master: MasterKey,
        database: Option<TestDatabase>,
    ) -> Self {
        Self::new(config, store, served, master, database, false)
    }

    /// Another server on the same database, with its own directory and with background workers.
    pub(crate) fn beside(&self, config: &str) -> Self {
        let store = Arc::clone(&self.store);
        Self::new(config, Arc::clone(&store), store, self.master.clone(), None, true)
    }

    fn new(
        config: &str,
        store: Arc<dyn Store>,
        served: Arc<dyn Store>,
        master: MasterKey,
        database: Option<TestDatabase>,
        has_workers: bool,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::parse(Path::new("tollbook.toml"), config).unwrap();
        let clock = Arc::new(FixedClock::at(NOW_S));
        let objects = embedded_store(directory.path(), &master, &config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let deployment = Deployment {
            store: served,
            objects: Arc::clone(&objects) as Arc<dyn ObjectStore>,
            master: master.clone(),
            catalogue: Arc::new(Catalogue::built_in()),
            config: config.clone(),
            bound: address,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
        };
        let server = tollbook_api::Server::new(listener, deployment, Arc::clone(&objects));
        let server = if has_workers { server } else { server.without_own_work() };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(server.run(async move {
                let _ = stopped.await;
            }))
        });
        Self {
            address,
            clock,
            objects,
            store,
            config,
            master,
            stop: Some(stop),
            thread: Some(thread),
            directory,
            _database: database,
        }
    }

    /// The key that decrypts the server's stored secrets and derives the keys of its object store.
    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Signals the server to stop. Requests in progress are finished.
    pub(crate) fn signal_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until the server has stopped.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }

    /// Adds a company of a brand. The brand need not be configured.
    pub(crate) fn company(&self, name: &str, brand: &str) -> Company {
        let company = companies::add_company(&*self.store, None, name, "CNY", brand).unwrap();
        self.add_job(&company);
        company
    }

    fn add_job(&self, company: &Company) {
        let mut transaction = self.store.begin().unwrap();
        let job = NewExportJob {
            company_id: company.company_id,
            job_id: JOB_ID.to_owned(),
            public_key: "unknown".to_owned(),
            created_s: NOW_S,
            request: "{}".to_owned(),
        };
        transaction.add_export_job(&job).unwrap();
        transaction.commit().unwrap();
    }

    /// Adds an organization to a company.
    pub(crate) fn organization(&self, company: &Company, name: &str) -> Organization {
        companies::add_organization(&*self.store, company.company_id, name).unwrap()
    }

    /// Adds a key to a company.
    pub(crate) fn key(&self, company: &Company, rights: &KeyRights) -> Key {
        let made = keys::add_key(&*self.store, &self.master, company.company_id, rights, 1).unwrap();
        Key { public: made.public_key, private: made.private_key.reveal().to_owned() }
    }

    /// Adds a key without restrictions to a company.
    pub(crate) fn full_key(&self, company: &Company) -> Key {
        self.key(company, &KeyRights::default())
    }

    /// Adds a key that is bound to one organization.
    pub(crate) fn bound_key(&self, company: &Company, organization: &Organization) -> Key {
        let organization_ids = vec![organization.organization_id];
        self.key(company, &KeyRights { organization_ids, ..KeyRights::default() })
    }

    /// Disables a key.
    pub(crate) fn disable(&self, key: &Key) {
        keys::disable_key(&*self.store, &key.public).unwrap();
    }

    /// Deletes every object without the server.
    pub(crate) fn delete_exports(&self) {
        std::fs::remove_dir_all(self.directory.path().join("objects/exports")).unwrap();
    }

    /// The number of export files, finished or not.
    pub(crate) fn export_files(&self) -> usize {
        ["objects", "spool"].iter().map(|name| files_below(&self.directory.path().join(name))).sum()
    }

    /// Adds the month of `tollbook quickstart`. Returns it and its orders, which are read without the code that
    /// computes sums.
    pub(crate) fn quickstart(&self, now_s: i64) -> (Quickstart, Vec<NewOrder>) {
        let config = Config::parse(Path::new("tollbook.toml"), CONFIG).unwrap();
        let catalogue = Catalogue::built_in();
        let store = self.store.as_ref();
        let demo = quickstart(store, &self.master, &config, &catalogue, now_s, &mut |_, _| {}).unwrap();
        let company_id = demo.company.company_id;
        let query = OrderQuery {
            company_id,
            range: TimeRange::everything(),
            statuses: StatusSet::of(&Status::ALL),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let mut snapshot = store.snapshot().unwrap();
        let lines = snapshot.lines(company_id).unwrap();
        let mut orders = Vec::new();
        let mut each = |stored: &StoredOrder| {
            let line = lines.get(stored.line_no).unwrap().as_ref().clone();
            orders.push(NewOrder { company_id, line, order: stored.order.clone() });
            Ok(())
        };
        snapshot.scan(&query, &mut each).unwrap();
        (demo, orders)
    }

    /// Stores orders, all of which must be valid and new.
    pub(crate) fn add(&self, orders: &[NewOrder]) {
        let catalogue = Catalogue::built_in();
        for order in orders {
            assert_eq!(order.check(&catalogue), Ok(()), "{order:?}");
        }
        let mut transaction = self.store.begin().unwrap();
        let outcomes = transaction.add_orders(orders).unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Added));
        transaction.commit().unwrap();
    }
}

fn files_below(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    // Locks are held while the server runs.
    let files =
        entries.filter(|path| !path.ends_with("lock") && path.extension().is_none_or(|e| e != "lock"));
    files.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal_stop();
        if let Some(thread) = self.thread.take() {
            // If the test has already failed, its own message suffices. Otherwise the server must have stopped in
            // order.
            let ended = thread.join();
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "the server failed");
        }
    }
}
