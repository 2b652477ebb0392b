//! The keys of the top level and of the sections `limits`, `server`, `metrics` and `database`.

use super::setting::{
    Setting, metrics_listen, milliseconds, optional, path, seconds, setting, text, texts, without_password,
};

/// The keys, in the order of the page.
pub(super) const SETTINGS: &[Setting] = &[
    setting("", "listen", "`\"127.0.0.1:8080\"`", "IP address and port", "where the server listens", |c| {
        text(c.listen)
    }),
    setting(
        "",
        "public_url",
        "`http://` and the address it listens at; if that means all interfaces (`0.0.0.0`, `::`), the host of the request",
        "http or https, no query",
        "how customers reach the server; download links begin with it. With `[tls]` the default begins with `https://`. Behind a proxy that adds TLS it must be set",
        |c| optional(c.public_url.as_ref()),
    ),
    setting("", "link_lifetime_s", "3600", "1 to 604800", "how long a download link works", |c| {
        c.link_lifetime_s.into()
    }),
    setting(
        "",
        "object_retention_s",
        "604800",
        "2 to 315360000, more than `link_lifetime_s`",
        "how long an exported file is kept",
        |c| c.object_retention_s.into(),
    ),
    setting("", "catalogue", "none", "a file", "see \"Catalogue file\"", |c| path(c.catalogue.as_ref())),
    setting(
        "",
        "trusted_proxies",
        "`[]`",
        "addresses or CIDR ranges",
        "proxies whose `X-Forwarded-For` is believed ([WIRE.md](WIRE.md), \"Addresses and rates\")",
        |c| texts(&c.trusted_proxies),
    ),
    setting("limits", "body_bytes", "1048576", "65536 to 67108864", "longest body or query string", |c| {
        c.limits.body_bytes.into()
    }),
    setting("limits", "parameters", "2000", "1200 to 100000", "most parameters", |c| {
        c.limits.parameters.into()
    }),
    setting("limits", "json_depth", "32", "2 to 128", "deepest nesting of JSON", |c| {
        c.limits.json_depth.into()
    }),
    setting(
        "limits",
        "requests_per_key",
        "16",
        "0 to 64; 0: no bound",
        "requests of one key that are answered at once ([WIRE.md](WIRE.md), \"Addresses and rates\")",
        |c| c.limits.requests_per_key.into(),
    ),
    setting(
        "limits",
        "requests_per_company",
        "32",
        "0 to 64; 0: no bound",
        "the same of all keys of a company",
        |c| c.limits.requests_per_company.into(),
    ),
    setting(
        "limits",
        "key_rate_per_s",
        "5000",
        "0 to 1000000; 0: any number",
        "requests a second of a key without a rate of its own, at each server",
        |c| c.limits.key_rate_per_s.into(),
    ),
    setting(
        "limits",
        "company_rate_per_s",
        "10000",
        "0 to 1000000; 0: any number",
        "the same of all keys of a company",
        |c| c.limits.company_rate_per_s.into(),
    ),
    setting(
        "server",
        "connections",
        "16384",
        "1 to 1000000",
        "most open connections. The limit of open files (`RLIMIT_NOFILE`), which the server raises to the hard limit at its start, allows fewer if it is lower: an eighth of it, and at least 256 files, is left for other files",
        |c| c.server.connections.into(),
    ),
    setting(
        "server",
        "connections_per_address",
        "12288",
        "1 to 1000000",
        "of these, of one address or one IPv6 network `/64`; `trusted_proxies` are exempt",
        |c| c.server.connections_per_address.into(),
    ),
    setting(
        "server",
        "head_timeout_s",
        "20",
        "1 to 600",
        "from the first byte of a request's head to its last",
        |c| seconds(c.server.head_timeout),
    ),
    setting(
        "server",
        "body_timeout_s",
        "30",
        "1 to 3600",
        "until a body has arrived; what has arrived by then is read as the body",
        |c| seconds(c.server.body_timeout),
    ),
    setting("server", "body_pause_s", "15", "1 to 600", "longest time without a byte of a body", |c| {
        seconds(c.server.body_pause)
    }),
    setting(
        "server",
        "idle_timeout_s",
        "75",
        "1 to 3600",
        "how long a connection without a request stays open. A proxy in front must close its idle connections earlier",
        |c| seconds(c.server.idle_timeout),
    ),
    setting(
        "server",
        "write_timeout_s",
        "60",
        "1 to 3600",
        "how long a peer may accept nothing of an answer",
        |c| seconds(c.server.write_timeout),
    ),
    setting(
        "server",
        "stop_timeout_s",
        "25",
        "1 to 3600",
        "longest time from the signal to stop to the end of the process",
        |c| seconds(c.server.stop_timeout),
    ),
    setting(
        "server",
        "write_bytes_per_s",
        "1024",
        "1 to 1000000000",
        "least rate at which a peer must accept its answers, over each `write_timeout_s` for which it was waited. Time in which the server makes an answer does not count. A file of a gigabyte thus takes a connection for twelve days at most, one of a megabyte for eighteen minutes",
        |c| c.server.write_bytes_per_s.into(),
    ),
    setting(
        "server",
        "drain_s",
        "1",
        "0 to 600, at most `stop_timeout_s`",
        "for how long after the signal to stop a connection without a request stays open for one more, whose answer says `Connection: close`; 0: it is closed at once, which may fail the request that its client is just sending",
        |c| seconds(c.server.drain),
    ),
    setting(
        "server",
        "body_bytes_at_once",
        "134217728 (128 MiB)",
        "16777216 to 2^40; at least `charging.batch_bytes`, `charging.telemetry_bytes` and twice `limits.body_bytes`",
        "most bytes of bodies in memory over all requests. The first 8 KiB of each do not count; half is for senders that are not known yet",
        |c| c.server.body_bytes_at_once.into(),
    ),
    setting(
        "server",
        "self_check_ms",
        "100",
        "0 to 500",
        "how much of each second the self-check of the database may take ([MONITORING.md](MONITORING.md), \"Self-check\"); 0: there is none",
        |c| milliseconds(c.server.self_check),
    ),
    setting(
        "metrics",
        "listen",
        "`127.0.0.1:9464`, if it is free",
        "address and port, or `off`",
        "where `GET /metrics` is served, which is never at the address of customers ([MONITORING.md](MONITORING.md)). A server that cannot listen at a stated address does not start",
        |c| metrics_listen(c.metrics),
    ),
    setting(
        "database",
        "url",
        "none",
        "`sqlite:PATH` or `postgres://…`",
        "the database, unless `--database` or `TOLLBOOK_DATABASE_URL` names one",
        |c| optional(c.database_url.as_deref().map(without_password).as_ref()),
    ),
    setting(
        "database",
        "connections",
        "20",
        "2 to 1000",
        "most connections of a server process to each database server",
        |c| c.database.connections.into(),
    ),
    setting(
        "database",
        "connect_timeout_s",
        "5",
        "1 to 60",
        "for connecting, and for waiting for a free connection",
        |c| seconds(c.database.connect_timeout),
    ),
    setting(
        "database",
        "statement_timeout_s",
        "60",
        "1 to 3600",
        "a statement that returns nothing for this long is cancelled",
        |c| seconds(c.database.statement_timeout),
    ),
    setting(
        "database",
        "lock_timeout_s",
        "10",
        "1 to 600",
        "how long a writer waits for another one ([OPERATIONS.md](OPERATIONS.md), \"A writer that does not end\")",
        |c| seconds(c.database.lock_timeout),
    ),
    setting(
        "database",
        "replica_staleness_ms",
        "2000",
        "0 to 60000",
        "how far the replica may be behind and still answer",
        |c| milliseconds(c.database.replica_staleness),
    ),
];
