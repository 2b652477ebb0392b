//! Runs a route, once by its key if it needs one. Programs come over HTTP, people through the console.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tollbook_store::{Actor, AuditHash, RequestClaim, StoreError};

use super::call::Call;
use super::failed::Failed;
use super::route::{Once, Replay, Route};
use super::table::ROUTES;
use super::values::Values;
use crate::operator::exchange::{Problem, log_and_report};
use crate::service::Service;

/// What a request states, checked by the table of its route.
pub(super) struct Given {
    pub(super) values: Values,
    /// The file that is the body, with the ending of its content type.
    pub(super) file: Option<(&'static str, Vec<u8>)>,
}

/// A route that the console runs for a person.
pub(crate) struct PersonsRequest<'a> {
    /// Its name in the table.
    pub(crate) route: &'a str,
    /// The values by the names of parameters, wherever the route has them.
    pub(crate) values: Vec<(String, Value)>,
    /// The idempotency key, for routes that need one.
    pub(crate) key: &'a str,
    /// The file with its ending, such as `.toml`.
    pub(crate) file: Option<(String, Vec<u8>)>,
}

/// Runs a route for a person, as `actor`. The rules, the audit log and the answers are those of the operator's API; what the
/// person may do is not checked here.
///
/// # Errors
/// As for a program.
pub(crate) fn run_for_person(
    service: &Service,
    actor: &Actor,
    request: PersonsRequest<'_>,
) -> Result<Value, Failed> {
    let PersonsRequest { route, values, key, file } = request;
    let route = ROUTES.iter().find(|known| known.name == route);
    let route = route.ok_or_else(|| Failed::from(Problem::NotFound("there is no such route".into())))?;
    let file = match (route.file, file) {
        (None, _) => None,
        (Some(known), Some((ending, bytes))) => {
            let known = known.media_types.iter().find(|(_, known)| *known == ending);
            let (_, ending) = known.ok_or_else(|| Failed::malformed("the file must be .toml or .json"))?;
            Some((*ending, bytes))
        }
        (Some(_), None) => return Err(Failed::malformed("a file is missing")),
    };
    let given = Given { values: Values::of_pairs(route.parameters, values)?, file };
    run_once(service, route, actor, key, &given)
}

/// The digest by which a repeated request is recognized.
fn digest(route: &Route, given: &Given) -> AuditHash {
    let mut hash = Sha256::new();
    for part in [route.name.as_bytes(), given.values.canonical().as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(given.file.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default());
    hash.finalize().into()
}

pub(super) fn run_once(
    service: &Service,
    route: &Route,
    actor: &Actor,
    once_key: &str,
    given: &Given,
) -> Result<Value, Failed> {
    let claimed = match route.once {
        Once::ByClaim(replay) => {
            Some((replay, RequestClaim { key: once_key.to_owned(), digest: digest(route, given) }))
        }
        Once::AsItIs | Once::ByItsKey => None,
    };
    let mut acting = service.acting(actor.clone());
    if let Some((_, claim)) = &claimed {
        acting = acting.claiming(claim.clone());
    }
    let file = given.file.as_ref().map(|(ending, bytes)| (*ending, bytes.as_slice()));
    let call = Call { service, acting: &acting, values: &given.values, key: once_key, file };
    let Some((replay, claim)) = claimed else { return (route.run)(&call) };
    if let Some(answer) = replayed(&call, actor, &claim, replay)? {
        return Ok(answer);
    }
    match (route.run)(&call) {
        // The same request was done meanwhile.
        Err(Failed::Claimed) => replayed(&call, actor, &claim, replay)?.ok_or(Failed::Claimed),
        result => result,
    }
}

/// The answer to a request that was done before; `None` if it was not.
fn replayed(
    call: &Call<'_>,
    actor: &Actor,
    claim: &RequestClaim,
    replay: Replay,
) -> Result<Option<Value>, Failed> {
    let mut snapshot = call.store().snapshot()?;
    let Some(known) = snapshot.claimed_request(&actor.name, &claim.key)? else { return Ok(None) };
    if known.digest != claim.digest {
        return Err(Failed::conflict(format!("the key {:?} belongs to another request", claim.key)));
    }
    let entry = snapshot.audit_entries(known.company_id, known.entry_no, 1)?.into_iter().next();
    drop(snapshot);
    let entry = entry.filter(|entry| entry.entry_no == known.entry_no).ok_or_else(|| {
        let lost = StoreError::Damaged("the entry of the audit log of a request is missing".into());
        Failed::Problem(log_and_report(&lost), None)
    })?;
    replay(call, &entry).map(Some)
}
