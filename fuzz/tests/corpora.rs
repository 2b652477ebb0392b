//! Replays the corpora of the fuzz targets, and the inputs that once broke a rule.

use std::fs;
use std::path::{Path, PathBuf};

use tollbook_fuzz::TARGETS;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut folders: Vec<String> = fs::read_dir(corpora())
        .expect("the folder of corpora")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    folders.sort_unstable();
    assert_eq!(folders, TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
}

#[test]
fn the_corpora_hold() {
    for target in TARGETS {
        let inputs: Vec<PathBuf> = fs::read_dir(corpora().join(target.name))
            .expect("the folder of a corpus")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for input in inputs {
            let bytes = fs::read(&input).expect("an input");
            let failed = std::panic::catch_unwind(|| (target.check)(&bytes)).is_err();
            assert!(!failed, "{} breaks a rule", input.display());
        }
    }
}

#[test]
fn the_corpora_stay_small() {
    let bytes: u64 = TARGETS
        .iter()
        .flat_map(|target| fs::read_dir(corpora().join(target.name)).expect("the folder of a corpus"))
        .map(|entry| entry.expect("an entry").metadata().expect("a size").len())
        .sum();
    assert!(bytes < 2_000_000, "{bytes} bytes");
}
