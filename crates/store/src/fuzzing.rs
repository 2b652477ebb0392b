//! The encodings of the database, opened to the fuzz targets: what damage to a file or a replica can make of them.

use crate::error::StoreResult;
use crate::pack::{CountArray, SumArrays};
use crate::usage_pack::{Rest, decode_charges, decode_quantities, encode_charges, encode_quantities};

/// An encoding: decodes bytes, and encodes what they say.
pub type Recoded = fn(&[u8]) -> StoreResult<Vec<u8>>;

/// Every encoding by name.
pub const ENCODINGS: [(&str, Recoded); 5] = [
    ("sums", |bytes| Ok(SumArrays::decode(bytes)?.encode())),
    ("counts", |bytes| Ok(CountArray::decode(bytes)?.encode())),
    ("charges", |bytes| Ok(encode_charges(decode_charges(bytes)?.into_iter()))),
    ("quantities", |bytes| Ok(encode_quantities(&decode_quantities(bytes)?))),
    ("rest", |bytes| Ok(Rest::decode(bytes)?.map(|rest| rest.encode()).unwrap_or_default())),
];

/// Parses a URL of PostgreSQL as the configuration has it; the error is for the operator.
pub fn check_postgres_url(url: &str) -> StoreResult<()> {
    crate::postgres::check_url(url)
}
