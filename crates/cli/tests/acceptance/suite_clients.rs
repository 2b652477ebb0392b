//! The suite `clients`: the programs of docs/CLIENTS.md, in five languages, taken from the page and run against a started
//! server. What each gets is compared with what the command line says.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::import::{lines, paid};
use crate::program::{Company, Fixture, Server};

const PAGE: &str = include_str!("../../../../docs/CLIENTS.md");
/// The language of a block, the file that it becomes, and what runs it.
const PROGRAMS: [(&str, &str, &[&str]); 5] = [
    ("bash", "call.sh", &["bash"]),
    ("python", "call.py", &["python3"]),
    ("js", "call.mjs", &["node"]),
    ("go", "call.go", &["go", "run"]),
    ("java", "Call.java", &["java"]),
];

/// The first code block of a language.
fn block(language: &str) -> &'static str {
    let start = PAGE.split_once(&format!("```{language}\n")).unwrap().1;
    start.split_once("```").unwrap().0
}

/// Orders of four resources, one of which has characters that must be escaped.
fn import_orders(fixture: &Fixture, company: &Company) {
    let orders = (0..40).map(|n| {
        let mut order = paid(company, n, 1_760_000_400 + n * 3_600, 1_000 + n);
        if n % 4 == 3 {
            order["ResourceID"] = "中文 & key".into();
        }
        order
    });
    fixture.write("orders.jsonl", lines(orders));
    fixture.json(&["orders", "import", "orders.jsonl"]);
}

fn run(fixture: &Fixture, server: &Server, company: &Company, program: &[&str], file: &Path) -> Value {
    let output = Command::new(program[0])
        .args(&program[1..])
        .arg(file)
        .current_dir(fixture.path("."))
        .env("TOLLBOOK_SERVER", server.url())
        .env("TOLLBOOK_PUBLIC_KEY", &company.public_key)
        .env("TOLLBOOK_PRIVATE_KEY", &company.private_key)
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program:?}: {said}{error}");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{program:?}: {said}{error}"))
}

#[test]
#[ignore = "of the suite clients"]
fn the_documented_programs_sign_in_five_languages() {
    let fixture = &Fixture::new();
    let company = fixture.company("Acme");
    import_orders(fixture, &company);
    let mut server = fixture.start(&["serve"]);
    let range = ["--start", "1760000000", "--end", "1770000000", "--page-size", "10"];
    let resources = ["--resource", "key-1", "--resource", "中文 & key"];
    let mut expected = server.ask(fixture, &company, &[&["orders", "paid"], &range[..], &resources].concat());
    let of_request = |answer: &mut Value| answer.as_object_mut().unwrap().remove("request_uuid");
    of_request(&mut expected);
    // Ten of forty are of the odd one, and a third of the others of key-1.
    assert_eq!(expected["Total"], 20);
    for (language, file, program) in PROGRAMS {
        let file = fixture.write(file, block(language));
        let mut answer = run(fixture, &server, &company, program, &file);
        of_request(&mut answer);
        assert_eq!(answer, expected, "{language}");
    }
    server.stop();
}
