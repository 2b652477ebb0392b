//! What a page answers.

use axum::http::StatusCode;
use maud::Markup;

/// The answer to a request, but for the headers that all have.
#[derive(Debug)]
pub(super) enum Reply {
    /// A page of the console, with its title.
    Page(Markup),
    /// A form again, with why it was not accepted.
    Refused(StatusCode, Markup),
    /// A redirection to a path of the console: the answer to a form, so that a reloaded page does not send it again.
    Redirect(String),
    /// A redirection to a file in the object store.
    File(String),
}
