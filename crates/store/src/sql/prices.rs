//! Statements over the price book, its lists, discounts and hour offsets: small tables and settings that every machine
//! has.

use std::collections::{BTreeSet, HashMap};

use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::price_list::{Conversion, Multiplier, PriceListDescription, Rate};
use tollbook_domain::{Discount, HourOffsets, Price, UnitPrice};

use crate::error::{StoreError, StoreResult};
use crate::prices::{PriceReads, PriceSelection, PriceWrites, PutPrices};
use crate::sql::driver::connection::{Row, SqlValues, all, execute_exactly, first, insert_exactly};
use crate::sql::driver::schema::{DISCOUNT, PRICE, PRICE_LIST};
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
     currency, list_price, valid_from, valid_until, longer_than, day_from, day_until, is_fallback, list_name, service_tier, \
     provider_names, price_id";

fn matcher(text: &str) -> StoreResult<Matcher> {
    Matcher::from_text(text)
        .ok_or_else(|| StoreError::Damaged("a price has a model that cannot be read".into()))
}

fn optional_matcher(text: &str) -> StoreResult<Option<Matcher>> {
    if text.is_empty() { Ok(None) } else { matcher(text).map(Some) }
}

fn read_price(row: &dyn Row) -> StoreResult<Price> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let day = row.optional_int(13)?.zip(row.optional_int(14)?);
    Ok(Price {
        list: text(16)?,
        provider: text(0)?,
        provider_names: optional_matcher(row.text(18)?)?,
        provider_models: optional_matcher(row.text(1)?)?,
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
        service_tier: text(17)?,
        is_fallback: row.int(15)? != 0,
    })
}

/// The text columns that encode the matchers of a price.
struct Texts {
    provider_names: String,
    provider_models: String,
    models: String,
}

fn texts(price: &Price) -> Texts {
    let text = |matcher: &Option<Matcher>| matcher.as_ref().map(Matcher::to_text).unwrap_or_default();
    Texts {
        provider_names: text(&price.provider_names),
        provider_models: text(&price.provider_models),
        models: price.models.to_text(),
    }
}

/// The fields that identify a price. A new price with the same subject replaces the old one.
#[derive(PartialEq, Eq, Hash)]
struct Subject {
    texts: [String; 7],
    valid_from_s: i64,
    longer_than: Option<i64>,
    time_of_day: Option<(i64, i64)>,
    is_fallback: bool,
}

fn subject(price: &Price) -> Subject {
    let texts = [
        price.list.clone(),
        price.provider.clone(),
        price.model_id.clone(),
        price.models.to_text(),
        price.sku.clone(),
        price.currency.clone(),
        price.service_tier.clone(),
    ];
    Subject {
        texts,
        valid_from_s: price.valid_from_s,
        longer_than: price.longer_than,
        time_of_day: price.time_of_day.map(|day| (day.from_s, day.until_s)),
        is_fallback: price.is_fallback,
    }
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
        price.list.as_str().into(),
        price.service_tier.as_str().into(),
        texts.provider_names.as_str().into(),
    ]
}

/// The condition of a selection and its values, behind those of the caller.
fn condition<'v>(selection: PriceSelection<'v>, mut values: SqlValues<'v>) -> (String, SqlValues<'v>) {
    let PriceSelection { list, model_id, sku } = selection;
    let mut parts = Vec::new();
    for (column, value) in [("list_name", Some(list)), ("model_id", model_id), ("sku", sku)] {
        if let Some(value) = value {
            values.push(value.into());
            parts.push(format!("{column} = ${}", values.len()));
        }
    }
    (parts.join(" AND "), values)
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
        let mut prices = all(connection, &sql, &[], read_price)?;
        let lists = self.price_lists()?;
        let places: HashMap<&str, usize> = (lists.iter().map(|list| list.name.as_str())).zip(0..).collect();
        prices.sort_by_key(|price| places.get(price.list.as_str()).copied().unwrap_or(lists.len()));
        Ok(prices)
    }

    fn price_lists(&mut self) -> StoreResult<Vec<PriceListDescription>> {
        let sql =
            "SELECT name, is_own, format, factor, rate FROM price_list ORDER BY is_own DESC, position, name";
        all(self.connection.as_mut(), sql, &[], |row| {
            let damaged =
                || StoreError::Damaged("a price list has a factor or a rate that cannot be read".into());
            let rate = match row.text(4)? {
                "" => None,
                rate => Some(Rate::parse(rate).map_err(|_| damaged())?),
            };
            let factor = Multiplier::from_steps(row.int(3)?).ok_or_else(damaged)?;
            Ok(PriceListDescription {
                name: row.text(0)?.to_owned(),
                is_own: row.int(1)? != 0,
                format: row.text(2)?.to_owned(),
                conversion: Conversion { factor, rate },
            })
        })
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
    fn put_price_list(&mut self, list: &PriceListDescription) -> StoreResult<Option<PriceListDescription>> {
        self.lock_name(LOCK)?;
        let there = self.price_lists()?;
        let known = there.iter().find(|known| known.name.eq_ignore_ascii_case(&list.name));
        if let Some(known) = known
            && (&known.name, known.is_own, &known.format) != (&list.name, list.is_own, &list.format)
        {
            return Ok(Some(known.clone()));
        }
        if known == Some(list) {
            return Ok(None);
        }
        self.rows_change(&PRICE_LIST);
        let rate = list.conversion.rate.as_ref().map(ToString::to_string).unwrap_or_default();
        let connection = self.connection.as_mut();
        let last = "SELECT coalesce(max(position), 0) FROM price_list";
        let last = first(connection, last, &[], |row| row.int(0))?.unwrap_or(0);
        execute_exactly(
            connection,
            1,
            "INSERT INTO price_list (name, position, is_own, format, factor, rate) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (name) DO UPDATE SET factor = excluded.factor, rate = excluded.rate",
            &[
                list.name.as_str().into(),
                (last + 1).into(),
                i64::from(list.is_own).into(),
                list.format.as_str().into(),
                list.conversion.factor.steps().into(),
                rate.as_str().into(),
            ],
        )?;
        Ok(None)
    }

    fn set_price_list_order(&mut self, names: &[&str]) -> StoreResult<()> {
        self.lock_name(LOCK)?;
        self.rows_change(&PRICE_LIST);
        let before = self.price_lists()?;
        let mut ordered: Vec<&PriceListDescription> = before.iter().collect();
        let place = |list: &PriceListDescription| names.iter().position(|name| *name == list.name);
        ordered.sort_by_key(|list| place(list).unwrap_or(names.len()));
        let positions: Vec<SqlValues<'_>> = (1_i64..)
            .zip(&ordered)
            .map(|(position, list)| vec![position.into(), list.name.as_str().into()])
            .collect();
        let connection = self.connection.as_mut();
        connection.execute_each("UPDATE price_list SET position = $1 WHERE name = $2", &positions)?;
        if self.price_lists()? == before { Ok(()) } else { self.note_price_change() }
    }

    fn remove_prices(&mut self, selection: PriceSelection<'_>) -> StoreResult<usize> {
        self.lock_name(LOCK)?;
        self.rows_change(&PRICE);
        self.rows_change(&PRICE_LIST);
        let (condition, values) = condition(selection, Vec::new());
        let connection = self.connection.as_mut();
        let removed = connection.execute(&format!("DELETE FROM price WHERE {condition}"), &values)?;
        if selection.model_id.is_none() && selection.sku.is_none() {
            connection.execute("DELETE FROM price_list WHERE name = $1", &[selection.list.into()])?;
        }
        if removed > 0 {
            self.note_price_change()?;
        }
        Ok(usize::try_from(removed).unwrap_or(usize::MAX))
    }

    fn end_prices(&mut self, selection: PriceSelection<'_>, until_s: i64) -> StoreResult<(usize, usize)> {
        self.lock_name(LOCK)?;
        self.rows_change(&PRICE);
        let (condition, values) = condition(selection, vec![until_s.into()]);
        let connection = self.connection.as_mut();
        let later = format!("DELETE FROM price WHERE valid_from >= $1 AND {condition}");
        let removed = connection.execute(&later, &values)?;
        let earlier = format!(
            "UPDATE price SET valid_until = $1 WHERE (valid_until IS NULL OR valid_until > $1) AND {condition}"
        );
        let ended = connection.execute(&earlier, &values)?;
        if removed > 0 || ended > 0 {
            self.note_price_change()?;
        }
        let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        Ok((count(ended), count(removed)))
    }

    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices> {
        self.lock_name(LOCK)?;
        let mut known: BTreeSet<String> = self.price_lists()?.into_iter().map(|list| list.name).collect();
        for Price { list: name, .. } in prices {
            if !known.insert(name.clone()) {
                continue;
            }
            self.put_price_list(&PriceListDescription {
                name: name.to_owned(),
                ..PriceListDescription::own()
            })?;
        }
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {PRICE_COLUMNS} FROM price ORDER BY price_id");
        let there = all(connection, &sql, &[], |row| Ok((row.int(19)?, read_price(row)?)))?;
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
        self.changed_tables.insert((PRICE.name, 0));
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
        self.rows_change(&DISCOUNT);
        let connection = self.connection.as_mut();
        let key =
            [discount.company_id.into(), discount.model_id.as_str().into(), discount.sku.as_str().into()];
        let sql = "SELECT factor FROM discount WHERE company_id = $1 AND model_id = $2 AND sku = $3";
        let there = first(connection, sql, &key, |row| row.int(0))?;
        // The factor 1 is stored where it exempts from a broader discount; elsewhere it is no discount.
        let is_none = discount.factor == Discount::NONE
            && !self
                .discounts()?
                .iter()
                .any(|broader| broader.factor != Discount::NONE && discount.overrides(broader));
        let wanted = (!is_none).then_some(discount.factor.steps());
        if there == wanted {
            return Ok(());
        }
        let connection = self.connection.as_mut();
        if is_none {
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

    fn remove_discount(&mut self, company_id: i64, model_id: &str, sku: &str) -> StoreResult<bool> {
        self.lock_name(LOCK)?;
        self.rows_change(&DISCOUNT);
        let sql = "DELETE FROM discount WHERE company_id = $1 AND model_id = $2 AND sku = $3";
        let key = [company_id.into(), model_id.into(), sku.into()];
        if self.connection.execute(sql, &key)? == 0 {
            return Ok(false);
        }
        self.note_price_change()?;
        Ok(true)
    }

    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()> {
        let changes: Vec<String> =
            offsets.changes().iter().map(|(from_s, offset_s)| format!("{from_s} {offset_s}")).collect();
        self.set_setting(OFFSETS, &changes.join(","))
    }
}
