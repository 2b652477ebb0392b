//! Names that the code had before they were replaced by the field's own, so that none of them returns.

use super::comments;
use super::finding::Finding;
use super::rust_text::{self, Kind};
use super::sources;

/// A whole identifier, and the name for what it meant.
const RENAMED: [(&str, &str); 38] = [
    ("Aside", "Uncharged"),
    ("Ask", "ExportRequest"),
    ("BEAT", "HEARTBEAT"),
    ("BETWEEN_LOOKS", "POLL_INTERVAL"),
    ("Books", "AccountState"),
    ("Desk", "Exporter"),
    ("DeskError", "ExportRequestError"),
    ("DeskParts", "ExporterParts"),
    (FATE, "pricing_state"),
    ("Fate", "UsageResult"),
    ("Flight", "InFlight"),
    ("GLANCE", "POLL_INTERVAL"),
    ("Game", WHAT_IT_IS),
    ("LOOK_AROUND", "POLL_INTERVAL"),
    ("MOrder", WHAT_IT_IS),
    ("Made", WHAT_IT_IS),
    ("NoTurn", "QueueTimeout"),
    ("Patience", "WaitPolicy or StatementDeadline"),
    ("Scene", "Fixture"),
    ("Signs", "Heartbeat"),
    ("Site", "CommandContext"),
    ("Till", "AccountTx"),
    ("TooSlow", "DeadlineExceeded"),
    ("Trouble", "WorkError"),
    ("Turns", "FairQueue"),
    ("Wire", "ConnectionTask"),
    ("Zeros", "ZeroAmount"),
    ("charges_free", "bill_zero_amounts"),
    ("fly", "run"),
    ("lessen_hour", "subtract_from_hour"),
    ("may_be_lost", "async_commit"),
    ("move_orders", "transition_orders"),
    ("offload", "replica_or"),
    ("orders_for_free", "bill_zero_amounts"),
    ("take_back", "refund_or_revoke"),
    ("take_off", "start"),
    ("told_of_desk", "refusal_for_export"),
    (USAGE_ASIDE, "uncharged_usage"),
];

const WHAT_IT_IS: &str = "the name of what it is";

/// Names of a column and a table, which stand in string literals of SQL too. Put together so that this file does not
/// hold them.
const FATE: &str = concat!("fa", "te");
const USAGE_ASIDE: &str = concat!("usage_", "aside");

/// Migrations that databases have run already. They keep the names of their time.
const RELEASED: [&str; 5] = ["0001_", "0002_", "0003_", "0004_", "0005_"];

pub(super) fn findings(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look_in = |line: usize, text: &str, is_literal: bool| {
        for (number, line) in (line..).zip(text.lines()) {
            for (old, new) in names(line).filter_map(renamed) {
                if !is_literal || [FATE, USAGE_ASIDE].contains(&old) {
                    findings.push(Finding::in_line(path, number, format!("{old} is a former name: {new}")));
                }
            }
        }
    };
    if sources::extension(path) == Some("rs") {
        for piece in rust_text::split(text).iter().filter(|piece| piece.kind != Kind::Comment) {
            look_in(piece.line, piece.text, piece.kind == Kind::Text);
        }
    } else if sources::extension(path) == Some("sql") && sources::is_written(path, text) && !is_released(path)
    {
        for (number, line) in (1..).zip(text.lines()) {
            let prose = comments::lines(path, line).first().map_or(0, |(_, comment)| comment.len());
            look_in(number, &line[..line.len() - prose], false);
        }
    }
    findings
}

fn is_released(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    parts.next() == Some("migrations") && RELEASED.iter().any(|number| name.starts_with(number))
}

fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|name| !name.is_empty())
}

fn renamed(name: &str) -> Option<(&'static str, &'static str)> {
    RENAMED.into_iter().find(|(old, _)| *old == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let found: Vec<(usize, String)> = findings(path, text)
            .into_iter()
            .map(|finding| (finding.line, finding.problem.split(' ').next().unwrap_or_default().to_owned()))
            .collect();
        let expected: Vec<(usize, String)> =
            expected.iter().map(|(line, name)| (*line, (*name).to_owned())).collect();
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn whole_identifiers_of_code() {
        check("a.rs", "use x::Desk;\nfn take_off() {}\n", &[(1, "Desk"), (2, "take_off")]);
        check("a.rs", "struct Desktop; fn take_offer() {}\n", &[]);
        check("a.rs", "// Till then the Desk is closed.\nlet a = \"orders_for_free\";\n", &[]);
        check("a.py", "Desk = 1\n", &[]);
    }

    #[test]
    fn names_of_sql_also_in_literals() {
        let sql = format!("let sql = \"SELECT {FATE} \\\n   FROM {USAGE_ASIDE}\";\n");
        check("a.rs", &sql, &[(1, FATE), (2, USAGE_ASIDE)]);
        let sql = format!("SELECT 1; -- {FATE}\nSELECT {FATE};\n");
        check("a.sql", &sql, &[(2, FATE)]);
    }

    #[test]
    fn released_migrations_keep_them() {
        let sql = format!("CREATE TABLE {USAGE_ASIDE};\n");
        check("crates/store/src/sql/migrations/0003_charging.sql", &sql, &[]);
        check("crates/store/src/sql/migrations/0006_more.sql", &sql, &[(1, USAGE_ASIDE)]);
        check("crates/store/src/sql/0003_charging.sql", &sql, &[(1, USAGE_ASIDE)]);
    }
}
