//! The baseline of the import: one table, one index, prepared INSERTs, durable transactions of the same size.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tollbook_domain::{AccountKind, Catalogue, NewOrder};
use tollbook_ops::demo::BenchOrders;

use crate::cost::Cost;
use crate::fixture::BATCH;
use crate::result::Result;

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -65536;
CREATE TABLE orders (
  company_id INTEGER NOT NULL, order_no TEXT NOT NULL, other_no TEXT NOT NULL, status INTEGER NOT NULL,
  organization_id INTEGER NOT NULL, user_email TEXT NOT NULL, resource_id TEXT NOT NULL, resource_type INTEGER NOT NULL,
  model_id TEXT NOT NULL, model_name TEXT NOT NULL, pricing_sku TEXT NOT NULL, pricing_item_id INTEGER NOT NULL,
  pricing_unit INTEGER NOT NULL, product_code TEXT NOT NULL, region TEXT NOT NULL, charge_type INTEGER NOT NULL,
  order_type INTEGER NOT NULL, channel INTEGER NOT NULL, currency TEXT NOT NULL, list_price INTEGER NOT NULL,
  discount_price INTEGER NOT NULL, quantity INTEGER NOT NULL, total INTEGER NOT NULL, original INTEGER NOT NULL,
  star_card INTEGER NOT NULL, coupon INTEGER NOT NULL, bonus INTEGER NOT NULL, cash INTEGER NOT NULL,
  credit INTEGER NOT NULL, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL, create_time INTEGER,
  paid_time INTEGER, revocation_time INTEGER
);
CREATE UNIQUE INDEX orders_by_number ON orders (company_id, order_no);
";

/// Inserts the orders into a new database, and deletes the database.
pub(super) fn insert(orders: &BenchOrders, path: &Path) -> Result<Cost> {
    remove(path)?;
    let mut connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let catalogue = Catalogue::built_in();
    let mut orders = orders.orders(&catalogue);
    let mut time = Duration::ZERO;
    loop {
        let batch: Vec<NewOrder> = orders.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let began = Instant::now();
        insert_batch(&mut connection, &batch)?;
        time += began.elapsed();
    }
    // Closing writes the log back to the file, as it does at the end of an import.
    let began = Instant::now();
    connection.close().map_err(|(_, error)| error)?;
    time += began.elapsed();
    let bytes = std::fs::metadata(path)?.len();
    remove(path)?;
    Ok(Cost { time, bytes, ..Cost::default() })
}

fn insert_batch(connection: &mut Connection, batch: &[NewOrder]) -> Result {
    let transaction = connection.transaction()?;
    {
        let values = vec!["?"; 34].join(", ");
        let mut insert = transaction.prepare_cached(&format!("INSERT INTO orders VALUES ({values})"))?;
        for NewOrder { company_id, line, order } in batch {
            let deductions = &order.deductions;
            insert.execute(params![
                company_id,
                order.number,
                order.counterpart,
                order.status.number(),
                line.organization_id,
                line.user_email,
                line.resource_id,
                line.resource_type,
                line.model_id,
                line.model_name,
                line.pricing_sku,
                line.pricing_item_id,
                line.pricing_unit,
                line.product_code,
                line.region,
                line.charge_type,
                line.order_type,
                line.channel,
                line.currency,
                line.list_price.steps(),
                line.discount_price.steps(),
                order.quantity,
                order.total.steps(),
                order.original.steps(),
                deductions.get(AccountKind::StarCard).steps(),
                deductions.get(AccountKind::Coupon).steps(),
                deductions.get(AccountKind::Bonus).steps(),
                deductions.get(AccountKind::Cash).steps(),
                deductions.get(AccountKind::Credit).steps(),
                order.start_time_s,
                order.end_time_s,
                order.create_time_s,
                order.paid_time_s,
                order.revocation_time_s,
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn remove(path: &Path) -> Result {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
