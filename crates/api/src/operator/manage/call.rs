//! What runs a route gets: the service as the key's program uses it, and the checked parameters.

use serde_json::Value;
use tollbook_ops::audit::ActingStore;
use tollbook_ops::charging::{Charging, Mode};
use tollbook_store::{AuditEntry, Snapshot, Store};

use super::failed::Failed;
use super::values::Values;
use crate::operator::exchange::Problem;
use crate::service::Service;

/// A request that has passed all checks.
pub(super) struct Call<'a> {
    pub(super) service: &'a Service,
    /// The store as the key's program uses it.
    pub(super) acting: &'a ActingStore,
    pub(super) values: &'a Values,
    /// The idempotency key; empty if the route takes none.
    pub(super) key: &'a str,
    /// The file that is the body, with the ending of its content type.
    pub(super) file: Option<(&'a str, &'a [u8])>,
}

impl Call<'_> {
    pub(super) fn store(&self) -> &dyn Store {
        self.acting
    }

    pub(super) fn charging(&self) -> Charging<'_> {
        Charging { store: self.acting, ..self.service.charging() }
    }

    pub(super) fn now_s(&self) -> i64 {
        self.service.now_s()
    }

    /// The company of the path.
    pub(super) fn company(&self) -> i64 {
        self.values.number("company")
    }

    /// A snapshot in which the company of the path exists.
    pub(super) fn snapshot_of_company(&self) -> Result<Box<dyn Snapshot>, Failed> {
        let mut snapshot = self.store().snapshot()?;
        let company_id = self.company();
        match snapshot.company(company_id)? {
            Some(_) => Ok(snapshot),
            None => Err(Failed::not_found("company", format!("company {company_id} does not exist"))),
        }
    }

    /// Whether what moves money is done, or only shown.
    pub(super) fn mode(&self) -> Mode {
        if self.values.flag("DryRun") { Mode::DryRun } else { Mode::Apply }
    }
}

/// The values after an act, as its entry of the audit log has them.
pub(super) fn values_after(entry: &AuditEntry) -> Result<Value, Failed> {
    serde_json::from_str(&entry.after).map_err(|error| {
        tracing::error!(%error, entry_no = entry.entry_no, "an entry of the audit log cannot be read");
        Failed::Problem(Problem::Internal, None)
    })
}
