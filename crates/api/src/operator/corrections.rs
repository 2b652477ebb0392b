//! `POST /v1/usage/corrections`: usage records are voided or replaced, in one transaction and once by the request's key.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{OperatorRole, Usage};
use tollbook_formats::usage::parse_record;
use tollbook_ops::charging::{
    Charging, Corrected, CorrectionError, CorrectionRequest, UsageName, correct_usage,
};

use tollbook_store::OperatorKey;

use super::exchange::{Exchange, Problem, actor_of, authorize_for, log_and_report, run_writing};
use super::state::OperatorRoutes;
use super::upload::read;

const ROUTE: &str = "/v1/usage/corrections";
const JSON: &str = "application/json";

pub(crate) fn routes() -> MethodRouter<Arc<OperatorRoutes>> {
    post(answer).fallback(wrong_method)
}

async fn wrong_method() -> Response {
    Exchange::answer(ROUTE, async || Err::<(), _>(Problem::Method("POST"))).await
}

async fn answer(State(routes): State<Arc<OperatorRoutes>>, request: Request) -> Response {
    Exchange::answer(ROUTE, async || correct(&routes, request).await).await
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Correction<'b> {
    key: String,
    reason: String,
    company_id: i64,
    #[serde(default)]
    void: Vec<VoidedRecord>,
    #[serde(default, borrow)]
    replace: Vec<&'b RawValue>,
    #[serde(default)]
    dry_run: bool,
}

/// A record to void.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoidedRecord {
    source: Option<String>,
    id: String,
    /// Unix seconds.
    time: Option<i64>,
}

impl VoidedRecord {
    /// The name by which the record is found.
    pub(super) fn name(self) -> UsageName {
        UsageName { source: self.source, id: self.id, time_s: self.time }
    }
}

/// The response; the command `usage void --json` prints the same members.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    repeated: bool,
    dry_run: bool,
    records: u64,
    unchanged: u64,
    orders_replaced: u64,
    orders_made: u64,
    orders: Vec<ReplacedOrder>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReplacedOrder {
    order_no: String,
    total: String,
    replaced_by_order_no: String,
    replaced_by_total: String,
    replaced_by_status: i64,
}

impl Answer {
    fn of(corrected: Corrected, dry_run: bool) -> Self {
        let orders = corrected.orders.into_iter().map(|order| ReplacedOrder {
            order_no: order.before,
            total: format_amount_sum(order.before_total.steps().into()),
            replaced_by_order_no: order.after,
            replaced_by_total: format_amount_sum(order.after_total.steps().into()),
            replaced_by_status: order.after_status.map_or(0, tollbook_domain::Status::number),
        });
        Self {
            repeated: corrected.is_repeated,
            dry_run,
            records: corrected.records,
            unchanged: corrected.unchanged,
            orders_replaced: corrected.replaced,
            orders_made: corrected.made,
            orders: orders.collect(),
        }
    }
}

async fn correct(routes: &OperatorRoutes, request: Request) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    let key = match check(routes, &head.headers).await {
        Ok(key) => key,
        Err(problem) => {
            routes.service.bodies().drain(body).await;
            return Err(problem);
        }
    };
    let actor = actor_of(routes, &key, &head);
    let body = read(routes, body, routes.service.config().charging.batch_bytes).await?;
    let max_records = routes.service.config().charging.batch_records;
    let service = Arc::clone(&routes.service);
    run_writing(routes, move || {
        let (request, names, records) = parse(&body.bytes, max_records)?;
        let dry_run = request.dry_run;
        let acting = service.acting(actor);
        let charging = Charging { store: &acting, ..service.charging() };
        let corrected = correct_usage(&charging, &request, &names, &records, service.now_s());
        corrected.map(|corrected| Answer::of(corrected, dry_run)).map_err(|error| problem_of(&error))
    })
    .await?
}

async fn check(routes: &OperatorRoutes, headers: &HeaderMap) -> Result<OperatorKey, Problem> {
    let key = authorize_for(routes, headers, OperatorRole::Usage).await?;
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = stated.split(';').next().unwrap_or_default().trim();
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::ContentType("the body must not be compressed"));
    }
    if media_type.eq_ignore_ascii_case(JSON) {
        Ok(key)
    } else {
        Err(Problem::ContentType("the content type must be application/json"))
    }
}

type Parsed = (CorrectionRequest, Vec<UsageName>, Vec<Usage>);

fn parse(body: &[u8], max_records: usize) -> Result<Parsed, Problem> {
    let correction: Correction<'_> = serde_json::from_slice(body)
        .map_err(|error| Problem::Malformed(format!("the body is no correction: {error}")))?;
    let Correction { key, reason, company_id, void, replace, dry_run } = correction;
    if void.len() + replace.len() > max_records {
        return Err(Problem::TooLarge(format!("the correction names more than {max_records} records")));
    }
    let names = void.into_iter().map(VoidedRecord::name).collect();
    let mut records = Vec::with_capacity(replace.len());
    for (place, record) in replace.into_iter().enumerate() {
        let usage = parse_record(record.get().as_bytes())
            .map_err(|reason| Problem::Malformed(format!("replace[{place}]: {reason}")))?;
        records.push(usage);
    }
    Ok((CorrectionRequest { company_id, key, reason, dry_run }, names, records))
}

fn problem_of(error: &CorrectionError) -> Problem {
    match error.store_error() {
        Some(error) => log_and_report(error),
        None => Problem::Refused(error.to_string()),
    }
}
