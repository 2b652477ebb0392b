//! The published Python clients, unchanged, against a running server.

use serde_json::{Value, json};
use tollbook_testkit::Python;

use crate::program::{Fixture, Server, on_each_database};

/// Runs a script of `tests/python` and returns the JSON value that it prints.
pub(crate) fn python(script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    serde_json::from_str(&Python::Clients.run(script, arguments, environment)).unwrap()
}

fn sdk(server: &Server, key: &Value, request: &Value) -> Value {
    let text = |name: &str| key[name].as_str().unwrap();
    let environment = [
        ("TOLLBOOK_SERVER", server.url()),
        ("TOLLBOOK_PUBLIC_KEY", text("PublicKey")),
        ("TOLLBOOK_PRIVATE_KEY", text("PrivateKey")),
    ];
    python("sdk.py", &[&request.to_string()], &environment)
}

on_each_database! {
    the_python_sdk_calls_all_nine_actions_on_the_quickstart
}

fn the_python_sdk_calls_all_nine_actions_on_the_quickstart(fixture: &Fixture) {
    let mut server = fixture.start(&["quickstart"]);
    let said = server.said.clone();
    let range = json!({
        "StartTime": said["StartTime"],
        "EndTime": said["EndTime"],
        "ProjectId": said["Organizations"][0]["ProjectId"],
    });
    let found = sdk(&server, &said["Keys"][0], &range);
    let answers = &found["Answers"];
    let names: Vec<&str> = answers.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "DownloadListPaidOrders",
            "DownloadListUnpaidOrders",
            "DownloadOrderSummary",
            "GetFilterOptions",
            "GetOrderAmount",
            "ListPaidOrderSummary",
            "ListPaidOrders",
            "ListUnpaidOrderSummary",
            "ListUnpaidOrders",
        ]
    );
    let total = |action: &str| answers[action]["Total"].as_i64();
    let amount = &answers["GetOrderAmount"];
    assert_eq!(amount["PaidCount"].as_i64(), total("ListPaidOrders"));
    assert!(amount["PaidCount"].as_i64() > Some(10_000));
    assert_eq!(answers["ListPaidOrders"]["Orders"].as_array().map(Vec::len), Some(100));
    assert_refusals(&found["Errors"]);
    // A key bound to an organization sees its orders only. The orders of both organizations are all orders.
    let of = |key: usize| {
        let request = json!({"StartTime": said["StartTime"], "EndTime": said["EndTime"]});
        let found = sdk(&server, &said["Keys"][key], &request);
        found["Answers"]["GetOrderAmount"]["OrderCount"].as_i64().unwrap()
    };
    assert_eq!(of(1) + of(2), amount["OrderCount"].as_i64().unwrap());

    let link = answers["DownloadListPaidOrders"]["Data"].clone();
    let saved = check_link(fixture, &link);
    let workbook = python("workbook.py", &[&saved, "Order total", "Cash"], &[]);
    let sheet = &workbook["Sheets"][0];
    assert_eq!(sheet["RowCount"].as_i64(), total("ListPaidOrders"));
    assert_eq!(trimmed(&sheet["Sums"]["Order total"]), trimmed(&amount["PaidAmount"]));
    assert_eq!(trimmed(&sheet["Sums"]["Cash"]), trimmed(&amount["CashAmount"]));
    let totals = workbook["Sheets"].as_array().unwrap().last().unwrap();
    assert_eq!((&totals["Name"], &totals["Header"]), (&json!("Totals"), &json!(["Item", "Value"])));
    assert_eq!(totals["Last"], json!([{"Text": "Currency"}, {"Text": "CNY"}]));
    let summary = check_link(fixture, &answers["DownloadOrderSummary"]["Data"]);
    // Only the summary is audited: the rules take minutes for the rows of the list.
    let audited = python("audit.py", &[&summary], &[]);
    assert_eq!(audited["Findings"], json!({ &summary: [] }));
    let summary = python("workbook.py", &[&summary, "Order total", "Orders"], &[]);
    let sheets = summary["Sheets"].as_array().unwrap();
    assert_eq!(sheets.len(), 2);
    assert_eq!(trimmed(&sheets[0]["Sums"]["Order total"]), trimmed(&amount["PaidAmount"]));
    assert_eq!(trimmed(&sheets[1]["Sums"]["Order total"]), trimmed(&amount["UnpaidAmount"]));
    assert_eq!(sheets[1]["Sums"]["Orders"], json!(amount["UnpaidCount"].to_string()));
    let log = server.stop();
    assert!(log.contains("request_uuid="), "{log}");
    for key in said["Keys"].as_array().unwrap() {
        assert!(!log.contains(key["PrivateKey"].as_str().unwrap()), "no secret is logged");
    }
    assert!(!log.contains(said["OperatorKey"].as_str().unwrap()), "no secret is logged");

    // A second start keeps the data and the keys.
    let again = fixture.start(&["quickstart"]);
    assert_eq!(again.said["OrdersAdded"], 0);
    assert!(said["OperatorKey"].as_str().is_some_and(|key| key.starts_with("tbo_")));
    assert_eq!(again.said["OperatorKey"], Value::Null, "a key for gateways is shown once");
    assert_eq!(again.said["Keys"], said["Keys"]);
}

/// The codes and messages in the SDK's exceptions for requests that must fail.
fn assert_refusals(errors: &Value) {
    let expected = [
        ("EmptyRange", 230, "Params [EndTime] not available: must be greater than StartTime"),
        ("MissingAll", 220, "Missing params [StartTime|EndTime|Page|PageSize]"),
        ("MissingEndTime", 220, "Missing params [EndTime]"),
        ("MissingPaging", 220, "Missing params [Page|PageSize]"),
        ("PageSizeTooLarge", 230, "Params [PageSize] not available: must be between 10 and 100"),
        ("PageSizeTooSmall", 230, "Params [PageSize] not available: must be between 10 and 100"),
        ("PageZero", 230, "Params [Page] not available: must be at least 1"),
        (
            "SpanOf366DaysAndASecond",
            230,
            "Params [EndTime] not available: must be at most 366 days after StartTime",
        ),
        ("TextForAnInteger", 230, "Params [OrderTypes] not available: must be 64-bit integers"),
        ("TooManyValues", 240, "Params [ModelIds] too large"),
        ("UnknownAction", 161, "Action [ListFreeOrders] not found"),
        (
            "UnknownProductCode",
            230,
            "Params [ProductCodes] not available: must be one of modelverse, sandbox, starcard",
        ),
        ("UnknownPublicKey", 172, "User Not Exists"),
        ("WrongPrivateKey", 171, "Signature VerifyAC Error"),
    ];
    assert_eq!(errors.as_object().map(serde_json::Map::len), Some(expected.len()), "{errors}");
    for (case, code, message) in expected {
        let error = &errors[case];
        assert_eq!((&error["RetCode"], &error["Message"]), (&json!(code), &json!(message)), "{case}");
        assert_eq!(error["RequestUUID"].as_str().map(str::len), Some(36), "{case}");
    }
}

/// `ufile` computes the same signature, downloads the file, and parses refusals. Returns the path of the file.
fn check_link(fixture: &Fixture, data: &Value) -> String {
    let (public, private) = fixture.object_keys();
    let saved = fixture.path(data["FileName"].as_str().unwrap());
    let saved = saved.to_str().unwrap();
    let environment =
        [("TOLLBOOK_OBJECT_PUBLIC_KEY", public.as_str()), ("TOLLBOOK_OBJECT_PRIVATE_KEY", private.as_str())];
    let found = python("us3.py", &["tollbook", data["DownloadURL"].as_str().unwrap(), saved], &environment);
    assert_eq!(found["Bytes"], data["FileSize"]);
    assert_eq!(found["AttachmentName"], data["FileName"]);
    saved.to_owned()
}

/// A decimal without trailing zeros.
fn trimmed(value: &Value) -> String {
    let text = value.as_str().unwrap();
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}
