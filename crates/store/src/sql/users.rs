//! Statements over users of the console, their invitations and their sessions.

use tollbook_domain::{Role, User};

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Row, all, execute_exactly, first};
use crate::sql::driver::schema::CONSOLE_USER;
use crate::sql::session::Session;
use crate::users::{Invitation, NewUser, UserReads, UserSession, UserWrites};

const USER_COLUMNS: &str =
    "user_id, email, company_id, organization_ids, role, password, disabled, created_at";
const SESSION_COLUMNS: &str = "digest, user_id, created_at, seen_at, address, agent, form_no";

/// `company_id` of the operator's own people. Companies are numbered from 1.
const OPERATOR: i64 = 0;

fn read_user(row: &dyn Row) -> StoreResult<User> {
    let damaged = |what: &str| StoreError::Damaged(format!("a user has a {what} that cannot be read"));
    let organization_ids = row
        .text(3)?
        .split_whitespace()
        .map(|id| id.parse().map_err(|_| damaged("list of organizations")))
        .collect::<StoreResult<_>>()?;
    Ok(User {
        user_id: row.int(0)?,
        email: row.text(1)?.to_owned(),
        company_id: Some(row.int(2)?).filter(|company_id| *company_id != OPERATOR),
        organization_ids,
        role: Role::from_name(row.text(4)?).ok_or_else(|| damaged("role"))?,
        password_hash: row.text(5)?.to_owned(),
        disabled: row.int(6)? != 0,
        created_s: row.int(7)?,
    })
}

fn read_digest(row: &dyn Row) -> StoreResult<[u8; 32]> {
    let digest = row.blob(0)?.try_into();
    digest.map_err(|_| StoreError::Damaged("the digest of a token is not 32 bytes".into()))
}

fn read_session(row: &dyn Row) -> StoreResult<UserSession> {
    Ok(UserSession {
        digest: read_digest(row)?,
        user_id: row.int(1)?,
        created_s: row.int(2)?,
        seen_s: row.int(3)?,
        address: row.text(4)?.to_owned(),
        agent: row.text(5)?.to_owned(),
        form_no: row.int(6)?,
    })
}

fn numbers(organization_ids: &[i64]) -> String {
    organization_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl UserReads for Session {
    fn user(&mut self, user_id: i64) -> StoreResult<Option<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM console_user WHERE user_id = $1");
        first(self.connection.as_mut(), &sql, &[user_id.into()], read_user)
    }

    fn user_by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM console_user WHERE email = $1");
        first(self.connection.as_mut(), &sql, &[email.into()], read_user)
    }

    fn users(&mut self) -> StoreResult<Vec<User>> {
        let sql = format!("SELECT {USER_COLUMNS} FROM console_user ORDER BY user_id");
        all(self.connection.as_mut(), &sql, &[], read_user)
    }

    fn invitation(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Invitation>> {
        let sql =
            "SELECT digest, user_id, expires_at, needs_password FROM console_invitation WHERE digest = $1";
        first(self.connection.as_mut(), sql, &[digest.as_slice().into()], |row| {
            Ok(Invitation {
                digest: read_digest(row)?,
                user_id: row.int(1)?,
                expires_s: row.int(2)?,
                needs_password: row.int(3)? != 0,
            })
        })
    }

    fn user_session(&mut self, digest: &[u8; 32]) -> StoreResult<Option<UserSession>> {
        let sql = format!("SELECT {SESSION_COLUMNS} FROM console_session WHERE digest = $1");
        first(self.connection.as_mut(), &sql, &[digest.as_slice().into()], read_session)
    }

    fn user_sessions(&mut self, user_id: i64) -> StoreResult<Vec<UserSession>> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS} FROM console_session WHERE user_id = $1 ORDER BY created_at, digest"
        );
        all(self.connection.as_mut(), &sql, &[user_id.into()], read_session)
    }
}

impl UserWrites for Session {
    fn add_user(&mut self, user: &NewUser) -> StoreResult<User> {
        self.rows_change(&CONSOLE_USER);
        if self.user_by_email(&user.email)?.is_some() {
            return Err(StoreError::Exists("the email address"));
        }
        let connection = self.connection.as_mut();
        let company_id = user.company_id.unwrap_or(OPERATOR);
        // As with companies, a concurrent insertion of the same number makes this one try the next.
        let user_id = loop {
            let next = "SELECT coalesce(max(user_id), 0) + 1 FROM console_user";
            let user_id = first(connection, next, &[], |row| row.int(0))?.unwrap_or(1);
            let added = connection.execute(
                "INSERT INTO console_user (user_id, email, company_id, organization_ids, role, password, disabled, \
                 created_at) VALUES ($1, $2, $3, $4, $5, '', 0, $6) ON CONFLICT (user_id) DO NOTHING",
                &[
                    user_id.into(),
                    user.email.as_str().into(),
                    company_id.into(),
                    numbers(&user.organization_ids).as_str().into(),
                    user.role.name().into(),
                    user.created_s.into(),
                ],
            )?;
            if added == 1 {
                break user_id;
            }
        };
        Ok(User {
            user_id,
            email: user.email.clone(),
            company_id: user.company_id,
            organization_ids: user.organization_ids.clone(),
            role: user.role,
            password_hash: String::new(),
            disabled: false,
            created_s: user.created_s,
        })
    }

    fn update_user(&mut self, user: &User) -> StoreResult<bool> {
        self.rows_change(&CONSOLE_USER);
        let sql = "UPDATE console_user SET organization_ids = $2, role = $3, password = $4, disabled = $5 \
                   WHERE user_id = $1";
        let organization_ids = numbers(&user.organization_ids);
        let values = [
            user.user_id.into(),
            organization_ids.as_str().into(),
            user.role.name().into(),
            user.password_hash.as_str().into(),
            i64::from(user.disabled).into(),
        ];
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn put_invitation(&mut self, invitation: &Invitation) -> StoreResult<()> {
        self.delete_invitations(invitation.user_id)?;
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO console_invitation (digest, user_id, expires_at, needs_password) VALUES ($1, $2, $3, $4)",
            &[
                invitation.digest.as_slice().into(),
                invitation.user_id.into(),
                invitation.expires_s.into(),
                i64::from(invitation.needs_password).into(),
            ],
        )
    }

    fn take_invitation(&mut self, digest: &[u8; 32]) -> StoreResult<bool> {
        let sql = "DELETE FROM console_invitation WHERE digest = $1";
        Ok(self.connection.execute(sql, &[digest.as_slice().into()])? == 1)
    }

    fn delete_invitations(&mut self, user_id: i64) -> StoreResult<()> {
        self.connection.execute("DELETE FROM console_invitation WHERE user_id = $1", &[user_id.into()])?;
        Ok(())
    }

    fn add_user_session(&mut self, session: &UserSession) -> StoreResult<()> {
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO console_session (digest, user_id, created_at, seen_at, address, agent, form_no) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                session.digest.as_slice().into(),
                session.user_id.into(),
                session.created_s.into(),
                session.seen_s.into(),
                session.address.as_str().into(),
                session.agent.as_str().into(),
                session.form_no.into(),
            ],
        )
    }

    fn note_session_use(&mut self, digest: &[u8; 32], seen_s: i64) -> StoreResult<()> {
        let sql = "UPDATE console_session SET seen_at = $2 WHERE digest = $1 AND seen_at < $2";
        self.connection.execute(sql, &[digest.as_slice().into(), seen_s.into()])?;
        Ok(())
    }

    fn count_form(&mut self, digest: &[u8; 32], form_no: i64) -> StoreResult<bool> {
        let sql = "UPDATE console_session SET form_no = form_no + 1 WHERE digest = $1 AND form_no = $2";
        Ok(self.connection.execute(sql, &[digest.as_slice().into(), form_no.into()])? == 1)
    }

    fn end_user_session(&mut self, user_id: i64, digest: &[u8; 32]) -> StoreResult<bool> {
        let sql = "DELETE FROM console_session WHERE digest = $1 AND user_id = $2";
        Ok(self.connection.execute(sql, &[digest.as_slice().into(), user_id.into()])? == 1)
    }

    fn end_user_sessions(&mut self, user_id: i64, except: Option<&[u8; 32]>) -> StoreResult<u64> {
        let connection = self.connection.as_mut();
        match except {
            Some(kept) => {
                let sql = "DELETE FROM console_session WHERE user_id = $1 AND digest <> $2";
                connection.execute(sql, &[user_id.into(), kept.as_slice().into()])
            }
            None => connection.execute("DELETE FROM console_session WHERE user_id = $1", &[user_id.into()]),
        }
    }

    fn expire_user_sessions(
        &mut self,
        user_id: i64,
        created_before_s: i64,
        seen_before_s: i64,
    ) -> StoreResult<u64> {
        let sql = "DELETE FROM console_session WHERE user_id = $1 AND (created_at < $2 OR seen_at < $3)";
        self.connection.execute(sql, &[user_id.into(), created_before_s.into(), seen_before_s.into()])
    }
}
