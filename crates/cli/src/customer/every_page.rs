//! All orders of a list, page by page. A page begins where the last one ended, by the order's place in the list and not by
//! its number, so that orders that arrive or leave in between neither repeat others nor hide them.

use std::time::Duration;

use serde_json::Value;

use super::client;
use crate::arguments::Account;
use crate::output::{Failure, Output};

/// Orders in a page, the most that the API answers with.
pub(super) const PAGE_SIZE: i64 = 100;
/// The least orders in a page that are asked for, so that the page has the last order that was read.
const LEAST_SIZE: i64 = 50;
/// The `RetCode` of a request that came too soon after others.
const RATE_LIMITED: i64 = 153;
/// How long a request that came too soon waits, and how often it is sent again.
const RATE_PAUSE: Duration = Duration::from_secs(1);
const RATE_ATTEMPTS: usize = 60;

/// The place of an order in its list: start time and number, both descending (docs/ORDERS.md, "Paging").
type Place = (i64, String);

/// The requests for all pages of a list.
pub(super) struct EveryPage<'a> {
    account: &'a Account,
    action: &'static str,
    range: (i64, i64),
    filters: Vec<(String, String)>,
    first_total: Option<i64>,
}

impl<'a> EveryPage<'a> {
    pub(super) fn new(
        account: &'a Account,
        action: &'static str,
        range: (i64, i64),
        filters: Vec<(String, String)>,
    ) -> Self {
        Self { account, action, range, filters, first_total: None }
    }

    /// The number of orders when the first page was read.
    pub(super) fn first_total(&self) -> Option<i64> {
        self.first_total
    }

    /// Passes the orders to a function, a page at a time. Ends early if nothing more can be printed. Returns their number.
    pub(super) fn each(&mut self, output: &Output, mut print: impl FnMut(&[Value])) -> Result<i64, Failure> {
        let (account, action, (start_s, end_s)) = (self.account, self.action, self.range);
        let (filters, first_total) = (&self.filters, &mut self.first_total);
        let mut request = |before_s: i64, Page { page, size }: Page| {
            let mut parameters = filters.clone();
            let of_page = [("StartTime", start_s), ("EndTime", before_s), ("Page", page), ("PageSize", size)];
            parameters.extend(of_page.map(|(name, value)| (name.to_owned(), value.to_string())));
            let answer = call_in_time(account, action, &parameters)?;
            *first_total = first_total.or(answer["Total"].as_i64());
            match answer["Orders"].as_array() {
                Some(orders) => Ok(orders.clone()),
                None => Err(Failure::new("the answer has no list of orders")),
            }
        };
        let mut printed = 0;
        walk(end_s, &mut request, &mut |orders| {
            printed += length(orders);
            print(orders);
            !output.is_closed()
        })?;
        Ok(printed)
    }
}

/// Asks again if the server says that it is asked too often.
fn call_in_time(account: &Account, action: &str, parameters: &[(String, String)]) -> Result<Value, Failure> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match client::call(account, action, parameters.to_vec()) {
            Err(failure) if failure.ret_code() == Some(RATE_LIMITED) && attempts < RATE_ATTEMPTS => {
                std::thread::sleep(RATE_PAUSE);
            }
            answer => return answer,
        }
    }
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    page: i64,
    size: i64,
}

impl Page {
    /// The page that has the order at a position, counted from 1, and the most orders after it.
    fn with(position: i64) -> Self {
        let sizes = (LEAST_SIZE..=PAGE_SIZE).rev();
        let pages = sizes.map(|size| Self { page: (position - 1).max(0) / size + 1, size });
        pages.max_by_key(|page| page.offset() + page.size).unwrap_or(Self { page: 1, size: PAGE_SIZE })
    }

    /// The number of orders before it.
    const fn offset(self) -> i64 {
        (self.page - 1) * self.size
    }
}

fn length(orders: &[Value]) -> i64 {
    i64::try_from(orders.len()).unwrap_or(i64::MAX)
}

/// Reads a list of orders before a time from its first to its last. `request` answers with a page of those that begin
/// before a time. Each page is chosen so that it has the last order that was read, which shows where the next one is.
fn walk(
    end_s: i64,
    request: &mut dyn FnMut(i64, Page) -> Result<Vec<Value>, Failure>,
    print: &mut dyn FnMut(&[Value]) -> bool,
) -> Result<(), Failure> {
    let mut last: Option<Place> = None;
    let mut before_s = end_s;
    // The position of the last order among those that begin before this time, if nothing has changed.
    let mut position = 0;
    loop {
        let page = Page::with(position);
        let orders = request(before_s, page)?;
        let places = orders.iter().map(place_of).collect::<Option<Vec<Place>>>();
        let places =
            places.ok_or_else(|| Failure::new("an order of the answer has no number or start time"))?;
        let is_known = |place: &&Place| last.as_ref().is_some_and(|last| *place >= last);
        let known = places.iter().take_while(is_known).count();
        if last.is_some() && known == 0 && page.page > 1 {
            // Orders before it have left, and the next ones have moved to a page before this one.
            position = page.offset();
            continue;
        }
        let new = orders.get(known..).unwrap_or_default();
        position = page.offset() + length(&orders);
        if let Some(end) = places.last().filter(|_| !new.is_empty()) {
            if !print(new) {
                return Ok(());
            }
            if end.0 + 1 < before_s {
                // From here the list is asked for by time, so that what arrives before it moves nothing.
                before_s = end.0 + 1;
                position =
                    places.iter().filter(|place| place.0 == end.0).count().try_into().unwrap_or(PAGE_SIZE);
            }
            last = Some(end.clone());
        }
        if length(&orders) < page.size {
            return Ok(());
        }
    }
}

fn place_of(order: &Value) -> Option<Place> {
    Some((order["StartTime"].as_i64()?, order["OrderNo"].as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    /// A number that follows from another, without a pattern in its high bits.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn a_page_has_the_last_order_and_many_more() {
        for position in 0..20_000 {
            let Page { page, size } = Page::with(position);
            assert!((10..=100).contains(&size) && page >= 1);
            assert!(
                position == 0 || ((page - 1) * size..page * size).contains(&(position - 1)),
                "{position}"
            );
            assert!(page * size - position > 48, "{position}: {page} of {size}");
        }
    }

    /// Lists of several shapes that change between the requests: an order that is there from the first request to the last
    /// is read exactly once, none is read twice, and all are in the order of the list.
    #[test]
    fn a_list_that_changes_is_read_once_and_whole() {
        for seed in 0..60 {
            let mut state = seed;
            let hours = [1, 3, 50, 700][usize::try_from(seed % 4).unwrap()];
            let order = |state: &mut u64| -> Place {
                (
                    i64::try_from(next(state) % hours).unwrap() * 3_600,
                    format!("O{:08}", next(state) % 100_000_000),
                )
            };
            let mut list: BTreeSet<Place> = (0..1_500).map(|_| order(&mut state)).collect();
            let mut always = list.clone();
            let changes = if seed < 8 { 0 } else { next(&mut state) % 200 };
            let mut read: Vec<Place> = Vec::new();
            let mut requests = 0;
            let mut request = |before_s: i64, page: Page| {
                requests += 1;
                for _ in 0..changes {
                    if next(&mut state).is_multiple_of(2) {
                        list.insert(order(&mut state));
                    } else if let Some(gone) =
                        list.iter().nth(usize::try_from(next(&mut state)).unwrap() % list.len()).cloned()
                    {
                        list.remove(&gone);
                        always.remove(&gone);
                    }
                }
                let found = list.iter().rev().filter(|place| place.0 < before_s);
                let found = found
                    .skip(usize::try_from(page.offset()).unwrap())
                    .take(usize::try_from(page.size).unwrap());
                Ok(found.map(|(start_s, number)| json!({"StartTime": start_s, "OrderNo": number})).collect())
            };
            walk(i64::MAX, &mut request, &mut |orders| {
                read.extend(orders.iter().filter_map(place_of));
                true
            })
            .unwrap();
            assert!(read.windows(2).all(|two| two[0] > two[1]), "{seed}: in order and once");
            let read: BTreeSet<Place> = read.into_iter().collect();
            assert_eq!(always.difference(&read).count(), 0, "{seed}: orders are missing");
            if changes == 0 {
                assert_eq!(read, list);
                assert!(requests <= 40, "{requests} requests for 1,500 orders in {hours} hours");
            }
        }
    }

    #[test]
    fn reading_ends_when_nothing_more_can_be_printed() {
        let page: Vec<Value> =
            (0..100).rev().map(|number| json!({"StartTime": number, "OrderNo": "O"})).collect();
        let mut requests = 0;
        let mut request = |_: i64, _: Page| {
            requests += 1;
            Ok(page.clone())
        };
        walk(i64::MAX, &mut request, &mut |_| false).unwrap();
        assert_eq!(requests, 1);
    }
}
