//! Measures one case by one method. Each Total and each first order is compared between the methods.

use std::hint::black_box;

use serde_json::Value;
use tollbook_domain::OrderQuery;

use super::bare::Bare;
use super::cases::{Case, PAGE_SIZE, RequestKind};
use crate::check::same;
use crate::fixture::Fixture;
use crate::http::{Client, answer};
use crate::in_process_server::InProcessServer;
use crate::result::Result;
use crate::timing::{Sampling, Timings};

/// Methods to get the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Store,
    Http,
    Bare,
    Count,
}

/// All methods, in the order of the columns of the tables.
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

/// The answer, which must be the same for all methods: the number of matching orders, and for a list the number of the
/// first order on the page.
type Found = (i64, Option<String>);

/// A fixture with everything that is needed to query it.
pub(super) struct Measurer<'s> {
    fixture: &'s Fixture,
    client: Client,
    bare: Bare,
    sampling: Sampling,
}

impl<'s> Measurer<'s> {
    pub(super) fn new(fixture: &'s Fixture, server: &InProcessServer, sampling: Sampling) -> Result<Self> {
        let client = Client::connect(server.address, &server.keys)?;
        Ok(Self { fixture, client, bare: Bare::open(fixture)?, sampling })
    }

    /// Times the cheapest request, which reads one setting.
    pub(super) fn health(&mut self) -> Result<Timings> {
        self.sampling.time(|| self.client.get("/healthz"), |_| Ok(()))
    }

    pub(super) fn time(&mut self, case: &Case, method: Method) -> Result<Timings> {
        let query = case.query(self.fixture);
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
        if case.kind != RequestKind::MiddlePage {
            return Ok(0);
        }
        let total = self.fixture.store.snapshot()?.count(query)?;
        Ok((total / 2 / PAGE_SIZE - 1).max(0) * PAGE_SIZE)
    }

    fn expected(&self, case: &Case, query: &OrderQuery, offset: i64) -> Result<Found> {
        let mut snapshot = self.fixture.store.snapshot()?;
        if case.is_list() {
            let page = snapshot.page(query, offset, PAGE_SIZE)?;
            return Ok((page.total, page.orders.first().map(|stored| stored.order.number.clone())));
        }
        Ok((snapshot.sums(query)?.iter().map(|(_, measures)| measures.orders).sum(), None))
    }

    fn store(&self, case: &Case, query: &OrderQuery, offset: i64) -> Result<Timings> {
        let work = || {
            let mut snapshot = self.fixture.store.snapshot()?;
            match case.kind {
                RequestKind::FirstPage | RequestKind::MiddlePage => {
                    black_box(snapshot.page(query, offset, PAGE_SIZE)?);
                }
                RequestKind::Amount => {
                    black_box(snapshot.sums(query)?);
                }
                RequestKind::Summary => {
                    black_box(snapshot.sums_by_line(query)?);
                }
            }
            Ok(())
        };
        self.sampling.time(work, Ok)
    }

    fn http(&mut self, case: &Case, offset: i64, expected: &Found) -> Result<Timings> {
        let parameters = case.parameters(self.fixture, offset / PAGE_SIZE + 1);
        let client = &mut self.client;
        self.sampling.time(
            || client.action(case.action(), &parameters),
            |body| {
                let answer = answer(&body)?;
                let found = match case.kind {
                    RequestKind::FirstPage | RequestKind::MiddlePage => listed(&answer),
                    RequestKind::Amount => (integer(&answer, "OrderCount"), None),
                    RequestKind::Summary => (counted(&answer), None),
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
