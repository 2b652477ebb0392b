//! Background exports: requested with `Async`, reported by `GetExportJob`, built by any server with an export worker.

use std::time::Instant;

use tollbook_export::exporter::jobs::MAX_ATTEMPTS;
use tollbook_store::{ExportState, Lease, LeaseKey};

use super::backend::{Backend, on_each_backend};
use super::client::Answer;
use super::faulty::PATIENCE;
use super::sample_orders::{self, RANGE};
use super::server::{CONFIG, Key, NOW_S, RETENTION_S, Server};

struct Fixture {
    server: Server,
    full: Key,
    bound: Key,
}

impl Fixture {
    fn on(server: Server) -> Self {
        let company = server.company("Patient", "default");
        let (first, second) = (server.organization(&company, "One"), server.organization(&company, "Two"));
        server.add(&sample_orders::orders(
            company.company_id,
            &[first.organization_id, second.organization_id],
        ));
        let (full, bound) = (server.full_key(&company), server.bound_key(&company, &first));
        Self { server, full, bound }
    }

    fn submit(&self, key: &Key, text: &str) -> String {
        let answer = self.server.ask(key, &format!("{text}&{RANGE}&Async=true"));
        assert_eq!(answer.verdict(), "0");
        assert!(!answer.0.contains_key("Data"));
        answer.0["JobId"].as_str().unwrap().to_owned()
    }

    fn job(&self, key: &Key, job_id: &str) -> Answer {
        self.server.ask(key, &format!("Action=GetExportJob&JobId={job_id}"))
    }

    /// Waits until a job has ended.
    fn ended(server: &Server, key: &Key, job_id: &str) -> Answer {
        let begin = Instant::now();
        loop {
            let answer = server.ask(key, &format!("Action=GetExportJob&JobId={job_id}"));
            if !matches!(answer.0["State"].as_str(), Some("Waiting" | "Running")) {
                return answer;
            }
            assert!(begin.elapsed() < PATIENCE, "the job did not end: {answer:?}");
            std::thread::yield_now();
        }
    }
}

const PAID: &str = "Action=DownloadListPaidOrders";
const NO_JOB: &str = "230 Params [JobId] not available: there is no such job";

fn a_job_makes_the_file_that_a_request_makes(backend: Backend) {
    let fixture = Fixture::on(Server::working(backend));
    for (text, key) in [
        (PAID, &fixture.full),
        ("Action=DownloadListUnpaidOrders&Statuses.0=1&Format=csv", &fixture.full),
        ("Action=DownloadOrderSummary", &fixture.full),
        (PAID, &fixture.bound),
    ] {
        let job_id = fixture.submit(key, text);
        let done = Fixture::ended(&fixture.server, key, &job_id);
        assert_eq!(done.0["State"], "Done", "{done:?}");
        assert_eq!((done.integer("Progress"), done.0["Reason"].as_str()), (100, Some("")));
        assert_eq!(done.integer("CreateTime"), NOW_S);
        let asked = fixture.server.ask(key, &format!("{text}&{RANGE}"));
        for member in ["RowCount", "TotalPrice", "FileName", "FileSize", "Sha256"] {
            assert_eq!(done.data(member), asked.data(member), "{text} {member}: both have the same file");
        }
        assert_ne!(done.data("RowCount"), 0);
        assert_eq!(
            (&done.0["RowsWritten"], &done.0["RowsTotal"]),
            (done.data("RowCount"), done.data("RowCount"))
        );
        let reply = fixture.server.follow("GET", done.data("DownloadURL").as_str().unwrap());
        assert_eq!(reply.send(fixture.server.address).status, 200);
    }
    assert_eq!(fixture.server.export_files(), 2 * 4, "a file and its ETag for each");
}

fn a_job_whose_file_was_deleted_is_expired_and_made_again(backend: Backend) {
    let fixture = Fixture::on(Server::working(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    assert_eq!(Fixture::ended(&fixture.server, &fixture.full, &job_id).0["State"], "Done");
    assert_eq!(fixture.submit(&fixture.full, PAID), job_id, "the same job as long as its file is there");
    fixture.server.delete_exports();
    let gone = fixture.job(&fixture.full, &job_id);
    assert_eq!((gone.0["State"].as_str(), gone.0.contains_key("Data")), (Some("Expired"), false));
    let again = fixture.submit(&fixture.full, PAID);
    assert_ne!(again, job_id);
    assert_eq!(Fixture::ended(&fixture.server, &fixture.full, &again).0["State"], "Done");
}

fn a_job_waits_for_a_server_with_an_export_worker(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    let waiting = fixture.job(&fixture.full, &job_id);
    assert_eq!((waiting.0["State"].as_str(), waiting.integer("Progress")), (Some("Waiting"), 0));
    assert!(!waiting.0.contains_key("Data"));
    let other = fixture.server.beside(CONFIG);
    assert_eq!(Fixture::ended(&other, &fixture.full, &job_id).0["State"], "Done");
}

fn a_job_of_a_crashed_server_is_taken_over(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    let hold = |now_s: i64| {
        let mut transaction = fixture.server.store.begin().unwrap();
        let taken = transaction
            .acquire(
                LeaseKey::ExportJob { company_id: 1, job_id: &job_id },
                &Lease { holder: "a crashed server", until_s: now_s + 20 },
                now_s,
            )
            .unwrap();
        transaction.commit().unwrap();
        taken
    };
    assert!(hold(NOW_S));
    assert_eq!(fixture.job(&fixture.full, &job_id).0["State"], "Running");
    let other = fixture.server.beside(CONFIG);
    other.clock.set(NOW_S + 20);
    assert_eq!(Fixture::ended(&other, &fixture.full, &job_id).0["State"], "Done");
    let job = fixture.server.store.snapshot().unwrap().export_job(1, &job_id).unwrap().unwrap();
    assert_eq!((job.state, job.attempts), (ExportState::Done, 2));
}

fn a_job_that_crashes_its_servers_is_abandoned(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    for attempt in 0..MAX_ATTEMPTS {
        let (now_s, mut transaction) = (NOW_S + attempt * 20, fixture.server.store.begin().unwrap());
        let holder = format!("crashed {attempt}");
        assert!(
            transaction
                .acquire(
                    LeaseKey::ExportJob { company_id: 1, job_id: &job_id },
                    &Lease { holder: &holder, until_s: now_s + 20 },
                    now_s
                )
                .unwrap()
        );
        transaction.commit().unwrap();
    }
    let other = fixture.server.beside(CONFIG);
    other.clock.set(NOW_S + MAX_ATTEMPTS * 20);
    let given_up = Fixture::ended(&other, &fixture.full, &job_id);
    assert_eq!(
        (given_up.0["State"].as_str(), given_up.0["Reason"].as_str()),
        (Some("Failed"), Some("given up after 30 attempts"))
    );
}

fn a_repeated_request_is_the_same_job_until_the_orders_change(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    assert_eq!(fixture.submit(&fixture.full, PAID), job_id);
    let others = [
        fixture.submit(&fixture.full, &format!("{PAID}&Format=csv")),
        fixture.submit(&fixture.full, "Action=DownloadListUnpaidOrders"),
        fixture.submit(&fixture.bound, PAID),
    ];
    assert!(!others.contains(&job_id), "{others:?}");
    // A paid order that is not one of the sample orders.
    fixture.server.add(&[sample_orders::order(1, &[1], 92)]);
    assert_ne!(fixture.submit(&fixture.full, PAID), job_id);
}

fn a_job_is_visible_to_its_key_and_to_keys_of_the_whole_company(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let stranger = fixture.server.full_key(&fixture.server.company("Stranger", "default"));
    let (full, bound) = (fixture.submit(&fixture.full, PAID), fixture.submit(&fixture.bound, PAID));
    let table = [
        (&fixture.full, &full, "0"),
        (&fixture.full, &bound, "0"),
        (&fixture.bound, &bound, "0"),
        (&fixture.bound, &full, NO_JOB),
        (&stranger, &full, NO_JOB),
    ];
    for (key, job_id, verdict) in table {
        assert_eq!(fixture.job(key, job_id).verdict(), verdict);
    }
    assert_eq!(fixture.job(&fixture.full, "export-none").verdict(), NO_JOB);
}

fn a_job_of_a_disabled_key_fails(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let job_id = fixture.submit(&fixture.bound, PAID);
    fixture.server.disable(&fixture.bound);
    let other = fixture.server.beside(CONFIG);
    let failed = Fixture::ended(&other, &fixture.full, &job_id);
    assert_eq!(failed.0["State"], "Failed");
    assert_eq!(failed.0["Reason"], "Permission denied");
    assert!(!failed.0.contains_key("Data"));
}

fn unfinished_jobs_of_a_company_are_bounded(backend: Backend) {
    // Every company of a test has one job from the beginning, so one more is permitted.
    let fixture =
        Fixture::on(Server::configured(backend, "[exports]\njobs_per_company = 2\n", |store| store));
    fixture.submit(&fixture.full, PAID);
    let refused = fixture.server.ask(&fixture.full, &format!("Action=DownloadOrderSummary&{RANGE}&Async=1"));
    assert_eq!(
        refused.verdict_with_reason(),
        "153 Request rate limited: too many exports of the company are waiting; ask again later"
    );
    // A request for an existing job is accepted.
    fixture.submit(&fixture.full, PAID);
}

fn a_job_expires_with_its_file(backend: Backend) {
    let fixture = Fixture::on(Server::working(backend));
    let job_id = fixture.submit(&fixture.full, PAID);
    Fixture::ended(&fixture.server, &fixture.full, &job_id);
    fixture.server.clock.set(NOW_S + RETENTION_S - 1);
    let last = fixture.job(&fixture.full, &job_id);
    let url = last.data("DownloadURL").as_str().unwrap().to_owned();
    let expires = format!("Expires={}", NOW_S + RETENTION_S);
    assert!(url.contains(&expires), "a link does not outlive its file: {url}");
    fixture.server.clock.set(NOW_S + RETENTION_S);
    let expired = fixture.job(&fixture.full, &job_id);
    assert_eq!(expired.0["State"], "Expired");
    assert!(!expired.0.contains_key("Data"));
    // The same request now creates another job, which rebuilds the file.
    let again = fixture.submit(&fixture.full, PAID);
    assert_ne!(again, job_id);
    assert_eq!(Fixture::ended(&fixture.server, &fixture.full, &again).0["State"], "Done");
}

fn an_invalid_request_makes_no_job(backend: Backend) {
    let fixture = Fixture::on(Server::start(backend));
    let table = [
        (
            format!("{PAID}&StartTime=5&EndTime=4&Async=true"),
            "230 Params [EndTime] not available: must be greater than StartTime",
        ),
        (format!("{PAID}&{RANGE}&Async=maybe"), "230 Params [Async] not available: must be true or false"),
        (
            format!("Action=DownloadOrderSummary&{RANGE}&Format=focus&Async=true"),
            "230 Params [Format] not available: focus has no summaries; must be xlsx, bill, csv, csv.gz or parquet",
        ),
        (format!("{PAID}&Async=true"), "220 Missing params [StartTime|EndTime]"),
    ];
    for (text, verdict) in table {
        assert_eq!(fixture.server.ask(&fixture.full, &text).verdict(), verdict, "{text}");
    }
    let mut snapshot = fixture.server.store.snapshot().unwrap();
    assert_eq!(snapshot.unfinished_export_jobs(1).unwrap(), 1, "only the job that every company has");
}

on_each_backend!(
    a_job_makes_the_file_that_a_request_makes,
    a_job_whose_file_was_deleted_is_expired_and_made_again,
    a_job_waits_for_a_server_with_an_export_worker,
    a_job_of_a_crashed_server_is_taken_over,
    a_job_that_crashes_its_servers_is_abandoned,
    a_repeated_request_is_the_same_job_until_the_orders_change,
    a_job_is_visible_to_its_key_and_to_keys_of_the_whole_company,
    a_job_of_a_disabled_key_fails,
    unfinished_jobs_of_a_company_are_bounded,
    a_job_expires_with_its_file,
    an_invalid_request_makes_no_job,
);
