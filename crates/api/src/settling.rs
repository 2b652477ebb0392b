//! What the server does by itself once a second: closes hours, pays arrears, prices what had no price. The work is
//! `ops::charging`'s; here is when it is done.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tollbook_ops::charging::{Charging, Settled, tick};
use tollbook_ops::random;
use tollbook_store::StoreResult;

use crate::server::App;

const EVERY: Duration = Duration::from_secs(1);
/// Characters of the name that tells this process from every other one.
const NAME_CHARACTERS: usize = 16;

/// Goes on until it is told to stop; what has begun then is finished.
pub(crate) async fn settle(app: Arc<App>, stop: CancellationToken) {
    let worker: Arc<str> = format!("server {}", random::token(NAME_CHARACTERS)).into();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut fails = false;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let (app, worker) = (Arc::clone(&app), Arc::clone(&worker));
        // Waited for also when it is told to stop: one round at a time, and none that is cut off.
        let error = match tokio::task::spawn_blocking(move || round(&app, &worker)).await {
            Ok(Ok(settled)) => {
                log(&settled);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        match &error {
            // An outage is one line in the log, not one a second.
            Some(error) if !fails => {
                tracing::error!(%error, "settling failed; it is tried again every second");
            }
            None if fails => tracing::info!("settling works again"),
            Some(_) | None => {}
        }
        fails = error.is_some();
    }
}

fn round(app: &App, worker: &str) -> StoreResult<Settled> {
    let deployment = app.gateway.deployment();
    let (config, catalogue) = (&deployment.config, deployment.catalogue.as_ref());
    let charging = Charging { store: deployment.store.as_ref(), config, catalogue };
    tick(&charging, worker, deployment.clock.now_s())
}

fn log(settled: &Settled) {
    if settled.is_nothing() {
        return;
    }
    let Settled { closed, arrears, priced, forgotten } = settled;
    tracing::info!(
        hours = closed.hours,
        paid = closed.paid,
        unpaid = closed.unpaid,
        arrears_paid = arrears.orders,
        priced,
        forgotten,
        "settled"
    );
}
