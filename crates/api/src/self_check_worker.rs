//! The self-check worker: verifies the database part by part, all the time, on a thread of low priority. What it verifies is in
//! `ops::maintenance::self_check`; here is when, and what becomes of what it finds.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tollbook_export::lower_priority;
use tollbook_ops::maintenance::self_check::{Difference, Finding, SelfCheck};
use tollbook_ops::tasks::Task;
use tollbook_ops::webhooks::difference_found;

use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "self-check";
/// Time between two rounds, at least.
const INTERVAL: Duration = Duration::from_secs(1);

/// Verifies until `stop` is cancelled. The statement that runs then is cancelled too.
pub(crate) async fn check(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let (stopper, stopped) = channel::<()>();
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let cancelled = stop.clone();
    let span = tracing::Span::current();
    // A thread of its own: its priority cannot be raised again.
    let thread = std::thread::Builder::new().name(TASK.to_owned()).spawn(move || {
        let _ended = ended;
        lower_priority();
        span.in_scope(|| rounds(&service, &task, &cancelled, &stopped));
    });
    let thread = match thread {
        Ok(thread) => thread,
        // The supervisor tries again.
        Err(error) => return tracing::error!(%error, "the self-check cannot start"),
    };
    tokio::select! {
        () = stop.cancelled() => {}
        // An error: the thread has dropped its end.
        _ = end => {}
    }
    drop(stopper);
    if let Ok(Err(panic)) = crate::blocking::run(move || thread.join()).await {
        resume_unwind(panic);
    }
}

fn rounds(service: &Service, task: &Arc<Task>, stop: &CancellationToken, stopped: &Receiver<()>) {
    let time = service.config().server.self_check;
    let mut check = SelfCheck::default();
    let mut is_failing = false;
    loop {
        let span = tracing::error_span!("round", worker = TASK);
        let _entered = span.enter();
        let begin = Instant::now();
        let result = task.round(|| {
            let mut found = |finding| report(service, finding);
            check.round(service.store(), service.catalogue(), time, stop, &mut found)
        });
        service.metrics().self_check().set(&check.report(), service.now_s());
        match &result {
            _ if stop.is_cancelled() => return,
            Err(error) if !is_failing => tracing::error!(%error, "{TASK} failed; will retry"),
            Ok(()) if is_failing => tracing::info!("{TASK} recovered"),
            Ok(()) | Err(_) => {}
        }
        is_failing = result.is_err();
        // A round that took longer is followed by a longer pause, so that its share of the time stays the same.
        let spent = begin.elapsed();
        let share = spent.as_secs_f64() / time.as_secs_f64().max(0.001);
        let pause = INTERVAL.mul_f64(share.max(1.0)).saturating_sub(spent);
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn report(service: &Service, finding: Finding) {
    match finding {
        Finding::Differs(difference) => alarm(service, &difference),
        Finding::IsSound(place) => tracing::info!(place, "no difference is found any longer"),
        Finding::NotConfirmed(Difference { kind, company_id, place, texts }) => {
            tracing::warn!(
                kind,
                company_id,
                place,
                found = texts.join("; "),
                "a difference was not found again"
            );
        }
    }
}

/// Tells the operator of a difference: in the log, by a metric and by webhooks. It is called once for each part that begins to
/// differ.
fn alarm(service: &Service, difference: &Difference) {
    let Difference { kind, company_id, place, texts } = difference;
    tracing::error!(kind, company_id, place, found = texts.join("; "), "the database differs from itself");
    service.metrics().self_check().found(kind);
    // The log has it in any case: a database that differs may not take the event.
    if let Err(error) = difference_found(service.store(), TASK, *company_id, texts, service.now_s()) {
        tracing::error!(%error, "the difference was not written for webhooks");
    }
}
