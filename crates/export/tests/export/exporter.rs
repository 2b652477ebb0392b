//! The exporter: requests that share a build, cancelled requests, full queues, and builds that are stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::Company;
use tollbook_domain::{Catalogue, Language, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_export::presentation::DisplaySettings;
use tollbook_export::{
    Document, ExportLimits, ExportRequest, ExportRequestError, ExportedFile, Exporter, ExporterParts, Format,
    Progress, Separator, WaitPolicy, Zone,
};
use tollbook_objects::{
    Cancelled, EmbeddedSettings, EmbeddedStore, ObjectKey, ObjectKeys, ObjectStore, ObjectStoreError,
    PutOptions, SpoolFile, SpoolLimits, Stored, Swept,
};
use tollbook_store::{Store, StoreOptions, open_sqlite};

/// Timeout of each wait in the tests.
const TIMEOUT: Duration = Duration::from_secs(60);

const NOW_S: i64 = 1_760_000_000;
/// How long a stored file is reused, in seconds.
const REUSABLE_FOR_S: i64 = 3_600;

/// Counter for unique object names.
static NEXT_RANDOM: AtomicUsize = AtomicUsize::new(1);

/// An embedded store that blocks each export at its spool until the test releases it.
#[derive(Debug)]
struct Gated {
    inner: EmbeddedStore,
    spools: AtomicUsize,
    reached: Mutex<Sender<()>>,
    release: Mutex<Receiver<()>>,
}

impl ObjectStore for Gated {
    fn spool(&self) -> Result<SpoolFile, ObjectStoreError> {
        self.spools.fetch_add(1, Ordering::Relaxed);
        self.reached.lock().unwrap().send(()).unwrap();
        self.release.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
        self.inner.spool()
    }

    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        self.inner.put(key, spool, options, cancelled)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        self.inner.len_of(key)
    }

    fn identity(&self) -> String {
        self.inner.identity()
    }

    fn clear_spool(&self) -> Result<u64, ObjectStoreError> {
        self.inner.clear_spool()
    }

    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        name: &str,
        until_s: i64,
    ) -> Result<String, ObjectStoreError> {
        self.inner.presign_get(base_url, key, name, until_s)
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        self.inner.delete(key)
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError> {
        self.inner.sweep(now_s)
    }
}

struct Fixture {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    objects: Arc<Gated>,
    exporter: Option<Exporter>,
    request: ExportRequest,
    now_s: Arc<AtomicI64>,
    reached: Mutex<Receiver<()>>,
    let_go: Sender<()>,
}

impl Fixture {
    fn new(limits: ExportLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let mut transaction = store.begin().unwrap();
        let company = transaction.add_company("Company", "CNY", "default").unwrap();
        transaction.commit().unwrap();
        let inner = EmbeddedStore::new(EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: "tollbook".into(),
            keys: ObjectKeys::new("public".to_owned(), "private".to_owned()),
            retention_s: 7_200,
            spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
        });
        let ((reached_sender, reached), (let_go, release)) = (channel(), channel());
        let objects = Arc::new(Gated {
            inner: inner.unwrap(),
            spools: AtomicUsize::new(0),
            reached: Mutex::new(reached_sender),
            release: Mutex::new(release),
        });
        let now_s = Arc::new(AtomicI64::new(NOW_S));
        let exporter = Exporter::new(ExporterParts {
            store: Arc::clone(&store),
            objects: Arc::clone(&objects) as Arc<dyn ObjectStore>,
            catalogue: Arc::new(Catalogue::built_in()),
            limits,
            reusable_for_s: REUSABLE_FOR_S,
            now_s: {
                let now_s = Arc::clone(&now_s);
                Arc::new(move || now_s.load(Ordering::Relaxed))
            },
            random: || NEXT_RANDOM.fetch_add(1, Ordering::Relaxed) as u128,
        });
        let query = OrderQuery {
            company_id: company.company_id,
            statuses: StatusSet::of(&[Status::Paid]),
            range: TimeRange::everything(),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let display = DisplaySettings {
            language: Language::English,
            time_zone: Zone::utc(),
            provider: "Tollbook".to_owned(),
        };
        let document = Document::PaidOrders(query);
        let request = ExportRequest {
            company,
            display,
            document,
            format: Format::Workbook,
            separator: Separator::default(),
        };
        let exporter = Some(exporter);
        Self { directory, store, objects, exporter, request, now_s, reached: Mutex::new(reached), let_go }
    }

    fn file(
        &self,
        format: Format,
        policy: WaitPolicy,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, ExportRequestError> {
        let request = ExportRequest { format, ..self.request.clone() };
        let exporter = self.exporter.as_ref().unwrap();
        exporter.file(self.store.snapshot().unwrap(), request, policy, caller, watch)
    }

    /// Exports a workbook. Its build is not blocked at its spool.
    fn workbook(&self) -> ExportedFile {
        self.let_go.send(()).unwrap();
        self.file(Format::Workbook, WaitPolicy::Request, &CancellationToken::new(), &mut |_| true).unwrap()
    }

    fn wait_for_spool(&self) {
        self.reached.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
    }

    /// Drops the exporter and returns the number of files that remain.
    fn files_left(&mut self) -> usize {
        drop(self.exporter.take());
        ["objects", "spool"].iter().map(|name| files_below(&self.directory.path().join(name))).sum()
    }
}

/// The number of files below a directory, without the locks of the spool.
fn files_below(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                usize::from(!path.to_string_lossy().ends_with("lock"))
            }
        })
        .sum()
}

/// Reports once that its request is waiting.
fn report_waiting(waits: Sender<()>) -> impl FnMut(&Progress) -> bool {
    let mut waits = Some(waits);
    move |_| {
        if let Some(waits) = waits.take() {
            waits.send(()).unwrap();
        }
        true
    }
}

#[test]
fn four_requests_for_one_file_build_it_once() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let (waits, waiting) = channel();
    let files: Vec<ExportedFile> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (fixture, waits) = (&fixture, waits.clone());
                scope.spawn(move || {
                    let mut watch = report_waiting(waits);
                    fixture.file(Format::Workbook, WaitPolicy::Request, &CancellationToken::new(), &mut watch)
                })
            })
            .collect();
        fixture.wait_for_spool();
        for _ in 0..4 {
            waiting.recv_timeout(TIMEOUT).unwrap();
        }
        fixture.let_go.send(()).unwrap();
        callers.into_iter().map(|caller| caller.join().unwrap().unwrap()).collect()
    });
    assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
    // A later request finds the stored file.
    let later = fixture.file(Format::Workbook, WaitPolicy::Request, &CancellationToken::new(), &mut |_| true);
    assert_eq!(later.unwrap(), files[0]);
    assert_eq!(fixture.objects.spools.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.files_left(), 2, "a file and its ETag");
}

#[test]
fn a_cancelled_request_does_not_stop_a_shared_build() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let (waits, waiting) = channel();
    let cancelled = CancellationToken::new();
    std::thread::scope(|scope| {
        let request = |caller: CancellationToken, waits: Sender<()>| {
            let fixture = &fixture;
            scope.spawn(move || {
                fixture.file(Format::Workbook, WaitPolicy::Request, &caller, &mut report_waiting(waits))
            })
        };
        let first = request(cancelled.clone(), waits.clone());
        fixture.wait_for_spool();
        let second = request(CancellationToken::new(), waits.clone());
        for _ in 0..2 {
            waiting.recv_timeout(TIMEOUT).unwrap();
        }
        cancelled.cancel();
        assert!(matches!(first.join().unwrap(), Err(ExportRequestError::Cancelled)));
        fixture.let_go.send(()).unwrap();
        second.join().unwrap().unwrap();
    });
    assert_eq!(fixture.files_left(), 2);
}

#[test]
fn the_last_cancelled_request_stops_the_build_and_the_next_starts_a_new_one() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let cancelled = CancellationToken::new();
    std::thread::scope(|scope| {
        let fixture = &fixture;
        let first = scope.spawn(|| {
            fixture.file(Format::Workbook, WaitPolicy::Request, &cancelled, &mut |_| true).map(|_| ())
        });
        fixture.wait_for_spool();
        cancelled.cancel();
        assert!(matches!(first.join().unwrap(), Err(ExportRequestError::Cancelled)));
        let next = scope.spawn(|| {
            fixture.file(Format::Workbook, WaitPolicy::Request, &CancellationToken::new(), &mut |_| true)
        });
        // The cancelled build continues until its next check. The new build reaches the spool independently.
        fixture.let_go.send(()).unwrap();
        fixture.wait_for_spool();
        fixture.let_go.send(()).unwrap();
        next.join().unwrap().unwrap();
    });
    assert_eq!(fixture.objects.spools.load(Ordering::Relaxed), 2);
    assert_eq!(fixture.files_left(), 2, "the cancelled build left no file");
}

#[test]
fn a_job_is_queued_if_a_request_would_be_refused() {
    let limits = ExportLimits { at_once: 1, waiting: 0, ..ExportLimits::default() };
    let mut fixture = Fixture::new(limits);
    let (waits, waiting) = channel();
    std::thread::scope(|scope| {
        let fixture = &fixture;
        let caller = CancellationToken::new;
        let building = scope
            .spawn(move || fixture.file(Format::Workbook, WaitPolicy::Request, &caller(), &mut |_| true));
        fixture.wait_for_spool();
        let refused = fixture.file(Format::Csv, WaitPolicy::Request, &caller(), &mut |_| true);
        assert!(matches!(refused, Err(ExportRequestError::QueueFull)), "{refused:?}");
        let job = scope
            .spawn(move || fixture.file(Format::Csv, WaitPolicy::Job, &caller(), &mut report_waiting(waits)));
        waiting.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(fixture.objects.spools.load(Ordering::Relaxed), 1, "the job is still queued");
        for _ in 0..2 {
            fixture.let_go.send(()).unwrap();
        }
        building.join().unwrap().unwrap();
        job.join().unwrap().unwrap();
    });
    assert_eq!(fixture.files_left(), 4);
}

#[test]
fn dropping_the_exporter_stops_its_builds() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let cancelled = CancellationToken::new();
    std::thread::scope(|scope| {
        let waiter =
            scope.spawn(|| fixture.file(Format::Workbook, WaitPolicy::Request, &cancelled, &mut |_| true));
        fixture.wait_for_spool();
        cancelled.cancel();
        assert!(waiter.join().unwrap().is_err());
        fixture.let_go.send(()).unwrap();
    });
    assert_eq!(fixture.files_left(), 0);
}

#[test]
fn a_finished_export_is_not_shared_once_links_to_its_file_could_outlive_it() {
    let mut fixture = Fixture::new(ExportLimits::default());
    // The cache is written after the file is returned. An open transaction delays this write until it is dropped.
    let writer = fixture.store.begin().unwrap();
    let first = fixture.workbook();
    fixture.now_s.store(NOW_S + REUSABLE_FOR_S - 1, Ordering::Relaxed);
    assert_eq!(fixture.workbook(), first);
    fixture.now_s.store(NOW_S + REUSABLE_FOR_S, Ordering::Relaxed);
    assert_ne!(fixture.workbook(), first);
    drop(writer);
    assert_eq!(fixture.objects.spools.load(Ordering::Relaxed), 2);
    assert_eq!(fixture.files_left(), 4, "two files and their ETags");
}

#[test]
fn a_finished_export_is_not_shared_once_its_file_is_deleted() {
    let mut fixture = Fixture::new(ExportLimits::default());
    // As above, an open transaction delays the write of the cache.
    let writer = fixture.store.begin().unwrap();
    let first = fixture.workbook();
    fixture.objects.delete(&first.key).unwrap();
    assert_ne!(fixture.workbook().key, first.key);
    drop(writer);
    assert_eq!(fixture.objects.spools.load(Ordering::Relaxed), 2);
    assert_eq!(fixture.files_left(), 2, "the second file and its ETag");
}

impl Fixture {
    /// Exports the orders before a time as CSV, and waits until the file is recorded.
    fn csv_before(&self, company: &Company, before_s: i64) -> ExportedFile {
        let Document::PaidOrders(query) = &self.request.document else {
            panic!("the fixture exports paid orders")
        };
        let range = TimeRange::new(0, before_s).unwrap();
        let query = OrderQuery { company_id: company.company_id, range, ..query.clone() };
        let document = Document::PaidOrders(query);
        let request =
            ExportRequest { company: company.clone(), document, format: Format::Csv, ..self.request.clone() };
        self.let_go.send(()).unwrap();
        let exporter = self.exporter.as_ref().unwrap();
        let digest = exporter.digest(self.store.snapshot().unwrap().as_mut(), &request).unwrap();
        let snapshot = self.store.snapshot().unwrap();
        let file =
            exporter.file(snapshot, request, WaitPolicy::Request, &CancellationToken::new(), &mut |_| true);
        let is_recorded =
            || self.store.snapshot().unwrap().export_file(company.company_id, &digest).unwrap().is_some();
        while !is_recorded() {
            std::thread::yield_now();
        }
        file.unwrap()
    }

    /// Waits until exactly these files are kept.
    fn wait_until_kept(&self, files: &[(&Company, &[&ExportedFile])]) {
        let expected: Vec<(i64, i64)> = files
            .iter()
            .map(|(company, files)| {
                (company.company_id, files.iter().map(|file| file.bytes.cast_signed()).sum())
            })
            .collect();
        let kept = || {
            let mut kept = self.store.snapshot().unwrap().all_export_bytes().unwrap();
            kept.sort_unstable();
            kept
        };
        while kept() != expected {
            std::thread::yield_now();
        }
    }

    fn is_stored(&self, file: &ExportedFile) -> bool {
        self.objects.len_of(&file.key).unwrap().is_some()
    }
}

#[test]
fn the_oldest_files_of_a_company_are_deleted_beyond_its_limit() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let company = fixture.request.company.clone();
    let size = fixture.csv_before(&company, 1).bytes.cast_signed();
    drop(fixture);
    // Room for two of these files.
    fixture = Fixture::new(ExportLimits { company_bytes: 2 * size + 1, ..ExportLimits::default() });
    let mut files = Vec::new();
    for second in 1..=4 {
        files.push(fixture.csv_before(&company, second));
        let kept: Vec<&ExportedFile> = files.iter().rev().take(2).collect();
        fixture.wait_until_kept(&[(&company, &kept)]);
        fixture.now_s.fetch_add(1, Ordering::Relaxed);
    }
    drop(fixture.exporter.take());
    let stored: Vec<bool> = files.iter().map(|file| fixture.is_stored(file)).collect();
    assert_eq!(stored, [false, false, true, true]);
}

#[test]
fn beyond_the_limit_of_all_companies_the_one_with_the_most_bytes_loses_its_oldest_files() {
    let mut fixture = Fixture::new(ExportLimits::default());
    let company = fixture.request.company.clone();
    let size = fixture.csv_before(&company, 1).bytes.cast_signed();
    drop(fixture);
    fixture = Fixture::new(ExportLimits { total_bytes: 3 * size + 100, ..ExportLimits::default() });
    let mut transaction = fixture.store.begin().unwrap();
    let other = transaction.add_company("Another", "CNY", "default").unwrap();
    transaction.commit().unwrap();
    let of_other = fixture.csv_before(&other, 1);
    let mut files = Vec::new();
    for second in 1..=2 {
        fixture.now_s.fetch_add(1, Ordering::Relaxed);
        files.push(fixture.csv_before(&company, second));
    }
    fixture.wait_until_kept(&[(&company, &[&files[0], &files[1]]), (&other, &[&of_other])]);
    // One file more of either company is one too many. The older file is the other company's, but it has fewer.
    fixture.now_s.fetch_add(1, Ordering::Relaxed);
    let more = fixture.csv_before(&other, 2);
    fixture.wait_until_kept(&[(&company, &[&files[1]]), (&other, &[&of_other, &more])]);
    drop(fixture.exporter.take());
    assert!(!fixture.is_stored(&files[0]));
    assert!([&files[1], &of_other, &more].iter().all(|file| fixture.is_stored(file)));
}
