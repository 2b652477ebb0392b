//! When the server or the way to it fails: temporary errors are retried, others are reported, and after each failure
//! nothing is left, neither at the server nor here.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollbook_objects::{
    ObjectKeys, ObjectStore as _, ObjectStoreError, RemoteSettings, RemoteStore, StoreUrl, Tuning,
};
use tollbook_ops::{Clock as _, SystemClock};

use super::relay::{Act, Asked};
use super::relayed_store::{BOTH, Kind, LARGE, RelayedStore, content, key, put, put_until, stored};
use super::servers::{BUCKET, PUBLIC_KEY, RETENTION_S};

const NOTHING: Vec<String> = Vec::new();

/// What a store says of its own failure.
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
        other => panic!("not the store's: {other}"),
    }
}

#[test]
fn a_server_that_is_down_is_an_error_and_nothing_remains() {
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
        // What a failed upload may have left is looked for by the next server that reaches the store.
        let store =
            RemoteStore::open(&relayed.url().parse::<StoreUrl>().unwrap(), &relayed.settings()).unwrap();
        store.clear_spool().unwrap();
        assert_eq!(relayed.relay.count(Asked::Delete), 0, "journals of another store wait for it");
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
        // Nothing came in; that nothing must be removed is asked again by a server with the right key.
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
fn a_lost_response_does_not_undo_the_operation() {
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
        // Should the machine have been too slow to clean up in so little time.
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
                    // It would be tried again, were it wanted.
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
        // Still not.
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
        // The server has it, but neither an answer nor the removal gets through.
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
    // The S3 server of the tests has no listing of uploads; this is AWS's answer, and what follows from it is asked.
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

    // US3: an upload whose first answer was lost.
    let relayed = RelayedStore::new(Kind::Us3);
    let store = relayed.store();
    let mut is_first = true;
    relayed.relay.rule(move |seen| {
        if seen == Asked::Begin && std::mem::take(&mut is_first) { Act::CutAnswer } else { Act::Pass }
    });
    put(&store, &key(1), &content(LARGE)).unwrap();
    let now_s = SystemClock.now_s();
    store.sweep(now_s).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 0, "it may go on");
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 1);
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 1, "it is gone");
}

#[test]
fn the_spool_of_a_remote_store_is_bounded() {
    let relayed = RelayedStore::new(Kind::Us3);
    let store = relayed.store_of(&RemoteSettings { spool_bytes: 1_000, ..relayed.settings() });
    let mut spool = store.spool().unwrap();
    let error = spool.write_all(&content(1_001)).expect_err("too much");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(spool);
    put(&store, &key(1), &content(1_000)).unwrap();
    put(&store, &key(2), &content(1_000)).unwrap();
}

#[test]
fn only_keys_of_s3_have_tokens() {
    let relayed = RelayedStore::new(Kind::Us3);
    let settings = RemoteSettings { session_token: Some("token".to_owned()), ..relayed.settings() };
    let error = RemoteStore::open(&relayed.url().parse::<StoreUrl>().unwrap(), &settings).expect_err("token");
    assert_eq!(error.to_string(), "a session token belongs to s3 stores; us3 has none");
    let ip: StoreUrl = format!("s3://{BUCKET}?endpoint=http://127.0.0.1&style=virtual-host").parse().unwrap();
    let error = RemoteStore::open(&ip, &relayed.settings()).expect_err("no host of a bucket");
    assert!(error.to_string().contains("make no url of this style"), "{error}");
}
