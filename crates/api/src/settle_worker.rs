//! The settlement worker: once a second it closes hours, pays arrears and prices usage that had no price. What it does
//! is in `ops::charging`; here is when.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_ops::charging::{Settled, settle_due};
use tollbook_ops::random;
use tollbook_ops::tasks::Task;
use tollbook_store::StoreError;

use crate::background::{Worker, no_news};
use crate::service::Service;

/// Time between two rounds.
const INTERVAL: Duration = Duration::from_secs(1);
/// Characters that tell the name of this process from every other one.
const NAME_CHARACTERS: usize = 16;

/// Settles until `stop` is cancelled.
pub(crate) async fn settle(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let holder: Arc<str> = format!("server {}", random::token(NAME_CHARACTERS)).into();
    let round = move || -> Result<(), StoreError> {
        // At a wrong time hours would be closed too early, and grants would end for good.
        let Some(now_s) = service.certain_now_s() else { return Ok(()) };
        let settled = settle_due(&service.charging(), &holder, now_s)?;
        log(&settled);
        service.metrics().settled(&settled, service.now_s());
        Ok(())
    };
    Worker { task, interval: INTERVAL }.run(stop, no_news, round).await;
}

fn log(settled: &Settled) {
    if settled.is_nothing() {
        return;
    }
    let Settled { closed, arrears, priced, expired_identities, ended_grants } = settled;
    tracing::info!(
        hours = closed.hours,
        paid = closed.paid,
        unpaid = closed.unpaid,
        arrears_paid = arrears.orders,
        priced,
        expired_identities,
        ended_grants,
        "settled"
    );
}
