//! Order files: valid records, and the reason for each refusal, in every format and compression.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Amount, AmountRule, Catalogue, Deductions, Line, NewOrder, Order, Status, UnitPrice};
use tollbook_export::fields::{ORDER_ITEM_DETAIL, UNPAID_ORDER_ITEM};
use tollbook_formats::orders::{OrderFile, ReadError};
use tollbook_testkit::order_file;

fn paid() -> Map<String, Value> {
    let order = json!({
        "CompanyID": 1, "OrganizationID": 2, "OrderNo": "O1", "Status": 2, "Region": "cn-wlcb",
        "ProductCode": "modelverse", "ChargeType": 102, "Channel": 1, "Currency": "CNY", "ResourceID": "key-1",
        "ModelID": "m", "OrderType": 102, "PricingSKU": "input", "Quantity": 12345, "PricingUnit": 11,
        "ListPrice": "0.004", "DiscountPrice": "0.002", "OrderTotalPrice": "0.02469", "OriginalPrice": "0.04938",
        "StartTime": 3600, "EndTime": 7200, "PaidTime": 7300, "CashAccount": "0.02469",
    });
    order.as_object().unwrap().clone()
}

fn unpaid() -> Map<String, Value> {
    let mut order = paid();
    order.remove("PaidTime");
    order.remove("CashAccount");
    order.insert("OrderNo".into(), "U1".into());
    order.insert("SourceOrderNo".into(), "O1".into());
    order.insert("Status".into(), 1.into());
    order
}

fn in_file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn read_path(path: &Path) -> Vec<Result<(u64, NewOrder), ReadError>> {
    let catalogue = Catalogue::built_in();
    let file = OrderFile::open(path).unwrap();
    let bytes_read = Arc::new(AtomicU64::new(0));
    match file.orders(&catalogue, Arc::clone(&bytes_read)) {
        Ok(orders) => {
            let orders: Vec<_> = orders.collect();
            if !matches!(orders.last(), Some(Err(ReadError::File(_)))) {
                assert_eq!(bytes_read.load(Ordering::Relaxed), file.bytes(), "all bytes are read");
            }
            orders
        }
        Err(broken) => vec![Err(broken.into())],
    }
}

/// The records of a file; errors are texts without the file's name.
fn read(name: &str, bytes: &[u8]) -> Vec<Result<(u64, NewOrder), String>> {
    let (_dir, path) = in_file(name, bytes);
    let prefix = path.display().to_string();
    let shorten = |error: ReadError| error.to_string().strip_prefix(&prefix).unwrap().to_owned();
    read_path(&path).into_iter().map(|record| record.map_err(shorten)).collect()
}

fn orders(name: &str, bytes: &[u8]) -> Vec<NewOrder> {
    read(name, bytes).into_iter().map(|record| record.unwrap().1).collect()
}

/// The order of one JSON line, or the reason for its refusal.
fn line(text: &str) -> Result<NewOrder, String> {
    let mut read = read("a.jsonl", text.as_bytes());
    assert_eq!(read.len(), 1, "{text}");
    let record = read.remove(0).map(|(_, order)| order);
    record.map_err(|error| error.strip_prefix(":1: ").unwrap().to_owned())
}

#[test]
fn each_field_is_read_or_refused_by_name() {
    // field of a paid order | its JSON value, or "none" | reason, or "ok"
    let table = r#"
        CompanyID       | none        | CompanyID: is required
        CompanyID       | null        | CompanyID: is required
        CompanyID       | "1"         | ok
        CompanyID       | "x"         | CompanyID: must be an integer
        CompanyID       | ""          | CompanyID: must be an integer
        CompanyID       | 1.0         | CompanyID: must be an integer
        CompanyID       | 1e0         | CompanyID: must be an integer
        CompanyID       | "+1"        | CompanyID: must be an integer
        CompanyID       | " 1"        | CompanyID: must be an integer
        CompanyID       | true        | CompanyID: must be an integer
        CompanyID       | 9223372036854775808 | CompanyID: does not fit in 64 bits
        OrganizationID  | none        | OrganizationID: is required
        OrderNo         | none        | OrderNo: is required
        OrderNo         | ""          | OrderNo: must not be empty
        OrderNo         | 1           | OrderNo: must be a text
        OrderNo         | "a\u0000"   | OrderNo: must not contain NUL
        OrderNo         | "LONG65"    | OrderNo: must have at most 64 bytes
        Status          | none        | Status: is required
        Status          | 4           | Status: must be 1, 2 or 3
        Status          | "2"         | ok
        Status          | "paid"      | Status: must be an integer
        Region          | none        | Region: is required
        Region          | ""          | ok
        Region          | "LONG257"   | Region: must have at most 256 bytes
        Region          | "a\u0000"   | Region: must not contain NUL
        Region          | ["a"]       | Region: must be a text
        ProductCode     | none        | ProductCode: is required
        ProductCode     | "x"         | ProductCode: is not a product of the catalogue
        ChargeType      | none        | ChargeType: is required
        ChargeType      | -1          | ChargeType: must be between 0 and 2147483647
        ChargeType      | 99          | ok
        Channel         | none        | Channel: is required
        Channel         | 2147483648  | Channel: must be between 0 and 2147483647
        Currency        | none        | Currency: is required
        Currency        | 1           | Currency: must be a text
        ResourceID      | none        | ResourceID: is required
        ResourceID      | ""          | ok
        ResourceID      | "é\n\"\\"   | ok
        ResourceName    | null        | ok
        ResourceName    | ""          | ok
        ResourceName    | 7           | ResourceName: must be a text
        ResourceName    | "LONG257"   | ResourceName: must have at most 256 bytes
        ResourceName    | "a\u0000"   | ResourceName: must not contain NUL
        ResourceType    | -1          | ResourceType: must be between 0 and 2147483647
        ResourceType    | null        | ok
        ModelID         | none        | ModelID: is required
        ModelID         | ""          | ok
        ModelName       | {}          | ModelName: must be a text
        ModelName       | "LONG257"   | ModelName: must have at most 256 bytes
        UserEmail       | null        | ok
        UserEmail       | 0           | UserEmail: must be a text
        OrderType       | none        | OrderType: is required
        PricingSKU      | none        | PricingSKU: is required
        PricingSKU      | ""          | ok
        PricingItemID   | "x"         | PricingItemID: must be an integer
        PricingItemID   | 7           | ok
        PricingUnit     | none        | PricingUnit: is required
        PricingUnit     | 99          | PricingUnit: is not in the catalogue
        Quantity        | none        | Quantity: is required
        Quantity        | -1          | Quantity: must not be negative
        Quantity        | "12345"     | ok
        Quantity        | 12345.0     | Quantity: must be an integer
        Quantity        | 12346       | ok
        ListPrice       | none        | ListPrice: is required
        ListPrice       | 0.004       | ok
        ListPrice       | "1e3"       | ListPrice: must be a plain decimal such as 4.20
        ListPrice       | 1e3         | ListPrice: must be a plain decimal such as 4.20
        ListPrice       | 4E-3        | ListPrice: must be a plain decimal such as 4.20
        ListPrice       | "-0.004"    | ListPrice: must not be negative
        ListPrice       | "0.0000000000015" | ListPrice: must have at most 12 decimal places
        ListPrice       | "99999999"  | ListPrice: is too large
        ListPrice       | ""          | ListPrice: must be a plain decimal such as 4.20
        DiscountPrice   | none        | DiscountPrice: is required
        DiscountPrice   | false       | DiscountPrice: must be a plain decimal such as 4.20
        DiscountPrice   | 0.002000000000000 | ok
        OrderTotalPrice | none        | OrderTotalPrice: is required
        OrderTotalPrice | "0.02"      | ok
        OrderTotalPrice | "0.024690000" | ok
        OrderTotalPrice | "0.024690001" | OrderTotalPrice: must have at most 8 decimal places
        OriginalPrice   | none        | OriginalPrice: is required
        OriginalPrice   | -1          | OriginalPrice: must not be negative
        StartTime       | none        | StartTime: is required
        StartTime       | -1          | StartTime: must be between 0 and 253402300799
        EndTime         | none        | EndTime: is required
        EndTime         | 3599        | EndTime: must not be before StartTime
        EndTime         | 253402300800 | EndTime: must be between 0 and 253402300799
        PaidTime        | none        | PaidTime: is required for a paid order
        PaidTime        | 0           | PaidTime: is required for a paid order
        PaidTime        | ""          | PaidTime: must be an integer
        CreateTime      | ""          | ok
        CreateTime      | "3601"      | ok
        CreateTime      | 3601        | ok
        CreateTime      | "soon"      | CreateTime: must be an integer
        CreateTime      | []          | CreateTime: must be Unix seconds or empty
        RevocationTime  | "3601"      | RevocationTime: must be empty unless revoked
        RevocationTime  | ""          | ok
        CashAccount     | none        | OrderTotalPrice: is 0.02469, but the deductions add up to 0.00
        CashAccount     | 0.02469     | ok
        CashAccount     | 2.469e-2    | CashAccount: must be a plain decimal such as 4.20
        StarCardAccount | "0.01"      | OrderTotalPrice: is 0.02469, but the deductions add up to 0.03469
        StarCardAccount | "-0.01"     | StarCardAccount: must not be negative
        Coupon          | "x"         | Coupon: must be a plain decimal such as 4.20
        BonusAccount    | null        | ok
        CreditAccount   | "0"         | ok
        UnpaidOrderNo   | "U1"        | ok
        UnpaidOrderNo   | "O1"        | UnpaidOrderNo: must differ from OrderNo
        UnpaidOrderNo   | "LONG65"    | UnpaidOrderNo: must have at most 64 bytes
        SourceOrderNo   | ""          | ok
        SourceOrderNo   | "O1"        | ok
        SourceOrderNo   | "O2"        | SourceOrderNo: must be empty or OrderNo for a paid order
        StatusDisplay   | {"a": [1]}  | ok
        QuantityDisplay | "12 Tokens" | ok
        OrganizationName | 5          | ok
        ResourceId      | "key-1"     | ResourceId: is not a field of an order; ResourceID is
        SumOrderPrice   | "1"         | SumOrderPrice: is not a field of an order"#;
    let mut cases = 0;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.splitn(3, '|').map(str::trim).collect();
        let value = cells[1].replace("LONG65", &"x".repeat(65)).replace("LONG257", &"x".repeat(257));
        let mut order = paid();
        order.remove(cells[0]);
        let mut text = serde_json::to_string(&order).unwrap();
        if value != "none" {
            // Inserted as text, because a JSON library would change the notation of numbers.
            text = format!("{{\"{}\":{value},{}", cells[0], &text[1..]);
        }
        let got = line(&text).map_or_else(|reason| reason, |_| "ok".to_owned());
        assert_eq!(got, cells[2], "{row}");
        cases += 1;
    }
    assert_eq!(cases, 115);
}

#[test]
fn orders_that_are_not_paid_have_their_own_rules() {
    // field of an unpaid order | its JSON value | reason, or "ok"
    let table = r#"
        SourceOrderNo  | null      | SourceOrderNo: is required for an unpaid or revoked order
        SourceOrderNo  | ""        | SourceOrderNo: is required for an unpaid or revoked order
        SourceOrderNo  | "U1"      | SourceOrderNo: must differ from OrderNo
        UnpaidOrderNo  | ""        | ok
        UnpaidOrderNo  | "U1"      | ok
        UnpaidOrderNo  | "U2"      | UnpaidOrderNo: must be empty or OrderNo for an unpaid or revoked order
        PaidTime       | 0         | ok
        PaidTime       | 7300      | PaidTime: must be 0 unless paid
        CashAccount    | "0.00"    | ok
        CashAccount    | "0.02469" | CashAccount: deductions of an order that is not paid must be 0, not 0.02469
        RevocationTime | "7300"    | RevocationTime: must be empty unless revoked
        CreateTime     | "7300"    | ok
        Status         | 3         | ok"#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.splitn(3, '|').map(str::trim).collect();
        let mut order = unpaid();
        order.insert(cells[0].to_owned(), serde_json::from_str(cells[1]).unwrap());
        let got = line(&Value::from(order).to_string()).map_or_else(|reason| reason, |_| "ok".to_owned());
        assert_eq!(got, cells[2], "{row}");
    }
    let mut revoked = unpaid();
    revoked.insert("Status".into(), 3.into());
    revoked.insert("RevocationTime".into(), "7300".into());
    let order = line(&Value::from(revoked).to_string()).unwrap().order;
    assert_eq!((order.status, order.revocation_time_s), (Status::Revoked, Some(7300)));
    assert_eq!((order.source_number(), order.arrears_number()), ("O1", "U1"));
}

#[test]
fn an_absent_field_has_its_default() {
    let order = line(&Value::from(paid()).to_string()).unwrap();
    assert_eq!(order.company_id, 1);
    assert_eq!((order.line.organization_id, order.line.resource_type, order.line.pricing_item_id), (2, 0, 0));
    assert_eq!((order.line.user_email.as_str(), order.line.model_name.as_str()), ("", ""));
    assert_eq!(order.order.counterpart, "");
    assert_eq!((order.order.create_time_s, order.order.revocation_time_s), (None, None));
    assert_eq!(order.order.deductions.total_steps(), 2_469_000);
}

#[test]
fn each_line_of_a_json_file_is_read_or_refused_by_itself() {
    let good = Value::from(paid()).to_string();
    let long = format!("{{\"Region\": \"{}\"}}", "x".repeat(1 << 20));
    let mut file = format!("\u{feff}{good}\r\n\n  \r\n{{\"Region\": \n[]\n{long}\n").into_bytes();
    file.extend(b"{\"Region\": \"\xff\"}\n");
    file.extend(good.as_bytes());
    let got: Vec<Result<u64, String>> =
        read("a.jsonl", &file).into_iter().map(|record| record.map(|(line, _)| line)).collect();
    let refuse = |reason: &str| Err(reason.to_owned());
    assert_eq!(
        got,
        [
            Ok(1),
            refuse(":4: not a JSON object: EOF while parsing a value (column 11)"),
            refuse(":5: must be a JSON object"),
            refuse(":6: is longer than 1048576 bytes"),
            refuse(":7: is not valid UTF-8"),
            Ok(8),
        ]
    );
}

#[test]
fn an_order_in_an_answer_of_the_api_is_a_valid_record() {
    let mut order = paid();
    for (name, value) in [
        ("RegionDisplay", json!("Ulanqab")),
        ("ProductCodeDisplay", json!("ModelVerse")),
        ("OrganizationName", json!("default")),
        ("ChargeTypeDisplay", json!("Pay-as-you-go")),
        ("CurrencyDisplay", json!("Chinese yuan")),
        ("ResourceTypeDisplay", json!("")),
        ("OrderTypeDisplay", json!("Post-paid")),
        ("QuantityDisplay", json!("12.345 K Tokens")),
        ("PricingUnitDisplay", json!("K Tokens")),
        ("StatusDisplay", json!("Paid")),
        ("UnpaidOrderNo", json!("")),
        ("Coupon", json!("0.00")),
    ] {
        order.insert(name.to_owned(), value);
    }
    assert_eq!(line(&Value::from(order).to_string()), line(&Value::from(paid()).to_string()));
}

#[test]
fn every_field_of_the_published_objects_is_a_column() {
    for names in [
        ORDER_ITEM_DETAIL.iter().map(|field| field.name).collect::<Vec<_>>(),
        UNPAID_ORDER_ITEM.iter().map(|field| field.name).collect(),
    ] {
        assert_eq!(read("a.csv", names.join(",").as_bytes()), []);
    }
}

#[test]
fn a_csv_file_has_any_columns_in_any_order() {
    let expected = line(&Value::from(paid()).to_string()).unwrap();
    let order = paid();
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let names: Vec<&str> = order.keys().map(String::as_str).collect();
    let cells: Vec<String> = order.values().map(cell).collect();
    let (names, cells) = (names.join(","), cells.join(","));
    for file in [
        format!("{names}\n{cells}\n"),
        format!("\u{feff}{names}\r\n{cells}"),
        format!("\n{names}\n\n\"{}\"\n", cells.replace(',', "\",\"")),
        format!("{names},StatusDisplay,UnpaidOrderNo,Coupon\n{cells},\"a\nb\",,\n"),
    ] {
        assert_eq!(orders("a.csv", file.as_bytes()), std::slice::from_ref(&expected), "{file}");
    }
    // The same record, with a different error each time.
    let spoiled = |name: &str, value: &str| {
        let mut order = paid();
        order.insert(name.to_owned(), value.into());
        order.values().map(cell).collect::<Vec<_>>().join(",")
    };
    let file = [
        names.clone(),
        spoiled("OrderNo", ""),
        spoiled("Region", ""),
        spoiled("Quantity", "\"1\n2\""),
        spoiled("Quantity", " 12345"),
        spoiled("ListPrice", "1e3"),
        format!("{cells},"),
        spoiled("OrderNo", "5\""),
        spoiled("PaidTime", ""),
        cells,
    ]
    .join("\n");
    let got: Vec<Result<u64, String>> =
        read("a.csv", file.as_bytes()).into_iter().map(|record| record.map(|(line, _)| line)).collect();
    let column = 1 + paid().keys().position(|name| name == "OrderNo").unwrap();
    assert_eq!(
        got,
        [
            Err(":2: OrderNo: is required".to_owned()),
            Ok(3),
            Err(":4: Quantity: must be an integer".to_owned()),
            Err(":6: Quantity: must be an integer".to_owned()),
            Err(":7: ListPrice: must be a plain decimal such as 4.20".to_owned()),
            Err(":8: has 24 cells, the header has 23".to_owned()),
            Err(format!(":9: cell {column} has a quote but is not quoted")),
            Err(":10: PaidTime: is required for a paid order".to_owned()),
            Ok(11),
        ]
    );
}

#[test]
fn a_csv_file_without_a_usable_header_cannot_be_read() {
    let names: Vec<String> = paid().keys().cloned().collect();
    let names = names.join(",");
    for (header, reason) in [
        (String::new(), ":1: the header is missing"),
        (format!("{names},Total"), ":1: the header is not valid: Total: is not a field of an order"),
        (format!("{names},Region"), ":1: the header is not valid: Region: occurs twice"),
        (names.replace("Currency,", ""), ":1: the header is not valid: Currency: is required"),
        (format!("{names},\"Cou"), ":1: a quote of this record is not closed"),
    ] {
        assert_eq!(read("a.csv", header.as_bytes()), [Err(reason.to_owned())]);
    }
    assert_eq!(read("a.csv", names.as_bytes()), []);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_truncated_or_damaged_file_is_an_error() {
    let text: String = (0..3_000)
        .map(|n| {
            let mut order = paid();
            order.insert("OrderNo".into(), format!("O{n}").into());
            Value::from(order).to_string() + "\n"
        })
        .collect();
    let zst = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let gz = gzip(text.as_bytes());
    let mut members = gzip(&text.as_bytes()[..1_000]);
    members.extend(gzip(&text.as_bytes()[1_000..]));
    for (name, bytes) in [("a.jsonl.gz", &gz), ("a.jsonl.zst", &zst), ("a.jsonl.gz", &members)] {
        assert_eq!(orders(name, bytes).len(), 3_000);
        for cut in [1, 5, 9, 100, bytes.len() / 2] {
            let got = read(name, &bytes[..bytes.len() - cut]);
            let good = got.iter().filter(|record| record.is_ok()).count();
            let expected = format!(":{}: the compressed file is cut off", good + 1);
            assert_eq!(got.last().unwrap(), &Err(expected), "{name} without {cut} bytes");
            assert_eq!(got.len(), good + 1);
        }
        assert_eq!(read(name, &[]).len(), 1);
        assert!(read(name, &[])[0].as_ref().unwrap_err().contains("this is not a"));
        assert!(read(name, text.as_bytes())[0].as_ref().unwrap_err().contains("this is not a"));
    }
    let mut damaged = gz.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let got = read("a.jsonl.gz", &damaged);
    assert!(got.last().unwrap().as_ref().unwrap_err().contains("the compressed file is damaged"), "{got:?}");
    assert!(read("a.jsonl", &gz)[0].as_ref().unwrap_err().starts_with(":1: "));
}

#[test]
fn a_file_that_cannot_be_opened_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (_keep, wrong) = in_file("a.txt", b"");
    for (path, reason) in [
        (dir.path().join("none.jsonl"), "none.jsonl: the file cannot be opened: No such file or directory"),
        (dir.path().to_owned(), ": this is not a regular file"),
        (wrong, "a.txt: the name must end in .jsonl, .json or .csv, and may add .gz or .zst"),
    ] {
        let error = OrderFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

prop_compose! {
    fn texts()(text in prop_oneof![Just(String::new()), "[a-z]{1,8}", "[ -~\n\r\u{1}é漢😀]{0,12}"]) -> String { text }
}

fn built_in_units() -> Vec<i64> {
    let catalogue = Catalogue::built_in();
    catalogue.keys(NameKind::PricingUnit).map(|unit| unit.parse().unwrap()).collect()
}

prop_compose! {
    fn lines()(
        texts in prop::array::uniform6(texts()),
        numbers in prop::array::uniform6(0..=2_147_483_647i64),
        pricing_unit in prop::sample::select(built_in_units()),
        prices in (0..=1_000_000_000_000i64, 0..=1_000_000_000_000i64),
        sandbox in any::<bool>(),
        organization_id in any::<i64>(),
    ) -> Line {
        let [user_email, resource_id, model_id, model_name, pricing_sku, region] = texts;
        Line {
            organization_id,
            organization_name: String::new(),
            user_email,
            resource_id,
            resource_name: String::new(),
            resource_type: numbers[0],
            model_id,
            model_name,
            pricing_sku,
            pricing_item_id: numbers[1],
            pricing_unit,
            product_code: if sandbox { "sandbox" } else { "modelverse" }.to_owned(),
            region,
            charge_type: numbers[2],
            order_type: numbers[3],
            channel: numbers[4],
            currency: "USD".to_owned(),
            list_price: UnitPrice::from_steps(prices.0),
            discount_price: UnitPrice::from_steps(prices.1),
            amount_rule: AmountRule::Exact,
        }
    }
}

prop_compose! {
    fn any_order()(
        company_id in any::<i64>(),
        line in lines(),
        numbers in ("[!-~ ,\"é]{1,20}", "[!-~ ,\"é]{1,20}").prop_filter("numbers differ", |(a, b)| a != b),
        status in prop::sample::select(Status::ALL.to_vec()),
        was_in_arrears in any::<bool>(),
        quantity in 0..1_000_000_000i64,
        times in prop::array::uniform4(0..=253_402_300_799i64),
        created in any::<bool>(),
        shares in prop::array::uniform4(0.0..0.25f64),
    ) -> NewOrder {
        let units = Catalogue::built_in().base_units(line.pricing_unit).unwrap();
        let total = line.discount_price.charge(quantity, units).unwrap();
        let original = line.list_price.charge(quantity, units).unwrap();
        let paid = status == Status::Paid;
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any share will do")]
        let parts = shares.map(|share| if paid { (total.steps() as f64 * share) as i64 } else { 0 });
        let rest = if paid { total.steps() - parts.iter().sum::<i64>() } else { 0 };
        let [star_card, coupon, bonus, cash] = parts;
        let deductions = Deductions::new([star_card, coupon, bonus, cash, rest].map(Amount::from_steps));
        let (number, counterpart) = numbers;
        NewOrder {
            company_id,
            line,
            order: Order {
                number,
                counterpart: if paid && !was_in_arrears { String::new() } else { counterpart },
                status,
                start_time_s: times[0].min(times[1]),
                end_time_s: times[0].max(times[1]),
                quantity,
                total,
                original,
                deductions,
                create_time_s: created.then_some(times[2]),
                paid_time_s: paid.then_some(times[3].max(1)),
                revocation_time_s: (status == Status::Revoked && created).then_some(times[3]),
                replaces: String::new(),
                replaced_by: String::new(),
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn written_orders_are_read_back_in_every_format(written in prop::collection::vec(any_order(), 0..12)) {
        let mut json = Vec::new();
        let mut csv = Vec::new();
        order_file::push_csv_header(&mut csv);
        for order in &written {
            order_file::push_json_line(order, &mut json);
            order_file::push_csv_record(order, &mut csv);
        }
        for (name, text) in [("a.jsonl", &json), ("a.csv", &csv)] {
            prop_assert_eq!(&orders(name, text), &written);
            prop_assert_eq!(&orders(&format!("{name}.gz"), &gzip(text)), &written);
            prop_assert_eq!(&orders(&format!("{name}.zst"), &zstd::encode_all(&text[..], 1).unwrap()), &written);
        }
    }

    #[test]
    fn no_line_causes_a_panic(text in "[{}\\[\\]\",:a-zA-Z0-9\\\\u.eE+-]{0,60}", cut in 0..400usize) {
        let good = Value::from(paid()).to_string();
        let cut = cut.min(good.len());
        let file = format!("{text}\n{}\n{}{text}\n", &good[..cut], &good[..cut]);
        let _ = read("a.jsonl", file.as_bytes());
        let _ = read("a.csv", file.as_bytes());
    }
}
