//! Webhooks over HTTP: sending a message to allowed addresses (`sender`), and the worker that delivers what is pending
//! (`worker`). What is sent when, and what becomes of it, is decided in `ops::webhooks`.

mod retry_after;
mod sender;
mod worker;

pub use sender::HttpSender;
pub(crate) use worker::{TASK, deliver};
