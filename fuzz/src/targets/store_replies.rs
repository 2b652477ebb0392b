//! Replies of object stores: whatever a server sends is a list or an error.

use tollbook_objects::fuzzing::{list_objects, list_uploads};

pub(super) fn check(input: &[u8]) {
    for page in list_objects(input) {
        match page {
            // Each object takes some bytes of the reply.
            Ok(page) => assert!(page.objects.len() <= input.len()),
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
    if let Ok(uploads) = list_uploads(input) {
        assert!(uploads <= input.len());
    }
}
