//! Tests of the configuration file.

use std::path::Path;

use tollbook_domain::Language;
use tollbook_domain::account::AccountKind;
use tollbook_formats::catalogue;
use tollbook_store::StoreOptions;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("etc/tollbook.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("").unwrap(), Config::default());
    let config = Config::default();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.link_lifetime_s, config.object_retention_s), (3_600, 604_800));
    assert_eq!(config.default_brand().language, Language::English);
    assert_eq!(config.default_brand().channel, 1);
    assert_eq!(config.default_brand().time_zone.name(), "UTC");
    assert_eq!(config.brands().count(), 1);
}

#[test]
fn the_example_file_has_the_values_that_its_comments_state() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tollbook.toml");
    let config = Config::load(&file).unwrap();
    assert_eq!(config.listen.port(), 8080);
    assert_eq!(config.catalogue, Some(file.with_file_name("catalogue.toml")));
    let catalogue = catalogue::load(config.catalogue.as_deref()).unwrap();
    assert_eq!(catalogue.base_units(100), Some(86_400));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.server, ServerConfig::default());
    assert_eq!(config.database, StoreOptions::default());
    assert_eq!(config.charging, ChargingConfig::default());
    assert_eq!(config.webhooks, WebhooksConfig::default());
    assert_eq!(config.objects.tuning, ObjectsConfig::default().tuning);
    assert_eq!(config.objects.spool, ObjectsConfig::default().spool);
    assert!(config.is_us3_host("Tollbook.US3.example:80"));
    assert!(!config.is_us3_host("us3.example"));
    assert_eq!(config.trusted_proxies.len(), 3);
    assert!(config.is_trusted_proxy("::ffff:10.9.8.7".parse().unwrap()));
    assert!(!config.is_trusted_proxy("192.0.2.11".parse().unwrap()));

    let acme = config.brand("acme").unwrap();
    assert_eq!(acme.language, Language::Chinese);
    assert_eq!((acme.channel, acme.time_zone.name()), (2, "Asia/Shanghai"));
    assert_eq!(config.brand_of_host("Billing.ACME.example:443"), Some(acme));
    assert_eq!(config.brand_of_host("billing.example.com"), None);
    assert_eq!(config.brands().map(|brand| brand.name.as_str()).collect::<Vec<_>>(), ["acme", "default"]);

    let bound = "127.0.0.1:1".parse().unwrap();
    assert_eq!(config.public_url(acme, bound, None), "https://billing.acme.example");
    assert_eq!(config.public_url(config.default_brand(), bound, None), "https://billing.example.com");
}

#[test]
fn every_documented_key_is_in_the_example() {
    let text = include_str!("../../../../examples/tollbook.toml");
    for key in [
        "listen",
        "public_url",
        "link_lifetime_s",
        "object_retention_s",
        "catalogue",
        "trusted_proxies",
        "body_bytes",
        "parameters",
        "json_depth",
        "# url",
        "connections",
        "connect_timeout_s",
        "statement_timeout_s",
        "lock_timeout_s",
        "replica_staleness_ms",
        "grace_s",
        "gather_s",
        "past_s",
        "import_past_s",
        "future_s",
        "max_quantity",
        "batch_records",
        "batch_bytes",
        "telemetry_records",
        "telemetry_bytes",
        "otlp_services",
        "otlp_scopes",
        "identity_window_s",
        "sequence",
        "not_for_arrears",
        "deposit_pays_arrears",
        "arrears_at",
        "bill_zero_amounts",
        "spool_bytes",
        "free_bytes",
        "requests_per_key",
        "requests_per_company",
        "key_rate_per_s",
        "company_rate_per_s",
        "strict",
        "window_s",
        "# certificate",
        "# private_key",
        "# minimum_version",
        "connections_per_address",
        "head_timeout_s",
        "body_timeout_s",
        "body_pause_s",
        "idle_timeout_s",
        "write_timeout_s",
        "stop_timeout_s",
        "drain_s",
        "body_bytes_at_once",
        "self_check_ms",
        "allow_http",
        "allowed_ports",
        "allowed_networks",
        "timeout_s",
        "concurrency",
        "retention_s",
        "disable_after_s",
        "company_bytes",
        "total_bytes",
        "# store",
        "upload_threads",
        "request_timeout_s",
        "upload_timeout_s",
        "# proxy",
        "# ca_file",
        "us3_hosts",
        "hosts",
        "language",
        "channel",
        "time_zone",
    ] {
        assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
    }
}

#[test]
fn without_a_public_url_the_bound_address_is_used() {
    let config = Config::default();
    for (bound, url) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:9", "http://[::1]:9"),
        ("192.0.2.1:443", "http://192.0.2.1:443"),
    ] {
        let bound = bound.parse().unwrap();
        assert_eq!(config.public_url(config.default_brand(), bound, None), url);
    }
    let config = parse("public_url = \"https://a.example/billing/\"").unwrap();
    let bound = "127.0.0.1:1".parse().unwrap();
    assert_eq!(config.public_url(config.default_brand(), bound, None), "https://a.example/billing");
}

#[test]
fn an_address_of_all_interfaces_is_replaced_by_the_host_of_the_request() {
    let config = Config::default();
    let url =
        |bound: &str, host| config.public_url(config.default_brand(), bound.parse().unwrap(), Some(host));
    for (host, link) in [
        ("Orders.example:8080", "http://orders.example:8080"),
        ("orders.example", "http://orders.example"),
        ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        // Not hosts.
        ("evil.example/path", "http://127.0.0.1:8080"),
        ("user@evil.example", "http://127.0.0.1:8080"),
        ("a:99999", "http://127.0.0.1:8080"),
        ("", "http://127.0.0.1:8080"),
    ] {
        assert_eq!(url("0.0.0.0:8080", host), link, "{host}");
        assert_eq!(url("192.0.2.1:80", host), "http://192.0.2.1:80", "an address is one that can be reached");
    }
    let config = parse("public_url = \"https://a.example\"").unwrap();
    let bound = "0.0.0.0:1".parse().unwrap();
    assert_eq!(config.public_url(config.default_brand(), bound, Some("b.example")), "https://a.example");
}

#[test]
fn hosts_are_compared_ignoring_case_and_port() {
    let config = parse("[brand.a]\nhosts = [\"A.example.\", \"[::1]\", \"192.0.2.1\"]").unwrap();
    for host in ["a.example", "A.EXAMPLE:8080", "a.example.", "[::1]:80", "[::1]", "192.0.2.1:1"] {
        assert_eq!(config.brand_of_host(host).map(|brand| brand.name.as_str()), Some("a"), "{host}");
    }
    for host in ["", "b.example", "xa.example", ":80", "::1"] {
        assert_eq!(config.brand_of_host(host), None, "{host}");
    }
}

#[test]
fn errors_name_file_line_and_key() {
    // text, with ";" for a line break | error after the file name
    let table = r#"
        [objects];store = "gs://b" | :2: objects.store: must begin with us3:// or s3:// and a bucket
        [objects];store = "s3://b" | :2: objects.store: must name a bucket of 3 to 63 lower-case letters, digits, hyphens and dots
        [objects];store = "s3://k:s@bbb" | :2: objects.store: must not hold a user name or a key; keys are given in the environment
        [objects];store = "s3://bbb?secret=x" | :2: objects.store: has the unknown parameter "secret"
        [objects];spool_bytes = 1 | :2: objects.spool_bytes: must be between 16777216 and 1125899906842624
        [objects];ca_file = "" | :2: objects.ca_file: must name a file
        [signing];strict = "yes" | :2: signing.strict: must be "off", "pay" or "all"
        [signing];window_s = 4 | :2: signing.window_s: must be between 5 and 3600
        [brand.a];strict = "on" | :2: brand.a.strict: must be "off", "pay" or "all"
        [tls];certificate = "a" | :2: tls.private_key: must name the key of tls.certificate
        [tls];private_key = "a" | :2: tls.certificate: must name a certificate
        [tls];minimum_version = "1.1" | :2: tls.minimum_version: must be "1.2" or "1.3"
        [tls];minimum_version = "1.3" | :2: tls.certificate: must name a certificate
        [limits];key_rate_per_s = -1 | :2: limits.key_rate_per_s: must be between 0 and 1000000
        [objects];free_bytes = -1 | :2: objects.free_bytes: must be between 0 and 1125899906842624
        [exports];company_bytes = 1 | :2: exports.company_bytes: must be between 16777216 and 1125899906842624
        [server];connections = 0 | :2: server.connections: must be between 1 and 1000000
        [server];head_timeout_s = 601 | :2: server.head_timeout_s: must be between 1 and 600
        [limits];body_bytes = 67108864;[server];body_bytes_at_once = 16777216 | :4: server.body_bytes_at_once: must be at least 134217728
        [limits];requests_per_key = 65 | :2: limits.requests_per_key: must be between 0 and 64
        [objects];upload_threads = 0 | :2: objects.upload_threads: must be between 1 and 64
        [objects];request_timeout_s = 0 | :2: objects.request_timeout_s: must be between 1 and 3600
        [objects];proxy = "socks5://h" | :2: objects.proxy: must begin with http:// or https://
        [objects];us3_hosts = ["a b"] | :2: objects.us3_hosts: "a b" is not a host name; it has no scheme, port or wildcard
        [objects];store = "s3://bbb?region=a";us3_hosts = ["a"] | :3: objects.us3_hosts: are the embedded store's, but store names another
        [objects];us3_hosts = ["A.b:80"] | :2: objects.us3_hosts: "A.b:80" is not a host name; it has no scheme, port or wildcard
        [objects];us3_hosts = ["A.b"];[brand.x];hosts = ["a.b"] | :2: objects.us3_hosts: "a.b" is a host of brand x already
        [objects];keys = 1 | :2: objects: unknown field `keys`
        lisen = "x" | :1: unknown field `lisen`
        ;[limits];body = 1 | :3: limits: unknown field `body`
        [brand.a];hosst = [] | :2: brand.a: unknown field `hosst`
        link_lifetime_s = "1" | :1: link_lifetime_s: invalid type: string "1", expected i64
        listen = "1;| :1: invalid basic string
        listen = "localhost" | :1: listen: must be an address and port such as 127.0.0.1:8080
        ;public_url = "ftp://x" | :2: public_url: must begin with http:// or https://
        public_url = "http://x/?a=1" | :1: public_url: must have no query and no fragment
        public_url = "http://" | :1: public_url: must name a host
        public_url = "http://:80" | :1: public_url: must name a host
        public_url = "http://x:99999" | :1: public_url: must have a port between 0 and 65535
        public_url = "http://u@x" | :1: public_url: must have no spaces, user name
        link_lifetime_s = 0 | :1: link_lifetime_s: must be between 1 and 604800
        link_lifetime_s = 604801 | :1: link_lifetime_s: must be between 1 and 604800
        object_retention_s = 3600 | :1: object_retention_s: is 3600, but must exceed link_lifetime_s, 3600
        link_lifetime_s = 604800 | :1: object_retention_s: is 604800, but must exceed link_lifetime_s, 604800
        catalogue = "" | :1: catalogue: must name a file
        trusted_proxies = [;"10.0.0.1/8"] | :2: trusted_proxies: "10.0.0.1/8" has bits beyond its prefix
        [limits];body_bytes = 1 | :2: limits.body_bytes: must be between 65536 and 67108864
        [database];url = "mysql://me:secret@x" | :2: database.url: must be sqlite:PATH or postgres://
        [database];url = "sqlite:" | :2: database.url: must be sqlite:PATH
        [charging];grace = 1 | :2: charging: unknown field `grace`
        [charging];grace_s = -1 | :2: charging.grace_s: must be between 0 and 86400
        [charging];gather_s = 86401 | :2: charging.gather_s: must be between 0 and 86400
        [charging];past_s = 0 | :2: charging.past_s: must be between 3600 and 316224000
        [charging];import_past_s = -1 | :2: charging.import_past_s: must be between 0 and 316224000
        [charging];future_s = -1 | :2: charging.future_s: must be between 0 and 86400
        [charging];max_quantity = 0 | :2: charging.max_quantity: must be between 1 and 1000000000000000000
        [charging];batch_records = 0 | :2: charging.batch_records: must be between 1 and 10000
        [charging];batch_bytes = 1 | :2: charging.batch_bytes: must be between 65536 and 67108864
        [charging];identity_window_s = 1 | :2: charging.identity_window_s: must be between 86400 and 316224000
        [charging];sequence = [] | :2: charging.sequence: must name at least one kind of account
        [charging];sequence = ["cash",;"gold"] | :3: charging.sequence: "gold" is none of star_card, coupon, bonus,
        [charging];sequence = ["cash", "cash"] | :2: charging.sequence: "cash" is named twice
        [charging];sequence = "cash" | :2: charging.sequence: invalid type: string "cash", expected a sequence
        [charging];not_for_arrears = ["Bonus"] | :2: charging.not_for_arrears: "Bonus" is none of star_card,
        [charging];sequence = ["bonus"] | :2: charging.not_for_arrears: leaves no kind of the sequence to pay
        [charging];sequence = ["cash"];not_for_arrears = ["cash"] | :3: charging.not_for_arrears: leaves no kind
        [charging];deposit_pays_arrears = 1 | :2: charging.deposit_pays_arrears: invalid type: integer `1`
        [charging];arrears_at = "24:00" | :2: charging.arrears_at: must be a time such as "05:00", or "never"
        [charging];arrears_at = "5:00" | :2: charging.arrears_at: must be a time
        [charging];arrears_at = "05:60" | :2: charging.arrears_at: must be a time
        [charging];arrears_at = "+5:+1" | :2: charging.arrears_at: must be a time
        [charging];bill_zero_amounts = "no" | :2: charging.bill_zero_amounts: invalid type: string "no"
        [charging];orders_for_free = "no" | :2: charging.orders_for_free: invalid type: string "no"
        [webhooks];timeout_s = 61 | :2: webhooks.timeout_s: must be between 1 and 60
        [webhooks];concurrency = 1 | :2: webhooks.concurrency: must be between 2 and 256
        [webhooks];retention_s = 431999 | :2: webhooks.retention_s: must be between 432000 and 315360000
        [webhooks];disable_after_s = 1 | :2: webhooks.disable_after_s: must be between 3600 and 31536000
        [webhooks];allowed_ports = [443,;0] | :3: webhooks.allowed_ports: must be between 1 and 65535
        [webhooks];allowed_networks = ["10.0.0.1/8"] | :2: webhooks.allowed_networks: "10.0.0.1/8" has bits beyond its prefix
        [webhooks];ca_file = "" | :2: webhooks.ca_file: must name a file
        [webhooks];allow = true | :2: webhooks: unknown field `allow`
        [brand.A] | :1: brand.A: a brand is named by 1 to 64 of a-z, 0-9, _ and -
        [brand.a];language = "fr" | :2: brand.a.language: must be "en" or "zh"
        [brand.a];channel = -1 | :2: brand.a.channel: must be between 0 and 2147483647
        [brand.a];rounding = "up" | :2: brand.a.rounding: must be "exact" or "cent_up"
        [brand.a];rounding = 2 | :2: brand.a.rounding: invalid type: integer `2`
        [brand.a];time_zone = "Mars/X" | :2: brand.a.time_zone: "Mars/X" is not an IANA time zone
        [brand.a];public_url = "x" | :2: brand.a.public_url: must begin with http:// or https://
        [brand.a];hosts = ["a:80"] | :2: brand.a.hosts: "a:80" is not a host name
        [brand.a];hosts = ["a\nb"] | :2: brand.a.hosts: "a\nb" is not a host name
        [brand.a];hosts = ["*.x"] | :2: brand.a.hosts: "*.x" is not a host name
        [brand.a];hosts = ["x"];[brand.b];hosts = ["X"] | :4: brand.b.hosts: "x" is a host of brand a already
        [brand.a];hosts = ["x", "X"] | :2: brand.a.hosts: "x" is a host of brand a already"#;
    for row in table.lines().filter(|row| row.contains(" | ") || row.contains(";| ")) {
        let (text, expected) = row.trim_start().rsplit_once("| ").unwrap();
        let error = parse(&text.replace(';', "\n")).unwrap_err();
        assert!(error.starts_with(&format!("etc/tollbook.toml{expected}")), "{row}\ngot {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn every_key_of_charging_is_read() {
    let text = "[charging]\ngrace_s = 0\ngather_s = 1\npast_s = 3600\nimport_past_s = 7200\nfuture_s = 2\nmax_quantity = 3\n\
                batch_records = 4\nbatch_bytes = 65536\ntelemetry_records = 5\ntelemetry_bytes = 65537\n\
                otlp_services = [\"litellm\"]\notlp_scopes = [\"a\", \"b\"]\nidentity_window_s = 86400\nsequence = [\"cash\", \"bonus\"]\n\
                not_for_arrears = []\ndeposit_pays_arrears = false\narrears_at = \"23:59\"\nbill_zero_amounts = true";
    let expected = ChargingConfig {
        grace_s: 0,
        gather_s: 1,
        past_s: 3_600,
        import_past_s: Some(7_200),
        future_s: 2,
        max_quantity: 3,
        batch_records: 4,
        batch_bytes: 65_536,
        telemetry_records: 5,
        telemetry_bytes: 65_537,
        otlp_services: vec!["litellm".to_owned()],
        otlp_scopes: vec!["a".to_owned(), "b".to_owned()],
        identity_window_s: 86_400,
        sequence: vec![AccountKind::Cash, AccountKind::Bonus],
        not_for_arrears: Vec::new(),
        deposit_pays_arrears: false,
        arrears_at_s: Some(86_340),
        bill_zero_amounts: true,
    };
    assert_eq!(parse(text).unwrap().charging, expected);
    // The former name of the key.
    assert!(parse("[charging]\norders_for_free = true").unwrap().charging.bill_zero_amounts);
    assert_eq!(parse("[charging]\narrears_at = \"never\"").unwrap().charging.arrears_at_s, None);
    assert_eq!(parse("[charging]\narrears_at = \"00:00\"").unwrap().charging.arrears_at_s, Some(0));
}

#[test]
fn every_key_of_webhooks_is_read() {
    let text = "[webhooks]\nallow_http = true\nallowed_ports = [80]\nallowed_networks = [\"10.0.0.0/8\"]\nca_file = \"ca.pem\"\ntimeout_s = 1\n\
                concurrency = 2\nretention_s = 432000\ndisable_after_s = 3600";
    let expected = WebhooksConfig {
        allow_http: true,
        allowed_ports: vec![80],
        allowed_networks: vec!["10.0.0.0/8".parse().unwrap()],
        authorities: Some(Path::new("etc/ca.pem").to_owned()),
        timeout: std::time::Duration::from_secs(1),
        concurrency: 2,
        retention_s: 432_000,
        disable_after_s: 3_600,
    };
    assert_eq!(parse(text).unwrap().webhooks, expected);
}

#[test]
fn a_missing_file_is_named_in_the_error() {
    let error = Config::load(Path::new("/nowhere/tollbook.toml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/tollbook.toml: "), "{error}");
    assert_eq!(error.line, None);
}
