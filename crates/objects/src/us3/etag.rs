//! US3's `ETag`: a hash of a file in blocks of 4 MiB, computed as a stream. It is not an MD5 and does not depend on the
//! parts of the upload.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use sha1::{Digest as _, Sha1};

/// Size in bytes of a block, and of each part of an upload but the last.
pub const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Length of an `ETag`: 4 + 20 bytes in base64.
const ETAG_CHARS: usize = 32;

/// Computes an `ETag`: urlsafe-base64(u32le(number of 4 MiB blocks) + sha1), where sha1 is over the file if it has one
/// block, else over the sha1s of its blocks (docs/SIGNING.md, "`ETags`").
///
/// An empty file has no blocks here. The published Python SDK omits the hash of an empty file; no recorded server reply
/// shows which is right.
#[derive(Clone)]
pub struct EtagHasher {
    block: Sha1,
    block_len: usize,
    /// Hash over the hashes of the finished blocks.
    blocks: Sha1,
    finished_blocks: u32,
}

impl EtagHasher {
    /// A hasher without input.
    pub fn new() -> Self {
        Self { block: Sha1::new(), block_len: 0, blocks: Sha1::new(), finished_blocks: 0 }
    }

    /// Adds the next bytes of the file, in pieces of any size.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A full block is closed only if more follows: a file of exactly one block is hashed as one block.
            if self.block_len == BLOCK_BYTES {
                self.close_block();
            }
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block_len));
            self.block.update(now);
            self.block_len += now.len();
            bytes = later;
        }
    }

    /// The `ETag` of all bytes added, without quotes.
    pub fn finish(mut self) -> String {
        let hash = if self.finished_blocks == 0 {
            self.finished_blocks = u32::from(self.block_len > 0);
            self.block.finalize()
        } else {
            self.close_block();
            self.blocks.finalize()
        };
        let mut raw = self.finished_blocks.to_le_bytes().to_vec();
        raw.extend_from_slice(&hash);
        URL_SAFE.encode(raw)
    }

    fn close_block(&mut self) {
        let hash = std::mem::take(&mut self.block).finalize();
        self.blocks.update(hash);
        // 2^32 blocks are 16 PiB; beyond that, a saturated count is no worse than a wrapped one.
        self.finished_blocks = self.finished_blocks.saturating_add(1);
        self.block_len = 0;
    }
}

impl Default for EtagHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EtagHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtagHasher").field("finished_blocks", &self.finished_blocks).finish_non_exhaustive()
    }
}

/// Whether the text has the form of an `ETag` of [`EtagHasher::finish`].
pub(crate) fn is_etag(text: &str) -> bool {
    text.len() == ETAG_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule without streaming.
    fn naive(bytes: &[u8]) -> String {
        let blocks: Vec<_> = bytes.chunks(BLOCK_BYTES).map(Sha1::digest).collect();
        let hash = if blocks.len() > 1 { Sha1::digest(blocks.concat()) } else { Sha1::digest(bytes) };
        let count = u32::try_from(blocks.len()).expect("few blocks");
        URL_SAFE.encode([&count.to_le_bytes()[..], &hash[..]].concat())
    }

    #[test]
    fn streaming_agrees_with_the_rule_at_block_boundaries() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(2 * BLOCK_BYTES + 1).collect();
        for len in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, 2 * BLOCK_BYTES + 1]
        {
            for cut in [1 << 20, BLOCK_BYTES, BLOCK_BYTES + 7, 3 * BLOCK_BYTES] {
                let mut hasher = EtagHasher::new();
                bytes[..len].chunks(cut).for_each(|piece| hasher.update(piece));
                let etag = hasher.finish();
                assert!(is_etag(&etag), "{etag}");
                assert_eq!(etag, naive(&bytes[..len]), "{len} bytes in pieces of {cut}");
            }
        }
    }
}
