//! When the server or the way to it fails: what passes is tried again, what does not is told, and after each failure
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

use crate::relay::{Act, Asked};
use crate::servers::{BUCKET, PUBLIC_KEY, RETENTION_S};
use crate::site::{BOTH, Kind, LARGE, Site, content, key, put, put_until, stored};

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
fn a_server_that_is_down_is_told_and_nothing_stays() {
    for kind in BOTH {
        let site = Site::new(kind);
        // A port on which nobody listens any more.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = site.url().replace(&site.relay.address.to_string(), &free.to_string());
        let store = RemoteStore::open(&url.parse::<StoreUrl>().unwrap(), &site.settings()).unwrap();
        for len in [10, LARGE] {
            let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
            assert_eq!((status, is_unavailable), (None, true), "{text}");
            assert!(text.contains(key(1).as_str()) && text.contains(": no answer: "), "{text}");
        }
        assert!(remote(store.len_of(&key(1))).2);
        assert!(remote(store.sweep(SystemClock.now_s())).2);
        drop(store);
        // What a failed upload may have left is looked for by the next server that reaches the store.
        let store = RemoteStore::open(&site.url().parse::<StoreUrl>().unwrap(), &site.settings()).unwrap();
        store.clear_spool().unwrap();
        assert_eq!(site.relay.count(Asked::Delete), 0, "journals of another store wait for it");
        assert_eq!(site.left().len(), 2, "{:?}", site.left());
    }
}

#[test]
fn a_refusal_is_told_at_once() {
    for kind in BOTH {
        let site = Site::new(kind);
        let store = site.store();
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
            let before = site.relay.count(asked);
            site.relay.rule(move |seen| if seen == asked { Act::Answer(403, refused) } else { Act::Pass });
            let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
            assert_eq!((status, is_unavailable), (Some(403), false), "{text}");
            let code = if kind == Kind::S3 { "AccessDenied" } else { "-148660" };
            assert!(text.contains(doing) && text.ends_with(&format!(": HTTP 403 {code}: no")), "{text}");
            assert_eq!(site.relay.count(asked) - before, 1, "{kind:?} {asked:?}");
            assert_eq!(site.left(), NOTHING, "{kind:?} {asked:?}");
        }
    }
}

#[test]
fn a_wrong_secret_is_refused_by_the_server_and_not_told_by_us() {
    for kind in BOTH {
        let site = Site::new(kind);
        let store = site.store_with_keys(ObjectKeys::new(PUBLIC_KEY, "another-secret"));
        let (status, text, _) = remote(put(&store, &key(1), &content(10)));
        assert_eq!(status, Some(403), "{text}");
        let code = if kind == Kind::S3 { "SignatureDoesNotMatch" } else { "-148658" };
        assert!(text.contains(code), "{text}");
        assert!(!text.contains("another-secret") && !text.contains(PUBLIC_KEY), "{text}");
        assert!(remote(store.len_of(&key(1))).1.contains("HTTP 403"));
        // Nothing came in; that nothing must be removed is asked again by a server with the right key.
        drop(store);
        let store = site.store();
        store.clear_spool().unwrap();
        assert_eq!(site.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn what_passes_is_tried_again() {
    for kind in BOTH {
        let site = Site::new(kind);
        let store = site.store();
        let all = [Asked::Begin, Asked::Part(1), Asked::Part(3), Asked::Finish, Asked::Put];
        for (nth, act) in [
            ("an error", (|kind| Act::Answer(500, failure(kind))) as fn(Kind) -> Act),
            ("too many requests", |_| Act::Answer(429, "")),
            ("a cut", |_| Act::CutBody),
        ] {
            for asked in all {
                let mut is_first = true;
                site.relay.rule(move |seen| {
                    if seen == asked && std::mem::take(&mut is_first) { act(kind) } else { Act::Pass }
                });
                let before = site.relay.count(asked);
                let content = content(if asked == Asked::Put { 1_000_000 } else { LARGE });
                assert_eq!(put(&store, &key(1), &content).unwrap(), stored(&content), "{nth} {asked:?}");
                assert_eq!(site.relay.count(asked) - before, 2, "{kind:?} {nth} {asked:?}");
                assert_eq!(store.len_of(&key(1)).unwrap(), Some(content.len() as u64));
                store.delete(&key(1)).unwrap();
                assert_eq!(site.left(), NOTHING, "{kind:?} {nth} {asked:?}");
            }
        }
    }
}

#[test]
fn what_does_not_pass_fails_and_leaves_nothing() {
    for kind in BOTH {
        for act in [|kind| Act::Answer(500, failure(kind)), |_| Act::CutBody] as [fn(Kind) -> Act; 2] {
            for asked in [Asked::Put, Asked::Begin, Asked::Part(3), Asked::Finish] {
                let site = Site::new(kind);
                let store = site.store();
                site.relay.rule(move |seen| if seen == asked { act(kind) } else { Act::Pass });
                let len = if asked == Asked::Put { 1_000_000 } else { LARGE };
                let (_, text, is_unavailable) = remote(put(&store, &key(1), &content(len)));
                assert!(is_unavailable, "{text}");
                assert_eq!(site.relay.count(asked), 7, "the first attempt and six more: {text}");
                assert_eq!(store.len_of(&key(1)).unwrap(), None, "{kind:?} {asked:?}");
                assert_eq!(site.left(), NOTHING, "{kind:?} {asked:?}");
            }
        }
    }
}

#[test]
fn a_lost_answer_does_not_undo_what_was_done() {
    for kind in BOTH {
        for asked in [Asked::Put, Asked::Part(2), Asked::Finish] {
            let site = Site::new(kind);
            let store = site.store();
            let mut is_first = true;
            site.relay.rule(move |seen| {
                if seen == asked && std::mem::take(&mut is_first) { Act::CutAnswer } else { Act::Pass }
            });
            let content = content(if asked == Asked::Put { 1_000 } else { LARGE });
            assert_eq!(put(&store, &key(1), &content).unwrap(), stored(&content), "{kind:?} {asked:?}");
            assert_eq!(store.len_of(&key(1)).unwrap(), Some(content.len() as u64));
            store.delete(&key(1)).unwrap();
            assert_eq!(site.left(), NOTHING, "{kind:?} {asked:?}");
        }
    }
}

#[test]
fn a_silent_server_is_given_up() {
    for kind in BOTH {
        let site = Site::new(kind);
        let settings = RemoteSettings {
            tuning: Tuning {
                request_timeout: Duration::from_secs(4),
                upload_timeout: Duration::from_secs(5),
                ..site.settings().tuning
            },
            ..site.settings()
        };
        let store = site.store_of(&settings);
        site.relay.rule(|seen| if seen == Asked::Part(2) { Act::Silence } else { Act::Pass });
        let (status, text, is_unavailable) = remote(put(&store, &key(1), &content(LARGE)));
        assert_eq!((status, is_unavailable), (None, true), "{text}");
        site.relay.pass();
        // Should the machine have been too slow to clean up in so little time.
        drop(store);
        site.store().clear_spool().unwrap();
        assert_eq!(site.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn an_upload_that_nobody_wants_any_more_ends() {
    for kind in BOTH {
        for at in [Asked::Begin, Asked::Part(2), Asked::Finish] {
            let site = Site::new(kind);
            let store = site.store();
            let is_over = Arc::new(AtomicBool::new(false));
            let seen_by_relay = Arc::clone(&is_over);
            site.relay.rule(move |seen| {
                if seen == at {
                    seen_by_relay.store(true, Ordering::SeqCst);
                    // It would be tried again, were it wanted.
                    return Act::Answer(503, "");
                }
                Act::Pass
            });
            let ended = put_until(&store, &key(1), &content(LARGE), &|| is_over.load(Ordering::SeqCst));
            assert!(matches!(ended, Err(ObjectStoreError::Cancelled)), "{kind:?} {at:?} {ended:?}");
            assert_eq!(site.relay.count(at), 1);
            assert_eq!(site.left(), NOTHING, "{kind:?} {at:?}");
        }
        let site = Site::new(kind);
        let unwanted = put_until(&site.store(), &key(1), &content(10), &|| true);
        assert!(matches!(unwanted, Err(ObjectStoreError::Cancelled)));
        assert_eq!((site.relay.count(Asked::Put), site.left()), (0, NOTHING));
    }
}

#[test]
fn what_cannot_be_removed_at_once_is_removed_later() {
    for kind in BOTH {
        let site = Site::new(kind);
        let store = site.store();
        site.relay.rule(|seen| match seen {
            Asked::Part(3) => Act::Answer(400, ""),
            Asked::Abort => Act::Answer(403, ""),
            _ => Act::Pass,
        });
        assert_eq!(remote(put(&store, &key(1), &content(LARGE))).0, Some(400));
        assert_ne!(site.left(), NOTHING);
        // Still not.
        assert!(store.sweep(SystemClock.now_s()).is_err());
        assert_ne!(site.left(), NOTHING);
        site.relay.pass();
        store.sweep(SystemClock.now_s()).unwrap();
        assert_eq!(site.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn a_file_that_was_stored_though_its_put_failed_is_nobodys() {
    for kind in BOTH {
        let site = Site::new(kind);
        let store = site.store();
        // The server has it, but neither an answer nor the removal gets through.
        site.relay.rule(|seen| match seen {
            Asked::Put => Act::CutAnswer,
            Asked::Delete => Act::Answer(403, ""),
            _ => Act::Pass,
        });
        assert!(remote(put(&store, &key(1), &content(10))).2);
        assert_eq!(store.len_of(&key(1)).unwrap(), Some(10));
        drop(store);
        site.relay.pass();
        let next = site.store();
        next.clear_spool().unwrap();
        assert_eq!(next.len_of(&key(1)).unwrap(), None);
        assert_eq!(site.left(), NOTHING, "{kind:?}");
    }
}

#[test]
fn uploads_that_were_never_finished_are_swept_by_age() {
    // The S3 server of the tests has no listing of uploads; this is AWS's answer, and what follows from it is asked.
    let site = Site::new(Kind::S3);
    site.relay.rule(|seen| match seen {
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
    site.store().sweep(SystemClock.now_s()).unwrap();
    assert_eq!((site.relay.count(Asked::Uploads), site.relay.count(Asked::Abort)), (1, 1));

    // US3: an upload whose beginning was answered to nobody.
    let site = Site::new(Kind::Us3);
    let store = site.store();
    let mut is_first = true;
    site.relay.rule(move |seen| {
        if seen == Asked::Begin && std::mem::take(&mut is_first) { Act::CutAnswer } else { Act::Pass }
    });
    put(&store, &key(1), &content(LARGE)).unwrap();
    let now_s = SystemClock.now_s();
    store.sweep(now_s).unwrap();
    assert_eq!(site.relay.count(Asked::Abort), 0, "it may go on");
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(site.relay.count(Asked::Abort), 1);
    store.sweep(now_s + RETENTION_S + 600).unwrap();
    assert_eq!(site.relay.count(Asked::Abort), 1, "it is gone");
}

#[test]
fn the_spool_of_a_remote_store_is_bounded() {
    let site = Site::new(Kind::Us3);
    let store = site.store_of(&RemoteSettings { spool_bytes: 1_000, ..site.settings() });
    let mut spool = store.spool().unwrap();
    let error = spool.write_all(&content(1_001)).expect_err("too much");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(spool);
    put(&store, &key(1), &content(1_000)).unwrap();
    put(&store, &key(2), &content(1_000)).unwrap();
}

#[test]
fn keys_of_s3_alone_have_tokens() {
    let site = Site::new(Kind::Us3);
    let settings = RemoteSettings { session_token: Some("token".to_owned()), ..site.settings() };
    let error = RemoteStore::open(&site.url().parse::<StoreUrl>().unwrap(), &settings).expect_err("token");
    assert_eq!(error.to_string(), "a session token belongs to s3 stores; us3 has none");
    let ip: StoreUrl = format!("s3://{BUCKET}?endpoint=http://127.0.0.1&style=virtual-host").parse().unwrap();
    let error = RemoteStore::open(&ip, &site.settings()).expect_err("no host of a bucket");
    assert!(error.to_string().contains("make no url of this style"), "{error}");
}
