//! The desk of exports: who shares a file, who is left with it when others leave, and what is stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::{Catalogue, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_objects::{
    Cancelled, EmbeddedSettings, EmbeddedStore, ObjectKey, ObjectStore, PutOptions, SpoolFile, StoreError,
    Stored, Swept,
};
use tollbook_ops::export::{
    Ask, Desk, DeskError, DeskParts, Document, ExportLimits, ExportedFile, Format, Patience, Progress,
    object_keys,
};
use tollbook_ops::{Brand, Config, FixedClock, MasterKey};
use tollbook_store::{Store, StoreOptions, open_sqlite};

/// A test that fails must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// An embedded store at whose spool an export waits until it may go on.
#[derive(Debug)]
struct Gated {
    inner: EmbeddedStore,
    spools: AtomicUsize,
    reached: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl ObjectStore for Gated {
    fn spool(&self) -> Result<SpoolFile, StoreError> {
        self.spools.fetch_add(1, Ordering::Relaxed);
        self.reached.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        self.inner.spool()
    }

    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, StoreError> {
        self.inner.put(key, spool, options, cancelled)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError> {
        self.inner.len_of(key)
    }

    fn identity(&self) -> String {
        self.inner.identity()
    }

    fn clear_spool(&self) -> Result<u64, StoreError> {
        self.inner.clear_spool()
    }

    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        name: &str,
        until_s: i64,
    ) -> Result<String, StoreError> {
        self.inner.presign_get(base_url, key, name, until_s)
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key)
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, StoreError> {
        self.inner.sweep(now_s)
    }
}

struct Scene {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    objects: Arc<Gated>,
    desk: Option<Desk>,
    ask: Ask,
    reached: Mutex<Receiver<()>>,
    let_go: Sender<()>,
}

impl Scene {
    fn new(limits: ExportLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let mut transaction = store.begin().unwrap();
        let company = transaction.add_company("Company", "CNY", "default").unwrap();
        transaction.commit().unwrap();
        let inner = EmbeddedStore::new(EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: "tollbook".into(),
            keys: object_keys(&MasterKey::generate()),
            retention_s: 7_200,
            spool_bytes: 1 << 30,
            writable: false,
        });
        let ((reached_sender, reached), (let_go, go_on)) = (channel(), channel());
        let objects = Arc::new(Gated {
            inner: inner.unwrap(),
            spools: AtomicUsize::new(0),
            reached: Mutex::new(reached_sender),
            go_on: Mutex::new(go_on),
        });
        let mut config = Config::default();
        config.exports = limits;
        config.object_retention_s = 7_200;
        let brand: Brand = config.default_brand().clone();
        let desk = Desk::new(DeskParts {
            store: Arc::clone(&store),
            objects: Arc::clone(&objects) as Arc<dyn ObjectStore>,
            catalogue: Arc::new(Catalogue::built_in()),
            config: Arc::new(config),
            clock: Arc::new(FixedClock::at(1_760_000_000)),
        });
        let query = OrderQuery {
            company_id: company.company_id,
            statuses: StatusSet::of(&[Status::Paid]),
            range: TimeRange::everything(),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let ask = Ask { company, brand, document: Document::PaidOrders(query), format: Format::Workbook };
        Self { directory, store, objects, desk: Some(desk), ask, reached: Mutex::new(reached), let_go }
    }

    fn file(
        &self,
        format: Format,
        patience: Patience,
        caller: &CancellationToken,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Result<ExportedFile, DeskError> {
        let ask = Ask { format, ..self.ask.clone() };
        self.desk.as_ref().unwrap().file(self.store.snapshot().unwrap(), ask, patience, caller, watch)
    }

    fn wait_for_spool(&self) {
        self.reached.lock().unwrap().recv_timeout(PATIENCE).unwrap();
    }

    /// Stops the desk and tells what files there are.
    fn files_left(&mut self) -> usize {
        drop(self.desk.take());
        ["objects", "spool"].iter().map(|name| files_below(&self.directory.path().join(name))).sum()
    }
}

/// Files in folders; locks of the spool lie beside them.
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

/// Says once that its waiter waits.
fn first_look(waits: Sender<()>) -> impl FnMut(&Progress) -> bool {
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
    let mut scene = Scene::new(ExportLimits::default());
    let (waits, waiting) = channel();
    let files: Vec<ExportedFile> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (scene, waits) = (&scene, waits.clone());
                scope.spawn(move || {
                    let mut watch = first_look(waits);
                    scene.file(Format::Workbook, Patience::Request, &CancellationToken::new(), &mut watch)
                })
            })
            .collect();
        scene.wait_for_spool();
        for _ in 0..4 {
            waiting.recv_timeout(PATIENCE).unwrap();
        }
        scene.let_go.send(()).unwrap();
        callers.into_iter().map(|caller| caller.join().unwrap().unwrap()).collect()
    });
    assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
    // One who comes later finds it.
    let later = scene.file(Format::Workbook, Patience::Request, &CancellationToken::new(), &mut |_| true);
    assert_eq!(later.unwrap(), files[0]);
    assert_eq!(scene.objects.spools.load(Ordering::Relaxed), 1);
    assert_eq!(scene.files_left(), 2, "a file and its ETag");
}

#[test]
fn who_leaves_leaves_the_file_to_the_others() {
    let mut scene = Scene::new(ExportLimits::default());
    let (waits, waiting) = channel();
    let leaver = CancellationToken::new();
    std::thread::scope(|scope| {
        let ask = |caller: CancellationToken, waits: Sender<()>| {
            let scene = &scene;
            scope.spawn(move || {
                scene.file(Format::Workbook, Patience::Request, &caller, &mut first_look(waits))
            })
        };
        let leaves = ask(leaver.clone(), waits.clone());
        scene.wait_for_spool();
        let stays = ask(CancellationToken::new(), waits.clone());
        for _ in 0..2 {
            waiting.recv_timeout(PATIENCE).unwrap();
        }
        leaver.cancel();
        assert!(matches!(leaves.join().unwrap(), Err(DeskError::Left)));
        scene.let_go.send(()).unwrap();
        stays.join().unwrap().unwrap();
    });
    assert_eq!(scene.files_left(), 2);
}

#[test]
fn the_last_one_to_leave_stops_it_and_the_next_begins_anew() {
    let mut scene = Scene::new(ExportLimits::default());
    let leaver = CancellationToken::new();
    std::thread::scope(|scope| {
        let scene = &scene;
        let leaves = scope
            .spawn(|| scene.file(Format::Workbook, Patience::Request, &leaver, &mut |_| true).map(|_| ()));
        scene.wait_for_spool();
        leaver.cancel();
        assert!(matches!(leaves.join().unwrap(), Err(DeskError::Left)));
        let next = scope.spawn(|| {
            scene.file(Format::Workbook, Patience::Request, &CancellationToken::new(), &mut |_| true)
        });
        // The stopped one goes on, to find that nobody wants it; the next one waits at the spool by itself.
        scene.let_go.send(()).unwrap();
        scene.wait_for_spool();
        scene.let_go.send(()).unwrap();
        next.join().unwrap().unwrap();
    });
    assert_eq!(scene.objects.spools.load(Ordering::Relaxed), 2);
    assert_eq!(scene.files_left(), 2, "of the stopped one nothing is left");
}

#[test]
fn a_job_waits_where_a_request_is_refused() {
    let limits = ExportLimits { at_once: 1, waiting: 0, ..ExportLimits::default() };
    let mut scene = Scene::new(limits);
    let (waits, waiting) = channel();
    std::thread::scope(|scope| {
        let scene = &scene;
        let caller = CancellationToken::new;
        let building =
            scope.spawn(move || scene.file(Format::Workbook, Patience::Request, &caller(), &mut |_| true));
        scene.wait_for_spool();
        let refused = scene.file(Format::Csv, Patience::Request, &caller(), &mut |_| true);
        assert!(matches!(refused, Err(DeskError::Full)), "{refused:?}");
        let job =
            scope.spawn(move || scene.file(Format::Csv, Patience::Job, &caller(), &mut first_look(waits)));
        waiting.recv_timeout(PATIENCE).unwrap();
        assert_eq!(scene.objects.spools.load(Ordering::Relaxed), 1, "the job has no turn yet");
        for _ in 0..2 {
            scene.let_go.send(()).unwrap();
        }
        building.join().unwrap().unwrap();
        job.join().unwrap().unwrap();
    });
    assert_eq!(scene.files_left(), 4);
}

#[test]
fn a_desk_that_goes_stops_what_it_builds() {
    let mut scene = Scene::new(ExportLimits::default());
    let leaver = CancellationToken::new();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| scene.file(Format::Workbook, Patience::Request, &leaver, &mut |_| true));
        scene.wait_for_spool();
        leaver.cancel();
        assert!(waiter.join().unwrap().is_err());
        scene.let_go.send(()).unwrap();
    });
    assert_eq!(scene.files_left(), 0);
}
