//! Statements over the settings and the state of the deployment.

use tokio_util::sync::CancellationToken;

use crate::audit::{Act, Actor, AuditWrites};
use crate::deployment::{
    Deployed, DeploymentReads, DeploymentSetting, DeploymentState, DeploymentWrites, Moved,
};
use crate::error::StoreResult;
use crate::sql::deployment_state;
use crate::sql::driver::connection::{SqlValues, all, insert_exactly};
use crate::sql::driver::schema::DEPLOYMENT_SETTING;
use crate::sql::session::Session;
use crate::sql::store::OpenDatabase;
use crate::tenants::TenantReads;

impl DeploymentReads for Session {
    fn deployment_state(&mut self) -> StoreResult<DeploymentState> {
        deployment_state::read(self.connection.as_mut())
    }

    fn deployment_settings(&mut self) -> StoreResult<Vec<DeploymentSetting>> {
        let sql = "SELECT name, value FROM deployment_setting ORDER BY name";
        all(self.connection.as_mut(), sql, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
    }
}

impl DeploymentWrites for Session {
    fn set_deployment_settings(&mut self, settings: &[DeploymentSetting]) -> StoreResult<()> {
        self.rows_change(&DEPLOYMENT_SETTING);
        // The row of the state is written first: of two processes that store settings, the second waits here.
        deployment_state::change(self.connection.as_mut(), "settings_version = settings_version + 1", &[])?;
        let connection = self.connection.as_mut();
        connection.execute("DELETE FROM deployment_setting", &[])?;
        let mut rows = settings
            .iter()
            .map(|(name, value)| -> SqlValues<'_> { vec![name.as_str().into(), value.as_str().into()] });
        insert_exactly(connection, &DEPLOYMENT_SETTING, settings.len(), &mut rows)
    }

    fn set_deployment_id(&mut self, id: &str) -> StoreResult<()> {
        let change = "UPDATE deployment_state SET deployment_id = $1 WHERE id = 1 AND deployment_id = ''";
        self.connection.execute(change, &[id.into()])?;
        Ok(())
    }
}

fn write_act(session: &mut Session, act: Option<(&Actor, i64, Act)>) -> StoreResult<()> {
    let Some((actor, now_s, act)) = act else { return Ok(()) };
    session.set_actor(actor.clone(), now_s);
    session.record_act(act);
    session.write_acts()?;
    Ok(())
}

impl OpenDatabase {
    /// What the database says about its deployment. It must have been prepared.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn deployed(&self) -> StoreResult<Deployed> {
        let mut session = Session::without_cache(self.0.read(&CancellationToken::new())?);
        Ok(Deployed {
            state: session.deployment_state()?,
            settings: session.deployment_settings()?,
            companies: session.companies()?,
        })
    }

    /// Notes where the database is moved to, or that it is not. Returns what was noted before. This is the only write
    /// to a database that was moved.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_moved(&self, moved: Option<&Moved>) -> StoreResult<Option<Moved>> {
        self.set_moved_by(moved, None)
    }

    /// As [`OpenDatabase::set_moved`], with an entry of the audit log if there is an act: who, when, Unix seconds, what.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_moved_by(
        &self,
        moved: Option<&Moved>,
        act: Option<(&Actor, i64, Act)>,
    ) -> StoreResult<Option<Moved>> {
        let mut session = Session::without_cache(self.0.write()?);
        write_act(&mut session, act)?;
        let state = session.deployment_state()?;
        deployment_state::write(
            session.connection.as_mut(),
            &DeploymentState { moved: moved.cloned(), ..state.clone() },
        )?;
        session.connection.commit()?;
        Ok(state.moved)
    }

    /// Makes the settings those of the deployment, whatever it had before, and the database one that is used: it is
    /// noted as moved to no other.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn adopt(&self, settings: &[DeploymentSetting]) -> StoreResult<()> {
        self.adopt_by(settings, None)
    }

    /// As [`OpenDatabase::adopt`], with an entry of the audit log if there is an act: who, when, Unix seconds, what.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn adopt_by(
        &self,
        settings: &[DeploymentSetting],
        act: Option<(&Actor, i64, Act)>,
    ) -> StoreResult<()> {
        let mut session = Session::without_cache(self.0.write()?);
        write_act(&mut session, act)?;
        if session.deployment_settings()? != settings {
            session.set_deployment_settings(settings)?;
        }
        let state = session.deployment_state()?;
        deployment_state::write(session.connection.as_mut(), &DeploymentState { moved: None, ..state })?;
        session.write_digests()?;
        session.connection.commit()
    }
}
