//! The gateway's return codes and their fixed texts (docs/WIRE.md, "Return codes"), one variant per code. What an operation
//! answers when it succeeds, and what the log says about a failure, does not belong here.

use std::fmt;

/// The `RetCode` of an answer that refuses nothing.
pub const SUCCESS: i64 = 0;

/// How many characters of a text that the caller sent are repeated in a message.
pub const MAX_ECHO_CHARS: usize = 64;

/// Why a request is refused: exactly what the caller is told, nothing about the inside.
///
/// `Display` writes the `Message` of the answer. Texts that the caller sent are shortened to [`MAX_ECHO_CHARS`] and
/// lose their control characters when they are written, so a variant may hold them as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 150: the service cannot answer now, for instance because it shuts down.
    ServiceUnavailable,
    /// 150 for an export that cannot be delivered now, and why.
    ExportUnavailable(String),
    /// 153: the key has used up its rate.
    RateLimited,
    /// 153: too many exports are waiting already; what may be done about it.
    TooManyExports(&'static str),
    /// 160: the request names no action.
    MissingAction,
    /// 161: no action has this name.
    ActionNotFound(String),
    /// 170: the request is not signed.
    MissingSignature,
    /// 171: the signature is not that of the request.
    WrongSignature,
    /// 172: the public key is missing or unknown.
    UserNotExists,
    /// 220: required parameters are missing, empty or null; all of them, in the order of the documentation.
    MissingParams(Vec<&'static str>),
    /// 230: a parameter's value is not valid.
    NotAvailable {
        /// The parameter, or `Body` for the body as a whole.
        name: String,
        /// What is allowed or what is wrong, in our words alone: it is written as it stands.
        reason: String,
    },
    /// 240: the body, a list or a value is too long.
    TooLarge {
        /// The parameter, or `Body` for the body as a whole.
        name: String,
    },
    /// 292: the company has no such project.
    ProjectNotExists(String),
    /// 294: the caller's address is not on the key's allow list.
    AddressDenied,
    /// 299: the key may not use this action or project.
    PermissionDenied,
    /// 5000: an unforeseen failure; the caller may try again.
    Internal,
}

impl Refusal {
    /// A 230 for the parameter `name`; `reason` is lower case without a full stop, `must be between 10 and 100`.
    pub fn not_available(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::NotAvailable { name: name.into(), reason: reason.into() }
    }

    /// A 240 for the parameter `name`.
    pub fn too_large(name: impl Into<String>) -> Self {
        Self::TooLarge { name: name.into() }
    }

    /// The `RetCode` of the answer. Codes from 2000 up tell clients to try again.
    pub const fn code(&self) -> i64 {
        match self {
            Self::ServiceUnavailable | Self::ExportUnavailable(_) => 150,
            Self::RateLimited | Self::TooManyExports(_) => 153,
            Self::MissingAction => 160,
            Self::ActionNotFound(_) => 161,
            Self::MissingSignature => 170,
            Self::WrongSignature => 171,
            Self::UserNotExists => 172,
            Self::MissingParams(_) => 220,
            Self::NotAvailable { .. } => 230,
            Self::TooLarge { .. } => 240,
            Self::ProjectNotExists(_) => 292,
            Self::AddressDenied => 294,
            Self::PermissionDenied => 299,
            Self::Internal => 5000,
        }
    }

    /// The `Reason` of the answer, where there is one: what the fixed message of an export does not say.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::ExportUnavailable(reason) => Some(reason),
            Self::TooManyExports(reason) => Some(reason),
            _ => None,
        }
    }

    /// The `Message` of the answer.
    pub fn message(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceUnavailable | Self::ExportUnavailable(_) => f.write_str("Service unavailable"),
            Self::RateLimited | Self::TooManyExports(_) => f.write_str("Request rate limited"),
            Self::MissingAction => f.write_str("Missing Action"),
            Self::ActionNotFound(action) => write!(f, "Action [{}] not found", Echo(action)),
            Self::MissingSignature => f.write_str("Missing signature"),
            Self::WrongSignature => f.write_str("Signature VerifyAC Error"),
            Self::UserNotExists => f.write_str("User Not Exists"),
            Self::MissingParams(names) => write!(f, "Missing params [{}]", names.join("|")),
            Self::NotAvailable { name, reason } => {
                write!(f, "Params [{}] not available: {reason}", Echo(name))
            }
            Self::TooLarge { name } => write!(f, "Params [{}] too large", Echo(name)),
            Self::ProjectNotExists(project) => write!(f, "Project [{}] not exists", Echo(project)),
            Self::AddressDenied => f.write_str("Access IP denied"),
            Self::PermissionDenied => f.write_str("Permission denied"),
            Self::Internal => f.write_str("Internal error"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A text of the caller's, made fit to be shown: short, and without characters that move a terminal's cursor, break a
/// log line or turn the direction of the text around it.
struct Echo<'t>(&'t str);

impl fmt::Display for Echo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.chars().filter(|character| !is_unprintable(*character));
        for character in shown.by_ref().take(MAX_ECHO_CHARS) {
            write!(f, "{character}")?;
        }
        if shown.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

fn is_unprintable(character: char) -> bool {
    // Beyond the control characters: line and paragraph separators, direction marks and overrides, the byte order mark.
    character.is_control()
        || matches!(
            character,
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}'
        )
}
