//! Gives the rows of an encoded chunk other numbers. Needed when a chunk does not begin where it was expected to: after a
//! chunk that was not full, and after a sheet that ended early at 4 GiB.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use crate::chunk::{Chunk, ChunkEncoder};
use crate::deflate::STREAM_END;
use crate::error::Error;
use crate::reference::ROW_END;
use crate::row::RowWriter;

/// The start of a cell; in texts, the less-than sign is escaped.
const CELL: &[u8] = b"<c r=\"";

/// The chunk as if it had been encoded with `first_row` as the number of its first row.
pub(crate) fn renumbered(chunk: &Chunk, encoder: &mut ChunkEncoder, first_row: u32) -> Result<Chunk, Error> {
    let stream = chunk.piece.deflated.chain(STREAM_END.as_slice());
    let mut xml = Vec::with_capacity(usize::try_from(chunk.piece.raw_bytes).unwrap_or(0));
    DeflateDecoder::new(stream).read_to_end(&mut xml)?;
    encoder.start_at_row(first_row);
    let mut rest = xml.as_slice();
    while let Some((row, after)) = split(rest, ROW_END) {
        rest = after;
        encoder.row(|writer| put_cells(row, writer))?;
    }
    Ok(encoder.finish())
}

/// Writes the cells of a row's XML, and an empty cell for each that it does not have.
fn put_cells(row: &[u8], writer: &mut RowWriter<'_>) {
    let Some((_, mut rest)) = split(row, CELL) else { return writer.fill() };
    while let Some(quote) = rest.iter().position(|&byte| byte == b'"') {
        let (reference, after) = rest.split_at(quote);
        let (body, next) = split(after, CELL).unwrap_or((after, b""));
        writer.fill_to(column_index(reference));
        writer.raw(body);
        rest = next;
    }
    writer.fill();
}

/// What is before and after the first occurrence of a part.
fn split<'a>(text: &'a [u8], part: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(part.len()).position(|window| window == part)?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// The index of the column of a reference, from 0.
fn column_index(reference: &[u8]) -> usize {
    let letters = reference.iter().take_while(|byte| byte.is_ascii_uppercase());
    letters.fold(0, |number, letter| number * 26 + usize::from(letter - b'A') + 1).saturating_sub(1)
}
