//! The zip container (PKWARE APPNOTE 6.3.10), written sequentially without seeking. It knows entries and pieces of
//! deflate streams, not their content.
//!
//! Entries are smaller than 4 GiB: a streamed entry must declare *before* its data whether its sizes have 64 bits.
//! Excel repairs files with large entries that do not declare it, and LibreOffice, Windows and others refuse files that
//! always declare it (apache/poi pull request 154, zlib-ng/minizip-ng issue 894). The file as a whole may be larger;
//! the directory at its end then uses zip64 records, which readers of large archives support.

use std::io::{self, Write};

use crc32fast::Hasher;

use crate::calendar::Civil;
use crate::chunk::Piece;
use crate::deflate::STREAM_END;

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const DATA_DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
const CENTRAL_HEADER: [u8; 4] = *b"PK\x01\x02";
const ZIP64_END: [u8; 4] = *b"PK\x06\x06";
const ZIP64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
const END: [u8; 4] = *b"PK\x05\x06";

/// Versions needed to extract: 2.0 for deflate, 4.5 for zip64 (APPNOTE 4.4.3.2).
const VERSION_DEFLATE: u16 = 20;
const VERSION_ZIP64: u16 = 45;

/// General purpose bit 3: sizes and checksum follow the data (APPNOTE 4.4.4).
const FLAG_SIZES_FOLLOW: u16 = 1 << 3;

const METHOD_DEFLATED: u16 = 8;

/// Largest size of an entry, raw or compressed: one less than the value that refers to the zip64 field.
const MAX_ENTRY_BYTES: u64 = 0xFFFF_FFFE;

/// The fields that the local and the central header of an entry share.
#[derive(Debug)]
struct ZipEntry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    deflated_bytes: u32,
    raw_bytes: u32,
    /// Offset of the local header.
    offset: u64,
}

impl ZipEntry {
    /// From "general purpose bit flag" to "extra field length" (APPNOTE 4.3.7 and 4.3.12).
    fn push_shared(&self, out: &mut Vec<u8>, version: u16, dos_time: [u8; 4], sizes: [u32; 3], extra: u16) {
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.method.to_le_bytes());
        out.extend_from_slice(&dos_time);
        for size in sizes {
            out.extend_from_slice(&size.to_le_bytes());
        }
        out.extend_from_slice(&u16_of(self.name.len()).to_le_bytes());
        out.extend_from_slice(&extra.to_le_bytes());
    }

    fn push_local_header(&self, out: &mut Vec<u8>, dos_time: [u8; 4]) {
        out.extend_from_slice(&LOCAL_HEADER);
        let sizes = [self.crc, self.deflated_bytes, self.raw_bytes];
        self.push_shared(out, VERSION_DEFLATE, dos_time, sizes, 0);
        out.extend_from_slice(self.name.as_bytes());
    }

    fn push_central_header(&self, out: &mut Vec<u8>, dos_time: [u8; 4]) {
        let far = u32::try_from(self.offset).ok().filter(|&offset| offset < u32::MAX);
        let version = if far.is_none() { VERSION_ZIP64 } else { VERSION_DEFLATE };
        out.extend_from_slice(&CENTRAL_HEADER);
        out.extend_from_slice(&version.to_le_bytes());
        let sizes = [self.crc, self.deflated_bytes, self.raw_bytes];
        self.push_shared(out, version, dos_time, sizes, if far.is_none() { 12 } else { 0 });
        // Comment length, disk number, internal and external attributes.
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&far.unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
        if far.is_none() {
            // Zip64 extended information with the one field that does not fit (APPNOTE 4.5.3).
            out.extend_from_slice(&1_u16.to_le_bytes());
            out.extend_from_slice(&8_u16.to_le_bytes());
            out.extend_from_slice(&self.offset.to_le_bytes());
        }
    }
}

/// The entry that is being written.
#[derive(Debug)]
struct OpenEntry {
    entry: ZipEntry,
    crc: Hasher,
    deflated_bytes: u64,
    raw_bytes: u64,
}

/// Writes entries to `W` sequentially.
#[derive(Debug)]
pub(crate) struct ZipWriter<W> {
    out: W,
    /// Bytes written.
    position: u64,
    dos_time: [u8; 4],
    entries: Vec<ZipEntry>,
    open: Option<OpenEntry>,
}

impl<W: Write> ZipWriter<W> {
    /// All entries have the time `modified_unix_s`.
    pub(crate) fn new(out: W, modified_unix_s: i64) -> Self {
        Self { out, position: 0, dos_time: dos_time(modified_unix_s), entries: Vec::new(), open: None }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Writes a complete entry. It is compressed, not stored: exceljs, which reads workbooks as streams, loses stored
    /// entries at times (its version 4.4 with unzipper 0.10).
    pub(crate) fn whole(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        debug_assert!(self.open.is_none(), "entries do not nest");
        let piece = Piece::of(content);
        let entry = ZipEntry {
            name: name.to_owned(),
            flags: 0,
            method: METHOD_DEFLATED,
            crc: piece.crc.finalize(),
            deflated_bytes: u32_of((piece.deflated.len() + STREAM_END.len()) as u64),
            raw_bytes: u32_of(piece.raw_bytes),
            offset: self.position,
        };
        let mut bytes = Vec::with_capacity(piece.deflated.len() + 64);
        entry.push_local_header(&mut bytes, self.dos_time);
        bytes.extend_from_slice(&piece.deflated);
        bytes.extend_from_slice(&STREAM_END);
        self.entries.push(entry);
        self.write(&bytes)
    }

    /// Starts an entry that is written in pieces.
    pub(crate) fn start_entry(&mut self, name: &str) -> io::Result<()> {
        debug_assert!(self.open.is_none(), "entries do not nest");
        let entry = ZipEntry {
            name: name.to_owned(),
            flags: FLAG_SIZES_FOLLOW,
            method: METHOD_DEFLATED,
            crc: 0,
            deflated_bytes: 0,
            raw_bytes: 0,
            offset: self.position,
        };
        let mut header = Vec::new();
        entry.push_local_header(&mut header, self.dos_time);
        self.open = Some(OpenEntry { entry, crc: Hasher::new(), deflated_bytes: 0, raw_bytes: 0 });
        self.write(&header)
    }

    /// Whether the open entry is below 4 GiB with `piece`, `reserve` more bytes and the end of its stream.
    pub(crate) fn has_room(&self, piece: &Piece, reserve: u64) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let deflated = open.deflated_bytes + piece.deflated.len() as u64;
            let raw = open.raw_bytes + piece.raw_bytes;
            deflated.max(raw) + reserve + STREAM_END.len() as u64 <= MAX_ENTRY_BYTES
        })
    }

    /// Appends a piece to the open entry.
    pub(crate) fn piece(&mut self, piece: &Piece) -> io::Result<()> {
        debug_assert!(self.has_room(piece, 0), "the caller checks first");
        if let Some(open) = &mut self.open {
            open.crc.combine(&piece.crc);
            open.raw_bytes += piece.raw_bytes;
            open.deflated_bytes += piece.deflated.len() as u64;
        }
        self.write(&piece.deflated)
    }

    /// Ends the open entry: the end of its stream, then its checksum and sizes (APPNOTE 4.3.9).
    pub(crate) fn end_entry(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let entry = ZipEntry {
            crc: open.crc.finalize(),
            deflated_bytes: u32_of(open.deflated_bytes + STREAM_END.len() as u64),
            raw_bytes: u32_of(open.raw_bytes),
            ..open.entry
        };
        let mut bytes = STREAM_END.to_vec();
        bytes.extend_from_slice(&DATA_DESCRIPTOR);
        for field in [entry.crc, entry.deflated_bytes, entry.raw_bytes] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        self.entries.push(entry);
        self.write(&bytes)
    }

    /// Writes the central directory and flushes. Returns the output and the size of the file in bytes.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        debug_assert!(self.open.is_none(), "the last entry is closed");
        let start = self.position;
        let mut directory = Vec::new();
        for entry in &self.entries {
            entry.push_central_header(&mut directory, self.dos_time);
        }
        let size = directory.len() as u64;
        push_end(&mut directory, self.entries.len() as u64, size, start);
        self.write(&directory)?;
        self.out.flush()?;
        Ok((self.out, self.position))
    }
}

/// The records after the directory (APPNOTE 4.3.14 to 4.3.16).
fn push_end(out: &mut Vec<u8>, entries: u64, size: u64, start: u64) {
    let zip64 = entries >= u64::from(u16::MAX) || size.max(start) >= u64::from(u32::MAX);
    if zip64 {
        let zip64_end = start + size;
        out.extend_from_slice(&ZIP64_END);
        // The size of the record without its first twelve bytes.
        out.extend_from_slice(&44_u64.to_le_bytes());
        out.extend_from_slice(&VERSION_ZIP64.to_le_bytes());
        out.extend_from_slice(&VERSION_ZIP64.to_le_bytes());
        // Number of this disk and of the directory's.
        out.extend_from_slice(&[0; 8]);
        for field in [entries, entries, size, start] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&ZIP64_LOCATOR);
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&zip64_end.to_le_bytes());
        out.extend_from_slice(&1_u32.to_le_bytes());
    }
    out.extend_from_slice(&END);
    out.extend_from_slice(&[0; 4]);
    let entries = u16::try_from(entries).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(&entries);
    out.extend_from_slice(&entries);
    out.extend_from_slice(&u32_of(size).to_le_bytes());
    out.extend_from_slice(&u32_of(start).to_le_bytes());
    // No comment.
    out.extend_from_slice(&[0; 2]);
}

/// The value, or all ones, which refers to a zip64 record.
fn u32_of(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The length of a name. All names are short.
fn u16_of(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// MS-DOS time and date, with a resolution of two seconds, from 1980 to 2107 (APPNOTE 4.4.6). Times outside that range
/// become the nearest one.
fn dos_time(unix_s: i64) -> [u8; 4] {
    /// 1980-01-01 00:00:00 and 2107-12-31 23:59:58.
    const RANGE_S: (i64, i64) = (315_532_800, 4_354_819_198);
    let Civil { year, month, day, hour, minute, second } = Civil::of(unix_s.clamp(RANGE_S.0, RANGE_S.1));
    let fields = (year - 1980) << 25 | month << 21 | day << 16 | hour << 11 | minute << 5 | (second / 2);
    u32::try_from(fields).unwrap_or_default().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times() {
        assert_eq!(u32::from_le_bytes(dos_time(0)), 0x0021_0000, "1980-01-01 00:00");
        assert_eq!(u32::from_le_bytes(dos_time(1_700_000_000)), 0x576E_B1AA, "2023-11-14 22:13:20");
        assert_eq!(dos_time(i64::MAX), dos_time(4_354_819_198));
    }

    #[test]
    fn small_archives_have_no_zip64_records() {
        let mut end = Vec::new();
        push_end(&mut end, 3, 0x1234, 0x5678);
        assert_eq!(end.len(), 22);
        assert_eq!(end, *b"PK\x05\x06\0\0\0\0\x03\0\x03\0\x34\x12\0\0\x78\x56\0\0\0\0");
    }

    #[test]
    fn large_archives_have_zip64_records() {
        for (entries, size, start) in [(65_535, 1, 1), (1, 1, 0xFFFF_FFFF), (1, 1 << 33, 1 << 34)] {
            let mut end = Vec::new();
            push_end(&mut end, entries, size, start);
            assert_eq!(end.len(), 56 + 20 + 22);
            assert_eq!(end.get(24..32), Some(&entries.to_le_bytes()[..]));
            assert_eq!(end.get(48..56), Some(&start.to_le_bytes()[..]));
            assert_eq!(end.get(64..72), Some(&(start + size).to_le_bytes()[..]), "offset of the zip64 end");
        }
    }

    #[test]
    fn entries_after_4_gib_have_64_bit_offsets() {
        let entry = |offset| ZipEntry {
            name: "a".into(),
            flags: 0,
            method: METHOD_DEFLATED,
            crc: 0,
            deflated_bytes: 0,
            raw_bytes: 0,
            offset,
        };
        let header = |offset| {
            let mut out = Vec::new();
            entry(offset).push_central_header(&mut out, [0; 4]);
            out
        };
        assert_eq!(header(0xFFFF_FFFE).len(), 47);
        let far = header(0xFFFF_FFFF);
        assert_eq!(far.len(), 47 + 12);
        assert_eq!(far.get(47..), Some(&b"\x01\0\x08\0\xFF\xFF\xFF\xFF\0\0\0\0"[..]));
    }

    #[test]
    fn entries_stay_below_4_gib() {
        let mut zip = ZipWriter::new(Vec::new(), 0);
        let piece = Piece::of(b"0123456789");
        assert!(!zip.has_room(&piece, 0), "no entry is open");
        zip.start_entry("a").unwrap();
        let rest = STREAM_END.len() as u64;
        zip.fill_entry(0xFFFF_FFFE - rest - 10);
        assert!(zip.has_room(&piece, 0));
        assert!(!zip.has_room(&piece, 1));
    }

    impl<W> ZipWriter<W> {
        /// Sets the position, as if that many bytes had been written.
        pub(crate) fn skip_to(&mut self, position: u64) {
            for entry in &mut self.entries {
                entry.offset += position;
            }
            self.position += position;
        }

        /// Sets the raw size of the open entry.
        pub(crate) fn fill_entry(&mut self, raw_bytes: u64) {
            self.open.as_mut().unwrap().raw_bytes = raw_bytes;
        }
    }
}
