//! What all request handlers and background workers share: the parts of the deployment, the exporter, and what follows
//! from the configuration (brands, links, retention).

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tollbook_domain::Catalogue;
use tollbook_domain::tenant::Company;
use tollbook_export::{ExportError, ExportedFile, Exporter, ExporterParts, Link};
use tollbook_objects::ObjectStore;
use tollbook_ops::audit::ActingStore;
use tollbook_ops::charging::{Charging, second_opinion};
use tollbook_ops::tasks::Tasks;
use tollbook_ops::{Brand, Clock, Config, LeapWatch, MasterKey, Opinion, random};
use tollbook_store::{Actor, Store};

use crate::body::Bodies;
use crate::connections::Tls;
use crate::key_uses::KeyUses;
use crate::metrics::Metrics;
use crate::nonces::Nonces;
use crate::wire::Limits;

/// The parts that a server is made of.
pub struct Deployment {
    /// Tenants and orders.
    pub store: Arc<dyn Store>,
    /// Where exports are stored.
    pub objects: Arc<dyn ObjectStore>,
    /// Decrypts the private keys in the store.
    pub master: MasterKey,
    /// Display names.
    pub catalogue: Arc<Catalogue>,
    /// Brands, limits, lifetimes of links.
    pub config: Config,
    /// The address that the server listens on. Links start with it if the configuration has no public URL; if it means
    /// all interfaces, with the host of the request.
    pub bound: SocketAddr,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The deployment as handlers and workers use it. Most methods of its parts may block.
pub(crate) struct Service {
    deployment: Deployment,
    exporter: Exporter,
    bodies: Bodies,
    tasks: Arc<Tasks>,
    metrics: Metrics,
    key_uses: KeyUses,
    nonces: Nonces,
    job_submitted: Notify,
    tls: Option<Arc<Tls>>,
    certificate_changed: Arc<Notify>,
    leaps: Arc<LeapWatch>,
}

impl Service {
    pub(crate) fn new(deployment: Deployment) -> Self {
        let exporter = Exporter::new(ExporterParts {
            store: Arc::clone(&deployment.store),
            objects: Arc::clone(&deployment.objects),
            catalogue: Arc::clone(&deployment.catalogue),
            limits: deployment.config.exports,
            reusable_for_s: deployment.config.object_retention_s - deployment.config.link_lifetime_s,
            now_s: {
                let clock = Arc::clone(&deployment.clock);
                Arc::new(move || clock.now_s())
            },
            random: random::u128,
        });
        let nonces = Nonces::new(deployment.config.signing.window_s);
        let bodies = Bodies::new(&deployment.config.server);
        let metrics = Metrics::new(deployment.clock.now_s());
        let store = Arc::clone(&deployment.store);
        let ask = move |now_s| {
            second_opinion(store.as_ref(), now_s).unwrap_or_else(|error| {
                tracing::warn!(%error, "no second opinion on the time");
                Opinion::Unknown
            })
        };
        let leaps = LeapWatch::with_second_opinion(Arc::clone(&deployment.clock), Box::new(ask));
        Self {
            deployment,
            exporter,
            bodies,
            tasks: Arc::default(),
            metrics,
            key_uses: KeyUses::default(),
            nonces,
            job_submitted: Notify::new(),
            tls: None,
            certificate_changed: Arc::default(),
            leaps: Arc::new(leaps),
        }
    }

    /// With the certificate that the server shows, and what tells that it is to be read again.
    pub(crate) fn with_tls(self, tls: Option<Arc<Tls>>, certificate_changed: Arc<Notify>) -> Self {
        Self { tls, certificate_changed, ..self }
    }

    /// The certificate; `None` without TLS.
    pub(crate) fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Completes when the certificate is to be read again.
    pub(crate) async fn certificate_changed(&self) {
        self.certificate_changed.notified().await;
    }

    pub(crate) fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.deployment.store.as_ref()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.deployment.config
    }

    pub(crate) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.deployment.catalogue
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// The bodies of requests that are in memory.
    pub(crate) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// The supervised background tasks.
    pub(crate) fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }

    /// What is counted for the operator's monitoring.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// When keys were used.
    pub(crate) fn key_uses(&self) -> &KeyUses {
        &self.key_uses
    }

    /// The nonces of strictly signed requests.
    pub(crate) fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// The time, in Unix seconds.
    pub(crate) fn now_s(&self) -> i64 {
        self.deployment.clock.now_s()
    }

    /// The time for work that must not be done at a wrong one; `None` while the clock is in doubt.
    pub(crate) fn certain_now_s(&self) -> Option<i64> {
        self.leaps.certain_now_s()
    }

    /// The store as an actor uses it, who is in the audit log with what is done.
    pub(crate) fn acting(&self, actor: Actor) -> ActingStore {
        ActingStore::new(Arc::clone(&self.deployment.store), Arc::clone(&self.deployment.clock), actor)
    }

    /// What watches the clock.
    pub(crate) fn leaps(&self) -> Arc<LeapWatch> {
        Arc::clone(&self.leaps)
    }

    /// What the operations of charging take.
    pub(crate) fn charging(&self) -> Charging<'_> {
        Charging { store: self.store(), config: self.config(), catalogue: self.catalogue() }
    }

    /// The bounds of a request's body.
    pub(crate) fn body_limits(&self) -> Limits {
        let limits = &self.config().limits;
        Limits { body_bytes: limits.body_bytes, parameters: limits.parameters, json_depth: limits.json_depth }
    }

    /// The brand of a company; the default brand if the company's is not configured.
    pub(crate) fn brand_of(&self, company: &Company) -> &Brand {
        self.config().brand(&company.brand).unwrap_or_else(|| self.config().default_brand())
    }

    /// A presigned URL of a file for customers of a brand, who asked for it at `host`. It expires before the file is
    /// deleted.
    pub(crate) fn link(
        &self,
        brand: &Brand,
        host: Option<&str>,
        file: &ExportedFile,
    ) -> Result<String, ExportError> {
        let Deployment { config, objects, bound, .. } = &self.deployment;
        let ends_s = self.now_s().saturating_add(config.link_lifetime_s);
        let link = Link {
            base_url: config.public_url(brand, *bound, host),
            expires_s: ends_s.min(file.stored_s.saturating_add(config.object_retention_s)),
        };
        file.link(objects.as_ref(), &link)
    }

    /// The URL at which people of a company reach the server; `host` is that of the request, if it is known.
    pub(crate) fn url_for(&self, company: &Company, host: Option<&str>) -> String {
        self.config().public_url(self.brand_of(company), self.deployment.bound, host)
    }

    /// Files stored at or before this time may be deleted at any moment.
    pub(crate) fn kept_since_s(&self, now_s: i64) -> i64 {
        now_s.saturating_sub(self.config().object_retention_s)
    }

    /// Notifies the export worker of a new job.
    pub(crate) fn notify_job_submitted(&self) {
        self.job_submitted.notify_one();
    }

    /// Completes when a job has been submitted to this server.
    pub(crate) async fn job_submitted(&self) {
        self.job_submitted.notified().await;
    }
}
