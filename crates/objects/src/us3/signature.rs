//! The string that US3 signs, and its signature. `verify` and `presign` decide the values of its parts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The parts of a string to sign (docs/SIGNING.md, "US3 signatures"):
///
/// ```text
/// VERB \n Content-MD5 \n Content-Type \n Date-or-Expires \n [x-ucloud-…:v\n …] /bucket/key [extra]
/// ```
///
/// Absent parts are empty. Nothing is percent-encoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedParts<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The header as sent, hexadecimal or base64.
    pub content_md5: &'a str,
    /// The header as sent; in a form upload, that of the file part.
    pub content_type: &'a str,
    /// The `Date` header, or a presigned URL's `Expires`.
    pub date_or_expires: &'a str,
    /// The `x-ucloud-*` headers, one line each: names in lower case and sorted, values of one name joined by commas.
    pub canonical_headers: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The key, without a leading slash.
    pub key: &'a str,
    /// The `listobjects` block or the put policy.
    pub extra: &'a str,
}

impl SignedParts<'_> {
    /// The string to sign.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}\n{}/{}/{}{}",
            self.method,
            self.content_md5,
            self.content_type,
            self.date_or_expires,
            self.canonical_headers,
            self.bucket,
            self.key,
            self.extra
        )
    }
}

/// base64(HMAC-SHA1(private key, string to sign)).
pub fn sign(private_key: &str, string_to_sign: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(private_key.as_bytes()) else {
        unreachable!("hmac takes a key of any length");
    };
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether this is a header that only the Java SDK signs.
pub(crate) fn is_copy_source(lower_name: &str) -> bool {
    matches!(lower_name, "x-ufile-copy-source" | "x-ufile-copy-source-range")
}

/// `CanonicalizedUCloudHeaders`: names in lower case and sorted, values of one name joined by commas, each line ended
/// by a line feed.
pub(crate) fn canonical_headers(headers: &[(&str, &str)], with_copy_source: bool) -> String {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-ucloud-") || (with_copy_source && is_copy_source(&name)) {
            lines.entry(name).or_default().push(value.trim());
        }
    }
    lines.iter().fold(String::new(), |mut text, (name, values)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}:{}", values.join(","));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lower_case_sorted_and_joined() {
        let headers = [
            ("X-UCloud-Foo", " foo "),
            ("Content-Type", "text/plain"),
            ("x-ucloud-bar", "bar1"),
            ("X-Ufile-Copy-Source", "/b/k"),
            ("X-UCLOUD-BAR", "bar2"),
            ("x-ufile-copy-source-range", "bytes=0-1"),
        ];
        assert_eq!(canonical_headers(&headers, false), "x-ucloud-bar:bar1,bar2\nx-ucloud-foo:foo\n");
        assert_eq!(
            canonical_headers(&headers, true),
            "x-ucloud-bar:bar1,bar2\nx-ucloud-foo:foo\nx-ufile-copy-source:/b/k\n\
             x-ufile-copy-source-range:bytes=0-1\n"
        );
    }
}
