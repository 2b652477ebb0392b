//! A process that is killed in the middle of an upload: the next server ends the upload.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use tollbook_objects::{ObjectStore as _, RemoteSettings, RemoteStore, Tuning};

use crate::relay::{Act, Asked};
use crate::site::{BOTH, Kind, LARGE, Site, content, key, put};

/// In the environment of the process to be killed: the store's URL and its data directory.
const STORE: &str = "TOLLBOOK_TEST_KILLED_STORE";
const DATA: &str = "TOLLBOOK_TEST_KILLED_DATA";

#[expect(clippy::disallowed_methods, reason = "the test speaks to its own child process")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the killed process does: it is this test again, with a store to upload to.
fn upload(url: &str, data: PathBuf) {
    let settings = Site::new(Kind::Us3).settings();
    // One part after the other: none is on its way to the server when this process dies.
    let tuning = Tuning { upload_threads: 1, ..settings.tuning.clone() };
    let settings = RemoteSettings { data_directory: data, tuning, ..settings };
    let store = RemoteStore::open(&url.parse().unwrap(), &settings).unwrap();
    let ended = put(&store, &key(1), &content(LARGE));
    panic!("it was to be killed before it ended: {ended:?}");
}

#[test]
fn a_killed_process_leaves_nothing_for_long() {
    if let (Some(url), Some(data)) = (variable(STORE), variable(DATA)) {
        return upload(&url, data.into());
    }
    for kind in BOTH {
        for at in [Asked::Part(2), Asked::Finish] {
            let site = Site::new(kind);
            let (reached, wait) = mpsc::channel();
            site.relay.rule(move |seen| {
                if seen == at {
                    let _ = reached.send(());
                    return Act::Silence;
                }
                Act::Pass
            });
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "killed::a_killed_process_leaves_nothing_for_long"])
                .env(STORE, site.url())
                .env(DATA, site.data.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            wait.recv().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(site.left().iter().any(|file| file.ends_with(".journal")), "{:?}", site.left());

            site.relay.pass();
            let next = site.store();
            assert!(next.clear_spool().unwrap() >= 1, "at least the spool file");
            assert_eq!(site.relay.count(Asked::Abort), 1, "{kind:?} {at:?}");
            assert_eq!(site.left(), Vec::<String>::new(), "{kind:?} {at:?}");
        }
    }
}

#[test]
fn a_process_that_was_killed_before_it_knew_its_upload_leaves_nothing_either() {
    // S3's listing is not in the server of the tests.
    let site = Site::new(Kind::Us3);
    let store = site.store();
    site.relay.rule(|seen| match seen {
        Asked::Begin => Act::CutAnswer,
        Asked::Uploads => Act::Answer(503, ""),
        _ => Act::Pass,
    });
    assert!(put(&store, &key(1), &content(LARGE)).expect_err("no answer").is_unavailable());
    drop(store);
    site.relay.pass();
    site.store().clear_spool().unwrap();
    assert_eq!(site.relay.count(Asked::Abort), 7, "one for each attempt whose answer was lost");
    assert_eq!(site.left(), Vec::<String>::new());
}
