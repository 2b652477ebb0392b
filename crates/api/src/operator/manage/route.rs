//! What a route is: its path, parameters, role, and what runs it.

use serde_json::Value;
use tollbook_domain::OperatorRole;
use tollbook_store::AuditEntry;

use super::call::Call;
use super::failed::Failed;
use super::parameter::{Parameter, Place};

/// Makes the answer to a repeated request from the entry of the audit log about what it did.
pub(super) type Replay = fn(&Call<'_>, &AuditEntry) -> Result<Value, Failed>;

/// How a request that is repeated is done once.
#[derive(Clone, Copy)]
pub(super) enum Once {
    /// It reads, or repeating it changes nothing more. It takes no idempotency key.
    AsItIs,
    /// The idempotency key is the operation's own.
    ByItsKey,
    /// The idempotency key is recorded with what the request does.
    ByClaim(Replay),
}

impl Once {
    /// Whether a request must state an idempotency key.
    pub(super) const fn needs_key(self) -> bool {
        !matches!(self, Self::AsItIs)
    }
}

/// A file as the body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyFile {
    /// Content types, each with the ending that files of it have.
    pub(super) media_types: &'static [(&'static str, &'static str)],
    pub(super) meaning: &'static str,
}

/// A member of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    /// Its JSON type; `None`: any.
    pub(super) json_type: Option<&'static str>,
    pub(super) may_be_null: bool,
    pub(super) is_always_there: bool,
}

impl Member {
    /// Reads `Name` and marks behind it: `#` for a number, `!` for a flag, `[]` for an array, `{}` for an object, `*` for
    /// anything, none for a text; then `~` if it may be null, and `?` if it may be absent.
    fn of(text: &'static str) -> Self {
        let (text, is_always_there) = text.strip_suffix('?').map_or((text, true), |text| (text, false));
        let (text, may_be_null) = text.strip_suffix('~').map_or((text, false), |text| (text, true));
        let marks = [
            ("#", Some("integer")),
            ("!", Some("boolean")),
            ("[]", Some("array")),
            ("{}", Some("object")),
            ("*", None),
        ];
        let marked =
            marks.into_iter().find_map(|(mark, json_type)| Some((text.strip_suffix(mark)?, json_type)));
        let (name, json_type) = marked.unwrap_or((text, Some("string")));
        Self { name, json_type, may_be_null, is_always_there }
    }
}

/// A route.
pub(super) struct Route {
    /// Its name: the `operationId`.
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The role that it needs.
    pub(super) role: OperatorRole,
    pub(super) once: Once,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) file: Option<BodyFile>,
    /// The members of its answer, with a space between them, each followed by what it is: see [`Member::of`].
    pub(super) answer: &'static str,
    pub(super) run: fn(&Call<'_>) -> Result<Value, Failed>,
}

impl Route {
    /// Whether it may wait for other writers of the database.
    pub(super) fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// The members of its answer.
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        self.answer.split_whitespace().map(Member::of)
    }

    /// Whether it has a JSON object as its body.
    pub(super) fn has_members(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.place == Place::Body)
    }
}
