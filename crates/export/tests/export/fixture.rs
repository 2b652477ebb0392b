//! A store with orders of every kind and with hostile texts, and exports of its orders.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;
use tollbook_domain::field_rules::MAX_TEXT_BYTES;
use tollbook_domain::filter::{LineFilter, StatusSet};
use tollbook_domain::{
    AccountKind, Amount, AmountRule, Catalogue, Deductions, Language, Line, Measures, NewOrder, Order,
    OrderQuery, Status, TimeRange, UnitPrice,
};
use tollbook_export::presentation::{DisplaySettings, Presentation};
use tollbook_export::{
    Build, Document, ExportError, ExportedFile, Format, Progress, Separator, SummaryQueries, Zone, export,
};
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys, SpoolLimits};
use tollbook_store::{Store, StoreOptions, StoredOrder, open_sqlite};

/// 2024-12-31T20:00:00Z, which is in 2025 in Shanghai.
const START_S: i64 = 1_735_675_200;
/// More than three batches of the pipeline.
const ORDERS: i64 = 3_300;

/// Ordinary names, and names that could be misread by spreadsheets, markup parsers and other readers.
const NAMES: [&str; 22] = [
    "plain",
    "深圳 模型 ｅｎ",
    "=cmd|' /C calc'!A0",
    "+1",
    "-2",
    "@x",
    "\ttab",
    "\rreturn",
    "\nfeed",
    "two\r\nlines",
    "say \"hello\"",
    "\"",
    "a,b;c",
    "</t><script>",
    "\u{1}\u{1a}\u{7f}",
    "😀👩‍👩‍👧",
    "\u{fffe}\u{ffff}",
    "＝sum",
    "  =sum",
    "'=quoted",
    "{\"a\":\"\\\\\"}",
    "007",
];

/// A database, an object store and a presentation of one company.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    pub(crate) store: Arc<dyn Store>,
    objects: EmbeddedStore,
    exports: AtomicU64,
    pub(crate) presentation: Presentation,
}

impl Fixture {
    /// The fixture with [`ORDERS`] orders. It is shared by the tests that run at the same time, because the import takes
    /// longer than most exports.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Fixture>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let fixture = Arc::new(Self::with(&(0..ORDERS).map(order).collect::<Vec<_>>()));
            *shared = Arc::downgrade(&fixture);
            fixture
        })
    }

    /// A fixture with these orders.
    pub(crate) fn with(orders: &[NewOrder]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { tile_threshold: 500, ..StoreOptions::default() };
        let store = open_sqlite(&dir.path().join("tollbook.db"), &options).unwrap();
        let mut transaction = store.begin().unwrap();
        let company = transaction.add_company("=Company, \"深\"", "CNY", "default").unwrap();
        assert_eq!(company.company_id, 1);
        for (project, name) in [("org-one", "=one"), ("org-two", "two, \"2\"")] {
            transaction.add_organization(1, project, name).unwrap();
        }
        transaction.add_orders(orders).unwrap();
        transaction.commit().unwrap();
        let settings = EmbeddedSettings {
            data_directory: dir.path().join("data"),
            bucket: "tollbook".into(),
            keys: ObjectKeys::new("public".to_owned(), "private".to_owned()),
            retention_s: 3_600,
            spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
        };
        let display = DisplaySettings {
            language: Language::English,
            time_zone: Zone::named("Asia/Shanghai").unwrap(),
            provider: "Tollbook".into(),
        };
        let catalogue = Arc::new(Catalogue::built_in());
        let presentation =
            Presentation::read(store.snapshot().unwrap().as_mut(), &company, &display, &catalogue).unwrap();
        let objects = EmbeddedStore::new(settings).unwrap();
        Self { dir, store, objects, exports: AtomicU64::new(0), presentation }
    }

    pub(crate) fn export(
        &self,
        document: &Document,
        format: Format,
        threads: usize,
    ) -> Result<ExportedFile, ExportError> {
        self.export_separated(document, format, Separator::default(), threads)
    }

    fn export_separated(
        &self,
        document: &Document,
        format: Format,
        separator: Separator,
        threads: usize,
    ) -> Result<ExportedFile, ExportError> {
        let build = Build {
            document,
            format,
            separator,
            presentation: &self.presentation,
            snapshot_s: 1_760_000_000,
            random: self.exports.fetch_add(1, Ordering::Relaxed).into(),
            threads: NonZeroUsize::new(threads).unwrap(),
            progress: &Progress::default(),
            abandoned: &CancellationToken::new(),
        };
        export(&build, self.store.snapshot().unwrap(), &self.objects)
    }

    /// The text of an export as comma-separated values with another separator.
    pub(crate) fn separated(&self, document: &Document, separator: Separator) -> String {
        let exported = self.export_separated(document, Format::Csv, separator, 2).unwrap();
        std::fs::read_to_string(self.path(&exported)).unwrap()
    }

    /// The bytes of an export, and its description.
    pub(crate) fn file(
        &self,
        document: &Document,
        format: Format,
        threads: usize,
    ) -> (Vec<u8>, ExportedFile) {
        let exported = self.export(document, format, threads).unwrap();
        let bytes = std::fs::read(self.path(&exported)).unwrap();
        assert_eq!(bytes.len() as u64, exported.bytes);
        (bytes, exported)
    }

    pub(crate) fn path(&self, exported: &ExportedFile) -> PathBuf {
        self.dir.path().join("data/objects").join(exported.key.as_str())
    }

    /// The orders of the list, and their sums.
    pub(crate) fn list(&self, query: &OrderQuery) -> (Vec<StoredOrder>, Measures) {
        let mut snapshot = self.store.snapshot().unwrap();
        let (mut orders, mut sums) = (Vec::new(), Measures::default());
        let mut each = |stored: &StoredOrder| {
            sums.add(&Measures::of(&stored.order));
            orders.push(stored.clone());
            Ok(())
        };
        snapshot.scan(query, &mut each).unwrap();
        (orders, sums)
    }
}

/// Every order of these statuses.
pub(crate) fn query(statuses: &[Status]) -> OrderQuery {
    OrderQuery {
        company_id: 1,
        statuses: StatusSet::of(statuses),
        range: TimeRange::everything(),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    }
}

pub(crate) fn paid() -> Document {
    Document::PaidOrders(query(&[Status::Paid]))
}

pub(crate) fn unpaid() -> Document {
    Document::UnpaidOrders(query(&[Status::Unpaid, Status::Revoked]))
}

pub(crate) fn summary() -> Document {
    let (paid, unpaid) = (query(&[Status::Paid]), query(&[Status::Unpaid, Status::Revoked]));
    Document::Summary(Box::new(SummaryQueries { paid, unpaid }))
}

/// Queries with any filter. Some match no order.
pub(crate) fn any_query() -> impl Strategy<Value = OrderQuery> {
    let statuses = proptest::sample::subsequence(Status::ALL.to_vec(), 1..=3);
    let names = proptest::sample::subsequence(NAMES.to_vec(), 0..8);
    let skus = proptest::sample::subsequence(vec!["input", "output"], 0..=2);
    let hours = (0..400_i64, 1..400_i64);
    (statuses, names, skus, hours, prop::option::of(1..=2_i64)).prop_map(
        |(statuses, names, skus, (from, hours), organization)| {
            let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let start_s = START_S + from * 3_600;
            OrderQuery {
                range: TimeRange::new(start_s, start_s + hours * 3_600).unwrap(),
                lines: LineFilter::default()
                    .model_ids(texts(names))
                    .pricing_skus(texts(skus))
                    .organization_ids(organization.into_iter().collect()),
                ..query(&statuses)
            }
        },
    )
}

/// Order `n`. The orders are of every kind: paid from several accounts, paid after arrears, unpaid, revoked, refunded,
/// supplementary and purchases; with and without discount; with zero, small and large quantities.
pub(crate) fn order(n: i64) -> NewOrder {
    let name = NAMES[usize::try_from(n).unwrap() % NAMES.len()];
    let (is_sandbox, is_purchase) = (n % 11 == 7, n % 23 == 4);
    let line = Line {
        organization_id: 1 + n % 2,
        organization_name: String::new(),
        user_email: if n % 3 == 0 { String::new() } else { format!("{name}@example.com") },
        resource_id: format!("{name}-{}", n % 5),
        resource_name: String::new(),
        resource_type: if n % 7 == 0 { 0 } else { 1 + i64::from(is_sandbox) },
        model_id: if is_sandbox { String::new() } else { name.to_owned() },
        model_name: if n % 13 == 0 { "长".repeat(MAX_TEXT_BYTES / 3) } else { name.to_owned() },
        pricing_sku: if n % 2 == 0 { "input" } else { "output" }.to_owned(),
        pricing_item_id: n % 4 * 1_000,
        pricing_unit: if is_sandbox { 22 } else { 11 },
        product_code: if is_sandbox { "sandbox" } else { "modelverse" }.to_owned(),
        region: "cn-wlcb".into(),
        charge_type: if is_purchase { 1 } else { 102 },
        order_type: match n % 17 {
            0 => 301,
            _ => 102,
        },
        channel: 1,
        currency: "CNY".into(),
        list_price: UnitPrice::parse("0.004").unwrap(),
        discount_price: UnitPrice::parse(
            ["0.004", "0.0036", "0", "0.003200000001"][usize::try_from(n % 4).unwrap()],
        )
        .unwrap(),
        amount_rule: AmountRule::Exact,
    };
    let quantity = [0, 1, 999, 1_000_000_007, n][usize::try_from(n % 5).unwrap()];
    let base_units = if is_sandbox { 3_600 } else { 1_000 };
    let (total, original) = (
        line.discount_price.charge(quantity, base_units).unwrap(),
        line.list_price.charge(quantity, base_units).unwrap(),
    );
    let start_s = START_S + n % 350 * 3_600;
    let (own, arrears) = (format!("O{n}"), format!("U{n}"));
    let mut order = Order {
        number: own.clone(),
        counterpart: String::new(),
        status: Status::Paid,
        start_time_s: start_s,
        end_time_s: start_s + 3_600,
        quantity,
        total,
        original,
        deductions: Deductions::default(),
        create_time_s: None,
        paid_time_s: Some(start_s + 3_660),
        revocation_time_s: None,
        replaces: String::new(),
        replaced_by: String::new(),
    };
    let third = Amount::from_steps(total.steps() / 3);
    let rest = Amount::from_steps(total.steps() - 2 * third.steps());
    let deductions = Deductions::default()
        .with(AccountKind::StarCard, third)
        .with(AccountKind::Cash, rest)
        .with(AccountKind::Credit, third);
    match n % 8 {
        0 => (order.counterpart, order.deductions) = (arrears, deductions),
        1 => {
            (order.number, order.counterpart, order.status) = (arrears, own, Status::Unpaid);
            (order.create_time_s, order.paid_time_s) = (Some(start_s + 3_600), None);
        }
        2 => {
            (order.number, order.counterpart, order.status) = (arrears, own, Status::Revoked);
            (order.create_time_s, order.paid_time_s) = (None, None);
            order.revocation_time_s = Some(start_s + 9_000);
        }
        // Refunded: the order keeps its number and the time of payment.
        3 => (order.status, order.revocation_time_s) = (Status::Revoked, Some(start_s + 9_000)),
        _ => order.deductions = deductions,
    }
    let new = NewOrder { company_id: 1, line, order };
    new.check_stored(&Catalogue::built_in()).unwrap();
    new
}
