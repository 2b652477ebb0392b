//! The environment variables that configure logging.

use crate::output::Failure;

/// The value of an environment variable. An empty variable is treated as unset.
pub(super) fn variable(name: &str) -> Result<Option<String>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "logging starts before any command has arguments for it")]
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::new(format!("{name}: not valid UTF-8"))),
    }
}
