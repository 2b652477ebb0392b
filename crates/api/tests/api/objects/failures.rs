//! Failures of the server or the network: temporary errors are retried, other errors are reported, and no failure
//! leaves files at the server or in the data directory.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollbook_objects::{
    ObjectKeys, ObjectStore as _, ObjectStoreError, RemoteSettings, RemoteStore, SpoolLimits, StoreUrl,
    Tuning,
};
use tollbook_ops::{Clock as _, SystemClock};

use super::relayed_store::{BOTH, Kind, LARGE, RelayedStore, content, key, put, put_until, stored};
use tollbook_testkit::stores::{Act, Asked};
use tollbook_testkit::stores::{BUCKET, PUBLIC_KEY, RETENTION_S};

const NOTHING: Vec<String> = Vec::new();

/// The body of an internal error of a store.
fn failure(kind: Kind) -> &'static str {
    match kind {
        Kind::S3 => "<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>",
        Kind::Us3 => r#"{"RetCode":-148000,"ErrMsg":"We encountered an error."}"#,
    }
}

fn remote(result: Result<impl std::fmt::Debug, ObjectStoreError>) -> (Option<u16>, String, bool) {
    let error = result.expect_err("failed");
    let unavailable = error.is_unavailable();
    match &error {
        ObjectStoreError::Remote(inner) => (inner.status(), error.to_string(), unavailable),
        other => panic!("not an error of the remote store: {other}"),
    }
}

#[test]
fn an_unreachable_server_is_an_error_and_only_journals_remain() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        // A port without a listener.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = relayed.url().replace(&relayed.relay.address.to_string(), &free.to_string());
        let store = RemoteStore::open(&url.parse::<StoreUrl>().unwrap(), &relayed.settings()).unwrap();
        for len in [10, LARGE] {
            let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
            assert_eq!((status, is_unavailable), (None, true), "{text}");
            assert!(text.contains(key(1).as_str()) && text.contains(": no answer: "), "{text}");
        }
        assert!(remote(store.len_of(&key(1))).2);
        assert!(remote(store.sweep(SystemClock.now_s())).2);
        drop(store);
        // Remains of a failed upload are removed by the next process that opens the same store. This is another store.
        let store =
            RemoteStore::open(&relayed.url().parse::<StoreUrl>().unwrap(), &relayed.settings()).unwrap();
        store.clear_spool().unwrap();
        assert_eq!(relayed.relay.count(Asked::Delete), 0, "journals of another store are not processed");
        assert_eq!(relayed.left().len(), 2, "{:?}", relayed.left());
    }
}

#[test]
fn a_refusal_is_not_retried() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store();
        let refused = match kind {
            Kind::S3 => "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
            Kind::Us3 => r#"{"RetCode":-148660,"ErrMsg":"no"}"#,
        };
        for (asked, len, doing) in [
            (Asked::Put, 10, "cannot upload exports/"),
            (Asked::Begin, LARGE, "cannot begin the upload of exports/"),
            (Asked::Part(2), LARGE, "cannot upload part 2 of exports/"),
            (Asked::Finish, LARGE, "cannot finish the upload of exports/"),
        ] {
            let before = relayed.relay.count(asked);
            relayed.relay.rule(move |seen| if seen == asked { Act::Answer(403, refused) } else { Act::Pass });
            let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
            assert_eq!((status, is_unavailable), (Some(403), false), "{text}");
            let code = if kind == Kind::S3 { "AccessDenied" } else { "-148660" };
            assert!(text.contains(doing) && text.ends_with(&format!(": HTTP 403 {code}: no")), "{text}");
            assert_eq!(relayed.relay.count(asked) - before, 1, "{kind:?} {asked:?}");
            assert_eq!(relayed.left(), NOTHING, "{kind:?} {asked:?}");
        }
    }
}

#[test]
fn a_wrong_secret_is_refused_and_not_shown() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store_with_keys(ObjectKeys::new(PUBLIC_KEY, "another-secret"));
        let (status, text, _) = remote(put(&store, &key(1), &content(10)));
        assert_eq!(status, Some(403), "{text}");
        let code = if kind == Kind::S3 { "SignatureDoesNotMatch" } else { "-148658" };
        assert!(text.contains(code), "{text}");
        assert!(!text.contains("another-secret") && !text.contains(PUBLIC_KEY), "{text}");
        assert!(remote(store.len_of(&key(1))).1.contains("HTTP 403"));
        // Nothing was stored. A store with the right key processes the journal and finds nothing to remove.
        drop(store);
        let store = relayed.store();
        store.clear_spool().unwrap();
        assert_eq!(relayed.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn transient_failures_are_retried() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store();
        let all = [Asked::Begin, Asked::Part(1), Asked::Part(3), Asked::Finish, Asked::Put];
        for (nth, act) in [
            ("an error", (|kind| Act::Answer(500, failure(kind))) as fn(Kind) -> Act),
            ("too many requests", |_| Act::Answer(429, "")),
            ("a cut", |_| Act::CutBody),
        ] {
            for asked in all {
                let mut is_first = true;
                relayed.relay.rule(move |seen| {
                    if seen == asked && std::mem::take(&mut is_first) { act(kind) } else { Act::Pass }
                });
                let before = relayed.relay.count(asked);
                let content = content(if asked == Asked::Put { 1_000_000 } else { LARGE });
                assert_eq!(put(&store, &key(1), &content).unwrap(), stored(&content), "{nth} {asked:?}");
                assert_eq!(relayed.relay.count(asked) - before, 2, "{kind:?} {nth} {asked:?}");
                assert_eq!(store.len_of(&key(1)).unwrap(), Some(content.len() as u64));
                store.delete(&key(1)).unwrap();
                assert_eq!(relayed.left(), NOTHING, "{kind:?} {nth} {asked:?}");
            }
        }
    }
}

#[test]
fn permanent_failures_leave_nothing() {
    for kind in BOTH {
        for act in [|kind| Act::Answer(500, failure(kind)), |_| Act::CutBody] as [fn(Kind) -> Act; 2] {
            for asked in [Asked::Put, Asked::Begin, Asked::Part(3), Asked::Finish] {
                let relayed = RelayedStore::new(kind);
                let store = relayed.store();
                relayed.relay.rule(move |seen| if seen == asked { act(kind) } else { Act::Pass });
                let len = if asked == Asked::Put { 1_000_000 } else { LARGE };
                let (_, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
                assert!(is_unavailable, "{text}");
                assert_eq!(relayed.relay.count(asked), 7, "the first attempt and six more: {text}");
                assert_eq!(store.len_of(&key(1)).unwrap(), None, "{kind:?} {asked:?}");
                assert_eq!(relayed.left(), NOTHING, "{kind:?} {asked:?}");
            }
        }
    }
}

#[test]
fn an_operation_whose_response_is_lost_succeeds() {
    for kind in BOTH {
        for asked in [Asked::Put, Asked::Part(2), Asked::Finish] {
            let relayed = RelayedStore::new(kind);
            let store = relayed.store();
            let mut is_first = true;
            relayed.relay.rule(move |seen| {
                if seen == asked && std::mem::take(&mut is_first) { Act::CutAnswer } else { Act::Pass }
            });
            let content = content(if asked == Asked::Put { 1_000 } else { LARGE });
            assert_eq!(put(&store, &key(1), &content).unwrap(), stored(&content), "{kind:?} {asked:?}");
            assert_eq!(store.len_of(&key(1)).unwrap(), Some(content.len() as u64));
            store.delete(&key(1)).unwrap();
            assert_eq!(relayed.left(), NOTHING, "{kind:?} {asked:?}");
        }
    }
}

#[test]
fn a_silent_server_times_out() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let settings = RemoteSettings {
            tuning: Tuning {
                request_timeout: Duration::from_secs(4),
                upload_timeout: Duration::from_secs(5),
                ..relayed.settings().tuning
            },
            ..relayed.settings()
        };
        let store = relayed.store_of(&settings);
        relayed.relay.rule(|seen| if seen == Asked::Part(2) { Act::Silence } else { Act::Pass });
        let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(LARGE)));
        assert_eq!((status, is_unavailable), (None, true), "{text}");
        relayed.relay.pass();
        // On a slow machine the cleanup may also have timed out, so it is completed here.
        drop(store);
        relayed.store().clear_spool().unwrap();
        assert_eq!(relayed.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn a_cancelled_upload_ends() {
    for kind in BOTH {
        for at in [Asked::Begin, Asked::Part(2), Asked::Finish] {
            let relayed = RelayedStore::new(kind);
            let store = relayed.store();
            let is_over = Arc::new(AtomicBool::new(false));
            let seen_by_relay = Arc::clone(&is_over);
            relayed.relay.rule(move |seen| {
                if seen == at {
                    seen_by_relay.store(true, Ordering::SeqCst);
                    // A temporary error, which is retried unless the upload is cancelled.
                    return Act::Answer(503, "");
                }
                Act::Pass
            });
            let ended = put_until(&store, &key(1), &content(LARGE), &|| is_over.load(Ordering::SeqCst));
            assert!(matches!(ended, Err(ObjectStoreError::Cancelled)), "{kind:?} {at:?} {ended:?}");
            assert_eq!(relayed.relay.count(at), 1);
            assert_eq!(relayed.left(), NOTHING, "{kind:?} {at:?}");
        }
        let relayed = RelayedStore::new(kind);
        let unwanted = put_until(&relayed.store(), &key(1), &content(10), &|| true);
        assert!(matches!(unwanted, Err(ObjectStoreError::Cancelled)));
        assert_eq!((relayed.relay.count(Asked::Put), relayed.left()), (0, NOTHING));
    }
}

#[test]
fn a_failed_removal_is_repeated_later() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store();
        relayed.relay.rule(|seen| match seen {
            Asked::Part(3) => Act::Answer(400, ""),
            Asked::Abort => Act::Answer(403, ""),
            _ => Act::Pass,
        });
        assert_eq!(remote(put(&store, &key(1), &content(LARGE))).0, Some(400));
        assert_ne!(relayed.left(), NOTHING);
        // The removal fails again.
        assert!(store.sweep(SystemClock.now_s()).is_err());
        assert_ne!(relayed.left(), NOTHING);
        relayed.relay.pass();
        store.sweep(SystemClock.now_s()).unwrap();
        assert_eq!(relayed.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn a_file_stored_by_a_failed_put_is_removed() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store();
        // The server stores the file, but the response is lost and the removal fails.
        relayed.relay.rule(|seen| match seen {
            Asked::Put => Act::CutAnswer,
            Asked::Delete => Act::Answer(403, ""),
            _ => Act::Pass,
        });
        assert!(remote(put(&store, &key(1), &content(10))).2);
        assert_eq!(store.len_of(&key(1)).unwrap(), Some(10));
        drop(store);
        relayed.relay.pass();
        let next = relayed.store();
        next.clear_spool().unwrap();
        assert_eq!(next.len_of(&key(1)).unwrap(), None);
        assert_eq!(relayed.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn unfinished_uploads_are_swept_by_age() {
    // S3: the server of the tests does not list uploads, so the relay returns a listing in AWS's format.
    let relayed = RelayedStore::new(Kind::S3);
    relayed.relay.rule(|seen| match seen {
        Asked::Uploads => Act::Answer(
            200,
            "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false\
             </IsTruncated><Upload><Key>exports/1/old</Key><UploadId>old</UploadId><Initiated>\
             2001-01-01T00:00:00.000Z</Initiated></Upload><Upload><Key>exports/1/new</Key><UploadId>new\
             </UploadId><Initiated>2999-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>",
        ),
        Asked::Abort => Act::Answer(204, ""),
        _ => Act::Pass,
    });
    relayed.store().sweep(SystemClock.now_s()).unwrap();
    assert_eq!((relayed.relay.count(Asked::Uploads), relayed.relay.count(Asked::Abort)), (1, 1));

    // US3: an upload whose first response was lost.
    let relayed = RelayedStore::new(Kind::Us3);
    let store = relayed.store();
    let mut is_first = true;
    relayed.relay.rule(move |seen| {
        if seen == Asked::Begin && std::mem::take(&mut is_first) { Act::CutAnswer } else { Act::Pass }
    });
    put(&store, &key(1), &content(LARGE)).unwrap();
    let now_s = SystemClock.now_s();
    store.sweep(now_s).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 0, "the upload may still be in progress");
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 1);
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 1, "the upload is aborted once");
}

#[test]
fn the_spool_of_a_remote_store_is_bounded() {
    let relayed = RelayedStore::new(Kind::Us3);
    let store = relayed.store_of(&RemoteSettings {
        spool: SpoolLimits { bytes: 1_000, free_bytes: 0 },
        ..relayed.settings()
    });
    let mut spool = store.spool().unwrap();
    let error = spool.write_all(&content(1_001)).expect_err("too much");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(spool);
    put(&store, &key(1), &content(1_000)).unwrap();
    put(&store, &key(2), &content(1_000)).unwrap();
}

#[test]
fn a_us3_session_token_and_a_virtual_host_of_an_ip_address_are_refused() {
    let relayed = RelayedStore::new(Kind::Us3);
    let settings = RemoteSettings { session_token: Some("token".to_owned()), ..relayed.settings() };
    let error = RemoteStore::open(&relayed.url().parse::<StoreUrl>().unwrap(), &settings).expect_err("token");
    assert_eq!(error.to_string(), "a session token belongs to s3 stores; us3 has none");
    let ip: StoreUrl = format!("s3://{BUCKET}?endpoint=http://127.0.0.1&style=virtual-host").parse().unwrap();
    let error = RemoteStore::open(&ip, &relayed.settings()).expect_err("an ip address has no virtual hosts");
    assert!(error.to_string().contains("make no url of this style"), "{error}");
}
