//! The naive model that answers are compared with: a vector of orders and a `for` loop.

use std::collections::BTreeMap;

use tollbook_domain::{
    AccountKind, Amount, AmountRule, Deductions, Line, LineFilter, Measures, NewOrder, Order, OrderQuery,
    Status, StatusSet, TimeRange, UnitPrice,
};

#[derive(Default)]
pub(crate) struct Model(pub(crate) Vec<NewOrder>);

impl Model {
    pub(crate) fn matching(&self, query: &OrderQuery) -> Vec<&NewOrder> {
        let mut found: Vec<&NewOrder> = self
            .0
            .iter()
            .filter(|new| {
                let order = &new.order;
                new.company_id == query.company_id
                    && order.start_time_s >= query.range.start_s()
                    && order.start_time_s < query.range.end_s()
                    && query.statuses.contains(order.status)
                    && query.lines.matches(&new.line)
                    && (query.order_numbers.is_empty()
                        || query
                            .order_numbers
                            .iter()
                            .any(|n| *n == order.number || (!n.is_empty() && *n == order.counterpart)))
            })
            .collect();
        found.sort_by(|a, b| {
            b.order.start_time_s.cmp(&a.order.start_time_s).then_with(|| b.order.number.cmp(&a.order.number))
        });
        found
    }

    pub(crate) fn sums(&self, query: &OrderQuery) -> Vec<(Status, Measures)> {
        let found = self.matching(query);
        let of = |status| {
            let mut sum = Measures::default();
            found
                .iter()
                .filter(|new| new.order.status == status)
                .for_each(|new| sum.add(&Measures::of(&new.order)));
            (status, sum)
        };
        query.statuses.iter().map(of).collect()
    }

    pub(crate) fn sums_by_line(&self, query: &OrderQuery) -> Vec<(Status, Line, Measures)> {
        let mut sums: BTreeMap<(Status, String), (Line, Measures)> = BTreeMap::new();
        for new in self.matching(query) {
            let key = (new.order.status, format!("{:?}", new.line));
            let entry = sums.entry(key).or_insert_with(|| (new.line.clone(), Measures::default()));
            entry.1.add(&Measures::of(&new.order));
        }
        sums.into_iter().map(|((status, _), (line, measures))| (status, line, measures)).collect()
    }
}

pub(crate) fn line(n: i64) -> Line {
    Line {
        organization_id: 1 + n % 2,
        organization_name: String::new(),
        user_email: String::new(),
        resource_id: format!("key-{}", n % 7),
        resource_name: String::new(),
        resource_type: 1,
        model_id: format!("model-{}", n % 5),
        model_name: format!("Model {}", n % 5),
        pricing_sku: ["input", "output"][usize::try_from(n % 2).unwrap()].into(),
        pricing_item_id: n / 70,
        pricing_unit: 11,
        product_code: "modelverse".into(),
        region: ["cn-wlcb", "us-ca"][usize::try_from(n % 3 / 2).unwrap()].into(),
        charge_type: 102,
        order_type: if n % 2 == 0 { 102 } else { 301 },
        channel: 1,
        currency: "CNY".into(),
        list_price: UnitPrice::parse("0.004").unwrap(),
        discount_price: UnitPrice::parse("0.003").unwrap(),
        amount_rule: AmountRule::Exact,
    }
}

pub(crate) fn order(id: i64, line_number: i64, status: Status, start_time_s: i64, quantity: i64) -> NewOrder {
    let line = line(line_number);
    let total = line.discount_price.charge(quantity, 1_000).unwrap();
    let original = line.list_price.charge(quantity, 1_000).unwrap();
    let bonus = Amount::from_steps(total.steps() / 3);
    let paid = status == Status::Paid;
    let deductions = if paid {
        let cash = Amount::from_steps(total.steps() - bonus.steps());
        Deductions::default().with(AccountKind::Bonus, bonus).with(AccountKind::Cash, cash)
    } else {
        Deductions::default()
    };
    let arrears = !paid || id % 5 == 0;
    let (o, u) = (format!("O{id:06}"), if arrears { format!("U{id:06}") } else { String::new() });
    NewOrder {
        company_id: 1,
        line,
        order: Order {
            number: if paid { o.clone() } else { u.clone() },
            counterpart: if paid { u } else { o },
            status,
            start_time_s,
            end_time_s: start_time_s + 3_600,
            quantity,
            total,
            original,
            deductions,
            create_time_s: (!paid).then_some(start_time_s + 3_660),
            paid_time_s: paid.then_some(start_time_s + 3_700),
            revocation_time_s: (status == Status::Revoked).then_some(start_time_s + 9_000),
            replaces: String::new(),
            replaced_by: String::new(),
        },
    }
}

pub(crate) fn query(start_s: i64, end_s: i64, statuses: &[Status]) -> OrderQuery {
    OrderQuery {
        company_id: 1,
        range: TimeRange::new(start_s, end_s).unwrap(),
        statuses: StatusSet::of(statuses),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    }
}
