//! The console over HTTP: signing in, sessions, forms, languages, and pages without anything to show.

use std::sync::Arc;

use tollbook_api::console::{ConsoleRoute, Need, ROUTES};
use tollbook_domain::Role;
use tollbook_ops::tenancy::users;
use tollbook_store::StoreError;

use super::backend::{Backend, on_each_backend};
use super::browser::{Browser, PASSWORD, hidden, invite, link, text_of};
use super::client::{Http, Reply, pairs};
use super::faulty::{Fails, Where};
use super::faulty_store::FaultyStore;
use super::sample_orders;
use super::server::Server;

const PASSWORD_FIELD: &str = "password=a+sentence+that+is+long";

fn server(backend: Backend) -> Arc<Server> {
    Arc::new(Server::start(backend))
}

/// Whether a reply leads to the page for signing in.
fn asks_to_sign_in(reply: &Reply) -> bool {
    reply.status == 303 && reply.header("location").is_some_and(|to| to.starts_with("/console/sign-in?back="))
}

fn a_link_is_used_once_and_sets_the_password(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let path = link(&server, &invite("Clerk@One.example", &company, Role::Viewer));
    let mut browser = Browser::new(&server);
    // Programs that look at links do not use them up.
    for _ in 0..2 {
        assert!(browser.page(&path).contains("clerk@one.example"));
    }
    let short = browser.post_as_is(&path, &pairs("password=short"));
    assert!(short.text().contains("At least 12 characters"), "{}", short.text());
    assert!(browser.post_as_is(&path, &pairs("")).text().contains("At least 12 characters"));
    assert!(browser.post_as_is(&path, &pairs("password=ababababababab")).text().contains("too easy"));
    let reply = browser.post_as_is(&path, &pairs(PASSWORD_FIELD));
    assert_eq!((reply.status, reply.header("location")), (303, Some("/console")));
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("Path=/;"), "{cookie}");
    assert!(!cookie.contains("Secure"), "the server is reached without TLS: {cookie}");
    browser.keep_cookie(&reply);
    assert!(browser.page("/console").contains("One"));
    let other = Browser::new(&server);
    assert!(other.page(&path).contains("This link has ended"));
    assert!(other.post_as_is(&path, &pairs(PASSWORD_FIELD)).text().contains("This link has ended"));
    // The page that was asked for is opened after signing in.
    let asked = other.get("/console/orders?range=7d");
    assert_eq!(asked.header("location"), Some("/console/sign-in?back=%2Fconsole%2Forders%3Frange%3D7d"));
    let form = format!("email=CLERK@one.example&{PASSWORD_FIELD}&back=/console/orders?range=7d");
    let signed_in = other.post_as_is("/console/sign-in", &pairs(&form));
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/console/orders?range=7d")));
    let secure = Http::form(&pairs(&format!("email=clerk@one.example&{PASSWORD_FIELD}")))
        .at("/console/sign-in")
        .header("Sec-Fetch-Site", "same-origin")
        .header("X-Forwarded-Proto", "https");
    assert!(other.send(secure).header("set-cookie").unwrap().ends_with("; Secure"));
    let out = browser.post("/console/sessions", "/console/sign-out", "");
    assert_eq!(out.header("location"), Some("/console/sign-in?notice=signed-out"));
    assert!(asks_to_sign_in(&browser.get("/console")), "the session has ended on the server");
}

fn a_new_link_ends_the_former_one_and_links_end_by_time(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let clerk = invite("clerk@one.example", &company, Role::Viewer);
    let (former, latter) = (link(&server, &clerk), link(&server, &clerk));
    let browser = Browser::new(&server);
    assert!(browser.page(&former).contains("This link has ended"));
    assert!(browser.page(&latter).contains("clerk@one.example"));
    server.clock.advance(3_600);
    assert!(browser.page(&latter).contains("This link has ended"));
    assert!(browser.post_as_is(&latter, &pairs(PASSWORD_FIELD)).text().contains("This link has ended"));
    assert!(
        users::invite(
            &*server.store,
            &super::browser::invite("clerk@one.example", &company, Role::Payer),
            60,
            1
        )
        .is_err()
    );
}

fn attempts_are_answered_alike_and_bounded(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    Browser::of_user(&server, &invite("clerk@one.example", &company, Role::Viewer));
    let browser = Browser::new(&server);
    let attempt = |email: &str, password: &str, from: &str| {
        let form = [("email".to_owned(), email.to_owned()), ("password".to_owned(), password.to_owned())];
        let http = Http::form(&form).at("/console/sign-in").header("Sec-Fetch-Site", "same-origin");
        browser.send(http.header("X-Forwarded-For", from))
    };
    let known = attempt("clerk@one.example", "wrong", "192.0.2.1");
    let unknown = attempt("stranger@one.example", "wrong", "192.0.2.1");
    assert_eq!(known.text().replace("clerk@", "stranger@"), unknown.text());
    assert!(known.text().contains("The email address or the password is wrong."));
    for attempt_no in 2..=10 {
        assert_eq!(attempt("clerk@one.example", "wrong", &format!("192.0.2.{attempt_no}")).status, 200);
    }
    let refused = attempt("clerk@one.example", PASSWORD, "192.0.2.200");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("900")));
    server.clock.advance(900);
    assert_eq!(attempt("clerk@one.example", PASSWORD, "192.0.2.200").status, 303);
}

fn sessions_end(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let clerk = invite("clerk@one.example", &company, Role::Viewer);
    let browser = Browser::of_user(&server, &clerk);
    let again = Browser::of_user(&server, &clerk);
    assert!(asks_to_sign_in(&browser.get("/console")), "a new password ends the other sessions");
    // Idle for too long.
    server.clock.advance(12 * 3_600 - 1);
    again.page("/console");
    server.clock.advance(12 * 3_600 - 1);
    again.page("/console");
    server.clock.advance(12 * 3_600);
    assert!(asks_to_sign_in(&again.get("/console")));
    // Used all the time, and at its end.
    let used = Browser::of_user(&server, &clerk);
    for _ in 0..14 {
        used.page("/console/sessions");
        server.clock.advance(12 * 3_600 - 1);
    }
    used.page("/console/sessions");
    server.clock.advance(14);
    assert!(asks_to_sign_in(&used.get("/console")), "seven days");
    // One of several, from another browser.
    let first = Browser::of_user(&server, &clerk);
    let form = format!("email=clerk@one.example&{PASSWORD_FIELD}");
    let mut second = Browser::new(&server);
    let reply = second.post_as_is("/console/sign-in", &pairs(&form));
    second.keep_cookie(&reply);
    let listed = first.page("/console/sessions");
    let session = hidden(&listed, "session").unwrap();
    let ended = first.post("/console/sessions", "/console/sessions/end", &format!("session={session}"));
    assert_eq!(ended.header("location"), Some("/console/sessions?notice=session-ended"));
    assert!(asks_to_sign_in(&second.get("/console")));
    // A disabled user.
    users::disable(&*server.store, "clerk@one.example").unwrap();
    assert!(asks_to_sign_in(&first.get("/console")));
    let disabled = Browser::new(&server).post_as_is("/console/sign-in", &pairs(&form));
    assert!(disabled.text().contains("The email address or the password is wrong."));
}

fn a_role_holds_from_the_next_request_on(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let browser = Browser::of_user(&server, &invite("clerk@one.example", &company, Role::Viewer));
    assert_eq!(browser.get("/console/keys").status, 403);
    assert!(!browser.page("/console").contains("/console/keys"), "what is not allowed is not offered");
    users::set_role(&*server.store, "clerk@one.example", Role::Administrator, &[]).unwrap();
    assert!(browser.page("/console/keys").contains("New key"));
    for role in [Role::Operator, Role::OperatorViewer] {
        assert!(users::set_role(&*server.store, "clerk@one.example", role, &[]).is_err());
    }
}

fn people_of_another_brand_do_not_exist_at_a_host(backend: Backend) {
    let server = server(backend);
    let company = server.company("Acme", "acme");
    let mut browser = Browser::of_user(&server, &invite("clerk@acme.example", &company, Role::Viewer));
    let at = |browser: &Browser, host: &str| browser.send(Http::new("GET", "/console").host(host)).status;
    assert_eq!((at(&browser, "acme.example"), at(&browser, "127.0.0.1")), (200, 200));
    assert_eq!(at(&browser, "orders.example"), 303, "the host of another brand");
    let form = pairs(&format!("email=clerk@acme.example&{PASSWORD_FIELD}"));
    let sign_in = |host: &str| {
        let http = Http::form(&form).at("/console/sign-in").header("Sec-Fetch-Site", "same-origin");
        Browser::new(&server).send(http.host(host))
    };
    assert_eq!((sign_in("orders.example").status, sign_in("acme.example").status), (200, 303));
    // The brand's language, unless the browser prefers another one that there is.
    browser = browser.speaking("fr");
    let chinese = browser.send(Http::new("GET", "/console").host("acme.example"));
    assert!(chinese.text().contains("<html lang=\"zh-CN\"") && chinese.text().contains("总览"));
}

fn language_and_colours_are_chosen(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let browser = Browser::of_user(&server, &invite("clerk@one.example", &company, Role::Viewer));
    let chosen = browser.get("/console/choose?language=zh&back=/console/orders?range=7d");
    assert_eq!((chosen.status, chosen.header("location")), (303, Some("/console/orders?range=7d")));
    let cookie =
        format!("{}; {}", browser.cookie(), chosen.header("set-cookie").unwrap().split(';').next().unwrap());
    let page = Http::new("GET", "/console/orders").header("Cookie", &cookie).send(server.address);
    assert!(page.text().contains("该时间范围与筛选条件下没有订单"));
    let dark = browser.get("/console/choose?theme=dark&back=//evil.example/console");
    assert_eq!(dark.header("location"), Some("/console"), "only pages of the console are led to");
    let cookie =
        format!("{}; {}", browser.cookie(), dark.header("set-cookie").unwrap().split(';').next().unwrap());
    let page = Http::new("GET", "/console").header("Cookie", &cookie).send(server.address);
    assert!(page.text().contains("data-theme=\"dark\""));
    for wrong in ["language=xx", "theme=pink"] {
        assert_eq!(browser.get(&format!("/console/choose?{wrong}")).status, 400, "{wrong}");
    }
}

fn a_company_without_orders_has_every_page(backend: Backend) {
    let server = server(backend);
    let company = server.company("Empty", "default");
    let browser = Browser::of_user(&server, &invite("clerk@empty.example", &company, Role::Administrator));
    let is_for_companies = |route: &&ConsoleRoute| {
        route.method == "GET" && !route.path.contains('*') && route.need != Need::Operator
    };
    for route in ROUTES.iter().filter(is_for_companies) {
        let reply = browser.get(route.path);
        assert!(matches!(reply.status, 200 | 303), "{}: {}", route.path, reply.text());
    }
    for path in ["/console", "/console/orders", "/console/summary", "/console/explore", "/console/statement"]
    {
        assert!(browser.page(path).contains("There are no orders in this range"), "{path}");
    }
    assert!(browser.page("/console/arrears").contains("Nothing is owed."));
    let orders = browser.page("/console/orders?range=ever&page=7");
    assert_eq!((text_of(&orders, "count"), text_of(&orders, "sum")), ("0".to_owned(), "0.00".to_owned()));
}

fn what_is_not_understood_is_named(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let organization = server.organization(&company, "One");
    server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
    let browser = Browser::of_user(&server, &invite("clerk@one.example", &company, Role::Payer));
    for (path, reason) in [
        ("/console/orders?range=never", "range is not one of the ranges"),
        ("/console/orders?from=2026-02-30&to=2026-03-01", "from must be a date"),
        ("/console/orders?from=2026-03-02&to=2026-03-01", "to must not be before from"),
        ("/console/orders?StartTime=9&EndTime=9", "EndTime must be greater"),
        ("/console/orders?StartTime=x&EndTime=9", "StartTime must be Unix seconds"),
        ("/console/orders?OrderTypes=x", "OrderTypes must be 64-bit integers"),
        ("/console/orders?ProductCodes=x", "ProductCodes must be one of"),
        ("/console/orders?model=x", "there is no parameter model"),
        ("/console/orders?page=0", "page must be a number from 1 on"),
        ("/console/orders?size=51", "size must be 20, 50 or 100"),
        ("/console/orders?columns=Nothing", "columns names a column that there is not"),
        ("/console/orders?status=owed", "status must be charged"),
        ("/console/orders?ModelIds=%00", "ModelIds must not contain NUL"),
        ("/console/orders?ModelIds=%ff", "not valid UTF-8"),
        ("/console/explore?step=hour&range=year", "More than 400 columns"),
        ("/console/explore?by=Nothing", "by is not one of the groups"),
        ("/console/statement?month=2026-13", "month must be a month"),
        ("/console/accounts?before=x", "before must be the number of an entry"),
    ] {
        let reply = browser.get(path);
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        assert!(super::browser::plain(reply.text()).contains(reason), "{path}: {}", reply.text());
    }
    let many = (0..101).map(|number| format!("&ModelIds=m{number}")).collect::<Vec<_>>().concat();
    assert_eq!(browser.get(&format!("/console/orders?range=7d{many}")).status, 400);
    assert_eq!(browser.get("/console/orders/O999999").status, 404);
    assert_eq!(browser.get("/console/nothing").status, 404);
    assert_eq!(browser.send(Http::new("PUT", "/console/orders")).status, 405);
    assert_eq!(browser.send(Http::new("HEAD", "/console/orders")).status, 200);
}

fn failures_are_told_in_the_persons_language(backend: Backend) {
    for place in [Where::Snapshot, Where::Orders] {
        let fault = Arc::new(Fails(|| StoreError::Unavailable("no route to 10.0.0.7".into())));
        let server = Arc::new(Server::behind(backend, |inner| {
            Arc::new(FaultyStore { inner, place, fault: Arc::clone(&fault) as _ })
        }));
        let company = server.company("One", "default");
        // The link is used at the store that works.
        let path = link(&server, &invite("clerk@one.example", &company, Role::Viewer));
        let place = tollbook_ops::tenancy::sessions::Place { address: "", agent: "" };
        let token = path.rsplit('/').next().unwrap();
        let accepted = tollbook_ops::tenancy::sessions::accept_invitation(
            &*server.store,
            token,
            Some(PASSWORD),
            place,
            super::server::NOW_S,
        );
        let (_, session) = accepted.unwrap();
        for (language, told) in [("en", "The database does not answer."), ("zh", "数据库没有响应。")]
        {
            let reply = Http::new("GET", "/console/orders")
                .header("Cookie", &format!("tollbook_session={session}"))
                .header("Accept-Language", language)
                .send(server.address);
            assert_eq!(reply.status, 503, "{}", reply.text());
            assert!(reply.text().contains(told) && !reply.text().contains("10.0.0.7"), "{}", reply.text());
        }
    }
}

fn pages_load_nothing_from_elsewhere(backend: Backend) {
    let server = server(backend);
    let company = server.company("One", "default");
    let browser = Browser::of_user(&server, &invite("clerk@one.example", &company, Role::Administrator));
    for route in ROUTES.iter().filter(|route| route.method == "GET" && !route.path.contains('*')) {
        let reply = browser.get(route.path);
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let page = reply.text();
        assert!(
            !page.contains(" style=\"") && !page.contains("<style") && !page.contains("<script>"),
            "{}",
            route.path
        );
        assert!(!page.contains("src=\"http") && !page.contains(" onclick="), "{}", route.path);
    }
    let page = browser.page("/console");
    for start in ["/console/assets/console-"] {
        for rest in page.split(start).skip(1) {
            let path = format!("{start}{}", rest.split('"').next().unwrap());
            let asset = browser.get(&path);
            assert_eq!(asset.status, 200, "{path}");
            assert!(asset.header("cache-control").unwrap().contains("immutable"));
        }
    }
    assert_eq!(browser.get("/console/assets/console-000000000000.css").status, 404);
}

on_each_backend!(
    a_link_is_used_once_and_sets_the_password,
    a_new_link_ends_the_former_one_and_links_end_by_time,
    attempts_are_answered_alike_and_bounded,
    sessions_end,
    a_role_holds_from_the_next_request_on,
    people_of_another_brand_do_not_exist_at_a_host,
    language_and_colours_are_chosen,
    a_company_without_orders_has_every_page,
    what_is_not_understood_is_named,
    failures_are_told_in_the_persons_language,
    pages_load_nothing_from_elsewhere,
);
