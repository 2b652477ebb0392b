//! If a process is killed during an upload, the next server aborts the upload.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use tollbook_objects::{ObjectStore as _, RemoteSettings, RemoteStore, Tuning};

use super::relayed_store::{BOTH, Kind, LARGE, RelayedStore, content, key, put};
use tollbook_testkit::stores::{Act, Asked};

/// Environment variables of the process to be killed: the store's URL and the data directory.
const STORE: &str = "TOLLBOOK_TEST_KILLED_STORE";
const DATA: &str = "TOLLBOOK_TEST_KILLED_DATA";

#[expect(clippy::disallowed_methods, reason = "the test passes settings to its own child process")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The body of the process to be killed, which runs this test with the variables set.
fn upload(url: &str, data: PathBuf) {
    let settings = RelayedStore::new(Kind::Us3).settings();
    // Parts are sent one at a time, so that no other part is in transit when this process is killed.
    let tuning = Tuning { upload_threads: 1, ..settings.tuning.clone() };
    let settings = RemoteSettings { data_directory: data, tuning, ..settings };
    let store = RemoteStore::open(&url.parse().unwrap(), &settings).unwrap();
    let ended = put(&store, &key(1), &content(LARGE));
    panic!("the upload ended before the process was killed: {ended:?}");
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
fn an_upload_whose_id_was_never_received_is_removed() {
    // US3 only: the S3 server of the tests does not list uploads.
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
