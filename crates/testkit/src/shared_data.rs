//! The folder of real data that some tests read, which is not part of the repository, and the list of what a run skipped.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The path of a file or folder of the shared data, below `TOLLBOOK_SHARED` (default: `shared` beside the checkout).
///
/// Returns `None` if there is no shared data: the test is then skipped, and its name is added to the file that
/// `TOLLBOOK_TEST_SKIPPED` names, so that the end of the run reports it.
///
/// # Panics
/// If the shared data is absent and `CI` is `true`.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the test runner passes the folder in the environment")]
    let [named, ci] = ["TOLLBOOK_SHARED", "CI"].map(|name| std::env::var(name).ok());
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let found = named.map_or(default, PathBuf::from).join(path);
    if found.exists() {
        return Some(found);
    }
    assert!(ci.as_deref() != Some("true"), "the shared data is not at {}", found.display());
    note_skipped("");
    None
}

/// Adds the name of the running test to the list of what the run skipped, with what the test, or a part of it, needs. An empty
/// `need` is the folder of shared data.
///
/// # Panics
/// If the list cannot be written.
pub fn note_skipped(need: &str) {
    #[expect(clippy::disallowed_methods, reason = "the test runner passes the file in the environment")]
    let Ok(file) = std::env::var("TOLLBOOK_TEST_SKIPPED") else { return };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = if need.is_empty() { format!("{test}\n") } else { format!("{test}\t{need}\n") };
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(&file)
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    // A single write, so that lines of tests in other processes are not interleaved.
    file.write_all(line.as_bytes()).expect("the list of skipped tests can be written");
}
