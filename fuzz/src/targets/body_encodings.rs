//! Compressed bodies of requests: bounded, and the same bytes when they are compressed again.

use tollbook_formats::text::{ContentEncoding, ExpandError, expand};

use crate::files::gzip;

const MOST: usize = 1 << 16;

pub(super) fn check(input: &[u8]) {
    for encoding in [ContentEncoding::Identity, ContentEncoding::Gzip, ContentEncoding::Zstd] {
        match expand(input.to_vec(), encoding, MOST) {
            Ok(plain) => {
                assert!(plain.len() <= MOST);
                for (encoding, body) in [
                    (ContentEncoding::Gzip, gzip(&plain, &[1, 7])),
                    (ContentEncoding::Zstd, zstd::encode_all(plain.as_slice(), 1).expect("in memory")),
                ] {
                    assert_eq!(expand(body.clone(), encoding, plain.len()).as_ref(), Ok(&plain));
                    if let Some(most) = plain.len().checked_sub(1) {
                        assert_eq!(expand(body, encoding, most), Err(ExpandError::TooLong(most)));
                    }
                }
            }
            Err(ExpandError::TooLong(most)) => assert_eq!(most, MOST),
            Err(ExpandError::Damaged(_)) => assert_ne!(encoding, ContentEncoding::Identity),
        }
    }
}
