//! The keys of the sections `signing`, `tls` and `webhooks`.

use super::setting::{Setting, optional, path, seconds, setting, texts};

/// The keys, in the order of the page.
pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "signing",
        "strict",
        "`\"off\"`",
        "`\"off\"`, `\"pay\"`, `\"all\"`",
        "what must be signed strictly, unless the brand (`brand.NAME.strict`) or the key says otherwise \
         ([SIGNING.md](SIGNING.md), \"Strict signatures\"). All servers should say the same",
        |c| c.signing.strict.name().into(),
    ),
    setting(
        "signing",
        "window_s",
        "300",
        "5 to 3600",
        "longest time between the signing of a request and its arrival, before or after",
        |c| c.signing.window_s.into(),
    ),
    setting(
        "tls",
        "certificate",
        "none",
        "a PEM file",
        "the certificate, followed by those between it and its authority",
        |c| path(c.tls.as_ref().map(|tls| &tls.certificate)),
    ),
    setting("tls", "private_key", "none", "a PEM file", "its private key; needed with `certificate`", |c| {
        path(c.tls.as_ref().map(|tls| &tls.private_key))
    }),
    setting("tls", "minimum_version", "`\"1.2\"`", "`\"1.2\"`, `\"1.3\"`", "lowest version of TLS", |c| {
        optional(c.tls.as_ref().map(|tls| if tls.only_1_3 { "1.3" } else { "1.2" }))
    }),
    setting("webhooks", "allow_http", "false", "", "whether URLs may begin with `http://`", |c| {
        c.webhooks.allow_http.into()
    }),
    setting(
        "webhooks",
        "allowed_ports",
        "`[443, 8443]`",
        "1 to 65535",
        "ports that events may be sent to",
        |c| c.webhooks.allowed_ports.clone().into(),
    ),
    setting(
        "webhooks",
        "allowed_networks",
        "`[]`",
        "address ranges such as `10.0.0.0/8`",
        "networks that events may be sent to besides the public internet, at every port",
        |c| texts(&c.webhooks.allowed_networks),
    ),
    setting(
        "webhooks",
        "ca_file",
        "none: the public authorities",
        "a PEM file",
        "certificates of the authorities that are trusted for receivers, instead of the public ones",
        |c| path(c.webhooks.authorities.as_ref()),
    ),
    setting(
        "webhooks",
        "timeout_s",
        "15",
        "1 to 60",
        "longest time of an attempt, from the look-up of the name to the answer",
        |c| seconds(c.webhooks.timeout),
    ),
    setting(
        "webhooks",
        "concurrency",
        "32",
        "2 to 256",
        "attempts of a server at a time; endpoints that fail have half of them at most",
        |c| c.webhooks.concurrency.into(),
    ),
    setting(
        "webhooks",
        "retention_s",
        "1209600",
        "432000 to 315360000",
        "how long delivered events and dead letters are kept",
        |c| c.webhooks.retention_s.into(),
    ),
    setting(
        "webhooks",
        "disable_after_s",
        "432000",
        "3600 to 31536000",
        "an endpoint that fails for so long is disabled",
        |c| c.webhooks.disable_after_s.into(),
    ),
];
