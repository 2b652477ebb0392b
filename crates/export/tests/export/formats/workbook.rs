//! Workbooks as people get them: which sheets, what the first one says, what they say about amounts that are texts.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use tollbook_domain::{Amount, Language, NewOrder, Status, UnitPrice};
use tollbook_export::Format;
use tollbook_export::presentation::{DisplaySettings, Presentation};

use crate::fixture::{Fixture, order, paid, summary, unpaid};

/// Name and rows of each sheet; numbers as texts.
fn sheets(file: &[u8]) -> Vec<(String, Vec<Vec<String>>)> {
    let mut workbook = Xlsx::new(Cursor::new(file)).unwrap();
    let shown = |cell: &Data| cell.to_string();
    let sheets = workbook.worksheets().into_iter();
    sheets
        .map(|(name, range)| (name, range.rows().map(|row| row.iter().map(shown).collect()).collect()))
        .collect()
}

/// An order of a model for a project, with ordinary names.
fn ordinary(n: i64, total: &str) -> NewOrder {
    let mut new = order(n);
    let model = ["DeepSeek R1", "Qwen 3 Max", "Kimi K2"][usize::try_from(n).unwrap() % 3];
    model.clone_into(&mut new.line.model_name);
    new.line.model_id = model.to_lowercase().replace(' ', "-");
    "modelverse".clone_into(&mut new.line.product_code);
    new.line.pricing_unit = 11;
    new.line.resource_id = format!("umi-{}", n % 5);
    new.line.user_email = format!("user-{}@example.com", n % 4);
    new.line.pricing_item_id = n;
    new.line.amount_rule = tollbook_domain::AmountRule::AsBilled;
    new.line.list_price = UnitPrice::parse("0.004").unwrap();
    new.line.discount_price = UnitPrice::parse("0.0036").unwrap();
    let total = Amount::parse(total).unwrap();
    (new.order.total, new.order.original) = (total, total);
    if new.order.status == Status::Paid {
        new.order.deductions =
            tollbook_domain::Deductions::default().with(tollbook_domain::AccountKind::Cash, total);
    }
    new
}

/// Paid orders 4 to 7, the unpaid order 9.
fn fixture(totals: [&str; 5], language: Language) -> Fixture {
    let orders: Vec<_> =
        [4, 5, 6, 7, 9].into_iter().zip(totals).map(|(n, total)| ordinary(n, total)).collect();
    let mut fixture = Fixture::with(&orders);
    let display = DisplaySettings {
        language,
        time_zone: fixture.presentation.zone.clone(),
        provider: fixture.presentation.provider.clone(),
    };
    let mut snapshot = fixture.store.snapshot().unwrap();
    let company = snapshot.company(1).unwrap().unwrap();
    let catalogue = std::sync::Arc::clone(&fixture.presentation.catalogue);
    let presentation = Presentation::read(snapshot.as_mut(), &company, &display, &catalogue).unwrap();
    drop(snapshot);
    fixture.presentation = presentation;
    fixture
}

const TOTALS: [&str; 5] = ["1.5", "2.25", "10", "0.00000001", "100.1"];

#[test]
fn a_bill_begins_with_its_totals() {
    for (language, title, all) in [(Language::English, "Bill", "Total"), (Language::Chinese, "账单", "合计")]
    {
        let fixture = fixture(TOTALS, language);
        let (file, _) = fixture.file(&summary(), Format::Bill, 2);
        let sheets = sheets(&file);
        assert_eq!(sheets.len(), 3);
        let (name, rows) = &sheets[0];
        assert_eq!(name, title);
        assert_eq!(rows[0][0], format!("{title} · =Company, \"深\""));
        let row = |name: &str| {
            let row = rows.iter().find(|row| row[0] == name);
            row.unwrap_or_else(|| panic!("{name}: {rows:?}"))[1..].to_vec()
        };
        let presentation = &fixture.presentation;
        let [input, output, product] = match language {
            Language::English => {
                ["Input tokens (input)", "Output tokens (output)", "ModelVerse (modelverse)"]
            }
            Language::Chinese => ["输入 Token (input)", "输出 Token (output)", "模型服务平台 (modelverse)"],
        };
        for (name, orders, total, rounded) in [
            (presentation.status(Status::Unpaid), "1", "100.1", "100.1"),
            (presentation.status(Status::Paid), "4", "13.75000001", "13.75"),
            ("two, \"2\"", "3", "102.35000001", "102.35"),
            ("=one", "2", "11.5", "11.5"),
            ("DeepSeek R1", "2", "110.1", "110.1"),
            ("Qwen 3 Max", "2", "1.50000001", "1.5"),
            (input, "2", "11.5", "11.5"),
            (output, "3", "102.35000001", "102.35"),
            (all, "5", "113.85000001", "113.85"),
        ] {
            assert_eq!(row(name), [orders, total, total, rounded], "{name}");
        }
        assert_eq!(rows.iter().filter(|row| row[0] == all).count(), 4, "one for each section");
        let stated = |text: &str| rows.iter().any(|row| row[1] == text);
        assert!(stated("1") && stated(product), "whose bill it is and for what: {rows:?}");
        // The half of the paid orders, with its header in the first row.
        assert_eq!(sheets[1].1.len(), 5);
        let lists = [(paid(), 4), (unpaid(), 1)];
        for (document, orders) in lists {
            let sheets = self::sheets(&fixture.file(&document, Format::Bill, 2).0);
            assert_eq!((sheets.len(), sheets[0].0.as_str(), sheets[1].1.len()), (3, title, orders + 1));
        }
    }
}

#[test]
fn each_rounded_amount_of_a_bill_is_of_the_exact_one_beside_it() {
    let fixture = fixture(["0.005", "0.005", "0.0049", "10", "1"], Language::English);
    let rows = sheets(&fixture.file(&summary(), Format::Bill, 2).0).remove(0).1;
    let amounts = |name: &str| rows.iter().find(|row| row[0] == name).unwrap()[3..].to_vec();
    assert_eq!(amounts("=one"), ["0.0099", "0.01"]);
    assert_eq!(amounts("two, \"2\""), ["11.005", "11.01"]);
    // Not 11.02, the sum of the rounded parts.
    assert_eq!(amounts("Total"), ["11.0149", "11.01"]);
    assert_eq!(amounts("Cash"), ["10.0149", "10.01"]);
    for rule in ["Rounded amounts are the exact ones", "A total is rounded from the exact total"] {
        assert!(rows.iter().any(|row| row[0].starts_with(rule)), "{rule}");
    }
}

#[test]
fn a_workbook_of_the_summary_has_two_sheets_of_rows_only() {
    let fixture = fixture(TOTALS, Language::English);
    let sheets = sheets(&fixture.file(&summary(), Format::Workbook, 2).0);
    let shapes: Vec<_> = sheets.iter().map(|(name, rows)| (name.as_str(), rows.len())).collect();
    assert_eq!(shapes, [("Paid orders", 5), ("Unpaid orders", 2)]);
}

#[test]
fn amounts_that_are_texts_are_stated_beside_their_exact_sum() {
    let totals = ["12345678.12345678", "20000000.00000001", "10000000", "99999999.5", "1"];
    let fixture = fixture(totals, Language::English);
    let sheets = sheets(&fixture.file(&paid(), Format::Workbook, 2).0);
    let value = |item: &str| {
        let row = sheets[1].1.iter().find(|row| row[0] == item);
        row.unwrap_or_else(|| panic!("{item}: {:?}", sheets[1]))[1].clone()
    };
    let header = fixture
        .presentation
        .header("OrderTotalPrice", tollbook_export::fields::FieldKind::Decimal { places: 8 });
    let cells = value(&format!("{header}: cells with more than 15 digits, texts that SUM skips"));
    assert_eq!(cells, "2");
    assert_eq!(value(&format!("{header}: exact sum of these cells")), "32345678.12345679");
    // What SUM gives and the sum of the texts are the sum of the sheet.
    assert_eq!(value(&header), "142345677.62345679");

    let fixture = self::fixture(TOTALS, Language::English);
    let sheets = self::sheets(&fixture.file(&paid(), Format::Workbook, 2).0);
    assert!(!sheets[1].1.iter().any(|row| row[0].contains("SUM")), "nothing to state");
}
