//! Tests that need the store's internals: a full disk, a damaged `ETag` file, the paths of files. Tests of its
//! interface are in `tests/objects/embedded_store.rs`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn store(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::new(EmbeddedSettings {
        data_directory: directory.to_owned(),
        bucket: "b".to_owned(),
        keys: ObjectKeys::new("public", "private"),
        retention_s: 100,
        spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
    })
    .expect("store")
}

fn key(random: u128) -> ObjectKey {
    ObjectKey::export(7, random, "a.csv").expect("key")
}

fn put(store: &EmbeddedStore, key: &ObjectKey, bytes: &[u8]) -> Result<Stored, ObjectStoreError> {
    let mut spool = store.spool().expect("spool");
    spool.write_all(bytes).expect("write");
    store.put(key, spool, &PutOptions::named("a.csv"), &|| false)
}

/// Every path below `directory`, relative to it, sorted, without the spool's folders and locks, which exist as long as
/// a store is open.
fn paths(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let is_spool = path == directory.join("spool");
        for entry in fs::read_dir(path).expect("list") {
            let path = entry.expect("entry").path();
            if !is_spool {
                found.push(path.strip_prefix(directory).expect("below").to_string_lossy().into_owned());
            }
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

fn date(path: &Path, unix_s: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(unix_s);
    File::options().append(true).open(path).expect("open").set_modified(time).expect("date");
}

#[test]
fn the_key_is_the_path_of_the_object() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1), b"hello us3\n").expect("put");
    let hex = "00000000000000000000000000000001";
    assert_eq!(
        paths(directory.path()),
        [
            "objects".to_owned(),
            "objects/exports".to_owned(),
            "objects/exports/7".to_owned(),
            format!("objects/exports/7/{hex}"),
            format!("objects/exports/7/{hex}/.a.csv.etag"),
            format!("objects/exports/7/{hex}/a.csv"),
            "spool".to_owned(),
        ]
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode =
            |path: &str| fs::metadata(directory.path().join(path)).expect("metadata").permissions().mode();
        assert_eq!(mode("objects/exports/7") & 0o777, 0o700);
        assert_eq!(mode(&format!("objects/exports/7/{hex}/a.csv")) & 0o777, 0o600);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());

    // A small write stays in the buffer and fails when the file is put.
    let mut spool = store.spool_on_full_disk();
    assert_eq!(paths(store.spool_folder()).len(), 1);
    spool.write_all(b"small").expect("buffered");
    let error = store.put(&key(1), spool, &PutOptions::named("a.csv"), &|| false).expect_err("full");
    assert!(error.is_full(), "{error:?}");
    assert_eq!(paths(directory.path()), ["objects", "spool"]);

    // A large write fails at once.
    let mut spool = store.spool_on_full_disk();
    let error = spool.write_all(&vec![0; 1 << 20]).expect_err("full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(spool);
    assert_eq!(paths(directory.path()), ["objects", "spool"]);
}

#[test]
fn a_put_that_fails_halfway_leaves_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1), b"other").expect("put");
    let before = paths(directory.path());

    // The ETag file is written, then the spool file is missing.
    let spool = store.spool().expect("spool");
    fs::remove_file(spool.path()).expect("remove");
    let error = store.put(&key(2), spool, &PutOptions::named("a.csv"), &|| false).expect_err("no spool file");
    assert!(matches!(error, ObjectStoreError::Io { .. }) && !error.is_full(), "{error:?}");
    assert_eq!(paths(directory.path()), before);

    // A directory is in the place of the ETag file.
    let place = store.objects().place(&key(2));
    fs::create_dir_all(&place.etag).expect("obstacle");
    let error = put(&store, &key(2), b"1").expect_err("obstacle");
    assert!(matches!(error, ObjectStoreError::Io { .. }), "{error:?}");
    fs::remove_dir(&place.etag).expect("obstacle");
    fs::remove_dir(place.directory()).expect("directory of the obstacle alone");
    assert_eq!(paths(directory.path()), before);
}

#[test]
fn an_object_is_written_once() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let first = put(&store, &key(1), b"first").expect("put");
    assert!(matches!(put(&store, &key(1), b"second"), Err(ObjectStoreError::AlreadyExists)));
    let object = store.open(&key(1)).expect("open");
    assert_eq!((object.len, object.etag), (5, first.etag));
    assert_eq!(paths(store.spool_folder()), Vec::<String>::new());
}

#[test]
fn a_lost_or_damaged_etag_is_computed_again() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let stored = put(&store, &key(1), b"hello us3\n").expect("put");
    let place = store.objects().place(&key(1));
    assert_eq!(fs::read_to_string(&place.etag).expect("read"), stored.etag);
    // A valid ETag file is not recomputed.
    fs::write(&place.etag, "A".repeat(32)).expect("write");
    assert_eq!(store.open(&key(1)).expect("open").etag, "A".repeat(32));
    fs::write(&place.etag, "AQAA\r\n").expect("write");
    assert_eq!(store.open(&key(1)).expect("open").etag, stored.etag);
    fs::remove_file(&place.etag).expect("remove");
    assert_eq!(store.open(&key(1)).expect("open").etag, stored.etag);
}

#[test]
fn a_directory_is_not_an_object() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1), b"1").expect("put");
    for text in ["exports/7", "exports/7/00000000000000000000000000000001/a.csv/b", "exports/8/a"] {
        let key = ObjectKey::parse(text).expect("key");
        assert!(matches!(store.open(&key), Err(ObjectStoreError::NotFound)), "{text}");
    }
}

#[test]
fn sweep_removes_objects_older_than_the_retention() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    for random in 1..=3 {
        put(&store, &key(random), b"12345").expect("put");
    }
    // Retention is 100 s. At 1200 the first is 101 s old, the second 100 s, the third 1 s.
    date(&store.objects().place(&key(1)).object, 1099);
    date(&store.objects().place(&key(2)).object, 1100);
    date(&store.objects().place(&key(3)).object, 1199);
    // The ETag file of a young object may be old, and is kept.
    date(&store.objects().place(&key(3)).etag, 5);
    assert_eq!(store.sweep(1200).expect("sweep"), Swept { objects: 1, bytes: 5 });
    assert!(matches!(store.open(&key(1)), Err(ObjectStoreError::NotFound)));
    assert!(!store.objects().place(&key(1)).directory().exists());
    assert!(store.objects().place(&key(3)).etag.exists());
    assert!(store.open(&key(2)).is_ok() && store.open(&key(3)).is_ok());

    assert_eq!(store.sweep(1200).expect("sweep"), Swept::default());
    assert_eq!(store.sweep(9999).expect("sweep"), Swept { objects: 2, bytes: 10 });
    assert_eq!(paths(&directory.path().join("objects")), Vec::<String>::new());
    put(&store, &key(4), b"after").expect("the store is usable");
}

#[test]
fn sweep_removes_an_etag_without_object() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1), b"1").expect("put");
    fs::remove_file(store.objects().place(&key(1)).object).expect("remove");
    date(&store.objects().place(&key(1)).etag, 1000);
    assert_eq!(store.sweep(1100).expect("sweep"), Swept::default());
    assert!(store.objects().place(&key(1)).etag.exists(), "young: its object may follow");
    assert_eq!(store.sweep(1101).expect("sweep"), Swept::default());
    assert_eq!(paths(&directory.path().join("objects")), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn sweep_does_not_follow_links() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let outside = directory.path().join("outside");
    fs::create_dir(&outside).expect("directory");
    fs::write(outside.join("precious"), b"1").expect("write");
    date(&outside.join("precious"), 1);
    std::os::unix::fs::symlink(&outside, directory.path().join("objects/link")).expect("link");
    store.sweep(i64::MAX).expect("sweep");
    assert!(outside.join("precious").exists());
}

#[test]
fn puts_and_sweeps_together_lose_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Nothing is old, but empty directories are removed.
                assert_eq!(store.sweep(0).expect("sweep"), Swept::default());
            }
        });
        let failed = (0..200).find_map(|random| {
            put(&store, &key(random), b"1").err().or_else(|| store.delete(&key(random)).err())
        });
        done.store(true, Ordering::Relaxed);
        sweeper.join().expect("sweeper");
        assert!(failed.is_none(), "{failed:?}");
    });
    put(&store, &key(1), b"1").expect("put again");
    assert_eq!(store.open(&key(1)).expect("open").len, 1);
}

/// The two stores share no lock, like two servers.
#[test]
fn a_put_succeeds_during_sweeps_of_another_server() {
    let directory = tempfile::tempdir().expect("directory");
    let (store, other) = (store(directory.path()), store(directory.path()));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(other.sweep(0).expect("sweep"), Swept::default());
            }
        });
        let failed = (0..200).find_map(|random| {
            put(&store, &key(random), b"1").err().or_else(|| store.delete(&key(random)).err())
        });
        done.store(true, Ordering::Relaxed);
        sweeper.join().expect("sweeper");
        assert!(failed.is_none(), "{failed:?}");
    });
}

#[test]
fn servers_that_sweep_at_once_remove_each_object_once() {
    let directory = tempfile::tempdir().expect("directory");
    let stores = [(); 3].map(|()| store(directory.path()));
    for random in 0..200 {
        put(&stores[0], &key(random), b"12345").expect("put");
    }
    let barrier = std::sync::Barrier::new(stores.len());
    let sweep = |store: &EmbeddedStore| {
        barrier.wait();
        store.sweep(i64::MAX).expect("a file that another server removed is not an error")
    };
    let swept = std::thread::scope(|scope| {
        let sweepers = stores.each_ref().map(|store| scope.spawn(move || sweep(store)));
        sweepers.map(|sweeper| sweeper.join().expect("sweeper"))
    });
    assert_eq!(swept.iter().map(|swept| swept.objects).sum::<u64>(), 200);
    assert_eq!(swept.iter().map(|swept| swept.bytes).sum::<u64>(), 1000);
    assert_eq!(paths(&directory.path().join("objects")), Vec::<String>::new());
}

#[test]
fn an_object_opened_during_a_sweep_is_complete_or_not_found() {
    let directory = tempfile::tempdir().expect("directory");
    let (store, other) = (store(directory.path()), store(directory.path()));
    for random in 0..100 {
        let stored = put(&store, &key(random), b"hello us3\n").expect("put");
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                other.sweep(i64::MAX).expect("sweep");
            });
            barrier.wait();
            loop {
                match store.open(&key(random)) {
                    Ok(mut object) => {
                        let mut bytes = Vec::new();
                        object.file.read_to_end(&mut bytes).expect("read");
                        assert_eq!((&*bytes, &object.etag), (&b"hello us3\n"[..], &stored.etag));
                    }
                    Err(ObjectStoreError::NotFound) => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
}

#[test]
fn base_urls() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let table = [
        ("https://console.example.com", Some("https://console.example.com/exports/")),
        ("http://127.0.0.1:8080/", Some("http://127.0.0.1:8080/exports/")),
        ("https://example.com/files//", Some("https://example.com/files/exports/")),
        ("", None),
        ("example.com", None),
        ("ftp://example.com", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https:///path", None),
        ("https://example.com?x=y", None),
        ("https://example.com/#x", None),
        ("https://example.com/ x", None),
        ("https://example.com\r\n", None),
    ];
    for (base_url, start) in table {
        match (store.presign_get(base_url, &key(1), "a.csv", 5), start) {
            (Ok(url), Some(start)) => assert!(url.starts_with(start), "{url}"),
            (Err(ObjectStoreError::BaseUrl(refused)), None) => assert_eq!(refused, base_url),
            (other, _) => panic!("{base_url:?}: {other:?}"),
        }
    }
}
