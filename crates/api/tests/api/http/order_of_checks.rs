//! Authorization of requests, and which refusal is returned if several checks fail (docs/WIRE.md, "Order of checks").

use std::time::Instant;

use tollbook_domain::tenant::Permission;
use tollbook_ops::tenancy::keys::KeyRights;

use super::backend::{Backend, on_each_backend};
use super::client::{FORM, Http, Pairs, encode, pairs, value_of};
use super::sample_orders::RANGE;
use super::server::{Key, Server};

const LIST: &str = "Action=ListPaidOrders&StartTime=1761955200&EndTime=1764547200&Page=1&PageSize=10";

/// Faults of a request, in the order in which they are checked, and their refusals.
const FAULTS: [(&str, &str); 11] = [
    ("unreadable body", "230 Params [Body] not available: parameter 1 is not valid UTF-8"),
    ("no action", "160 Missing Action"),
    ("unknown action", "161 Action [ListNothing] not found"),
    ("no signature", "170 Missing signature"),
    ("unknown key", "172 User Not Exists"),
    ("wrong signature", "171 Signature VerifyAC Error"),
    ("wrong address", "294 Access IP denied"),
    ("rate", "153 Request rate limited"),
    ("wrong permission", "299 Permission denied"),
    ("wrong project", "299 Permission denied"),
    ("wrong parameter", "230 Params [PageSize] not available: must be between 10 and 100"),
];
const RATE: usize = 7;

struct Fixture {
    server: Server,
    /// Without and with a rate limit, each with the permission for a list and without it.
    unlimited: [Key; 2],
    limited: [Key; 2],
    /// The project of an organization that the keys are not bound to.
    foreign_project: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Checked", "default");
        let own = server.organization(&company, "Own");
        let foreign = server.organization(&company, "Foreign");
        let keys = |rate_limit_per_s| {
            [vec![Permission::Read], vec![Permission::Export, Permission::Pay]].map(|permissions| {
                let rights = KeyRights {
                    organization_ids: vec![own.organization_id],
                    allowed_networks: vec!["192.0.2.0/24".into()],
                    rate_limit_per_s,
                    permissions,
                    ..KeyRights::default()
                };
                server.key(&company, &rights)
            })
        };
        let (unlimited, limited) = (keys(None), keys(Some(1)));
        Self { server, unlimited, limited, foreign_project: foreign.project_id }
    }

    /// A request with these faults. If "rate" is one of them, the request must be sent often enough to exceed the
    /// limit.
    fn request(&self, faults: &[usize]) -> (Http, Pairs) {
        let has = |name: &str| faults.iter().any(|fault| FAULTS[*fault].0 == name);
        let keys = if has("rate") { &self.limited } else { &self.unlimited };
        let key = &keys[usize::from(has("wrong permission"))];
        let mut sent = pairs(LIST);
        if has("no action") {
            sent.retain(|(name, _)| name != "Action");
        } else if has("unknown action") {
            sent[0].1 = String::from("ListNothing");
        }
        if has("wrong parameter") {
            sent.last_mut().unwrap().1 = String::from("101");
        }
        if has("wrong project") {
            sent.push(("ProjectId".to_owned(), self.foreign_project.clone()));
        }
        let public = if has("unknown key") { "unknown" } else { &key.public };
        let private = if has("wrong signature") { "guessed" } else { &key.private };
        let mut signed = Key { public: public.to_owned(), private: private.to_owned() }.signed(sent);
        if has("no signature") {
            signed.pop();
        }
        let broken = if has("unreadable body") { "Broken=%FF&" } else { "" };
        let address = if has("wrong address") { "198.51.100.1" } else { "192.0.2.7" };
        let body = format!("{broken}{}", encode(&signed));
        let known = if has("unreadable body") { Vec::new() } else { signed };
        (Http::post(FORM, body).header("X-Forwarded-For", address), known)
    }

    fn verdict(&self, faults: &[usize]) -> String {
        let (http, known) = self.request(faults);
        self.server.answer(&http, &known).verdict()
    }
}

fn the_first_failed_check_determines_the_refusal(backend: Backend) {
    let fixture = Fixture::new(backend);
    for set in 0..1_u32 << FAULTS.len() {
        let faults: Vec<usize> = (0..FAULTS.len()).filter(|fault| set & (1 << fault) != 0).collect();
        match faults.first() {
            None => assert_eq!(fixture.verdict(&[]), "0"),
            // Whether the limit is exceeded depends on the time. The next test covers it.
            Some(&RATE) => {}
            Some(&first) => assert_eq!(fixture.verdict(&faults), FAULTS[first].1, "{faults:?}"),
        }
    }
}

fn the_rate_is_checked_before_permission_and_parameters_and_after_the_rest(backend: Backend) {
    let fixture = Fixture::new(backend);
    // Requests that fail an earlier check are not counted.
    for (earlier, (_, verdict)) in FAULTS.iter().enumerate().take(RATE) {
        for _ in 0..3 {
            assert_eq!(fixture.verdict(&[earlier, RATE]), *verdict);
        }
    }
    assert_eq!(fixture.verdict(&[RATE]), "0");
    for later in [vec![8], vec![9], vec![10], vec![8, 9, 10]] {
        let faults = [vec![RATE], later.clone()].concat();
        let (verdicts, passed) = burst(|| fixture.verdict(&faults));
        let limited = verdicts.iter().filter(|verdict| *verdict == FAULTS[RATE].1).count();
        assert!(limited >= verdicts.len().saturating_sub(passed), "{verdicts:?}");
        let others = verdicts.iter().filter(|verdict| *verdict != FAULTS[RATE].1);
        others.for_each(|verdict| assert_eq!(verdict, FAULTS[later[0]].1));
    }
}

/// Sends 20 requests of a key whose limit is one per second. Returns the verdicts, and the largest number of requests
/// that the limit permits in the elapsed time.
fn burst(ask: impl Fn() -> String) -> (Vec<String>, usize) {
    let began = Instant::now();
    let verdicts: Vec<String> = (0..20).map(|_| ask()).collect();
    (verdicts, 2 + usize::try_from(began.elapsed().as_secs()).unwrap())
}

fn each_key_has_its_own_rate_limit(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Busy", "default");
    let limited = |limit| KeyRights { rate_limit_per_s: Some(limit), ..KeyRights::default() };
    let (slow, fast) = (server.key(&company, &limited(1)), server.key(&company, &limited(1_000)));
    let (verdicts, passed) = burst(|| server.ask(&slow, LIST).verdict());
    assert_eq!(verdicts[0], "0");
    let counted = verdicts.iter().filter(|verdict| *verdict == "0").count();
    assert!(counted <= passed, "{verdicts:?}");
    assert!(verdicts.iter().all(|verdict| verdict == "0" || verdict == "153 Request rate limited"));
    for _ in 0..20 {
        assert_eq!(server.ask(&fast, LIST).verdict(), "0");
    }
}

fn forwarded_addresses_of_trusted_proxies_are_used(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Fenced", "default");
    let allowed_networks = vec!["192.0.2.0/24".into(), "2001:db8::/32".into()];
    let key = server.key(&company, &KeyRights { allowed_networks, ..KeyRights::default() });
    // 127.0.0.1, which is the peer, and 10.0.0.0/8 are trusted. The nearest hop is the last address.
    let table: [(&[&str], bool); 16] = [
        // X-Forwarded-For, allowed
        (&[], false),
        (&[""], false),
        (&["192.0.2.7"], true),
        (&[" 192.0.2.7 "], true),
        (&["::ffff:192.0.2.7"], true),
        (&["2001:db8::5"], true),
        (&["198.51.100.1"], false),
        (&["198.51.100.1, 192.0.2.7"], true),
        (&["192.0.2.7, 198.51.100.1"], false),
        (&["192.0.2.7, 10.1.2.3"], true),
        (&["192.0.2.7,10.1.2.3,10.9.9.9"], true),
        (&["192.0.2.7", "10.1.2.3"], true),
        (&["192.0.2.7, 198.51.100.1, 10.1.2.3"], false),
        (&["10.1.2.3"], false),
        (&["nonsense"], false),
        (&["192.0.2.7, nonsense"], false),
    ];
    for (forwarded, allowed) in table {
        let signed = key.signed(pairs(LIST));
        let http =
            forwarded.iter().fold(Http::form(&signed), |http, value| http.header("X-Forwarded-For", value));
        let expected = if allowed { "0" } else { "294 Access IP denied" };
        assert_eq!(server.answer(&http, &signed).verdict(), expected, "{forwarded:?}");
    }
}

fn without_trusted_proxies_forwarded_addresses_are_ignored(backend: Backend) {
    let server = Server::configured(backend, "", |store| store);
    let company = server.company("Alone", "default");
    for (network, expected) in [("192.0.2.0/24", "294 Access IP denied"), ("127.0.0.0/8", "0")] {
        let rights = KeyRights { allowed_networks: vec![network.into()], ..KeyRights::default() };
        let signed = server.key(&company, &rights).signed(pairs(LIST));
        let http = Http::form(&signed).header("X-Forwarded-For", "192.0.2.7");
        assert_eq!(server.answer(&http, &signed).verdict(), expected, "{network}");
    }
}

fn a_project_is_checked_but_does_not_filter(backend: Backend) {
    let server = Server::start(backend);
    let (company, other) = (server.company("Mine", "default"), server.company("Theirs", "default"));
    let (first, second) = (server.organization(&company, "First"), server.organization(&company, "Second"));
    let theirs = server.organization(&other, "Theirs");
    server.add(&super::sample_orders::orders(
        company.company_id,
        &[first.organization_id, second.organization_id],
    ));
    let (full, bound) = (server.full_key(&company), server.bound_key(&company, &first));
    let (own, sibling, strange) = (&*first.project_id, &*second.project_id, &*theirs.project_id);
    let unknown = |id: &str| format!("292 Project [{id}] not exists");
    let long = "x".repeat(300);
    let shortened = unknown(&format!("{}…", "x".repeat(64)));
    let different =
        "230 Params [ProjectId] not available: given more than once, with different values".to_owned();
    let table = [
        // key, ProjectId, verdict
        (&full, String::new(), "0".to_owned()),
        (&full, own.to_owned(), "0".to_owned()),
        (&full, sibling.to_owned(), "0".to_owned()),
        (&full, strange.to_owned(), unknown(strange)),
        (&full, "org-none".to_owned(), unknown("org-none")),
        (&full, own.to_uppercase(), unknown(&own.to_uppercase())),
        (&full, first.organization_id.to_string(), unknown(&first.organization_id.to_string())),
        (&full, long, shortened),
        (&bound, String::new(), "0".to_owned()),
        (&bound, own.to_owned(), "0".to_owned()),
        (&bound, sibling.to_owned(), "299 Permission denied".to_owned()),
        (&bound, strange.to_owned(), unknown(strange)),
        (&full, format!("{own}&ProjectId={own}"), "0".to_owned()),
        (&full, format!("{own}&ProjectId={sibling}"), different.clone()),
        (&full, format!("{own}&ProjectId="), different),
    ];
    // A job belongs to one key; it has its own test.
    for action in tollbook_api::actions::ACTIONS.iter().filter(|action| action.name != "GetExportJob") {
        let request = encode(&super::sample_orders::required(action));
        let totals = |answer: super::client::Answer| answer.0.get("Total").map(|_| answer.integer("Total"));
        // Accounts are the whole company's.
        let denies_bound = ["GetAccount", "ListLedger"].contains(&action.name);
        for (key, project, verdict) in &table {
            let is_denied = denies_bound && std::ptr::eq(*key, &raw const bound) && verdict == "0";
            let verdict = if is_denied { "299 Permission denied" } else { verdict };
            let answer = server.ask(key, &format!("{request}&ProjectId={project}"));
            assert_eq!(answer.verdict(), verdict, "{} {project}", action.name);
            if answer.code() == 0 {
                assert_eq!(totals(answer), totals(server.ask(key, &request)), "{} {project}", action.name);
            }
        }
    }
}

fn the_identity_must_be_given_once_and_correctly(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Keys", "default");
    let (key, other, disabled) =
        (server.full_key(&company), server.full_key(&company), server.full_key(&company));
    server.disable(&disabled);
    let ask = |change: &dyn Fn(&mut Pairs), headers: &[(&str, &str)]| {
        let mut signed = key.signed(pairs(LIST));
        change(&mut signed);
        let http = headers.iter().fold(Http::form(&signed), |http, (name, value)| http.header(name, value));
        server.answer(&http, &signed).verdict()
    };
    let set = |name: &'static str, value: String| {
        move |pairs: &mut Pairs| {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name.to_owned(), value.clone()));
        }
    };
    let signature = key.signed(pairs(LIST)).pop().unwrap().1;
    let others = other.signed(pairs(LIST)).pop().unwrap().1;
    let unknown = "172 User Not Exists";
    let wrong = "171 Signature VerifyAC Error";
    let same = |_: &mut Pairs| {};
    let append = |text: &'static str| move |sent: &mut Pairs| sent.extend(pairs(text));

    assert_eq!(ask(&same, &[]), "0");
    assert_eq!(ask(&same, &[("Authorization", "Basic Zm9v")]), "0");
    assert_eq!(ask(&same, &[("Cookie", ""), ("Csrf-Token", ""), ("U-Timestamp-Ms", "1")]), "0");
    assert_eq!(ask(&same, &[("Authorization", "Bearer abc")]), wrong);
    assert_eq!(ask(&same, &[("Authorization", "bearer abc")]), wrong);
    assert_eq!(ask(&set("PublicKey", String::new()), &[]), unknown);
    assert_eq!(ask(&set("PublicKey", "x".repeat(10_000)), &[]), unknown);
    assert_eq!(ask(&set("PublicKey", "a\0b".to_owned()), &[]), unknown);
    assert_eq!(ask(&set("PublicKey", disabled.public.clone()), &[]), unknown);
    assert_eq!(ask(&set("PublicKey", other.public.clone()), &[]), wrong);
    assert_eq!(ask(&set("PublicKey", key.public.to_lowercase()), &[]), unknown);
    assert_eq!(ask(&set("Signature", others), &[]), wrong);
    assert_eq!(ask(&set("Signature", signature.to_uppercase()), &[]), wrong);
    assert_eq!(ask(&set("Signature", format!("{signature}0")), &[]), wrong);
    assert_eq!(ask(&set("Signature", String::new()), &[]), "170 Missing signature");
    assert_eq!(ask(&append("Unsigned=1"), &[]), wrong);
    assert_eq!(ask(&append("Page=1"), &[]), wrong);
    for name in ["Action", "Signature", "PublicKey"] {
        let signed = key.signed(pairs(LIST));
        let value = value_of(&signed, name).unwrap();
        // The signature covers a repeated parameter, except itself.
        let repeated = [&signed[..], &[(name.to_owned(), value.to_owned())]].concat();
        let verdict = if name == "Signature" { "0" } else { wrong };
        assert_eq!(server.answer(&Http::form(&repeated), &repeated).verdict(), verdict, "{name}");
        let verdict =
            format!("230 Params [{name}] not available: given more than once, with different values");
        let different = [&signed[..], &[(name.to_owned(), "x".to_owned())]].concat();
        let known: Pairs = signed.iter().filter(|_| name != "Action").cloned().collect();
        assert_eq!(server.answer(&Http::form(&different), &known).verdict(), verdict);
    }
    let repeated = format!("{LIST}&{LIST}&PublicKey={}", key.public);
    assert_eq!(server.ask(&key, &repeated).verdict(), "0", "all are signed");
    // A valid signature of a disabled key is refused like an invalid one.
    let signed = disabled.signed(pairs(LIST));
    assert_eq!(server.answer(&Http::form(&signed), &signed).verdict(), unknown);
}

fn action_names_match_exactly_and_are_echoed_in_printable_form(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Names", "default");
    let key = server.full_key(&company);
    let long = format!("161 Action [{}…] not found", "y".repeat(64));
    for (action, verdict) in [
        ("", "160 Missing Action"),
        ("listpaidorders", "161 Action [listpaidorders] not found"),
        ("ListPaidOrders%20", "161 Action [ListPaidOrders ] not found"),
        ("%E5%88%97%E8%A1%A8", "161 Action [列表] not found"),
        ("a%0D%0AX-Evil:%201", "161 Action [aX-Evil: 1] not found"),
        ("%00", "161 Action [] not found"),
        (&"y".repeat(500), long.as_str()),
    ] {
        let request = format!("Action={action}&{RANGE}&Page=1&PageSize=10");
        assert_eq!(server.ask(&key, &request).verdict(), verdict, "{action}");
    }
    assert_eq!(server.answer(&Http::new("GET", "/"), &[]).verdict(), "160 Missing Action");
    assert_eq!(server.answer(&Http::new("POST", "/"), &[]).verdict(), "160 Missing Action");
}

fn general_parameters_are_signed_and_otherwise_ignored(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("General", "default");
    let organization = server.organization(&company, "One");
    server.add(&super::sample_orders::orders(company.company_id, &[organization.organization_id]));
    let key = server.full_key(&company);
    let plain = server.ask(&key, LIST);
    for general in
        ["Region=us-ca", "Zone=us-ca-01", "SecurityToken=token", "Region=&Zone=&Nonsense=%E4%B8%AD+x"]
    {
        assert_eq!(server.ask(&key, &format!("{LIST}&{general}")), plain, "{general}");
        // If the parameter is added after signing, the request is refused.
        let mut signed = key.signed(pairs(LIST));
        signed.extend(pairs(general));
        assert_eq!(server.answer(&Http::form(&signed), &signed).code(), 171, "{general}");
    }
    assert!(plain.integer("Total") > 0);
}

on_each_backend!(
    the_first_failed_check_determines_the_refusal,
    the_rate_is_checked_before_permission_and_parameters_and_after_the_rest,
    each_key_has_its_own_rate_limit,
    forwarded_addresses_of_trusted_proxies_are_used,
    without_trusted_proxies_forwarded_addresses_are_ignored,
    a_project_is_checked_but_does_not_filter,
    the_identity_must_be_given_once_and_correctly,
    action_names_match_exactly_and_are_echoed_in_printable_form,
    general_parameters_are_signed_and_otherwise_ignored,
);
