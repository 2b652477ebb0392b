//! Links to exports: each opens its own object until it expires, and nothing else (docs/SIGNING.md, "Presigned URLs").

use tollbook_objects::ObjectStore as _;
use tollbook_ops::{Clock as _, SystemClock};

use super::backend::{Backend, on_each_backend};
use super::client::{Http, Reply};
use super::sample_orders::{self, RANGE};
use super::server::{LINK_LIFETIME_S, NOW_S, RETENTION_S, Server};

struct Fixture {
    server: Server,
    /// Paths and queries of two links: to the paid list, and to the summary.
    links: [String; 2],
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Linked", "default");
        let organization = server.organization(&company, "One");
        server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
        let key = server.full_key(&company);
        let links = ["DownloadListPaidOrders", "DownloadOrderSummary"].map(|action| {
            let answer = server.ask(&key, &format!("Action={action}&{RANGE}"));
            server.follow("GET", answer.data("DownloadURL").as_str().unwrap()).target
        });
        Self { server, links }
    }

    fn get(&self, target: &str) -> Reply {
        self.send(&Http::new("GET", target))
    }

    fn send(&self, http: &Http) -> Reply {
        let reply = http.send(self.server.address);
        assert!(reply.header("x-sessionid").is_some(), "{reply:?}");
        reply
    }
}

const INVALID: (u16, &str) = (403, r#"{"RetCode":-148658,"ErrMsg":"invalid signature"}"#);
const EXPIRED: (u16, &str) = (403, r#"{"RetCode":-148658,"ErrMsg":"signature expired"}"#);
const UNSIGNED: (u16, &str) = (403, r#"{"RetCode":-148643,"ErrMsg":"no authorization found"}"#);
const NO_FILE: (u16, &str) = (404, r#"{"RetCode":-148654,"ErrMsg":"file not exist"}"#);

/// A refusal, in the form that the SDKs decode.
fn refusal(reply: &Reply) -> (u16, &str) {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    (reply.status, reply.text())
}

fn a_link_opens_its_object_and_no_other(backend: Backend) {
    let fixture = Fixture::new(backend);
    let [first, second] = &fixture.links;
    let (first_path, first_query) = first.split_once('?').unwrap();
    let (second_path, second_query) = second.split_once('?').unwrap();
    assert_ne!(first_path, second_path);
    let file = fixture.get(first);
    assert_eq!(file.status, 200);
    assert_eq!(
        file.header("content-type"),
        Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    );
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert_ne!(fixture.get(second).body, file.body);
    // A link can be used repeatedly.
    assert_eq!(fixture.get(first).body, file.body);

    let expires = format!("Expires={}", NOW_S + LINK_LIFETIME_S);
    assert!(first_query.contains(&expires), "{first_query}");
    let later = first_query.replace(&expires, &format!("Expires={}", NOW_S + LINK_LIFETIME_S + 1));
    let without = |name: &str| {
        first_query.split('&').filter(|part| !part.starts_with(name)).collect::<Vec<_>>().join("&")
    };
    let hidden = first_path.rsplit_once('/').unwrap();
    let table = [
        // target, refusal
        (format!("{second_path}?{first_query}"), INVALID),
        (format!("{first_path}?{second_query}"), INVALID),
        (format!("{first_path}?{later}"), INVALID),
        (format!("{first_path}?{}", first_query.replace("TOKEN_", "TOKEN_0")), INVALID),
        (format!("{first_path}?{first_query}&Expires=9999999999"), INVALID),
        (format!("{first_path}?{first_query}&Signature=x"), INVALID),
        (format!("{first_path}?{}", first_query.replace(&expires, "Expires=")), INVALID),
        (format!("{first_path}?{}", first_query.replace(&expires, "Expires=-1")), INVALID),
        (format!("{first_path}?{}", first_query.replace(&expires, "Expires=1")), EXPIRED),
        (format!("{first_path}?{}", without("Signature")), UNSIGNED),
        (format!("{first_path}?{}", without("Expires")), UNSIGNED),
        (format!("{first_path}?{}", without("UCloudPublicKey")), UNSIGNED),
        (first_path.to_owned(), UNSIGNED),
        (format!("{first_path}/?{first_query}"), INVALID),
        (format!("{}/.{}.etag?{first_query}", hidden.0, hidden.1), INVALID),
        (format!("{first_path}/../../../../tollbook.db?{first_query}"), INVALID),
        ("/exports/..%2f..%2ftollbook.db".to_owned(), UNSIGNED),
    ];
    for (target, expected) in table {
        assert_eq!(refusal(&fixture.get(&target)), expected, "{target}");
    }
    for method in ["PUT", "DELETE", "POST"] {
        assert_eq!(refusal(&fixture.send(&Http::new(method, first))), INVALID, "{method}");
    }
    assert_eq!(fixture.get(first).body, file.body);
}

fn a_link_works_until_it_expires(backend: Backend) {
    let fixture = Fixture::new(backend);
    let [link, _] = &fixture.links;
    fixture.server.clock.set(NOW_S + LINK_LIFETIME_S - 1);
    assert_eq!(fixture.get(link).status, 200);
    fixture.server.clock.advance(1);
    assert_eq!(refusal(&fixture.get(link)), EXPIRED);
    let head = fixture.send(&Http::new("HEAD", link));
    assert_eq!((head.status, head.body.len()), (403, 0));
}

fn ranges_are_served(backend: Backend) {
    let fixture = Fixture::new(backend);
    let [link, _] = &fixture.links;
    let whole = fixture.get(link);
    let len = whole.body.len();
    let etag = whole.header("etag").unwrap().to_owned();
    let head = fixture.send(&Http::new("HEAD", link));
    assert_eq!(head.status, 200);
    for name in ["etag", "content-type", "content-disposition", "last-modified", "accept-ranges"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
    assert_eq!(head.header("content-length"), Some(len.to_string().as_str()));

    let range = |value: &str| fixture.send(&Http::new("GET", link).header("Range", value));
    for (value, from, to) in [
        ("bytes=0-99".to_owned(), 0, 100),
        ("bytes=100-".to_owned(), 100, len),
        ("bytes=-7".to_owned(), len - 7, len),
        (format!("bytes=5-{}", len + 1_000), 5, len),
    ] {
        let part = range(&value);
        assert_eq!(part.status, 206, "{value}");
        assert_eq!(part.body, whole.body[from..to], "{value}");
        let said = format!("bytes {from}-{}/{len}", to - 1);
        assert_eq!(part.header("content-range"), Some(said.as_str()));
        assert_eq!(part.header("etag"), Some(etag.as_str()));
    }
    let beyond = range(&format!("bytes={len}-"));
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{len}").as_str()));
    for ignored in ["lines=0-1", "bytes=9-5", "bytes=x"] {
        assert_eq!(range(ignored).status, 200, "{ignored}");
    }

    let with = |name: &str, value: &str| fixture.send(&Http::new("GET", link).header(name, value)).status;
    let modified = whole.header("last-modified").unwrap();
    for (name, value, status) in [
        ("If-None-Match", etag.as_str(), 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-Modified-Since", modified, 304),
        ("If-Match", etag.as_str(), 200),
        ("If-Match", "\"other\"", 412),
    ] {
        assert_eq!(with(name, value), status, "{name}: {value}");
    }
    let unchanged = fixture.send(&Http::new("GET", link).header("If-None-Match", &etag));
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some(etag.as_str())));
}

fn the_file_name_of_a_link_may_be_changed(backend: Backend) {
    let fixture = Fixture::new(backend);
    let [link, _] = &fixture.links;
    let (bare, name) = link.split_once("&ufileattname=").unwrap();
    assert_eq!(name, "paid-orders_2025-11-01_2025-11-30.xlsx");
    for (sent, disposition) in [
        (
            "&ufileattname=paid-orders_2025-11-01_2025-11-30.xlsx",
            Some("attachment; filename=\"paid-orders_2025-11-01_2025-11-30.xlsx\""),
        ),
        ("&ufileattname=my%20bill.xlsx", Some("attachment; filename=\"my bill.xlsx\"")),
        ("&ufileattname=a%0D%0ASet-Cookie:%20b", Some("attachment; filename=\"a__Set-Cookie: b\"")),
        (
            "&ufileattname=%E8%AE%A2%E5%8D%95.xlsx",
            Some("attachment; filename=\"__.xlsx\"; filename*=UTF-8''%E8%AE%A2%E5%8D%95.xlsx"),
        ),
        ("&ufileattname=", None),
        ("", None),
    ] {
        let reply = fixture.get(&format!("{bare}{sent}"));
        assert_eq!((reply.status, reply.header("content-disposition")), (200, disposition), "{sent}");
        assert!(reply.header("set-cookie").is_none());
    }
}

fn a_missing_object_is_404_only_with_a_valid_signature(backend: Backend) {
    let fixture = Fixture::new(backend);
    let key = tollbook_objects::ObjectKey::export(1, 7, "nothing.xlsx").unwrap();
    let base = format!("http://{}", fixture.server.address);
    let url = fixture.server.objects.presign_get(&base, &key, "nothing.xlsx", NOW_S + 60).unwrap();
    let target = url.strip_prefix(&base).unwrap();
    assert_eq!(refusal(&fixture.get(target)), NO_FILE);
    let unsigned = target.replace("Signature=", "Signature=A");
    assert_eq!(refusal(&fixture.get(&unsigned)), INVALID);
}

fn exports_are_swept_after_their_retention(backend: Backend) {
    let fixture = Fixture::new(backend);
    let [link, _] = &fixture.links;
    // Modification times of files are from the system clock, not from the clock of the test.
    let written_by_s = SystemClock.now_s();
    let swept = fixture.server.objects.sweep(written_by_s + RETENTION_S - 600).unwrap();
    assert_eq!(swept.objects, 0);
    let file = fixture.get(link);
    assert_eq!(file.status, 200);
    let swept = fixture.server.objects.sweep(written_by_s + RETENTION_S + 600).unwrap();
    assert_eq!((swept.objects, fixture.server.export_files()), (2, 0));
    assert!(swept.bytes > u64::try_from(file.body.len()).unwrap());
    // By the server's clock the link has not expired.
    assert_eq!(refusal(&fixture.get(link)), NO_FILE);
}

on_each_backend!(
    a_link_opens_its_object_and_no_other,
    a_link_works_until_it_expires,
    ranges_are_served,
    the_file_name_of_a_link_may_be_changed,
    a_missing_object_is_404_only_with_a_valid_signature,
    exports_are_swept_after_their_retention,
);
