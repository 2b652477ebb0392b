//! Usage as `CloudEvents`: an event alone, in a batch and as a line of a file is read alike; an accepted one is the same
//! when its record is written and read again.

use tollbook_domain::Catalogue;
use tollbook_domain::usage::UsageLimits;
use tollbook_formats::usage::{BatchError, parse_batch, parse_event, parse_record};

use crate::files::{check_reason, usage_json};

const MOST: usize = 8;
const NOW_S: i64 = 1_780_000_000;

pub(super) fn check(input: &[u8]) {
    let event = parse_event(input);
    let batch = [b"[", input, b"]"].concat();
    match (&event, parse_batch(&batch, MOST)) {
        (Ok(event), Ok(batch)) => {
            assert_eq!(batch, [Ok(event.clone())]);
            assert_eq!(parse_record(input).as_ref(), Ok(event));
            assert_eq!(parse_record(usage_json(event).as_bytes()).as_ref(), Ok(event));
            let limits = UsageLimits { past_s: None, future_s: 0, quantity: 1 << 40 };
            if event.check(&Catalogue::built_in(), &limits, NOW_S).is_ok() {
                assert!(event.quantities.iter().all(|(_, count)| (0..=1 << 40).contains(count)));
                assert!((0..=NOW_S).contains(&event.time_s));
            }
        }
        (Ok(_), Err(error)) => panic!("refused in a batch: {error}"),
        (Err(reason), batch) => {
            check_reason(reason);
            // Several values with commas between them are a batch, and no event.
            if let Ok([Ok(usage)]) = batch.as_deref() {
                panic!("accepted in a batch only: {usage:?}");
            }
        }
    }
    match parse_batch(input, MOST) {
        Ok(events) => {
            assert!(events.len() <= MOST);
            events.iter().filter_map(|event| event.as_ref().err()).for_each(|refused| {
                check_reason(&refused.reason);
            });
        }
        Err(BatchError::NotJson(reason)) => check_reason(&reason),
        Err(BatchError::NotArray | BatchError::TooMany { .. }) => {}
    }
}
