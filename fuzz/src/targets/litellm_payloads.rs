//! Bodies of LiteLLM's callback: an array and lines are the same payloads, and each is mapped alike.

use std::sync::LazyLock;

use tollbook_formats::usage::litellm::{id, names, payloads};
use tollbook_formats::usage::{BatchError, Mapped, Mapping};

use crate::files::check_reason;

const MOST: usize = 16;

static MAPPING: LazyLock<Mapping> = LazyLock::new(|| Mapping::built_in("litellm").expect("built in"));

pub(super) fn check(input: &[u8]) {
    let Ok(body) = std::str::from_utf8(input) else { return };
    match payloads(body, MOST) {
        Ok(found) => {
            assert!(found.len() <= MOST);
            let joined = found.join("\n");
            // A payload that is an array itself is the array of payloads once it stands first.
            if found.iter().all(|payload| !payload.starts_with('[')) {
                assert_eq!(payloads(&joined, MOST).as_ref(), Ok(&found));
                assert_eq!(payloads(&format!("[{}]", found.join(",")), MOST), Ok(found.clone()));
            }
            for payload in found {
                let names = names(payload);
                assert!(names.iter().all(|(_, text)| !text.is_empty()));
                let _ = id(payload);
                let mapped = MAPPING.map_json(payload, 1);
                assert_eq!(mapped, MAPPING.map_json(payload, 1));
                for record in mapped {
                    if let Mapped::Refused(reason) = record {
                        check_reason(&reason);
                    }
                }
            }
        }
        Err(BatchError::NotJson(reason)) => check_reason(&reason),
        Err(BatchError::NotArray | BatchError::TooMany { .. }) => {}
    }
}
