//! Signing in at the console: by a one-time link or by password, and the sessions that follow.

use serde_json::Value;
use tollbook_domain::User;
use tollbook_store::{Invitation, Snapshot, Store, StoreResult, Transaction, UserSession};

use super::passwords;
use super::users::{TOKEN_CHARACTERS, UserError, audited, chain_of, checked_email, digest};
use crate::audit::{ActKind, record};
use crate::random;

/// A session that is not used for this long has ended, in seconds.
pub const SESSION_IDLE_S: i64 = 12 * 3_600;
/// A session ends this long after the user signed in, in seconds.
pub const SESSION_LIFETIME_S: i64 = 7 * 86_400;
/// The use of a session is noted again after this long, in seconds: not with each page, which then only reads.
const NOTED_EVERY_S: i64 = 300;
/// Most characters of the name of a browser that are kept.
const AGENT_CHARACTERS: usize = 200;

/// Where a user signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The address of the user.
    pub address: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
}

/// The user and the link of a token, if it can still be used.
///
/// # Errors
/// [`UserError::Link`] if it cannot, or those of the store.
pub fn invitation(
    snapshot: &mut (impl Snapshot + ?Sized),
    token: &str,
    now_s: i64,
) -> Result<(User, Invitation), UserError> {
    let invitation = snapshot.invitation(&digest(token))?.filter(|found| now_s < found.expires_s);
    let invitation = invitation.ok_or(UserError::Link)?;
    let user = snapshot.user(invitation.user_id)?.filter(|user| !user.disabled).ok_or(UserError::Link)?;
    Ok((user, invitation))
}

/// Uses a link: sets the password, if one is given, ends all other sessions of the user, and begins one, whose token is
/// returned. A link of a demo leaves the other sessions and needs no password.
///
/// # Errors
/// The link cannot be used, the password breaks a rule, or the store fails. Nothing was changed then.
pub fn accept_invitation(
    store: &dyn Store,
    token: &str,
    password: Option<&str>,
    place: Place<'_>,
    now_s: i64,
) -> Result<(User, String), UserError> {
    let (user, link) = invitation(store.snapshot()?.as_mut(), token, now_s)?;
    // Outside of the transaction, because it takes long.
    let hash = match password {
        Some(password) => Some(passwords::hash(password, &user.email)?),
        None if link.needs_password => return Err(passwords::PasswordError::TooShort.into()),
        None => None,
    };
    let mut transaction = store.begin()?;
    let (mut user, _) = invitation(transaction.as_mut(), token, now_s)?;
    if !transaction.take_invitation(&link.digest)? {
        return Err(UserError::Link);
    }
    if let Some(hash) = hash {
        user.password_hash = hash;
        transaction.update_user(&user)?;
        record(transaction.as_mut(), ActKind::UserPassword, chain_of(&user), &Value::Null, &audited(&user));
        transaction.end_user_sessions(user.user_id, None)?;
    }
    let session = begin(transaction.as_mut(), &user, place, now_s)?;
    transaction.commit()?;
    Ok((user, session))
}

/// Checks a password and begins a session, whose token is returned. `may_enter` is asked about the user before.
///
/// # Errors
/// [`UserError::WrongPassword`], whichever of both is wrong, also of a disabled user and of one who may not enter; or those
/// of the store.
pub fn sign_in(
    store: &dyn Store,
    email: &str,
    password: &str,
    may_enter: impl FnOnce(&User) -> bool,
    place: Place<'_>,
    now_s: i64,
) -> Result<(User, String), UserError> {
    let email = checked_email(email).map_err(|_| UserError::WrongPassword);
    let user = match &email {
        Ok(email) => store.snapshot()?.user_by_email(email)?,
        Err(_) => None,
    };
    let is_right = passwords::verify(password, user.as_ref().map(|user| user.password_hash.as_str()));
    let user = user.filter(|user| is_right && !user.disabled && may_enter(user));
    let known = user.ok_or(UserError::WrongPassword)?;
    let mut transaction = store.begin()?;
    // Another transaction may have disabled the user, or set another password, since.
    let user = transaction.user(known.user_id)?;
    let user = user.filter(|user| !user.disabled && user.password_hash == known.password_hash);
    let user = user.ok_or(UserError::WrongPassword)?;
    let session = begin(transaction.as_mut(), &user, place, now_s)?;
    transaction.commit()?;
    Ok((user, session))
}

fn begin(
    transaction: &mut dyn Transaction,
    user: &User,
    place: Place<'_>,
    now_s: i64,
) -> StoreResult<String> {
    let token = random::token(TOKEN_CHARACTERS);
    let user_id = user.user_id;
    transaction.expire_user_sessions(user_id, now_s - SESSION_LIFETIME_S, now_s - SESSION_IDLE_S)?;
    transaction.add_user_session(&UserSession {
        digest: digest(&token),
        user_id,
        created_s: now_s,
        seen_s: now_s,
        address: place.address.to_owned(),
        agent: place.agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARACTERS).collect(),
        form_no: 0,
    })?;
    Ok(token)
}

/// The user and the session of a token, unless it has ended or the user is disabled. The token is looked up by its digest,
/// so the time of the look-up reveals nothing about those that exist.
///
/// # Errors
/// Those of the store.
pub fn session(
    snapshot: &mut (impl Snapshot + ?Sized),
    token: &str,
    now_s: i64,
) -> StoreResult<Option<(User, UserSession)>> {
    let Some(session) = snapshot.user_session(&digest(token))?.filter(|session| is_alive(session, now_s))
    else {
        return Ok(None);
    };
    let user = snapshot.user(session.user_id)?.filter(|user| !user.disabled);
    Ok(user.map(|user| (user, session)))
}

/// Whether a session has not ended by time.
pub fn is_alive(session: &UserSession, now_s: i64) -> bool {
    now_s < session.created_s.saturating_add(SESSION_LIFETIME_S)
        && now_s < session.seen_s.saturating_add(SESSION_IDLE_S)
}

/// Notes the use of a session, if that is due. Returns whether it was noted.
///
/// # Errors
/// Those of the store.
pub fn note_use(store: &dyn Store, session: &UserSession, now_s: i64) -> StoreResult<bool> {
    if now_s < session.seen_s.saturating_add(NOTED_EVERY_S) {
        return Ok(false);
    }
    let mut transaction = store.begin()?;
    transaction.note_session_use(&session.digest, now_s)?;
    transaction.commit()?;
    Ok(true)
}

/// Takes the number of a form that may be sent once. `false` if it was sent before.
///
/// # Errors
/// Those of the store.
pub fn take_form(store: &dyn Store, session: &UserSession, form_no: i64) -> StoreResult<bool> {
    let mut transaction = store.begin()?;
    let is_first = transaction.count_form(&session.digest, form_no)?;
    transaction.commit()?;
    Ok(is_first)
}

/// Ends a session of a user. Returns whether there was one.
///
/// # Errors
/// Those of the store.
pub fn end(store: &dyn Store, user_id: i64, digest: &[u8; 32]) -> StoreResult<bool> {
    let mut transaction = store.begin()?;
    let ended = transaction.end_user_session(user_id, digest)?;
    transaction.commit()?;
    Ok(ended)
}

/// Ends all sessions of a user but one. Returns their number.
///
/// # Errors
/// Those of the store.
pub fn end_others(store: &dyn Store, session: &UserSession) -> StoreResult<u64> {
    let mut transaction = store.begin()?;
    let ended = transaction.end_user_sessions(session.user_id, Some(&session.digest))?;
    transaction.commit()?;
    Ok(ended)
}
