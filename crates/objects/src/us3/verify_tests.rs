//! Cases of verification that the recorded requests (`tests/objects/us3_vectors.rs`) do not cover.

use proptest::prelude::*;

use super::*;
use crate::us3::{encode_path, presign_get};

const NOW_S: i64 = 1_800_000_000;

fn keys() -> ObjectKeys {
    ObjectKeys::new("pub+key==", "private")
}

fn check(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Verified, Refusal> {
    verify(&Request::from_target(method, "b", target, headers), &keys(), NOW_S)
}

fn link(expires_unix_s: i64) -> String {
    format!(
        "/exports/a.xlsx?{}",
        presign_get(&keys(), "b", "exports/a.xlsx", expires_unix_s, Some("名 +%.xlsx"))
    )
}

fn authorization(text: &str) -> String {
    format!("UCloud pub+key==:{}", sign("private", text))
}

#[test]
fn a_link_works_until_it_expires() {
    let target = link(NOW_S + 1);
    assert_eq!(check("GET", &target, &[]).map(|v| v.key), Ok("exports/a.xlsx".to_owned()));
    for expires in [NOW_S, NOW_S - 1, 0, -5] {
        assert_eq!(check("GET", &link(expires), &[]), Err(Refusal::Expired), "{expires}");
    }
}

#[test]
fn a_signature_for_get_also_allows_head_and_no_other_method() {
    let get = link(NOW_S + 9);
    for (method, accepted) in
        [("GET", true), ("HEAD", true), ("PUT", false), ("DELETE", false), ("POST", false), ("get", false)]
    {
        assert_eq!(check(method, &get, &[]).is_ok(), accepted, "{method}");
    }
    let signature = sign("private", "HEAD\n\n\n1900000000\n/b/k").replace('+', "%2B");
    let head = format!("/k?UCloudPublicKey=pub%2Bkey==&Expires=1900000000&Signature={signature}");
    assert!(check("HEAD", &head, &[]).is_ok());
    assert_eq!(check("GET", &head, &[]), Err(Refusal::InvalidSignature));
    // A header signed for GET does not allow HEAD: only links are passed to download tools.
    let headers = [("Authorization", &*authorization("GET\n\n\n\n/b/k"))];
    assert!(check("GET", "/k", &headers).is_ok());
    assert_eq!(check("HEAD", "/k", &headers), Err(Refusal::InvalidSignature));
}

#[test]
fn an_incomplete_or_repeated_query_is_refused() {
    let whole = link(NOW_S + 9);
    let without = |name: &str| {
        let (path, query) = whole.split_once('?').expect("query");
        let left: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        format!("{path}?{}", left.join("&"))
    };
    for name in ["UCloudPublicKey=", "Expires=", "Signature="] {
        assert_eq!(check("GET", &without(name), &[]), Err(Refusal::NoAuthorization), "{name}");
    }
    assert_eq!(check("GET", "/exports/a.xlsx", &[]), Err(Refusal::NoAuthorization));
    assert_eq!(check("GET", "/exports/a.xlsx?Expires=1900000000", &[]), Err(Refusal::NoAuthorization));
    for double in ["Expires=1900000000", "Signature=x", "UCloudPublicKey=x", "Signature"] {
        assert_eq!(
            check("GET", &format!("{whole}&{double}"), &[]),
            Err(Refusal::InvalidSignature),
            "{double}"
        );
    }
    assert!(
        check("GET", &format!("{whole}&SecurityToken=x&other"), &[]).is_ok(),
        "other parameters are not signed"
    );
}

#[test]
fn an_expiry_has_only_digits() {
    for expires in ["", "soon", "-1", "+1900000000", "1900000000.0", "0x70", "99999999999999999999"] {
        let signature = sign("private", &format!("GET\n\n\n{expires}\n/b/k"));
        let target = format!("/k?UCloudPublicKey=pub+key==&Expires={expires}&Signature={signature}");
        assert_eq!(check("GET", &target, &[]), Err(Refusal::InvalidSignature), "{expires:?}");
    }
}

#[test]
fn header_and_url_together_are_refused_even_when_both_are_valid() {
    let headers = [("authorization", &*authorization("GET\n\n\n\n/b/exports/a.xlsx"))];
    assert!(check("GET", "/exports/a.xlsx", &headers).is_ok());
    assert_eq!(check("GET", &link(NOW_S + 9), &headers), Err(Refusal::TwoAuthorizations));
    assert_eq!(check("GET", &link(0), &headers), Err(Refusal::TwoAuthorizations));
    assert_eq!(check("GET", "/exports/a.xlsx?Signature=", &headers), Err(Refusal::TwoAuthorizations));
}

#[test]
fn malformed_authorization_headers_are_refused() {
    let table = [
        ("Basic dTpw", Refusal::NoAuthorization),
        ("UCloud", Refusal::NoAuthorization),
        ("", Refusal::NoAuthorization),
        ("UCloud nothing", Refusal::InvalidSignature),
        ("UCloud pub+key==:", Refusal::InvalidSignature),
        ("UCloud pub+key==:AAAA", Refusal::InvalidSignature),
        ("UCloud other:AAAA", Refusal::UnknownPublicKey),
        ("UCloud :AAAA", Refusal::UnknownPublicKey),
    ];
    for (value, refusal) in table {
        assert_eq!(check("GET", "/k", &[("Authorization", value)]), Err(refusal), "{value:?}");
    }
}

#[test]
fn expiry_comes_before_key_and_signature() {
    let target = "/k?UCloudPublicKey=other&Expires=1700000000&Signature=AAAA";
    assert_eq!(check("GET", target, &[]), Err(Refusal::Expired));
    let target = "/k?UCloudPublicKey=other&Expires=1900000000&Signature=AAAA";
    assert_eq!(check("GET", target, &[]), Err(Refusal::UnknownPublicKey));
}

#[test]
fn signed_headers_must_be_the_ones_sent() {
    let text = "PUT\nmd5\ntext/plain\nThu, 01 Jan 1970 00:00:00 GMT\nx-ucloud-a:1\n/b/k";
    let value = authorization(text);
    let sent = [
        ("Authorization", &*value),
        ("Content-MD5", "md5"),
        ("Content-Type", "text/plain"),
        ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("X-UCloud-A", "1"),
    ];
    assert_eq!(check("PUT", "/k", &sent).map(|v| v.string_to_sign), Ok(text.to_owned()));
    for left_out in 1..sent.len() {
        let mut fewer = sent.to_vec();
        let (name, _) = fewer.remove(left_out);
        assert_eq!(check("PUT", "/k", &fewer), Err(Refusal::InvalidSignature), "without {name}");
    }
}

#[test]
fn a_copy_source_may_be_signed() {
    for text in ["PUT\n\n\n\n/b/k", "PUT\n\n\n\nx-ufile-copy-source:/c/d\n/b/k"] {
        let headers = [("Authorization", &*authorization(text)), ("X-Ufile-Copy-Source", "/c/d")];
        assert!(check("PUT", "/k", &headers).is_ok(), "{text:?}");
    }
    // A signed source cannot be replaced.
    let signed = authorization("PUT\n\n\n\nx-ufile-copy-source:/c/d\n/b/k");
    let headers = [("Authorization", &*signed), ("X-Ufile-Copy-Source", "/c/e")];
    assert_eq!(check("PUT", "/k", &headers), Err(Refusal::InvalidSignature));
    assert_eq!(check("PUT", "/k", &headers[..1]), Err(Refusal::InvalidSignature));
}

#[test]
fn a_listing_is_signed_with_or_without_its_parameters() {
    let block = "GET\n\n\n\n/b/\nlistobjects\ndelimiter:\nmarker:\nmax-keys:\nprefix:a b/";
    for text in [block, "GET\n\n\n\n/b/"] {
        let headers = [("Authorization", &*authorization(text))];
        assert!(check("GET", "/?listobjects&prefix=a+b%2F", &headers).is_ok(), "{text:?}");
    }
    let headers = [("Authorization", &*authorization(block))];
    assert_eq!(check("GET", "/?listobjects&prefix=c", &headers), Err(Refusal::InvalidSignature));
    assert_eq!(check("GET", "/?list&prefix=a+b%2F", &headers), Err(Refusal::InvalidSignature));
}

#[test]
fn a_line_feed_cannot_enter_the_signed_text() {
    let block = "GET\n\n\n\n/b/\nlistobjects\ndelimiter:\nmarker:\nmax-keys:\nprefix:";
    let headers = [("Authorization", &*authorization(block))];
    let target = "/%0Alistobjects%0Adelimiter:%0Amarker:%0Amax-keys:%0Aprefix:";
    assert_eq!(check("GET", target, &headers), Err(Refusal::InvalidSignature));
}

#[test]
fn a_form_upload_signs_its_file_part() {
    let value = authorization("POST\n\ntext/csv\n\n/b/订 单.csv");
    let form = FormUpload {
        bucket: "b",
        file_name: "订 单.csv",
        authorization: &value,
        file_content_type: "text/csv",
        headers: &[("Content-Type", "multipart/form-data; boundary=x")],
    };
    assert_eq!(verify_form(&form, &keys()).map(|v| v.key), Ok("订 单.csv".to_owned()));
    for broken in [
        FormUpload { file_content_type: "text/plain", ..form },
        FormUpload { file_name: "other.csv", ..form },
        FormUpload { bucket: "c", ..form },
    ] {
        assert_eq!(verify_form(&broken, &keys()), Err(Refusal::InvalidSignature), "{broken:?}");
    }
}

proptest! {
    /// A link verifies for any key and name. It does not for another bucket or with one character of key, time or
    /// signature changed.
    #[test]
    fn links_verify_unless_altered(
        key in "[^\\p{Cc}]{0,20}",
        name in "\\PC{0,20}",
        expires in NOW_S + 1..NOW_S * 100,
        place in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
    ) {
        let target = format!("/{}?{}", encode_path(&key), presign_get(&keys(), "b", &key, expires, Some(&name)));
        prop_assert_eq!(check("GET", &target, &[]).map(|v| v.key), Ok(key));
        let other_bucket = verify(&Request::from_target("GET", "c", &target, &[]), &keys(), NOW_S);
        prop_assert_eq!(other_bucket, Err(Refusal::InvalidSignature));

        // Everything before `&ufileattname` is signed or is the signature.
        let end = target.find("&ufileattname").expect("name");
        let at = 1 + place.index(end - 1);
        let new = b"Ab3-_/"[byte.index(6)];
        prop_assume!(target.as_bytes()[at] != new);
        // The hexadecimal digits of an escape are equal in either case.
        prop_assume!(!target.as_bytes()[at].eq_ignore_ascii_case(&new));
        let mut altered = target.into_bytes();
        altered[at] = new;
        let altered = String::from_utf8(altered).expect("ascii");
        prop_assert!(check("GET", &altered, &[]).is_err(), "{}", altered);
    }
}
