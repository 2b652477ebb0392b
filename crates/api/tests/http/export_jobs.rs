//! Exports in the background: asked for with `Async`, told of by `GetExportJob`, made by whichever server works.

use std::time::Instant;

use tollbook_export::exporter::jobs::MAX_ATTEMPTS;
use tollbook_store::{ExportState, Lease, LeaseKey};

use crate::client::Answer;
use crate::faulty::PATIENCE;
use crate::made::{self, RANGE};
use crate::server::{CONFIG, Key, NOW_S, RETENTION_S, Server};

struct Scene {
    server: Server,
    full: Key,
    bound: Key,
}

impl Scene {
    fn on(server: Server) -> Self {
        let company = server.company("Patient", "default");
        let (first, second) = (server.organization(&company, "One"), server.organization(&company, "Two"));
        server.add(&made::orders(company.company_id, &[first.organization_id, second.organization_id]));
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
            assert!(begin.elapsed() < PATIENCE, "the job does not end: {answer:?}");
            std::thread::yield_now();
        }
    }
}

const PAID: &str = "Action=DownloadListPaidOrders";
const NO_JOB: &str = "230 Params [JobId] not available: there is no such job";

#[test]
fn a_job_makes_the_file_that_a_request_makes() {
    let scene = Scene::on(Server::working());
    for (text, key) in [
        (PAID, &scene.full),
        ("Action=DownloadListUnpaidOrders&Statuses.0=1&Format=csv", &scene.full),
        ("Action=DownloadOrderSummary", &scene.full),
        (PAID, &scene.bound),
    ] {
        let job_id = scene.submit(key, text);
        let done = Scene::ended(&scene.server, key, &job_id);
        assert_eq!(done.0["State"], "Done", "{done:?}");
        assert_eq!((done.integer("Progress"), done.0["Reason"].as_str()), (100, Some("")));
        assert_eq!(done.integer("CreateTime"), NOW_S);
        let asked = scene.server.ask(key, &format!("{text}&{RANGE}"));
        for member in ["RowCount", "TotalPrice", "FileName", "FileSize", "Sha256"] {
            assert_eq!(done.data(member), asked.data(member), "{text} {member}: one file serves both");
        }
        assert_ne!(done.data("RowCount"), 0);
        assert_eq!(
            (&done.0["RowsWritten"], &done.0["RowsTotal"]),
            (done.data("RowCount"), done.data("RowCount"))
        );
        let reply = scene.server.follow("GET", done.data("DownloadURL").as_str().unwrap());
        assert_eq!(reply.send(scene.server.address).status, 200);
    }
    assert_eq!(scene.server.export_files(), 2 * 4, "a file and its ETag for each");
}

#[test]
fn a_job_waits_for_a_server_that_works_at_it() {
    let scene = Scene::on(Server::start());
    let job_id = scene.submit(&scene.full, PAID);
    let waiting = scene.job(&scene.full, &job_id);
    assert_eq!((waiting.0["State"].as_str(), waiting.integer("Progress")), (Some("Waiting"), 0));
    assert!(!waiting.0.contains_key("Data"));
    let other = scene.server.beside(CONFIG);
    assert_eq!(Scene::ended(&other, &scene.full, &job_id).0["State"], "Done");
}

#[test]
fn a_job_of_a_server_that_died_is_taken_over() {
    let scene = Scene::on(Server::start());
    let job_id = scene.submit(&scene.full, PAID);
    let hold = |now_s: i64| {
        let mut transaction = scene.server.store.begin().unwrap();
        let taken = transaction
            .acquire(
                LeaseKey::ExportJob { company_id: 1, job_id: &job_id },
                &Lease { holder: "a dead server", until_s: now_s + 20 },
                now_s,
            )
            .unwrap();
        transaction.commit().unwrap();
        taken
    };
    assert!(hold(NOW_S));
    assert_eq!(scene.job(&scene.full, &job_id).0["State"], "Running");
    let other = scene.server.beside(CONFIG);
    other.clock.set(NOW_S + 20);
    assert_eq!(Scene::ended(&other, &scene.full, &job_id).0["State"], "Done");
    let job = scene.server.store.snapshot().unwrap().export_job(1, &job_id).unwrap().unwrap();
    assert_eq!((job.state, job.attempts), (ExportState::Done, 2));
}

#[test]
fn a_job_that_kills_its_servers_is_given_up() {
    let scene = Scene::on(Server::start());
    let job_id = scene.submit(&scene.full, PAID);
    for attempt in 0..MAX_ATTEMPTS {
        let (now_s, mut transaction) = (NOW_S + attempt * 20, scene.server.store.begin().unwrap());
        let holder = format!("dead {attempt}");
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
    let other = scene.server.beside(CONFIG);
    other.clock.set(NOW_S + MAX_ATTEMPTS * 20);
    let given_up = Scene::ended(&other, &scene.full, &job_id);
    assert_eq!(
        (given_up.0["State"].as_str(), given_up.0["Reason"].as_str()),
        (Some("Failed"), Some("given up after 30 attempts"))
    );
}

#[test]
fn the_same_request_is_the_same_job_until_something_changes() {
    let scene = Scene::on(Server::start());
    let job_id = scene.submit(&scene.full, PAID);
    assert_eq!(scene.submit(&scene.full, PAID), job_id);
    let others = [
        scene.submit(&scene.full, &format!("{PAID}&Format=csv")),
        scene.submit(&scene.full, "Action=DownloadListUnpaidOrders"),
        scene.submit(&scene.bound, PAID),
    ];
    assert!(!others.contains(&job_id), "{others:?}");
    // A paid one that is not among the made ones.
    scene.server.add(&[made::order(1, &[1], 92)]);
    assert_ne!(scene.submit(&scene.full, PAID), job_id);
}

#[test]
fn a_job_is_seen_by_its_key_and_by_keys_of_the_whole_company() {
    let scene = Scene::on(Server::start());
    let stranger = scene.server.full_key(&scene.server.company("Stranger", "default"));
    let (full, bound) = (scene.submit(&scene.full, PAID), scene.submit(&scene.bound, PAID));
    let table = [
        (&scene.full, &full, "0"),
        (&scene.full, &bound, "0"),
        (&scene.bound, &bound, "0"),
        (&scene.bound, &full, NO_JOB),
        (&stranger, &full, NO_JOB),
    ];
    for (key, job_id, verdict) in table {
        assert_eq!(scene.job(key, job_id).verdict(), verdict);
    }
    assert_eq!(scene.job(&scene.full, "export-none").verdict(), NO_JOB);
}

#[test]
fn a_job_of_a_key_that_is_disabled_meanwhile_fails() {
    let scene = Scene::on(Server::start());
    let job_id = scene.submit(&scene.bound, PAID);
    scene.server.disable(&scene.bound);
    let other = scene.server.beside(CONFIG);
    let failed = Scene::ended(&other, &scene.full, &job_id);
    assert_eq!(failed.0["State"], "Failed");
    assert_eq!(failed.0["Reason"], "Permission denied");
    assert!(!failed.0.contains_key("Data"));
}

#[test]
fn a_company_has_a_bound_of_unfinished_jobs() {
    // One of the two is there from the beginning: every company of a test has it.
    let scene = Scene::on(Server::configured("[exports]\njobs_per_company = 2\n", |store| store));
    scene.submit(&scene.full, PAID);
    let refused = scene.server.ask(&scene.full, &format!("Action=DownloadOrderSummary&{RANGE}&Async=1"));
    assert_eq!(
        refused.verdict_with_reason(),
        "153 Request rate limited: too many exports of the company are waiting; ask again later"
    );
    // One that is there already may be asked for again.
    scene.submit(&scene.full, PAID);
}

#[test]
fn a_job_expires_with_its_file() {
    let scene = Scene::on(Server::working());
    let job_id = scene.submit(&scene.full, PAID);
    Scene::ended(&scene.server, &scene.full, &job_id);
    scene.server.clock.set(NOW_S + RETENTION_S - 1);
    let last = scene.job(&scene.full, &job_id);
    let url = last.data("DownloadURL").as_str().unwrap().to_owned();
    let expires = format!("Expires={}", NOW_S + RETENTION_S);
    assert!(url.contains(&expires), "a link does not outlive its file: {url}");
    scene.server.clock.set(NOW_S + RETENTION_S);
    let expired = scene.job(&scene.full, &job_id);
    assert_eq!(expired.0["State"], "Expired");
    assert!(!expired.0.contains_key("Data"));
    // Asked for again it is another job, which makes the file anew.
    let again = scene.submit(&scene.full, PAID);
    assert_ne!(again, job_id);
    assert_eq!(Scene::ended(&scene.server, &scene.full, &again).0["State"], "Done");
}

#[test]
fn what_is_wrong_is_said_before_a_job_is_made() {
    let scene = Scene::on(Server::start());
    let table = [
        (
            format!("{PAID}&StartTime=5&EndTime=4&Async=true"),
            "230 Params [EndTime] not available: must be greater than StartTime",
        ),
        (format!("{PAID}&{RANGE}&Async=maybe"), "230 Params [Async] not available: must be true or false"),
        (
            format!("Action=DownloadOrderSummary&{RANGE}&Format=focus&Async=true"),
            "230 Params [Format] not available: focus has no summaries; must be xlsx, csv, csv.gz or parquet",
        ),
        (format!("{PAID}&Async=true"), "220 Missing params [StartTime|EndTime]"),
    ];
    for (text, verdict) in table {
        assert_eq!(scene.server.ask(&scene.full, &text).verdict(), verdict, "{text}");
    }
    let mut snapshot = scene.server.store.snapshot().unwrap();
    assert_eq!(snapshot.unfinished_export_jobs(1).unwrap(), 1, "only the one that every company has");
}
