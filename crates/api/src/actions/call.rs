//! What an action gets: a request that has passed all checks, and the snapshot that it was checked with.

use std::net::IpAddr;

use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_ops::Brand;
use tollbook_store::{Snapshot, Store};

use crate::failure::log_and_refuse;
use crate::parameters::Parameters;
use crate::ret_code::Refusal;
use crate::service::Service;

/// A checked request: signed by a known key, from an allowed address, within its rate, for a project it may use.
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service,
    pub(crate) parameters: Parameters<'a>,
    pub(crate) key: &'a ApiKey,
    pub(crate) company: &'a Company,
    pub(crate) brand: &'a Brand,
    /// The host that the request was sent to, as in its `Host` header; `None` for a background job.
    pub(crate) host: Option<&'a str>,
    /// The address that the request was sent from; `None` for a background job.
    pub(crate) address: Option<IpAddr>,
    pub(crate) snapshot: AuthorizedSnapshot<'a>,
    pub(crate) now_s: i64,
}

impl Call<'_> {
    /// Refuses a key that is bound to organizations: accounts are the whole company's.
    pub(super) fn require_whole_company(&self) -> Result<(), Refusal> {
        if self.key.organization_ids.is_empty() { Ok(()) } else { Err(Refusal::PermissionDenied) }
    }

    /// Refuses the request if required parameters are missing, naming all of them.
    pub(super) fn require(&self, names: &[&'static str]) -> Result<(), Refusal> {
        self.parameters.required(names)
    }
}

/// The snapshot that a request was checked with. It is one of the primary: a disabled key is refused at once.
pub(crate) struct AuthorizedSnapshot<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) caller: &'a CancellationToken,
    pub(crate) snapshot: Box<dyn Snapshot>,
}

impl AuthorizedSnapshot<'_> {
    /// The snapshot to read orders from: one of a read replica, if there is one that is recent enough, else this one.
    /// Everything in an answer is read from it, so that an answer shows one moment.
    pub(crate) fn for_orders(self) -> Result<Box<dyn Snapshot>, Refusal> {
        self.store.replica_or(self.snapshot, self.caller).map_err(log_and_refuse)
    }
}
