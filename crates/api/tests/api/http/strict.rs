//! Strict signatures (docs/SIGNING.md, "Strict signatures"): what is covered, what is demanded, and that a request is answered
//! once. What the published signature lets pass is refused here.

use tollbook_api::strict_signature::{NONCE_HEADER, SIGNATURE_HEADER, StrictRequest, TIMESTAMP_HEADER, sign};
use tollbook_domain::tenant::StrictSigning;
use tollbook_ops::tenancy::keys::{KeyChange, KeyRights, set_key};

use super::backend::{Backend, on_each_backend};
use super::client::{FORM, Http, JSON, encode, pairs};
use super::sample_orders::RANGE;
use super::server::{CONFIG, Key, NOW_S, Server};

const AMOUNT: &str = "Action=GetOrderAmount";
const PAY: &str = "Action=StartPayUnpaidOrders&OrderNos.0=U1";
const REQUIRED: &str = "175 Strict signature required";
const WRONG: &str = "171 Signature VerifyAC Error";

/// Signs a request strictly, with a timestamp and a nonce.
fn signed(http: Http, key: &Key, timestamp: &str, nonce: &str) -> Http {
    let (path, query) = http.target.split_once('?').unwrap_or((&http.target, ""));
    let content_type = http.headers.iter().find(|(name, _)| name == "Content-Type");
    let request = StrictRequest {
        method: &http.method,
        path,
        query,
        content_type: content_type.map_or("", |(_, value)| value),
        body: &http.body,
        timestamp,
        nonce,
    };
    let signature = sign(&request, &key.private);
    http.header(TIMESTAMP_HEADER, timestamp).header(NONCE_HEADER, nonce).header(SIGNATURE_HEADER, &signature)
}

fn form(key: &Key, text: &str) -> Http {
    let mut sent = pairs(text);
    sent.push(("PublicKey".to_owned(), key.public.clone()));
    Http::form(&sent)
}

/// Sends a form that is signed strictly at `at_s`.
fn ask_at(server: &Server, key: &Key, text: &str, at_s: i64, nonce: &str) -> String {
    let http = signed(form(key, text), key, &at_s.to_string(), nonce);
    server.answer(&http, &pairs(text)).verdict()
}

/// A nonce for the nth request of a test.
fn nonce(n: usize) -> String {
    format!("nonce-of-a-test-{n:04}")
}

fn strict_server(backend: Backend) -> (Server, Key) {
    let server = Server::start(backend);
    let company = server.company("Strict", "default");
    let key = server.key(&company, &KeyRights { strict: Some(StrictSigning::All), ..KeyRights::default() });
    (server, key)
}

fn a_captured_payment_is_refused_when_it_is_sent_again(backend: Backend) {
    let (server, key) = strict_server(backend);
    let request = signed(form(&key, PAY), &key, &NOW_S.to_string(), &nonce(1));
    let send = |server: &Server| server.answer(&request, &pairs(PAY)).verdict();
    assert_eq!(send(&server), "0");
    let used = format!("177 Nonce [{}] used before", nonce(1));
    assert_eq!(send(&server), used);
    // Another server, or the same one after a restart.
    let other = server.beside(CONFIG);
    assert_eq!(send(&other), used);
    server.clock.set(NOW_S + 300);
    assert_eq!(send(&server), used, "within the window");
    server.clock.set(NOW_S + 3 * 365 * 86_400);
    let now_s = NOW_S + 3 * 365 * 86_400;
    let late = format!(
        "176 Timestamp [{NOW_S}] out of window: the server's time is {now_s}, and at most 300 s may be between them"
    );
    assert_eq!(send(&server), late, "three years later");
    assert_eq!(ask_at(&server, &key, PAY, now_s, &nonce(1)), "0", "the same nonce, signed anew");
}

fn of_copies_that_arrive_together_one_is_answered(backend: Backend) {
    let (server, key) = strict_server(backend);
    let other = server.beside(CONFIG);
    for n in 0..5 {
        let request = signed(form(&key, PAY), &key, &NOW_S.to_string(), &nonce(n));
        let verdicts: Vec<String> = std::thread::scope(|scope| {
            let servers = [&server, &other, &server, &other];
            let sent = servers.map(|server| scope.spawn(|| server.answer(&request, &pairs(PAY)).verdict()));
            sent.into_iter().map(|verdict| verdict.join().unwrap()).collect()
        });
        let answered = verdicts.iter().filter(|verdict| *verdict == "0").count();
        let refused = verdicts.iter().filter(|verdict| verdict.starts_with("177 ")).count();
        assert_eq!((answered, refused), (1, 3), "{verdicts:?}");
    }
}

fn a_key_signs_strictly_what_is_demanded(backend: Backend) {
    let demanding = format!("[signing]\nstrict = \"pay\"\n{}", CONFIG.split_once("\n\n").unwrap().1);
    for (config, strict, list, pay) in [
        // configuration, of the key, whether a list and a payment as published are answered
        (CONFIG, None, true, true),
        (CONFIG, Some(StrictSigning::Off), true, true),
        (CONFIG, Some(StrictSigning::Pay), true, false),
        (CONFIG, Some(StrictSigning::All), false, false),
        (demanding.as_str(), None, true, false),
        (demanding.as_str(), Some(StrictSigning::Off), true, true),
        (demanding.as_str(), Some(StrictSigning::All), false, false),
    ] {
        let server = Server::configured(backend, config, |store| store);
        let company = server.company("Demanding", "default");
        let key = server.key(&company, &KeyRights { strict, ..KeyRights::default() });
        let amount = format!("{AMOUNT}&{RANGE}");
        for (place, (request, answered)) in [(amount.as_str(), list), (PAY, pay)].into_iter().enumerate() {
            let expected = if answered { "0" } else { REQUIRED };
            assert_eq!(server.ask(&key, request).verdict(), expected, "{strict:?} {request}");
            assert_eq!(ask_at(&server, &key, request, NOW_S, &nonce(place)), "0", "{strict:?} {request}");
        }
    }
}

fn a_brand_decides_before_the_deployment_and_the_key_before_both(backend: Backend) {
    let config = "[signing]\nstrict = \"all\"\n[brand.acme]\nstrict = \"off\"\n";
    let server = Server::configured(backend, config, |store| store);
    let [plain, acme] = ["default", "acme"].map(|brand| server.full_key(&server.company(brand, brand)));
    let amount = format!("{AMOUNT}&{RANGE}");
    assert_eq!(server.ask(&plain, &amount).verdict(), REQUIRED);
    assert_eq!(server.ask(&acme, &amount).verdict(), "0");
    let change = KeyChange { strict: Some(Some(StrictSigning::All)), ..KeyChange::default() };
    set_key(&*server.store, &acme.public, &change, NOW_S).unwrap();
    assert_eq!(server.ask(&acme, &amount).verdict(), REQUIRED);
}

/// What is changed after signing, in each part of a request.
type Change = fn(&mut Http);

fn every_part_of_a_request_is_covered(backend: Backend) {
    let (server, key) = strict_server(backend);
    let header = |http: &mut Http, name: &str, value: &str| {
        for (known, sent) in &mut http.headers {
            if known == name {
                value.clone_into(sent);
            }
        }
    };
    let changes: [(&str, Change); 6] = [
        ("body", |http| http.body.extend_from_slice(b"&Zone=x")),
        ("path", |http| http.target = "/other?Action=GetOrderAmount".into()),
        ("query", |http| http.target = "/?Action=StartPayUnpaidOrders".into()),
        ("an empty query", |http| http.target = "/".into()),
        ("method", |http| http.method = "GET".into()),
        ("content type", |http| http.headers[0].1 = "text/plain".into()),
    ];
    let text = format!("{AMOUNT}&{RANGE}");
    let whole = |n| {
        let http = form(&key, &text).at("/?Action=GetOrderAmount");
        signed(http, &key, &NOW_S.to_string(), &nonce(n))
    };
    assert_eq!(server.answer(&whole(0), &pairs(&text)).verdict(), "0");
    for (n, (what, change)) in changes.into_iter().enumerate() {
        let mut http = whole(n + 1);
        change(&mut http);
        let reply = http.send(server.address);
        assert!(reply.text().contains("\"RetCode\":171") || what == "method", "{what}: {}", reply.text());
        assert!(!reply.text().contains("\"RetCode\":0"), "{what}: {}", reply.text());
    }
    for (name, value) in [(TIMESTAMP_HEADER, (NOW_S + 1).to_string()), (NONCE_HEADER, nonce(99))] {
        let mut http = whole(50);
        header(&mut http, name, &value);
        assert_eq!(server.answer(&http, &pairs(&text)).verdict(), WRONG, "{name}");
    }
    // None of the refused requests has used up its nonce.
    for n in 1..=6 {
        assert_eq!(server.answer(&whole(n), &pairs(&text)).verdict(), "0");
    }
}

/// Names and values of a signed request that are cut in other places are another request with the same published signature.
fn one_published_signature_fits_several_requests_and_a_strict_one_does_not(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Cut", "default");
    let key = server.full_key(&company);
    // Sorted and joined, both are the same text.
    let list = key.signed(pairs("Action=StartPayUnpaidOrdersOrderNos.0U1"));
    let moved = |name: &str| list.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let payment = vec![
        ("Action".to_owned(), "StartPayUnpaidOrders".to_owned()),
        ("OrderNos.0".to_owned(), "U1".to_owned()),
        ("PublicKey".to_owned(), moved("PublicKey")),
        ("Signature".to_owned(), moved("Signature")),
    ];
    assert_eq!(server.answer(&Http::form(&payment), &payment).verdict(), "0", "as published, it fits");
    let strict = |sent: &[(String, String)]| {
        signed(Http::form(sent), &key, &NOW_S.to_string(), &nonce(7)).headers.pop().unwrap().1
    };
    assert_ne!(strict(&list), strict(&payment));
    let change = KeyChange { strict: Some(Some(StrictSigning::Pay)), ..KeyChange::default() };
    set_key(&*server.store, &key.public, &change, NOW_S).unwrap();
    assert_eq!(server.answer(&Http::form(&payment), &payment).verdict(), REQUIRED);
    let mut sent = Http::form(&payment);
    for (name, value) in
        [(TIMESTAMP_HEADER, NOW_S.to_string()), (NONCE_HEADER, nonce(7)), (SIGNATURE_HEADER, strict(&list))]
    {
        sent = sent.header(name, &value);
    }
    assert_eq!(server.answer(&sent, &payment).verdict(), WRONG);
}

fn broken_headers_are_named(backend: Backend) {
    let (server, key) = strict_server(backend);
    let text = format!("{AMOUNT}&{RANGE}");
    let ask = |headers: &[(&str, &str)]| {
        let http = headers.iter().fold(form(&key, &text), |http, (name, value)| http.header(name, value));
        server.answer(&http, &pairs(&text)).verdict()
    };
    let (time, right, digits) = (NOW_S.to_string(), nonce(1), "a".repeat(64));
    let (t, n, s) = (
        (TIMESTAMP_HEADER, time.as_str()),
        (NONCE_HEADER, right.as_str()),
        (SIGNATURE_HEADER, digits.as_str()),
    );
    let long = "n".repeat(65);
    for (headers, verdict) in [
        (vec![], "170 Missing signature"),
        (vec![t], "220 Missing params [X-Tollbook-Nonce|X-Tollbook-Signature]"),
        (vec![n, s], "220 Missing params [X-Tollbook-Timestamp]"),
        (vec![t, n, s], WRONG),
        (vec![t, t, n, s], "230 Params [X-Tollbook-Timestamp] not available: given more than once"),
        (
            vec![(TIMESTAMP_HEADER, "-1"), n, s],
            "230 Params [X-Tollbook-Timestamp] not available: must be Unix seconds",
        ),
        (
            vec![(TIMESTAMP_HEADER, "99999999999999999999"), n, s],
            "230 Params [X-Tollbook-Timestamp] not available: must be Unix seconds",
        ),
        (
            vec![t, (NONCE_HEADER, "short"), s],
            "230 Params [X-Tollbook-Nonce] not available: must be 16 to 64 of A-Z, a-z, 0-9, - and _",
        ),
        (
            vec![t, (NONCE_HEADER, &long), s],
            "230 Params [X-Tollbook-Nonce] not available: must be 16 to 64 of A-Z, a-z, 0-9, - and _",
        ),
        (
            vec![t, n, (SIGNATURE_HEADER, "A")],
            "230 Params [X-Tollbook-Signature] not available: must be 64 lower-case hexadecimal digits",
        ),
    ] {
        assert_eq!(ask(&headers), verdict, "{headers:?}");
    }
}

fn a_refusal_of_another_time_states_the_servers_time(backend: Backend) {
    let (server, key) = strict_server(backend);
    let text = format!("{AMOUNT}&{RANGE}");
    for (place, (off_s, passes)) in
        [(-301, false), (-300, true), (300, true), (301, false)].into_iter().enumerate()
    {
        let at_s = NOW_S + off_s;
        let verdict = ask_at(&server, &key, &text, at_s, &nonce(place));
        if passes {
            assert_eq!(verdict, "0", "{off_s}");
        } else {
            let told = format!(
                "176 Timestamp [{at_s}] out of window: the server's time is {NOW_S}, and at most 300 s may be between them"
            );
            assert_eq!(verdict, told);
        }
    }
}

fn unknown_parameters_are_refused_with_the_nearest(backend: Backend) {
    let (server, key) = strict_server(backend);
    let list = format!("Action=ListPaidOrders&{RANGE}&Page=1&PageSize=10&ModelIDs.0=qwen");
    let unknown = "230 Params [ModelIDs.0] not available: ListPaidOrders has no such parameter; did you mean ModelIds.0?";
    assert_eq!(ask_at(&server, &key, &list, NOW_S, &nonce(1)), unknown);
    assert_eq!(ask_at(&server, &key, &list, NOW_S, &nonce(1)), unknown, "a refused request uses up no nonce");
    let right = list.replace("ModelIDs", "ModelIds");
    assert_eq!(ask_at(&server, &key, &right, NOW_S, &nonce(1)), "0");
    // As published, the filter is ignored.
    let published = server.full_key(&server.company("Published", "default"));
    assert_eq!(server.ask(&published, &list).verdict(), "0");
}

fn json_and_queries_are_signed_too_and_a_second_signature_must_be_right(backend: Backend) {
    let (server, key) = strict_server(backend);
    let mut sent = pairs(&format!("{AMOUNT}&{RANGE}"));
    sent.push(("PublicKey".to_owned(), key.public.clone()));
    let at = NOW_S.to_string();
    // Escapes, order and `+` of a query do not matter.
    let query = Http::new("GET", &format!("/?{}&Zone=a%20b", encode(&sent)));
    let mut other = signed(query, &key, &at, &nonce(1));
    other.target = format!("/?Zone=a+b&{}", encode(&sent));
    assert_eq!(server.answer(&other, &sent).verdict(), "0");
    let members: Vec<String> = sent.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    let json = Http::post(JSON, format!("{{{}}}", members.join(",")));
    assert_eq!(server.answer(&signed(json, &key, &at, &nonce(2)), &sent).verdict(), "0");
    let published = key.signed(pairs(&format!("{AMOUNT}&{RANGE}")));
    let both = Http::post(FORM, encode(&published));
    assert_eq!(server.answer(&signed(both, &key, &at, &nonce(3)), &published).verdict(), "0");
    let mut wrong = published;
    wrong.last_mut().unwrap().1 = "0".repeat(40);
    let both = Http::post(FORM, encode(&wrong));
    assert_eq!(server.answer(&signed(both, &key, &at, &nonce(4)), &wrong).verdict(), WRONG);
}

on_each_backend!(
    a_captured_payment_is_refused_when_it_is_sent_again,
    of_copies_that_arrive_together_one_is_answered,
    a_key_signs_strictly_what_is_demanded,
    a_brand_decides_before_the_deployment_and_the_key_before_both,
    every_part_of_a_request_is_covered,
    one_published_signature_fits_several_requests_and_a_strict_one_does_not,
    broken_headers_are_named,
    a_refusal_of_another_time_states_the_servers_time,
    unknown_parameters_are_refused_with_the_nearest,
    json_and_queries_are_signed_too_and_a_second_signature_must_be_right,
);
