//! The routes on axum: finds the route, authorizes, reads the parameters, and runs it once.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use serde_json::{Value, json};
use tollbook_store::OperatorKey;

use super::failed::{Failed, IDEMPOTENCY_KEY};
use super::once::{Given, run_once};
use super::openapi::openapi;
use super::route::Route;
use super::table::ROUTES;
use super::values::Values;
use crate::operator::exchange::{
    Exchange, Problem, Reply, actor_of, authorize_for, run_blocking, run_writing,
};
use crate::operator::state::OperatorRoutes;
use crate::operator::upload::read;

const JSON: &str = "application/json";
/// Longest body of JSON members, in bytes.
const MAX_JSON_BYTES: usize = 1 << 20;
/// Longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// The header of an answer to a request that was done before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A path of the table.
#[derive(Clone)]
struct Bound {
    routes: Arc<OperatorRoutes>,
    path: &'static str,
    /// The methods that it has, for answers to others.
    methods: &'static str,
}

/// The router of everything below `/operator/v1`, and of its description.
pub(crate) fn router(routes: &Arc<OperatorRoutes>) -> Router {
    let document = openapi().to_string();
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut router = Router::new()
        .route(
            "/operator/openapi.json",
            get(async move || ([(header::CONTENT_TYPE, JSON)], document.clone())),
        )
        .route("/operator/v1", any(unknown))
        .route("/operator/v1/{*rest}", any(unknown));
    for path in paths {
        let methods: Vec<&str> =
            ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect();
        // Once at the start of a server, for as long as it runs.
        let bound = Bound { routes: Arc::clone(routes), path, methods: methods.join(", ").leak() };
        router = router.route(path, any(answer).with_state(bound));
    }
    router
}

async fn unknown() -> Response {
    Exchange::reply("/operator", async || {
        reply_of(Err(Problem::NotFound("there is no such path".into()).into()))
    })
    .await
}

async fn answer(State(bound): State<Bound>, path: RawPathParams, request: Request) -> Response {
    let path: Vec<(String, String)> =
        path.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    Exchange::reply(bound.path, async || reply_of(done(&bound, path, request).await)).await
}

fn reply_of(result: Result<Value, Failed>) -> Reply {
    let content_type = Some(JSON);
    match result {
        Ok(answer) => {
            let header = (answer.get("Repeated") == Some(&Value::Bool(true)))
                .then(|| (REPLAYED, HeaderValue::from_static("true")));
            Reply { status: StatusCode::OK, content_type, body: answer.to_string().into_bytes(), header }
        }
        Err(failed) => {
            let (problem, parameter) = match failed {
                Failed::Problem(problem, parameter) => (problem, parameter),
                // The other request was not found again: it is as if this one had not been tried.
                Failed::Claimed => (Problem::Unavailable, None),
            };
            let (status, header) = (problem.status(), problem.header());
            let mut body = json!({"Error": problem.text()});
            if let Some(parameter) = parameter {
                body["Parameter"] = parameter.into();
            }
            Reply { status, content_type, body: body.to_string().into_bytes(), header }
        }
    }
}

async fn done(bound: &Bound, path: Vec<(String, String)>, request: Request) -> Result<Value, Failed> {
    let (head, body) = request.into_parts();
    let found = ROUTES.iter().find(|route| route.path == bound.path && route.method == head.method.as_str());
    let checked = async {
        let route = found.ok_or(Problem::Method(bound.methods))?;
        let key = authorize_for(&bound.routes, &head.headers, route.role).await?;
        Ok::<_, Failed>((
            route,
            key,
            idempotency_key(route, &head.headers)?,
            content_type(route, &head.headers)?,
        ))
    };
    let (route, key, once_key, ending) = match checked.await {
        Ok(checked) => checked,
        Err(failed) => {
            bound.routes.service.bodies().drain(body).await;
            return Err(failed);
        }
    };
    let read = read_body(bound, route, &head, &path, ending, body).await?;
    run(bound, route, &key, &head, once_key, read).await
}

async fn read_body(
    bound: &Bound,
    route: &'static Route,
    head: &Parts,
    path: &[(String, String)],
    ending: Option<&'static str>,
    body: Body,
) -> Result<Given, Failed> {
    let most = match (route.file, route.has_members()) {
        (Some(_), _) => bound.routes.service.config().charging.batch_bytes,
        (None, true) => MAX_JSON_BYTES,
        (None, false) => 0,
    };
    let bytes = match read(&bound.routes, body, most).await {
        Ok(body) => body.bytes,
        Err(Problem::TooLarge(_)) if most == 0 => return Err(Failed::malformed("the request takes no body")),
        Err(problem) => return Err(problem.into()),
    };
    let members = route.has_members().then_some(bytes.as_slice());
    let values = Values::read(route.parameters, path, head.uri.query(), members)?;
    Ok(Given { values, file: ending.map(|ending| (ending, bytes)) })
}

/// The idempotency key of a request whose route takes one.
fn idempotency_key(route: &Route, headers: &HeaderMap) -> Result<String, Failed> {
    let refuse = |reason: &str| Err(Failed::parameter(IDEMPOTENCY_KEY, reason));
    let mut stated = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = stated.next() else {
        return if route.once.needs_key() {
            refuse("this header is required: the request is done once by it")
        } else {
            Ok(String::new())
        };
    };
    if !route.once.needs_key() {
        return refuse("this header is not taken here: repeating the request changes nothing more");
    }
    let key = key.to_str().unwrap_or_default().trim();
    if stated.next().is_some() {
        refuse("this header is given more than once")
    } else if key.is_empty() || key.len() > MAX_KEY_BYTES {
        refuse("must be 1 to 256 printable ASCII characters")
    } else {
        Ok(key.to_owned())
    }
}

/// Checks the content type; returns the ending of files of it, if the body is a file.
fn content_type(route: &Route, headers: &HeaderMap) -> Result<Option<&'static str>, Failed> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::ContentType("the body must not be compressed").into());
    }
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stated = stated.split(';').next().unwrap_or_default().trim();
    match route.file {
        Some(file) => {
            let known = file.media_types.iter().find(|(known, _)| known.eq_ignore_ascii_case(stated));
            let refused =
                Problem::ContentType("the content type must be application/toml or application/json");
            known.map(|(_, ending)| Some(*ending)).ok_or_else(|| refused.into())
        }
        None if route.has_members() && !stated.eq_ignore_ascii_case(JSON) => {
            Err(Problem::ContentType("the content type must be application/json").into())
        }
        None => Ok(None),
    }
}

async fn run(
    bound: &Bound,
    route: &'static Route,
    key: &OperatorKey,
    head: &Parts,
    once_key: String,
    body: Given,
) -> Result<Value, Failed> {
    let service = Arc::clone(&bound.routes.service);
    let actor = actor_of(&bound.routes, key, head);
    let work = move || run_once(&service, route, &actor, &once_key, &body);
    if route.writes() {
        run_writing(&bound.routes, work).await?
    } else {
        run_blocking(&bound.routes, work).await?
    }
}
