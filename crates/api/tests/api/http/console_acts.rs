//! The operator's forms over HTTP: what they do, once, in whose name; who may not; what is shown before it is done.

use std::sync::Arc;

use tollbook_api::console::{ACTS, Act, Kind};
use tollbook_domain::account::AccountKind;
use tollbook_domain::tenant::Company;
use tollbook_domain::{Amount, Role};
use tollbook_ops::tenancy::companies;
use tollbook_ops::tenancy::users::Invite;
use tollbook_store::{AuditEntry, LedgerRange};

use super::backend::{Backend, on_each_backend};
use super::browser::{Browser, hidden, invite, plain};
use super::client::{Http, Reply, pairs};
use super::server::Server;

const EMAIL: &str = "person@operator.example";

fn of_operator(server: &Arc<Server>, role: Role) -> Browser {
    let email = if role == Role::Operator { EMAIL } else { "viewer@operator.example" };
    let invite = Invite { email: email.to_owned(), company_id: None, organization_ids: Vec::new(), role };
    Browser::of_operator(server, &invite)
}

/// A form as the page of an act states it, filled in.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Opens the form of an act and fills it in.
    fn of(browser: &Browser, path: &str, values: &str) -> Self {
        let page = browser.page(&format!("/operator/acts/{path}"));
        let action = format!("/operator/acts/{}", path.split('?').next().unwrap());
        let mut fields: Vec<(String, String)> =
            ["token", "form_key"].map(|name| (name.to_owned(), hidden(&page, name).unwrap())).to_vec();
        // What the link states is in hidden fields.
        fields.extend(pairs(path.split_once('?').map_or("", |(_, query)| query)));
        fields.extend(pairs(values));
        Self { action, fields }
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut fields = self.fields.clone();
        fields.retain(|(known, _)| known != name);
        fields.push((name.to_owned(), value.to_owned()));
        Self { action: self.action.clone(), fields }
    }

    fn send(&self, browser: &Browser) -> Reply {
        browser.post_as_is(&self.action, &self.fields)
    }

    /// Sends it as a browser sends a form with a file.
    fn send_file(&self, browser: &Browser, name: &str, content: &str) -> Reply {
        let mut body = String::new();
        let part = |name: &str, head: &str, value: &str| {
            format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"{head}\r\n\r\n{value}\r\n")
        };
        for (name, value) in &self.fields {
            body += &part(name, "", value);
        }
        if !name.is_empty() {
            let head = format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream");
            body += &part("File", &head, content);
        }
        body.push_str("--X--\r\n");
        browser.send(
            Http::post("multipart/form-data; boundary=X", body)
                .at(&self.action)
                .header("Sec-Fetch-Site", "same-origin"),
        )
    }
}

fn balance(server: &Server, company_id: i64, kind: AccountKind) -> i64 {
    server.store.snapshot().unwrap().account_state(company_id).unwrap().account.balances.get(kind)
}

fn audit(server: &Server, company_id: i64) -> Vec<AuditEntry> {
    server.store.snapshot().unwrap().audit_entries(company_id, 0, 1_000).unwrap()
}

fn prices(server: &Server) -> usize {
    server.store.snapshot().unwrap().prices().unwrap().len()
}

fn steps(text: &str) -> i64 {
    Amount::parse(text).unwrap().steps()
}

/// A value that a field would take, with ids of the company 1.
fn value_of(kind: Kind, name: &str) -> &'static str {
    match kind {
        Kind::SubjectNumber | Kind::Number | Kind::Numbers => "1",
        Kind::Amount => "0.5",
        Kind::Day => "2025-11-01",
        Kind::Choice(names) | Kind::Many(names) => names[0],
        Kind::Flag => "yes",
        Kind::Records => "{}",
        Kind::File => "",
        Kind::SubjectText | Kind::Text | Kind::Words | Kind::VoidedRecord if name == "Email" => {
            "a@one.example"
        }
        Kind::SubjectText | Kind::Text | Kind::Words | Kind::VoidedRecord => "x",
    }
}

fn filled(act: &Act) -> String {
    let fields =
        act.fields.iter().map(|field| format!("{}={}", field.name, value_of(field.kind, field.name)));
    fields.collect::<Vec<_>>().join("&")
}

fn every_act_is_for_operators_alone(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let company = server.company("One", "default");
    let operator = of_operator(&server, Role::Operator);
    let viewer = of_operator(&server, Role::OperatorViewer);
    let of_company = Browser::of_user(&server, &invite("admin@one.example", &company, Role::Administrator));
    let stranger = Browser::new(&server);
    let before = (audit(&server, 0).len(), audit(&server, 1).len());
    for act in ACTS {
        let (path, values) = (format!("/operator/acts/{}", act.name), filled(act));
        for (browser, page) in [(&viewer, "/operator"), (&of_company, "/console")] {
            assert_eq!(browser.get(&format!("{path}?{values}")).status, 403, "{path}");
            let keyed = format!("{values}&form_key=console-1&confirmed=yes");
            let reply = browser.post(page, &path, &keyed);
            assert_eq!(reply.status, 403, "{path}: {}", reply.text());
        }
        assert_eq!(stranger.get(&path).status, 303, "{path}");
        assert_eq!(stranger.post_as_is(&path, &pairs(&values)).status, 303, "{path}");
        // Forged by another site, without a token, and with that of another session.
        let foreign = Http::form(&pairs(&values)).at(&path).header("Sec-Fetch-Site", "cross-site");
        assert_eq!(operator.send(foreign).status, 403, "{path}");
        assert_eq!(operator.post_as_is(&path, &pairs(&values)).status, 403, "{path}");
        let mut of_other = pairs(&values);
        of_other.push(("token".to_owned(), hidden(&viewer.page("/operator"), "token").unwrap()));
        assert_eq!(operator.post_as_is(&path, &of_other).status, 403, "{path}");
        // Without the key by which it is done once.
        assert_eq!(operator.post("/operator", &path, &values).status, 400, "{path}");
        // The form has the command that does the same.
        let shown = operator.get(&format!("{path}?{}", values.replace("File=&", "")));
        assert_eq!(shown.status, 200, "{path}: {}", shown.text());
        assert!(shown.text().contains("<code class=\"long\">tollbook "), "{path}");
    }
    assert_eq!((audit(&server, 0).len(), audit(&server, 1).len()), before, "nothing was done");
    // The pages are for both, and offer forms to those who may send them.
    let page = format!("/operator/companies/{}", company.company_id);
    for (browser, offers) in [(&operator, true), (&viewer, false)] {
        assert_eq!(browser.page(&page).contains("/operator/acts/deposit"), offers);
        assert!(browser.page(&page).contains("tollbook account deposit"));
    }
    assert_eq!(operator.get("/operator/acts/nothing").status, 404);
    assert_eq!(operator.get("/operator/acts/deposit").status, 400, "without its company");
    assert_eq!(operator.get("/operator/acts/deposit?company=1&evil=1").status, 400);
}

fn money_moves_once_in_the_persons_name(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let company = server.company("One", "default");
    let operator = of_operator(&server, Role::Operator);
    let cash = || balance(&server, 1, AccountKind::Cash);
    let form = Form::of(&operator, "deposit?company=1", "Kind=cash&Amount=100.50");
    let first = form.send(&operator);
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(plain(first.text()).contains("Done."));
    let again = form.send(&operator);
    assert!(plain(again.text()).contains("This form was sent before"), "{}", again.text());
    assert_eq!(cash(), steps("100.50"));
    // A number that was edited in a form that was done, and values that are none.
    assert_eq!(form.with("Amount", "900").send(&operator).status, 409);
    let wrong = Form::of(&operator, "deposit?company=1", "Kind=cash&Amount=1");
    for (name, value, status) in [
        ("Amount", "-1", 400),
        ("Amount", "1e3", 400),
        ("Amount", "", 400),
        ("Amount", "1.123456789", 400),
        ("Kind", "credit", 400),
        ("Kind", "<b>", 400),
        ("Expires", "2026-02-30", 400),
        ("company", "2", 404),
        ("company", "x", 400),
        ("company", "01", 400),
        ("form_key", "", 400),
        ("NoSettle", "maybe", 400),
    ] {
        let reply = wrong.with(name, value).send(&operator);
        assert_eq!(reply.status, status, "{name}={value}: {}", reply.text());
        assert!(!reply.text().contains("<b>"), "{name}={value}");
    }
    assert_eq!(cash(), steps("100.50"));
    // What would be taken is shown first; the reason is required.
    let key = form.fields.iter().find(|(name, _)| name == "form_key").unwrap().1.clone();
    let reverse = Form::of(&operator, "reverse?company=1", &format!("Deposit={key}&Amount=40&Reason=twice"));
    assert_eq!(reverse.with("Reason", "").send(&operator).status, 400);
    let preview = reverse.send(&operator);
    assert_eq!(preview.status, 200, "{}", preview.text());
    assert!(
        plain(preview.text()).contains("Nothing was changed yet") && preview.text().contains("confirmed")
    );
    assert_eq!(cash(), steps("100.50"), "only shown");
    let confirmed = reverse.with("confirmed", "yes");
    assert_eq!(confirmed.send(&operator).status, 200);
    assert_eq!(confirmed.send(&operator).status, 200);
    assert_eq!(cash(), steps("60.50"));
    let adjust = Form::of(&operator, "adjust?company=1", "Kind=cash&Amount=-0.50&Reason=gift&Reference=T1");
    adjust.send(&operator);
    assert_eq!(cash(), steps("60.50"), "only shown");
    for _ in 0..2 {
        assert_eq!(adjust.with("confirmed", "yes").send(&operator).status, 200);
    }
    assert_eq!(cash(), steps("60"));
    let limit = Form::of(&operator, "credit-limit?company=1", "Amount=7");
    assert_eq!(limit.send(&operator).header("location"), Some("/operator/companies/1?notice=done"));
    let entries = server.store.snapshot().unwrap().ledger(1, LedgerRange { first: 0, count: 99 }).unwrap();
    assert_eq!(entries.len(), 3, "{entries:?}");
    let acts: Vec<(String, String, String)> = audit(&server, company.company_id)
        .into_iter()
        .filter(|entry| entry.act.starts_with("account."))
        .map(|entry| (entry.act, entry.actor.name, entry.reason))
        .collect();
    let of = |act: &str, reason: &str| (act.to_owned(), EMAIL.to_owned(), reason.to_owned());
    assert_eq!(acts.len(), 4, "{acts:?}");
    assert!(acts.iter().all(|(_, name, _)| name == EMAIL), "{acts:?}");
    assert_eq!(acts[0], of("account.deposit", ""));
    assert_eq!((acts[1].2.as_str(), acts[2].2.as_str()), ("twice", "gift"));
    // The log says so on its page, and is whole.
    let log = plain(&operator.page("/operator/audit?CompanyID=1&Act=account&check=yes"));
    assert!(log.contains(EMAIL) && log.contains("twice") && log.contains("are whole"), "{log}");
}

fn companies_people_and_keys_are_managed(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let operator = of_operator(&server, Role::Operator);
    let add = Form::of(&operator, "company-add", "Name=One&Currency=CNY");
    for _ in 0..2 {
        assert_eq!(add.send(&operator).status, 200);
    }
    assert_eq!(add.with("Name", "Two").send(&operator).status, 409);
    assert_eq!(companies::companies(&*server.store).unwrap().len(), 1);
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E";
    let rename = Form::of(&operator, "company-rename?company=1", &format!("Name={evil}"));
    assert_eq!(rename.send(&operator).status, 303);
    let organization = Form::of(&operator, "organization-add?company=1", &format!("Name={evil}"));
    for _ in 0..2 {
        organization.send(&operator);
    }
    assert_eq!(companies::organizations(&*server.store, 1).unwrap().len(), 1);
    // A link is shown once, and the form is not done again.
    let user = Form::of(&operator, "user-invite?company=1", "Email=clerk@one.example&Role=payer");
    let invited = user.send(&operator);
    assert_eq!(invited.status, 200, "{}", invited.text());
    let link = plain(invited.text());
    let token = link.split("/console/invitation/").nth(1).unwrap();
    let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
    assert_eq!(user.send(&operator).status, 409);
    assert_eq!(operator.get(&format!("/console/invitation/{token}")).status, 200, "the link still works");
    let clerk = |server: &Server| {
        server.store.snapshot().unwrap().user_by_email("clerk@one.example").unwrap().unwrap()
    };
    let role = Form::of(&operator, "user-role?company=1&Email=clerk@one.example", "Role=viewer");
    assert_eq!(role.send(&operator).status, 303);
    assert_eq!(clerk(&server).role, Role::Viewer);
    assert_eq!(role.with("Role", "operator").send(&operator).status, 400, "no form makes an operator");
    assert_eq!(role.with("Email", EMAIL).send(&operator).status, 422, "nor changes one");
    let disable = Form::of(&operator, "user-disable?company=1&Email=clerk@one.example", "");
    assert_eq!(disable.send(&operator).status, 303);
    assert!(clerk(&server).disabled);
    // Keys.
    let key = Form::of(&operator, "key-add?company=1", "Name=robot&Permissions=read&AllowIPs=10.0.0.0/8");
    let (first, again) = (key.send(&operator), key.send(&operator));
    assert_eq!((first.status, again.status), (200, 200), "{}", first.text());
    let keys = server.store.snapshot().unwrap().api_keys(Some(1)).unwrap();
    assert_eq!(keys.len(), 1);
    let public = &keys[0].public_key;
    assert!(first.text().contains(public.as_str()) && again.text().contains(public.as_str()));
    let of_key = |act: &str, values: &str| {
        Form::of(&operator, &format!("{act}?company=1&public_key={public}"), values)
    };
    let kept = || server.store.snapshot().unwrap().api_key(public).unwrap().unwrap();
    assert_eq!(of_key("key-suspend", "").send(&operator).status, 303);
    assert!(kept().suspended);
    assert_eq!(of_key("key-resume", "").send(&operator).status, 303);
    assert!(!kept().suspended);
    assert_eq!(of_key("key-change", "Name=other").send(&operator).status, 303);
    assert_eq!((kept().name.as_str(), kept().permissions.len()), ("other", 1), "the rest stays");
    // A key is one of the company that the form names.
    server.company("Two", "default");
    assert_eq!(of_key("key-disable", "").with("company", "2").send(&operator).status, 404);
    let rotate = of_key("key-rotate", "OverlapHours=1");
    for _ in 0..2 {
        assert_eq!(rotate.send(&operator).status, 200);
    }
    assert_eq!(server.store.snapshot().unwrap().api_keys(Some(1)).unwrap().len(), 2);
    assert_eq!(of_key("key-disable", "").send(&operator).status, 303);
    assert!(kept().disabled);
    for path in ["/operator/companies", "/operator/companies/1", "/operator/audit", "/operator"] {
        let page = operator.page(path);
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(!page.contains("PrivateKey"), "{path}");
    }
}

fn prices_are_shown_before_they_are_stored(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let company: Company = server.company("One", "default");
    let operator = of_operator(&server, Role::Operator);
    let form = Form::of(&operator, "price-import", "");
    let file = include_str!("../../../../../examples/prices.toml");
    let before = prices(&server);
    let preview = form.send_file(&operator, "prices.toml", file);
    assert_eq!(preview.status, 200, "{}", preview.text());
    assert_eq!(prices(&server), before, "only shown");
    let text = plain(preview.text());
    assert!(text.contains("Nothing was changed yet") && text.contains("Changes"), "{text}");
    let page = preview.text();
    let mut confirmed = form.with("confirmed", "yes");
    for name in ["file_name", "file_bytes"] {
        confirmed = confirmed.with(name, &hidden(page, name).unwrap());
    }
    let done = confirmed.send_file(&operator, "", "");
    assert_eq!(done.status, 200, "{}", done.text());
    let stored = prices(&server);
    assert!(stored > before);
    // What a second import would change is nothing.
    let same = Form::of(&operator, "price-import", "").send_file(&operator, "prices.toml", file);
    assert!(!plain(same.text()).contains("Changes"), "{}", same.text());
    assert!(plain(confirmed.send_file(&operator, "", "").text()).contains("was sent before"));
    assert_eq!(confirmed.with("file_bytes", "W10=").send_file(&operator, "", "").status, 409);
    for (name, content, status) in
        [("a.exe", "x", 400), ("a.toml", "this is [no toml", 422), ("a.toml", "", 400)]
    {
        let reply = Form::of(&operator, "price-import", "").send_file(&operator, name, content);
        assert_eq!(reply.status, status, "{name}: {}", reply.text());
    }
    assert_eq!(prices(&server), stored);
    let list = server.store.snapshot().unwrap().price_lists().unwrap()[0].name.clone();
    let shown = operator.page("/operator/prices");
    assert!(shown.contains(&format!("/operator/acts/price-remove?list={list}")), "{shown}");
    let discount = Form::of(&operator, "discount-set?CompanyID=1", "Factor=0.85");
    assert_eq!(discount.send(&operator).status, 303);
    assert_eq!(server.store.snapshot().unwrap().discounts().unwrap()[0].company_id, company.company_id);
    let remove = Form::of(&operator, &format!("price-remove?list={list}"), "");
    assert_eq!(remove.send(&operator).status, 200);
    assert_eq!(prices(&server), 0);
}

fn pages_are_read_with_what_is_not_understood_named(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    server.company("One", "default");
    let operator = of_operator(&server, Role::OperatorViewer);
    for (path, status) in [
        ("/operator/prices", 200),
        ("/operator/prices?x=1", 400),
        ("/operator/prices/explain", 400),
        ("/operator/prices/explain?CompanyID=1&ModelID=m&PricingSKU=input", 200),
        ("/operator/prices/explain?CompanyID=9&ModelID=m&PricingSKU=input", 400),
        ("/operator/prices/explain?CompanyID=x&ModelID=m&PricingSKU=input", 400),
        ("/operator/usage", 200),
        ("/operator/usage?company=1&ID=none", 200),
        ("/operator/usage?company=9&ID=none", 200),
        ("/operator/usage?company=x", 400),
        ("/operator/connect", 200),
        ("/operator/connect?program=kong", 200),
        ("/operator/connect?program=none", 400),
        ("/operator/audit", 200),
        ("/operator/audit?CompanyID=1&from=2025-01-01&to=2026-01-01&check=yes", 200),
        ("/operator/audit?CompanyID=9", 404),
        ("/operator/audit?Act=none", 400),
        ("/operator/audit?from=2026-02-30", 400),
        ("/operator/audit?check=no", 400),
        ("/operator/settings", 200),
        ("/operator/settings?x=1", 400),
    ] {
        let reply = operator.get(path);
        if path.contains("usage?company=9") {
            assert!(matches!(reply.status, 200 | 404), "{path}: {}", reply.status);
            continue;
        }
        assert_eq!(reply.status, status, "{path}: {}", plain(reply.text()));
    }
    assert!(operator.page("/operator/settings").contains("link_lifetime_s"));
    assert!(operator.page("/operator/connect?program=litellm").contains("GENERIC_LOGGER_ENDPOINT"));
}

on_each_backend!(
    every_act_is_for_operators_alone,
    money_moves_once_in_the_persons_name,
    companies_people_and_keys_are_managed,
    prices_are_shown_before_they_are_stored,
    pages_are_read_with_what_is_not_understood_named,
);
