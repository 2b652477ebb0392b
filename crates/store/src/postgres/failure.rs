//! Conversion of PostgreSQL errors to [`StoreError`].

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::error::StoreError;

/// Converts the error of a statement. `ended` is the reason why the connection ended, if it did.
pub(super) fn of_postgres(error: tokio_postgres::Error, ended: Option<&str>) -> StoreError {
    let Some(database) = error.as_db_error() else {
        // If the server ends the connection, it sends the reason on the connection, not as the result of the statement.
        let reason = ended.map_or_else(|| chain(&error), ToOwned::to_owned);
        return if error.is_closed() || ended.is_some() || is_io(&error) {
            StoreError::Unavailable(reason)
        } else {
            StoreError::Database(reason)
        };
    };
    let text = database.message().to_owned();
    let code = database.code();
    match *code {
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            StoreError::Unavailable(format!("the database is read-only ({text})"))
        }
        SqlState::INSUFFICIENT_PRIVILEGE
        | SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        | SqlState::INVALID_CATALOG_NAME => StoreError::Refused(text),
        SqlState::LOCK_NOT_AVAILABLE => StoreError::Locked { waited: Duration::ZERO, holder: text },
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::QUERY_CANCELED
        // Mostly the connection is found to have ended; if the reason is read in time, it is the result of the statement.
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => StoreError::Unavailable(text),
        // Connection exceptions, insufficient resources, operator intervention.
        _ if ["08", "53", "57"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::Unavailable(text)
        }
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged(text),
        _ => StoreError::Database(text),
    }
}

/// Converts the error of a connection attempt, before any statement was sent.
pub(super) fn of_connecting(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        // Whatever its reason, as that the database accepts no connections (55000): a later attempt may succeed.
        Some(_) => match of_postgres(error, None) {
            StoreError::Database(text) => StoreError::Unavailable(text),
            error => error,
        },
        None => StoreError::Unavailable(chain(&error)),
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// The text of an error and of its causes.
pub(super) fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
