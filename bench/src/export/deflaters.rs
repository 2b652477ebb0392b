//! What general encoders of deflate take for the very XML that our writer packs: the sheet of a finished workbook, inflated
//! and packed again in pieces of as many rows as its own are.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor};
use tollbook_workbook::CHUNK_ROWS;

use crate::Result;
use crate::child::Cost;
use crate::machine::memory_kib;

/// The end of a row.
const ROW_END: &[u8] = b"</row>";

/// A way of packing a piece: raw deflate that ends on a byte.
pub(super) type Pack = Box<dyn FnMut(&[u8], &mut Vec<u8>) -> Result>;

/// zlib-rs at its fastest level, as `flate2` offers it.
pub(super) fn zlib_rs() -> Pack {
    let mut encoder = Compress::new(Compression::new(1), false);
    Box::new(move |piece, out| {
        encoder.reset();
        out.reserve(piece.len() / 2 + 1_024);
        encoder.compress_vec(piece, out, FlushCompress::Sync)?;
        Ok(())
    })
}

/// libdeflate at the fastest level that packs at all; its fastest of all stores.
pub(super) fn libdeflate() -> Pack {
    let mut encoder = Compressor::new(CompressionLvl::new(1).unwrap_or_default());
    Box::new(move |piece, out| {
        out.resize(encoder.deflate_compress_bound(piece.len()), 0);
        let used = encoder.deflate_compress(piece, out)?;
        out.truncate(used);
        Ok(())
    })
}

/// Packs the first sheet of a workbook anew; only the packing is timed.
pub(super) fn pack_again(workbook: &Path, mut pack: Pack) -> Result<Cost> {
    let mut xml = BufReader::with_capacity(1 << 20, DeflateDecoder::new(BufReader::new(sheet(workbook)?)));
    let (mut piece, mut out) = (Vec::new(), Vec::new());
    let (mut time, mut bytes) = (Duration::ZERO, 0);
    loop {
        piece.clear();
        let mut rows = 0;
        while rows < CHUNK_ROWS && xml.read_until(b'>', &mut piece)? > 0 {
            rows += u32::from(piece.ends_with(ROW_END));
        }
        if piece.is_empty() {
            break;
        }
        out.clear();
        let began = Instant::now();
        pack(&piece, &mut out)?;
        time += began.elapsed();
        bytes += out.len() as u64;
    }
    let peak_kib = memory_kib("self", "VmHWM").unwrap_or(0);
    Ok(Cost { time, bytes, peak_kib, before_kib: peak_kib })
}

/// The file at the start of the packed bytes of its first sheet (PKWARE APPNOTE 4.3.7: lengths of name and extra field at
/// bytes 26 and 28 of a local header, 30 bytes long without them).
fn sheet(workbook: &Path) -> Result<File> {
    const NAME: &[u8] = b"xl/worksheets/sheet1.xml";
    let mut file = File::open(workbook)?;
    let mut start = vec![0; 65_536];
    let read = file.read(&mut start)?;
    let name =
        start[..read].windows(NAME.len()).position(|window| window == NAME).ok_or("there is no sheet")?;
    let extra = start.get(name - 2..name).ok_or("there is no header before the name")?;
    let extra = u64::from(extra[0]) | u64::from(extra[1]) << 8;
    file.seek(SeekFrom::Start((name + NAME.len()) as u64 + extra))?;
    Ok(file)
}
