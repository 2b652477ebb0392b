//! Hosts of the embedded store as a US3 bucket: a request to such a host goes to the bucket, and a request to any other
//! host does not.

use serde_json::Value;
use tollbook_objects::us3::{SignedParts, authorization};
use tollbook_ops::maintenance::shared_objects::object_keys;

use super::backend::{Backend, on_each_backend};
use super::client::{Http, Reply};
use super::sample_orders::{self, RANGE};
use super::server::{CONFIG, Server};

const HOST: &str = "tollbook.us3.example";

struct Fixture {
    server: Server,
    /// The key of an export.
    key: String,
    link: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let config = format!("{CONFIG}\n[objects]\nus3_hosts = [\"{HOST}\"]\n");
        let server = Server::configured(backend, &config, |store| store);
        let company = server.company("Exporting", "default");
        let organization = server.organization(&company, "One");
        server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
        let api_key = server.full_key(&company);
        let answer = server.ask(&api_key, &format!("Action=DownloadListPaidOrders&{RANGE}"));
        let link = server.follow("GET", answer.data("DownloadURL").as_str().unwrap()).target;
        let key = link.trim_start_matches('/').split('?').next().unwrap().to_owned();
        Self { server, key, link }
    }

    fn signed(&self, method: &str, host: &str, target: &str, key: &str) -> Reply {
        let parts = SignedParts { method, bucket: "tollbook", key, ..SignedParts::default() };
        let authorization = authorization(&object_keys(self.server.master()), &parts);
        Http::new(method, target).host(host).header("Authorization", &authorization).send(self.server.address)
    }
}

fn the_bucket_is_read_only(backend: Backend) {
    let fixture = Fixture::new(backend);
    let path = format!("/{}", fixture.key);
    let listed = fixture.signed("GET", "Tollbook.US3.example:8080", "/?list&prefix=exports/", "");
    assert_eq!((listed.status, listed.header("content-type")), (200, Some("application/json")));
    let listed: Value = serde_json::from_str(listed.text()).unwrap();
    assert_eq!(listed["DataSet"][0]["FileName"], fixture.key.as_str());
    let file = fixture.signed("GET", HOST, &path, &fixture.key);
    assert_eq!(file.status, 200);
    assert_eq!(listed["DataSet"][0]["Size"], file.body.len());
    let by_link = Http::new("GET", &fixture.link).host(HOST).send(fixture.server.address);
    assert_eq!(by_link.body, file.body);
    assert_eq!(fixture.signed("HEAD", HOST, &path, &fixture.key).status, 200);
    for method in ["PUT", "DELETE"] {
        let refused = fixture.signed(method, HOST, &path, &fixture.key);
        assert_eq!(
            (refused.status, refused.text()),
            (403, r#"{"RetCode":-1,"ErrMsg":"writing is not allowed"}"#),
            "{method}"
        );
        let unsigned = Http::new(method, &path).host(HOST).send(fixture.server.address);
        assert_eq!((unsigned.status, unsigned.text().contains("-148643")), (403, true), "{method}");
    }
    assert_eq!(fixture.signed("GET", HOST, &path, &fixture.key).body, file.body);
}

fn a_us3_host_serves_only_the_bucket_and_other_hosts_do_not_list_it(backend: Backend) {
    let fixture = Fixture::new(backend);
    // The bucket's host does not serve the API.
    for target in ["/?Action=ListPaidOrders", "/healthz", "/openapi.json", "/v1/usage"] {
        let reply = Http::new("GET", target).host(HOST).send(fixture.server.address);
        assert_eq!((reply.status, reply.text().contains("-148643")), (403, true), "{target}");
    }
    // Other hosts do not list the bucket.
    let reply = fixture.signed("GET", "orders.example", "/?list", "");
    assert_eq!((reply.status, reply.text().contains("\"RetCode\":160")), (200, true), "{reply:?}");
    assert_eq!(fixture.signed("GET", "orders.example", "/healthz", "").text(), "ok\n");
}

on_each_backend!(the_bucket_is_read_only, a_us3_host_serves_only_the_bucket_and_other_hosts_do_not_list_it,);
