//! `database prune` and `database backup`, while a server runs.

use serde_json::{Value, json};

use crate::program::{Company, Fixture, on_each_database};
use crate::rig::{Client, Model, range};

const ORDERS: i64 = 3_000;
/// About 23 days after the first order.
const BEFORE: &str = "2025-11-01";
const BEFORE_S: i64 = 1_761_955_200;

on_each_database! {
    settled_orders_before_a_date_are_pruned_and_not_imported_again
    a_backup_is_a_complete_database
}

fn with_orders(fixture: &Fixture) -> (Company, Model) {
    let company = fixture.company("Acme");
    let model = Model::new(&company, ORDERS);
    let [first, second] = model.overlapping(0..3_000);
    fixture.write("orders.jsonl", first + &second);
    assert_eq!(fixture.json(&["orders", "import", "orders.jsonl"])["Added"], ORDERS);
    (company, model)
}

fn settled_orders_before_a_date_are_pruned_and_not_imported_again(fixture: &Fixture) {
    let (company, _) = with_orders(fixture);
    let client = Client::new(&company);
    let server = fixture.start(&["serve"]);
    let counts = |early: bool| {
        let mut parameters = range();
        if early {
            parameters[1].1 = BEFORE_S.to_string();
        }
        let amount = client.ask(server.url(), "GetOrderAmount", &parameters);
        [&amount["PaidCount"], &amount["UnpaidCount"]].map(|count| count.as_i64().unwrap())
    };
    let ([paid, unpaid], [early, early_unpaid]) = (counts(false), counts(true));
    assert!(early > 0 && early_unpaid > 0 && paid > early, "{early} of {paid} orders begin before the date");
    for (date, reason) in [
        ("2025-02-30", "--before: \"2025-02-30\" is not a date"),
        ("yesterday", "must be like 2026-01-31"),
        ("2099-01-01", "is not in the past"),
    ] {
        let (value, _) = fixture.refused(&["database", "prune", "--before", date]);
        assert!(value["Error"].as_str().unwrap().contains(reason), "{value}");
    }
    assert_eq!(counts(false), [paid, unpaid]);
    let pruned = fixture.json(&["database", "prune", "--before", BEFORE]);
    assert_eq!(pruned, json!({"Before": BEFORE, "Companies": 1, "Orders": early}));
    assert_eq!((counts(false), counts(true)), ([paid - early, unpaid], [0, early_unpaid]));
    fixture.assert_verified(ORDERS - early);
    let again = fixture.json(&["database", "prune", "--before", BEFORE]);
    assert_eq!(again["Orders"], 0);
    let (report, error) = fixture.refused(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&report["Added"], report["Errors"][0]["File"].as_str()), (&json!(0), Some("orders.jsonl")));
    assert!(error.contains("orders.jsonl:1: ") && error.contains("pruned"), "{error}");
    fixture.assert_verified(ORDERS - early);
}

fn a_backup_is_a_complete_database(fixture: &Fixture) {
    let (company, _) = with_orders(fixture);
    let client = Client::new(&company);
    let server = fixture.start(&["serve"]);
    let folder = fixture.path("backups");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("monday.db");
    // A backup replaces the partial file of an interrupted one.
    std::fs::write(folder.join("monday.db.part"), "cut short").unwrap();
    let copied = fixture.json(&["database", "backup", file.to_str().unwrap()]);
    assert_eq!((&copied["Orders"], &copied["Differences"]), (&json!(ORDERS), &json!([])));
    assert_eq!((&copied["Companies"], &copied["Rows"]["orders"]), (&json!(1), &json!(ORDERS)));
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["monday.db"]);
    let before = std::fs::read(&file).unwrap();
    let (value, _) = fixture.refused(&["database", "backup", file.to_str().unwrap()]);
    assert!(value["Error"].as_str().unwrap().contains("exists already"), "{value}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let url = format!("sqlite:{}", file.display());
    let found = fixture.json(&["verify", "--database", &url]);
    assert_eq!(found, json!({"Companies": 1, "Orders": ORDERS, "Differences": []}));
    let restored = fixture.start(&["serve", "--database", &url]);
    let amounts = [&server, &restored].map(|server| {
        let answer = client.ask(server.url(), "GetOrderAmount", &range());
        [&answer["OrderCount"], &answer["TotalOrderAmount"]].map(Value::to_string)
    });
    assert_eq!(amounts[0], amounts[1]);
}
