//! The limits of the configuration on the requests of keys and companies.

use tollbook_ops::tenancy::keys::KeyRights;

use super::backend::{Backend, on_each_backend};
use super::sample_orders::RANGE;
use super::server::{Key, Server};

/// Sends requests until one is refused, and returns what it says before the time to wait, and that it says one.
fn refusal(server: &Server, key: &Key) -> String {
    let answer = || server.ask(key, &format!("Action=GetOrderAmount&{RANGE}"));
    let mut last = answer();
    while last.code() == 0 {
        last = answer();
    }
    let said = last.verdict_with_reason();
    let (what, wait) = said.split_once("; wait ").unwrap();
    assert!(wait.strip_suffix(" ms").is_some_and(|wait| wait.parse::<u32>().is_ok()), "{said}");
    what.to_owned()
}

fn rates_of_the_configuration_hold_for_keys_without_their_own_and_for_companies(backend: Backend) {
    let limited = |of: &str| format!("153 Request rate limited: the {of} may send 1 requests a second");
    let server = Server::configured(backend, "[limits]\nkey_rate_per_s = 1\n", |store| store);
    let company = server.company("Limited", "default");
    assert_eq!(refusal(&server, &server.full_key(&company)), limited("key"));
    let free = server.key(&company, &KeyRights { rate_limit_per_s: Some(0), ..KeyRights::default() });
    for _ in 0..20 {
        assert_eq!(server.ask(&free, &format!("Action=GetOrderAmount&{RANGE}")).verdict(), "0");
    }
    let server = Server::configured(backend, "[limits]\ncompany_rate_per_s = 1\n", |store| store);
    let company = server.company("Limited", "default");
    let keys = [server.full_key(&company), server.full_key(&company)];
    for key in &keys {
        assert_eq!(refusal(&server, key), limited("company"));
    }
    let other = server.full_key(&server.company("Other", "default"));
    assert_eq!(server.ask(&other, &format!("Action=GetOrderAmount&{RANGE}")).verdict(), "0");
}

on_each_backend!(rates_of_the_configuration_hold_for_keys_without_their_own_and_for_companies);
