//! The traits of the store over the statements of this folder.

use std::sync::Arc;

use tollbook_domain::account::{Grant, Posting};
use tollbook_domain::tenant::{ApiKey, Company, Organization};
use tollbook_domain::{
    Bucket, Catalogue, Discount, HourOffsets, Measures, NewOrder, OrderQuery, Price, Status,
};

use crate::charging::{
    AccountState, Arrival, Due, DueHour, Hold, LedgerEntry, LedgerRange, OpenUsage, OperatorKey,
    OrderTransition, PutPrices, RatedUsage, Settlement, StoredDeposit, Uncharged, UnchargedKey,
    UnchargedUsage, UsageOrder, UsageOutcome,
};
use crate::error::StoreResult;
use crate::exports::{ExportFile, ExportJob, ExportState, NewExportJob};
use crate::lines::{LineNo, Lines};
use crate::sql::orders::lookup;
use crate::sql::session::Session;
use crate::sql::usage::closing;
use crate::sql::{exports, operator_keys, prices, settings, tenants};
use crate::{EachOrder, Outcome, Page, Snapshot, StoredOrder, Transaction, Verification};

impl Snapshot for Session {
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>> {
        tenants::api_key(self.connection.as_mut(), public_key)
    }

    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>> {
        tenants::api_keys(self.connection.as_mut(), company_id)
    }

    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>> {
        tenants::company(self.connection.as_mut(), company_id)
    }

    fn companies(&mut self) -> StoreResult<Vec<Company>> {
        tenants::companies(self.connection.as_mut())
    }

    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>> {
        tenants::organizations(self.connection.as_mut(), company_id)
    }

    fn setting(&mut self, name: &str) -> StoreResult<Option<String>> {
        settings::setting(self.connection.as_mut(), name)
    }

    fn position(&mut self) -> StoreResult<Option<u64>> {
        self.connection.position()
    }

    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>> {
        Ok(self.view(company_id)?.lines)
    }

    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64> {
        Ok(self.read_page(query, 0, 0)?.total)
    }

    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page> {
        self.read_page(query, offset, limit)
    }

    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>> {
        self.read_sums(query)
    }

    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>> {
        self.read_sums_by_line(query)
    }

    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()> {
        self.read_all(query, each)
    }

    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>> {
        Ok(lookup::by_numbers(self.connection.as_mut(), company_id, &[number])?.pop())
    }

    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        self.classify(orders)
    }

    fn orders_by_numbers(
        &mut self,
        company_id: i64,
        numbers: &[&str],
    ) -> StoreResult<Vec<Option<StoredOrder>>> {
        self.find_orders(company_id, numbers)
    }

    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>> {
        self.read_arrears(company_id, from_s, limit)
    }

    fn prices(&mut self) -> StoreResult<Vec<Price>> {
        prices::prices(self.connection.as_mut())
    }

    fn discounts(&mut self) -> StoreResult<Vec<Discount>> {
        prices::discounts(self.connection.as_mut())
    }

    fn price_version(&mut self) -> StoreResult<i64> {
        prices::version(self.connection.as_mut())
    }

    fn hour_offsets(&mut self) -> StoreResult<HourOffsets> {
        prices::hour_offsets(self.connection.as_mut())
    }

    fn operator_key(&mut self, digest: &[u8; 32]) -> StoreResult<Option<OperatorKey>> {
        operator_keys::operator_key(self.connection.as_mut(), digest)
    }

    fn operator_keys(&mut self) -> StoreResult<Vec<OperatorKey>> {
        operator_keys::operator_keys(self.connection.as_mut())
    }

    fn due_hours(&mut self, due: Due, now_s: i64, limit: i64) -> StoreResult<Vec<DueHour>> {
        closing::due_hours(self.connection.as_mut(), due, now_s, limit)
    }

    fn held_hours(&mut self, holder: &str) -> StoreResult<Vec<DueHour>> {
        closing::held_hours(self.connection.as_mut(), holder)
    }

    fn pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128> {
        self.read_pending(query, catalogue)
    }

    fn uncharged_usage(
        &mut self,
        company_id: i64,
        uncharged: Uncharged,
        after: Option<&UnchargedKey>,
        limit: i64,
    ) -> StoreResult<Vec<UnchargedUsage>> {
        self.read_uncharged(company_id, uncharged, after, limit)
    }

    fn books(&mut self, company_id: i64) -> StoreResult<AccountState> {
        self.read_books(company_id)
    }

    fn grants(&mut self, company_id: i64, grant_ids: &[i64]) -> StoreResult<Vec<Grant>> {
        self.read_grants(company_id, grant_ids)
    }

    fn ledger(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerEntry>> {
        self.read_ledger(company_id, entries)
    }

    fn deposit(&mut self, company_id: i64, key: &str) -> StoreResult<Option<StoredDeposit>> {
        self.read_deposit(company_id, key)
    }

    fn settlement(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<Settlement>> {
        self.read_settlement(company_id, source_number)
    }

    fn revocation(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<(i64, String)>> {
        self.read_revocation(company_id, source_number)
    }

    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64> {
        exports::orders_version(self.connection.as_mut(), company_id)
    }

    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>> {
        exports::export_file(self.connection.as_mut(), company_id, digest)
    }

    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>> {
        exports::export_job(self.connection.as_mut(), company_id, job_id)
    }

    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64> {
        exports::unfinished_export_jobs(self.connection.as_mut(), company_id)
    }

    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<(i64, String)>> {
        exports::due_export_jobs(self.connection.as_mut(), now_s, limit)
    }

    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification> {
        self.recount(company_id, catalogue, limit)
    }
}

impl Transaction for Session {
    fn add_company(&mut self, name: &str, currency: &str, brand: &str) -> StoreResult<Company> {
        tenants::add_company(self.connection.as_mut(), name, currency, brand)
    }

    fn add_organization(
        &mut self,
        company_id: i64,
        project_id: &str,
        name: &str,
    ) -> StoreResult<Organization> {
        tenants::add_organization(self.connection.as_mut(), company_id, project_id, name)
    }

    fn add_api_key(&mut self, key: &ApiKey) -> StoreResult<()> {
        tenants::add_api_key(self.connection.as_mut(), key)
    }

    fn disable_api_key(&mut self, public_key: &str) -> StoreResult<bool> {
        tenants::disable_api_key(self.connection.as_mut(), public_key)
    }

    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()> {
        settings::set_setting(self.connection.as_mut(), name, value)
    }

    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        self.write_orders(orders)
    }

    fn lock_company(&mut self, company_id: i64) -> StoreResult<()> {
        self.view_for_update(company_id).map(|_| ())
    }

    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices> {
        prices::put_prices(self.connection.as_mut(), prices)
    }

    fn set_discount(&mut self, discount: &Discount) -> StoreResult<()> {
        prices::set_discount(self.connection.as_mut(), discount)
    }

    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()> {
        prices::set_hour_offsets(self.connection.as_mut(), offsets)
    }

    fn has_usage(&mut self) -> StoreResult<bool> {
        self.has_any_usage()
    }

    fn add_operator_key(&mut self, key: &OperatorKey) -> StoreResult<()> {
        operator_keys::add_operator_key(self.connection.as_mut(), key)
    }

    fn disable_operator_keys(&mut self, name: &str) -> StoreResult<u64> {
        operator_keys::disable_operator_keys(self.connection.as_mut(), name)
    }

    fn add_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        arrival: &Arrival<'_>,
    ) -> StoreResult<Vec<UsageOutcome>> {
        self.write_usage(company_id, records, arrival)
    }

    fn price_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        arrival: &Arrival<'_>,
    ) -> StoreResult<usize> {
        self.charge_unpriced(company_id, records, arrival)
    }

    fn hold_hour(&mut self, hour: &DueHour, now_s: i64, hold: &Hold<'_>) -> StoreResult<bool> {
        closing::hold_hour(self.connection.as_mut(), hour, now_s, hold)
    }

    fn renew_holds(&mut self, company_id: i64, hold: &Hold<'_>) -> StoreResult<()> {
        closing::renew_holds(self.connection.as_mut(), company_id, hold)
    }

    fn release_hour(&mut self, hour: &DueHour, holder: &str) -> StoreResult<()> {
        closing::release_hour(self.connection.as_mut(), hour, holder)
    }

    fn take_open_usage(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        limit: i64,
        catalogue: &Catalogue,
    ) -> StoreResult<Vec<OpenUsage>> {
        self.take_open(company_id, bucket, limit, catalogue)
    }

    fn add_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()> {
        self.write_usage_orders(company_id, orders)
    }

    fn post(
        &mut self,
        company_id: i64,
        before: &AccountState,
        after: &AccountState,
        entries: &[Posting],
        now_s: i64,
    ) -> StoreResult<i64> {
        self.write_books(company_id, before, after, entries, now_s)
    }

    fn add_deposit(&mut self, company_id: i64, deposit: &StoredDeposit) -> StoreResult<()> {
        self.write_deposit(company_id, deposit)
    }

    fn add_settlements(&mut self, company_id: i64, settlements: &[Settlement]) -> StoreResult<()> {
        self.write_settlements(company_id, settlements)
    }

    fn add_revocation(
        &mut self,
        company_id: i64,
        source_number: &str,
        now_s: i64,
        reason: &str,
    ) -> StoreResult<()> {
        self.write_revocation(company_id, source_number, now_s, reason)
    }

    fn transition_orders(&mut self, company_id: i64, changes: &[OrderTransition]) -> StoreResult<()> {
        self.transition_orders(company_id, changes)
    }

    fn forget_usage(&mut self, company_id: i64, written_before_s: i64, limit: i64) -> StoreResult<usize> {
        self.forget_records(company_id, written_before_s, limit)
    }

    fn prune(&mut self, company_id: i64, before_s: i64, limit: usize) -> StoreResult<usize> {
        self.prune_orders(company_id, before_s, limit)
    }

    fn put_export_file(&mut self, company_id: i64, digest: &[u8; 32], file: &ExportFile) -> StoreResult<()> {
        exports::put_export_file(self.connection.as_mut(), company_id, digest, file)
    }

    fn forget_export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<()> {
        exports::forget_export_file(self.connection.as_mut(), company_id, digest)
    }

    fn forget_export_files(&mut self, before_s: i64, limit: i64) -> StoreResult<u64> {
        exports::forget_export_files(self.connection.as_mut(), before_s, limit)
    }

    fn add_export_job(&mut self, job: &NewExportJob) -> StoreResult<()> {
        exports::add_export_job(self.connection.as_mut(), job)
    }

    fn hold_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        now_s: i64,
        until_s: i64,
    ) -> StoreResult<bool> {
        exports::hold_export_job(self.connection.as_mut(), company_id, job_id, holder, now_s, until_s)
    }

    fn keep_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        until_s: i64,
        rows_done: i64,
        rows_total: i64,
    ) -> StoreResult<bool> {
        let job = (company_id, job_id, holder);
        exports::keep_export_job(self.connection.as_mut(), job, until_s, rows_done, rows_total)
    }

    fn end_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        state: ExportState,
        outcome: &str,
        now_s: i64,
    ) -> StoreResult<bool> {
        let job = (company_id, job_id, holder);
        exports::end_export_job(self.connection.as_mut(), job, state, outcome, now_s)
    }

    fn release_export_job(&mut self, company_id: i64, job_id: &str, holder: &str) -> StoreResult<bool> {
        exports::release_export_job(self.connection.as_mut(), (company_id, job_id, holder))
    }

    fn forget_export_jobs(&mut self, ended_before_s: i64, limit: i64) -> StoreResult<u64> {
        exports::forget_export_jobs(self.connection.as_mut(), ended_before_s, limit)
    }

    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        self.connection.another_writer_waits()
    }

    fn hold(&mut self, name: &str) -> StoreResult<()> {
        settings::hold(self.connection.as_mut(), name)
    }

    fn count_request(&mut self, key: &ApiKey, now_s: i64) -> StoreResult<i64> {
        tenants::count_request(self.connection.as_mut(), key, now_s)
    }

    fn commit(mut self: Box<Self>) -> StoreResult<()> {
        self.connection.commit()
    }
}
