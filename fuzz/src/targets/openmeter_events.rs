//! Events of OpenMeter's ingest: one alone and one in an array are read alike.

use tollbook_formats::usage::BatchError;
use tollbook_formats::usage::openmeter::{MeterEvent, read_events};

use crate::files::check_reason;

const MOST: usize = 8;
const NOW_S: i64 = 1_780_000_000;

pub(super) fn check(input: &[u8]) {
    let Ok(body) = std::str::from_utf8(input) else { return };
    match read_events(body, MOST, NOW_S) {
        Ok(events) => {
            assert!(events.len() <= MOST);
            if !body.trim_start().starts_with('[') {
                assert_eq!(read_events(&format!(" [{body}] "), MOST, NOW_S).as_ref(), Ok(&events));
            }
            for event in events {
                match event {
                    Ok(MeterEvent::Usage { usage, .. }) => {
                        assert!(!usage.id.is_empty());
                        assert!(usage.quantities.iter().all(|(_, count)| *count >= 0));
                        assert!(usage.quantities.is_sorted_by(|(a, _), (b, _)| a < b));
                    }
                    Ok(MeterEvent::NoTokens(_)) => {}
                    Err(refused) => check_reason(&refused.reason),
                }
            }
        }
        Err(BatchError::NotJson(reason)) => check_reason(&reason),
        Err(BatchError::NotArray | BatchError::TooMany { .. }) => {}
    }
}
