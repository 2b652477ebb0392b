//! Endpoints: adding, changing, disabling and removing them.

use tollbook_ops::webhooks::{
    EndpointChange, EventKind, NewEndpoint, add_endpoint, disable_endpoint, enable_endpoint, endpoints,
    remove_endpoint, rotate_secret, set_endpoint,
};
use tollbook_store::WebhookState;

use super::receiver::Hooks;
use crate::charging::fixture::{BASE_S, Backend};

pub(super) fn endpoints_are_added_changed_and_removed(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    let added = hooks.endpoint(1, &[EventKind::OrderPaid, EventKind::ArrearsBegan, EventKind::OrderPaid]);
    let of_operator = hooks.endpoint(0, &[]);
    let id = added.endpoint.endpoint_id.as_str();
    assert!(id.starts_with("ep_") && added.secret.reveal().starts_with("whsec_"));
    assert!(!format!("{added:?}").contains(added.secret.reveal()), "a secret is not printed");
    assert_eq!(added.endpoint.event_types, ["order.paid", "arrears.began"], "each once");
    let sealed = &added.endpoint.sealed_secret;
    let secret = added.secret.reveal().as_bytes();
    assert!(!sealed.windows(8).any(|bytes| secret.windows(8).any(|part| part == bytes)));

    let listed = |company_id| endpoints(store, company_id).unwrap();
    assert_eq!(listed(Some(1)), [(added.endpoint.clone(), WebhookState::default())]);
    assert_eq!(listed(Some(2)), []);
    let all: Vec<_> = listed(None).into_iter().map(|(endpoint, _)| endpoint).collect();
    assert_eq!(all, [of_operator.endpoint.clone(), added.endpoint.clone()], "the operator's are first");

    let change = EndpointChange {
        url: Some("https://example.org/new".into()),
        name: Some(" billing ".into()),
        event_types: Some(Vec::new()),
    };
    let changed = set_endpoint(store, &hooks.config, id, &change).unwrap();
    assert_eq!(
        (changed.url.as_str(), changed.name.as_str(), changed.event_types.len()),
        ("https://example.org/new", "billing", 0)
    );
    assert_eq!(set_endpoint(store, &hooks.config, id, &EndpointChange::default()).unwrap(), changed);
    let disabled = disable_endpoint(store, id, BASE_S + 5).unwrap();
    assert_eq!(disabled.disabled, Some((BASE_S + 5, "disabled by the operator".into())));
    assert_eq!(disable_endpoint(store, id, BASE_S + 9).unwrap(), disabled, "the first time is kept");
    assert_eq!(enable_endpoint(store, id).unwrap(), changed);
    let rotated = rotate_secret(store, &hooks.master, id, 100, BASE_S).unwrap();
    assert_eq!(rotated.former_expires_s, BASE_S + 100);
    assert_ne!(rotated.secret, added.secret);
    let stored = &listed(Some(1))[0].0;
    assert_eq!(stored.former_secret, Some((added.endpoint.sealed_secret.clone(), BASE_S + 100)));
    remove_endpoint(store, id).unwrap();
    assert_eq!(listed(Some(1)), []);
    assert_eq!(listed(Some(0)).len(), 1);
    assert_eq!(store.snapshot().unwrap().verify_deployment(10).unwrap(), Vec::<String>::new());
}

pub(super) fn what_is_no_endpoint_is_refused(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    let add = |company_id, url: &str, event: &str| {
        let event_types = if event.is_empty() { Vec::new() } else { vec![event.to_owned()] };
        let new = NewEndpoint { company_id, url: url.into(), name: String::new(), event_types };
        add_endpoint(store, &hooks.master, &hooks.config, &new, BASE_S).map_err(|error| error.to_string())
    };
    let good = "https://example.com/";
    for (company_id, url, event, reason) in [
        (9, good, "", "company 9 does not exist"),
        (1, "http://example.com/", "", "the URL must begin with https"),
        (1, "https://10.0.0.1/", "", "the URL leads to 10.0.0.1"),
        (1, good, "order.unknown", "there is no event type \"order.unknown\" for an endpoint of a company"),
        (
            1,
            good,
            "difference.found",
            "there is no event type \"difference.found\" for an endpoint of a company",
        ),
        (1, good, "webhook.test", "there is no event type \"webhook.test\""),
        (0, good, "webhook.test", "there is no event type \"webhook.test\" for an endpoint of the operator"),
    ] {
        let refused = add(company_id, url, event).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    assert!(add(0, good, "difference.found").is_ok());
    for _ in 0..20 {
        add(1, good, "").unwrap();
    }
    assert!(add(1, good, "").unwrap_err().contains("at most 20"));
    let unknown = "there is no webhook endpoint \"ep_none\"";
    for refused in [
        set_endpoint(store, &hooks.config, "ep_none", &EndpointChange::default()).map(|_| ()),
        disable_endpoint(store, "ep_none", BASE_S).map(|_| ()),
        enable_endpoint(store, "ep_none").map(|_| ()),
        rotate_secret(store, &hooks.master, "ep_none", 0, BASE_S).map(|_| ()),
        remove_endpoint(store, "ep_none"),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), unknown);
    }
}
