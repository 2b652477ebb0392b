//! Conversion of SQLite and file errors to [`StoreError`].

use rusqlite::ErrorCode;

use crate::error::StoreError;

pub(super) fn of_io(error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Unavailable(error.to_string()),
    }
}

pub(super) fn of_sqlite(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable("timeout while waiting for the database lock of another process".into())
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly,
        ) => StoreError::Unavailable(text),
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs(text),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged(text),
        _ => StoreError::Database(text),
    }
}
