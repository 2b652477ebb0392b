//! `GET /v1/companies/{id}/standing`: whether a company may go on using what it pays for.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde::{Serialize, Serializer};
use tollbook_domain::account::{AccountKind, PerKind};
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{Charging, Standing, standing};

use super::{Exchange, Problem, failed, work};
use crate::server::App;

const ROUTE: &str = "/v1/companies/{id}/standing";

pub(crate) fn routes() -> MethodRouter<Arc<App>> {
    get(ask).fallback(wrong_method)
}

async fn wrong_method(State(app): State<Arc<App>>) -> Response {
    Exchange::begin(&app, ROUTE).end(Err::<(), _>(Problem::Method("GET")))
}

async fn ask(
    State(app): State<Arc<App>>,
    company: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let mut exchange = Exchange::begin(&app, ROUTE);
    let company = company.map(|Path(company)| company).unwrap_or_default();
    let result = answer(&app, &mut exchange, company, &headers).await;
    exchange.end(result)
}

/// As it is sent: amounts as the order API writes them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(rename = "CompanyID")]
    company_id: i64,
    currency: String,
    standing: &'static str,
    arrears_since: i64,
    arrears_amount: String,
    arrears_orders: i64,
    balances: Balances,
    credit_limit: String,
    available_amount: String,
    pending_amount: String,
}

/// Balances as an object with one member for each kind of account.
struct Balances(PerKind<i64>);

impl Serialize for Balances {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let balance = |kind: AccountKind| format_amount_sum(self.0.get(kind).into());
        serializer.collect_map(AccountKind::ALL.map(|kind| (kind.json_name(), balance(kind))))
    }
}

impl Answer {
    fn of(company_id: i64, standing: Standing) -> Self {
        Self {
            company_id,
            standing: if standing.arrears_orders > 0 { "arrears" } else { "ok" },
            arrears_since: standing.arrears_since_s.unwrap_or(0),
            arrears_amount: format_amount_sum(standing.arrears),
            arrears_orders: standing.arrears_orders,
            balances: Balances(standing.balances),
            credit_limit: format_amount_sum(standing.credit_limit.into()),
            available_amount: format_amount_sum(standing.available),
            pending_amount: format_amount_sum(standing.pending),
            currency: standing.currency,
        }
    }
}

async fn answer(
    app: &Arc<App>,
    exchange: &mut Exchange,
    company: String,
    headers: &HeaderMap,
) -> Result<Answer, Problem> {
    exchange.authorize(app, headers).await?;
    let unknown = || Problem::NotFound("there is no such company".to_owned());
    // Digits alone: one company has one URL.
    let is_number = !company.is_empty() && company.bytes().all(|byte| byte.is_ascii_digit());
    let company_id: i64 = company.parse().ok().filter(|_| is_number).ok_or_else(unknown)?;
    let found = work(app, move |app| {
        let deployment = app.gateway.deployment();
        let (config, catalogue) = (&deployment.config, deployment.catalogue.as_ref());
        let charging = Charging { store: deployment.store.as_ref(), config, catalogue };
        standing(&charging, company_id, deployment.clock.now_s()).map_err(|error| failed(&error))
    });
    found.await??.map(|standing| Answer::of(company_id, standing)).ok_or_else(unknown)
}
