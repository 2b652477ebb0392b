//! Measuring one case by one method. All methods must find the same: each Total and each first order is compared.

use std::hint::black_box;

use serde_json::Value;
use tollbook_domain::OrderQuery;

use super::bare::Bare;
use super::cases::{Case, PAGE_SIZE, Question};
use crate::Result;
use crate::http::{Client, answer};
use crate::server::Running;
use crate::site::Site;
use crate::timing::{Sampling, Timings};

/// Ways to the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Store,
    Http,
    Bare,
    Count,
}

/// All of them, in the order of the tables' columns.
pub(super) const METHODS: [Method; 4] = [Method::Store, Method::Http, Method::Bare, Method::Count];

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Http => "HTTP",
            Self::Bare => "bare SQL",
            Self::Count => "count(*)",
        }
    }
}

/// What every method must find: how many orders match, and the number of the first one on the page, if it is a list.
type Found = (i64, Option<String>);

/// A site with all that is needed to ask it.
pub(super) struct Measurer<'s> {
    site: &'s Site,
    client: Client,
    bare: Bare,
    sampling: Sampling,
}

impl<'s> Measurer<'s> {
    pub(super) fn new(site: &'s Site, server: &Running, sampling: Sampling) -> Result<Self> {
        let client = Client::connect(server.address, &server.keys)?;
        Ok(Self { site, client, bare: Bare::open(site)?, sampling })
    }

    /// The least that a request takes: it reads one setting.
    pub(super) fn health(&mut self) -> Result<Timings> {
        self.sampling.time(|| self.client.get("/healthz"), |_| Ok(()))
    }

    pub(super) fn time(&mut self, case: &Case, method: Method) -> Result<Timings> {
        let query = case.query(self.site);
        let offset = self.offset(case, &query)?;
        let expected = self.expected(case, &query, offset)?;
        match method {
            Method::Store => self.store(case, &query, offset),
            Method::Http => self.http(case, offset, &expected),
            Method::Bare => self.bare(case, &query, offset, &expected),
            Method::Count => {
                let (total, _) = expected;
                let mut count = self.bare.count(case, &query)?;
                self.sampling.time(|| count.run(), |found| same(&found, &total))
            }
        }
    }

    fn offset(&self, case: &Case, query: &OrderQuery) -> Result<i64> {
        if case.ask != Question::MiddlePage {
            return Ok(0);
        }
        let total = self.site.store.snapshot()?.count(query)?;
        Ok((total / 2 / PAGE_SIZE - 1).max(0) * PAGE_SIZE)
    }

    fn expected(&self, case: &Case, query: &OrderQuery, offset: i64) -> Result<Found> {
        let mut snapshot = self.site.store.snapshot()?;
        if case.is_list() {
            let page = snapshot.page(query, offset, PAGE_SIZE)?;
            return Ok((page.total, page.orders.first().map(|stored| stored.order.number.clone())));
        }
        Ok((snapshot.sums(query)?.iter().map(|(_, measures)| measures.orders).sum(), None))
    }

    fn store(&self, case: &Case, query: &OrderQuery, offset: i64) -> Result<Timings> {
        let work = || {
            let mut snapshot = self.site.store.snapshot()?;
            match case.ask {
                Question::FirstPage | Question::MiddlePage => {
                    black_box(snapshot.page(query, offset, PAGE_SIZE)?);
                }
                Question::Amount => {
                    black_box(snapshot.sums(query)?);
                }
                Question::Summary => {
                    black_box(snapshot.sums_by_line(query)?);
                }
            }
            Ok(())
        };
        self.sampling.time(work, Ok)
    }

    fn http(&mut self, case: &Case, offset: i64, expected: &Found) -> Result<Timings> {
        let parameters = case.parameters(self.site, offset / PAGE_SIZE + 1);
        let client = &mut self.client;
        self.sampling.time(
            || client.action(case.action(), &parameters),
            |body| {
                let answer = answer(&body)?;
                let found = match case.ask {
                    Question::FirstPage | Question::MiddlePage => listed(&answer),
                    Question::Amount => (integer(&answer, "OrderCount"), None),
                    Question::Summary => (counted(&answer), None),
                };
                same(&found, expected)
            },
        )
    }

    fn bare(&mut self, case: &Case, query: &OrderQuery, offset: i64, expected: &Found) -> Result<Timings> {
        if !case.is_list() {
            let mut aggregate = self.bare.aggregate(case, query)?;
            return self.sampling.time(|| aggregate.run(), |found| same(&found, &expected.0));
        }
        let mut page = self.bare.page(case, query, offset)?;
        let mut total = self.bare.total(case, query)?;
        self.sampling.time(|| Ok((total.run()?, page.first_number()?)), |found| same(&found, expected))
    }
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result {
    if found == expected { Ok(()) } else { Err(format!("found {found:?} instead of {expected:?}").into()) }
}

fn integer(object: &Value, name: &str) -> i64 {
    object.get(name).and_then(Value::as_i64).unwrap_or(-1)
}

fn listed(answer: &Value) -> Found {
    let first = answer.pointer("/Orders/0/OrderNo").and_then(Value::as_str);
    (integer(answer, "Total"), first.map(ToOwned::to_owned))
}

fn counted(answer: &Value) -> i64 {
    let rows = answer.get("Summaries").and_then(Value::as_array);
    rows.into_iter().flatten().map(|row| integer(row, "OrderCount")).sum()
}
