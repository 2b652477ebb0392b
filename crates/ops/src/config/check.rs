//! Checks a configuration as a whole: all faults of a file, not only the first, and settings that contradict each other or
//! are dangerous. Nothing here reads files or the environment.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use tollbook_formats::toml::{FileError, Source};
use toml::de::DeTable;

use super::file::parse_table;
pub use super::keys::nearest;
use super::keys::{WrittenKey, present_name, remove, suggestion, written_keys};
use super::metrics::MetricsListen;
use super::reference::Known;
use super::settings::Config;

/// Most faults of one file that are looked for: each is found by reading the file without those before it.
const MAX_FAULTS: usize = 100;
/// What the packaged unit gives the server to stop (`TimeoutStopSec`), in seconds.
const UNIT_STOP_S: u64 = 90;

/// What was found in a file.
pub struct CheckedFile {
    /// Every unknown key and every value that is refused, by line.
    pub faults: Vec<FileError>,
    /// The configuration without the keys that have faults; `None` if the file cannot be read as TOML, or if a fault is in
    /// no single key.
    pub config: Option<Config>,
    /// The line of each setting that the file states, by dotted key.
    pub lines: BTreeMap<String, usize>,
}

/// Something about a configuration that its operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The key that it is about.
    pub key: String,
    /// Lowercase, no full stop.
    pub text: String,
    /// Whether it should be changed; otherwise it may be meant so.
    pub is_problem: bool,
}

/// Finds all faults of the text of a configuration file. `file` names it, and relative paths start from its directory.
pub fn check_file(file: &Path, text: &str) -> CheckedFile {
    let source = Source { file, text };
    let keys = match DeTable::parse(text) {
        Ok(table) => written_keys(table.get_ref()),
        Err(error) => {
            let faults = vec![source.parse_error(error)];
            return CheckedFile { faults, config: None, lines: BTreeMap::new() };
        }
    };
    let line_of = |key: &WrittenKey| source.error(Some(key.span.clone()), "", "").line.unwrap_or(1);
    let lines = keys
        .iter()
        .filter(|key| key.known == Some(Known::Setting))
        .map(|key| (present_name(&key.dotted()).to_owned(), line_of(key)))
        .collect();
    let mut faults = Vec::new();
    let mut left_out: Vec<&WrittenKey> = keys.iter().filter(|key| key.known.is_none()).collect();
    for key in &left_out {
        let reason = format!("unknown key{}", suggestion(&key.path));
        faults.push(source.error(Some(key.span.clone()), key.dotted(), reason));
    }
    let mut config = None;
    while faults.len() < MAX_FAULTS {
        let Ok(mut table) = DeTable::parse(text) else { break };
        for key in &left_out {
            remove(&mut table, &key.path);
        }
        match parse_table(&source, table) {
            Ok(parsed) => {
                config = Some(parsed);
                break;
            }
            Err(fault) => {
                let remaining: Vec<_> =
                    keys.iter().filter(|key| key.known.is_some() && !left_out.contains(key)).collect();
                let next = remaining.iter().find(|key| key.dotted() == fault.key).or_else(|| {
                    let line = fault.line?;
                    remaining.iter().rfind(|key| line_of(key) <= line)
                });
                faults.push(fault);
                match next {
                    Some(key) => left_out.push(key),
                    None => break,
                }
            }
        }
    }
    faults.sort_by_key(|fault| fault.line);
    CheckedFile { faults, config, lines }
}

/// Settings that contradict each other, are dangerous, or have no effect. `is_stated` tells whether the file states a key.
pub fn findings(config: &Config, is_stated: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Findings { found: Vec::new() };
    contradictions(config, &mut found);
    dangers(config, &mut found);
    without_effect(config, is_stated, &mut found);
    found.found
}

struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    fn problem(&mut self, when: bool, key: &str, text: impl Into<String>) {
        self.add(when, key, text, true);
    }

    fn note(&mut self, when: bool, key: &str, text: impl Into<String>) {
        self.add(when, key, text, false);
    }

    fn add(&mut self, when: bool, key: &str, text: impl Into<String>, is_problem: bool) {
        if when {
            self.found.push(Finding { key: key.to_owned(), text: text.into(), is_problem });
        }
    }
}

fn contradictions(config: &Config, found: &mut Findings) {
    let (server, limits, exports, charging) =
        (&config.server, &config.limits, &config.exports, &config.charging);
    let tuning = &config.objects.tuning;
    found.problem(
        server.body_pause > server.body_timeout,
        "server.body_pause_s",
        "is longer than server.body_timeout_s, which ends every pause before it",
    );
    found.problem(
        server.drain > server.stop_timeout,
        "server.drain_s",
        "is longer than server.stop_timeout_s, after which nothing is waited for",
    );
    found.problem(
        server.connections_per_address > server.connections,
        "server.connections_per_address",
        "is more than server.connections: one address can take them all",
    );
    found.problem(
        limits.requests_per_key > limits.requests_per_company,
        "limits.requests_per_key",
        "is more than limits.requests_per_company, which holds for all keys of a company together",
    );
    found.problem(
        exports.waiting_per_company > exports.waiting,
        "exports.waiting_per_company",
        "is more than exports.waiting: one company can take the whole queue",
    );
    found.problem(
        exports.company_bytes > exports.total_bytes,
        "exports.company_bytes",
        "is more than exports.total_bytes, which holds for all companies together",
    );
    found.problem(
        charging.past_s <= charging.grace_s,
        "charging.past_s",
        "is not longer than charging.grace_s: usage is refused as too old while its hour is open",
    );
    found.problem(
        tuning.connect_timeout > tuning.request_timeout,
        "objects.connect_timeout_s",
        "is longer than objects.request_timeout_s, which includes it",
    );
    found.problem(
        tuning.request_timeout > tuning.upload_timeout,
        "objects.request_timeout_s",
        "is longer than objects.upload_timeout_s, which includes it",
    );
    if let MetricsListen::At(address) = config.metrics {
        let same = address.port() == config.listen.port()
            && (address.ip() == config.listen.ip()
                || address.ip().is_unspecified()
                || config.listen.ip().is_unspecified());
        found.problem(
            same,
            "metrics.listen",
            "is the address of listen, at which the server cannot listen twice",
        );
    }
    found.note(
        server.stop_timeout.as_secs() >= UNIT_STOP_S,
        "server.stop_timeout_s",
        format!("systemd ends the packaged unit after TimeoutStopSec, {UNIT_STOP_S} s: raise that as well"),
    );
}

fn dangers(config: &Config, found: &mut Findings) {
    for network in config.trusted_proxies.iter().filter(|network| network.prefix_len() == 0) {
        found.problem(
            true,
            "trusted_proxies",
            format!(
                "{network} is every address: any client can state which address it has by X-Forwarded-For"
            ),
        );
    }
    let brands = config
        .brands()
        .filter_map(|brand| Some((format!("brand.{}.public_url", brand.name), brand.public_url.as_ref()?)));
    let urls = config.public_url.iter().map(|url| ("public_url".to_owned(), url)).chain(brands);
    let mut is_behind_tls = false;
    for (key, url) in urls {
        is_behind_tls |= url.starts_with("https://");
        found.note(
            url.starts_with("http://") && !is_loopback_url(url),
            &key,
            "begins with http: requests and download links can be read on their way",
        );
    }
    found.note(
        config.public_url.is_none() && !config.listen.ip().is_loopback(),
        "public_url",
        "is not set, but customers reach listen from elsewhere: download links begin with http and the host of the request",
    );
    found.note(
        is_behind_tls && config.trusted_proxies.is_empty(),
        "trusted_proxies",
        "is empty: behind a proxy every customer has the proxy's address, for allowed addresses of keys and for \
         server.connections_per_address",
    );
    if let MetricsListen::At(address) = config.metrics {
        found.note(
            !address.ip().is_loopback(),
            "metrics.listen",
            "can be reached from other machines: metrics name companies' arrears and are not signed",
        );
    }
}

fn without_effect(config: &Config, is_stated: &dyn Fn(&str) -> bool, found: &mut Findings) {
    if config.objects.store.is_none() {
        for key in [
            "upload_threads",
            "connect_timeout_s",
            "request_timeout_s",
            "upload_timeout_s",
            "proxy",
            "ca_file",
        ] {
            let key = format!("objects.{key}");
            found.note(is_stated(&key), &key, "has no effect without objects.store");
        }
    }
    let is_sqlite = config.database_url.as_ref().is_some_and(|url| url.starts_with("sqlite:"));
    for key in ["database.connections", "database.connect_timeout_s", "database.replica_staleness_ms"] {
        found.note(is_sqlite && is_stated(key), key, "has no effect on SQLite");
    }
}

fn is_loopback_url(url: &str) -> bool {
    let rest = url.trim_start_matches("http://");
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let checked = check_file(Path::new("t.toml"), text);
        checked.faults.iter().map(ToString::to_string).collect()
    }

    fn found(text: &str) -> Vec<(String, bool)> {
        let checked = check_file(Path::new("t.toml"), text);
        assert_eq!(checked.faults, []);
        let is_stated = |key: &str| checked.lines.contains_key(key);
        let found = findings(&checked.config.unwrap(), &is_stated);
        found.into_iter().map(|finding| (finding.key, finding.is_problem)).collect()
    }

    #[test]
    fn all_faults_of_a_file_are_named_with_the_nearest_key() {
        let text = "lisen = \"0.0.0.0:80\"\nconnections = 5\nlink_lifetime_s = 0\n\
                    [servr]\nconnections = 1\n[server]\nconnection = 3\nhead_timeout_s = 9000\nidle_timeout_s = \"x\"\n\
                    listen = 5\nzzzz = 1\n[brand.acme]\nhost = [\"a\"]\nlanguage = \"fr\"\n";
        assert_eq!(
            faults(text),
            [
                "t.toml:1: lisen: unknown key; did you mean listen?",
                "t.toml:2: connections: unknown key; connections belongs in [server]",
                "t.toml:3: link_lifetime_s: must be between 1 and 604800",
                "t.toml:4: servr: unknown key; did you mean server?",
                "t.toml:7: server.connection: unknown key; did you mean connections?",
                "t.toml:8: server.head_timeout_s: must be between 1 and 600",
                "t.toml:9: server.idle_timeout_s: invalid type: string \"x\", expected i64",
                "t.toml:10: server.listen: unknown key; listen belongs before the first section",
                "t.toml:11: server.zzzz: unknown key",
                "t.toml:13: brand.acme.host: unknown key; did you mean hosts?",
                "t.toml:14: brand.acme.language: must be \"en\" or \"zh\"",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_toml_has_one_fault() {
        assert_eq!(faults("lisen = 1\n[server"), ["t.toml:2: unclosed table, expected `]`"]);
    }

    #[test]
    fn faults_between_keys_are_found_and_end() {
        assert_eq!(
            faults("link_lifetime_s = 604800\nobject_retention_s = 5\n[exports]\nqueue_s = 20\nanswer_s = 10"),
            [
                "t.toml:2: object_retention_s: is 5, but must exceed link_lifetime_s, 604800: a link must not outlive its \
                 file",
                "t.toml:1: object_retention_s: is 604800, but must exceed link_lifetime_s, 604800: a link must not outlive \
                 its file",
                "t.toml:4: exports.queue_s: is 20, but must not exceed exports.answer_s, 10",
                "t.toml:5: exports.queue_s: is 15, but must not exceed exports.answer_s, 10",
            ]
            .into_iter()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_lines_of_settings_are_known() {
        let checked = check_file(
            Path::new("t.toml"),
            "listen = \"0.0.0.0:80\"\n\n[charging]\norders_for_free = true\n[brand.a]\nhosts = [\n\"x\"]\n",
        );
        let lines: Vec<_> = checked.lines.iter().map(|(key, line)| (key.as_str(), *line)).collect();
        assert_eq!(lines, [("brand.a.hosts", 6), ("charging.bill_zero_amounts", 4), ("listen", 1)]);
    }

    #[test]
    fn the_packaged_configuration_is_sound_with_all_that_it_suggests() {
        let packaged = include_str!("../../../../packaging/tollbook.toml");
        let suggested: Vec<&str> = packaged
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
            .collect();
        for text in [packaged, &suggested.join("\n")] {
            assert_eq!(found(text), [], "{text}");
        }
        let unit = include_str!("../../../../packaging/systemd/tollbook.service");
        assert!(unit.lines().any(|line| line == format!("TimeoutStopSec={UNIT_STOP_S}")));
    }

    #[test]
    fn contradictions_and_dangers_are_named() {
        // file | key | whether it is a problem
        for (text, expected, is_problem) in [
            ("trusted_proxies = [\"0.0.0.0/0\"]", "trusted_proxies", true),
            ("trusted_proxies = [\"::/0\"]", "trusted_proxies", true),
            ("[server]\nbody_pause_s = 600", "server.body_pause_s", true),
            ("[server]\ndrain_s = 600", "server.drain_s", true),
            ("[server]\nconnections = 10", "server.connections_per_address", true),
            ("[limits]\nrequests_per_company = 4", "limits.requests_per_key", true),
            ("[exports]\nwaiting = 2", "exports.waiting_per_company", true),
            ("[exports]\ntotal_bytes = 16777216", "exports.company_bytes", true),
            ("[charging]\npast_s = 3600\ngrace_s = 7200", "charging.past_s", true),
            ("[metrics]\nlisten = \"127.0.0.1:8080\"", "metrics.listen", true),
            ("[metrics]\nlisten = \"0.0.0.0:8080\"", "metrics.listen", true),
            ("[metrics]\nlisten = \"192.0.2.1:9000\"", "metrics.listen", false),
            ("public_url = \"http://billing.example\"", "public_url", false),
            ("listen = \"0.0.0.0:80\"", "public_url", false),
            ("public_url = \"https://billing.example\"", "trusted_proxies", false),
            ("[objects]\nupload_threads = 4", "objects.upload_threads", false),
            ("[objects]\nrequest_timeout_s = 5", "objects.connect_timeout_s", true),
            ("[server]\nstop_timeout_s = 600", "server.stop_timeout_s", false),
            ("[database]\nurl = \"sqlite:x.db\"\nconnections = 5", "database.connections", false),
        ] {
            assert!(found(text).contains(&(expected.to_owned(), is_problem)), "{text}: {:?}", found(text));
        }
        assert_eq!(found(""), []);
        assert_eq!(found("public_url = \"http://127.0.0.1:9\"\n[metrics]\nlisten = \"off\""), []);
        let example = include_str!("../../../../examples/tollbook.toml");
        assert!(found(example).iter().all(|(_, is_problem)| !is_problem), "{:?}", found(example));
    }
}
