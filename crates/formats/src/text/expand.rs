//! Bodies of HTTP requests that are compressed: their plain bytes, within a bound, however far they expand.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

/// Largest window of a zstd frame, as a power of two: what every decoder must support.
const ZSTD_WINDOW: u32 = 23;

/// How a body is compressed: a name of the header `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not at all.
    Identity,
    /// `gzip`
    Gzip,
    /// `zstd`
    Zstd,
}

/// Why a body has no plain bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// It expands to more than the bound.
    #[error("the body expands to more than {0} bytes")]
    TooLong(usize),
    /// It is damaged, or ends early.
    #[error("the body is not valid {0}")]
    Damaged(&'static str),
}

/// The plain bytes of a body, of which at most `most` are expanded.
pub fn expand(body: Vec<u8>, encoding: ContentEncoding, most: usize) -> Result<Vec<u8>, ExpandError> {
    match encoding {
        ContentEncoding::Identity if body.len() > most => Err(ExpandError::TooLong(most)),
        ContentEncoding::Identity => Ok(body),
        ContentEncoding::Gzip => read(MultiGzDecoder::new(body.as_slice()), "gzip", body.len(), most),
        ContentEncoding::Zstd => {
            let damaged = |_| ExpandError::Damaged("zstd");
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body.as_slice()).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(damaged)?;
            read(decoder, "zstd", body.len(), most)
        }
    }
}

fn read(decoder: impl Read, name: &'static str, length: usize, most: usize) -> Result<Vec<u8>, ExpandError> {
    // Nothing at all is read as an empty stream.
    if length == 0 {
        return Err(ExpandError::Damaged(name));
    }
    let mut expanded = Vec::with_capacity(length.saturating_mul(4).min(most));
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut expanded).map_err(|_| ExpandError::Damaged(name))?;
    if expanded.len() > most { Err(ExpandError::TooLong(most)) } else { Ok(expanded) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_body_is_expanded_within_its_bound() {
        let plain = b"usage ".repeat(1_000);
        let zstd = zstd::encode_all(plain.as_slice(), 3).unwrap();
        for (encoding, body) in [
            (ContentEncoding::Identity, plain.clone()),
            (ContentEncoding::Gzip, gzip(&plain)),
            (ContentEncoding::Gzip, [gzip(&plain[..600]), gzip(&plain[600..])].concat()),
            (ContentEncoding::Zstd, zstd),
        ] {
            assert_eq!(expand(body.clone(), encoding, 6_000), Ok(plain.clone()), "{encoding:?}");
            assert_eq!(expand(body.clone(), encoding, 5_999), Err(ExpandError::TooLong(5_999)));
            if encoding == ContentEncoding::Identity {
                continue;
            }
            let mut cut = body.clone();
            cut.truncate(body.len() - 3);
            assert!(matches!(expand(cut, encoding, 6_000), Err(ExpandError::Damaged(_))), "{encoding:?}");
            assert!(matches!(expand(Vec::new(), encoding, 6_000), Err(ExpandError::Damaged(_))));
            assert!(matches!(expand(plain.clone(), encoding, 6_000), Err(ExpandError::Damaged(_))));
        }
    }

    #[test]
    fn a_body_that_expands_a_thousandfold_is_read_up_to_the_bound() {
        let bomb = vec![0; 50_000_000];
        for (encoding, body) in [
            (ContentEncoding::Gzip, gzip(&bomb)),
            (ContentEncoding::Zstd, zstd::encode_all(bomb.as_slice(), 3).unwrap()),
        ] {
            assert!(body.len() < 100_000);
            assert_eq!(expand(body, encoding, 1_000_000), Err(ExpandError::TooLong(1_000_000)));
        }
    }
}
