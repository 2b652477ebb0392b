//! The way of every request, in the order in which it is checked (docs/WIRE.md, "Order of checks"): body, action, signature
//! present, key, signature right, address, rate, permission, then the action itself.

mod rate;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tollbook_domain::Catalogue;
use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_export::{ExportError, ExportRequest, ExportedFile, Exporter, ExporterParts, Link};
use tollbook_objects::ObjectStore;
use tollbook_ops::{Brand, Clock, Config, MasterKey, networks, random};
use tollbook_store::{NewExportJob, Snapshot, Store, StoreError};

use crate::actions::delivery::export_request_of_job;
use crate::actions::{Action, AuthorizedSnapshot, Call};
use crate::answer::{Answer, body};
use crate::parameters::Parameters;
use crate::ret_code::Refusal;
use crate::signature::verify;
use crate::wire::{Limits, Request, decode};
use rate::Rates;

/// What a deployment is made of.
pub struct Deployment {
    /// Tenants and orders.
    pub store: Arc<dyn Store>,
    /// Where exports go.
    pub objects: Arc<dyn ObjectStore>,
    /// Opens the private keys that are stored encrypted.
    pub master: MasterKey,
    /// Names for people.
    pub catalogue: Arc<Catalogue>,
    /// Brands, limits, links.
    pub config: Config,
    /// Where customers reach the server when the configuration does not say: what it listens on.
    pub bound: std::net::SocketAddr,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Answers requests. Every call may block.
pub struct Gateway {
    deployment: Deployment,
    limits: Limits,
    rates: Rates,
    exporter: Exporter,
    /// Told of each job that is made.
    jobs: Notify,
}

/// An HTTP request as far as the gateway looks at it.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) method: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) address: IpAddr,
    /// `None`: the body was longer than is read.
    pub(crate) body: Option<&'a [u8]>,
    /// Cancelled when whoever asked has left.
    pub(crate) caller: &'a CancellationToken,
}

/// What became of a request, for the log line.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) action: Option<String>,
    pub(crate) public_key: Option<String>,
    pub(crate) ret_code: i64,
}

impl Gateway {
    /// A gateway of a deployment.
    pub fn new(deployment: Deployment) -> Self {
        let configured = &deployment.config.limits;
        let limits = Limits {
            body_bytes: configured.body_bytes,
            parameters: configured.parameters,
            json_depth: configured.json_depth,
        };
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
        Self { deployment, limits, rates: Rates::default(), exporter, jobs: Notify::new() }
    }

    pub(crate) fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    pub(crate) fn body_limit(&self) -> usize {
        self.limits.body_bytes
    }

    pub(crate) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.deployment.catalogue
    }

    /// The body of the answer. Never fails: a failure is an answer too.
    pub(crate) fn answer(&self, received: &Received<'_>, trace: &mut Trace) -> Vec<u8> {
        let mut action = None;
        // Caught here, where the action is known. What a request changes is its own, so nothing is used half-changed.
        let handled = catch_unwind(AssertUnwindSafe(|| self.handle(received, &mut action, trace)));
        let result = handled.unwrap_or_else(|_| {
            tracing::error!("a request panicked");
            Err(Refusal::Internal)
        });
        trace.ret_code = result.as_ref().map_or_else(Refusal::code, |_| 0);
        trace.action.clone_from(&action);
        body(action.as_deref(), &result)
    }

    fn handle(
        &self,
        received: &Received<'_>,
        action_name: &mut Option<String>,
        trace: &mut Trace,
    ) -> Result<Answer, Refusal> {
        let request = self.read(received)?;
        let parameters = Parameters::new(&request);
        let name = parameters.envelope("Action")?.filter(|name| !name.is_empty());
        let name = name.ok_or(Refusal::MissingAction)?;
        let action = Action::find(name).ok_or_else(|| Refusal::ActionNotFound(name.to_owned()))?;
        *action_name = Some(action.name.to_owned());
        let signature = parameters.envelope("Signature")?.filter(|signature| !signature.is_empty());
        let signature = signature.ok_or(Refusal::MissingSignature)?;
        // It may have waited for its turn for longer than its caller did: no connection is spent on it.
        if received.caller.is_cancelled() {
            return Err(log_and_refuse(StoreError::Cancelled));
        }
        let store = self.deployment.store.as_ref();
        let mut snapshot = store.snapshot_for(received.caller).map_err(log_and_refuse)?;
        let key = known_key(snapshot.as_mut(), &parameters)?;
        trace.public_key = Some(key.public_key.clone());
        self.check_signature(&request, &key, signature, received)?;
        let company = snapshot.company(key.company_id).map_err(log_and_refuse)?.ok_or(Refusal::Internal)?;
        let brand = self.brand_of(&company, received.host)?;
        check_address(&key, received.address)?;
        let now_s = self.deployment.clock.now_s();
        match rate::limit_of(&key) {
            Some(limit) if store.is_shared() => {
                // Counting takes a connection of its own. Requests that each hold one while they wait for another
                // would, all together, wait for ever.
                drop(snapshot);
                self.rates.check_shared(store, &key, limit, now_s)?;
                snapshot = store.snapshot_for(received.caller).map_err(log_and_refuse)?;
            }
            Some(limit) => self.rates.check(&key, limit)?,
            None => {}
        }
        check_project(snapshot.as_mut(), &key, &parameters)?;
        parameters.check_nul()?;
        let snapshot = AuthorizedSnapshot { store, caller: received.caller, snapshot };
        (action.run)(Call { gateway: self, parameters, key: &key, company: &company, brand, snapshot, now_s })
    }

    fn read(&self, received: &Received<'_>) -> Result<Request, Refusal> {
        if !matches!(received.method, "GET" | "POST") {
            return Err(Refusal::not_available("Method", "must be GET or POST"));
        }
        let body = received.body.ok_or_else(|| Refusal::too_large("Body"))?;
        decode(received.method, received.query, received.content_type, body, &self.limits)
    }

    fn check_signature(
        &self,
        request: &Request,
        key: &ApiKey,
        signature: &str,
        received: &Received<'_>,
    ) -> Result<(), Refusal> {
        let private_key =
            self.deployment.master.open(&key.public_key, &key.sealed_private_key).map_err(|error| {
                tracing::error!(%error, public_key = key.public_key, "a private key cannot be opened");
                Refusal::Internal
            })?;
        // Two ways of saying who one is would leave open which one holds (docs/WIRE.md, "Order of checks").
        let bearer = received
            .authorization
            .is_some_and(|value| value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")));
        if bearer || !verify(request, private_key.reveal(), signature) {
            return Err(Refusal::WrongSignature);
        }
        Ok(())
    }

    /// The company's brand. A key at the host of another brand is refused as one of another site is; a host that no
    /// brand claims serves every company.
    fn brand_of(&self, company: &Company, host: Option<&str>) -> Result<&Brand, Refusal> {
        let config = &self.deployment.config;
        let brand = config.brand(&company.brand).unwrap_or_else(|| config.default_brand());
        match host.and_then(|host| config.brand_of_host(host)) {
            Some(at) if at.name != brand.name => Err(Refusal::WrongSignature),
            _ => Ok(brand),
        }
    }

    /// Where exports are asked for.
    pub(crate) fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// Tells who works at jobs that there is a new one.
    pub(crate) fn job_is_due(&self) {
        self.jobs.notify_one();
    }

    /// Waits until a job was made here.
    pub(crate) async fn jobs_made(&self) {
        self.jobs.notified().await;
    }

    /// A link to a file for the customers of a brand. It never outlives the file.
    pub(crate) fn link(&self, brand: &Brand, file: &ExportedFile) -> Result<String, ExportError> {
        let Deployment { config, objects, bound, clock, .. } = &self.deployment;
        let ends_s = clock.now_s().saturating_add(config.link_lifetime_s);
        let link = Link {
            base_url: config.public_url(brand, *bound),
            expires_s: ends_s.min(file.stored_s.saturating_add(config.object_retention_s)),
        };
        file.link(objects.as_ref(), &link)
    }

    /// A file stored before this may be swept away at any moment.
    pub(crate) fn kept_since_s(&self, now_s: i64) -> i64 {
        now_s.saturating_sub(self.deployment.config.object_retention_s)
    }

    /// What the request of a job asks for, if its key may still ask.
    pub(crate) fn export_request_of_job(
        &self,
        job: &NewExportJob,
        stop: &CancellationToken,
    ) -> Result<ExportRequest, Refusal> {
        let request = decode("POST", None, Some("application/json"), job.request.as_bytes(), &self.limits)?;
        let store = self.deployment.store.as_ref();
        let mut snapshot = store.snapshot_for(stop).map_err(log_and_refuse)?;
        let key = snapshot.api_key(&job.public_key).map_err(log_and_refuse)?;
        let key = key.filter(|key| !key.disabled && key.company_id == job.company_id);
        let key = key.ok_or(Refusal::PermissionDenied)?;
        let company = snapshot.company(job.company_id).map_err(log_and_refuse)?.ok_or(Refusal::Internal)?;
        let brand = self.brand_of(&company, None)?;
        export_request_of_job(&Call {
            gateway: self,
            parameters: Parameters::new(&request),
            key: &key,
            company: &company,
            brand,
            snapshot: AuthorizedSnapshot { store, caller: stop, snapshot },
            now_s: self.deployment.clock.now_s(),
        })
    }
}

fn known_key(snapshot: &mut dyn Snapshot, parameters: &Parameters<'_>) -> Result<ApiKey, Refusal> {
    let public_key = parameters.envelope("PublicKey")?.unwrap_or_default();
    // NUL cannot be stored, and so cannot be looked up, by every database.
    let known = !public_key.is_empty() && !public_key.contains('\0');
    let key = if known { snapshot.api_key(public_key).map_err(log_and_refuse)? } else { None };
    key.filter(|key| !key.disabled).ok_or(Refusal::UserNotExists)
}

fn check_address(key: &ApiKey, address: IpAddr) -> Result<(), Refusal> {
    if key.allowed_networks.is_empty() {
        return Ok(());
    }
    let networks: Vec<_> =
        key.allowed_networks.iter().filter_map(|text| networks::parse(text).ok()).collect();
    if networks::any_contains(&networks, address) { Ok(()) } else { Err(Refusal::AddressDenied) }
}

/// `ProjectId` never filters; it must only be one that the key may name (docs/WIRE.md, "Parameters").
fn check_project(
    snapshot: &mut dyn Snapshot,
    key: &ApiKey,
    parameters: &Parameters<'_>,
) -> Result<(), Refusal> {
    let Some(project_id) = parameters.envelope("ProjectId")?.filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    let organizations = snapshot.organizations(key.company_id).map_err(log_and_refuse)?;
    match organizations.iter().find(|organization| organization.project_id == project_id) {
        None => Err(Refusal::ProjectNotExists(project_id.to_owned())),
        Some(organization) if key.may_use(organization.organization_id) => Ok(()),
        Some(_) => Err(Refusal::PermissionDenied),
    }
}

/// What the caller is told of a failure of the store; the log gets the rest, here and nowhere else.
pub(crate) fn log_and_refuse(error: StoreError) -> Refusal {
    let refusal = refusal_for(&error);
    match (&error, &refusal) {
        // Nobody reads the answer.
        (StoreError::Cancelled, _) => {}
        (_, Refusal::ServiceUnavailable) => tracing::error!(%error, "the store cannot answer"),
        _ => tracing::error!(%error, "the store failed"),
    }
    refusal
}

/// Whether it can be tried again soon.
pub(crate) fn refusal_for(error: &StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(_)
        | StoreError::Refused(_)
        | StoreError::TooLong(_)
        | StoreError::Full
        | StoreError::Cancelled => Refusal::ServiceUnavailable,
        _ => Refusal::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut log| log.write(bytes))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_failures_are_logged() {
        let unavailable = Refusal::ServiceUnavailable;
        let table = [
            // error, what is told, whether it is in the log
            (StoreError::Cancelled, unavailable.clone(), false),
            (StoreError::Refused("no".into()), unavailable.clone(), true),
            (StoreError::Full, unavailable, true),
            (StoreError::Database("broken".into()), Refusal::Internal, true),
        ];
        for (error, told, logged) in table {
            let (log, name) = (Log::default(), error.to_string());
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
            assert_eq!(
                tracing::subscriber::with_default(subscriber, || log_and_refuse(error)),
                told,
                "{name}"
            );
            assert_eq!(log.0.lock().is_ok_and(|log| !log.is_empty()), logged, "{name}");
        }
    }
}
