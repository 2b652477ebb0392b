//! Turns errors from inside the server into refusals: the log gets the error, once, and the caller gets only what it
//! can do about it.

use tollbook_export::{ExportError, ExportRequestError, Format};
use tollbook_store::StoreError;

use crate::ret_code::Refusal;

/// Logs a store error and returns the refusal for it. Each store error is logged here and nowhere else.
pub(crate) fn log_and_refuse(error: StoreError) -> Refusal {
    let refusal = refusal_for(&error);
    match (&error, &refusal) {
        // The client is gone: the answer is not read.
        (StoreError::Cancelled, _) => {}
        (_, Refusal::ServiceUnavailable) => tracing::error!(%error, "the store is unavailable"),
        _ => tracing::error!(%error, "the store failed"),
    }
    refusal
}

/// The refusal for a store error: 150 if the request can be repeated soon, else 5000.
pub(crate) fn refusal_for(error: &StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(_)
        | StoreError::Locked { .. }
        | StoreError::Refused(_)
        | StoreError::TooLong(_)
        | StoreError::Full
        | StoreError::Moved { .. }
        | StoreError::OtherSettings(_)
        // Another server, of the newer program, can answer it.
        | StoreError::SchemaTooNew { .. }
        | StoreError::Cancelled => Refusal::ServiceUnavailable,
        _ => Refusal::Internal,
    }
}

/// The refusal for a request that got no file. The exporter has logged the error already.
pub(crate) fn refusal_for_export(error: &ExportRequestError) -> Refusal {
    match error {
        ExportRequestError::QueueFull => {
            Refusal::TooManyExports("too many exports are waiting; ask again, or with Async=true")
        }
        ExportRequestError::QueueTimeout(_) | ExportRequestError::DeadlineExceeded(_) => {
            Refusal::ExportUnavailable(format!("{error}; ask again, or with Async=true"))
        }
        ExportRequestError::Cancelled => Refusal::ServiceUnavailable,
        ExportRequestError::Failed(error) => refusal_for_failed_export(error),
    }
}

/// The refusal for an export that failed, or for a link that could not be made.
pub(crate) fn refusal_for_failed_export(error: &ExportError) -> Refusal {
    match error {
        ExportError::Store(error) => refusal_for(error),
        error if error.is_full() => Refusal::ExportUnavailable("too little space is free".into()),
        ExportError::Workbook(_) | ExportError::File(_) => {
            Refusal::ExportUnavailable("the file cannot be written now".into())
        }
        ExportError::Objects(_) => Refusal::ExportUnavailable("the file cannot be stored now".into()),
        ExportError::NoSummary(format) => no_summary(*format),
        ExportError::Key(_) | ExportError::Panicked => Refusal::Internal,
    }
}

/// The refusal for an order summary in a format that has none.
pub(crate) fn no_summary(format: Format) -> Refusal {
    Refusal::not_available(
        "Format",
        format!("{format} has no summaries; must be xlsx, bill, csv, csv.gz or parquet"),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut log| log.write(bytes))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_failures_are_logged() {
        let unavailable = Refusal::ServiceUnavailable;
        let table = [
            // error, refusal, whether it is logged
            (StoreError::Cancelled, unavailable.clone(), false),
            (StoreError::Refused("no".into()), unavailable.clone(), true),
            (StoreError::Full, unavailable, true),
            (StoreError::Database("broken".into()), Refusal::Internal, true),
        ];
        for (error, refusal, is_logged) in table {
            let (log, name) = (Log::default(), error.to_string());
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
            let returned = tracing::subscriber::with_default(subscriber, || log_and_refuse(error));
            assert_eq!(returned, refusal, "{name}");
            assert_eq!(log.0.lock().is_ok_and(|log| !log.is_empty()), is_logged, "{name}");
        }
    }
}
