//! The contract of object stores, checked on every store: embedded, S3 and US3.

use std::time::Duration;

use tollbook_objects::{ObjectStore, ObjectStoreError};
use tollbook_ops::{Clock as _, SystemClock};

use super::read_only_host;
use super::relayed_store::{BOTH, Kind, LARGE, RelayedStore, content, key, put, stored};
use tollbook_testkit::stores::{PRIVATE_KEY, PUBLIC_KEY, RETENTION_S};

const FILE_NAME: &str = "订单 2025.xlsx";
const DISPOSITION: &str =
    "attachment; filename=\"__ 2025.xlsx\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95%202025.xlsx";

/// A store, and the HTTP client that opens its links.
struct Subject<'a> {
    store: &'a dyn ObjectStore,
    base_url: String,
    agent: ureq::Agent,
}

struct Got {
    status: u16,
    disposition: Option<String>,
    body: Vec<u8>,
}

impl Subject<'_> {
    fn new<'a>(store: &'a dyn ObjectStore, base_url: &str, proxy: Option<&str>) -> Subject<'a> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(proxy.map(|proxy| ureq::Proxy::new(proxy).unwrap()))
            .timeout_global(Some(Duration::from_secs(60)));
        Subject { store, base_url: base_url.to_owned(), agent: config.build().into() }
    }

    fn link(&self, random: u128, lasts_s: i64) -> String {
        let expires_s = SystemClock.now_s() + lasts_s;
        self.store.presign_get(&self.base_url, &key(random), FILE_NAME, expires_s).unwrap()
    }

    fn get(&self, url: &str) -> Got {
        let mut response = self.agent.get(url).call().unwrap();
        let disposition = response.headers().get("content-disposition");
        Got {
            status: response.status().as_u16(),
            disposition: disposition.map(|value| value.to_str().unwrap().to_owned()),
            body: response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap(),
        }
    }

    fn check(&self) {
        self.objects_are_stored_and_read();
        self.links_open_their_object_until_they_expire();
        self.objects_are_deleted_and_swept();
    }

    fn objects_are_stored_and_read(&self) {
        for (random, len) in [(1, 0), (2, 10), (3, LARGE)] {
            let content = content(len);
            assert_eq!(self.store.len_of(&key(random)).unwrap(), None);
            assert_eq!(put(self.store, &key(random), &content).unwrap(), stored(&content), "{len}");
            assert_eq!(self.store.len_of(&key(random)).unwrap(), Some(len as u64));
            let got = self.get(&self.link(random, 60));
            assert_eq!((got.status, got.body.len()), (200, len));
            assert_eq!(got.disposition.as_deref(), Some(DISPOSITION));
            assert!(got.body == content, "{len}: the bytes differ");
        }
    }

    fn links_open_their_object_until_they_expire(&self) {
        let link = self.link(2, 60);
        assert_eq!(self.get(&link).status, 200);
        assert_eq!(self.get(&self.link(2, -5)).status, 403, "expired");
        let (path, query) = link.split_once('?').unwrap();
        let (_, other_query) =
            self.link(3, 60).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(self.get(&format!("{path}?{other_query}")).status, 403, "the signature of another object");
        let name = if query.contains("X-Amz-Signature=") { "X-Amz-Signature=" } else { "Signature=" };
        let (before, signature) = query.split_once(name).unwrap();
        let first = if signature.starts_with('a') { "b" } else { "a" };
        assert_eq!(self.get(&format!("{path}?{before}{name}{first}{}", &signature[1..])).status, 403);
        assert_eq!(self.get(&format!("{path}?{}", query.replace("Expires=", "Expires=1"))).status, 403);
        assert!(matches!(self.get(path).status, 400 | 403), "no signature");
        assert_eq!(self.get(&self.link(9, 60)).status, 404);
    }

    fn objects_are_deleted_and_swept(&self) {
        self.store.delete(&key(1)).unwrap();
        assert_eq!(self.store.len_of(&key(1)).unwrap(), None);
        assert_eq!(self.get(&self.link(1, 60)).status, 404);
        self.store.delete(&key(1)).unwrap();

        let now_s = SystemClock.now_s();
        let swept = self.store.sweep(now_s + RETENTION_S - 600).unwrap();
        assert_eq!((swept.objects, swept.bytes), (0, 0));
        assert_eq!(self.store.len_of(&key(3)).unwrap(), Some(LARGE as u64));
        let swept = self.store.sweep(now_s + RETENTION_S + 600).unwrap();
        assert_eq!((swept.objects, swept.bytes), (2, LARGE as u64 + 10));
        assert_eq!(self.store.len_of(&key(3)).unwrap(), None);
        assert_eq!(self.store.sweep(now_s + RETENTION_S + 600).unwrap().objects, 0);
    }
}

#[test]
fn the_embedded_store_passes_the_contract() {
    let server = read_only_host();
    let subject = Subject::new(server.store.as_ref(), &format!("http://{}", server.address), None);
    subject.check();
    put(subject.store, &key(5), b"first").unwrap();
    let again = put(subject.store, &key(5), b"second");
    assert!(matches!(again, Err(ObjectStoreError::AlreadyExists)), "{again:?}");
    assert_eq!(subject.store.len_of(&key(5)).unwrap(), Some(5));
    subject.store.delete(&key(5)).unwrap();
    assert_eq!(server.left(), Vec::<String>::new());
}

#[test]
fn remote_stores_pass_the_contract() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let store = relayed.store();
        Subject::new(&store, "http://not.used", None).check();
        put(&store, &key(5), b"first").unwrap();
        put(&store, &key(5), b"second").unwrap();
        assert_eq!(store.len_of(&key(5)).unwrap(), Some(6), "a remote store replaces an object");
        store.delete(&key(5)).unwrap();
        assert_eq!(relayed.left(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn remote_stores_with_virtual_hosts_pass_the_contract() {
    for kind in BOTH {
        let relayed = RelayedStore::with_names(kind);
        let store = relayed.store();
        let proxy = relayed.settings().tuning.proxy;
        let subject = Subject::new(&store, "http://not.used", proxy.as_deref());
        assert!(subject.link(1, 60).starts_with("http://exports-bucket.store.test/exports/7/"));
        subject.check();
        assert_eq!(relayed.left(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn links_use_the_public_endpoint() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let url = format!("{}&public_endpoint=https://files.example.com", relayed.url());
        let store = tollbook_objects::RemoteStore::open(&url.parse().unwrap(), &relayed.settings()).unwrap();
        let link = store.presign_get("", &key(1), "a.xlsx", SystemClock.now_s() + 60).unwrap();
        let bucket = if kind == Kind::S3 { "exports-bucket/" } else { "" };
        assert!(link.starts_with(&format!("https://files.example.com/{bucket}exports/7/")), "{link}");
        // Requests are not sent to the public endpoint.
        assert_eq!(store.len_of(&key(1)).unwrap(), None);
    }
}

#[test]
fn stores_with_the_same_objects_have_the_same_identity_without_secrets() {
    for kind in BOTH {
        let (relayed, other) = (RelayedStore::new(kind), RelayedStore::new(kind));
        let (first, second) = (relayed.store(), relayed.store());
        assert_eq!(first.identity(), second.identity());
        assert_ne!(first.identity(), other.store().identity());
        let shown = format!("{first:?} {:?} {} {:?}", relayed.settings(), first.identity(), relayed.url());
        assert!(!shown.contains(PRIVATE_KEY) && !first.identity().contains(PUBLIC_KEY), "{shown}");
    }
    assert_eq!(read_only_host().store.identity(), read_only_host().store.identity());
}
