//! From usage to payment: a gateway posts a real trace as CloudEvents, the balance runs out, a deposit pays orders,
//! and the customer pays the rest with the published client. Lists, sums, workbook and `verify` must agree.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use tollbook_testkit::shared_data;

use crate::program::{Company, Fixture, Server, on_each_database, steps};
use crate::python::python;

const HOUR_S: i64 = 3_600;
/// Events of one request.
const BATCH: usize = 1_000;
/// The trace's first clock hour, 2023-11-16T18:00:00Z.
const TRACE_HOUR_S: i64 = 1_700_157_600;

on_each_database! { a_gateway_reports_and_a_customer_pays }

/// The trace as events, shifted so that its two hours are in the past, but not older than the year that is accepted.
fn events(trace: &str, shift_s: i64) -> Vec<Value> {
    let row = |(number, row): (usize, &str)| {
        let cells: Vec<&str> = row.split(',').collect();
        let time: jiff::civil::DateTime = cells[0].parse().unwrap();
        let time_s = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
        let tokens = |cell: &str| cell.parse::<i64>().unwrap();
        json!({
            "specversion": "1.0",
            "type": "ai.tollbook.usage",
            "id": format!("conv-{number:06}"),
            "source": "gateway",
            "time": jiff::Timestamp::from_second(time_s + shift_s).unwrap().to_string(),
            "data": {
                "company_id": 1,
                "organization_id": 1,
                "resource_id": format!("key-{}", number % 3),
                "resource_type": 1,
                "model_id": "gpt-4o",
                "product_code": "modelverse",
                "region": "us-ca",
                "quantities": {"input": tokens(cells[1]), "output": tokens(cells[2])},
            },
        })
    };
    trace.lines().skip(1).enumerate().map(row).collect()
}

/// The exact total in 10⁻⁸ dollars, at 2.5 dollars per million input tokens and 10 per million output tokens.
fn exact(events: &[Value]) -> i128 {
    let tokens = |event: &Value, sku: &str| i128::from(event["data"]["quantities"][sku].as_i64().unwrap());
    events.iter().map(|event| tokens(event, "input") * 250 + tokens(event, "output") * 1_000).sum()
}

struct Gateway<'a> {
    agent: ureq::Agent,
    server: &'a Server,
    key: String,
}

impl Gateway<'_> {
    fn post(&self, events: &[Value]) -> Value {
        let mut response = self
            .agent
            .post(format!("{}/v1/usage", self.server.url()))
            .header("Authorization", format!("Bearer {}", self.key))
            .header("Content-Type", "application/cloudevents-batch+json")
            .send(serde_json::to_vec(events).unwrap())
            .unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn standing(&self) -> Value {
        let mut response = self
            .agent
            .get(format!("{}/v1/companies/1/standing", self.server.url()))
            .header("Authorization", format!("Bearer {}", self.key))
            .call()
            .unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }
}

fn range(shift_s: i64) -> (i64, i64) {
    (TRACE_HOUR_S + shift_s, TRACE_HOUR_S + shift_s + 2 * HOUR_S)
}

/// The answers that the published Python client gets, after it has paid the orders in `pay`, if any.
fn watch(server: &Server, company: &Company, (start_s, end_s): (i64, i64), pay: &[String]) -> Value {
    let mut request = json!({"StartTime": start_s, "EndTime": end_s});
    if !pay.is_empty() {
        request["PayOrderNos"] = json!(pay);
    }
    let environment = [
        ("TOLLBOOK_SERVER", server.url()),
        ("TOLLBOOK_PUBLIC_KEY", &company.public_key),
        ("TOLLBOOK_PRIVATE_KEY", &company.private_key),
    ];
    python("sdk.py", &[&request.to_string()], &environment)["Answers"].take()
}

fn a_gateway_reports_and_a_customer_pays(fixture: &Fixture) {
    let Some(shared) = shared_data("") else { return };
    let trace = shared.join("data/azure-llm-2023/AzureLLMInferenceTrace_conv.csv");
    let trace = std::fs::read_to_string(trace).unwrap();
    // The hours have ended, so the server closes them once the gather time of one second is over.
    let shift_s = (SystemClock.now_s() - TRACE_HOUR_S) / HOUR_S * HOUR_S - 48 * HOUR_S;
    let events = events(&trace, shift_s);
    let total = exact(&events);
    std::fs::create_dir_all(fixture.data()).unwrap();
    std::fs::write(fixture.data().join("tollbook.toml"), "[charging]\ngather_s = 1\n").unwrap();
    let company = fixture.company_in("Acme", "USD");
    let prices = shared.join("data/genai-prices/data.json");
    fixture.json(&["prices", "import", prices.to_str().unwrap()]);
    let deposit = |amount: &str, key: &str| {
        fixture.json(&[
            "account",
            "deposit",
            "--company",
            "1",
            "--kind",
            "cash",
            "--amount",
            amount,
            "--key",
            key,
        ])
    };
    deposit("40.00", "first");
    let key = fixture.json(&["operator-key", "add", "--name", "gateway"]);
    let mut server = fixture.start(&["serve"]);
    let gateway = Gateway {
        agent: ureq::Agent::config_builder().http_status_as_error(false).build().into(),
        server: &server,
        key: key["OperatorKey"].as_str().unwrap().to_owned(),
    };

    let (start_s, end_s) = range(shift_s);
    let (start, end) = (start_s.to_string(), end_s.to_string());
    let ask = |what: &str| server.ask(fixture, &company, &["orders", what, "--start", &start, "--end", &end]);
    let mut posted = 0;
    for (number, batch) in events.chunks(BATCH).enumerate() {
        let answer = gateway.post(batch);
        assert_eq!(answer["Accepted"], batch.len(), "{answer}");
        posted += exact(batch);
        if number % 5 == 0 {
            // The next answer includes the batch, as pending usage or in orders.
            let amount = ask("amount");
            let seen = steps(&amount["PendingAmount"]) + steps(&amount["TotalOrderAmount"]);
            assert_eq!(seen, posted, "{amount}");
        }
    }
    assert_eq!(gateway.post(&events[..BATCH])["Duplicate"], BATCH, "a repeated batch is a duplicate");

    // The server closes the hours, and the balance does not cover all orders.
    while ask("amount")["PendingAmount"] != "0.00" {
        std::thread::yield_now();
    }
    let seen = watch(&server, &company, (start_s, end_s), &[]);
    let amount = &seen["GetOrderAmount"];
    assert_eq!(steps(&amount["TotalOrderAmount"]), total, "{amount}");
    assert!(amount["UnpaidCount"].as_i64() > Some(0), "{amount}");
    let standing = gateway.standing();
    assert_eq!(
        (&standing["Standing"], &standing["ArrearsAmount"]),
        (&json!("arrears"), &amount["UnpaidAmount"])
    );

    // A deposit pays arrears, oldest first. The customer cannot pay the rest before the next deposit.
    assert!(deposit("15.00", "second")["ArrearsPaid"].as_i64() > Some(0));
    let unpaid: Vec<String> = ask("unpaid")["Orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["OrderNo"].as_str().unwrap().to_owned())
        .collect();
    assert!(!unpaid.is_empty());
    let refused = watch(&server, &company, (start_s, end_s), &unpaid);
    let refused = &refused["StartPayUnpaidOrders"];
    assert_eq!(refused["Results"]["Reason"], "INSUFFICIENT_BALANCE", "{refused}");
    let account =
        ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", "100", "--key", "third"];
    assert_eq!(fixture.json(&[&account[..], &["--no-settle"]].concat())["ArrearsPaid"], 0);
    let paid = watch(&server, &company, (start_s, end_s), &unpaid);
    let answer = &paid["StartPayUnpaidOrders"];
    assert_eq!(
        (&answer["FailureCount"], &answer["Results"]["Success"]),
        (&json!(0), &json!(true)),
        "{answer}"
    );
    let amount = &paid["GetOrderAmount"];
    assert_eq!((steps(&amount["PaidAmount"]), &amount["UnpaidCount"]), (total, &json!(0)));
    assert_eq!(gateway.standing()["Standing"], "ok");

    // The workbook, the account and `verify` agree.
    let mut arguments = vec!["orders", "download", "--output", "all.xlsx", "--start", &start, "--end", &end];
    server.ask(fixture, &company, &arguments);
    arguments.clear();
    let path = fixture.path("all.xlsx");
    let workbook = python("workbook.py", &[path.to_str().unwrap(), "Order total", "Cash"], &[]);
    let sums = &workbook["Sheets"][0]["Sums"];
    let mut whole = String::new();
    let _ = write!(whole, "{}.{:08}", total / 100_000_000, total % 100_000_000);
    let whole = whole.trim_end_matches('0').trim_end_matches('.');
    assert_eq!((&sums["Order total"], &sums["Cash"]), (&json!(whole), &json!(whole)));
    let shown = fixture.json(&["account", "show", "--company", "1"]);
    assert_eq!(steps(&shown["Balances"]["Cash"]), 155 * 100_000_000 - total);
    fixture.assert_verified(amount["OrderCount"].as_i64().unwrap());
    let log = server.stop();
    assert!(!log.contains(key["OperatorKey"].as_str().unwrap()), "no secret is logged");
}
