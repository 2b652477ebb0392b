//! The HTTP handler of the console: reads a request, runs its page on a worker, and adds the headers that all answers have.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use tollbook_domain::Language;
use tollbook_ops::tenancy::sessions;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::error::PageError;
use super::reply::Reply;
use super::throttle::Throttle;
use super::upload::Upload;
use super::visit::{Theme, Visit, request_of};
use super::{assets, cookies, forms, layout, routes, upload};
use crate::blocking::Workers;
use crate::body::Sender;
use crate::gateway::client_address;
use crate::request_id::request_id;
use crate::service::Service;
use crate::wire::{Limits, Request, decode};

/// Longest form, in bytes.
const FORM_BYTES: usize = 256 * 1024;
/// What a page may load and where its forms go: nothing from elsewhere, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The state of the console.
pub(crate) struct ConsoleRoutes {
    service: Arc<Service>,
    workers: Workers,
    throttle: Throttle,
}

impl ConsoleRoutes {
    pub(crate) fn new(service: Arc<Service>, workers: Workers) -> Self {
        Self { service, workers, throttle: Throttle::default() }
    }
}

/// What is answered.
struct Answered {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: String,
    user_id: Option<i64>,
}

/// Answers one request.
pub(crate) async fn answer(
    State(console): State<Arc<ConsoleRoutes>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: HttpRequest,
) -> Result<Response, Infallible> {
    let started = Instant::now();
    let id = request_id();
    // At the level of errors, so that it is there whatever the log is filtered by.
    let span = tracing::error_span!("request", request_uuid = id, route = "console", user_id = Empty);
    let method = request.method().clone();
    let answered = reply(&console, peer.ip(), request).instrument(span.clone()).await;
    if let Some(user_id) = answered.user_id {
        span.record("user_id", user_id);
    }
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status = answered.status.as_u16(), duration_us, "request"));
    let body = if method == Method::HEAD { String::new() } else { answered.body };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = answered.status;
    let headers = response.headers_mut();
    let all = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    headers.extend(all.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-ucloud-request-uuid", value);
    }
    for (name, value) in answered.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(name, value);
        }
    }
    Ok(response)
}

async fn reply(console: &Arc<ConsoleRoutes>, peer: IpAddr, request: HttpRequest) -> Answered {
    if let Some(asset) = assets::find(request.uri().path()) {
        return Answered {
            status: StatusCode::OK,
            headers: vec![
                (header::CONTENT_TYPE, asset.content_type.to_owned()),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
            ],
            body: asset.content.to_owned(),
            user_id: None,
        };
    }
    let (head, body) = request.into_parts();
    let boundary = upload::boundary(&head.headers).filter(|_| routes::takes_file(head.uri.path()));
    // The file is sent again as text, when what it would change was shown.
    let of_files = console.service.config().charging.batch_bytes;
    let longest = if boundary.is_some() { of_files / 3 * 4 + FORM_BYTES } else { FORM_BYTES };
    let body = console.service.bodies().read(body, longest, Sender::Unknown).await;
    let body = match (body, boundary) {
        (Ok(read), Some(boundary)) => {
            let parsed = upload::parse(read.bytes, boundary).await;
            parsed.map(|(pairs, file)| (request_of(pairs), file))
        }
        (Ok(read), None) => form_of(&read.bytes, head.uri.query()).map(|form| (form, None)),
        (Err(_), _) => Err(PageError::Invalid("the form is too long".to_owned())),
    };
    let caller = CancellationToken::new();
    // If the client disconnects, this future is dropped, and the guard cancels the work.
    let guard = caller.clone().drop_guard();
    let writes = head.method == Method::POST;
    let worker =
        if writes { console.workers.acquire_for_writing().await } else { console.workers.acquire().await };
    let asked = Asked { console: Arc::clone(console), head, peer, caller };
    let Some(worker) = worker else { return asked.failed(PageError::Unavailable) };
    let fallback = asked.plain();
    let done = worker.run(move || match body {
        Ok((form, upload)) => asked.run(&form, upload.as_ref()),
        Err(error) => asked.failed(error),
    });
    let answered = done.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed");
        fallback.failed(PageError::Internal)
    });
    guard.disarm();
    answered
}

/// The bounds of a form and of a query.
fn limits() -> Limits {
    Limits { body_bytes: FORM_BYTES, ..Limits::default() }
}

/// The fields of a form without a file.
fn form_of(body: &[u8], query: Option<&str>) -> Result<Request, PageError> {
    if body.is_empty() { Ok(Request::default()) } else { Ok(decode("POST", query, None, body, &limits())?) }
}

/// A request that was read.
struct Asked {
    console: Arc<ConsoleRoutes>,
    head: Parts,
    peer: IpAddr,
    caller: CancellationToken,
}

impl Asked {
    /// The same request again, for an answer without its page.
    fn plain(&self) -> Self {
        let Self { console, head, peer, caller } = self;
        Self { console: Arc::clone(console), head: head.clone(), peer: *peer, caller: caller.clone() }
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn visit<'a>(&'a self, query: &'a Request, form: &'a Request) -> Visit<'a> {
        let service = self.console.service.as_ref();
        let headers = &self.head.headers;
        let host = self.header(&header::HOST).or_else(|| self.head.uri.host());
        let brand = host.and_then(|host| service.config().brand_of_host(host));
        let brand = brand.unwrap_or_else(|| service.config().default_brand());
        let url = service.config().public_url(brand, service.deployment().bound, host);
        let forwarded = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        Visit {
            service,
            throttle: &self.console.throttle,
            language: language(headers, brand.language),
            theme: cookies::value(headers, cookies::THEME)
                .and_then(Theme::from_name)
                .unwrap_or(Theme::System),
            here: self.head.uri.path_and_query().map_or("/console", |path| path.as_str()),
            captured: Vec::new(),
            query,
            upload: None,
            form,
            host,
            address: client_address(service.config(), self.peer, headers),
            agent: self.header(&header::USER_AGENT).unwrap_or_default(),
            is_secure: forwarded || url.starts_with("https:"),
            now_s: service.now_s(),
            caller: &self.caller,
            session_token: cookies::value(headers, cookies::SESSION).filter(|token| !token.is_empty()),
            person: OnceLock::new(),
            operator: OnceLock::new(),
            snapshot: None,
            cookies: Vec::new(),
        }
    }

    /// An error page without anything of the request.
    fn failed(&self, error: PageError) -> Answered {
        let nothing = Request::default();
        let mut visit = self.visit(&nothing, &nothing);
        answered(&mut visit, Err(error))
    }

    fn run(&self, form: &Request, upload: Option<&Upload>) -> Answered {
        let query = match decode("GET", self.head.uri.query(), None, &[], &limits()) {
            Ok(query) => query,
            Err(refusal) => return self.failed(refusal.into()),
        };
        let mut visit = self.visit(&query, form);
        visit.upload = upload;
        let result = self.page(&mut visit);
        answered(&mut visit, result)
    }

    fn page(&self, visit: &mut Visit<'_>) -> Result<Reply, PageError> {
        let method = if self.head.method == Method::HEAD { "GET" } else { self.head.method.as_str() };
        let found = routes::find(method, self.head.uri.path());
        // Before it is said whether there is such a page.
        visit.authenticate()?;
        let (route, captured) = match found {
            Err(PageError::NotFound) if visit.user().is_none() => return Err(PageError::SignIn),
            found => found?,
        };
        visit.captured = captured;
        if route.path == "/console" && visit.operator.get().is_some() {
            return Ok(Reply::Redirect(visit.home().to_owned()));
        }
        route.need.is_met(visit)?;
        if method == "POST" {
            forms::check_origin(&self.head.headers, visit.host)?;
            if let Some(token) = visit.form_token() {
                forms::check_token(visit, token)?;
            }
        }
        let nul =
            [visit.query, visit.form].map(|request| crate::parameters::Parameters::new(request).check_nul());
        nul.into_iter().collect::<Result<(), _>>()?;
        if let Ok(session) = visit.session() {
            // A page is shown also if the use cannot be noted.
            if let Err(error) = sessions::note_use(visit.service.store(), session, visit.now_s) {
                tracing::warn!(%error, "the use of a session cannot be noted");
            }
        }
        (route.handler)(visit)
    }
}

/// The chosen language, else the first of the browser's that there is, else that of the brand.
fn language(headers: &HeaderMap, of_brand: Language) -> Language {
    let named = |name: &str| match name.split(['-', '_']).next().unwrap_or_default() {
        "en" => Some(Language::English),
        "zh" => Some(Language::Chinese),
        _ => None,
    };
    if let Some(chosen) = cookies::value(headers, cookies::LANGUAGE).and_then(named) {
        return chosen;
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let mut ranges: Vec<(u32, usize, &str)> = accepted
        .unwrap_or_default()
        .split(',')
        .enumerate()
        .filter_map(|(place, range)| {
            let (name, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight.trim().strip_prefix("q=")?;
            let thousandths = weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
            let thousandths = (thousandths * 1_000.0) as u32;
            (thousandths > 0).then_some((1_000 - thousandths, place, name.trim()))
        })
        .collect();
    ranges.sort_unstable();
    ranges.into_iter().find_map(|(_, _, name)| named(&name.to_ascii_lowercase())).unwrap_or(of_brand)
}

fn answered(visit: &mut Visit<'_>, result: Result<Reply, PageError>) -> Answered {
    let mut headers = vec![(header::CACHE_CONTROL, "no-store".to_owned())];
    let user_id = visit.user().map(|user| user.user_id);
    let (status, body) = match result {
        Ok(Reply::Page(page)) => {
            headers.push((
                HeaderName::from_static("speculation-rules"),
                format!("\"{}\"", assets::SPECULATION.path),
            ));
            (StatusCode::OK, page.into_string())
        }
        Ok(Reply::Refused(status, page)) => (status, page.into_string()),
        Ok(Reply::Redirect(to) | Reply::File(to)) => {
            headers.push((header::LOCATION, to));
            (StatusCode::SEE_OTHER, String::new())
        }
        Err(PageError::SignIn) => {
            headers.push((header::LOCATION, super::pages::sign_in::path_with_return(visit.here)));
            (StatusCode::SEE_OTHER, String::new())
        }
        Err(error) => {
            if let PageError::Throttled(wait_s) = error {
                headers.push((header::RETRY_AFTER, wait_s.to_string()));
            }
            (error.status(), layout::error_page(visit, &error).into_string())
        }
    };
    headers.push((header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()));
    headers.extend(visit.cookies.drain(..).map(|cookie| (header::SET_COOKIE, cookie)));
    Answered { status, headers, body, user_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_chosen_one_then_the_browsers_then_the_brands() {
        let table = [
            // cookie, Accept-Language, language of the brand, language
            ("", "", Language::Chinese, Language::Chinese),
            ("", "de, zh-CN;q=0.8, en;q=0.7", Language::English, Language::Chinese),
            ("", "en;q=0.5,zh;q=0.4", Language::Chinese, Language::English),
            ("", "zh;q=0,fr", Language::English, Language::English),
            ("tollbook_language=en", "zh", Language::Chinese, Language::English),
            ("tollbook_language=xx; other=1", "zh", Language::English, Language::Chinese),
        ];
        for (cookie, accepted, of_brand, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(language(&headers, of_brand), expected, "{cookie} {accepted}");
        }
    }
}
