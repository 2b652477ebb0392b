//! The baseline of the import: the same records into one table with one unique key, by INSERT on SQLite and COPY on
//! PostgreSQL, in durable transactions. Nothing is checked, rated or added up.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::SinkExt as _;
use rusqlite::params;
use tollbook_domain::Usage;

use super::generated::usage;
use crate::postgres::Bare;
use crate::result::Result;

const BATCH: u64 = 10_000;

const TABLE: &str = "CREATE TABLE plain (company_id BIGINT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, \
     time BIGINT NOT NULL, organization_id BIGINT NOT NULL, resource_id TEXT NOT NULL, resource_type BIGINT NOT NULL, \
     model_id TEXT NOT NULL, product_code TEXT NOT NULL, region TEXT NOT NULL, input BIGINT NOT NULL, \
     output BIGINT NOT NULL, PRIMARY KEY (company_id, source, id))";

fn batches(count: u64) -> impl Iterator<Item = Vec<Usage>> {
    (0..count.div_ceil(BATCH)).map(move |batch| {
        (batch * BATCH..count.min((batch + 1) * BATCH)).map(|number| usage(number, count)).collect()
    })
}

/// Inserts into a new database file, and deletes the file.
pub(super) fn sqlite(path: &Path, count: u64) -> Result<Duration> {
    let _ = std::fs::remove_file(path);
    let mut connection = rusqlite::Connection::open(path)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;")?;
    connection.execute_batch(TABLE)?;
    let mut time = Duration::ZERO;
    for batch in batches(count) {
        let began = Instant::now();
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
            for usage in &batch {
                insert.execute(params![
                    usage.company_id,
                    usage.id,
                    usage.source,
                    usage.time_s,
                    usage.organization_id,
                    usage.resource_id,
                    usage.resource_type,
                    usage.model_id,
                    usage.product_code,
                    usage.region,
                    usage.quantities[0].1,
                    usage.quantities[1].1,
                ])?;
            }
        }
        transaction.commit()?;
        time += began.elapsed();
    }
    drop(connection);
    std::fs::remove_file(path)?;
    Ok(time)
}

/// Copies into a new table, and drops the table.
pub(super) fn postgres(url: &str, count: u64) -> Result<Duration> {
    let bare = Bare::connect(url)?;
    bare.command("DROP TABLE IF EXISTS plain")?;
    bare.command(TABLE)?;
    let mut time = Duration::ZERO;
    for batch in batches(count) {
        let text: String = batch.iter().map(row).collect();
        let began = Instant::now();
        bare.work(async |client| {
            let sink = client.copy_in::<_, Bytes>("COPY plain FROM STDIN").await?;
            let mut sink = std::pin::pin!(sink);
            sink.send(Bytes::from(text)).await?;
            sink.finish().await?;
            Ok(())
        })?;
        time += began.elapsed();
    }
    bare.command("DROP TABLE plain")?;
    Ok(time)
}

fn row(usage: &Usage) -> String {
    let [input, output] = [usage.quantities[0].1, usage.quantities[1].1];
    let Usage { company_id, id, source, time_s, organization_id, resource_id, resource_type, .. } = usage;
    let (model_id, product_code, region) = (&usage.model_id, &usage.product_code, &usage.region);
    format!(
        "{company_id}\t{id}\t{source}\t{time_s}\t{organization_id}\t{resource_id}\t{resource_type}\t{model_id}\t\
         {product_code}\t{region}\t{input}\t{output}\n"
    )
}
