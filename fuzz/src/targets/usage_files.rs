//! Usage files of our own: a record that is accepted is the same when it is written and read again, compression changes
//! nothing, and an error names a line of the file.

use std::ops::ControlFlow;

use tollbook_domain::usage::Usage;
use tollbook_formats::usage::{RecordFileError, UsageFile, parse_record};

use crate::files::{check_reason, folder, gzip, is_compressed, stream, uncounted, usage_json};

type Read = Vec<Result<(u64, Result<Usage, String>), RecordFileError>>;

fn read(bytes: Vec<u8>) -> Option<Read> {
    let file = UsageFile::open(stream(bytes), None, folder(), &mut |_| ControlFlow::Continue(())).ok()?;
    let records = file.records(uncounted()).ok()?;
    Some(records.collect())
}

pub(super) fn check(input: &[u8]) {
    let Some(records) = read(input.to_vec()) else { return };
    if !is_compressed(input) && input.len() >= 4 {
        let cuts = [1, 2, usize::from(input[0]), 3];
        assert_eq!(read(gzip(input, &cuts)).as_ref(), Some(&records));
        let zstd = zstd::encode_all(input, 1).expect("in memory");
        assert_eq!(read(zstd).as_ref(), Some(&records));
    }
    for record in records {
        match record {
            Ok((_, Ok(usage))) => {
                let written = usage_json(&usage);
                assert_eq!(parse_record(written.as_bytes()), Ok(usage), "{written}");
            }
            Ok((line, Err(reason))) => {
                assert!(line > 0);
                check_reason(&reason);
            }
            Err(error) => check_reason(&error.reason),
        }
    }
}
