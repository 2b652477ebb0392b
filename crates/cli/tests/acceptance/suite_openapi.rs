//! The suite `openapi`: schemathesis draws requests from the document at `/openapi.json`, sends them signed, and compares
//! what is answered with the document. The same requests are drawn in every run.

use std::process::Command;

use crate::failures::write_orders;
use crate::program::Fixture;

/// Requests that are drawn for each operation, besides those at the bounds of its schemas.
const EXAMPLES: &str = "25";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ret_code";

#[test]
#[ignore = "of the suite openapi"]
fn the_document_says_what_the_server_does() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    write_orders(&fixture, &company, 200);
    fixture.json(&["orders", "import", "orders.jsonl"]);
    let server = fixture.start(&["serve"]);
    let document = ureq::get(format!("{}/openapi.json", server.url())).call().unwrap();
    let document = document.into_body().read_to_string().unwrap();
    let document = fixture.write("openapi.json", document);
    #[expect(clippy::disallowed_methods, reason = "the runner names the interpreter in the environment")]
    let python = std::env::var("TOLLBOOK_TEST_OPENAPI_PYTHON").expect("cargo xtask test --suite openapi");
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/openapi");
    let output = Command::new(python)
        .current_dir(fixture.path("."))
        .args(["-m", "schemathesis.cli", "run"])
        .arg(document)
        .args(["--url", server.url(), "--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--max-examples", EXAMPLES, "--generation-deterministic"])
        .args(["--continue-on-failure", "--no-color", "--warnings", "off"])
        .env("PYTHONPATH", hooks)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("TOLLBOOK_PUBLIC_KEY", &company.public_key)
        .env("TOLLBOOK_PRIVATE_KEY", &company.private_key)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // A run that tested nothing would succeed as well.
    let actions = tollbook_api::description::openapi()["paths"].as_object().unwrap().len();
    let operations = 2 * actions;
    assert!(said.contains(&format!("Tested: {operations}")), "{said}");
}
