//! Statements over the price book, discounts and hour offsets: small tables and settings, the same on every machine.

use std::collections::HashMap;

use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::{Discount, HourOffsets, Price, UnitPrice};

use crate::error::{StoreError, StoreResult};
use crate::prices::{PriceReads, PriceWrites, PutPrices};
use crate::sql::driver::connection::{Row, SqlValues, all, execute_exactly, first, insert_exactly};
use crate::sql::driver::schema::PRICE;
use crate::sql::session::Session;
use crate::tenants::{SettingReads, SettingWrites};

/// Name of the setting with the version of the price book.
const VERSION: &str = "price version";
/// Name of the setting with the hour offsets: a comma-separated list of `from offset`, in seconds. The first `from` is
/// the smallest integer.
const OFFSETS: &str = "hour offsets";
/// Name of the lock that serializes changes of the price book.
const LOCK: &str = "prices";

const PRICE_COLUMNS: &str = "provider, provider_models, model_id, model_name, models, sku, pricing_unit, item_id, \
     currency, list_price, valid_from, valid_until, longer_than, day_from, day_until, is_fallback, price_id";

fn matcher(text: &str) -> StoreResult<Matcher> {
    Matcher::from_text(text)
        .ok_or_else(|| StoreError::Damaged("a price has a model that cannot be read".into()))
}

fn read_price(row: &dyn Row) -> StoreResult<Price> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let day = row.optional_int(13)?.zip(row.optional_int(14)?);
    Ok(Price {
        provider: text(0)?,
        provider_models: match row.text(1)? {
            "" => None,
            models => Some(matcher(models)?),
        },
        model_id: text(2)?,
        model_name: text(3)?,
        models: matcher(row.text(4)?)?,
        sku: text(5)?,
        pricing_unit: row.int(6)?,
        item_id: row.int(7)?,
        currency: text(8)?,
        list_price: UnitPrice::from_steps(row.int(9)?),
        valid_from_s: row.int(10)?,
        valid_until_s: row.optional_int(11)?,
        longer_than: row.optional_int(12)?,
        time_of_day: day.map(|(from_s, until_s)| TimeOfDay { from_s, until_s }),
        is_fallback: row.int(15)? != 0,
    })
}

/// The text columns that encode the matchers of a price.
struct Texts {
    provider_models: String,
    models: String,
}

fn texts(price: &Price) -> Texts {
    let provider_models = price.provider_models.as_ref().map(Matcher::to_text).unwrap_or_default();
    Texts { provider_models, models: price.models.to_text() }
}

/// The fields that identify a price. A new price with the same subject replaces the old one.
type Subject = (String, String, String, String, String, i64, Option<i64>, Option<(i64, i64)>, bool);

fn subject(price: &Price) -> Subject {
    (
        price.provider.clone(),
        price.model_id.clone(),
        price.models.to_text(),
        price.sku.clone(),
        price.currency.clone(),
        price.valid_from_s,
        price.longer_than,
        price.time_of_day.map(|day| (day.from_s, day.until_s)),
        price.is_fallback,
    )
}

fn price_values<'a>(price_id: i64, price: &'a Price, texts: &'a Texts) -> SqlValues<'a> {
    vec![
        price_id.into(),
        price.provider.as_str().into(),
        texts.provider_models.as_str().into(),
        price.model_id.as_str().into(),
        price.model_name.as_str().into(),
        texts.models.as_str().into(),
        price.sku.as_str().into(),
        price.pricing_unit.into(),
        price.item_id.into(),
        price.currency.as_str().into(),
        price.list_price.steps().into(),
        price.valid_from_s.into(),
        price.valid_until_s.into(),
        price.longer_than.into(),
        price.time_of_day.map(|day| day.from_s).into(),
        price.time_of_day.map(|day| day.until_s).into(),
        i64::from(price.is_fallback).into(),
    ]
}

impl Session {
    /// Raises the version, which makes every cache of prices reload.
    fn note_price_change(&mut self) -> StoreResult<()> {
        let version = self.price_version()? + 1;
        self.set_setting(VERSION, &version.to_string())
    }
}

impl PriceReads for Session {
    fn prices(&mut self) -> StoreResult<Vec<Price>> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {PRICE_COLUMNS} FROM price ORDER BY price_id");
        all(connection, &sql, &[], read_price)
    }

    fn discounts(&mut self) -> StoreResult<Vec<Discount>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, model_id, sku, factor FROM discount ORDER BY company_id, model_id, sku";
        all(connection, sql, &[], |row| {
            Ok(Discount {
                company_id: row.int(0)?,
                model_id: row.text(1)?.to_owned(),
                sku: row.text(2)?.to_owned(),
                factor: UnitPrice::from_steps(row.int(3)?),
            })
        })
    }

    fn price_version(&mut self) -> StoreResult<i64> {
        match self.setting(VERSION)? {
            None => Ok(0),
            Some(text) => text
                .parse()
                .map_err(|_| StoreError::Damaged("the version of the prices is not a number".into())),
        }
    }

    fn hour_offsets(&mut self) -> StoreResult<HourOffsets> {
        let Some(text) = self.setting(OFFSETS)? else { return Ok(HourOffsets::default()) };
        let changes: Option<Vec<(i64, i64)>> = text
            .split(',')
            .map(|change| {
                let (from_s, offset_s) = change.split_once(' ')?;
                Some((from_s.parse().ok()?, offset_s.parse().ok()?))
            })
            .collect();
        changes
            .and_then(HourOffsets::from_changes)
            .ok_or_else(|| StoreError::Damaged("the hour offsets cannot be read".into()))
    }
}

impl PriceWrites for Session {
    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices> {
        self.lock_name(LOCK)?;
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {PRICE_COLUMNS} FROM price ORDER BY price_id");
        let there = all(connection, &sql, &[], |row| Ok((row.int(16)?, read_price(row)?)))?;
        let mut next = there.iter().map(|(price_id, _)| price_id + 1).max().unwrap_or(1);
        let mut book: HashMap<Subject, (i64, Price)> =
            there.into_iter().map(|(price_id, price)| (subject(&price), (price_id, price))).collect();
        let mut put = PutPrices::default();
        // Keyed by id: if a list has two prices for the same subject, the last one applies.
        let mut written: HashMap<i64, &Price> = HashMap::new();
        let mut replaced: Vec<i64> = Vec::new();
        for price in prices {
            match book.get_mut(&subject(price)) {
                Some((_, old)) if old == price => put.unchanged += 1,
                Some((price_id, old)) => {
                    put.changed += 1;
                    old.clone_from(price);
                    if written.insert(*price_id, price).is_none() {
                        replaced.push(*price_id);
                    }
                }
                None => {
                    put.added += 1;
                    book.insert(subject(price), (next, price.clone()));
                    written.insert(next, price);
                    next += 1;
                }
            }
        }
        if written.is_empty() {
            return Ok(put);
        }
        let deleted: Vec<SqlValues<'_>> = replaced.iter().map(|price_id| vec![(*price_id).into()]).collect();
        connection.execute_each("DELETE FROM price WHERE price_id = $1", &deleted)?;
        let mut rows: Vec<(i64, &Price, Texts)> =
            written.into_iter().map(|(price_id, price)| (price_id, price, texts(price))).collect();
        rows.sort_unstable_by_key(|(price_id, _, _)| *price_id);
        let mut values = rows.iter().map(|(price_id, price, texts)| price_values(*price_id, price, texts));
        insert_exactly(connection, &PRICE, rows.len(), &mut values)?;
        self.note_price_change()?;
        Ok(put)
    }

    fn set_discount(&mut self, discount: &Discount) -> StoreResult<()> {
        self.lock_name(LOCK)?;
        let connection = self.connection.as_mut();
        let key =
            [discount.company_id.into(), discount.model_id.as_str().into(), discount.sku.as_str().into()];
        let sql = "SELECT factor FROM discount WHERE company_id = $1 AND model_id = $2 AND sku = $3";
        let there = first(connection, sql, &key, |row| row.int(0))?;
        if there.unwrap_or(Discount::NONE.steps()) == discount.factor.steps() {
            return Ok(());
        }
        if discount.factor == Discount::NONE {
            connection
                .execute("DELETE FROM discount WHERE company_id = $1 AND model_id = $2 AND sku = $3", &key)?;
        } else {
            execute_exactly(
                connection,
                1,
                "INSERT INTO discount (company_id, model_id, sku, factor) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id, model_id, sku) DO UPDATE SET factor = excluded.factor",
                &[key[0], key[1], key[2], discount.factor.steps().into()],
            )?;
        }
        self.note_price_change()
    }

    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()> {
        let changes: Vec<String> =
            offsets.changes().iter().map(|(from_s, offset_s)| format!("{from_s} {offset_s}")).collect();
        self.set_setting(OFFSETS, &changes.join(","))
    }
}
