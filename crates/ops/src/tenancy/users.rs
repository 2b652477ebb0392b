//! Users of the console: inviting, listing, changing and disabling them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::Digest as _;
use tollbook_domain::{Role, User};
use tollbook_store::{
    DEPLOYMENT_CHAIN, Invitation, NewUser, Snapshot, Store, StoreError, StoreResult, Transaction,
};

use super::companies::require_company;
use super::error::TenantError;
use super::names::{NameError, checked_name};
use super::passwords::PasswordError;
use crate::audit::{ActKind, record};
use crate::random;

/// Characters of the token of a link, and of a session: 238 random bits.
pub(super) const TOKEN_CHARACTERS: usize = 40;
/// How long a link is valid unless stated otherwise, in seconds.
pub const INVITATION_LIFETIME_S: i64 = 72 * 3_600;
/// Most organizations that a user is bound to.
const MAX_ORGANIZATIONS: usize = 1_000;

/// Why a user was not invited, changed or signed in. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The email address is not one.
    #[error("\"{0}\" is not an email address")]
    Email(String),
    /// A name breaks the rule for names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The company or organization does not exist.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// A role of a company without a company, or one of the operator with one.
    #[error("the role {0} {1}")]
    Role(&'static str, &'static str),
    /// There is a user of the address with other rights.
    #[error("{0} is a user already, with other rights; change them with user role")]
    Exists(String),
    /// The user is disabled.
    #[error("{0} is disabled; enable the user first")]
    Disabled(String),
    /// There is no such user.
    #[error("there is no user {0}")]
    Unknown(String),
    /// The link is unknown, was used, or has ended.
    #[error("the link was used, or has ended")]
    Link,
    /// Email address and password do not belong together, or the user is disabled.
    #[error("the email address or the password is wrong")]
    WrongPassword,
    /// The password cannot be set.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whom to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Email address, in any case.
    pub email: String,
    /// The company; `None` for the operator's own people.
    pub company_id: Option<i64>,
    /// Organizations that the user is bound to; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// What the user may do.
    pub role: Role,
}

/// A link that opens the console once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The user.
    pub user: User,
    /// The token; [`invitation_path`] has it. It is shown here only.
    pub token: String,
    /// When the link ends, Unix seconds.
    pub expires_s: i64,
}

/// The path of a link below the URL of the server.
pub fn invitation_path(token: &str) -> String {
    format!("/console/invitation/{token}")
}

pub(super) fn digest(token: &str) -> [u8; 32] {
    sha2::Sha256::digest(token.as_bytes()).into()
}

/// Adds a user and makes a link with which to choose a password. For a user that exists with the same rights, makes a new
/// link, and the former one ends: that is also how a forgotten password is replaced.
///
/// # Errors
/// A rule is broken, the user exists with other rights or is disabled, or the store fails.
pub fn invite(store: &dyn Store, invite: &Invite, lifetime_s: i64, now_s: i64) -> Result<Invited, UserError> {
    let mut transaction = store.begin()?;
    let invited = invite_in(transaction.as_mut(), invite, true, lifetime_s, now_s)?;
    transaction.commit()?;
    Ok(invited)
}

/// Makes a link that opens the console without a password, for a demo on the operator's own machine.
///
/// # Errors
/// Those of [`invite`].
pub fn demo_link(
    store: &dyn Store,
    invite: &Invite,
    lifetime_s: i64,
    now_s: i64,
) -> Result<Invited, UserError> {
    let mut transaction = store.begin()?;
    let invited = invite_in(transaction.as_mut(), invite, false, lifetime_s, now_s)?;
    transaction.commit()?;
    Ok(invited)
}

fn invite_in(
    transaction: &mut dyn Transaction,
    invite: &Invite,
    needs_password: bool,
    lifetime_s: i64,
    now_s: i64,
) -> Result<Invited, UserError> {
    let email = checked_email(&invite.email)?;
    let organization_ids =
        checked_rights(transaction, invite.role, invite.company_id, &invite.organization_ids)?;
    // Two invitations of one address at once must not add two users.
    transaction.lock_name("console users")?;
    let user = match transaction.user_by_email(&email)? {
        Some(user) if user.disabled => return Err(UserError::Disabled(email)),
        Some(user)
            if (user.company_id, user.role, &user.organization_ids)
                == (invite.company_id, invite.role, &organization_ids) =>
        {
            user
        }
        Some(_) => return Err(UserError::Exists(email)),
        None => transaction.add_user(&NewUser {
            email,
            company_id: invite.company_id,
            organization_ids,
            role: invite.role,
            created_s: now_s,
        })?,
    };
    let token = random::token(TOKEN_CHARACTERS);
    let expires_s = now_s.saturating_add(lifetime_s.max(0));
    transaction.put_invitation(&Invitation {
        digest: digest(&token),
        user_id: user.user_id,
        expires_s,
        needs_password,
    })?;
    let after = json!({"User": audited(&user), "Expires": expires_s});
    record(transaction, ActKind::UserInvite, chain_of(&user), &Value::Null, &after);
    Ok(Invited { user, token, expires_s })
}

/// The audit chain of what is done to a user: the company's, or the deployment's for the operator's own people.
pub(super) fn chain_of(user: &User) -> i64 {
    user.company_id.unwrap_or(DEPLOYMENT_CHAIN)
}

/// A user as the audit log has it.
pub(super) fn audited(user: &User) -> Value {
    json!({
        "Email": user.email,
        "Role": user.role.name(),
        "OrganizationIDs": user.organization_ids,
        "Disabled": user.disabled,
    })
}

/// All users, or those of a company, by number.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn users(store: &dyn Store, company_id: Option<i64>) -> Result<Vec<User>, UserError> {
    let mut snapshot = store.snapshot()?;
    if let Some(company_id) = company_id {
        require_company(snapshot.as_mut(), company_id)?;
    }
    let mut users = snapshot.users()?;
    users.retain(|user| company_id.is_none() || user.company_id == company_id);
    Ok(users)
}

/// Disables a user: the sessions end at once, and links work no longer. Idempotent.
///
/// # Errors
/// There is no such user, or the store fails.
pub fn disable(store: &dyn Store, email: &str) -> Result<User, UserError> {
    change(store, email, |transaction, user| {
        user.disabled = true;
        transaction.end_user_sessions(user.user_id, None)?;
        Ok(transaction.delete_invitations(user.user_id)?)
    })
}

/// Enables a disabled user, whose password is as before. Idempotent.
///
/// # Errors
/// There is no such user, or the store fails.
pub fn enable(store: &dyn Store, email: &str) -> Result<User, UserError> {
    change(store, email, |_, user| {
        user.disabled = false;
        Ok(())
    })
}

/// Changes what a user may do. It holds from the next request of the user on. `organization_ids` are the organizations that
/// the user is bound to from now on; empty: the whole company.
///
/// # Errors
/// There is no such user, the role is not one of the user's kind, or the store fails.
pub fn set_role(
    store: &dyn Store,
    email: &str,
    role: Role,
    organization_ids: &[i64],
) -> Result<User, UserError> {
    change(store, email, |transaction, user| {
        user.organization_ids = checked_rights(transaction, role, user.company_id, organization_ids)?;
        user.role = role;
        Ok(())
    })
}

fn change(
    store: &dyn Store,
    email: &str,
    change: impl FnOnce(&mut dyn Transaction, &mut User) -> Result<(), UserError>,
) -> Result<User, UserError> {
    let email = checked_email(email)?;
    let mut transaction = store.begin()?;
    let user = transaction.user_by_email(&email)?;
    let mut user = user.ok_or(UserError::Unknown(email))?;
    let before = audited(&user);
    change(transaction.as_mut(), &mut user)?;
    transaction.update_user(&user)?;
    record(transaction.as_mut(), ActKind::UserSet, chain_of(&user), &before, &audited(&user));
    transaction.commit()?;
    Ok(user)
}

/// The address in lower case. Only its form is checked: whether it is one, the person who gets the link shows.
pub(super) fn checked_email(text: &str) -> Result<String, UserError> {
    let text = text.trim();
    let wrong = || UserError::Email(text.chars().take(64).collect());
    let (name, host) = text.rsplit_once('@').ok_or_else(wrong)?;
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || "<>\"',;:()[]\\".contains(c);
    if name.is_empty() || host.is_empty() || name.contains('@') || text.chars().any(is_wrong) {
        return Err(wrong());
    }
    checked_name("the email address", text)?;
    Ok(text.to_lowercase())
}

fn checked_rights(
    snapshot: &mut (impl Snapshot + ?Sized),
    role: Role,
    company_id: Option<i64>,
    organization_ids: &[i64],
) -> Result<Vec<i64>, UserError> {
    let Some(company_id) = company_id else {
        if !role.is_of_operator() {
            return Err(UserError::Role(role.name(), "needs a company"));
        }
        return if organization_ids.is_empty() {
            Ok(Vec::new())
        } else {
            Err(UserError::Role(role.name(), "has no organizations"))
        };
    };
    if role.is_of_operator() {
        return Err(UserError::Role(role.name(), "is one of the operator, who has no company"));
    }
    let known: StoreResult<BTreeSet<i64>> = match snapshot.company(company_id)? {
        None => return Err(TenantError::UnknownCompany(company_id).into()),
        Some(_) => {
            Ok(snapshot.organizations(company_id)?.iter().map(|known| known.organization_id).collect())
        }
    };
    let (known, wanted): (_, BTreeSet<i64>) = (known?, organization_ids.iter().copied().collect());
    if wanted.len() > MAX_ORGANIZATIONS {
        return Err(TenantError::TooMany("organizations").into());
    }
    match wanted.difference(&known).next() {
        Some(&organization_id) => {
            Err(TenantError::UnknownOrganization { company_id, organization_id }.into())
        }
        None => Ok(wanted.into_iter().collect()),
    }
}
