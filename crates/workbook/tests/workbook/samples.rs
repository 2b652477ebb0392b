//! Sample data for several modules, and a function that runs Python scripts.

use std::path::Path;

use serde_json::Value;
use tollbook_testkit::Python;
use tollbook_workbook::Properties;

/// Runs a script and returns the JSON value that it prints.
pub(crate) fn python(script: &str, arguments: &[&Path]) -> Value {
    serde_json::from_str(&Python::Clients.run(script, arguments, &[])).unwrap()
}

pub(crate) fn properties() -> Properties {
    Properties {
        title: "Orders & <more> 订单".into(),
        creator: "Tollbook".into(),
        created_unix_s: 1_700_000_000,
    }
}

/// Texts that programs may misinterpret.
pub(crate) const TEXTS: [&str; 32] = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "</t></is></c>",
    "</row></sheetData>",
    "]]>",
    "&amp;",
    "<!-- -->",
    "\"quoted\" 'single', comma; tab\there",
    "\"",
    " leading",
    "trailing ",
    " ",
    "two\nlines",
    "cr\r\nlf",
    "00123",
    "TRUE",
    "#N/A",
    "1e5",
    "2024-01-01",
    "_x0041_",
    "_x005F_x0041_",
    "\u{0}\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}",
    "\u{fffe}\u{ffff}\u{fffd}",
    "文字 订单 ひらがな 한국어",
    "مرحبا שלום",
    "👩‍👩‍👧‍👦 🙂 e\u{301}",
    "",
];
