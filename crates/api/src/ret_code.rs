//! The return codes and their fixed texts (docs/WIRE.md, "Return codes"), and the refusals that are answered with them.
//! Successful answers and the log are not written here.

use std::fmt;

/// A return code, as it is answered and as the descriptions print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetCode {
    /// The number.
    pub code: i64,
    /// When it is answered.
    pub when: &'static str,
    /// The `Message` of the answer; the text in brackets stands for a text of the request, `…` for a reason.
    pub message: &'static str,
}

/// Declares the return codes and the table of all of them.
macro_rules! ret_codes {
    ($($name:ident $code:literal $when:literal $message:literal;)*) => {
        $(const $name: RetCode = RetCode { code: $code, when: $when, message: $message };)*

        /// Every return code, by number. Clients repeat requests that are answered with 2000 and above.
        pub const RET_CODES: &[RetCode] = &[$($name),*];
    };
}

ret_codes! {
    SUCCESS 0 "success" "success";
    UNAVAILABLE 150 "the service cannot answer now; try again later" "Service unavailable";
    RATE_LIMITED 153 "a rate or a bound is used up; `Reason` says which, and what to wait for" "Request rate limited";
    MISSING_ACTION 160 "no `Action`" "Missing Action";
    ACTION_NOT_FOUND 161 "unknown `Action`" "Action [X] not found";
    MISSING_SIGNATURE 170 "no `Signature`" "Missing signature";
    WRONG_SIGNATURE 171 "wrong signature, or a key of another brand's host" "Signature VerifyAC Error";
    USER_NOT_EXISTS 172 "`PublicKey` missing, unknown or disabled" "User Not Exists";
    STRICT_SIGNATURE_REQUIRED 175 "◆ the key or the server demands a strict signature" "Strict signature required";
    TIMESTAMP_OUT_OF_WINDOW 176 "◆ a strict signature of another time; the server's time follows" "Timestamp [X] out of window: …";
    NONCE_USED 177 "◆ a strict signature with a nonce that was used before" "Nonce [X] used before";
    MISSING_PARAMS 220 "required parameters missing, empty or null" "Missing params [A|B]";
    NOT_AVAILABLE 230 "a value is not valid; what is allowed follows" "Params [X] not available: …";
    TOO_LARGE 240 "body, list or value too long" "Params [X] too large";
    PROJECT_NOT_EXISTS 292 "`ProjectId` is unknown to the company" "Project [x] not exists";
    ADDRESS_DENIED 294 "the caller's address is not on the key's allow list" "Access IP denied";
    PERMISSION_DENIED 299 "the key may not use this action or project" "Permission denied";
    INTERNAL 5000 "an unforeseen failure; safe to retry" "Internal error";
}

/// `Message` of a successful answer, as the live service writes it: a client that decodes a second answer into the same
/// structure must not keep the first one's error.
pub const SUCCESS_MESSAGE: &str = SUCCESS.message;

/// Most characters of a text of the request that a message repeats.
pub const MAX_ECHO_CHARS: usize = 64;

/// The refusal of a request: exactly what the caller gets, nothing about the inside.
///
/// `Display` writes the `Message` of the answer. Texts of the request are shortened to [`MAX_ECHO_CHARS`] and stripped
/// of control characters when they are written, so a variant holds them as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 150: the service cannot answer now, for instance because it is shutting down.
    ServiceUnavailable,
    /// 150: an export cannot be delivered now, and why.
    ExportUnavailable(String),
    /// 153: a rate or a bound is used up: which, and what to wait for.
    RateLimited(String),
    /// 153: too many exports are waiting, and what the caller can do.
    TooManyExports(&'static str),
    /// 160: the request names no action.
    MissingAction,
    /// 161: no action has this name.
    ActionNotFound(String),
    /// 170: the request is not signed.
    MissingSignature,
    /// 171: the signature is not that of the request.
    WrongSignature,
    /// The same, with the text that should have been signed, without the private key, in the exact form: the deployment is
    /// there to find faults in clients.
    WrongSignatureOf(String),
    /// 172: the public key is missing or unknown.
    UserNotExists,
    /// 175: the request must be signed strictly.
    StrictSignatureRequired,
    /// 176: the time of signing is too far from the server's.
    TimestampOutOfWindow {
        /// The time, as it was sent.
        sent: String,
        /// The server's time. It has no texts of the request.
        reason: String,
    },
    /// 177: the nonce of a strict signature was used before.
    NonceUsed(String),
    /// 220: required parameters are missing, empty or null; all of them, in the order of the documentation.
    MissingParams(Vec<&'static str>),
    /// 230: a parameter's value is not valid.
    NotAvailable {
        /// The parameter, or `Body` for the body as a whole.
        name: String,
        /// The allowed values or the fault. It has no texts of the request, because it is written unchanged.
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

    /// The entry of the table of return codes.
    const fn ret_code(&self) -> RetCode {
        match self {
            Self::ServiceUnavailable | Self::ExportUnavailable(_) => UNAVAILABLE,
            Self::RateLimited(_) | Self::TooManyExports(_) => RATE_LIMITED,
            Self::MissingAction => MISSING_ACTION,
            Self::ActionNotFound(_) => ACTION_NOT_FOUND,
            Self::MissingSignature => MISSING_SIGNATURE,
            Self::WrongSignature | Self::WrongSignatureOf(_) => WRONG_SIGNATURE,
            Self::UserNotExists => USER_NOT_EXISTS,
            Self::StrictSignatureRequired => STRICT_SIGNATURE_REQUIRED,
            Self::TimestampOutOfWindow { .. } => TIMESTAMP_OUT_OF_WINDOW,
            Self::NonceUsed(_) => NONCE_USED,
            Self::MissingParams(_) => MISSING_PARAMS,
            Self::NotAvailable { .. } => NOT_AVAILABLE,
            Self::TooLarge { .. } => TOO_LARGE,
            Self::ProjectNotExists(_) => PROJECT_NOT_EXISTS,
            Self::AddressDenied => ADDRESS_DENIED,
            Self::PermissionDenied => PERMISSION_DENIED,
            Self::Internal => INTERNAL,
        }
    }

    /// The `RetCode` of the answer.
    pub const fn code(&self) -> i64 {
        self.ret_code().code
    }

    /// The `Reason` of the answer, if it has one: what the fixed message does not say about an export or a bound.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::ExportUnavailable(reason) | Self::RateLimited(reason) => Some(reason),
            Self::TooManyExports(reason) => Some(reason),
            _ => None,
        }
    }

    /// The `StringToSign` of the answer, if it has one.
    pub fn string_to_sign(&self) -> Option<&str> {
        match self {
            Self::WrongSignatureOf(text) => Some(text),
            _ => None,
        }
    }

    /// The `Message` of the answer.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The text for the brackets of the message, and the one for its `…`.
    fn details(&self) -> (String, &str) {
        match self {
            Self::ActionNotFound(text)
            | Self::ProjectNotExists(text)
            | Self::NonceUsed(text)
            | Self::TooLarge { name: text } => (Echo(text).to_string(), ""),
            Self::MissingParams(names) => (names.join("|"), ""),
            Self::NotAvailable { name, reason } | Self::TimestampOutOfWindow { sent: name, reason } => {
                (Echo(name).to_string(), reason)
            }
            _ => (String::new(), ""),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.ret_code().message;
        let Some((before, (_, after))) =
            message.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
        else {
            return f.write_str(message);
        };
        let (subject, reason) = self.details();
        write!(f, "{before}[{subject}]{}{reason}", after.trim_end_matches('…'))
    }
}

impl std::error::Error for Refusal {}

/// A text of the request in a form that is safe to print: short, and without characters that move a terminal's cursor,
/// break a log line or reverse the direction of the surrounding text.
pub(crate) struct Echo<'t>(pub(crate) &'t str);

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
    // Besides the control characters: line and paragraph separators, direction marks and overrides, the byte order mark.
    character.is_control()
        || matches!(
            character,
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}'
        )
}
