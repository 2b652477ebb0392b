//! What the operator's routes share: the service, its workers, and the intake of usage.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tollbook_domain::Usage;
use tollbook_ops::charging::{GatewayRecords, Intake, IntakeError, UsageResult};

use crate::blocking::Workers;
use crate::service::Service;

/// Requests of other programs that are expanded and decoded at a time, so that memory is bounded.
const DECODED_AT_A_TIME: usize = 4;

/// The state of the operator's routes.
pub(crate) struct OperatorRoutes {
    pub(super) service: Arc<Service>,
    pub(super) workers: Workers,
    pub(super) gateway_records: Arc<GatewayRecords>,
    decoding: Semaphore,
    /// `None` once the server has stopped.
    intake: Mutex<Option<Intake>>,
}

impl OperatorRoutes {
    /// Starts the intake of usage. The error names a built-in mapping that is not there.
    pub(crate) fn start(service: Arc<Service>, workers: Workers) -> Result<Self, String> {
        let gateway_records = Arc::new(GatewayRecords::new()?);
        let deployment = service.deployment();
        let intake = Intake::start(
            Arc::clone(&deployment.store),
            Arc::new(deployment.config.clone()),
            Arc::clone(&deployment.catalogue),
            Arc::clone(&deployment.clock),
            service.leaps(),
            service.tasks().add("intake of usage"),
        );
        let decoding = Semaphore::new(DECODED_AT_A_TIME);
        Ok(Self { service, workers, gateway_records, decoding, intake: Mutex::new(Some(intake)) })
    }

    /// The right to expand and decode a request of another program, in order of arrival; `None` if the server stops.
    pub(super) async fn decoding(&self) -> Option<SemaphorePermit<'_>> {
        self.decoding.acquire().await.ok()
    }

    /// The workers that all requests of the server share.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Hands records to the intake, which stores those of several requests together. The results arrive when the
    /// records are durable.
    pub(super) fn submit(
        &self,
        records: Vec<Usage>,
    ) -> oneshot::Receiver<Result<Vec<UsageResult>, IntakeError>> {
        if let Some(intake) = self.intake().as_ref() {
            return intake.submit(records);
        }
        let (sender, receiver) = oneshot::channel();
        let _ = sender.send(Err(IntakeError::Busy));
        receiver
    }

    /// Records that wait to be stored.
    pub(crate) fn queued_records(&self) -> usize {
        self.intake().as_ref().map_or(0, Intake::queued_records)
    }

    /// Stops the intake. Blocks until its thread has stored what was submitted.
    pub(crate) fn stop(&self) {
        let intake = self.intake().take();
        drop(intake);
    }

    fn intake(&self) -> MutexGuard<'_, Option<Intake>> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
