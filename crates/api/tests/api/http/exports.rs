//! Exports over HTTP: reuse of files, formats, full queues and time limits.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::backend::{Backend, on_each_backend};
use super::client::{Http, pairs};
use super::faulty::{PATIENCE, Waits, Where};
use super::faulty_store::FaultyStore;
use super::sample_orders::{self, RANGE};
use super::server::{Key, LINK_LIFETIME_S, NOW_S, RETENTION_S, Server};

struct Fixture {
    server: Server,
    key: Key,
    bound: Key,
}

impl Fixture {
    fn on(server: Server) -> Self {
        let company = server.company("Exporting", "default");
        let (first, second) = (server.organization(&company, "One"), server.organization(&company, "Two"));
        server.add(&sample_orders::orders(
            company.company_id,
            &[first.organization_id, second.organization_id],
        ));
        let (key, bound) = (server.full_key(&company), server.bound_key(&company, &first));
        Self { server, key, bound }
    }

    /// The object of an export.
    fn object(&self, key: &Key, text: &str) -> String {
        let answer = self.server.ask(key, &format!("{text}&{RANGE}"));
        assert_eq!(answer.verdict(), "0", "{text}");
        let url = answer.data("DownloadURL").as_str().unwrap();
        let reply = self.server.follow("GET", url).send(self.server.address);
        assert_eq!((reply.status, reply.body.len().to_string()), (200, answer.data("FileSize").to_string()));
        url.split_once('?').unwrap().0.to_owned()
    }
}

const PAID: &str = "Action=DownloadListPaidOrders";

fn a_repeated_request_returns_the_same_file(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let first = fixture.object(&fixture.key, PAID);
    let same =
        [PAID, "Action=DownloadListPaidOrders&Format=xlsx&Statuses.0=2", "Action=DownloadListPaidOrders&X=1"];
    for text in same {
        assert_eq!(fixture.object(&fixture.key, text), first, "{text}");
    }
    let filters = ["&ModelIds.0=b&ModelIds.1=a", "&ModelIds.0=a&ModelIds.1=b&ModelIds.2=a"];
    let [one, two] = filters.map(|filter| fixture.object(&fixture.key, &format!("{PAID}{filter}")));
    assert_eq!(one, two, "lists are sets");
    let others = [
        one,
        fixture.object(&fixture.bound, PAID),
        fixture.object(&fixture.key, &format!("{PAID}&Format=csv")),
        fixture.object(&fixture.key, &format!("{PAID}&Statuses.0=3")),
        fixture.object(&fixture.key, "Action=DownloadListUnpaidOrders"),
    ];
    assert!(!others.contains(&first), "{others:?}");
}

fn changed_orders_make_another_file(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let first = fixture.object(&fixture.key, PAID);
    let stranger = fixture.server.company("Other", "default");
    let organization = fixture.server.organization(&stranger, "Theirs");
    fixture.server.add(&sample_orders::orders(stranger.company_id, &[organization.organization_id]));
    assert_eq!(fixture.object(&fixture.key, PAID), first, "changes of other companies do not matter");
    // A paid order that is not one of the sample orders.
    fixture.server.add(&[sample_orders::order(1, &[1], 92)]);
    assert_ne!(fixture.object(&fixture.key, PAID), first);
}

fn a_file_is_reused_until_a_link_could_outlive_it(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let first = fixture.object(&fixture.key, PAID);
    fixture.server.clock.set(NOW_S + RETENTION_S - LINK_LIFETIME_S - 1);
    assert_eq!(fixture.object(&fixture.key, PAID), first);
    fixture.server.clock.set(NOW_S + RETENTION_S - LINK_LIFETIME_S);
    let second = fixture.object(&fixture.key, PAID);
    assert_ne!(second, first, "a link to the first file could outlive it");
    // A deleted file is rebuilt.
    fixture.server.delete_exports();
    assert_ne!(fixture.object(&fixture.key, PAID), second);
}

fn every_format_has_its_extension_and_content(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    for (format, end, start) in [
        ("xlsx", ".xlsx", &b"PK\x03\x04"[..]),
        ("csv", ".csv", &[0xef, 0xbb, 0xbf]),
        ("csv.gz", ".csv.gz", &[0x1f, 0x8b]),
        ("parquet", ".parquet", b"PAR1"),
        ("focus", ".focus-1.0.csv", b""),
        ("focus.parquet", ".focus-1.0.parquet", b"PAR1"),
        ("focus-1.2", ".focus-1.2.csv", b""),
        ("focus-1.2.parquet", ".focus-1.2.parquet", b"PAR1"),
        ("focus-1.3", ".focus-1.3.csv", b""),
        ("focus-1.4.parquet", ".focus-1.4.parquet", b"PAR1"),
    ] {
        for action in ["DownloadListPaidOrders", "DownloadListUnpaidOrders"] {
            let answer =
                fixture.server.ask(&fixture.key, &format!("Action={action}&{RANGE}&Format={format}"));
            let name = answer.data("FileName").as_str().unwrap();
            assert!(name.ends_with(end), "{name}");
            let url = answer.data("DownloadURL").as_str().unwrap();
            let reply = fixture.server.follow("GET", url).send(fixture.server.address);
            assert!(reply.body.starts_with(start), "{format}");
            let listed = action.replacen("Download", "", 1);
            let list =
                fixture.server.ask(&fixture.key, &format!("Action={listed}&{RANGE}&Page=1&PageSize=10"));
            assert_eq!(answer.data("RowCount").as_i64(), Some(list.integer("Total")), "{format}");
        }
    }
}

fn a_separator_is_that_of_the_file_or_refused(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let ask = |more: &str| fixture.server.ask(&fixture.key, &format!("{PAID}&{RANGE}&{more}"));
    for (separator, start) in [
        ("comma", "\u{feff}Region,"),
        ("semicolon", "\u{feff}Region;"),
        ("semicolon-named", "\u{feff}sep=;\r\nRegion;"),
        ("tab", "\u{feff}Region\t"),
    ] {
        let answer = ask(&format!("Format=csv&Separator={separator}"));
        let url = answer.data("DownloadURL").as_str().unwrap();
        let text = fixture.server.follow("GET", url).send(fixture.server.address).body;
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with(start), "{separator}: {:?}", text.get(..20));
    }
    let unknown = "must be one of comma, semicolon, semicolon-named, tab";
    let fixed = "Format must be csv or csv.gz";
    for (request, expected) in [
        ("Format=csv&Separator=;", format!("230 Params [Separator] not available: {unknown}")),
        ("Separator=tab", format!("230 Params [Separator] not available: xlsx has no separator; {fixed}")),
        (
            "Format=focus&Separator=tab",
            format!("230 Params [Separator] not available: focus has no separator; {fixed}"),
        ),
        ("Format=parquet&Separator=comma", "0".to_owned()),
    ] {
        assert_eq!(ask(request).verdict(), expected, "{request}");
    }
}

/// The answer to a request while the only permitted build is blocked.
fn told_while_another_is_built(backend: Backend, config: &str) -> String {
    let ((reached, was_reached), (let_go, go_on)) = (channel(), channel());
    let fault = Arc::new(Waits::new(reached, go_on));
    let server = Server::configured(backend, config, |inner| {
        Arc::new(FaultyStore { inner, place: Where::Row, fault })
    });
    let fixture = Fixture::on(server);
    let ask = |text: &str| fixture.server.ask(&fixture.key, &format!("{text}&{RANGE}"));
    std::thread::scope(|scope| {
        let building = scope.spawn(|| ask(PAID));
        was_reached.recv_timeout(PATIENCE).unwrap();
        let told = ask("Action=DownloadListUnpaidOrders").verdict_with_reason();
        // Lists are answered in the meantime.
        let list = ask("Action=ListPaidOrders&Page=1&PageSize=10");
        let_go.send(()).unwrap();
        assert_eq!((building.join().unwrap().verdict(), list.verdict()), ("0".to_owned(), "0".to_owned()));
        assert_eq!(fixture.server.export_files(), 2, "one file and its ETag: the refused request left none");
        told
    })
}

fn a_full_queue_and_a_queue_timeout_are_refused(backend: Backend) {
    let full = "153 Request rate limited: too many exports are waiting; ask again, or with Async=true";
    assert_eq!(told_while_another_is_built(backend, "[exports]\nat_once = 1\nwaiting = 0\n"), full);
    let late =
        "150 Service unavailable: the export's turn did not come within 1 s; ask again, or with Async=true";
    assert_eq!(told_while_another_is_built(backend, "[exports]\nat_once = 1\nqueue_s = 1\n"), late);
}

fn an_export_that_exceeds_its_deadline_is_cancelled(backend: Backend) {
    let ((reached, was_reached), (let_go, go_on)) = (channel(), channel());
    let config = "[exports]\nqueue_s = 1\nanswer_s = 1\n";
    let fault = Arc::new(Waits::new(reached, go_on));
    let server = Server::configured(backend, config, |inner| {
        Arc::new(FaultyStore { inner, place: Where::Row, fault })
    });
    let mut fixture = Fixture::on(server);
    let signed = fixture.key.signed(pairs(&format!("{PAID}&{RANGE}")));
    let answer = fixture.server.answer(&Http::form(&signed), &signed);
    was_reached.recv_timeout(PATIENCE).unwrap();
    let verdict =
        "150 Service unavailable: the export was not finished within 1 s; ask again, or with Async=true";
    assert_eq!(answer.verdict_with_reason(), verdict);
    // The build continues until it detects the cancellation.
    let_go.send(()).unwrap();
    fixture.server.signal_stop();
    fixture.server.join();
    assert_eq!(fixture.server.export_files(), 0, "a cancelled export leaves no file");
}

on_each_backend!(
    a_repeated_request_returns_the_same_file,
    changed_orders_make_another_file,
    a_file_is_reused_until_a_link_could_outlive_it,
    every_format_has_its_extension_and_content,
    a_separator_is_that_of_the_file_or_refused,
    a_full_queue_and_a_queue_timeout_are_refused,
    an_export_that_exceeds_its_deadline_is_cancelled,
);
