//! The keys of the sections `objects`, `exports`, `charging` and `brand.NAME`.

use super::setting::{
    Setting, brand_setting, kinds, language, optional, path, seconds, setting, texts, time_of_day,
};
use tollbook_domain::tenant::StrictSigning;

use crate::config::brand::rounding_name;

/// The keys, in the order of the page.
pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "objects",
        "store",
        "none: the data directory",
        "`us3://…` or `s3://…`",
        "remote object store",
        |c| optional(c.objects.store.as_ref()),
    ),
    setting(
        "objects",
        "spool_bytes",
        "17179869184 (16 GiB)",
        "16777216 to 2^50",
        "most bytes of unfinished exports on disk",
        |c| c.objects.spool.bytes.into(),
    ),
    setting(
        "objects",
        "free_bytes",
        "1073741824 (1 GiB)",
        "0 to 2^50",
        "bytes of the data directory's disk that exports leave free: with fewer free, no export is begun or continued ([EXPORTS.md](EXPORTS.md), \"Space\")",
        |c| c.objects.spool.free_bytes.into(),
    ),
    setting(
        "objects",
        "upload_threads",
        "4",
        "1 to 64",
        "parts of one file that are uploaded concurrently",
        |c| c.objects.tuning.upload_threads.into(),
    ),
    setting("objects", "connect_timeout_s", "10", "1 to 60", "for connecting to the store", |c| {
        seconds(c.objects.tuning.connect_timeout)
    }),
    setting(
        "objects",
        "request_timeout_s",
        "120",
        "1 to 3600",
        "for one request, the body of a part included",
        |c| seconds(c.objects.tuning.request_timeout),
    ),
    setting("objects", "upload_timeout_s", "3600", "1 to 86400", "for one file with all attempts", |c| {
        seconds(c.objects.tuning.upload_timeout)
    }),
    setting("objects", "proxy", "none", "URL", "HTTP proxy to the store", |c| {
        optional(c.objects.tuning.proxy.as_ref())
    }),
    setting(
        "objects",
        "ca_file",
        "none: the public authorities",
        "a PEM file",
        "certificates of the authorities that are trusted for the store, instead of the public ones",
        |c| path(c.objects.tuning.authorities.as_ref()),
    ),
    setting(
        "objects",
        "us3_hosts",
        "`[]`",
        "host names",
        "hosts at which US3 clients read the embedded store, bucket `tollbook`; not with `store`",
        |c| texts(&c.objects.us3_hosts),
    ),
    setting("exports", "at_once", "2", "1 to 16", "built at a time, background jobs included", |c| {
        c.exports.at_once.into()
    }),
    setting("exports", "waiting", "16", "0 to 32", "queued requests", |c| c.exports.waiting.into()),
    setting("exports", "waiting_per_company", "8", "0 to 32", "of these, of one company", |c| {
        c.exports.waiting_per_company.into()
    }),
    setting("exports", "queue_s", "15", "1 to 600, at most `answer_s`", "longest time in the queue", |c| {
        seconds(c.exports.queue)
    }),
    setting(
        "exports",
        "answer_s",
        "28",
        "1 to 3600",
        "longest time until the answer, below the timeouts of clients",
        |c| seconds(c.exports.answer),
    ),
    setting(
        "exports",
        "threads",
        "0",
        "0 to 256",
        "threads that format and compress one export; 0: one per core",
        |c| c.exports.threads.into(),
    ),
    setting(
        "exports",
        "jobs_per_company",
        "16",
        "0 to 10000",
        "unfinished background jobs of a company",
        |c| c.exports.jobs_per_company.into(),
    ),
    setting(
        "exports",
        "company_bytes",
        "4294967296 (4 GiB)",
        "16777216 to 2^50",
        "most bytes of finished files that are kept for a company ([EXPORTS.md](EXPORTS.md), \"Space\")",
        |c| c.exports.company_bytes.into(),
    ),
    setting(
        "exports",
        "total_bytes",
        "34359738368 (32 GiB)",
        "16777216 to 2^50",
        "the same for all companies together",
        |c| c.exports.total_bytes.into(),
    ),
    setting(
        "charging",
        "grace_s",
        "60",
        "0 to 86400",
        "time after its end at which an hour is closed",
        |c| c.charging.grace_s.into(),
    ),
    setting(
        "charging",
        "gather_s",
        "10",
        "0 to 86400",
        "time for which late usage is gathered into one order",
        |c| c.charging.gather_s.into(),
    ),
    setting(
        "charging",
        "past_s",
        "31622400 (366 days)",
        "3600 to 316224000",
        "how far back gateways may report",
        |c| c.charging.past_s.into(),
    ),
    setting(
        "charging",
        "import_past_s",
        "0: any",
        "0 to 316224000",
        "how far back imported files may reach without `--allow-old`",
        |c| c.charging.import_past_s.unwrap_or(0).into(),
    ),
    setting(
        "charging",
        "future_s",
        "3600",
        "0 to 86400",
        "how far ahead a time of usage may lie; up to a day ahead, gateways are told to send it again",
        |c| c.charging.future_s.into(),
    ),
    setting(
        "charging",
        "max_quantity",
        "10^15",
        "1 to 10^18",
        "most base units of one SKU in one record",
        |c| c.charging.max_quantity.into(),
    ),
    setting("charging", "batch_records", "1000", "1 to 10000", "most records of one request", |c| {
        c.charging.batch_records.into()
    }),
    setting(
        "charging",
        "batch_bytes",
        "4194304",
        "65536 to 67108864",
        "longest body of one request, compressed and expanded",
        |c| c.charging.batch_bytes.into(),
    ),
    setting(
        "charging",
        "telemetry_records",
        "10000",
        "1 to 50000",
        "most spans, log records, payloads or events of one request of another program ([GATEWAYS.md](GATEWAYS.md))",
        |c| c.charging.telemetry_records.into(),
    ),
    setting(
        "charging",
        "telemetry_bytes",
        "16777216",
        "65536 to 134217728",
        "longest body of such a request, compressed and expanded",
        |c| c.charging.telemetry_bytes.into(),
    ),
    setting(
        "charging",
        "otlp_services",
        "`[]`: all",
        "",
        "values of `service.name` whose spans and log records are counted",
        |c| texts(&c.charging.otlp_services),
    ),
    setting(
        "charging",
        "otlp_scopes",
        "`[]`: all",
        "",
        "instrumentation scopes whose spans and log records are counted",
        |c| texts(&c.charging.otlp_scopes),
    ),
    setting(
        "charging",
        "identity_window_s",
        "3456000 (40 days)",
        "86400 to 316224000",
        "how long the identities of a UTC day's records are kept after its last record was stored",
        |c| c.charging.identity_window_s.into(),
    ),
    setting(
        "charging",
        "sequence",
        "`[\"star_card\", \"coupon\", \"bonus\", \"cash\", \"credit\"]`",
        "each at most once, at least one",
        "what an order is paid from, in this order",
        |c| kinds(&c.charging.sequence),
    ),
    setting(
        "charging",
        "not_for_arrears",
        "`[\"bonus\"]`",
        "something of `sequence` remains",
        "what arrears are not paid from",
        |c| kinds(&c.charging.not_for_arrears),
    ),
    setting("charging", "deposit_pays_arrears", "true", "", "whether a deposit pays arrears", |c| {
        c.charging.deposit_pays_arrears.into()
    }),
    setting(
        "charging",
        "arrears_at",
        "`\"05:00\"`",
        "`HH:MM` or `\"never\"`",
        "local time of the daily arrears run",
        |c| time_of_day(c.charging.arrears_at_s),
    ),
    setting(
        "charging",
        "bill_zero_amounts",
        "false",
        "",
        "whether a price of 0 makes orders; the former name `orders_for_free` still works",
        |c| c.charging.bill_zero_amounts.into(),
    ),
    brand_setting(
        "hosts",
        "`[]`",
        "host names without scheme, port or wildcard",
        "hosts of the brand; a host belongs to one brand. Keys of other brands are refused there",
        |b| texts(&b.hosts),
    ),
    brand_setting("language", "`\"en\"`", "`\"en\"`, `\"zh\"`", "language of display names", |b| {
        language(b.language)
    }),
    brand_setting("channel", "1", "0 to 2147483647", "`Channel` of its companies' orders", |b| {
        b.channel.into()
    }),
    brand_setting(
        "rounding",
        "`\"exact\"`",
        "`\"exact\"`, `\"cent_up\"`",
        "how the amounts of orders made from usage are rounded ([ORDERS.md](ORDERS.md), \"Amounts\"). It holds for usage that is accepted from then on; an order keeps its rule",
        |b| rounding_name(b.rounding).into(),
    ),
    brand_setting("time_zone", "`\"UTC\"`", "IANA name", "zone of dates in exports", |b| {
        b.time_zone.name().into()
    }),
    brand_setting(
        "public_url",
        "the deployment's",
        "http or https",
        "how its customers reach the server",
        |b| optional(b.public_url.as_ref()),
    ),
    brand_setting(
        "strict",
        "that of `[signing]`",
        "`\"off\"`, `\"pay\"`, `\"all\"`",
        "what its customers must sign strictly",
        |b| optional(b.strict.map(StrictSigning::name)),
    ),
];
