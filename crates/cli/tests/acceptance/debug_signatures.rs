//! `--debug-signatures`: the refusal of a wrong signature shows what should have been signed, and signing that is right.

use serde_json::{Value, json};
use tollbook_api::signature::sign;

use crate::program::{Fixture, on_each_database};

on_each_database! {
    a_refused_signature_shows_what_should_have_been_signed
}

fn ask(url: &str, body: &str) -> Value {
    let answer = ureq::post(url).content_type("application/x-www-form-urlencoded").send(body).unwrap();
    let mut answer: Value = serde_json::from_reader(answer.into_body().into_reader()).unwrap();
    answer.as_object_mut().unwrap().remove("request_uuid");
    answer
}

/// What the refusal of a wrong strict signature shows: the lines up to the digest of the body, and those after it.
fn strictly(url: &str, body: &str) -> Option<String> {
    let answer = ureq::post(url)
        .content_type("application/x-www-form-urlencoded")
        .header("X-Tollbook-Timestamp", "17")
        .header("X-Tollbook-Nonce", "nonce-0000000001")
        .header("X-Tollbook-Signature", "0".repeat(64))
        .send(body)
        .unwrap();
    let answer: Value = serde_json::from_reader(answer.into_body().into_reader()).unwrap();
    assert_eq!(answer["RetCode"], 171);
    let lines: Vec<&str> = answer["StringToSign"].as_str()?.split('\n').collect();
    assert_eq!(lines.len(), 8);
    Some([&lines[..5], &lines[6..]].concat().join(" "))
}

const STRICT: &str = "TOLLBOOK-HMAC-SHA256 POST /  application/x-www-form-urlencoded 17 nonce-0000000001";

fn a_refused_signature_shows_what_should_have_been_signed(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let public = &company.public_key;
    let parameters =
        format!("PublicKey={public}&Action=GetOrderAmount&ModelIds.0=%E4%B8%AD+%26&StartTime=0&EndTime=1");
    let refused =
        json!({"RetCode": 171, "Action": "GetOrderAmountResponse", "Message": "Signature VerifyAC Error"});
    let unsigned = format!("{parameters}&Signature={:040}", 0);

    let mut server = fixture.start(&["serve"]);
    assert_eq!(ask(server.url(), &unsigned), refused);
    server.stop();

    for arguments in [&["serve", "--debug-signatures"][..], &["serve"]] {
        let debug = [("TOLLBOOK_DEBUG_SIGNATURES", "true".to_owned())];
        let environment = if arguments.len() > 1 { &[][..] } else { &debug };
        let mut server =
            fixture.start_in(arguments, "127.0.0.1:0", std::process::Stdio::piped(), environment);
        let answer = ask(server.url(), &unsigned);
        let text = answer["StringToSign"].as_str().unwrap();
        assert_eq!(text, format!("ActionGetOrderAmountEndTime1ModelIds.0中 &PublicKey{public}StartTime0"));
        let mut expected = refused.clone();
        expected["StringToSign"] = text.into();
        assert_eq!(answer, expected);
        // The text as a whole, as if it were the name of a parameter.
        let signature = sign(&[(text.to_owned(), String::new())], &company.private_key);
        let signed = ask(server.url(), &format!("{parameters}&Signature={signature}"));
        assert_eq!(signed["RetCode"], 0, "{signed}");
        let unknown = ask(server.url(), &unsigned.replace(public, "unknown"));
        assert_eq!((&unknown["RetCode"], unknown.get("StringToSign")), (&json!(172), None));
        assert_eq!(strictly(server.url(), &parameters), Some(STRICT.to_owned()));
        let log = server.stop();
        assert!(log.contains("clients are shown"), "{log}");
    }
}
