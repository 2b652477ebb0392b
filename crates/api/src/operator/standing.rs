//! `GET /v1/companies/{id}/standing`: what a company owes and can still spend.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use tollbook_domain::money::format_amount_sum;
use tollbook_ops::charging::{Standing, standing};

use super::exchange::{Exchange, Problem, authorize, log_and_report, run_blocking};
use super::state::OperatorRoutes;
use crate::views::Balances;

const ROUTE: &str = "/v1/companies/{id}/standing";

pub(crate) fn routes() -> MethodRouter<Arc<OperatorRoutes>> {
    get(answer).fallback(wrong_method)
}

async fn wrong_method() -> Response {
    Exchange::answer(ROUTE, async || Err::<(), _>(Problem::Method("GET"))).await
}

async fn answer(
    State(routes): State<Arc<OperatorRoutes>>,
    company: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let company = company.map(|Path(company)| company).unwrap_or_default();
    Exchange::answer(ROUTE, async || standing_of(&routes, &company, &headers).await).await
}

/// The response. Amounts are written as the order API writes them.
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

impl Answer {
    fn of(company_id: i64, standing: Standing) -> Self {
        Self {
            company_id,
            standing: if standing.is_in_arrears() { "arrears" } else { "ok" },
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

async fn standing_of(routes: &OperatorRoutes, company: &str, headers: &HeaderMap) -> Result<Answer, Problem> {
    authorize(routes, headers).await?;
    let unknown = || Problem::NotFound("there is no such company".to_owned());
    // Digits alone: each company has exactly one URL.
    let is_number = !company.is_empty() && company.bytes().all(|byte| byte.is_ascii_digit());
    let company_id: i64 = company.parse().ok().filter(|_| is_number).ok_or_else(unknown)?;
    let service = Arc::clone(&routes.service);
    let found = run_blocking(routes, move || {
        standing(&service.charging(), company_id, service.now_s()).map_err(|error| log_and_report(&error))
    });
    found.await??.map(|standing| Answer::of(company_id, standing)).ok_or_else(unknown)
}
