//! The page of webhooks: endpoints of the own company, secrets that are shown once, and deliveries that are sent again.

use std::sync::Arc;

use tollbook_domain::Role;
use tollbook_ops::webhooks::{self, NewEndpoint};

use super::backend::{Backend, on_each_backend};
use super::browser::{Browser, hidden, invite, plain};
use super::client::pairs;
use super::server::{NOW_S, Server};

fn endpoints_are_added_changed_and_removed(backend: Backend) {
    let server = Arc::new(Server::start(backend));
    let (first, second) = (server.company("First", "default"), server.company("Second", "default"));
    let browser = Browser::of_user(&server, &invite("admin@first.example", &first, Role::Administrator));
    let payer = Browser::of_user(&server, &invite("payer@first.example", &first, Role::Payer));
    assert_eq!(payer.get("/console/webhooks").status, 403);
    let endpoints = |company_id| webhooks::endpoints(&*server.store, Some(company_id)).unwrap();
    let page = browser.page("/console/webhooks");
    assert!(page.contains("There are no endpoints yet."));
    let (token, once) = (hidden(&page, "token").unwrap(), hidden(&page, "once").unwrap());
    let event = webhooks::EventKind::choices(true).next().unwrap().name();
    let form =
        format!("token={token}&once={once}&url=https://hooks.example.com/in&name=%3Cb%3Ehook&event={event}");
    let form = pairs(&form);
    let (added, again) =
        (browser.post_as_is("/console/webhooks", &form), browser.post_as_is("/console/webhooks", &form));
    assert_eq!((added.status, again.status), (200, 409), "{}", added.text());
    assert!(plain(added.text()).contains("whsec_"), "{}", added.text());
    let known = endpoints(first.company_id);
    let endpoint = known[0].0.clone();
    assert_eq!((known.len(), &endpoint.event_types[..]), (1, &[event.to_owned()][..]));
    let page = browser.page("/console/webhooks");
    assert!(
        !page.contains("whsec_") && !page.contains("<b>hook") && page.contains("&lt;b&gt;hook"),
        "{page}"
    );
    // Those of another company are not there.
    let new = NewEndpoint {
        company_id: second.company_id,
        url: "https://secret.example.com/".to_owned(),
        ..NewEndpoint::default()
    };
    let config = &server.config.webhooks;
    let other = webhooks::add_endpoint(&*server.store, &server.master, config, &new, NOW_S).unwrap().endpoint;
    assert!(!browser.page("/console/webhooks").contains("secret.example.com"));
    for what in ["enable", "rotate", "remove", "replay"] {
        let path = format!("/console/webhooks/{}/{what}", other.endpoint_id);
        let once = hidden(&browser.page("/console/webhooks"), "once").unwrap();
        let reply = browser.post("/console/webhooks", &path, &format!("once={once}&message=dead"));
        assert_eq!(reply.status, 404, "{what}: {}", reply.text());
    }
    assert_eq!(endpoints(second.company_id).len(), 1);
    // Addresses that the server must not call.
    for url in ["http://127.0.0.1/", "https://10.0.0.1/", "ftp://hooks.example.com/", "x"] {
        let once = hidden(&browser.page("/console/webhooks"), "once").unwrap();
        let reply = browser.post("/console/webhooks", "/console/webhooks", &format!("once={once}&url={url}"));
        assert_eq!(reply.status, 400, "{url}");
    }
    webhooks::disable_endpoint(&*server.store, &endpoint.endpoint_id, NOW_S).unwrap();
    assert!(browser.page("/console/webhooks").contains("/enable"));
    let path = |what: &str| format!("/console/webhooks/{}/{what}", endpoint.endpoint_id);
    assert_eq!(browser.post("/console/webhooks", &path("enable"), "").status, 303);
    let find = |id: &str| endpoints(first.company_id).into_iter().find(|(known, _)| known.endpoint_id == id);
    assert!(find(&endpoint.endpoint_id).unwrap().0.disabled.is_none());
    let once = hidden(&browser.page("/console/webhooks"), "once").unwrap();
    let rotated = browser.post("/console/webhooks", &path("rotate"), &format!("once={once}"));
    assert!(plain(rotated.text()).contains("whsec_"));
    assert_ne!(find(&endpoint.endpoint_id).unwrap().0.sealed_secret, endpoint.sealed_secret);
    let once = hidden(&browser.page("/console/webhooks"), "once").unwrap();
    let missing =
        browser.post("/console/webhooks", &path("replay"), &format!("once={once}&message=msg_none"));
    assert_eq!(missing.status, 404, "{}", missing.text());
    let once = hidden(&browser.page("/console/webhooks"), "once").unwrap();
    let replayed = browser.post("/console/webhooks", &path("replay"), &format!("once={once}&message=dead"));
    assert_eq!(replayed.header("location"), Some("/console/webhooks?notice=replayed"));
    assert_eq!(browser.post("/console/webhooks", &path("remove"), "").status, 303);
    assert!(find(&endpoint.endpoint_id).is_none());
    let acts = server.store.snapshot().unwrap().audit_entries(first.company_id, 0, 100).unwrap();
    let of_hooks = acts.iter().filter(|entry| entry.act.starts_with("webhook."));
    let of_person = of_hooks.filter(|entry| entry.actor.name == "admin@first.example").count();
    assert!(of_person >= 4, "{acts:?}");
}

on_each_backend!(endpoints_are_added_changed_and_removed,);
