//! Where Tollbook keeps tenants and orders: the traits [`Store`], [`Snapshot`] and [`Transaction`] are the whole
//! contract, and one set of SQL statements fulfils it for every database.
//!
//! No HTTP, JSON or Excel may be here, and nothing outside of `sqlite.rs` and `postgres/` may know which
//! database answers.

mod charging;
mod error;
mod exports;
mod lines;
mod pack;
mod postgres;
mod sql;
mod sqlite;
mod usage_pack;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_domain::account::{Grant, Posting};
use tollbook_domain::tenant::{ApiKey, Company, Organization};
use tollbook_domain::{
    Bucket, Catalogue, Discount, HourOffsets, Measures, NewOrder, Order, OrderQuery, Price, Status,
};

pub use charging::{
    AccountState, Arrival, Due, DueHour, Hold, LedgerEntry, LedgerRange, OpenUsage, OperatorKey,
    OrderTransition, PutPrices, RatedUsage, Settlement, StoredDeposit, Uncharged, UnchargedKey,
    UnchargedUsage, UsageOrder, UsageOutcome,
};
pub use error::{StoreError, StoreResult};
pub use exports::{ExportFile, ExportJob, ExportState, LONGEST_FILE, LONGEST_JOB_ID, NewExportJob};
pub use lines::{LineNo, Lines};
pub use postgres::{Distribution, connect_postgres, distribute, open_postgres};
pub use sql::maintenance::copy::{Copied, copy};
pub use sql::store::OpenDatabase;
pub use sqlite::{connect_sqlite, open_sqlite};

/// How a store behaves; the defaults are right for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// A company with more orders than this has its rollups by line as well (ARCHITECTURE.md, "Data"). Smaller ones are
    /// counted from their orders.
    pub tile_threshold: i64,
    /// A reader's statement of which nothing comes for this long is cancelled. On a server, writers' statements too:
    /// that bounds how long one waits for another.
    pub statement_timeout: Duration,
    /// Most connections to a database server; of each server, primary and replica.
    pub connections: usize,
    /// How long a connection to a server may take, and how long is waited for one of ours to become free.
    pub connect_timeout: Duration,
    /// How far behind the primary a read replica may be and still answer.
    pub replica_staleness: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            tile_threshold: 20_000,
            statement_timeout: Duration::from_secs(60),
            connections: 20,
            connect_timeout: Duration::from_secs(5),
            replica_staleness: Duration::from_secs(2),
        }
    }
}

/// A database of tenants and orders. Held as `Arc<dyn Store>`; every call may block and belongs on a thread that
/// may wait, outside of any asynchronous runtime.
pub trait Store: Send + Sync {
    /// A consistent view: everything read through it is of one moment. Reads nothing until it is used; ends when
    /// dropped. It must not be held while bytes leave the machine.
    fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>> {
        self.snapshot_for(&CancellationToken::new())
    }

    /// The same for a caller who may leave: once `caller` is cancelled, what runs is stopped and fails with
    /// [`StoreError::Cancelled`].
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>>;

    /// Where lists, sums and exports are to be read from after `snapshot` has shown who asks: a read replica, if there
    /// is one that has everything which this process wrote and everything that was written until
    /// [`StoreOptions::replica_staleness`] ago; otherwise the snapshot itself.
    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>>;

    /// Whether other machines may be using the database too, so that what they all must know belongs into it.
    fn is_shared(&self) -> bool;

    /// Begins to write; waits for its turn among other writers. Dropped without [`Transaction::commit`], nothing
    /// happened.
    fn begin(&self) -> StoreResult<Box<dyn Transaction>>;
}

/// An order as it is stored: its numbers, and which line of its company it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    /// Index into the company's [`Lines`].
    pub line_no: LineNo,
    /// Its numbers.
    pub order: Order,
}

/// One page of a list, with the exact number of all orders that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Orders that match, on all pages.
    pub total: i64,
    /// Newest start time first, then the shown number descending by bytes (docs/ORDERS.md, "Paging").
    pub orders: Vec<StoredOrder>,
}

/// Receives the rows of a scan; an error ends it. It must not use the store, and no asynchronous runtime: it is called
/// amid a statement.
pub type EachOrder<'a> = &'a mut dyn FnMut(&StoredOrder) -> StoreResult<()>;

/// Reads of one moment. All order reads take the same [`OrderQuery`] and agree with each other exactly.
pub trait Snapshot: Send {
    /// An API key by its public half, disabled ones included.
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>>;

    /// The keys of a company, or of all, by company and public key.
    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>>;

    /// A company.
    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>>;

    /// All companies, by number.
    fn companies(&mut self) -> StoreResult<Vec<Company>>;

    /// The organizations of a company, by number.
    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>>;

    /// A value of the deployment's own (such as the fingerprint of its master key).
    fn setting(&mut self, name: &str) -> StoreResult<Option<String>>;

    /// The position in the database's log up to which everything is durable, if it has a log that replicas follow.
    fn position(&mut self) -> StoreResult<Option<u64>>;

    /// The company's lines, oldest first.
    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>>;

    /// The exact number of matching orders.
    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64>;

    /// Matching orders number `offset` to `offset + limit`, counted from the newest, and how many there are in all.
    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page>;

    /// Sums over the matching orders, one per wanted status (also when zero).
    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>>;

    /// Sums per status and line, by status and line; lines without matching orders may be absent.
    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>>;

    /// Every matching order in list order, without holding them.
    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()>;

    /// The order that has this number, as its order number or as its arrears or source number.
    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>>;

    /// What [`Transaction::add_orders`] would say of each, without writing.
    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;

    /// The orders that have these numbers, each as its order number or as its arrears or source number, in the order of
    /// the numbers.
    fn orders_by_numbers(
        &mut self,
        company_id: i64,
        numbers: &[&str],
    ) -> StoreResult<Vec<Option<StoredOrder>>>;

    /// Unpaid orders from a start time on, oldest first, of one start time by number O; at least `limit` if there are as
    /// many, and all of the last one's start time.
    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>>;

    /// The price book, in its order.
    fn prices(&mut self) -> StoreResult<Vec<Price>>;

    /// All discounts.
    fn discounts(&mut self) -> StoreResult<Vec<Discount>>;

    /// Counts the changes of prices and discounts.
    fn price_version(&mut self) -> StoreResult<i64>;

    /// The deployment's offsets from UTC, by which usage is cut into hours.
    fn hour_offsets(&mut self) -> StoreResult<HourOffsets>;

    /// A key of the operator's programs by its digest, disabled ones included.
    fn operator_key(&mut self, digest: &[u8; 32]) -> StoreResult<Option<OperatorKey>>;

    /// All keys of the operator's programs, oldest first.
    fn operator_keys(&mut self) -> StoreResult<Vec<OperatorKey>>;

    /// Hours of all companies with usage that is not ordered yet and that nobody holds, oldest first.
    fn due_hours(&mut self, due: Due, now_s: i64, limit: i64) -> StoreResult<Vec<DueHour>>;

    /// Hours that one holds.
    fn held_hours(&mut self, holder: &str) -> StoreResult<Vec<DueHour>>;

    /// What the open hours of a query's range, filters and key would come to, each line rounded as its order would be,
    /// in 10⁻⁸ currency units. Open hours have no order number: a query for numbers has none.
    fn pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128>;

    /// Usage of a company that was not charged, by hour, source and id.
    fn uncharged_usage(
        &mut self,
        company_id: i64,
        uncharged: Uncharged,
        after: Option<&UnchargedKey>,
        limit: i64,
    ) -> StoreResult<Vec<UnchargedUsage>>;

    /// The accounts of a company.
    fn books(&mut self, company_id: i64) -> StoreResult<AccountState>;

    /// Grants by number, also those of which nothing is left.
    fn grants(&mut self, company_id: i64, grant_ids: &[i64]) -> StoreResult<Vec<Grant>>;

    /// A stretch of the ledger of a company; shorter where the ledger ends.
    fn ledger(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerEntry>>;

    /// A deposit by its key.
    fn deposit(&mut self, company_id: i64, key: &str) -> StoreResult<Option<StoredDeposit>>;

    /// Whether an order was paid from the accounts here, and with which ledger entries; by number O.
    fn settlement(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<Settlement>>;

    /// Why an order was revoked or refunded, and when; by number O.
    fn revocation(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<(i64, String)>>;

    /// Counts the transactions that changed what an order read of the company could show: orders that were added, paid,
    /// revoked, refunded or pruned. Two snapshots of a company with the same number see the same orders; 0 for a company
    /// that has none. Usage, money and new lines alone do not count. In a transaction that changed orders it is the number
    /// that those will have once it is committed. It is the database's: a copy goes on from the number of its source, and
    /// a server that failed over with something lost may give a number again, so that what is kept by it outside of the
    /// database needs more.
    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64>;

    /// The export that was made of something, by its digest.
    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>>;

    /// An export in the background.
    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>>;

    /// How many exports of a company are waiting or running.
    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64>;

    /// Exports of all companies that somebody is to work at, as company and job: those that wait, and those whose holder's
    /// time is over; oldest first.
    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<(i64, String)>>;

    /// Recounts every order of a company and compares rollups, tiles, numbers, and the rules of [`NewOrder::check`]. One line of text per
    /// difference, at most `limit`; none is what a healthy store says.
    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification>;
}

/// What a recount found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Orders counted.
    pub orders: i64,
    /// One text per difference.
    pub differences: Vec<String>,
}

/// What became of one order that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the store now.
    Added,
    /// The very same order was there already.
    Present,
    /// One of its numbers belongs to an order with other content. Nothing was written for it.
    Conflict,
    /// It begins before the time up to which orders were pruned, so that nobody can tell whether it was there. Nothing
    /// was written for it.
    Pruned,
}

/// A write transaction, all or nothing. It sees its own writes.
pub trait Transaction: Snapshot {
    /// Makes a company; its number is the next free one.
    fn add_company(&mut self, name: &str, currency: &str, brand: &str) -> StoreResult<Company>;

    /// Makes an organization; its number is the next free one of the company.
    fn add_organization(
        &mut self,
        company_id: i64,
        project_id: &str,
        name: &str,
    ) -> StoreResult<Organization>;

    /// Adds a key; its public half must be new in the whole deployment.
    fn add_api_key(&mut self, key: &ApiKey) -> StoreResult<()>;

    /// Disables a key for good; `false` if there is none.
    fn disable_api_key(&mut self, public_key: &str) -> StoreResult<bool>;

    /// Writes a value of the deployment's own, over an older one.
    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()>;

    /// Adds orders with their lines, rollups and tiles, and says for each what became of it. The orders obey
    /// [`NewOrder::check`], and their company exists.
    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;

    /// From here to the end no other transaction writes orders, usage or accounts of the company.
    fn lock_company(&mut self, company_id: i64) -> StoreResult<()>;

    /// Adds prices to the book, or replaces those for the same model, SKU, condition and time.
    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices>;

    /// Sets a discount, or takes it away when its factor is [`Discount::NONE`].
    fn set_discount(&mut self, discount: &Discount) -> StoreResult<()>;

    /// Sets the deployment's offsets from UTC.
    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()>;

    /// Whether any usage was ever accepted.
    fn has_usage(&mut self) -> StoreResult<bool>;

    /// Adds a key of the operator's programs.
    fn add_operator_key(&mut self, key: &OperatorKey) -> StoreResult<()>;

    /// Disables all keys of a name for good; how many there were.
    fn disable_operator_keys(&mut self, name: &str) -> StoreResult<u64>;

    /// Stores usage records of one company and says for each what became of it. Charged ones are added to the open hours
    /// of their lines in the same moment.
    fn add_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        arrival: &Arrival<'_>,
    ) -> StoreResult<Vec<UsageOutcome>>;

    /// Charges records that had no price and now have one: takes them from the list and does with them what
    /// [`Transaction::add_usage`] would. Those that are on the list no more are passed over; how many were charged.
    fn price_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        arrival: &Arrival<'_>,
    ) -> StoreResult<usize>;

    /// Holds an hour that nobody else holds, or holds it longer. Outside of a lock of its company, a transaction does this to
    /// one hour only: of several rows two transactions could wait for each other.
    fn hold_hour(&mut self, hour: &DueHour, now_s: i64, hold: &Hold<'_>) -> StoreResult<bool>;

    /// Holds longer what one holds of a company, which must be locked.
    fn renew_holds(&mut self, company_id: i64, hold: &Hold<'_>) -> StoreResult<()>;

    /// Lets go of an hour that one holds.
    fn release_hour(&mut self, hour: &DueHour, holder: &str) -> StoreResult<()>;

    /// Takes up to `limit` lines' usage out of an open hour, by line number, to be ordered in this very transaction. With
    /// the last of them the hour is not due any more.
    fn take_open_usage(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        limit: i64,
        catalogue: &Catalogue,
    ) -> StoreResult<Vec<OpenUsage>>;

    /// Notes which orders were made of usage.
    fn add_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()>;

    /// Writes what became of a company's accounts, and the ledger entries that say how; gives where those begin. The
    /// company must be locked.
    fn post(
        &mut self,
        company_id: i64,
        before: &AccountState,
        after: &AccountState,
        entries: &[Posting],
        now_s: i64,
    ) -> StoreResult<i64>;

    /// Remembers a deposit by its key.
    fn add_deposit(&mut self, company_id: i64, deposit: &StoredDeposit) -> StoreResult<()>;

    /// Notes which orders were paid from the accounts.
    fn add_settlements(&mut self, company_id: i64, settlements: &[Settlement]) -> StoreResult<()>;

    /// Notes why an order was revoked or refunded.
    fn add_revocation(
        &mut self,
        company_id: i64,
        source_number: &str,
        now_s: i64,
        reason: &str,
    ) -> StoreResult<()>;

    /// Orders become paid, revoked or refunded, with what rollups hold of them. The company must be locked since before
    /// they were read.
    fn transition_orders(&mut self, company_id: i64, changes: &[OrderTransition]) -> StoreResult<()>;

    /// Forgets the identities of usage records of hours that were last written before a time and have nothing open, up to
    /// `limit` records; how many. Such hours take no usage any more.
    fn forget_usage(&mut self, company_id: i64, written_before_s: i64, limit: i64) -> StoreResult<usize>;

    /// Deletes up to `limit` paid and revoked orders of a company that begin before a time, with what rollups hold of
    /// them, and says how many: fewer than `limit` when none is left. From the first call on the company takes no
    /// order from before that time any more ([`Outcome::Pruned`]). It goes no further than the oldest hour with usage that
    /// is not ordered yet.
    fn prune(&mut self, company_id: i64, before_s: i64, limit: usize) -> StoreResult<usize>;

    /// Notes which export was made of something, over an older one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a text of more than [`LONGEST_FILE`] bytes.
    fn put_export_file(&mut self, company_id: i64, digest: &[u8; 32], file: &ExportFile) -> StoreResult<()>;

    /// Forgets an export, if it is known.
    fn forget_export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<()>;

    /// Forgets up to `limit` exports of all companies that were stored before a time, oldest first; how many.
    fn forget_export_files(&mut self, before_s: i64, limit: i64) -> StoreResult<u64>;

    /// Adds an export that is to be made in the background; it waits.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if its company has one of this id, [`StoreError::Refused`] for an id of more than
    /// [`LONGEST_JOB_ID`] bytes.
    fn add_export_job(&mut self, job: &NewExportJob) -> StoreResult<()>;

    /// Takes an export that is due, until a time; of several who try, one. `false` if it is another's, has ended, or is not
    /// known. A holder is a name of this one attempt: a server that takes the same job again is another holder.
    fn hold_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        now_s: i64,
        until_s: i64,
    ) -> StoreResult<bool>;

    /// Holds an export longer and notes how far it is. `false` if it is not this holder's any more, who then stops. A hold
    /// whose time is over, and that nobody has taken over, goes on.
    fn keep_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        until_s: i64,
        rows_done: i64,
        rows_total: i64,
    ) -> StoreResult<bool>;

    /// Ends an export as done or failed, for good. `false` if it is not this holder's any more.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a state that is not an end.
    fn end_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        state: ExportState,
        outcome: &str,
        now_s: i64,
    ) -> StoreResult<bool>;

    /// Lets an export wait again: for a server that stops. `false` if it is not this holder's any more.
    fn release_export_job(&mut self, company_id: i64, job_id: &str, holder: &str) -> StoreResult<bool>;

    /// Forgets up to `limit` exports in the background, of all companies, that ended before a time, oldest first; how
    /// many.
    fn forget_export_jobs(&mut self, ended_before_s: i64, limit: i64) -> StoreResult<u64>;

    /// Whether another writer is waiting for this one to finish: a long job then makes its batches smaller.
    fn another_writer_waits(&mut self) -> StoreResult<bool>;

    /// From here to the end of this transaction no other one holds the same name: a second one waits. For what is to
    /// be made once, whoever comes first.
    fn hold(&mut self, name: &str) -> StoreResult<()>;

    /// Counts a request of a key at a time, over all servers, and says how many there were in that second.
    fn count_request(&mut self, key: &ApiKey, now_s: i64) -> StoreResult<i64>;

    /// Makes everything durable.
    fn commit(self: Box<Self>) -> StoreResult<()>;
}
