//! `serve` and `quickstart`: the server. What the quickstart prints is in `quickstart.rs`.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tollbook_api::webhooks::HttpSender;
use tollbook_api::{Deployment, Server, ServerTls, Tls};
use tollbook_domain::Role;
use tollbook_domain::time::DAY_S;
use tollbook_ops::config::{MetricsListen, url_of_address};
use tollbook_ops::quickstart::quickstart as make_demo;
use tollbook_ops::tenancy::users::{Invite, demo_link, invitation_path};
use tollbook_ops::{Clock as _, Config, SystemClock};

use crate::arguments::{Global, Listen};
use crate::deployment::{self, Purpose};
use crate::operator::log;
use crate::operator::object_store::Objects;
use crate::operator::progress::{Bar, Unit};
use crate::operator::quickstart::{demo_text, demo_value};
use crate::operator::service_manager::{self, Inherited};
use crate::operator::signals::StopSignals;
use crate::output::{Failure, Output};

/// After how long a step of the start that waits is logged, and how often.
const DELAY: Duration = Duration::from_secs(2);
/// How long a background task may be at work without progress before the watchdog is not notified, besides what a statement
/// and a writer may take by the configuration.
const PATIENCE: Duration = Duration::from_secs(900);
/// Who the demo's link to the console is for.
const CONSOLE_USER: &str = "demo@demo.example";
/// Who the link to the operator's desk is for.
const OPERATOR_USER: &str = "operator@demo.example";
/// How long the link is valid, in seconds.
const LINK_LIFETIME_S: i64 = DAY_S;
/// How long the process waits for threads whose work did not end in time.
const END_TIMEOUT: Duration = Duration::from_millis(500);

pub(crate) fn serve(global: &Global, arguments: &Listen, output: &Output) -> Result<(), Failure> {
    start(global, arguments, output, false)
}

pub(crate) fn quickstart(global: &Global, arguments: &Listen, output: &Output) -> Result<(), Failure> {
    start(global, arguments, output, true)
}

fn start(global: &Global, arguments: &Listen, output: &Output, with_demo: bool) -> Result<(), Failure> {
    let inherited = Inherited::take()?;
    if inherited.main.is_some() && arguments.listen.is_some() {
        return Err(Failure::new("--listen: systemd has opened the socket already (LISTEN_FDS)"));
    }
    let log = log::start()?;
    let (opened, master) = reporting_delay("the database", || {
        let opened = deployment::open(global, Purpose::Server)?;
        opened.store.announce_server()?;
        let master = deployment::master_key(global, opened.store.as_ref())?;
        Ok::<_, Failure>((opened, master))
    })?;
    let deployment::Deployment { store, mut config, catalogue } = opened;
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.signing.debug = arguments.debug_signatures;
    if config.signing.debug {
        tracing::warn!("clients are shown the text that a refused signature should have signed");
    }
    let tls = server_tls(&config)?;
    let Objects { store: objects, embedded } = reporting_delay("the object store", || {
        let opened = Objects::open(global, &config, store.as_ref(), &master)?;
        opened.store.clear_spool()?;
        Ok::<_, Failure>(opened)
    })?;
    // Before the server listens, because it could not deliver.
    HttpSender::new(&config.webhooks, Arc::new(SystemClock)).map_err(Failure::new)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(async {
        match inherited.main {
            Some(socket) => TcpListener::from_std(socket),
            None => TcpListener::bind(config.listen).await,
        }
    });
    let listener =
        listener.map_err(|error| Failure::new(format!("cannot listen on {}: {error}", config.listen)))?;
    let metrics = runtime.block_on(metrics_listener(config.metrics, inherited.metrics))?;
    let metrics_url = match &metrics {
        Some(listener) => Some(format!("{}/metrics", url_of_address(listener.local_addr()?))),
        None => None,
    };
    let bound = listener.local_addr()?;
    let url = config.url_of(bound);
    // The demo is created outside of the runtime, because calls of the store block.
    let demo = if with_demo {
        let (mut logged, bar) = (None, Bar::new(Unit::DemoHours));
        let mut stored = |hours: usize, of: usize| {
            let (days, of_days) = (hours / 24, of / 24);
            if bar.is_shown() {
                bar.show(format!("{days} of {of_days} days"), hours as u64, of as u64);
            } else if logged.replace(days) != Some(days) {
                tracing::info!(days, of = of_days, "charging the demo's usage");
            }
        };
        let now_s = SystemClock.now_s();
        let demo = make_demo(store.as_ref(), &master, &config, &catalogue, now_s, &mut stored);
        bar.finish();
        let demo = demo?;
        let invite = Invite {
            email: CONSOLE_USER.to_owned(),
            company_id: Some(demo.company.company_id),
            organization_ids: Vec::new(),
            role: Role::Administrator,
        };
        let invited = demo_link(store.as_ref(), &invite, LINK_LIFETIME_S, now_s)?;
        let operator = Invite {
            email: OPERATOR_USER.to_owned(),
            company_id: None,
            organization_ids: Vec::new(),
            role: Role::Operator,
        };
        let operator = demo_link(store.as_ref(), &operator, LINK_LIFETIME_S, now_s)?;
        let links = [invited, operator].map(|invited| format!("{url}{}", invitation_path(&invited.token)));
        Some((demo, now_s, links))
    } else {
        None
    };
    // Before the address is printed: a program that reads it may stop the server at once.
    let mut signals = runtime.block_on(async { StopSignals::new(tls.certificate.is_none()) })?;
    if tls.certificate.is_some() {
        let (mut hangups, changed) =
            (runtime.block_on(async { StopSignals::hangup() })?, Arc::clone(&tls.changed));
        runtime.spawn(async move {
            loop {
                hangups.next().await;
                changed.notify_one();
            }
        });
    }
    let hurry = CancellationToken::new();
    let impatient = hurry.clone();
    if let Some((demo, now_s, links)) = &demo {
        output.result(&demo_value(demo, &url, links), || demo_text(demo, &url, links, global, *now_s));
    } else {
        let metrics =
            metrics_url.as_deref().map_or_else(String::new, |url| format!("; metrics are at {url}"));
        let said = json!({"URL": url, "MetricsURL": metrics_url});
        output.result(&said, || format!("Tollbook listens on {url}{metrics}"));
    }
    let clock = Arc::new(SystemClock);
    let patience = PATIENCE + config.database.statement_timeout + config.database.lock_timeout;
    // `store` outlives the runtime, so that its connections are closed outside of it.
    let parts = Deployment { store: Arc::clone(&store), objects, master, catalogue, config, bound, clock };
    let stop = async move {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping; requests in progress will finish");
        service_manager::stopping();
        // After a second one, nothing is waited for. Nothing is half written by that.
        tokio::spawn(async move {
            let signal = signals.next().await;
            tracing::warn!(signal, "a second signal to stop; requests in progress are not waited for");
            impatient.cancel();
        });
    };
    let server = Server::with_tls(listener, parts, embedded, tls)
        .counting_lost_lines(Arc::clone(&log.lost))
        .with_metrics(metrics)
        .watching_disk_of(global.data.clone());
    runtime.spawn(service_manager::feed_watchdog(server.tasks(), patience));
    service_manager::ready(&url);
    let served = runtime.block_on(async {
        tokio::select! {
            served = server.run(stop) => served,
            () = hurry.cancelled() => Ok(()),
        }
    });
    // What has not ended in time does not keep the process from ending.
    runtime.shutdown_timeout(END_TIMEOUT);
    Ok(served?)
}

/// The certificate that the configuration names.
fn server_tls(config: &Config) -> Result<ServerTls, Failure> {
    let Some(config) = &config.tls else { return Ok(ServerTls::default()) };
    let certificate = Tls::load(config).map_err(|error| Failure::new(format!("tls: {error}")))?;
    if certificate.expires_s() <= SystemClock.now_s() {
        tracing::error!(expires = certificate.expires_s(), "the certificate has ended; clients refuse it");
    }
    Ok(ServerTls { certificate: Some(Arc::new(certificate)), ..ServerTls::default() })
}

/// The socket at which metrics are served. Of several servers on one machine, one has the usual address; the others log a warning.
async fn metrics_listener(
    listen: MetricsListen,
    inherited: Option<std::net::TcpListener>,
) -> Result<Option<TcpListener>, Failure> {
    if let Some(socket) = inherited {
        return Ok(Some(TcpListener::from_std(socket)?));
    }
    let Some(address) = listen.address() else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if listen == MetricsListen::Usual => {
            tracing::warn!(%error, %address, "metrics are not served; metrics.listen names another address");
            Ok(None)
        }
        Err(error) => Err(Failure::new(format!("metrics.listen: cannot listen on {address}: {error}"))),
    }
}

/// Runs a step of the start. If `what` lets it wait, the log says so: a server that does not listen yet should state why.
fn reporting_delay<T>(what: &str, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (done, waiting) = channel::<()>();
        scope.spawn(move || {
            while waiting.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!("{what} does not answer yet; the server listens when it does");
                service_manager::starting_slowly(what);
            }
        });
        let result = work();
        drop(done);
        result
    })
}
