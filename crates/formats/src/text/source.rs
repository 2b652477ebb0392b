//! The bytes of a file of records: detection of compression and format, decompression, and a count of what was read. No
//! byte is interpreted as a record here.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// The format of the text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, `.jsonl`.
    JsonLines,
    /// JSON values divided in any way, or a list of them, `.json`.
    Json,
    /// A header, then one record a line, `.csv`.
    Csv,
}

/// The compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Uncompressed.
    None,
    /// `.gz`, any number of members.
    Gzip,
    /// `.zst`, any number of frames.
    Zstd,
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Size of a read in bytes. The decompressors take what they need of it.
const READ_BYTES: usize = 256 << 10;

/// Format and compression of a file name; `None` if its ending is not known.
pub fn format_of_name(path: &Path) -> Option<(Format, Compression)> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, compression) = if let Some(stem) = name.strip_suffix(".gz") {
        (stem, Compression::Gzip)
    } else if let Some(stem) = name.strip_suffix(".zst") {
        (stem, Compression::Zstd)
    } else {
        (name.as_str(), Compression::None)
    };
    let format = match stem.rsplit_once('.')?.1 {
        "jsonl" => Format::JsonLines,
        "json" => Format::Json,
        "csv" => Format::Csv,
        _ => return None,
    };
    Some((format, compression))
}

/// Counts the bytes of a file as they are read, before decompression.
struct Counting<R> {
    from: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        // A figure for progress reports; nothing is ordered by it.
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The text of a file, decompressed as it is read. If a compressed file is cut off, reading fails; it never ends early.
pub(super) type Text = Box<dyn BufRead + Send>;

/// The text of an open file from its start. The bytes that are read are added to `bytes_read`.
pub(super) fn text(mut file: File, compression: Compression, bytes_read: Arc<AtomicU64>) -> io::Result<Text> {
    file.seek(SeekFrom::Start(0))?;
    let raw = BufReader::with_capacity(READ_BYTES, Counting { from: file, bytes_read });
    decompress(raw, compression)
}

fn decompress<R: BufRead + Send + 'static>(mut raw: R, compression: Compression) -> io::Result<Text> {
    let start = raw.fill_buf()?;
    // Checked first: the decoders accept an empty file, and their messages about any other file name its inside.
    let expect = |magic: &[u8], what: &str| {
        let message = format!("this is not a {what} file");
        if start.starts_with(magic) {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    };
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => {
            expect(GZIP_MAGIC, "gzip")?;
            Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(raw)))
        }
        Compression::Zstd => {
            expect(ZSTD_MAGIC, "zstd")?;
            let decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
            Box::new(BufReader::with_capacity(READ_BYTES, decoder))
        }
    })
}

/// Format and compression of a file without a name, from its first bytes: a bracket, or a brace alone in its line, starts
/// JSON, a brace before something else JSON Lines, anything else is the header of a CSV file. An empty file is JSON Lines
/// without a line.
pub(super) fn format_of_content(file: &mut File) -> io::Result<(Format, Compression)> {
    file.seek(SeekFrom::Start(0))?;
    let mut magic = Vec::new();
    (&mut *file).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let compression = if magic.starts_with(GZIP_MAGIC) {
        Compression::Gzip
    } else if magic.starts_with(ZSTD_MAGIC) {
        Compression::Zstd
    } else {
        Compression::None
    };
    let text = text(file.try_clone()?, compression, Arc::default())?;
    let mut bytes = text.bytes();
    let first = loop {
        match bytes.next().transpose()? {
            Some(byte) if byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(&byte) => {}
            first => break first,
        }
    };
    let format = match first {
        None => Format::JsonLines,
        Some(b'[') => Format::Json,
        Some(b'{') => {
            let next = bytes.find(|byte| !matches!(byte, Ok(b' ' | b'\t' | b'\r')));
            if let Some(Ok(b'\n')) = next { Format::Json } else { Format::JsonLines }
        }
        Some(_) => Format::Csv,
    };
    Ok((format, compression))
}

/// The message for an error of reading a file with a compression.
pub(super) fn explain(error: &io::Error, compression: Compression) -> String {
    match (compression, error.kind()) {
        (Compression::None, _) => format!("the file cannot be read: {error}"),
        (_, io::ErrorKind::UnexpectedEof) => "the compressed file is cut off".to_owned(),
        (_, io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
            format!("the file cannot be read: {error}")
        }
        (_, _) => format!("the compressed file is damaged or cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const TEXT: &[u8] = b"{\"a\": 1}\n{\"b\": 2}\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    fn read(bytes: Vec<u8>, compression: Compression) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        decompress(io::Cursor::new(bytes), compression)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_name_states_format_and_compression() {
        for (name, expected) in [
            ("a.jsonl", Some((Format::JsonLines, Compression::None))),
            ("/x.y/a.b.CSV", Some((Format::Csv, Compression::None))),
            ("a.jsonl.gz", Some((Format::JsonLines, Compression::Gzip))),
            ("a.csv.zst", Some((Format::Csv, Compression::Zstd))),
            ("a.json", Some((Format::Json, Compression::None))),
            ("a.gz", None),
            ("jsonl", None),
            ("a.csv.bz2", None),
        ] {
            assert_eq!(format_of_name(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn all_members_and_frames_are_read() {
        for (compression, compress) in
            [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Zstd, zstd)]
        {
            let mut twice = compress(TEXT);
            twice.extend(compress(TEXT));
            assert_eq!(read(twice, compression).unwrap(), [TEXT, TEXT].concat());
            assert_eq!(read(compress(b""), compression).unwrap(), b"");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_never_a_shorter_file() {
        let long: Vec<u8> =
            (0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (compression, compress) in
            [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Zstd, zstd)]
        {
            for text in [TEXT, &long] {
                let first = compress(text);
                let mut both = first.clone();
                both.extend(compress(text));
                let step = both.len() / 500 + 1;
                for cut in (0..both.len()).step_by(step).chain(first.len() - 9..first.len() + 20) {
                    let whole = cut == first.len() || cut == both.len();
                    let got = read(both[..cut.min(both.len())].to_vec(), compression);
                    assert_eq!(got.is_ok(), whole, "{compression:?} cut at {cut} of {}", both.len());
                }
            }
        }
    }

    #[test]
    fn damage_is_an_error() {
        for (compression, compress) in
            [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Zstd, zstd)]
        {
            let mut trailing = compress(TEXT);
            trailing.extend(b"trailing bytes");
            assert!(read(trailing, compression).is_err(), "{compression:?}");
            assert!(read(TEXT.to_vec(), compression).is_err());
        }
        let mut flipped = gzip(TEXT);
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        assert!(read(flipped, Compression::Gzip).is_err());
    }

    #[test]
    fn format_and_compression_are_detected_from_content() {
        for (bytes, expected) in [
            (TEXT.to_vec(), (Format::JsonLines, Compression::None)),
            (b"\xef\xbb\xbf\n {".to_vec(), (Format::JsonLines, Compression::None)),
            (Vec::new(), (Format::JsonLines, Compression::None)),
            (b"{ \r\n \"a\": 1}".to_vec(), (Format::Json, Compression::None)),
            (b" [{}]".to_vec(), (Format::Json, Compression::None)),
            (b"Region,Status\n".to_vec(), (Format::Csv, Compression::None)),
            (gzip(b"\"Region\"\n"), (Format::Csv, Compression::Gzip)),
            (zstd(TEXT), (Format::JsonLines, Compression::Zstd)),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            assert_eq!(format_of_content(&mut file).unwrap(), expected);
        }
    }
}
