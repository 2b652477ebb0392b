//! Users of the console, the one-time links that they are invited with, and their sessions.

use tollbook_domain::{Role, User};

use crate::error::StoreResult;

/// A user to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// Email address, lower case.
    pub email: String,
    /// The company; `None` for the operator's own people.
    pub company_id: Option<i64>,
    /// Organizations that the user is bound to; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// What the user may do.
    pub role: Role,
    /// When the user is added, Unix seconds.
    pub created_s: i64,
}

/// A one-time link. The token in it is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// The user who is invited.
    pub user_id: i64,
    /// When the link ends, Unix seconds, exclusive.
    pub expires_s: i64,
    /// Whether the user must choose a password. A link of a demo opens the console without one.
    pub needs_password: bool,
}

/// A signed-in browser. The token in its cookie is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSession {
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// The user.
    pub user_id: i64,
    /// When the user signed in, Unix seconds.
    pub created_s: i64,
    /// A recent second of its use, Unix seconds.
    pub seen_s: i64,
    /// The address that the user signed in from.
    pub address: String,
    /// What the browser calls itself, shortened.
    pub agent: String,
    /// Number of forms that were sent which may be sent once only.
    pub form_no: i64,
}

/// Reads of users and their sessions.
pub trait UserReads {
    /// A user, including disabled ones.
    fn user(&mut self, user_id: i64) -> StoreResult<Option<User>>;

    /// A user by email address, lower case, including disabled ones.
    fn user_by_email(&mut self, email: &str) -> StoreResult<Option<User>>;

    /// All users, by number.
    fn users(&mut self) -> StoreResult<Vec<User>>;

    /// A link that was not used, also if it has ended.
    fn invitation(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Invitation>>;

    /// A session, also if it has ended by time.
    fn user_session(&mut self, digest: &[u8; 32]) -> StoreResult<Option<UserSession>>;

    /// The sessions of a user, the oldest first.
    fn user_sessions(&mut self, user_id: i64) -> StoreResult<Vec<UserSession>>;
}

/// Changes of users and their sessions.
pub trait UserWrites {
    /// Adds a user; the number is the next free one.
    ///
    /// # Errors
    /// [`StoreError::Exists`](crate::StoreError::Exists) if there is a user of the email address.
    fn add_user(&mut self, user: &NewUser) -> StoreResult<User>;

    /// Stores organizations, role, password and whether the user is disabled. Returns whether there is the user.
    fn update_user(&mut self, user: &User) -> StoreResult<bool>;

    /// Adds a link, and deletes the other links of its user.
    fn put_invitation(&mut self, invitation: &Invitation) -> StoreResult<()>;

    /// Deletes a link, if there is one. Of several transactions that use it, one gets `true`.
    fn take_invitation(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Deletes the links of a user.
    fn delete_invitations(&mut self, user_id: i64) -> StoreResult<()>;

    /// Adds a session.
    fn add_user_session(&mut self, session: &UserSession) -> StoreResult<()>;

    /// Notes that a session was used at a second, unless a later use is noted.
    fn note_session_use(&mut self, digest: &[u8; 32], seen_s: i64) -> StoreResult<()>;

    /// Counts a form of a session, if its count is still `form_no`. Of several transactions with one number, one gets
    /// `true`.
    fn count_form(&mut self, digest: &[u8; 32], form_no: i64) -> StoreResult<bool>;

    /// Ends a session of a user. Returns whether there was one.
    fn end_user_session(&mut self, user_id: i64, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Ends the sessions of a user but one. Returns their number.
    fn end_user_sessions(&mut self, user_id: i64, except: Option<&[u8; 32]>) -> StoreResult<u64>;

    /// Deletes the sessions of a user that were begun or last used before these times, Unix seconds.
    fn expire_user_sessions(
        &mut self,
        user_id: i64,
        created_before_s: i64,
        seen_before_s: i64,
    ) -> StoreResult<u64>;
}
