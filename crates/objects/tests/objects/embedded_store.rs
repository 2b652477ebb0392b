//! The embedded store through its trait and through signed requests, on real files.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use tollbook_objects::us3::{Refusal, Request, encode_path, presign_get, sign};
use tollbook_objects::{
    EmbeddedSettings, EmbeddedStore, ObjectKey, ObjectKeys, ObjectStore, ObjectStoreError, PutOptions,
    ReadError, Reply, ReplyBody, SpoolLimits,
};

const NOW_S: i64 = 1_800_000_000;
const BASE_URL: &str = "https://console.example.com";
const CONTENT: &[u8] = b"0123456789";

fn keys() -> ObjectKeys {
    ObjectKeys::new("TOKEN_1", "private")
}

fn store(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::new(EmbeddedSettings {
        data_directory: directory.to_owned(),
        bucket: "tollbook".to_owned(),
        keys: keys(),
        retention_s: 3600,
        spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
    })
    .expect("store")
}

fn key(random: u128) -> ObjectKey {
    ObjectKey::export(7, random, "orders.xlsx").expect("key")
}

fn put(store: &dyn ObjectStore, key: &ObjectKey) {
    let mut spool = store.spool().expect("spool");
    spool.write_all(CONTENT).expect("write");
    store.put(key, spool, &PutOptions::named("a.csv"), &|| false).expect("put");
}

/// Sends a request as the `api` crate does.
fn send(
    store: &EmbeddedStore,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Reply, ReadError> {
    store.get(&Request::from_target(method, "tollbook", target, headers), NOW_S)
}

fn refusal(result: Result<Reply, ReadError>) -> Refusal {
    match result {
        Err(ReadError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn body(reply: Reply) -> Vec<u8> {
    match reply.body {
        ReplyBody::Empty => Vec::new(),
        ReplyBody::Bytes(bytes) => bytes,
        ReplyBody::File { file, len, .. } => {
            let mut bytes = Vec::new();
            file.take(len).read_to_end(&mut bytes).expect("read");
            bytes
        }
    }
}

/// Path and query of a link to the object.
fn link(store: &EmbeddedStore, key: &ObjectKey, file_name: &str) -> String {
    let url = store.presign_get(BASE_URL, key, file_name, NOW_S + 60).expect("link");
    url.strip_prefix(BASE_URL).expect("base url").to_owned()
}

/// A target with a valid signature for any path, which only the owner of the private key can create.
fn signed(path_key: &str, raw_path: &str) -> String {
    format!("{raw_path}?{}", presign_get(&keys(), "tollbook", path_key, NOW_S + 60, None))
}

#[test]
fn a_link_reads_its_object() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    let target = link(&store, &key(1), "订单 1.xlsx");
    assert!(
        target
            .starts_with("/exports/7/00000000000000000000000000000001/orders.xlsx?UCloudPublicKey=TOKEN_1&")
    );

    let reply = send(&store, "GET", &target, &[]).expect("reply");
    assert_eq!(reply.status, 200);
    let expected = [
        ("content-length", "10"),
        ("content-type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (
            "content-disposition",
            "attachment; filename=\"__ 1.xlsx\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95%201.xlsx",
        ),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in expected {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert!(reply.header("last-modified").is_some_and(|date| date.ends_with(" GMT")), "{reply:?}");
    let etag = store.open(&key(1)).expect("open").etag;
    assert_eq!(reply.header("etag"), Some(&*format!("\"{etag}\"")));
    assert_eq!(body(reply), CONTENT);

    let head = send(&store, "HEAD", &target, &[("Range", "bytes=0-1")]).expect("reply");
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    assert!(matches!(head.body, ReplyBody::Empty));
}

#[test]
fn a_header_signature_reads_too() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    let path = format!("/{}", key(1));
    let value = format!("UCloud TOKEN_1:{}", sign("private", &format!("GET\n\n\n\n/tollbook{path}")));
    let reply = send(&store, "GET", &path, &[("Authorization", &value)]).expect("reply");
    assert_eq!(reply.header("content-disposition"), None);
    assert_eq!(body(reply), CONTENT);
    assert_eq!(refusal(send(&store, "GET", &path, &[])), Refusal::NoAuthorization);
    let both = send(&store, "GET", &link(&store, &key(1), "a"), &[("Authorization", &value)]);
    assert_eq!(refusal(both), Refusal::TwoAuthorizations);
}

#[test]
fn ranges_select_part_of_the_file() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    let target = link(&store, &key(1), "a.xlsx");
    // header, status, content-range, body
    let table: [(&str, u16, Option<&str>, &[u8]); 9] = [
        ("bytes=0-3", 206, Some("bytes 0-3/10"), b"0123"),
        ("bytes=4-4", 206, Some("bytes 4-4/10"), b"4"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), b"789"),
        ("bytes=-2", 206, Some("bytes 8-9/10"), b"89"),
        ("bytes=5-99", 206, Some("bytes 5-9/10"), b"56789"),
        ("bytes=10-", 416, Some("bytes */10"), b""),
        ("bytes=-0", 416, Some("bytes */10"), b""),
        ("bytes=0-1,4-5", 200, None, CONTENT),
        ("bytes=4-1", 200, None, CONTENT),
    ];
    for (range, status, content_range, content) in table {
        let reply = send(&store, "GET", &target, &[("range", range)]).expect("reply");
        assert_eq!(reply.status, status, "{range}");
        assert_eq!(reply.header("content-range"), content_range, "{range}");
        assert_eq!(reply.header("content-length"), Some(&*content.len().to_string()), "{range}");
        assert_eq!(body(reply), content, "{range}");
    }
}

#[test]
fn a_current_copy_is_not_sent_again() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    let target = link(&store, &key(1), "a.xlsx");
    let first = send(&store, "GET", &target, &[]).expect("reply");
    let etag = first.header("etag").expect("etag").to_owned();
    let date = first.header("last-modified").expect("date").to_owned();
    for condition in [("If-None-Match", &*etag), ("If-Modified-Since", &date)] {
        for method in ["GET", "HEAD"] {
            let reply = send(&store, method, &target, &[condition]).expect("reply");
            assert_eq!(reply.status, 304, "{condition:?}");
            assert_eq!(reply.header("etag"), Some(&*etag));
            assert_eq!(reply.header("content-length"), None);
            assert!(matches!(reply.body, ReplyBody::Empty));
        }
    }
    let changed = [("If-Match", "\"other\"")];
    assert_eq!(send(&store, "GET", &target, &changed).expect("reply").status, 412);
    for (if_range, status) in [(&*etag, 206), (&*date, 206), ("\"other\"", 200)] {
        let headers = [("Range", "bytes=1-2"), ("If-Range", if_range)];
        assert_eq!(send(&store, "GET", &target, &headers).expect("reply").status, status, "{if_range}");
    }
}

#[test]
fn a_link_is_valid_for_its_object_method_and_time_only() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    put(&store, &key(2));
    let target = link(&store, &key(1), "a.xlsx");
    let other = target.replacen(&key(1).to_string(), &key(2).to_string(), 1);
    assert_ne!(other, target);
    assert_eq!(refusal(send(&store, "GET", &other, &[])), Refusal::InvalidSignature);
    let longer = target.replace(&format!("Expires={}", NOW_S + 60), &format!("Expires={}", NOW_S + 61));
    assert_ne!(longer, target);
    assert_eq!(refusal(send(&store, "GET", &longer, &[])), Refusal::InvalidSignature);
    for method in ["PUT", "POST", "DELETE"] {
        assert_eq!(refusal(send(&store, method, &target, &[])), Refusal::InvalidSignature, "{method}");
    }
    let late = store.get(&Request::from_target("GET", "tollbook", &target, &[]), NOW_S + 60);
    assert_eq!(refusal(late), Refusal::Expired);
    let elsewhere = store.get(&Request::from_target("GET", "other", &target, &[]), NOW_S);
    assert_eq!(refusal(elsewhere), Refusal::NoSuchBucket);
    // Without a valid signature, missing and existing objects get the same reply.
    let missing = target.replacen(&key(1).to_string(), &key(3).to_string(), 1);
    assert_eq!(refusal(send(&store, "GET", &missing, &[])), Refusal::InvalidSignature);
}

#[test]
fn signed_requests_that_cannot_be_served_are_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let error = send(&store, "GET", &link(&store, &key(9), "a"), &[]).expect_err("missing");
    let reply = error.reply();
    assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/json")));
    assert_eq!(body(reply), br#"{"RetCode":-148654,"ErrMsg":"file not exist"}"#);

    put(&store, &key(1));
    let path = format!("/{}", key(1));
    let value = format!("UCloud TOKEN_1:{}", sign("private", &format!("DELETE\n\n\n\n/tollbook{path}")));
    let error = send(&store, "DELETE", &path, &[("Authorization", &value)]).expect_err("delete");
    assert_eq!(error.reply().status, 405);
    assert!(store.open(&key(1)).is_ok());
}

#[test]
fn signatures_verify_in_every_encoding() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    // An expiry whose signature contains both a plus and a slash.
    let (expires, signature) = (NOW_S + 60..NOW_S + 10_000)
        .map(|expires| (expires, sign("private", &format!("GET\n\n\n{expires}\n/tollbook/{}", key(1)))))
        .find(|(_, signature)| signature.contains('+') && signature.contains('/'))
        .expect("some signature has both");
    let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let form_decoded = signature.replace('+', " ");
    let lower_case = escaped.to_lowercase().replace("%2b", "%2B");
    for given in [&*signature, &escaped, &form_decoded, &signature.replace('+', "%20")] {
        let target = format!("/{}?UCloudPublicKey=TOKEN_1&Expires={expires}&Signature={given}", key(1));
        assert_eq!(send(&store, "GET", &target, &[]).expect("reply").status, 200, "{given}");
    }
    for given in [&*lower_case, &signature.replace('+', "-"), signature.trim_end_matches('='), ""] {
        let target = format!("/{}?UCloudPublicKey=TOKEN_1&Expires={expires}&Signature={given}", key(1));
        assert_eq!(refusal(send(&store, "GET", &target, &[])), Refusal::InvalidSignature, "{given}");
    }
}

#[test]
fn file_names_are_decoded_once() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    let bare = signed(key(1).as_str(), &format!("/{}", key(1)));
    let table = [
        ("&ufileattname=a+b.xlsx", Some("attachment; filename=\"a b.xlsx\"")),
        ("&ufileattname=a%2Bb.xlsx", Some("attachment; filename=\"a+b.xlsx\"")),
        // The Java SDK encodes twice; the remaining encoding is harmless.
        (
            "&ufileattname=%25E5%258D%2595.xlsx",
            Some("attachment; filename=\"_E5_8D_95.xlsx\"; filename*=UTF-8''%25E5%258D%2595.xlsx"),
        ),
        ("&ufileattname=a%0D%0ASet-Cookie:x", Some("attachment; filename=\"a__Set-Cookie:x\"")),
        ("&ufileattname=%22;%20x=%22", Some("attachment; filename=\"_; x=_\"")),
        ("&ufileattname=%ff", None),
        ("&ufileattname=", None),
        ("&ufileattname", None),
        ("", None),
    ];
    for (parameter, disposition) in table {
        let reply = send(&store, "GET", &format!("{bare}{parameter}"), &[]).expect("reply");
        assert_eq!(reply.header("content-disposition"), disposition, "{parameter}");
    }
}

#[test]
fn no_path_leaves_the_store() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    put(&store, &key(1));
    fs::write(directory.path().join("master.key"), "secret").expect("write");
    fs::write(directory.path().join("objects/exports/master.key"), "secret").expect("write");
    // decoded key, path on the wire
    let table = [
        ("exports/../../master.key", "/exports/../../master.key"),
        ("exports/../../master.key", "/exports/%2e%2e/%2E%2E/master.key"),
        ("exports/../../master.key", "/exports%2F..%2F..%2Fmaster.key"),
        ("exports/%2e%2e/%2e%2e/master.key", "/exports/%252e%252e/%252e%252e/master.key"),
        ("exports/..\\..\\master.key", "/exports/..%5C..%5Cmaster.key"),
        ("exports/7/../master.key", "/exports/7/../master.key"),
        ("exports/./master.key", "/exports/./master.key"),
        ("exports//master.key", "/exports//master.key"),
        ("/exports/master.key", "//exports/master.key"),
        ("/etc/passwd", "//etc/passwd"),
        ("etc/passwd", "/etc/passwd"),
        ("../master.key", "/../master.key"),
        ("", "/"),
        ("exports", "/exports"),
        ("exports/", "/exports/"),
        ("exports/7", "/exports/7"),
    ];
    for (key, path) in table {
        assert_eq!(refusal(send(&store, "GET", path, &[])), Refusal::NoAuthorization, "{path}");
        assert_eq!(refusal(send(&store, "GET", &signed(key, path), &[])), Refusal::NoSuchFile, "{path}");
    }
    let etag_file = key(1).to_string().replace("orders.xlsx", ".orders.xlsx.etag");
    let target = signed(&etag_file, &format!("/{}", encode_path(&etag_file)));
    assert_eq!(refusal(send(&store, "GET", &target, &[])), Refusal::NoSuchFile);
    // No signed text contains control characters or invalid UTF-8.
    for (key, path) in [
        ("exports/master.key\0", "/exports/master.key%00"),
        ("exports/a\n", "/exports/a%0A"),
        ("exports/\u{fffd}", "/exports/%ff"),
    ] {
        assert_eq!(
            refusal(send(&store, "GET", &signed(key, path), &[])),
            Refusal::InvalidSignature,
            "{path}"
        );
    }
    // The same form of request reads existing objects.
    let control = send(&store, "GET", &signed("exports/master.key", "/exports/master.key"), &[]);
    assert_eq!(body(control.expect("reply")), b"secret");
}

#[test]
fn objects_are_persistent_and_spool_files_are_not() {
    let directory = tempfile::tempdir().expect("directory");
    let spool_directory = directory.path().join("spool");
    // The directory's lock file is kept.
    let count = || fs::read_dir(&spool_directory).expect("list").count() - 1;
    let target = {
        let store = store(directory.path());
        assert_eq!(count(), 2, "a folder and its lock");
        put(&store, &key(1));
        let mut dropped = store.spool().expect("spool");
        dropped.write_all(&vec![0; 300_000]).expect("write");
        assert_eq!(dropped.bytes_written(), 300_000);
        link(&store, &key(1), "a.xlsx")
    };
    assert_eq!(count(), 0, "a dropped store leaves nothing");
    // A killed process drops nothing, but the system releases its locks.
    fs::create_dir(spool_directory.join("killed")).expect("folder");
    fs::write(spool_directory.join("killed.lock"), "").expect("write");
    fs::write(spool_directory.join("killed/spool-1"), "half").expect("write");
    fs::write(spool_directory.join("spool-of-a-version-without-folders"), "half").expect("write");
    let store = store(directory.path());
    assert_eq!(store.clear_spool().expect("clear"), 2);
    assert_eq!(store.clear_spool().expect("clear"), 0);
    assert_eq!(count(), 2);
    assert_eq!(body(send(&store, "GET", &target, &[]).expect("reply")), CONTENT);
}

#[test]
fn a_starting_server_keeps_the_exports_of_another() {
    let directory = tempfile::tempdir().expect("directory");
    let first = store(directory.path());
    let mut spool = first.spool().expect("spool");
    spool.write_all(&CONTENT[..5]).expect("write");
    let second = store(directory.path());
    assert_eq!(second.clear_spool().expect("clear"), 0);
    spool.write_all(&CONTENT[5..]).expect("write");
    first.put(&key(1), spool, &PutOptions::named("a.csv"), &|| false).expect("put");
    // The other server serves a link that the first one signed.
    let target = link(&first, &key(1), "a.xlsx");
    assert_eq!(body(send(&second, "GET", &target, &[]).expect("reply")), CONTENT);
}

#[test]
fn no_link_reads_the_deployments_id() {
    let directory = tempfile::tempdir().expect("directory");
    let store = store(directory.path());
    let id = store.identify(None, 7).expect("id");
    assert_eq!(store.sweep(i64::MAX).expect("sweep").objects, 0);
    assert_eq!(store.identify(Some(&id), 8).expect("not swept"), id);
    for key in ["deployment-id", "exports/../deployment-id", "exports/../../deployment-id"] {
        let target = signed(key, &format!("/{key}"));
        assert_eq!(refusal(send(&store, "GET", &target, &[])), Refusal::NoSuchFile, "{key}");
    }
}

#[test]
fn another_key_pair_invalidates_all_links() {
    let directory = tempfile::tempdir().expect("directory");
    let target = {
        let store = store(directory.path());
        put(&store, &key(1));
        link(&store, &key(1), "a.xlsx")
    };
    for (public, private, expected) in
        [("TOKEN_2", "private", Refusal::UnknownPublicKey), ("TOKEN_1", "other", Refusal::InvalidSignature)]
    {
        let store = EmbeddedStore::new(EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: "tollbook".to_owned(),
            keys: ObjectKeys::new(public, private),
            retention_s: 3600,
            spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
        })
        .expect("store");
        assert!(!format!("{store:?}").contains(private), "{store:?}");
        assert_eq!(refusal(send(&store, "GET", &target, &[])), expected);
    }
}

/// The contract of every store, through the trait alone.
fn contract(store: &Arc<dyn ObjectStore>) {
    let mut spool = store.spool().expect("spool");
    spool.write_all(b"hello ").expect("write");
    spool.write_all(b"us3\n").expect("write");
    let stored = store.put(&key(1), spool, &PutOptions::named("a.csv"), &|| false).expect("put");
    assert_eq!((stored.len, &*stored.etag), (10, "AQAAAOLHrfrT5fOQMkCgn7UwPtiBXFz5"));
    let again = store.spool().expect("spool");
    assert!(matches!(
        store.put(&key(1), again, &PutOptions::named("a.csv"), &|| false),
        Err(ObjectStoreError::AlreadyExists)
    ));
    let url = store.presign_get(BASE_URL, &key(1), "a b.xlsx", NOW_S).expect("link");
    assert!(url.starts_with(&format!("{BASE_URL}/{}?", key(1))), "{url}");
    store.delete(&key(1)).expect("delete");
    store.delete(&key(1)).expect("delete again");
    let empty = store.spool().expect("spool");
    assert_eq!(
        store.put(&key(1), empty, &PutOptions::named("a.csv"), &|| false).expect("put after delete").len,
        0
    );
    assert_eq!(store.sweep(0).expect("nothing is that old").objects, 0);
    assert_eq!(store.sweep(i64::MAX).expect("everything is that old").objects, 1);
}

#[test]
fn the_embedded_store_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("directory");
    let embedded: Arc<dyn ObjectStore> = Arc::new(store(directory.path()));
    contract(&embedded);
    assert_eq!(fs::read_dir(directory.path().join("objects")).expect("list").count(), 0);
}
