//! The orders that a transaction makes and changes, collected for events. One transaction makes one event of a kind,
//! however many orders it is about: closing an hour makes up to 2,000 at a time.

use serde_json::{Value, json};
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Line, Order, OrderQuery, Status};
use tollbook_store::{StoreResult, Transaction};

use super::standing::arrears_query;
use crate::webhooks::{EventKind, Subscribers, order_value};

/// Orders that an event lists.
const LISTED: usize = 50;

/// The orders of one event.
#[derive(Default)]
struct Collected {
    orders: i64,
    total: i128,
    /// The earliest and the latest start.
    range: Option<(i64, i64)>,
    currency: String,
    listed: Vec<Value>,
}

impl Collected {
    fn add(&mut self, order: &Order, line: &Line) {
        self.orders += 1;
        self.total += i128::from(order.total.steps());
        let (from_s, to_s) = self.range.unwrap_or((order.start_time_s, order.start_time_s));
        self.range = Some((from_s.min(order.start_time_s), to_s.max(order.start_time_s)));
        if self.listed.len() < LISTED {
            self.currency.clone_from(&line.currency);
            self.listed.push(order_value(order, line));
        }
    }

    fn data(self, company_id: i64, (action, status): (&str, Status)) -> Value {
        let (from_s, to_s) = self.range.unwrap_or_default();
        json!({
            "CompanyID": company_id,
            "Currency": self.currency,
            "OrderCount": self.orders,
            "OrderTotalPrice": format_amount_sum(self.total),
            "Orders": self.listed,
            // The end of a range is not in it.
            "Query": {
                "Action": action,
                "Statuses": [status.number()],
                "StartTime": from_s,
                "EndTime": to_s + 1,
            },
        })
    }
}

/// The orders of a transaction by what became of them, and the change of the number of unpaid ones.
#[derive(Default)]
pub(super) struct OrderEvents {
    made_unpaid: Collected,
    paid: Collected,
    revoked: Collected,
    replaced: Collected,
    unpaid_change: i64,
}

impl OrderEvents {
    /// Adds an order that was made.
    pub(super) fn made(&mut self, order: &Order, line: &Line) {
        match order.status {
            Status::Paid => self.paid.add(order, line),
            Status::Unpaid => {
                self.made_unpaid.add(order, line);
                self.unpaid_change += 1;
            }
            Status::Revoked => {}
        }
    }

    /// Adds an order that was paid, revoked or replaced.
    pub(super) fn changed(&mut self, before: Status, order: &Order, line: &Line) {
        self.unpaid_change -= i64::from(before == Status::Unpaid);
        match order.status {
            Status::Paid => self.paid.add(order, line),
            Status::Revoked if order.replaced_by.is_empty() => self.revoked.add(order, line),
            Status::Revoked => self.replaced.add(order, line),
            Status::Unpaid => self.unpaid_change += 1,
        }
    }

    /// Writes the events. The orders must have been written by the transaction.
    pub(super) fn record(
        self,
        transaction: &mut dyn Transaction,
        subscribers: &Subscribers,
        company_id: i64,
        now_s: i64,
    ) -> StoreResult<()> {
        let changes_arrears = self.unpaid_change != 0;
        let unpaid_change = self.unpaid_change;
        for (kind, orders, query) in [
            (EventKind::OrderReplaced, self.replaced, ("ListPaidOrders", Status::Revoked)),
            (EventKind::OrderRevoked, self.revoked, ("ListPaidOrders", Status::Revoked)),
            (EventKind::OrderUnpaid, self.made_unpaid, ("ListUnpaidOrders", Status::Unpaid)),
            (EventKind::OrderPaid, self.paid, ("ListPaidOrders", Status::Paid)),
        ] {
            if orders.orders > 0 && subscribers.wants(kind) {
                subscribers.record(transaction, kind, &orders.data(company_id, query), now_s)?;
            }
        }
        let wants_arrears =
            subscribers.wants(EventKind::ArrearsBegan) || subscribers.wants(EventKind::ArrearsEnded);
        if !changes_arrears || !wants_arrears {
            return Ok(());
        }
        let query: OrderQuery = arrears_query(company_id);
        let unpaid = transaction.sums(&query)?.into_iter().next();
        let unpaid = unpaid.map(|(_, measures)| measures).unwrap_or_default();
        let kind = match (unpaid.orders - unpaid_change, unpaid.orders) {
            (0, 1..) => EventKind::ArrearsBegan,
            (1.., 0) => EventKind::ArrearsEnded,
            _ => return Ok(()),
        };
        let currency = transaction.company(company_id)?.map(|company| company.currency).unwrap_or_default();
        let data = json!({
            "CompanyID": company_id,
            "Currency": currency,
            "UnpaidCount": unpaid.orders,
            "UnpaidAmount": format_amount_sum(unpaid.total),
        });
        subscribers.record(transaction, kind, &data, now_s)
    }
}
