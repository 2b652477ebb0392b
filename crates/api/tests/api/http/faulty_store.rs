//! A store with an injected fault, either at once or only when orders are read, after the request has passed every check.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tollbook_domain::account::{Grant, PerKind};
use tollbook_domain::price_list::PriceListDescription;
use tollbook_domain::tenant::{ApiKey, Company, Organization};
use tollbook_domain::{
    Catalogue, Discount, HourOffsets, Measures, NewOrder, OrderQuery, OwnerRule, Price, Status, User,
};
use tollbook_store::{
    AccountReads, AccountState, AuditEntry, AuditReads, ChainHead, ClaimedRequest, Correction,
    CorrectionReads, DayRange, DeliveryFilter, DeploymentGuard, DeploymentReads, DeploymentSetting,
    DeploymentState, DueExportJob, DueHour, EachOrder, ExportFile, ExportJob, ExportReads, HourFilter,
    Invitation, LedgerEntry, LedgerRange, LedgerSum, LineNo, Lines, OperatorKey, OperatorKeyReads,
    OrderLists, OrderLookup, OrderSums, Outcome, OwnerReads, Page, PartSizes, PriceReads, RecordKey,
    RecordName, RecordReads, SettingReads, Settlement, Snapshot, Store, StoreResult, StoredDeposit,
    StoredOrder, StoredRecord, TenantReads, Transaction, Uncharged, UnchargedKey, UnchargedReads,
    UnchargedUsage, UsageHour, UsageOrder, UsageReads, UserReads, UserSession, Verification,
    VerificationPart, VerifiedPart, Verify, WebhookBacklog, WebhookDelivery, WebhookEndpoint, WebhookReads,
    WebhookState,
};

use super::faulty::{Fault, Where};

/// A wrapper that adds a fault to a working store.
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) place: Where,
    pub(crate) fault: Arc<dyn Fault>,
}

impl Store for FaultyStore {
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        if self.place == Where::Snapshot {
            self.fault.strike(caller)?;
        }
        Ok(Box::new(FaultySnapshot {
            inner: self.inner.snapshot_for(caller)?,
            caller: caller.clone(),
            place: self.place,
            fault: Arc::clone(&self.fault),
        }))
    }

    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        _: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>> {
        Ok(snapshot)
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn set_guard(&self, guard: Arc<dyn DeploymentGuard>) {
        self.inner.set_guard(guard);
    }

    fn announce_server(&self) -> StoreResult<()> {
        self.inner.announce_server()
    }

    fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        if self.place != Where::Row {
            self.fault.strike(&CancellationToken::new())?;
        }
        self.inner.begin()
    }
}

struct FaultySnapshot {
    inner: Box<dyn Snapshot>,
    caller: CancellationToken,
    place: Where,
    fault: Arc<dyn Fault>,
}

impl FaultySnapshot {
    fn struck(&mut self) -> StoreResult<&mut dyn Snapshot> {
        if self.place == Where::Orders {
            self.fault.strike(&self.caller)?;
        }
        Ok(self.inner.as_mut())
    }
}

impl TenantReads for FaultySnapshot {
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>> {
        self.inner.api_key(public_key)
    }

    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>> {
        self.inner.api_keys(company_id)
    }

    fn key_uses(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64)>> {
        self.inner.key_uses(company_id)
    }

    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>> {
        self.inner.company(company_id)
    }

    fn companies(&mut self) -> StoreResult<Vec<Company>> {
        self.inner.companies()
    }

    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>> {
        self.struck()?.organizations(company_id)
    }

    fn names_version(&mut self) -> StoreResult<i64> {
        self.inner.names_version()
    }
}

impl SettingReads for FaultySnapshot {
    fn setting(&mut self, name: &str) -> StoreResult<Option<String>> {
        self.inner.setting(name)
    }
}

impl DeploymentReads for FaultySnapshot {
    fn deployment_state(&mut self) -> StoreResult<DeploymentState> {
        self.inner.deployment_state()
    }

    fn deployment_settings(&mut self) -> StoreResult<Vec<DeploymentSetting>> {
        self.inner.deployment_settings()
    }
}

impl Snapshot for FaultySnapshot {
    fn position(&mut self) -> StoreResult<Option<u64>> {
        self.inner.position()
    }

    fn database_clock_s(&mut self) -> StoreResult<Option<i64>> {
        self.inner.database_clock_s()
    }
}

impl OrderLists for FaultySnapshot {
    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>> {
        self.struck()?.lines(company_id)
    }

    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64> {
        self.struck()?.count(query)
    }

    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page> {
        self.struck()?.page(query, offset, limit)
    }

    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()> {
        let mut struck = self.place != Where::Row;
        let (fault, caller) = (Arc::clone(&self.fault), self.caller.clone());
        self.struck()?.scan(query, &mut |order| {
            if !std::mem::replace(&mut struck, true) {
                fault.strike(&caller)?;
            }
            each(order)
        })
    }

    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>> {
        self.struck()?.arrears(company_id, from_s, limit)
    }
}

impl OrderSums for FaultySnapshot {
    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>> {
        self.struck()?.sums(query)
    }

    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>> {
        self.struck()?.sums_by_line(query)
    }
}

impl OrderLookup for FaultySnapshot {
    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>> {
        self.struck()?.order_by_number(company_id, number)
    }

    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        self.struck()?.classify_orders(orders)
    }

    fn orders_by_numbers(
        &mut self,
        company_id: i64,
        numbers: &[&str],
    ) -> StoreResult<Vec<Option<StoredOrder>>> {
        self.struck()?.orders_by_numbers(company_id, numbers)
    }

    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64> {
        // No fault here: the same request also reads orders, which have the fault.
        self.inner.orders_version(company_id)
    }
}

impl PriceReads for FaultySnapshot {
    fn prices(&mut self) -> StoreResult<Vec<Price>> {
        self.inner.prices()
    }

    fn price_lists(&mut self) -> StoreResult<Vec<PriceListDescription>> {
        self.inner.price_lists()
    }

    fn discounts(&mut self) -> StoreResult<Vec<Discount>> {
        self.inner.discounts()
    }

    fn price_version(&mut self) -> StoreResult<i64> {
        self.inner.price_version()
    }

    fn hour_offsets(&mut self) -> StoreResult<HourOffsets> {
        self.inner.hour_offsets()
    }
}

impl OperatorKeyReads for FaultySnapshot {
    fn operator_key(&mut self, digest: &[u8; 32]) -> StoreResult<Option<OperatorKey>> {
        self.inner.operator_key(digest)
    }

    fn operator_keys(&mut self) -> StoreResult<Vec<OperatorKey>> {
        self.inner.operator_keys()
    }
}

impl OwnerReads for FaultySnapshot {
    fn owner_rules(&mut self) -> StoreResult<Vec<OwnerRule>> {
        self.inner.owner_rules()
    }

    fn owner_version(&mut self) -> StoreResult<i64> {
        self.inner.owner_version()
    }
}

impl UsageReads for FaultySnapshot {
    fn due_hours(&mut self, filter: HourFilter, now_s: i64, limit: i64) -> StoreResult<Vec<DueHour>> {
        self.inner.due_hours(filter, now_s, limit)
    }

    fn leased_hours(&mut self, holder: &str) -> StoreResult<Vec<DueHour>> {
        self.inner.leased_hours(holder)
    }

    fn pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128> {
        // No fault here: the same request also reads sums, which have the fault.
        self.inner.pending(query, catalogue)
    }
}

impl UnchargedReads for FaultySnapshot {
    fn uncharged_usage(
        &mut self,
        company_id: i64,
        uncharged: Uncharged,
        after: Option<&UnchargedKey>,
        limit: i64,
    ) -> StoreResult<Vec<UnchargedUsage>> {
        self.inner.uncharged_usage(company_id, uncharged, after, limit)
    }
}

impl AccountReads for FaultySnapshot {
    fn account_state(&mut self, company_id: i64) -> StoreResult<AccountState> {
        self.struck()?.account_state(company_id)
    }

    fn grants(&mut self, company_id: i64, grant_ids: &[i64]) -> StoreResult<Vec<Grant>> {
        self.inner.grants(company_id, grant_ids)
    }

    fn ended_grants(&mut self, company_id: i64, ended_after_s: i64) -> StoreResult<Vec<Grant>> {
        self.inner.ended_grants(company_id, ended_after_s)
    }

    fn companies_with_ends(&mut self, until_s: i64, after: i64, limit: i64) -> StoreResult<Vec<i64>> {
        self.inner.companies_with_ends(until_s, after, limit)
    }

    fn ledger_balances(&mut self, company_id: i64, before: i64) -> StoreResult<PerKind<i64>> {
        self.inner.ledger_balances(company_id, before)
    }

    fn ledger_sums(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerSum>> {
        self.inner.ledger_sums(company_id, entries)
    }

    fn ledger(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerEntry>> {
        self.struck()?.ledger(company_id, entries)
    }

    fn deposit(&mut self, company_id: i64, key: &str) -> StoreResult<Option<StoredDeposit>> {
        self.inner.deposit(company_id, key)
    }

    fn settlement(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<Settlement>> {
        self.inner.settlement(company_id, source_number)
    }

    fn revocation(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<(i64, String)>> {
        self.inner.revocation(company_id, source_number)
    }
}

impl AuditReads for FaultySnapshot {
    fn audit_head(&mut self, company_id: i64) -> StoreResult<Option<ChainHead>> {
        self.inner.audit_head(company_id)
    }

    fn audit_entries(&mut self, company_id: i64, from_no: i64, limit: i64) -> StoreResult<Vec<AuditEntry>> {
        self.inner.audit_entries(company_id, from_no, limit)
    }

    fn claimed_request(&mut self, actor: &str, key: &str) -> StoreResult<Option<ClaimedRequest>> {
        self.inner.claimed_request(actor, key)
    }
}

impl CorrectionReads for FaultySnapshot {
    fn correction(&mut self, company_id: i64, key: &str) -> StoreResult<Option<Correction>> {
        self.inner.correction(company_id, key)
    }

    fn corrections(
        &mut self,
        company_id: i64,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> StoreResult<Vec<Correction>> {
        self.inner.corrections(company_id, after, limit)
    }
}

impl RecordReads for FaultySnapshot {
    fn find_records(
        &mut self,
        company_id: i64,
        names: &[RecordName<'_>],
    ) -> StoreResult<Vec<Vec<StoredRecord>>> {
        self.inner.find_records(company_id, names)
    }

    fn records_by_keys(
        &mut self,
        company_id: i64,
        keys: &[RecordKey],
    ) -> StoreResult<Vec<Option<StoredRecord>>> {
        self.inner.records_by_keys(company_id, keys)
    }

    fn records_of_day(
        &mut self,
        company_id: i64,
        range: &DayRange,
        after: Option<&RecordKey>,
        limit: i64,
    ) -> StoreResult<(Vec<StoredRecord>, Option<RecordKey>)> {
        self.inner.records_of_day(company_id, range, after, limit)
    }

    fn usage_hours(&mut self, company_id: i64, first: i64, last: i64) -> StoreResult<Vec<UsageHour>> {
        self.inner.usage_hours(company_id, first, last)
    }

    fn usage_orders(&mut self, company_id: i64, places: &[(i64, LineNo)]) -> StoreResult<Vec<UsageOrder>> {
        self.inner.usage_orders(company_id, places)
    }

    fn usage_order_by_number(
        &mut self,
        company_id: i64,
        bucket_start_s: i64,
        source_number: &str,
    ) -> StoreResult<Option<UsageOrder>> {
        self.inner.usage_order_by_number(company_id, bucket_start_s, source_number)
    }
}

impl UserReads for FaultySnapshot {
    fn user(&mut self, user_id: i64) -> StoreResult<Option<User>> {
        self.inner.user(user_id)
    }

    fn user_by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        self.inner.user_by_email(email)
    }

    fn users(&mut self) -> StoreResult<Vec<User>> {
        self.inner.users()
    }

    fn invitation(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Invitation>> {
        self.inner.invitation(digest)
    }

    fn user_session(&mut self, digest: &[u8; 32]) -> StoreResult<Option<UserSession>> {
        self.inner.user_session(digest)
    }

    fn user_sessions(&mut self, user_id: i64) -> StoreResult<Vec<UserSession>> {
        self.inner.user_sessions(user_id)
    }
}

impl ExportReads for FaultySnapshot {
    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>> {
        self.inner.export_file(company_id, digest)
    }

    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>> {
        self.struck()?.export_job(company_id, job_id)
    }

    fn export_jobs(&mut self, company_id: i64, limit: i64) -> StoreResult<Vec<ExportJob>> {
        self.inner.export_jobs(company_id, limit)
    }

    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64> {
        self.inner.unfinished_export_jobs(company_id)
    }

    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<DueExportJob>> {
        self.inner.due_export_jobs(now_s, limit)
    }

    fn export_bytes(&mut self, company_id: i64) -> StoreResult<i64> {
        self.inner.export_bytes(company_id)
    }

    fn count_unfinished_export_jobs(&mut self) -> StoreResult<[i64; 2]> {
        self.inner.count_unfinished_export_jobs()
    }

    fn all_export_bytes(&mut self) -> StoreResult<Vec<(i64, i64)>> {
        self.inner.all_export_bytes()
    }
}

impl WebhookReads for FaultySnapshot {
    fn webhook_endpoint(&mut self, endpoint_id: &str) -> StoreResult<Option<WebhookEndpoint>> {
        self.inner.webhook_endpoint(endpoint_id)
    }

    fn webhook_endpoints(&mut self, company_id: Option<i64>) -> StoreResult<Vec<WebhookEndpoint>> {
        self.inner.webhook_endpoints(company_id)
    }

    fn webhook_subscribers(&mut self, company_id: i64) -> StoreResult<Vec<(String, i64, Vec<String>)>> {
        self.inner.webhook_subscribers(company_id)
    }

    fn webhook_state(&mut self, endpoint_id: &str) -> StoreResult<WebhookState> {
        self.inner.webhook_state(endpoint_id)
    }

    fn next_pending_endpoint(&mut self, after: &str) -> StoreResult<Option<String>> {
        self.inner.next_pending_endpoint(after)
    }

    fn due_delivery(
        &mut self,
        endpoint_id: &str,
        now_s: i64,
        longest_s: i64,
    ) -> StoreResult<Option<(WebhookDelivery, String)>> {
        self.inner.due_delivery(endpoint_id, now_s, longest_s)
    }

    fn webhook_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> StoreResult<Vec<WebhookDelivery>> {
        self.inner.webhook_deliveries(filter, limit)
    }

    fn webhook_payloads(
        &mut self,
        company_id: i64,
        event_type: &str,
        since_s: i64,
    ) -> StoreResult<Vec<String>> {
        self.inner.webhook_payloads(company_id, event_type, since_s)
    }

    fn webhook_backlog(&mut self, now_s: i64) -> StoreResult<WebhookBacklog> {
        self.inner.webhook_backlog(now_s)
    }

    fn due_webhook_tallies(
        &mut self,
        before_s: i64,
        wrong_after_s: i64,
        limit: i64,
    ) -> StoreResult<Vec<(i64, String)>> {
        self.inner.due_webhook_tallies(before_s, wrong_after_s, limit)
    }

    fn low_balance(&mut self, company_id: i64) -> StoreResult<Option<i64>> {
        self.inner.low_balance(company_id)
    }
}

impl Verify for FaultySnapshot {
    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification> {
        self.struck()?.verify(company_id, catalogue, limit)
    }

    fn verify_deployment(&mut self, limit: usize) -> StoreResult<Vec<String>> {
        self.struck()?.verify_deployment(limit)
    }

    fn parts_of_deployment(&mut self) -> StoreResult<Vec<VerificationPart>> {
        self.struck()?.parts_of_deployment()
    }

    fn parts_of_company(&mut self, company_id: i64, sizes: &PartSizes) -> StoreResult<Vec<VerificationPart>> {
        self.struck()?.parts_of_company(company_id, sizes)
    }

    fn verify_part(
        &mut self,
        part: &VerificationPart,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        limit: usize,
    ) -> StoreResult<VerifiedPart> {
        self.struck()?.verify_part(part, catalogue, sizes, limit)
    }
}
