//! All routes of the console in one table, with what each needs.

use tollbook_domain::tenant::Permission;

use super::acts;
use super::error::PageError;
use super::need::Need;
use super::pages;
use super::reply::Reply;
use super::visit::Visit;

/// The function behind a route.
pub(super) type Handler = fn(&mut Visit<'_>) -> Result<Reply, PageError>;

/// A route of the console.
pub struct ConsoleRoute {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path; `*` stands for one part.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
    pub(super) handler: Handler,
}

impl ConsoleRoute {
    /// The parts of a path that the route leaves open; `None` if it is not a path of the route.
    fn captures(&self, path: &str) -> Option<Vec<String>> {
        let (mut parts, mut captured) = (path.split('/'), Vec::new());
        for wanted in self.path.split('/') {
            let part = parts.next()?;
            if wanted == "*" {
                let decoded = percent_encoding::percent_decode_str(part).decode_utf8().ok()?;
                captured.push(Some(decoded.into_owned()).filter(|part| !part.is_empty())?);
            } else if part != wanted {
                return None;
            }
        }
        parts.next().is_none().then_some(captured)
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $need:expr, $handler:path;)*) => {
        /// The routes.
        pub const ROUTES: &[ConsoleRoute] = &[$(ConsoleRoute {
            method: stringify!($method), path: $path, need: $need, handler: $handler,
        }),*];
    };
}

const READ: Need = Need::Allowed(Permission::Read);

routes! {
    GET "/console/sign-in" Need::Nothing, pages::sign_in::form;
    POST "/console/sign-in" Need::Nothing, pages::sign_in::submit;
    GET "/console/invitation/*" Need::Nothing, pages::sign_in::invitation;
    POST "/console/invitation/*" Need::Nothing, pages::sign_in::accept;
    GET "/console/choose" Need::Nothing, pages::choose::choose;
    POST "/console/sign-out" Need::Person, pages::sign_in::sign_out;
    GET "/console" READ, pages::overview::page;
    GET "/console/explore" READ, pages::explore::page;
    GET "/console/orders" READ, pages::orders::page;
    GET "/console/orders/*" READ, pages::order::page;
    GET "/console/summary" READ, pages::summary::page;
    GET "/console/arrears" READ, pages::arrears::page;
    GET "/console/arrears/review" Need::Allowed(Permission::Pay), pages::arrears::review;
    POST "/console/arrears/pay" Need::Allowed(Permission::Pay), pages::arrears::pay;
    GET "/console/accounts" Need::WholeCompany, pages::accounts::page;
    GET "/console/statement" READ, pages::statement::page;
    GET "/console/exports" Need::Allowed(Permission::Export), pages::exports::page;
    POST "/console/exports" Need::Allowed(Permission::Export), pages::exports::submit;
    GET "/console/exports/*/file" Need::Allowed(Permission::Export), pages::exports::file;
    GET "/console/keys" Need::Keys, pages::keys::page;
    POST "/console/keys" Need::Keys, pages::keys::add;
    POST "/console/keys/*/change" Need::Keys, pages::keys::change;
    POST "/console/keys/*/rotate" Need::Keys, pages::keys::rotate;
    GET "/console/webhooks" Need::Keys, pages::webhooks::page;
    POST "/console/webhooks" Need::Keys, pages::webhooks::add;
    POST "/console/webhooks/*/enable" Need::Keys, pages::webhooks::enable;
    POST "/console/webhooks/*/rotate" Need::Keys, pages::webhooks::rotate;
    POST "/console/webhooks/*/remove" Need::Keys, pages::webhooks::remove;
    POST "/console/webhooks/*/replay" Need::Keys, pages::webhooks::replay;
    GET "/console/sessions" Need::Person, pages::sessions::page;
    POST "/console/sessions/end" Need::Person, pages::sessions::end;
    POST "/console/sessions/end-others" Need::Person, pages::sessions::end_others;
    GET "/operator" Need::Operator, pages::desk::page;
    GET "/operator/companies" Need::Operator, pages::companies::page;
    GET "/operator/companies/*" Need::Operator, pages::companies::company;
    GET "/operator/prices" Need::Operator, pages::prices::page;
    GET "/operator/prices/explain" Need::Operator, pages::prices::explain;
    GET "/operator/usage" Need::Operator, pages::usage::page;
    GET "/operator/connect" Need::Operator, pages::connect::page;
    GET "/operator/audit" Need::Operator, pages::audit::page;
    GET "/operator/settings" Need::Operator, pages::settings::page;
    GET "/operator/acts/*" Need::Acts, pages::act::show;
    POST "/operator/acts/*" Need::Acts, pages::act::submit;
}

/// Whether a form that is sent to a path may have a file.
pub(super) fn takes_file(path: &str) -> bool {
    let act = path.strip_prefix("/operator/acts/").and_then(acts::find);
    act.is_some_and(|act| act.fields.iter().any(|field| matches!(field.kind, acts::Kind::File)))
}

/// The route of a method and path, and the parts that it leaves open.
pub(super) fn find(method: &str, path: &str) -> Result<(&'static ConsoleRoute, Vec<String>), PageError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut is_known = false;
    for route in ROUTES {
        if let Some(captured) = route.captures(path) {
            if route.method == method {
                return Ok((route, captured));
            }
            is_known = true;
        }
    }
    Err(if is_known { PageError::Method } else { PageError::NotFound })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_with_their_open_parts() {
        let found =
            |method: &str, path: &str| find(method, path).map(|(route, captured)| (route.path, captured));
        assert_eq!(found("GET", "/console/").unwrap(), ("/console", vec![]));
        assert_eq!(
            found("GET", "/console/orders/O%201").unwrap(),
            ("/console/orders/*", vec!["O 1".to_owned()])
        );
        assert_eq!(found("GET", "/console/arrears/review").unwrap().0, "/console/arrears/review");
        for (method, path, error) in [
            ("GET", "/console/orders/", "/console/orders"),
            ("GET", "/console/orders/a/b", "not found"),
            ("GET", "/console/orders/%ff", "not found"),
            ("POST", "/console/orders", "method"),
            ("GET", "/consoles", "not found"),
        ] {
            let told = match found(method, path) {
                Ok((path, _)) => path,
                Err(PageError::Method) => "method",
                Err(_) => "not found",
            };
            assert_eq!(told, error, "{method} {path}");
        }
    }
}
