//! Imports of order files: atomicity, idempotence, interruption, concurrent writers, and spooling.

mod as_billed;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollbook_domain::filter::{LineFilter, StatusSet};
use tollbook_domain::{
    AccountKind, Amount, AmountRule, Catalogue, Deductions, Line, NewOrder, Order, OrderQuery, Status,
    TimeRange, UnitPrice,
};
use tollbook_formats::text::Input;
use tollbook_ops::config::Config;
use tollbook_ops::import::orders::{Failure, ImportError, Options, Phase, Report, Step, run};
use tollbook_store::{Store, StoreOptions, open_sqlite};
use tollbook_testkit::order_file;

/// A store with one company of two organizations, and a directory for files.
struct Fixture {
    dir: tempfile::TempDir,
    store: Arc<dyn Store>,
    config: Config,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { tile_threshold: 500, ..StoreOptions::default() };
        let store = open_sqlite(&dir.path().join("tollbook.db"), &options).unwrap();
        let mut transaction = store.begin().unwrap();
        assert_eq!(transaction.add_company("A", "CNY", "default").unwrap().company_id, 1);
        for name in ["one", "two"] {
            transaction.add_organization(1, &format!("org-{name}"), name).unwrap();
        }
        transaction.commit().unwrap();
        std::fs::create_dir(dir.path().join("spool")).unwrap();
        Self { dir, store, config: Config::default() }
    }

    fn file(&self, name: &str, orders: &[NewOrder]) -> PathBuf {
        self.raw_file(name, &json_lines(orders))
    }

    fn raw_file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn options(&self) -> Options {
        Options::new(self.dir.path().join("spool"))
    }

    fn import(&self, paths: &[&Path]) -> Result<Report, ImportError> {
        self.import_with(paths, &self.options(), |_| ControlFlow::Continue(()))
    }

    fn import_with(
        &self,
        paths: &[&Path],
        options: &Options,
        mut progress: impl FnMut(&Step) -> ControlFlow<()>,
    ) -> Result<Report, ImportError> {
        let inputs = paths.iter().map(|path| Input::from_argument(path.as_os_str())).collect();
        run(self.store.as_ref(), &self.config, &Catalogue::built_in(), inputs, options, &mut progress)
    }

    /// Every stored order by number, after a verification that finds no difference.
    fn stored(&self) -> BTreeMap<String, Order> {
        let mut snapshot = self.store.snapshot().unwrap();
        let verification = snapshot.verify(1, &Catalogue::built_in(), 10).unwrap();
        assert_eq!(verification.differences, Vec::<String>::new());
        let query = OrderQuery {
            company_id: 1,
            statuses: StatusSet::of(&Status::ALL),
            range: TimeRange::everything(),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let mut orders = BTreeMap::new();
        snapshot
            .scan(&query, &mut |stored| {
                orders.insert(stored.order.number.clone(), stored.order.clone());
                Ok(())
            })
            .unwrap();
        orders
    }
}

fn json_lines(orders: &[NewOrder]) -> String {
    let mut text = Vec::new();
    for order in orders {
        order_file::push_json_line(order, &mut text);
    }
    String::from_utf8(text).unwrap()
}

/// A paid order, or an unpaid one if `n` ends with 9.
fn order(n: i64) -> NewOrder {
    let price = UnitPrice::parse("0.004").unwrap();
    let total = price.charge(n, 1_000).unwrap();
    let is_unpaid = n % 10 == 9;
    NewOrder {
        company_id: 1,
        line: Line {
            organization_id: 1 + n % 2,
            organization_name: String::new(),
            user_email: String::new(),
            resource_id: format!("key-{}", n % 7),
            resource_name: String::new(),
            resource_type: 1,
            model_id: "m".into(),
            model_name: "M".into(),
            pricing_sku: "input".into(),
            pricing_item_id: 0,
            pricing_unit: 11,
            product_code: "modelverse".into(),
            region: "cn-wlcb".into(),
            charge_type: 102,
            order_type: 102,
            channel: 1,
            currency: "CNY".into(),
            list_price: price,
            discount_price: price,
            amount_rule: AmountRule::Exact,
        },
        order: Order {
            number: if is_unpaid { format!("U{n}") } else { format!("O{n}") },
            counterpart: if is_unpaid { format!("O{n}") } else { String::new() },
            status: if is_unpaid { Status::Unpaid } else { Status::Paid },
            start_time_s: 1_700_000_000 + n * 600,
            end_time_s: 1_700_003_600 + n * 600,
            quantity: n,
            total,
            original: total,
            deductions: Deductions::default()
                .with(AccountKind::Cash, if is_unpaid { Amount::ZERO } else { total }),
            create_time_s: is_unpaid.then_some(1_700_003_600),
            paid_time_s: (!is_unpaid).then_some(1_700_003_700),
            revocation_time_s: None,
            replaces: String::new(),
            replaced_by: String::new(),
        },
    }
}

fn orders(range: std::ops::Range<i64>) -> Vec<NewOrder> {
    range.map(order).collect()
}

fn with(n: i64, change: impl FnOnce(&mut NewOrder)) -> NewOrder {
    let mut order = order(n);
    change(&mut order);
    order
}

/// The records read, added, present and invalid.
fn counts(report: &Report) -> [u64; 4] {
    let total = report.total();
    [total.read, total.added, total.present, total.invalid]
}

/// The report of a refused import, and its errors as texts without directories.
fn refused(error: &ImportError) -> (&Report, Vec<String>) {
    let Failure::Refused(report) = &error.failure else { panic!("{error}") };
    assert_eq!(error.stored, 0);
    (report, texts(report))
}

fn texts(report: &Report) -> Vec<String> {
    let short = |error: &tollbook_formats::text::LineError| {
        let name = Path::new(&error.file).file_name().unwrap().to_str().unwrap().to_owned();
        format!("{name}:{}: {}", error.line, error.reason)
    };
    report.errors.iter().map(short).collect()
}

#[test]
fn repeating_an_import_adds_nothing() {
    let fixture = Fixture::new();
    let (first, second) =
        (fixture.file("a.jsonl", &orders(0..1_500)), fixture.file("b.jsonl", &orders(1_000..2_000)));
    let report = fixture.import(&[&first, &second]).unwrap();
    assert_eq!(counts(&report), [2_500, 2_000, 500, 0]);
    assert_eq!((report.files[0].added, report.files[1].added), (1_500, 500));
    assert!(report.files[1].file.ends_with("b.jsonl"));
    let stored = fixture.stored();
    assert_eq!(stored.len(), 2_000);
    assert_eq!(stored["O17"], order(17).order);
    assert_eq!(stored["U19"], order(19).order);
    let again = fixture.import(&[&first, &second]).unwrap();
    assert_eq!(counts(&again), [2_500, 0, 2_500, 0]);
    assert_eq!(fixture.stored(), stored);
}

#[test]
fn an_order_in_a_later_state_is_the_same_order() {
    let fixture = Fixture::new();
    fixture.import(&[&fixture.file("a.jsonl", &[order(19)])]).unwrap();
    let paid = with(19, |new| {
        let order = &mut new.order;
        std::mem::swap(&mut order.number, &mut order.counterpart);
        order.status = Status::Paid;
        *order.deductions.get_mut(AccountKind::Credit) = order.total;
        order.paid_time_s = Some(1_800_000_000);
        order.create_time_s = None;
    });
    let report = fixture.import(&[&fixture.file("b.jsonl", &[paid])]).unwrap();
    assert_eq!(counts(&report), [1, 0, 1, 0]);
    assert_eq!(fixture.stored()["U19"], order(19).order);
}

#[test]
fn one_invalid_record_fails_the_import_unless_it_is_skipped() {
    let fixture = Fixture::new();
    let good = fixture.file("good.jsonl", &orders(0..30));
    let mut text = json_lines(&orders(100..103));
    text.push_str("{\"Region\": 1}\n");
    text.push_str(&json_lines(&[
        with(103, |order| order.company_id = 2),
        with(104, |order| order.line.organization_id = 3),
        with(105, |order| order.line.currency = "USD".into()),
        with(106, |order| order.order.quantity += 1),
        order(107),
    ]));
    let bad = fixture.raw_file("bad.jsonl", &text);
    let expected = [
        "bad.jsonl:4: CompanyID: is required",
        "bad.jsonl:5: CompanyID: 2 does not exist",
        "bad.jsonl:6: OrganizationID: 3 does not exist in company 1",
        "bad.jsonl:7: Currency: must be CNY, the company's",
        "bad.jsonl:8: OriginalPrice: is 0.000424, expected 0.000428",
    ];
    let error = fixture.import(&[&good, &bad]).unwrap_err();
    let (report, texts_of_all) = refused(&error);
    assert_eq!(texts_of_all, expected);
    assert_eq!(counts(report), [39, 0, 0, 5]);
    assert_eq!(error.to_string(), "5 of 39 records are not valid; nothing was stored");
    assert!(fixture.stored().is_empty());

    let few = Options { max_errors: 2, ..fixture.options() };
    let error = fixture.import_with(&[&good, &bad], &few, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(refused(&error).1, expected[..2]);
    assert_eq!(refused(&error).0.total().invalid, 5);

    let skip = Options { skip_invalid: true, ..fixture.options() };
    let report = fixture.import_with(&[&good, &bad], &skip, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(texts(&report), expected);
    assert_eq!(counts(&report), [39, 34, 0, 5]);
    assert_eq!(fixture.stored().len(), 34);
    let report = fixture.import_with(&[&good, &bad], &skip, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(counts(&report), [39, 0, 34, 5]);
}

#[test]
fn one_number_for_two_orders_is_an_error_that_names_both() {
    for sort_records in [1, 3, 500_000] {
        let fixture = Fixture::new();
        let first = fixture
            .file("a.jsonl", &[order(1), order(2), order(1), with(2, |new| new.line.region = "x".into())]);
        let second = fixture.file(
            "b.jsonl",
            &[
                order(3),
                with(1, |new| new.order.end_time_s += 1),
                // The number O of an order that was paid at once cannot be the number U of another order.
                with(9, |new| new.order.number = "O2".into()),
                order(9),
                order(3),
            ],
        );
        let expected = [
            "a.jsonl:4: OrderNo: an order on line 2 has the same number but other content".to_owned(),
            format!(
                "b.jsonl:2: OrderNo: an order on {}:1 has the same number but other content",
                first.display()
            ),
            format!(
                "b.jsonl:3: OrderNo: an order on {}:2 has the same number but other content",
                first.display()
            ),
            "b.jsonl:4: OrderNo: an order on line 3 has the same number but other content".to_owned(),
        ];
        let options = Options { sort_records, ..fixture.options() };
        let error =
            fixture.import_with(&[&first, &second], &options, |_| ControlFlow::Continue(())).unwrap_err();
        // The error of line 4 names line 3, which is the first record with O9, although line 3 is not stored.
        assert_eq!(refused(&error).1, expected);
        assert!(fixture.stored().is_empty());
        let skip = Options { skip_invalid: true, ..options };
        let report = fixture.import_with(&[&first, &second], &skip, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(counts(&report), [9, 3, 2, 4]);
        assert_eq!(fixture.stored().into_keys().collect::<Vec<_>>(), ["O1", "O2", "O3"]);
    }
}

#[test]
fn a_record_that_conflicts_with_a_stored_order_is_refused() {
    let fixture = Fixture::new();
    fixture.import(&[&fixture.file("a.jsonl", &orders(0..20))]).unwrap();
    let conflicting = [with(5, |new| new.line.model_id = "other".into()), order(21), order(6)];
    let path = fixture.file("b.jsonl", &conflicting);
    let error = fixture.import(&[&path]).unwrap_err();
    let expected = ["b.jsonl:1: OrderNo: a stored order has the same number but other content"];
    assert_eq!(refused(&error).1, expected);
    let skip = Options { skip_invalid: true, ..fixture.options() };
    let report = fixture.import_with(&[&path], &skip, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(counts(&report), [3, 1, 1, 1]);
    assert_eq!(fixture.stored().len(), 21);
}

#[test]
fn repeating_an_interrupted_import_completes_it() {
    let fixture = Fixture::new();
    let all = orders(0..2_000);
    let path = fixture.file("a.jsonl", &all);
    let options = Options { batch_orders: 150, ..fixture.options() };
    let stop_at = |phase, orders| {
        move |step: &Step| {
            if step.phase == phase && step.orders >= orders {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    };
    let error = fixture.import_with(&[&path], &options, stop_at(Phase::Checking, 1)).unwrap_err();
    assert_eq!(error.to_string(), "the import was stopped; nothing was stored");
    assert_eq!(fixture.stored().len(), 0);
    for (orders, stored) in [(700, 750), (1_600, 1_650)] {
        let error = fixture.import_with(&[&path], &options, stop_at(Phase::Storing, orders)).unwrap_err();
        assert!(matches!(error.failure, Failure::Stopped));
        assert_eq!(fixture.stored().len(), stored);
    }
    let error = fixture.import_with(&[&path], &options, stop_at(Phase::Storing, 1_900)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the import was stopped; 300 orders were stored; re-run the command to finish"
    );
    let report = fixture.import_with(&[&path], &options, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(counts(&report), [2_000, 50, 1_950, 0]);
    let stored = fixture.stored();
    assert_eq!(stored.len(), 2_000);
    for new in all {
        assert_eq!(stored[&new.order.number], new.order);
    }
}

#[test]
fn progress_covers_all_bytes_and_orders_of_both_phases() {
    let fixture = Fixture::new();
    let paths = [fixture.file("a.jsonl", &orders(0..500)), fixture.file("b.jsonl", &orders(500..900))];
    let bytes: u64 = paths.iter().map(|path| path.metadata().unwrap().len()).sum();
    let mut last = BTreeMap::new();
    let options = Options { batch_orders: 100, ..fixture.options() };
    let mut steps = 0;
    fixture
        .import_with(&[&paths[0], &paths[1]], &options, |step| {
            assert!(step.bytes_read <= step.bytes_total && step.bytes_total == bytes);
            last.insert(format!("{:?}", step.phase), (step.bytes_read, step.orders));
            steps += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(last["Checking"], (bytes, 900));
    assert_eq!(last["Storing"], (bytes, 900));
    assert!(steps >= 10);
}

#[test]
fn a_number_that_another_writer_stores_after_the_check_stops_the_import() {
    for skip_invalid in [false, true] {
        let fixture = Fixture::new();
        let path = fixture.file("a.jsonl", &orders(0..500));
        let options = Options { batch_orders: 100, skip_invalid, ..fixture.options() };
        let mut written = false;
        let result = fixture.import_with(&[&path], &options, |step| {
            if step.phase == Phase::Storing && step.orders == 200 && !written {
                written = true;
                let mut transaction = fixture.store.begin().unwrap();
                transaction.add_orders(&[with(250, |new| new.line.region = "x".into())]).unwrap();
                transaction.commit().unwrap();
            }
            ControlFlow::Continue(())
        });
        if skip_invalid {
            let report = result.unwrap();
            assert_eq!(counts(&report), [500, 499, 0, 1]);
            assert_eq!(
                texts(&report),
                ["a.jsonl:251: OrderNo: a stored order has the same number but other content"]
            );
        } else {
            let error = result.unwrap_err();
            assert!(matches!(&error.failure, Failure::ConcurrentConflict(line) if line.line == 251));
            assert_eq!(error.stored, 200);
            assert_eq!(fixture.stored().len(), 201);
        }
    }
}

#[test]
fn a_file_that_changes_during_the_import_is_detected() {
    let fixture = Fixture::new();
    for changed in [json_lines(&orders(0..90)), "{}\n".to_owned(), json_lines(&orders(0..101))] {
        let path = fixture.file("a.jsonl", &orders(0..100));
        let error = fixture
            .import_with(&[&path], &fixture.options(), |step| {
                if step.phase == Phase::Checking {
                    std::fs::write(&path, &changed).unwrap();
                }
                ControlFlow::Continue(())
            })
            .map(|report| counts(&report));
        // In later rounds, most orders are stored already. The file is read again because some are not.
        let error = error.unwrap_err();
        assert!(matches!(&error.failure, Failure::Changed { file } if file.ends_with("a.jsonl")), "{error}");
        assert!(error.to_string().contains("was changed during the import"));
    }
}

#[test]
fn a_stream_is_read_once_and_its_format_is_detected() {
    let all = orders(0..300);
    let json = json_lines(&all).into_bytes();
    let mut csv = Vec::new();
    order_file::push_csv_header(&mut csv);
    for order in &all {
        order_file::push_csv_record(order, &mut csv);
    }
    for text in [json.clone(), csv.clone(), zstd::encode_all(&csv[..], 1).unwrap()] {
        let fixture = Fixture::new();
        let input =
            Input::Stream { name: "standard input".into(), from: Box::new(std::io::Cursor::new(text)) };
        let report = run(
            fixture.store.as_ref(),
            &fixture.config,
            &Catalogue::built_in(),
            vec![input],
            &fixture.options(),
            &mut |_: &Step| ControlFlow::Continue(()),
        );
        assert_eq!(counts(&report.unwrap()), [300, 300, 0, 0]);
        assert_eq!(fixture.stored().len(), 300);
        assert_eq!(std::fs::read_dir(fixture.dir.path().join("spool")).unwrap().count(), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_spooled_like_a_stream() {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    let fixture = Fixture::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let sender =
        std::thread::spawn(move || writer.write_all(json_lines(&orders(0..2_000)).as_bytes()).unwrap());
    // The argument that a shell passes for `<(zcat orders.gz)`.
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    let report = fixture.import(&[&path]).unwrap();
    sender.join().unwrap();
    assert_eq!(counts(&report), [2_000, 2_000, 0, 0]);
}

#[test]
fn a_damaged_file_is_not_imported_in_part() {
    let fixture = Fixture::new();
    let zst = zstd::encode_all(json_lines(&orders(0..300)).as_bytes(), 1).unwrap();
    let cut = fixture.dir.path().join("cut.jsonl.zst");
    std::fs::write(&cut, &zst[..zst.len() - 3]).unwrap();
    let good = fixture.file("good.jsonl", &orders(0..10));
    for skip_invalid in [false, true] {
        let options = Options { skip_invalid, ..fixture.options() };
        let error = fixture.import_with(&[&good, &cut], &options, |_| ControlFlow::Continue(())).unwrap_err();
        let Failure::Broken(broken) = &error.failure else { panic!("{error}") };
        assert!(broken.line.is_some_and(|line| line > 100));
        assert!(
            error.to_string().ends_with(": the compressed file is cut off; nothing was stored"),
            "{error}"
        );
        assert!(fixture.stored().is_empty());
    }
    let error = fixture.import(&[&good, Path::new("/nonexistent/a.csv")]).unwrap_err();
    assert!(matches!(&error.failure, Failure::Broken(broken) if broken.line.is_none()));
    let options = Options { sort_records: 10, ..Options::new("/nonexistent/spool".into()) };
    let error = fixture
        .import_with(&[&fixture.file("b.jsonl", &orders(0..100))], &options, |_| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(
        error.to_string().starts_with("the spool directory /nonexistent/spool cannot be used: "),
        "{error}"
    );
}

#[test]
fn other_writers_write_during_an_import() {
    let fixture = Fixture::new();
    let path = fixture.file("a.jsonl", &orders(0..12_000));
    let (started, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut batches = 0;
    let writes = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            while !started.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            let mut writes = 0;
            while !done.load(Ordering::Acquire) {
                let mut transaction = fixture.store.begin().unwrap();
                transaction.set_setting("writes", &writes.to_string()).unwrap();
                transaction.commit().unwrap();
                writes += 1;
            }
            writes
        });
        let report = fixture.import_with(&[&path], &fixture.options(), |step| {
            if step.phase == Phase::Storing {
                started.store(true, Ordering::Release);
                batches += 1;
            }
            ControlFlow::Continue(())
        });
        done.store(true, Ordering::Release);
        assert_eq!(counts(&report.unwrap()), [12_000, 12_000, 0, 0]);
        other.join().unwrap()
    });
    assert!(writes >= 1, "the other writer wrote {writes} times during {batches} batches");
    assert_eq!(fixture.stored().len(), 12_000);
}

#[test]
fn an_empty_import_succeeds() {
    let fixture = Fixture::new();
    let empty = fixture.raw_file("a.jsonl", "\n");
    let report = fixture.import(&[&empty]).unwrap();
    assert_eq!((counts(&report), report.files.len()), ([0; 4], 1));
    assert_eq!(fixture.import(&[]).unwrap(), Report::default());
}
