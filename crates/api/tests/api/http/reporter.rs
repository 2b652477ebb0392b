//! A gateway that reports usage, and the operator of the deployment: prices, accounts, and the closing of hours.

use serde_json::{Value, json};
use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::price::Matcher;
use tollbook_domain::tenant::Company;
use tollbook_domain::{Amount, Catalogue, Price, UnitPrice};
use tollbook_ops::charging::{self, Charging, Deposited, Revocation, Settled};

use super::client::{Http, Reply};
use super::server::{NOW_S, Server};

pub(crate) const EVENT: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

/// The hour of the usage, as parameters. It begins at [`NOW_S`].
pub(crate) const HOUR: &str = "StartTime=1764547200&EndTime=1764550800";
/// When that hour is due, in Unix seconds.
pub(crate) const DUE_S: i64 = NOW_S + 3_600 + 60;

/// An event of that hour.
pub(crate) fn event(id: &str, company: &Company, organization_id: i64, quantities: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "type": "com.example.usage",
        "source": "gateway-1",
        "id": id,
        "time": "2025-12-01T00:10:00Z",
        "data": {
            "company_id": company.company_id,
            "organization_id": organization_id,
            "resource_id": "key-1",
            "resource_type": 1,
            "user_email": "ann@example.com",
            "model_id": "m-1",
            "product_code": "modelverse",
            "region": "cn-wlcb",
            "quantities": quantities,
        },
    })
}

/// The event with another value of one member of its data.
pub(crate) fn with(mut event: Value, name: &str, value: impl Into<Value>) -> Value {
    event["data"][name] = value.into();
    event
}

/// A request with a body, as a gateway sends it.
pub(crate) fn request(key: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Http {
    Http::post(content_type, body).at("/v1/usage").header("Authorization", &format!("Bearer {key}"))
}

/// Checks what every reply to an operator's program must have, and returns its JSON.
pub(crate) fn told(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-ucloud-request-uuid").unwrap().len(), 36);
    assert_eq!(reply.header("www-authenticate"), (status == 401).then_some("Bearer"));
    assert_eq!(reply.header("retry-after"), (status == 503).then_some("1"));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body.get("Error").is_some(), status != 200, "{body}");
    body
}

impl Server {
    /// Runs an operator's command.
    pub(crate) fn charging<T>(&self, run: impl FnOnce(&Charging<'_>) -> T) -> T {
        let catalogue = Catalogue::built_in();
        run(&Charging { store: &*self.store, config: &self.config, catalogue: &catalogue })
    }

    /// A key for a gateway.
    pub(crate) fn operator_key(&self, name: &str) -> String {
        tollbook_ops::tenancy::operator_keys::add_operator_key(&*self.store, name, NOW_S).unwrap()
    }

    /// Sets prices: `m-1` costs 4.00 per million input tokens and 16.00 per million output tokens; `gratis` costs 0. No
    /// other model has a price.
    pub(crate) fn sell(&self) {
        let price = |model: &str, sku: &str, list_price: &str| Price {
            list: "own".into(),
            provider: String::new(),
            provider_names: None,
            provider_models: None,
            model_id: model.to_owned(),
            model_name: model.to_uppercase(),
            models: Matcher::Equals(model.to_owned()),
            sku: sku.to_owned(),
            pricing_unit: 12,
            item_id: 0,
            currency: "CNY".to_owned(),
            list_price: UnitPrice::parse(list_price).unwrap(),
            valid_from_s: 0,
            valid_until_s: None,
            longer_than: None,
            time_of_day: None,
            service_tier: String::new(),
            is_fallback: false,
        };
        let mut transaction = self.store.begin().unwrap();
        let prices =
            [price("m-1", "input", "4"), price("m-1", "output", "16"), price("gratis", "input", "0")];
        transaction.put_prices(&prices).unwrap();
        transaction.commit().unwrap();
    }

    pub(crate) fn deposit(&self, company: &Company, kind: AccountKind, amount: &str, key: &str) -> Deposited {
        let deposit = Deposit {
            kind,
            amount: Amount::parse(amount).unwrap(),
            expires_s: None,
            products: Vec::new(),
            models: Vec::new(),
            key: key.to_owned(),
        };
        let now_s = self.now_s();
        self.charging(|charging| charging::deposit(charging, company.company_id, &deposit, false, now_s))
            .unwrap()
    }

    /// Revokes one order.
    pub(crate) fn revoke(&self, company: &Company, number: &str) -> Revocation {
        let numbers = [number.to_owned()];
        let now_s = self.now_s();
        let revoked = self.charging(|charging| {
            charging::revoke(charging, company.company_id, &numbers, "a mistake", now_s)
        });
        revoked.unwrap()[0].outcome
    }

    /// Runs one round of the worker at the current time of the clock.
    pub(crate) fn tick(&self) -> Settled {
        let now_s = self.now_s();
        self.charging(|charging| charging::settle_due(charging, "a test", now_s)).unwrap()
    }

    fn now_s(&self) -> i64 {
        use tollbook_ops::Clock as _;
        self.clock.now_s()
    }

    /// Reports records in one batch; the reply is 200.
    pub(crate) fn report(&self, key: &str, events: &[Value]) -> Value {
        told(&request(key, BATCH, Value::from(events).to_string()).send(self.address), 200)
    }

    /// Reports records, all of which are accepted and charged.
    pub(crate) fn use_up(&self, key: &str, events: &[Value]) {
        let report = self.report(key, events);
        assert_eq!(report["Accepted"], events.len(), "{report}");
        let mut results = report["Results"].as_array().unwrap().iter();
        assert!(results.all(|result| result["Pricing"] == "charged"), "{report}");
    }
}
