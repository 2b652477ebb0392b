//! Records of other programs through each mapping that comes with the program: compression changes nothing, a record is
//! sorted and has no negative count, and a reason is one line.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use tollbook_domain::usage::Usage;
use tollbook_formats::usage::{Mapped, Mapping, RecordFileError, UsageFile};

use crate::files::{check_reason, folder, gzip, is_compressed, stream, uncounted};

/// Every mapping, with what the operator states for those that lack a field.
static MAPPINGS: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let complete = |name: &str| {
        let mapping = Mapping::built_in(name).expect("built in");
        let constants: Vec<(&str, &str)> = mapping.missing().into_iter().map(|field| (field, "7")).collect();
        mapping.with_constants(&constants).expect("numbers and texts")
    };
    Mapping::built_in_names().map(complete).collect()
});

type Read = Vec<Result<(u64, Result<Usage, String>), RecordFileError>>;

fn read(bytes: Vec<u8>, mapping: &Mapping) -> Option<Read> {
    let proceed = &mut |_| ControlFlow::Continue(());
    let file = UsageFile::open(stream(bytes), Some(mapping.clone()), folder(), proceed).ok()?;
    let records = file.records(uncounted()).ok()?;
    Some(records.collect())
}

pub(super) fn check(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    let mapping = &MAPPINGS[usize::from(*which) % MAPPINGS.len()];
    if let Ok(text) = std::str::from_utf8(bytes) {
        for record in mapping.map_json(text, 1) {
            match record {
                Mapped::Usage { usage, .. } => check_usage(&usage),
                Mapped::Skipped(rule) => assert!(!rule.is_empty()),
                Mapped::Refused(reason) => check_reason(&reason),
            }
        }
    }
    let Some(records) = read(bytes.to_vec(), mapping) else { return };
    if !is_compressed(bytes) && bytes.len() >= 4 {
        let cuts = [1, 2, usize::from(bytes[0]), 3];
        assert_eq!(read(gzip(bytes, &cuts), mapping).as_ref(), Some(&records));
    }
    for record in records {
        match record {
            Ok((_, Ok(usage))) => check_usage(&usage),
            Ok((line, Err(reason))) => {
                assert!(line > 0);
                check_reason(&reason);
            }
            Err(error) => check_reason(&error.reason),
        }
    }
}

fn check_usage(usage: &Usage) {
    assert!(usage.quantities.is_sorted_by(|(a, _), (b, _)| a < b), "{usage:?}");
    assert!(usage.quantities.iter().all(|(_, count)| *count >= 0), "{usage:?}");
}
