//! What the operator's routes share: the service, its workers, and the intake of usage.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tollbook_domain::Usage;
use tollbook_ops::charging::{Intake, IntakeError, UsageResult};

use crate::blocking::Workers;
use crate::service::Service;

/// The state of the operator's routes.
pub(crate) struct OperatorRoutes {
    pub(super) service: Arc<Service>,
    pub(super) workers: Workers,
    /// `None` once the server has stopped.
    intake: Mutex<Option<Intake>>,
}

impl OperatorRoutes {
    /// Starts the intake of usage.
    pub(crate) fn start(service: Arc<Service>, workers: Workers) -> Self {
        let deployment = service.deployment();
        let intake = Intake::start(
            Arc::clone(&deployment.store),
            Arc::new(deployment.config.clone()),
            Arc::clone(&deployment.catalogue),
            Arc::clone(&deployment.clock),
        );
        Self { service, workers, intake: Mutex::new(Some(intake)) }
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

    /// Stops the intake. Blocks until its thread has stored what was submitted.
    pub(crate) fn stop(&self) {
        let intake = self.intake().take();
        drop(intake);
    }

    fn intake(&self) -> MutexGuard<'_, Option<Intake>> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
