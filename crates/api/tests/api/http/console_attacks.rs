//! Attacks on the console: every route as every role, ids of other companies, forged and repeated forms, markup in names.

use std::sync::Arc;

use tollbook_api::console::{Need, ROUTES};
use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::tenant::{Company, Permission};
use tollbook_domain::{Amount, Role};
use tollbook_ops::charging::{Charging, deposit};
use tollbook_ops::tenancy::companies;
use tollbook_ops::tenancy::keys::KeyRights;
use tollbook_ops::tenancy::users::Invite;
use tollbook_ops::webhooks::{NewEndpoint, add_endpoint, endpoints};

use super::backend::{Backend, on_each_backend};
use super::browser::{Browser, bound, hidden, invite};
use super::client::{Http, pairs};
use super::sample_orders;
use super::server::{Key, NOW_S, Server};

/// Two companies with the same numbers, one of which has an order and a key of its own.
struct Fixture {
    server: Arc<Server>,
    first: Company,
    organizations: [tollbook_domain::tenant::Organization; 2],
    other_key: Key,
    other_endpoint: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Arc::new(Server::start(backend));
        let (first, second) = (server.company("First", "default"), server.company("Second", "default"));
        let organizations = ["Here", "There"].map(|name| server.organization(&first, name));
        let ids = organizations.each_ref().map(|known| known.organization_id);
        let secret = server.organization(&second, "Secret project");
        server.add(&sample_orders::orders(first.company_id, &ids));
        let theirs = [secret.organization_id];
        let mut orders = sample_orders::orders(second.company_id, &theirs);
        orders.push(sample_orders::order(second.company_id, &theirs, 101));
        for order in &mut orders {
            "Secret project".clone_into(&mut order.line.organization_name);
            order.line.resource_id = format!("secret-{}", order.line.resource_id);
        }
        server.add(&orders);
        let rights = KeyRights { name: "secret key".to_owned(), ..KeyRights::default() };
        let other_key = server.key(&second, &rights);
        let endpoint = NewEndpoint {
            company_id: second.company_id,
            url: "https://secret.example.com/".to_owned(),
            ..NewEndpoint::default()
        };
        let config = &server.config.webhooks;
        let endpoint = add_endpoint(&*server.store, &server.master, config, &endpoint, NOW_S).unwrap();
        let other_endpoint = endpoint.endpoint.endpoint_id;
        Self { server, first, organizations, other_key, other_endpoint }
    }

    /// A path of a route, with ids of the other company, or of nothing, in its open parts.
    fn foreign(&self, path: &str) -> String {
        let id = match path {
            "/console/orders/*" => "O000101",
            "/console/keys/*/change" | "/console/keys/*/rotate" => &self.other_key.public,
            "/console/exports/*/file" => sample_orders::JOB_ID,
            "/console/invitation/*" => "unknown",
            "/operator/companies/*" => "2",
            "/operator/acts/*" => "deposit",
            path if path.starts_with("/console/webhooks/") => &self.other_endpoint,
            other => other,
        };
        path.replace('*', id)
    }
}

/// Whether a role meets a need, by what the roles are documented to do.
fn is_allowed(need: Need, role: Role, is_bound: bool) -> bool {
    match need {
        Need::Nothing | Need::Person | Need::Allowed(Permission::Read | Permission::Export) => true,
        Need::Allowed(Permission::Pay) => matches!(role, Role::Payer | Role::Administrator),
        Need::WholeCompany => !is_bound,
        Need::Keys => role == Role::Administrator && !is_bound,
        Need::Operator | Need::Acts => false,
    }
}

fn every_route_as_every_role(backend: Backend) {
    let fixture = Fixture::new(backend);
    let stranger = Browser::new(&fixture.server);
    for route in ROUTES {
        let path = fixture.foreign(route.path);
        let reply = stranger.send(Http::new(route.method, &path).header("Sec-Fetch-Site", "same-origin"));
        if route.need == Need::Nothing {
            assert!(matches!(reply.status, 200 | 303), "{path}: {}", reply.status);
        } else {
            assert_eq!(reply.status, 303, "{} {path}", route.method);
            assert!(reply.header("location").unwrap().starts_with("/console/sign-in"), "{path}");
        }
    }
    for role in [Role::Viewer, Role::Payer, Role::Administrator] {
        for is_bound in [false, true] {
            let of_whole = invite(&format!("{}-{is_bound}@first.example", role.name()), &fixture.first, role);
            let of_user = if is_bound { bound(of_whole, &fixture.organizations[0]) } else { of_whole };
            let browser = Browser::of_user(&fixture.server, &of_user);
            // Signing out is last in its own test.
            for route in ROUTES.iter().filter(|route| route.path != "/console/sign-out") {
                let path = fixture.foreign(route.path);
                let reply = if route.method == "POST" {
                    browser.post("/console", &path, "session=00&suspended=yes&overlap=0&once=0")
                } else {
                    browser.get(&path)
                };
                let told =
                    format!("{role:?} {is_bound} {} {path}: {} {}", route.method, reply.status, reply.text());
                if is_allowed(route.need, role, is_bound) {
                    let is_of_other = path != route.path && route.need != Need::Nothing;
                    let expected: &[u16] = if is_of_other { &[404] } else { &[200, 303, 400, 404] };
                    assert!(expected.contains(&reply.status), "{told}");
                } else {
                    assert_eq!(reply.status, 403, "{told}");
                }
                let page = reply.text().to_lowercase();
                for theirs in ["secret project", "secret-", "secret key", "secret.example"] {
                    assert!(!page.contains(theirs), "{told}");
                }
            }
        }
    }
    for role in [Role::OperatorViewer, Role::Operator] {
        let of_operator = Invite {
            email: format!("{}@operator.example", role.name()),
            company_id: None,
            organization_ids: Vec::new(),
            role,
        };
        let browser = Browser::of_operator(&fixture.server, &of_operator);
        for route in ROUTES.iter().filter(|route| route.path != "/console/sign-out") {
            let path = fixture.foreign(route.path);
            let reply = if route.method == "POST" {
                browser.post("/operator", &path, "session=00&suspended=yes&overlap=0&once=0")
            } else {
                browser.get(&path)
            };
            let told = format!("{role:?} {} {path}: {} {}", route.method, reply.status, reply.text());
            match route.need {
                // The form without its company, and without its key, is not understood.
                Need::Acts if role == Role::Operator => assert_eq!(reply.status, 400, "{told}"),
                Need::Acts => assert_eq!(reply.status, 403, "{told}"),
                Need::Operator if path == "/operator/prices/explain" => {
                    assert_eq!(reply.status, 400, "{told}");
                }
                Need::Operator => assert_eq!(reply.status, 200, "{told}"),
                Need::Nothing | Need::Person => assert!(matches!(reply.status, 200 | 303 | 404), "{told}"),
                _ if path == "/console" => assert_eq!(reply.header("location"), Some("/operator"), "{told}"),
                _ => assert_eq!(reply.status, 403, "{told}"),
            }
        }
        assert_eq!(browser.get("/operator/companies/9").status, 404);
        // At the host of a brand for customers, the operator's people do not exist.
        let at_brand = browser.send(Http::new("GET", "/operator").host("acme.example"));
        assert_eq!(at_brand.status, 303);
    }
    let key = fixture.server.store.snapshot().unwrap().api_key(&fixture.other_key.public).unwrap().unwrap();
    assert!(!key.suspended && key.expires_s.is_none(), "the key of the other company is as it was");
    let endpoints = endpoints(&*fixture.server.store, Some(2)).unwrap();
    assert_eq!(endpoints.len(), 1, "its endpoint too");
}

fn a_bound_person_sees_only_the_own_organization(backend: Backend) {
    let fixture = Fixture::new(backend);
    let of_user =
        bound(invite("bound@first.example", &fixture.first, Role::Payer), &fixture.organizations[0]);
    let browser = Browser::of_user(&fixture.server, &of_user);
    // Odd orders are of the second organization.
    assert_eq!(browser.get("/console/orders/O000004").status, 200);
    assert_eq!(browser.get("/console/orders/O000005").status, 404);
    let organization = fixture.organizations[1].organization_id;
    let orders = browser.page(&format!("/console/orders?range=ever&OrganizationIds={organization}"));
    assert_eq!(super::browser::text_of(&orders, "count"), "0");
    let review = browser.page("/console/arrears/review?OrderNos=U000005&OrderNos=U000002");
    assert!(review.contains("Not found"), "{review}");
    for path in [
        "/console",
        "/console/orders?range=ever",
        "/console/explore?range=ever&step=whole&by=OrganizationIds",
    ] {
        assert!(!browser.page(path).contains("项目 2"), "{path}");
    }
    assert!(!browser.page("/console").contains("/console/accounts"), "accounts belong to the company");
}

fn forged_forms_change_nothing(backend: Backend) {
    let fixture = Fixture::new(backend);
    let server = &fixture.server;
    let browser =
        Browser::of_user(server, &invite("admin@first.example", &fixture.first, Role::Administrator));
    let other = Browser::of_user(server, &invite("other@first.example", &fixture.first, Role::Administrator));
    let page = browser.page("/console/keys");
    let (token, once) = (hidden(&page, "token").unwrap(), hidden(&page, "once").unwrap());
    let of_other = hidden(&other.page("/console/keys"), "token").unwrap();
    assert_ne!(token, of_other);
    let keys = || server.store.snapshot().unwrap().api_keys(Some(fixture.first.company_id)).unwrap().len();
    let form = |token: &str| pairs(&format!("permission=read&name=x&once={once}&token={token}"));
    let send = |form: &[(String, String)], header: (&str, &str)| {
        browser.send(Http::form(form).at("/console/keys").header(header.0, header.1)).status
    };
    let own = ("Sec-Fetch-Site", "same-origin");
    assert_eq!(send(&form(&token), ("Sec-Fetch-Site", "cross-site")), 403);
    assert_eq!(send(&form(&token), ("Sec-Fetch-Site", "same-site")), 403);
    assert_eq!(send(&form(&token), ("Origin", "https://evil.example")), 403);
    assert_eq!(send(&form(&token), ("X-Nothing", "said")), 403);
    assert_eq!(send(&form(""), own), 403);
    assert_eq!(send(&form(&of_other), own), 403);
    assert_eq!(send(&form(&format!("{token}0")), own), 403);
    assert_eq!(keys(), 0);
    // The form itself, and again.
    assert_eq!(send(&form(&token), own), 200);
    assert_eq!(send(&form(&token), own), 409);
    assert_eq!(send(&form(&token), ("Origin", "http://127.0.0.1")), 409);
    assert_eq!(keys(), 1, "a form that may be sent once adds one key");
    let without = pairs(&format!("permission=read&token={token}"));
    assert_eq!(send(&without, own), 409, "a form without its number");
}

fn paying_pays_once(backend: Backend) {
    let fixture = Fixture::new(backend);
    let server = &fixture.server;
    let (catalogue, company_id) = (tollbook_domain::Catalogue::built_in(), fixture.first.company_id);
    let charging = Charging { store: &*server.store, config: &server.config, catalogue: &catalogue };
    let money = Deposit {
        kind: AccountKind::Cash,
        amount: Amount::parse("1000000000").unwrap(),
        expires_s: None,
        products: Vec::new(),
        models: Vec::new(),
        key: "first".to_owned(),
    };
    deposit(&charging, company_id, &money, false, NOW_S).unwrap();
    let browser = Browser::of_user(server, &invite("payer@first.example", &fixture.first, Role::Payer));
    let viewer = Browser::of_user(server, &invite("viewer@first.example", &fixture.first, Role::Viewer));
    let numbers = "OrderNos=U000002&OrderNos=U000006&OrderNos=U000006";
    let review = browser.page(&format!("/console/arrears/review?{numbers}"));
    assert!(review.contains("Will be paid") && review.contains("Pay "), "{review}");
    let cash = || {
        server
            .store
            .snapshot()
            .unwrap()
            .account_state(company_id)
            .unwrap()
            .account
            .balances
            .get(AccountKind::Cash)
    };
    let before = cash();
    assert_eq!(viewer.post("/console", "/console/arrears/pay", numbers).status, 403);
    assert_eq!(cash(), before);
    let mut left = Vec::new();
    for _ in 0..3 {
        let reply = browser.post("/console/arrears", "/console/arrears/pay", numbers);
        assert_eq!(reply.status, 303, "{}", reply.text());
        assert!(reply.header("location").unwrap().ends_with("notice=paid"));
        left.push(cash());
    }
    assert!(left[0] < before && left.iter().all(|cash| *cash == left[0]), "{before} {left:?}");
    let after = browser.page(&format!("/console/arrears/review?{numbers}"));
    assert!(!after.contains("/console/arrears/pay"), "nothing is left to pay: {after}");
    // Numbers that are not there, and too many.
    assert_eq!(browser.post("/console", "/console/arrears/pay", "OrderNos=U999999").status, 303);
    let many = (0..51).map(|number| format!("OrderNos=U{number:06}&")).collect::<Vec<_>>().concat();
    assert_eq!(browser.post("/console", "/console/arrears/pay", &many).status, 400);
    assert_eq!(cash(), left[0]);
}

fn names_are_texts(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let evil = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>&=1+1";
    let company = companies::add_company(&*server.store, None, evil, "CNY", "default").unwrap();
    let organization = server.organization(&company, evil);
    let mut orders = sample_orders::orders(company.company_id, &[organization.organization_id]);
    for order in &mut orders {
        for text in [
            &mut order.line.organization_name,
            &mut order.line.resource_name,
            &mut order.line.model_name,
            &mut order.line.user_email,
            &mut order.line.region,
        ] {
            evil.clone_into(text);
        }
    }
    server.add(&orders);
    server.key(&company, &KeyRights { name: evil.to_owned(), ..KeyRights::default() });
    let browser = Browser::of_user(&server, &invite("admin@first.example", &company, Role::Administrator));
    let range = format!(
        "range=ever&Regions={}",
        "%3Cscript%3Ealert(1)%3C/script%3E%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%26%3D1%2B1"
    );
    for path in [
        "/console".to_owned(),
        "/console/keys".to_owned(),
        "/console/sessions".to_owned(),
        "/console/accounts".to_owned(),
        "/console/statement?month=2025-11".to_owned(),
        "/console/arrears".to_owned(),
        "/console/orders/O000004".to_owned(),
        format!("/console/orders?{range}&columns=UserEmail&columns=OrderNo"),
        format!("/console/summary?{range}"),
        format!("/console/explore?{range}&step=whole&by=Regions&then=ModelIds"),
        "/console/orders?%3Cscript%3Ealert(1)=1".to_owned(),
        "/console/%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/console/sign-in?back=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
    ] {
        let reply = browser.get(&path);
        let page = reply.text();
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
        assert!(reply.header("location").is_none_or(|to| !to.contains('<')), "{path}");
    }
    assert!(browser.page("/console/keys").contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

on_each_backend!(
    every_route_as_every_role,
    a_bound_person_sees_only_the_own_organization,
    forged_forms_change_nothing,
    paying_pays_once,
    names_are_texts,
);
