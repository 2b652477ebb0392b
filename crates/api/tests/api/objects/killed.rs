//! A process that is killed in the middle of an upload: the next server ends the upload.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use tollbook_objects::{ObjectStore as _, RemoteSettings, RemoteStore, Tuning};

use super::relay::{Act, Asked};
use super::relayed_store::{BOTH, Kind, LARGE, RelayedStore, content, key, put};

/// In the environment of the process to be killed: the store's URL and its data directory.
const STORE: &str = "TOLLBOOK_TEST_KILLED_STORE";
const DATA: &str = "TOLLBOOK_TEST_KILLED_DATA";

#[expect(clippy::disallowed_methods, reason = "the test speaks to its own child process")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the killed process does: it is this test again, with a store to upload to.
fn upload(url: &str, data: PathBuf) {
    let settings = RelayedStore::new(Kind::Us3).settings();
    // One part after the other: none is on its way to the server when this process crashes.
    let tuning = Tuning { upload_threads: 1, ..settings.tuning.clone() };
    let settings = RemoteSettings { data_directory: data, tuning, ..settings };
    let store = RemoteStore::open(&url.parse().unwrap(), &settings).unwrap();
    let ended = put(&store, &key(1), &content(LARGE));
    panic!("it was to be killed before it ended: {ended:?}");
}

#[test]
fn the_upload_of_a_killed_process_is_removed() {
    if let (Some(url), Some(data)) = (variable(STORE), variable(DATA)) {
        return upload(&url, data.into());
    }
    for kind in BOTH {
        for at in [Asked::Part(2), Asked::Finish] {
            let relayed = RelayedStore::new(kind);
            let (reached, wait) = mpsc::channel();
            relayed.relay.rule(move |seen| {
                if seen == at {
                    let _ = reached.send(());
                    return Act::Silence;
                }
                Act::Pass
            });
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "objects::killed::the_upload_of_a_killed_process_is_removed"])
                .env(STORE, relayed.url())
                .env(DATA, relayed.data.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            wait.recv().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(relayed.left().iter().any(|file| file.ends_with(".journal")), "{:?}", relayed.left());

            relayed.relay.pass();
            let next = relayed.store();
            assert!(next.clear_spool().unwrap() >= 1, "at least the spool file");
            assert_eq!(relayed.relay.count(Asked::Abort), 1, "{kind:?} {at:?}");
            assert_eq!(relayed.left(), Vec::<String>::new(), "{kind:?} {at:?}");
        }
    }
}

#[test]
fn the_upload_of_a_process_killed_before_it_knew_its_id_is_removed() {
    // S3's listing is not in the server of the tests.
    let relayed = RelayedStore::new(Kind::Us3);
    let store = relayed.store();
    relayed.relay.rule(|seen| match seen {
        Asked::Begin => Act::CutAnswer,
        Asked::Uploads => Act::Answer(503, ""),
        _ => Act::Pass,
    });
    assert!(put(&store, &key(1), &content(LARGE)).expect_err("no answer").is_unavailable());
    drop(store);
    relayed.relay.pass();
    relayed.store().clear_spool().unwrap();
    assert_eq!(relayed.relay.count(Asked::Abort), 7, "one for each attempt whose answer was lost");
    assert_eq!(relayed.left(), Vec::<String>::new());
}
