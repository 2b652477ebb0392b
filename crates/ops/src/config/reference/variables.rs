//! The environment variables and the options of every command, as they are documented.

/// An environment variable that the program reads.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The commands that read it.
    pub read_by: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether its value is a secret, or may hold one.
    pub is_secret: bool,
}

/// An option of every command.
pub struct GlobalOption {
    /// The option with the name of its value.
    pub option: &'static str,
    /// The variable that it overrides; empty if there is none.
    pub variable: &'static str,
    /// Its default, as documented.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, read_by: &'static str, meaning: &'static str) -> Variable {
    Variable { name, read_by, meaning, is_secret: false }
}

const fn secret(name: &'static str, read_by: &'static str, meaning: &'static str) -> Variable {
    Variable { name, read_by, meaning, is_secret: true }
}

const CUSTOMERS: &str = "`orders paid`, `unpaid`, `summary`, `amount`, `options`, `pay`, `download`";
const SERVERS: &str = "`serve`, `quickstart`";

/// Every variable of this program's own, in the order of the page, and what it reads of the environment besides.
pub const VARIABLES: &[Variable] = &[
    variable("TOLLBOOK_DATA", "every command", "data directory; see \"Command line\""),
    secret("TOLLBOOK_DATABASE_URL", "every command", "database; see \"Command line\""),
    secret("TOLLBOOK_READ_DATABASE_URL", "every command", "replica; see \"Command line\""),
    variable("TOLLBOOK_CONFIG", "every command", "configuration file; see \"Command line\""),
    secret(
        "TOLLBOOK_MASTER_KEY",
        "`serve`, `quickstart`, `key add`, `key rotate`, `master-key`, `object-keys`",
        "master key, 64 hexadecimal digits; without it `master.key` in the data directory, which is created with mode 0600",
    ),
    secret(
        "TOLLBOOK_NEW_MASTER_KEY",
        "`master-key rotate`",
        "the new master key, if the present one is in `TOLLBOOK_MASTER_KEY`",
    ),
    secret(
        "TOLLBOOK_OBJECTS_PUBLIC_KEY",
        SERVERS,
        "public key of `objects.store`; required with it. An empty one counts as not set, as do the next two",
    ),
    secret("TOLLBOOK_OBJECTS_PRIVATE_KEY", SERVERS, "private key of `objects.store`; required with it"),
    secret("TOLLBOOK_OBJECTS_SESSION_TOKEN", SERVERS, "token of temporary S3 keys"),
    variable("TOLLBOOK_LOG", SERVERS, "what is logged; see \"Logging\""),
    variable("TOLLBOOK_LOG_FORMAT", SERVERS, "`text` or `json`; see \"Logging\""),
    variable(
        "TOLLBOOK_DEBUG_SIGNATURES",
        SERVERS,
        "`true`: a refused signature (171) shows the text that should have been signed \
         ([SIGNING.md](SIGNING.md), \"Debugging signatures\"); also `--debug-signatures`",
    ),
    variable("OTEL_…", SERVERS, "export of spans: [MONITORING.md](MONITORING.md), \"Traces\""),
    variable(
        "TOLLBOOK_SERVER",
        CUSTOMERS,
        "base URL of the API server, default `http://127.0.0.1:8080`; also `--server`",
    ),
    secret(
        "TOLLBOOK_NEW_API_URL",
        "`connect new-api`",
        "database of new-api; also `--from` ([GATEWAYS.md](GATEWAYS.md))",
    ),
    variable("TOLLBOOK_PUBLIC_KEY", CUSTOMERS, "public key; also `--public-key`"),
    secret("TOLLBOOK_PRIVATE_KEY", CUSTOMERS, "private key"),
    variable(
        "TOLLBOOK_SIGNING",
        CUSTOMERS,
        "`auto` (the default), `published` or `strict` ([SIGNING.md](SIGNING.md), \"Strict signatures\"); also `--signing`",
    ),
    variable(
        "TOLLBOOK_CA_FILE",
        CUSTOMERS,
        "PEM file with the authorities of the server's certificate, instead of the public ones; also `--ca-file`",
    ),
    variable(
        "NOTIFY_SOCKET",
        SERVERS,
        "set by systemd: where the server says that it is ready, alive or stopping ([OPERATIONS.md](OPERATIONS.md), \"systemd\")",
    ),
    variable(
        "WATCHDOG_USEC",
        SERVERS,
        "set by systemd, with `WATCHDOG_PID`: within which time it expects a notice that the server makes progress",
    ),
    variable(
        "LISTEN_FDS",
        SERVERS,
        "set by systemd, with `LISTEN_PID` and `LISTEN_FDNAMES`: sockets that are open already, `tollbook` (customers) and \
         `tollbook-metrics`. They replace `listen` and `metrics.listen`; with `--listen` they are refused",
    ),
    variable(
        "JOURNAL_STREAM",
        SERVERS,
        "set by systemd: if standard error is the journal, each line of the log begins with its priority, such as `<6>`",
    ),
    variable(
        "SUDO_USER",
        "operators' commands",
        "set by sudo: the audit log has its caller beside the user of the shell",
    ),
    variable(
        "PATH",
        "`quickstart`",
        "whether `tollbook` in the commands that it prints is this program; else its path",
    ),
    variable(
        "SSL_CERT_FILE",
        "every command",
        "PEM file of the authorities that `sslmode=verify-full` of PostgreSQL trusts instead of the system's; `SSL_CERT_DIR`: their folder",
    ),
    variable("TZ", "customers' commands", "the time zone of dates, if `--time-zone` states none"),
];

/// The options of every command, in the order of the page.
pub const OPTIONS: &[GlobalOption] = &[
    GlobalOption {
        option: "--data DIR",
        variable: "TOLLBOOK_DATA",
        default: "`./tollbook-data`",
        meaning: "data directory; created if it is absent, other files in it do no harm",
    },
    GlobalOption {
        option: "--database URL",
        variable: "TOLLBOOK_DATABASE_URL",
        default: "`sqlite:` and `tollbook.db` in the data directory",
        meaning: "`sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; created and migrated if needed; overrides \
                  `database.url`",
    },
    GlobalOption {
        option: "--read-database URL",
        variable: "TOLLBOOK_READ_DATABASE_URL",
        default: "none",
        meaning: "streaming replica of a PostgreSQL database ([OPERATIONS.md](OPERATIONS.md), \"Read replicas\")",
    },
    GlobalOption {
        option: "--config FILE",
        variable: "TOLLBOOK_CONFIG",
        default: "`tollbook.toml` in the data directory, if it exists",
        meaning: "configuration file",
    },
    GlobalOption {
        option: "--time-zone ZONE",
        variable: "",
        default: "see below",
        meaning: "time zone of dates: `Europe/Berlin`, `+08:00`",
    },
    GlobalOption {
        option: "--json",
        variable: "",
        default: "",
        meaning: "print exactly one JSON value on standard output",
    },
];
