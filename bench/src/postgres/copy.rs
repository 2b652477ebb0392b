//! The baseline of the import: plain binary COPY of the same orders, each batch in its own transaction, into one table with
//! the store's primary key.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use tollbook_domain::{Catalogue, Line, NewOrder, Order};

use super::bare::{Bare, COLUMNS};
use super::company::Company;
use super::write_cost::WriteCost;
use crate::fixture::BATCH;
use crate::result::Result;

const TABLE: &str = "tollbook_bench_plain";
const KEY: &str = "PRIMARY KEY (company_id, status, start_time, order_no)";
/// Header of the binary COPY format: signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &[0xff, 0xff];
/// Bytes per message, as in the store.
const MESSAGE_BYTES: usize = 128 << 10;

/// Form in which orders are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All fields of an order file, in one wide row.
    Records,
    /// Rows of the store's `orders`; line numbers are assigned before the clock starts.
    OrderRows,
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Records => "plain COPY of the records",
            Self::OrderRows => "plain COPY of the order rows alone",
        }
    }

    fn columns(self) -> String {
        match self {
            Self::Records => "company_id, status, start_time, order_no, organization_id, user_email, resource_id, \
                              resource_type, model_id, model_name, pricing_sku, pricing_item_id, pricing_unit, \
                              product_code, region, charge_type, order_type, channel, currency, list_price, \
                              discount_price, end_time, quantity, total, original, star_card, coupon, bonus, cash, \
                              credit, counterpart_no, create_time, paid_time, revocation_time"
                .to_owned(),
            Self::OrderRows => format!("company_id, {COLUMNS}"),
        }
    }

    /// The statement that creates the table. Types follow from the column names.
    fn table(self) -> String {
        const TEXTS: [&str; 10] = [
            "order_no",
            "user_email",
            "resource_id",
            "model_id",
            "model_name",
            "pricing_sku",
            "product_code",
            "region",
            "currency",
            "counterpart_no",
        ];
        const OPTIONAL: [&str; 3] = ["create_time", "paid_time", "revocation_time"];
        let columns = self.columns();
        let columns: Vec<String> = columns
            .split(", ")
            .map(|name| match name.trim() {
                name if TEXTS.contains(&name) => format!("{name} TEXT COLLATE \"C\" NOT NULL"),
                name if OPTIONAL.contains(&name) => format!("{name} BIGINT"),
                name => format!("{name} BIGINT NOT NULL"),
            })
            .collect();
        format!("CREATE TABLE {TABLE} ({}, {KEY})", columns.join(", "))
    }
}

/// Copies all orders into a new table, and drops the table.
pub(super) fn copy(bare: &Bare, form: Form, companies: &[Company]) -> Result<WriteCost> {
    bare.command(&format!("DROP TABLE IF EXISTS {TABLE}"))?;
    bare.command(&form.table())?;
    bare.checkpoint();
    let statement = bare
        .prepare(&format!("COPY {TABLE} ({}) FROM STDIN (FORMAT binary)", form.columns()), &[])?
        .statement;
    let log = bare.log_position()?;
    let catalogue = Catalogue::built_in();
    let mut cost = WriteCost::default();
    for company in companies {
        let mut orders = company.orders.orders(&catalogue);
        let mut lines: HashMap<Line, i64> = HashMap::new();
        loop {
            let batch: Vec<NewOrder> = orders.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let line_nos =
                if form == Form::OrderRows { line_numbers(&mut lines, &batch) } else { vec![0; batch.len()] };
            let began = Instant::now();
            let added = bare.work(async |client| {
                let mut sink = pin!(client.copy_in::<_, Bytes>(&statement).await?);
                let mut data = BytesMut::with_capacity(MESSAGE_BYTES * 2);
                data.extend_from_slice(HEADER);
                for (order, line_no) in batch.iter().zip(&line_nos) {
                    match form {
                        Form::Records => put_record(order, &mut data)?,
                        Form::OrderRows => put_order_row(order, *line_no, &mut data)?,
                    }
                    if data.len() >= MESSAGE_BYTES {
                        sink.send(data.split().freeze()).await?;
                    }
                }
                data.extend_from_slice(TRAILER);
                sink.send(data.freeze()).await?;
                Ok(sink.finish().await?)
            })?;
            cost.transactions.push(began.elapsed());
            cost.orders += added;
        }
    }
    cost.log_bytes = bare.log_position()? - log;
    cost.table_bytes = bare.integer(&format!("SELECT pg_total_relation_size('{TABLE}')"))?;
    let wanted: u64 = companies.iter().map(|company| company.orders.count).sum();
    let found = bare.integer(&format!("SELECT count(*) FROM {TABLE}"))?;
    bare.command(&format!("DROP TABLE {TABLE}"))?;
    if cost.orders == wanted && u64::try_from(found)? == wanted {
        return Ok(cost);
    }
    Err(format!("{} orders were copied and {found} found instead of {wanted}", cost.orders).into())
}

/// The line numbers of a batch; new lines get the next numbers.
fn line_numbers(lines: &mut HashMap<Line, i64>, batch: &[NewOrder]) -> Vec<i64> {
    let line_of = |order: &NewOrder| {
        if let Some(line_no) = lines.get(&order.line) {
            return *line_no;
        }
        let next = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        lines.insert(order.line.clone(), next);
        next
    };
    batch.iter().map(line_of).collect()
}

fn put_int(value: i64, out: &mut BytesMut) {
    out.put_i32(8);
    out.put_i64(value);
}

fn put_optional(value: Option<i64>, out: &mut BytesMut) {
    match value {
        Some(value) => put_int(value, out),
        None => out.put_i32(-1),
    }
}

fn put_text(text: &str, out: &mut BytesMut) -> Result {
    out.put_i32(i32::try_from(text.len())?);
    out.put_slice(text.as_bytes());
    Ok(())
}

fn put_record(NewOrder { company_id, line, order }: &NewOrder, out: &mut BytesMut) -> Result {
    out.put_i16(34);
    put_int(*company_id, out);
    put_int(order.status.number(), out);
    put_int(order.start_time_s, out);
    put_text(&order.number, out)?;
    put_int(line.organization_id, out);
    put_text(&line.user_email, out)?;
    put_text(&line.resource_id, out)?;
    put_int(line.resource_type, out);
    for text in [&line.model_id, &line.model_name, &line.pricing_sku] {
        put_text(text, out)?;
    }
    put_int(line.pricing_item_id, out);
    put_int(line.pricing_unit, out);
    put_text(&line.product_code, out)?;
    put_text(&line.region, out)?;
    for number in [line.charge_type, line.order_type, line.channel] {
        put_int(number, out);
    }
    put_text(&line.currency, out)?;
    put_int(line.list_price.steps(), out);
    put_int(line.discount_price.steps(), out);
    put_rest(order, out)
}

fn put_order_row(order: &NewOrder, line_no: i64, out: &mut BytesMut) -> Result {
    out.put_i16(18);
    put_int(order.company_id, out);
    put_int(order.order.status.number(), out);
    put_int(order.order.start_time_s, out);
    put_text(&order.order.number, out)?;
    put_int(line_no, out);
    put_rest(&order.order, out)
}

/// The columns at the end of both forms.
fn put_rest(order: &Order, out: &mut BytesMut) -> Result {
    put_int(order.end_time_s, out);
    put_int(order.quantity, out);
    for amount in [order.total, order.original].into_iter().chain(order.deductions.values()) {
        put_int(amount.steps(), out);
    }
    put_text(&order.counterpart, out)?;
    for time_s in [order.create_time_s, order.paid_time_s, order.revocation_time_s] {
        put_optional(time_s, out);
    }
    Ok(())
}
