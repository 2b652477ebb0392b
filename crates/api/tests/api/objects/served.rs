//! A whole server with a remote object store: exports are uploaded to the store, links lead to it, and the server
//! serves no files itself.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tollbook_api::Deployment;
use tollbook_api::signature::sign;
use tollbook_domain::Catalogue;
use tollbook_objects::ObjectStore;
use tollbook_ops::quickstart::quickstart;
use tollbook_ops::{Clock as _, Config, MasterKey, SystemClock};
use tollbook_store::{StoreOptions, open_sqlite};

use super::relayed_store::{BOTH, Kind, RelayedStore};
use tollbook_testkit::stores::{Act, Asked};

/// A running server. It is stopped on drop.
struct Server {
    url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(deployment: impl FnOnce(std::net::SocketAddr) -> Deployment) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = tollbook_api::Server::new(listener, deployment(address), None).without_own_work();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serve = async {
            let _ = stopped.await;
        };
        let thread = std::thread::spawn(move || runtime.block_on(server.run(serve)).unwrap());
        Self { url: format!("http://{address}"), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn get(url: &str) -> (u16, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(url).call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_vec().unwrap())
}

#[test]
fn an_export_is_uploaded_and_its_link_opens_it() {
    for kind in BOTH {
        let relayed = RelayedStore::new(kind);
        let database = tempfile::tempdir().unwrap();
        let store = open_sqlite(&database.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let (config, master) =
            (Config::parse(Path::new("tollbook.toml"), "").unwrap(), MasterKey::generate());
        let catalogue = Arc::new(Catalogue::built_in());
        let now_s = SystemClock.now_s();
        let demo = quickstart(store.as_ref(), &master, &config, &catalogue, now_s, &mut |_, _| {}).unwrap();
        let objects: Arc<dyn ObjectStore> = Arc::new(relayed.store());
        let server = Server::start(|bound| Deployment {
            store,
            objects: Arc::clone(&objects),
            master,
            catalogue,
            config,
            bound,
            clock: Arc::new(SystemClock),
        });
        let ask = |format: &str| -> Value {
            let key = &demo.keys[0];
            let parameters = [
                ("Action", "DownloadListPaidOrders".to_owned()),
                ("PublicKey", key.public_key.clone()),
                ("StartTime", demo.month_start_s.to_string()),
                ("EndTime", demo.month_end_s.to_string()),
                ("Format", format.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value));
            let signature = sign(&parameters, key.private_key.reveal());
            let query: Vec<String> =
                parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let (_, body) = get(&format!("{}/?{}&Signature={signature}", server.url, query.join("&")));
            serde_json::from_slice(&body).unwrap()
        };
        let answer = ask("xlsx");
        let link = answer["Data"]["DownloadURL"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(link.starts_with(&format!("http://{}/", relayed.relay.address)), "{link}");
        let (status, file) = get(link);
        assert_eq!((status, file.starts_with(b"PK")), (200, true), "{kind:?}");
        assert_eq!(answer["Data"]["FileSize"], file.len());

        let bucket = if kind == Kind::S3 { "/exports-bucket" } else { "" };
        let key = link.strip_prefix(&format!("http://{}{bucket}", relayed.relay.address)).unwrap();
        let (status, body) = get(&format!("{}{key}", server.url));
        assert_eq!(status, 404, "{kind:?}");
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"RetCode":-148654,"ErrMsg":"file not exist"}"#);

        // A repeated request returns the stored file. If the store refuses a new file, the answer is that the service
        // is not available, without the store's message.
        relayed.relay.rule(|seen| match seen {
            Asked::Put | Asked::Begin => Act::Answer(403, "no"),
            _ => Act::Pass,
        });
        let again = ask("xlsx");
        assert_eq!(again["Data"]["Sha256"], answer["Data"]["Sha256"], "{again}");
        let refused = ask("csv");
        assert_eq!((&refused["RetCode"], &refused["Message"]), (&json!(150), &json!("Service unavailable")));
        assert_eq!(refused["Reason"], "the file cannot be stored now", "{kind:?}");
    }
}
