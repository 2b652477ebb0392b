//! The checks of every request, in the documented order (docs/WIRE.md, "Order of checks"): body, action, presence of a
//! signature, key, signature, address, rate, project, nonce. A request that passes runs its action.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_ops::{Brand, networks};
use tollbook_store::{Snapshot, StoreError};
use tracing::Span;

use super::concurrency::{Admission, Concurrency, Waiting};
use super::names::{check_names, warnings};
use super::rate::Rates;
use super::strict::{StrictParts, StrictSignature, demand};
use crate::actions::{Action, AuthorizedSnapshot, Call};
use crate::answer::{Answer, Warning, body};
use crate::blocking::Workers;
use crate::body::BodyError;
use crate::failure::log_and_refuse;
use crate::parameters::Parameters;
use crate::ret_code::Refusal;
use crate::service::Service;
use crate::signature::{Dialect, string_to_sign, verify};
use crate::wire::{Limits, Request, decode};

/// Checks requests and has them answered. Every call may block.
pub(crate) struct Gateway {
    service: Arc<Service>,
    limits: Limits,
    rates: Rates,
    concurrency: Concurrency,
}

/// The parts of an HTTP request that are checked.
#[derive(Debug)]
pub(super) struct Received<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) host: Option<&'a str>,
    pub(super) address: IpAddr,
    /// The request's id, which the answer repeats.
    pub(super) request_uuid: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Result<&'a [u8], BodyError>,
    /// Cancelled when the client disconnects.
    pub(super) caller: &'a CancellationToken,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) ret_code: i64,
    /// The action, if it is known.
    pub(super) action: Option<&'static str>,
    /// Whether the request names an action, known or not.
    pub(super) names_action: bool,
    pub(super) body: Vec<u8>,
}

/// What is known of a request so far, and is in its answer whatever becomes of it.
#[derive(Default)]
struct Known {
    action: Option<&'static Action>,
    names_action: bool,
    warnings: Vec<Warning>,
}

/// Why a request is not answered yet, or not as asked.
enum Unanswered {
    Refused(Refusal),
    /// Too many requests of the key or the company are under way.
    Waiting(Waiting),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Gateway {
    pub(crate) fn new(service: Arc<Service>, workers: &Workers) -> Self {
        let limits = service.body_limits();
        let bounds = &service.config().limits;
        let concurrency = Concurrency::new(
            bounds.requests_per_key,
            bounds.requests_per_company,
            Arc::clone(workers.writing()),
        );
        let rates = Rates::new(bounds.key_rate_per_s, bounds.company_rate_per_s);
        Self { service, limits, rates, concurrency }
    }

    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Longest body, in bytes.
    pub(super) fn body_limit(&self) -> usize {
        self.limits.body_bytes
    }

    /// Answers a request, or returns what it has to wait for; then it is answered with the admission that it waited for.
    /// Never fails: a failure is an answer too. The current tracing span gets the action, the company and the key as they
    /// become known.
    pub(super) fn answer(
        &self,
        received: &Received<'_>,
        admission: Option<Admission>,
    ) -> Result<Answered, Waiting> {
        let mut known = Known::default();
        // Caught here, where the action is known. A request changes only values of its own, so nothing half-changed is used.
        let handled = catch_unwind(AssertUnwindSafe(|| self.handle(received, admission, &mut known)));
        let result = handled.unwrap_or_else(|_| {
            tracing::error!("a request panicked");
            Err(Refusal::Internal.into())
        });
        let result = match result {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Refused(refusal)) => Err(refusal),
            Err(Unanswered::Waiting(waiting)) => return Err(waiting),
        };
        let ret_code = result.as_ref().map_or_else(Refusal::code, |_| 0);
        let Known { action, names_action, warnings } = known;
        let action = action.map(|action| action.name);
        let body = body(action, received.request_uuid, &result, &warnings);
        Ok(Answered { ret_code, action, names_action, body })
    }

    fn handle(
        &self,
        received: &Received<'_>,
        admission: Option<Admission>,
        known: &mut Known,
    ) -> Result<Answer, Unanswered> {
        let request = self.read(received)?;
        let parameters = Parameters::new(&request);
        let action = named_action(&parameters);
        known.names_action = !matches!(action, Err(Refusal::MissingAction));
        let action = action?;
        known.action = Some(action);
        let span = Span::current();
        span.record("action", action.name);
        let signature = parameters.envelope("Signature")?.filter(|signature| !signature.is_empty());
        let strict = StrictSignature::of(received.headers)?;
        if signature.is_none() && strict.is_none() {
            return Err(Refusal::MissingSignature.into());
        }
        // The client may have disconnected while the request was queued. No connection is spent on it then.
        if received.caller.is_cancelled() {
            return Err(log_and_refuse(StoreError::Cancelled).into());
        }
        let store = self.service.store();
        let mut snapshot = store.snapshot_for(received.caller).map_err(log_and_refuse)?;
        let now_s = self.service.now_s();
        let key = known_key(snapshot.as_mut(), &parameters, now_s)?;
        span.record("company_id", key.company_id);
        span.record("public_key", key.public_key.as_str());
        self.check_signatures(&request, &key, signature, strict.as_ref(), received)?;
        if strict.is_none() {
            known.warnings = warnings(&request, action);
        }
        let company = snapshot.company(key.company_id).map_err(log_and_refuse)?.ok_or(Refusal::Internal)?;
        let brand = self.check_host(&company, received.host)?;
        let config = self.service.config();
        match &strict {
            Some(strict) => strict.check_time(now_s, config.signing.window_s)?,
            None if demand(&key, brand, config).demands(action.permission) => {
                return Err(Refusal::StrictSignatureRequired.into());
            }
            None => {}
        }
        check_address(&key, received.address)?;
        // Before the rate, which counts a request once.
        let _admission = if let Some(admission) = admission.filter(|admission| admission.is_of(&key)) {
            admission
        } else {
            // A nonce is written too.
            let writes = strict.is_some() || action.writes(&parameters);
            self.concurrency.admit(&key, writes)?.map_err(Unanswered::Waiting)?
        };
        self.rates.check(&key, store.is_shared())?;
        if let Some(limit) = Rates::counted_by_the_store(&key, store.is_shared()) {
            // Counting takes a connection of its own. Requests that each held one while they wait for another would block
            // each other for ever.
            drop(snapshot);
            self.rates.check_shared(store, &key, limit, now_s)?;
            snapshot = store.snapshot_for(received.caller).map_err(log_and_refuse)?;
        }
        if !key.allows(action.permission) {
            return Err(Refusal::PermissionDenied.into());
        }
        check_project(snapshot.as_mut(), &key, &parameters)?;
        self.service.key_uses().used(&key, now_s);
        parameters.check_nul()?;
        if let Some(strict) = &strict {
            check_names(&request, action)?;
            // As above. It is the last check, so that a request which is refused may be sent again.
            drop(snapshot);
            let durable = action.writes(&parameters);
            let nonces = self.service.nonces();
            if !nonces
                .remember(store, &key, strict.signed_s, strict.nonce, durable)
                .map_err(log_and_refuse)?
            {
                return Err(Refusal::NonceUsed(strict.nonce.to_owned()).into());
            }
            snapshot = store.snapshot_for(received.caller).map_err(log_and_refuse)?;
        }
        let snapshot = AuthorizedSnapshot { store, caller: received.caller, snapshot };
        let service = self.service.as_ref();
        let (host, address) = (received.host, Some(received.address));
        let call =
            Call { service, parameters, key: &key, company: &company, brand, host, address, snapshot, now_s };
        Ok(action.run(call)?)
    }

    fn read(&self, received: &Received<'_>) -> Result<Request, Refusal> {
        if !matches!(received.method, "GET" | "POST") {
            return Err(Refusal::not_available("Method", "must be GET or POST"));
        }
        let body = received.body.map_err(|error| match error {
            BodyError::TooLong => Refusal::too_large("Body"),
            BodyError::Unavailable => Refusal::ServiceUnavailable,
        })?;
        decode(received.method, received.query, received.content_type, body, &self.limits)
    }

    /// Checks the signatures that the request has, of which there is one at least. Each must be right.
    fn check_signatures(
        &self,
        request: &Request,
        key: &ApiKey,
        signature: Option<&str>,
        strict: Option<&StrictSignature<'_>>,
        received: &Received<'_>,
    ) -> Result<(), Refusal> {
        let master = &self.service.deployment().master;
        let opened = master.open_learning(self.service.store(), &key.public_key, &key.sealed_private_key);
        let private_key = opened.map_err(|error| {
            tracing::error!(%error, "a private key cannot be decrypted");
            Refusal::Internal
        })?;
        // A signature and a bearer token name two identities, and neither takes precedence (docs/WIRE.md, "Order of checks").
        let bearer = received
            .authorization
            .is_some_and(|value| value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")));
        if bearer {
            return Err(Refusal::WrongSignature);
        }
        if signature.is_some_and(|signature| !verify(request, private_key.reveal(), signature)) {
            return Err(self.wrong_signature(|| string_to_sign(request, Dialect::Documented)));
        }
        let parts = StrictParts {
            method: received.method,
            path: received.path,
            query: received.query.unwrap_or_default(),
            content_type: received.content_type.unwrap_or_default(),
            body: received.body.unwrap_or_default(),
        };
        match strict {
            Some(strict) if !strict.is_of(&parts, private_key.reveal()) => {
                Err(self.wrong_signature(|| strict.string_to_sign(&parts)))
            }
            _ => Ok(()),
        }
    }

    /// The refusal of a wrong signature, with the signed text if the deployment shows it. It has no secret: all of it is in
    /// the request.
    fn wrong_signature(&self, text: impl FnOnce() -> String) -> Refusal {
        if self.service.config().signing.debug {
            Refusal::WrongSignatureOf(text())
        } else {
            Refusal::WrongSignature
        }
    }

    /// The company's brand, unless the host belongs to another one: its keys are unknown at that site. A host of no
    /// brand serves every company.
    fn check_host(&self, company: &Company, host: Option<&str>) -> Result<&Brand, Refusal> {
        let brand = self.service.brand_of(company);
        match host.and_then(|host| self.service.config().brand_of_host(host)) {
            Some(at) if at.name != brand.name => Err(Refusal::WrongSignature),
            _ => Ok(brand),
        }
    }
}

fn named_action(parameters: &Parameters<'_>) -> Result<&'static Action, Refusal> {
    let name = parameters.envelope("Action")?.filter(|name| !name.is_empty());
    let name = name.ok_or(Refusal::MissingAction)?;
    Action::find(name).ok_or_else(|| Refusal::ActionNotFound(name.to_owned()))
}

fn known_key(
    snapshot: &mut dyn Snapshot,
    parameters: &Parameters<'_>,
    now_s: i64,
) -> Result<ApiKey, Refusal> {
    let public_key = parameters.envelope("PublicKey")?.unwrap_or_default();
    // Not every database can store NUL, so not every one can look it up.
    let known = !public_key.is_empty() && !public_key.contains('\0');
    let key = if known { snapshot.api_key(public_key).map_err(log_and_refuse)? } else { None };
    key.filter(|key| key.is_usable(now_s)).ok_or(Refusal::UserNotExists)
}

fn check_address(key: &ApiKey, address: IpAddr) -> Result<(), Refusal> {
    if key.allowed_networks.is_empty() {
        return Ok(());
    }
    let networks: Vec<_> =
        key.allowed_networks.iter().filter_map(|text| networks::parse(text).ok()).collect();
    if networks::any_contains(&networks, address) { Ok(()) } else { Err(Refusal::AddressDenied) }
}

/// `ProjectId` never filters. It must only name a project that the key may use (docs/WIRE.md, "Parameters").
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
