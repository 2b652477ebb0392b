//! A deployment with a database of either kind, and builders for prices, usage and deposits.

use std::sync::Arc;

use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::price::Matcher;
use tollbook_domain::{
    Amount, Catalogue, Discount, LineFilter, OrderQuery, Price, Status, StatusSet, TimeRange, UnitPrice,
    Usage,
};
use tollbook_ops::Config;
use tollbook_ops::charging::{Charging, Deposited, deposit};
use tollbook_store::{
    AccountState, LedgerEntry, LedgerRange, Store, StoreOptions, StoredOrder, open_postgres, open_sqlite,
};
use tollbook_testkit::{Cluster, Database};

/// 2026-01-01, a Thursday.
pub(crate) const BASE_S: i64 = 1_767_225_600;
pub(crate) const HOUR_S: i64 = 3_600;
pub(crate) const DAY_S: i64 = 86_400;

/// A new database.
pub(crate) enum Backend {
    Sqlite(tempfile::TempDir),
    Postgres(Database<'static>),
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(Cluster::shared().database())
    }

    /// Another database of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::sqlite(),
            Self::Postgres(_) => Self::postgres(),
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// A separate handle, as of another server.
    pub(crate) fn open(&self) -> Arc<dyn Store> {
        self.open_with(&StoreOptions { tile_threshold: 20, ..StoreOptions::default() })
    }

    pub(crate) fn open_with(&self, options: &StoreOptions) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(folder) => open_sqlite(&folder.path().join("tollbook.db"), options).unwrap(),
            Self::Postgres(database) => open_postgres(database.url(), None, options).unwrap(),
        }
    }
}

/// One server of the deployment.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: Config,
    pub(crate) catalogue: Catalogue,
}

impl Fixture {
    /// A new deployment with a number of companies, each with two organizations.
    pub(crate) fn new(backend: &Backend, companies: usize) -> Self {
        let fixture = Self::another_server(backend);
        let mut transaction = fixture.store.begin().unwrap();
        for n in 0..companies {
            let company = transaction.add_company(&format!("c{n}"), "CNY", "default").unwrap();
            for project in ["org-a", "org-b"] {
                transaction.add_organization(company.company_id, project, project).unwrap();
            }
        }
        transaction.commit().unwrap();
        fixture
    }

    /// Another server of the same deployment.
    pub(crate) fn another_server(backend: &Backend) -> Self {
        Self { store: backend.open(), config: Config::default(), catalogue: Catalogue::built_in() }
    }

    pub(crate) fn charging(&self) -> Charging<'_> {
        Charging { store: &*self.store, config: &self.config, catalogue: &self.catalogue }
    }

    pub(crate) fn put(&self, prices: &[Price]) {
        let mut transaction = self.store.begin().unwrap();
        transaction.put_prices(prices).unwrap();
        transaction.commit().unwrap();
    }

    pub(crate) fn set_discount(&self, discount: &Discount) {
        let mut transaction = self.store.begin().unwrap();
        transaction.set_discount(discount).unwrap();
        transaction.commit().unwrap();
    }

    pub(crate) fn accept(&self, records: Vec<Usage>, now_s: i64) -> Vec<tollbook_ops::charging::UsageResult> {
        let limits = self.config.charging.limits_of_gateways();
        tollbook_ops::charging::Rater::new(self.charging(), limits).accept(records, now_s, None).unwrap()
    }

    pub(crate) fn deposit(
        &self,
        company_id: i64,
        kind: AccountKind,
        amount: i64,
        key: &str,
        now_s: i64,
    ) -> Deposited {
        deposit(&self.charging(), company_id, &money(kind, amount, key), true, now_s).unwrap()
    }

    pub(crate) fn account_state(&self, company_id: i64) -> AccountState {
        self.store.snapshot().unwrap().account_state(company_id).unwrap()
    }

    pub(crate) fn balance(&self, company_id: i64, kind: AccountKind) -> i64 {
        self.account_state(company_id).account.balances.get(kind)
    }

    pub(crate) fn ledger(&self, company_id: i64) -> Vec<LedgerEntry> {
        let everything = LedgerRange { first: 0, count: i64::MAX };
        self.store.snapshot().unwrap().ledger(company_id, everything).unwrap()
    }

    /// All orders of a status, newest first.
    pub(crate) fn orders(&self, company_id: i64, status: Status) -> Vec<StoredOrder> {
        let mut found = Vec::new();
        let query = query(company_id, &[status]);
        self.store
            .snapshot()
            .unwrap()
            .scan(&query, &mut |stored| {
                found.push(stored.clone());
                Ok(())
            })
            .unwrap();
        found
    }

    pub(crate) fn pending(&self, query: &OrderQuery) -> i128 {
        self.store.snapshot().unwrap().pending(query, &self.catalogue).unwrap()
    }

    /// Asserts that verification finds no difference in any company.
    pub(crate) fn assert_clean(&self) {
        let mut snapshot = self.store.snapshot().unwrap();
        for company in snapshot.companies().unwrap() {
            let found = snapshot.verify(company.company_id, &self.catalogue, 10).unwrap();
            assert_eq!(found.differences, Vec::<String>::new());
        }
    }
}

pub(crate) fn query(company_id: i64, statuses: &[Status]) -> OrderQuery {
    OrderQuery {
        company_id,
        range: TimeRange::everything(),
        statuses: StatusSet::of(statuses),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    }
}

pub(crate) fn money(kind: AccountKind, amount: i64, key: &str) -> Deposit {
    Deposit {
        kind,
        amount: Amount::from_steps(amount),
        expires_s: None,
        products: Vec::new(),
        models: Vec::new(),
        key: key.into(),
    }
}

/// The price of a SKU of a model for one base unit, in steps of 10⁻¹²; 10,000 steps are the smallest amount.
pub(crate) fn price(model: &str, sku: &str, steps: i64) -> Price {
    Price {
        list: "own".into(),
        provider: String::new(),
        provider_names: None,
        provider_models: None,
        model_id: model.into(),
        model_name: String::new(),
        models: Matcher::Equals(model.into()),
        sku: sku.into(),
        pricing_unit: 10,
        item_id: 0,
        currency: "CNY".into(),
        list_price: UnitPrice::from_steps(steps),
        valid_from_s: 0,
        valid_until_s: None,
        longer_than: None,
        time_of_day: None,
        service_tier: String::new(),
        is_fallback: false,
    }
}

/// A price by which one base unit of a model costs the smallest amount.
pub(crate) fn unit_price(model: &str) -> Price {
    price(model, "input", 10_000)
}

pub(crate) fn usage(company_id: i64, id: &str, time_s: i64, model: &str, quantity: i64) -> Usage {
    Usage {
        company_id,
        id: id.into(),
        source: "gateway".into(),
        time_s,
        organization_id: 1,
        resource_id: "key-1".into(),
        resource_type: 1,
        user_email: String::new(),
        provider: String::new(),
        model_id: model.into(),
        product_code: "modelverse".into(),
        region: "cn-wlcb".into(),
        service_tier: String::new(),
        quantities: vec![("input".into(), quantity)],
        ..Usage::default()
    }
}
