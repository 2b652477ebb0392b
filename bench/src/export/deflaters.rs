//! General deflate encoders on the XML of our writer: the sheet of a finished workbook is decompressed and compressed
//! again in chunks of the same number of rows.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor};
use tollbook_workbook::CHUNK_ROWS;

use crate::cost::Cost;
use crate::result::Result;
use tollbook_ops::process::memory_kib;

/// The end of a row.
const ROW_END: &[u8] = b"</row>";

/// Compresses a chunk as raw deflate that ends on a byte boundary.
pub(super) type Encoder = Box<dyn FnMut(&[u8], &mut Vec<u8>) -> Result>;

/// zlib-rs at its fastest level, through `flate2`.
pub(super) fn zlib_rs() -> Encoder {
    let mut encoder = Compress::new(Compression::new(1), false);
    Box::new(move |chunk, out| {
        encoder.reset();
        out.reserve(chunk.len() / 2 + 1_024);
        encoder.compress_vec(chunk, out, FlushCompress::Sync)?;
        Ok(())
    })
}

/// libdeflate at the fastest level that compresses; level 0 only stores.
pub(super) fn libdeflate() -> Encoder {
    let mut encoder = Compressor::new(CompressionLvl::new(1).unwrap_or_default());
    Box::new(move |chunk, out| {
        out.resize(encoder.deflate_compress_bound(chunk.len()), 0);
        let used = encoder.deflate_compress(chunk, out)?;
        out.truncate(used);
        Ok(())
    })
}

/// Compresses the first sheet of a workbook again; only the compression is timed.
pub(super) fn compress_again(workbook: &Path, mut encode: Encoder) -> Result<Cost> {
    let mut xml = BufReader::with_capacity(1 << 20, DeflateDecoder::new(BufReader::new(sheet(workbook)?)));
    let (mut chunk, mut out) = (Vec::new(), Vec::new());
    let (mut time, mut bytes) = (Duration::ZERO, 0);
    loop {
        chunk.clear();
        let mut rows = 0;
        while rows < CHUNK_ROWS && xml.read_until(b'>', &mut chunk)? > 0 {
            rows += u32::from(chunk.ends_with(ROW_END));
        }
        if chunk.is_empty() {
            break;
        }
        out.clear();
        let began = Instant::now();
        encode(&chunk, &mut out)?;
        time += began.elapsed();
        bytes += out.len() as u64;
    }
    let peak_kib = memory_kib("self", "VmHWM").unwrap_or(0);
    Ok(Cost { time, cpu: None, bytes, peak_kib, before_kib: peak_kib })
}

/// The file, positioned at the compressed bytes of its first sheet (PKWARE APPNOTE 4.3.7: lengths of name and extra field
/// at bytes 26 and 28 of a local header, which is 30 bytes long without them).
fn sheet(workbook: &Path) -> Result<File> {
    const NAME: &[u8] = b"xl/worksheets/sheet1.xml";
    let mut file = File::open(workbook)?;
    let mut start = vec![0; 65_536];
    let read = file.read(&mut start)?;
    let name = start[..read]
        .windows(NAME.len())
        .position(|window| window == NAME)
        .ok_or("the workbook has no sheet")?;
    let extra = start.get(name - 2..name).ok_or("there is no header before the name")?;
    let extra = u64::from(extra[0]) | u64::from(extra[1]) << 8;
    file.seek(SeekFrom::Start((name + NAME.len()) as u64 + extra))?;
    Ok(file)
}
