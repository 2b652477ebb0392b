//! Request ids: the header `X-UCLOUD-REQUEST-UUID` and the log show the same one.

use tollbook_ops::random;

/// A new request id, a version 4 UUID.
pub(crate) fn request_id() -> String {
    let bits = random::u128() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
