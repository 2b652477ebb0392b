//! The published Python client, unchanged, against our US3 host: it reads, lists and writes.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_objects::ObjectStore as _;
use tollbook_objects::us3::{Refusal, SignedParts, authorization};
use tollbook_testkit::Python;

use super::read_only_host;
use super::relayed_store::{LARGE, content, key, put, stored};
use tollbook_testkit::stores::{BUCKET, PRIVATE_KEY, PUBLIC_KEY, Us3Server, keys};

fn published(server: &Us3Server, mode: &str, local_file: &Path) -> Value {
    let address = server.address.to_string();
    let arguments = [OsStr::new(mode), OsStr::new(BUCKET), OsStr::new(&address), local_file.as_os_str()];
    let environment =
        [("TOLLBOOK_OBJECT_PUBLIC_KEY", PUBLIC_KEY), ("TOLLBOOK_OBJECT_PRIVATE_KEY", PRIVATE_KEY)];
    serde_json::from_str(&Python::Clients.run("us3_host.py", arguments, &environment)).unwrap()
}

#[test]
fn the_published_client_reads_and_lists_and_cannot_write() {
    let server = read_only_host();
    let large = content(LARGE);
    for (random, content) in [(1, &large[..]), (2, b"two"), (3, b"three"), (4, b"four"), (5, b"five")] {
        put(server.store.as_ref(), &key(random), content).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let local = directory.path().join("local");
    std::fs::write(&local, &large).unwrap();
    let found = published(&server, "read", &local);
    let keys: Vec<String> = (1..=5).map(|random| key(random).to_string()).collect();
    assert_eq!(found["PrefixFileList"], json!(keys));
    assert_eq!(found["ListObjects"], json!(keys));
    assert_eq!(found["Folders"], json!((1..=5).map(|n| format!("exports/7/{n:032x}/")).collect::<Vec<_>>()));
    assert_eq!(found["Sizes"], json!([LARGE, 3, 5, 4, 4]));
    assert_eq!(found["Etags"][0], json!(stored(&large).etag));
    assert_eq!(
        found["Head"],
        json!({"Status": 200, "Length": LARGE.to_string(), "Etag": stored(&large).etag})
    );
    assert_eq!(found["Missing"], json!({"Status": 404}));
    let refused = json!({"Status": 403, "RetCode": -1, "ErrMsg": "writing is not allowed"});
    for operation in ["Put", "Post", "Parts", "Copy", "Delete"] {
        assert_eq!(found[operation], refused, "{operation}");
    }
    let stranger = json!({"Status": 403, "RetCode": -148_658, "ErrMsg": "invalid signature"});
    for operation in ["StrangerPut", "StrangerPost", "StrangerList"] {
        assert_eq!(found[operation], stranger, "{operation}");
    }
}

#[test]
fn the_published_client_writes_to_a_writable_store() {
    let server = Us3Server::writable();
    let directory = tempfile::tempdir().unwrap();
    let local = directory.path().join("local.xlsx");
    let large = content(LARGE);
    std::fs::write(&local, &large).unwrap();
    let found = published(&server, "write", &local);
    for operation in ["Put", "Post", "Parts", "Copy"] {
        assert_eq!(found[operation], json!({"Status": 200, "Etag": stored(&large).etag}), "{operation}");
        let key = tollbook_objects::ObjectKey::parse(&format!("exports/python/{operation}.xlsx")).unwrap();
        assert_eq!(server.store.len_of(&key).unwrap(), Some(LARGE as u64), "{operation}");
    }
    assert_eq!(found["Delete"], json!({"Status": 204}));
    assert_eq!(found["BadKey"], json!({"Status": 400, "RetCode": -1, "ErrMsg": "file name not allowed"}));
}

#[test]
fn unknown_operations_are_refused_after_the_signature() {
    let server = Us3Server::writable();
    let key = key(1);
    put(server.store.as_ref(), &key, b"kept").unwrap();
    let ask = |method: &str, target: &str, signed_key: &str, body: &str| {
        let parts = SignedParts { method, bucket: BUCKET, key: signed_key, ..SignedParts::default() };
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}/{target}", server.address))
            .header("authorization", authorization(&keys(), &parts))
            .body(body.to_owned())
            .unwrap();
        let mut response = agent.run(request).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    };
    let encoded = tollbook_objects::us3::encode_path(key.as_str());
    let bad = |reason| (400, Refusal::BadRequest(reason).body());
    let no_upload = (404, r#"{"RetCode":-1,"ErrMsg":"upload not exist"}"#.to_owned());
    // method, target, answer
    let table = [
        ("POST", encoded.clone(), bad("operation not known")),
        ("PUT", format!("{encoded}?uploadId=x&partNumber=-1"), bad("partNumber is not a number")),
        ("PUT", format!("{encoded}?uploadId=x&partNumber=0"), no_upload.clone()),
        ("POST", format!("{encoded}?uploadId=x"), no_upload.clone()),
        ("DELETE", format!("{encoded}?uploadId=x"), no_upload),
    ];
    for (method, target, expected) in table {
        assert_eq!(ask(method, &target, key.as_str(), "x"), expected, "{method} {target}");
        let (status, body) = ask(method, &target, "other", "x");
        assert_eq!((status, body), (403, Refusal::InvalidSignature.body()), "{method} {target}");
    }
    let limit = ask("GET", "?list&limit=x", "", "");
    assert_eq!(limit, bad("limit is not a number"));
    let delimiter = ask("GET", "?listobjects&delimiter=x", "", "");
    assert_eq!(delimiter, bad("delimiter not allowed"));

    // Lists of parts that do not match the uploaded parts.
    let (_, begun) = ask("POST", &format!("{encoded}?uploads"), key.as_str(), "");
    let begun: Value = serde_json::from_str(&begun).unwrap();
    let id = begun["UploadId"].as_str().unwrap();
    assert_eq!(ask("PUT", &format!("{encoded}?uploadId={id}&partNumber=0"), key.as_str(), "short").0, 200);
    assert_eq!(ask("PUT", &format!("{encoded}?uploadId={id}&partNumber=1"), key.as_str(), "last").0, 200);
    let parts = [stored(b"short").etag, stored(b"last").etag];
    let finish = |told: &str| ask("POST", &format!("{encoded}?uploadId={id}"), key.as_str(), told);
    assert_eq!(finish(&parts[0]), bad("the parts are not those that were uploaded"));
    assert_eq!(
        finish(&format!("{},{}", parts[1], parts[0])),
        bad("the parts are not those that were uploaded")
    );
    assert_eq!(finish(&parts.join(",")), bad("a part is not as long as the size of parts"));
    assert_eq!(server.store.len_of(&key).unwrap(), Some(4), "the existing object is unchanged");
}
