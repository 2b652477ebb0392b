//! A file made of pieces of text, uncompressed or as one gzip member (RFC 1952). Each piece is compressed on its own, on
//! the thread that made it, and ends on a byte boundary, so that the file is the concatenation of the pieces.

use std::io::{self, Write};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};

/// The compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// None.
    Plain,
    /// One gzip member.
    Gzip,
}

/// An empty final block of deflate (RFC 1951, 3.2.3): one bit "final", two bits "fixed codes", the end-of-block code.
const END_OF_DEFLATE: [u8; 2] = [0x03, 0x00];

/// A piece of the file.
pub(crate) struct Packed {
    bytes: Vec<u8>,
    /// Checksum of the text; knows its length.
    checksum: Hasher,
    text_len: usize,
}

/// Makes pieces, at the fastest level, because compressing takes longer than everything else. Each thread has its own; a piece depends only on its text.
pub(crate) struct Packer {
    deflate: Option<Compress>,
    /// Reused output buffer. The length of a piece is known only after compression.
    buffer: Vec<u8>,
}

impl Packer {
    pub(crate) fn new(packing: Packing) -> Self {
        let deflate = match packing {
            Packing::Plain => None,
            Packing::Gzip => Some(Compress::new(Compression::fast(), false)),
        };
        Self { deflate, buffer: Vec::new() }
    }

    /// The piece of a text.
    pub(crate) fn pack(&mut self, text: String) -> io::Result<Packed> {
        let text_len = text.len();
        let Some(deflate) = &mut self.deflate else {
            return Ok(Packed { bytes: text.into_bytes(), checksum: Hasher::new(), text_len });
        };
        let mut checksum = Hasher::new();
        checksum.update(text.as_bytes());
        // Without the previous piece's history, the bytes do not depend on which thread made which piece.
        deflate.reset();
        self.buffer.clear();
        // More than any compressed text, so that one call is enough: the fastest level has fixed codes of at most nine
        // bits for a byte.
        self.buffer.reserve(text_len + text_len / 8 + 1_024);
        deflate.compress_vec(text.as_bytes(), &mut self.buffer, FlushCompress::Sync)?;
        if deflate.total_in() != text_len as u64 || self.buffer.len() == self.buffer.capacity() {
            return Err(io::Error::other("a compressed piece of text exceeds its bound"));
        }
        Ok(Packed { bytes: self.buffer.clone(), checksum, text_len })
    }
}

/// Concatenates pieces to a file.
pub(crate) struct PackedFile<W> {
    spool: W,
    packing: Packing,
    checksum: Hasher,
    /// Length of the text modulo 2³², for the trailer of the member.
    text_len: u32,
}

impl<W: Write> PackedFile<W> {
    /// Begins the file. The member has the time of the snapshot and no name, so that the same content has the same bytes.
    pub(crate) fn begin(mut spool: W, packing: Packing, unix_s: i64) -> io::Result<Self> {
        if packing == Packing::Gzip {
            // 32 bits end in 2106; zero means "no time".
            let modified = u32::try_from(unix_s).unwrap_or(0).to_le_bytes();
            // Magic, deflate, no flags; then the time; then no level and an unknown file system.
            spool.write_all(&[0x1f, 0x8b, 8, 0])?;
            spool.write_all(&modified)?;
            spool.write_all(&[0, 255])?;
        }
        Ok(Self { spool, packing, checksum: Hasher::new(), text_len: 0 })
    }

    /// Appends the next piece.
    pub(crate) fn append(&mut self, piece: &Packed) -> io::Result<()> {
        self.spool.write_all(&piece.bytes)?;
        if self.packing == Packing::Gzip {
            self.checksum.combine(&piece.checksum);
            let low_bits = u32::try_from(piece.text_len & 0xffff_ffff).expect("32 bits are left");
            self.text_len = self.text_len.wrapping_add(low_bits);
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if self.packing == Packing::Gzip {
            self.spool.write_all(&END_OF_DEFLATE)?;
            self.spool.write_all(&self.checksum.finalize().to_le_bytes())?;
            self.spool.write_all(&self.text_len.to_le_bytes())?;
        }
        Ok(self.spool)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn file(packing: Packing, packers: usize, pieces: &[String]) -> Vec<u8> {
        let mut file = PackedFile::begin(Vec::new(), packing, 1_700_000_000).unwrap();
        let mut packers: Vec<Packer> = (0..packers).map(|_| Packer::new(packing)).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let packer = number % packers.len();
            file.append(&packers[packer].pack(piece.clone()).unwrap()).unwrap();
        }
        file.finish().unwrap()
    }

    fn assert_inflates_to(member: &[u8], text: &str) {
        let mut decoder = GzDecoder::new(member);
        let mut inflated = String::new();
        // The decoder checks the checksum and the length.
        decoder.read_to_string(&mut inflated).unwrap();
        assert!(inflated == text, "{} bytes instead of {}", inflated.len(), text.len());
        let header = decoder.header().unwrap();
        assert_eq!((header.mtime(), header.filename()), (1_700_000_000, None));
        assert_eq!(decoder.into_inner().len(), 0, "one member, with nothing after it");
    }

    #[test]
    fn an_empty_text_is_a_valid_member() {
        assert_inflates_to(&file(Packing::Gzip, 1, &[]), "");
    }

    #[test]
    fn incompressible_text_fits_its_bound() {
        let mut state = 1_u32;
        let mut noise = || {
            // Marsaglia's 32-bit xorshift.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from_u32(state % 0x1_0000).unwrap_or('x')
        };
        let piece: String = (0..400_000).map(|_| noise()).collect();
        assert_inflates_to(&file(Packing::Gzip, 1, &[piece.clone(), piece.clone()]), &piece.repeat(2));
    }

    proptest! {
        #[test]
        fn the_file_does_not_depend_on_the_number_of_packers(
            pieces in prop::collection::vec("(\\PC|abcdef,){0,300}", 0..8),
            packers in 1_usize..4,
        ) {
            let text = pieces.concat();
            let member = file(Packing::Gzip, packers, &pieces);
            assert_inflates_to(&member, &text);
            prop_assert!(member == file(Packing::Gzip, 1, &pieces));
            prop_assert!(text.as_bytes() == file(Packing::Plain, packers, &pieces));
        }
    }
}
