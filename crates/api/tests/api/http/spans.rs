//! Log lines can be found by request: each log line of a request has its id, action, company and key.

use std::sync::Arc;

use tollbook_store::StoreError;

use super::backend::{Backend, on_each_backend};
use super::client::pairs;
use super::faulty::{Fails, Where};
use super::faulty_store::FaultyStore;
use super::server::Server;
use super::{client::Http, log};

fn a_failed_request_is_found_by_its_id(backend: Backend) {
    log::keep();
    let fault = Arc::new(Fails(|| StoreError::Damaged("row 17".into())));
    let server =
        Server::behind(backend, |inner| Arc::new(FaultyStore { inner, place: Where::Orders, fault }));
    let company = server.company("Unlucky", "default");
    let key = server.full_key(&company);
    let signed = key.signed(pairs("Action=GetFilterOptions"));
    let reply = Http::form(&signed).send(server.address);
    let lines = log::lines_with(reply.header("x-ucloud-request-uuid").unwrap());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("the store failed"), "{lines:?}");
    assert!(lines[1].contains("INFO") && lines[1].contains("ret_code=5000"), "{lines:?}");
    let company_id = format!("company_id={}", company.company_id);
    for line in lines {
        for field in ["action=\"GetFilterOptions\"", company_id.as_str(), key.public.as_str()] {
            assert!(line.contains(field), "{field} in {line}");
        }
    }
}

fn a_job_is_found_by_its_id(backend: Backend) {
    log::keep();
    let server = Server::start(backend);
    let company = server.company("Working", "default");
    let (key, other) = (server.full_key(&company), server.full_key(&company));
    let range = super::sample_orders::RANGE;
    let submitted = server.ask(&other, &format!("Action=DownloadListPaidOrders&{range}&Async=true"));
    let job_id = submitted.text("JobId").to_owned();
    server.disable(&other);
    let worker = server.beside(super::server::CONFIG);
    while server.ask(&key, &format!("Action=GetExportJob&JobId={job_id}")).text("State") != "Failed" {
        std::thread::yield_now();
    }
    drop(worker);
    let lines = log::lines_with(&job_id);
    let line = lines.iter().find(|line| line.contains("export job failed")).unwrap();
    let company_id = format!("company_id={}", company.company_id);
    assert!(line.contains(&company_id) && line.contains("worker=\"export worker\""), "{line}");
}

on_each_backend!(a_failed_request_is_found_by_its_id, a_job_is_found_by_its_id,);
