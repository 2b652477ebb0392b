//! The move of a database to another place: nothing else may use the source while it is copied, and nothing may be
//! written to it afterwards.

use std::time::{Duration, Instant};

use serde_json::json;
use tollbook_store::{Act, Actor, DEPLOYMENT_CHAIN, Moved, OpenDatabase, StoreError, StoreResult};

use crate::audit::ActKind;

/// How long a move waits for processes that are about to end, such as the command before it.
const END_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Why a database was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A server runs on it.
    #[error(
        "{user} uses the source: what it writes would be missing in the copy. Stop it first; `tollbook database backup` \
         copies a database that is in use"
    )]
    InUse {
        /// What uses it.
        user: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a database by `copy` and marks the source as moved to `to`. From before the copy on, nothing is written to the
/// source. If the copy fails, the source can be used as before; if this process is killed, the same command continues.
/// A source that cannot be written, such as a file without permission or a standby, is not marked; the result says so.
///
/// # Errors
/// Something uses the source, or the error of `copy`.
pub fn move_database<T, E: From<MoveError>>(
    from: &OpenDatabase,
    to: &str,
    actor: &Actor,
    now_s: i64,
    copy: impl FnOnce() -> Result<T, E>,
) -> Result<(T, bool), E> {
    refuse_users(from)?;
    let moved = |is_done| Moved { to: to.to_owned(), at_s: now_s, is_done };
    let act = |is_done: bool| (actor, now_s, moving(to, is_done));
    let before = match from.set_moved_by(Some(&moved(false)), Some(act(false))) {
        Err(StoreError::Unavailable(reason)) if is_read_only(&reason) => return Ok((copy()?, false)),
        marked => marked.map_err(MoveError::from)?,
    };
    // A copy that was killed leaves the mark; an error of this one must not leave the source unusable because of that.
    let before = before.filter(|before| before.is_done);
    match refuse_users(from).map_err(E::from).and_then(|()| copy()) {
        Ok(copied) => {
            from.set_moved_by(Some(&moved(true)), Some(act(true))).map_err(MoveError::from)?;
            Ok((copied, true))
        }
        Err(error) => {
            // The error to report is that of the copy.
            let _ = from.set_moved(before.as_ref());
            Err(error)
        }
    }
}

/// The act of a move, in the audit log of the source: the copy has the one of its beginning.
fn moving(to: &str, is_done: bool) -> Act {
    let state = if is_done { "completed" } else { "began" };
    Act {
        company_id: DEPLOYMENT_CHAIN,
        name: ActKind::DatabaseMove.name(),
        before: String::new(),
        after: json!({"To": to, "State": state}).to_string(),
        reason: String::new(),
    }
}

fn is_read_only(reason: &str) -> bool {
    ["readonly", "read-only"].iter().any(|words| reason.contains(words))
}

fn refuse_users(from: &OpenDatabase) -> Result<(), MoveError> {
    match remaining_user(from)? {
        None => Ok(()),
        Some(user) => Err(MoveError::InUse { user }),
    }
}

fn remaining_user(from: &OpenDatabase) -> StoreResult<Option<String>> {
    let started = Instant::now();
    loop {
        match from.other_user()? {
            Some(_) if started.elapsed() < END_TIMEOUT => std::thread::sleep(POLL_INTERVAL),
            user => return Ok(user),
        }
    }
}
