//! A connection to PostgreSQL, polled by the thread that uses it, so that a statement needs no switch to another
//! thread. While a statement runs, the thread also checks its deadline and its caller's cancellation, and cancels the
//! statement.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use super::failure::{chain, of_connecting, of_postgres};
use crate::error::{StoreError, StoreResult};

/// How long a cancelled statement may take to end before its connection is closed.
const CANCELLING: Duration = Duration::from_secs(5);

/// Sets the plan cache mode of a session. A statement is planned once, because planning for each set of values costs
/// more than most results. With Citus, the planner needs the values, because they determine which node has the rows.
const PLANS: &str = "SELECT set_config('plan_cache_mode', CASE WHEN EXISTS \
                     (SELECT FROM pg_extension WHERE extname = 'citus') THEN 'auto' ELSE 'force_generic_plan' END, false)";

/// The future that drives the socket; it completes when the connection has ended.
type ConnectionTask = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// When a statement is cancelled.
#[derive(Clone, Debug)]
pub(super) struct StatementDeadline {
    /// Cancelled if the caller cancels the request.
    pub(super) caller: CancellationToken,
    /// How long the statement may run without progress.
    pub(super) timeout: Duration,
}

/// An open connection.
pub(super) struct PgConnection {
    runtime: OwnRuntime,
    client: Client,
    /// `None` after the connection has ended: a pending result fails only when the task is dropped.
    task: Option<ConnectionTask>,
    /// Why the connection ended.
    ended: Option<String>,
    /// A cancellation was sent. It may arrive late and would cancel the next statement, so the connection is not
    /// reused.
    spent: bool,
    statements: HashMap<String, Statement>,
    tls: MakeRustlsConnect,
}

/// The parts of a connection that an operation uses.
pub(super) struct Work<'a> {
    pub(super) client: &'a Client,
    pub(super) statements: &'a mut HashMap<String, Statement>,
    /// Set by the operation when it makes progress.
    pub(super) progress: &'a Cell<bool>,
}

/// Why an operation on a connection failed.
pub(super) enum WorkError {
    Postgres(tokio_postgres::Error),
    /// The receiver of the rows failed.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for WorkError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A runtime that may be dropped on any thread. A tokio runtime must not be dropped on a thread of another runtime, as
/// at the end of a server.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn new() -> StoreResult<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.as_ref().expect("only taken in drop").block_on(work)
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Work<'_> {
    /// Prepares a statement, or returns it if it is already prepared.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        #[cfg(debug_assertions)]
        assert_eq!(crate::sql::driver::tenancy::violation(sql), None, "{sql}");
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl PgConnection {
    pub(super) fn open(config: &Config, tls: &MakeRustlsConnect, timeout: Duration) -> StoreResult<Self> {
        let runtime = OwnRuntime::new()?;
        let connecting = async {
            let connecting = tokio::time::timeout(timeout, config.connect(tls.clone()));
            connecting
                .await
                .map_err(|_| {
                    StoreError::Unavailable(format!("connection timeout after {} s", timeout.as_secs_f64()))
                })?
                .map_err(of_connecting)
        };
        let (client, connection) = runtime.block_on(connecting)?;
        let mut link = Self {
            runtime,
            client,
            task: Some(Box::pin(connection)),
            ended: None,
            spent: false,
            statements: HashMap::new(),
            tls: tls.clone(),
        };
        let deadline = StatementDeadline { caller: CancellationToken::new(), timeout };
        link.run(&deadline, async |desk| Ok(desk.client.batch_execute(PLANS).await?))?;
        Ok(link)
    }

    /// Whether it can be used, as far as is known without a request to the server.
    pub(super) fn is_alive(&mut self) -> bool {
        let Self { runtime, task, ended, .. } = self;
        runtime.block_on(async {
            // The second poll follows a poll of the sockets.
            for _ in 0..2 {
                poll_fn(|context| {
                    look(task, ended, context);
                    Poll::Ready(())
                })
                .await;
                tokio::task::yield_now().await;
            }
        });
        self.is_usable()
    }

    /// Runs an operation until it ends, its deadline passes, or its caller cancels.
    pub(super) fn run<T>(
        &mut self,
        deadline: &StatementDeadline,
        work: impl AsyncFnOnce(Work<'_>) -> Result<T, WorkError>,
    ) -> StoreResult<T> {
        let Self { runtime, client, task, ended, spent, statements, tls } = self;
        let progress = Cell::new(false);
        let outcome = runtime.block_on(async {
            let client = &*client;
            let mut work = pin!(work(Work { client, statements, progress: &progress }));
            let mut timer = pin!(sleep(deadline.timeout));
            let mut left = pin!(deadline.caller.cancelled());
            let mut interrupted: Option<StoreError> = None;
            let mut cancelling = pin!(async {
                let token = client.cancel_token();
                let cancelled = token.cancel_query(tls.clone());
                if let Ok(Err(error)) = tokio::time::timeout(CANCELLING, cancelled).await {
                    tracing::warn!(error = chain(&error), "could not cancel a statement");
                }
            });
            let mut asked = false;
            poll_fn(|context| {
                // Poll the operation first, which sends; then the socket, and the operation again, which receives.
                for _ in 0..2 {
                    if let Poll::Ready(result) = work.as_mut().poll(context) {
                        return Poll::Ready(match (result, interrupted.take()) {
                            (Err(WorkError::Postgres(_)), Some(reason)) => Err(WorkError::Store(reason)),
                            (result, _) => result,
                        });
                    }
                    look(task, ended, context);
                }
                if interrupted.is_none() {
                    if progress.replace(false) {
                        timer.as_mut().reset(Instant::now() + deadline.timeout);
                    }
                    if left.as_mut().poll(context).is_ready() {
                        interrupted = Some(StoreError::Cancelled);
                    } else if timer.as_mut().poll(context).is_ready() {
                        interrupted = Some(StoreError::TooLong(deadline.timeout));
                    } else {
                        return Poll::Pending;
                    }
                    *spent = true;
                    timer.as_mut().reset(Instant::now() + CANCELLING);
                }
                if !asked {
                    asked = cancelling.as_mut().poll(context).is_ready();
                }
                // If the cancellation also times out, the connection is closed, which ends the statement.
                if timer.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(WorkError::Store(
                        interrupted.take().unwrap_or(StoreError::Cancelled),
                    )));
                }
                Poll::Pending
            })
            .await
        });
        outcome.map_err(|trouble| match trouble {
            WorkError::Postgres(error) => of_postgres(error, self.reason()),
            WorkError::Store(error) => error,
        })
    }

    fn reason(&mut self) -> Option<&str> {
        // The server may have sent the reason shortly after the statement failed.
        self.is_alive();
        self.ended.as_deref()
    }

    /// Whether the connection was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.ended.is_some() || self.client.is_closed()
    }

    /// Whether it can run another statement.
    pub(super) fn is_usable(&self) -> bool {
        !self.spent && !self.is_lost()
    }
}

fn look(task: &mut Option<ConnectionTask>, ended: &mut Option<String>, context: &mut std::task::Context<'_>) {
    let Some(Poll::Ready(end)) = task.as_mut().map(|task| task.as_mut().poll(context)) else { return };
    *task = None;
    *ended = Some(match end {
        Ok(()) => "the connection was closed".to_owned(),
        Err(error) => error.as_db_error().map_or_else(|| chain(&error), |said| said.message().to_owned()),
    });
}
