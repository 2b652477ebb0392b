//! Requests to the embedded store: only what was signed is answered, whatever the request says, and an upload form is
//! read alike in any pieces.

use std::io::{self, Read};
use std::sync::LazyLock;

use tollbook_objects::us3::{Request, SignedParts, UploadForm, encode_path, presign_get, sign};
use tollbook_objects::{
    EmbeddedSettings, EmbeddedStore, ObjectKey, ObjectKeys, ReadError, ReplyBody, SpoolLimits,
};

use crate::files::folder;

const NOW_S: i64 = 1_800_000_000;
const BUCKET: &str = "tollbook";

fn keys() -> ObjectKeys {
    ObjectKeys::new("TOKEN_1", "private")
}

static STORE: LazyLock<EmbeddedStore> = LazyLock::new(|| {
    let directory = folder().join("store");
    std::fs::create_dir_all(&directory).expect("a folder");
    let store = EmbeddedStore::new(EmbeddedSettings {
        data_directory: directory.clone(),
        bucket: BUCKET.to_owned(),
        keys: keys(),
        retention_s: 3_600,
        spool: SpoolLimits { bytes: 1 << 20, free_bytes: 0 },
    });
    store.expect("a store")
});

/// Returns a few bytes at a time.
struct Dripping<'b>(&'b [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.0.len().min(into.len()).min(self.1);
        let (piece, rest) = self.0.split_at(length);
        into[..length].copy_from_slice(piece);
        self.0 = rest;
        Ok(length)
    }
}

pub(super) fn check(input: &[u8]) {
    let head_end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = head_end.map_or((input, &b""[..]), |at| (&input[..at], &input[at + 2..]));
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.split('\n');
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let request = Request::from_target(method, BUCKET, target, &headers);
    let answer = |piece: usize| match STORE.us3(&request, &mut Dripping(body, piece), NOW_S) {
        Ok(reply) => {
            let is_bytes = matches!(reply.body, ReplyBody::Bytes(_) | ReplyBody::Empty);
            assert!(is_bytes, "the store is empty");
            Ok(reply.status)
        }
        Err(ReadError::Refused(refusal)) => {
            assert!((400..500).contains(&refusal.status()), "{refusal:?}");
            Err(refusal.message())
        }
        Err(other) => panic!("{other:?}"),
    };
    let whole = answer(usize::MAX);
    assert_eq!(answer(1), whole);
    form(&request, body);
    presigned(target, &headers);
    signed(method, target, &headers);
}

/// The content of a form is the same in any pieces.
fn form(request: &Request<'_>, body: &[u8]) {
    let content = |piece: usize| {
        let mut from = Dripping(body, piece);
        let form = UploadForm::read(request, &mut from)?;
        let mut content = Vec::new();
        form.content(&mut |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok::<_, tollbook_objects::us3::Refusal>(content)
    };
    assert_eq!(content(1), content(usize::MAX));
    assert_eq!(content(3), content(usize::MAX));
}

/// A link that was made here is valid, and another one for the same object is not.
fn presigned(target: &str, headers: &[(&str, &str)]) {
    let Ok(key) = ObjectKey::parse(target.trim_start_matches('/')) else { return };
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        return;
    }
    let query = presign_get(&keys(), BUCKET, key.as_str(), NOW_S + 1, None);
    let target = format!("/{}?{query}", encode_path(key.as_str()));
    let verified = |target: &str, now_s| {
        tollbook_objects::us3::verify(&Request::from_target("GET", BUCKET, target, &[]), &keys(), now_s)
    };
    assert_eq!(verified(&target, NOW_S).map(|verified| verified.key), Ok(key.as_str().to_owned()));
    assert!(verified(&target, NOW_S + 1).is_err());
    let other = target.replacen("/exports/", "/exports/x", 1);
    assert!(verified(&other, NOW_S).is_err());
}

/// A request that is signed as its parts say is answered with its key.
fn signed(method: &str, target: &str, headers: &[(&str, &str)]) {
    let plain = target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let (Some(key), true) = (target.strip_prefix('/'), plain && headers.is_empty()) else { return };
    let parts = SignedParts { method, bucket: BUCKET, key, ..SignedParts::default() };
    let authorization = format!("UCloud TOKEN_1:{}", sign("private", &parts.string_to_sign()));
    let headers = [("Authorization", authorization.as_str())];
    let request = Request::from_target(method, BUCKET, target, &headers);
    let verified = tollbook_objects::us3::verify(&request, &keys(), NOW_S);
    assert_eq!(verified.map(|verified| verified.key), Ok(key.to_owned()), "{method} {target}");
}
