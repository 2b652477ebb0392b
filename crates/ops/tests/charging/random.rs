//! The property test: the same random days of a deployment in the program and in the naive model, everything compared.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tollbook_domain::account::{AccountKind, Cause, Deposit};
use tollbook_domain::{
    Amount, Discount, Line, LineFilter, NewOrder, Order, Price, Status, TimeRange, UnitPrice, Usage,
};
use tollbook_ops::charging::{
    Rater, UsageResult, deposit, pay_unpaid, revoke, set_credit_limit, set_offset, settle_all, tick,
};
use tollbook_store::{Outcome, Uncharged};

use crate::model::{Answer, KINDS, MCompany, MLine, Model, ModelOrder, State, Where, total};
use crate::place::{BASE_S, Backend, HOUR_S, Place, money, price, query, usage};

const COMPANIES: usize = 2;
const MODELS: [&str; 4] = ["m", "n", "free", "none"];

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Use(Vec<Record>),
    Wait(i64),
    Tick,
    SettleAll,
    Deposit { company: usize, kind: usize, amount: i64, lasts_s: Option<i64>, model: Option<usize>, key: u8 },
    Again(usize),
    Limit { company: usize, limit: i64 },
    Pay { company: usize, picks: Vec<usize> },
    Revoke { company: usize, picks: Vec<usize> },
    Price { model: usize, sku: usize, steps: i64, ago_h: i64 },
    Discount { company: usize, model: usize, factor: i64 },
    Import { company: usize, id: u8, hour: i64, quantity: i64, is_paid: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    company: usize,
    id: u8,
    source: bool,
    time_s: i64,
    organization_id: i64,
    model: usize,
    quantities: [i64; 2],
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let company = || 0..COMPANIES;
    let quantity = prop_oneof![1 => Just(0i64), 6 => 1..500_000i64, 1 => 1..4_000_000_000i64];
    let time = prop_oneof![6 => -4_000..3_000i64, 2 => -30_000..0i64, 1 => -200_000..4_000i64];
    let record = (company(), 0..30u8, any::<bool>(), time, 1..3i64, 0..4usize, [quantity.clone(), quantity])
        .prop_map(|(company, id, source, time_s, organization_id, model, quantities)| Record {
            company,
            id,
            source,
            time_s,
            organization_id,
            model,
            quantities,
        });
    let money = || prop_oneof![1..1_000i64, 1..2_000_000i64, 1..400_000_000i64];
    let picks = || prop::collection::vec(0..60usize, 1..6);
    let operation = prop_oneof![
        8 => prop::collection::vec(record, 1..12).prop_map(Operation::Use),
        4 => prop_oneof![1..700i64, 1..8_000i64, 1..90_000i64].prop_map(Operation::Wait),
        5 => Just(Operation::Tick),
        1 => Just(Operation::SettleAll),
        5 => (company(), 0..5usize, money(), prop::option::of(1..20_000i64), prop::option::of(0..2usize), 0..200u8)
            .prop_map(|(company, kind, amount, lasts_s, model, key)| {
                Operation::Deposit { company, kind, amount, lasts_s, model, key }
            }),
        1 => (0..20usize).prop_map(Operation::Again),
        1 => (company(), money()).prop_map(|(company, limit)| Operation::Limit { company, limit }),
        3 => (company(), picks()).prop_map(|(company, picks)| Operation::Pay { company, picks }),
        2 => (company(), picks()).prop_map(|(company, picks)| Operation::Revoke { company, picks }),
        2 => (0..4usize, 0..2usize, prop_oneof![Just(0i64), 1..40_000i64, 1..9i64], 0..60i64)
            .prop_map(|(model, sku, steps, ago_h)| Operation::Price { model, sku, steps, ago_h }),
        1 => (0..=COMPANIES, 0..3usize, 0..=1_000_000_000_000i64)
            .prop_map(|(company, model, factor)| Operation::Discount { company, model, factor }),
        1 => (company(), any::<u8>(), 0..5i64, prop_oneof![Just(0i64), 1..1_000i64], any::<bool>())
            .prop_map(|(company, id, hour, quantity, is_paid)| {
                Operation::Import { company, id, hour, quantity, is_paid }
            }),
    ];
    prop::collection::vec(operation, 10..45)
}

struct Game<'a> {
    place: &'a Place,
    rater: Rater<'a>,
    model: Model,
    now_s: i64,
    sent: Vec<Usage>,
    deposits: Vec<(i64, Deposit)>,
}

fn id(company: usize) -> i64 {
    i64::try_from(company).unwrap() + 1
}

fn answer(pricing_state: &UsageResult) -> Answer {
    match pricing_state {
        UsageResult::Charged => Answer::Charged,
        UsageResult::Free => Answer::Free,
        UsageResult::Unpriced(_) => Answer::Unpriced,
        UsageResult::Duplicate => Answer::Duplicate,
        UsageResult::Refused(_) => Answer::Refused,
    }
}

fn skus(line: &Line) -> MLine {
    MLine {
        organization_id: line.organization_id,
        model: line.model_id.clone(),
        sku: line.pricing_sku.clone(),
        list: line.list_price.steps(),
        discounted: line.discount_price.steps(),
    }
}

impl Game<'_> {
    fn perform(&mut self, operation: &Operation) {
        let (place, now_s) = (self.place, self.now_s);
        let charging = place.charging();
        match operation {
            Operation::Use(records) => {
                let records: Vec<Usage> = records.iter().map(|record| self.usage(record)).collect();
                let fates = self.rater.accept(records.clone(), now_s, None).unwrap();
                let said: Vec<Answer> = fates.iter().map(answer).collect();
                assert_eq!(said, self.model.accept(&records, now_s), "{records:?}");
                self.sent.extend(records);
            }
            Operation::Wait(seconds) => self.now_s += seconds,
            Operation::Tick => {
                tick(&charging, "worker", now_s).unwrap();
                self.model.tick(now_s);
                self.name_orders();
            }
            Operation::SettleAll => {
                settle_all(&charging, "operator", now_s).unwrap();
                self.model.settle_all(now_s);
                self.name_orders();
            }
            Operation::Deposit { company, kind, amount, lasts_s, model, key } => {
                let mut of = money(KINDS[*kind], *amount, &format!("deposit {key}"));
                of.expires_s = lasts_s.map(|lasts_s| now_s + lasts_s);
                of.models = model.iter().map(|model| MODELS[*model].to_owned()).collect();
                if *kind > 2 && key % 4 > 0 {
                    // Mostly without what only grants may have.
                    (of.expires_s, of.models) = (None, Vec::new());
                }
                self.deposits.push((id(*company), of.clone()));
                self.deposit(id(*company), &of);
            }
            Operation::Again(place) => {
                if let Some((company_id, of)) = self.deposits.get(*place).cloned() {
                    self.deposit(company_id, &of);
                }
            }
            Operation::Limit { company, limit } => {
                let said = set_credit_limit(&charging, id(*company), Amount::from_steps(*limit), now_s);
                assert_eq!(said.is_ok(), self.model.companies[*company].set_limit((*limit).into()));
            }
            Operation::Pay { company, picks } => self.pay(*company, picks),
            Operation::Revoke { company, picks } => self.revoke(*company, picks),
            Operation::Price { model, sku, steps, ago_h } => {
                let mut of = price(MODELS[*model], ["input", "output"][*sku], *steps);
                of.valid_from_s = BASE_S + (24 - ago_h) * HOUR_S;
                self.add_price(&of);
            }
            Operation::Discount { company, model, factor } => {
                let company_id = i64::try_from(*company).unwrap();
                let model = ["", MODELS[0], MODELS[1]][*model];
                let factor = UnitPrice::from_steps(*factor);
                let discount = Discount { company_id, model_id: model.into(), sku: String::new(), factor };
                place.set_discount(&discount);
                self.model.discount(company_id, model, factor.steps());
            }
            Operation::Import { company, id, hour, quantity, is_paid } => {
                self.import(*company, *id, *hour, *quantity, *is_paid);
            }
        }
    }

    fn usage(&self, record: &Record) -> Usage {
        let name = format!("r{:02}", record.id);
        let mut usage = usage(id(record.company), &name, self.now_s + record.time_s, MODELS[record.model], 0);
        usage.source = if record.source { "a" } else { "b" }.into();
        usage.organization_id = record.organization_id;
        let [input, output] = record.quantities;
        usage.quantities = vec![("input".into(), input), ("output".into(), output)];
        // The same id at the same hour comes again now and then: sometimes the very same record does.
        let same = |sent: &&Usage| {
            (sent.company_id, &sent.source, &sent.id) == (usage.company_id, &usage.source, &usage.id)
                && record.time_s % 3 == 0
        };
        self.sent.iter().find(same).cloned().unwrap_or(usage)
    }

    fn add_price(&mut self, of: &Price) {
        self.place.put(std::slice::from_ref(of));
        self.model.put(of);
    }

    fn deposit(&mut self, company_id: i64, of: &Deposit) {
        let company = &mut self.model.companies[usize::try_from(company_id).unwrap() - 1];
        let said = deposit(&self.place.charging(), company_id, of, true, self.now_s);
        let expected = company.deposit(of, self.now_s);
        assert_eq!(said.as_ref().ok().map(|said| !said.is_repeated), expected, "{of:?}");
        if expected.is_some() {
            company.pay_arrears(true, self.now_s);
        }
    }

    /// Numbers of every kind: U, O, of nobody.
    fn number(&self, company: usize, pick: usize) -> (String, Option<usize>) {
        let orders = &self.model.companies[company].orders;
        if orders.is_empty() || pick == 0 {
            return (format!("nobody's {pick}"), None);
        }
        let order = &orders[pick % orders.len()];
        if order.was_unpaid && pick % 10 < 8 {
            (order.arrears.clone(), Some(pick % orders.len()))
        } else {
            (order.source.clone(), Some(pick % orders.len()))
        }
    }

    fn pay(&mut self, company: usize, picks: &[usize]) {
        let numbers: Vec<(String, Option<usize>)> =
            picks.iter().map(|pick| self.number(company, *pick)).collect();
        let asked: Vec<String> = numbers.iter().map(|(number, _)| number.clone()).collect();
        let sees = |line: &Line| line.organization_id != 2 || !picks.contains(&1);
        let said = pay_unpaid(&self.place.charging(), id(company), &asked, &sees, self.now_s).unwrap();
        let of = &mut self.model.companies[company];
        let mut expected: Vec<(String, &str)> = Vec::new();
        for (number, place) in numbers {
            if expected.iter().any(|(known, _)| *known == number) {
                continue;
            }
            let result = match place {
                Some(place) if of.orders[place].arrears == number => {
                    if of.orders[place].line.organization_id == 2 && picks.contains(&1) {
                        "ORDER_NOT_FOUND"
                    } else {
                        of.pay_order(place, self.now_s)
                    }
                }
                _ => "ORDER_NOT_FOUND",
            };
            expected.push((number, result));
        }
        let said: Vec<(String, &str)> = said
            .iter()
            .map(|payment| (payment.number.clone(), payment.result.err().map_or("", |why| why.name())))
            .collect();
        assert_eq!(said, expected);
    }

    fn revoke(&mut self, company: usize, picks: &[usize]) {
        let numbers: Vec<(String, Option<usize>)> =
            picks.iter().map(|pick| self.number(company, *pick)).collect();
        let asked: Vec<String> = numbers.iter().map(|(number, _)| number.clone()).collect();
        let said = revoke(&self.place.charging(), id(company), &asked, "a mistake", self.now_s).unwrap();
        let of = &mut self.model.companies[company];
        for ((_, place), said) in numbers.into_iter().zip(said) {
            let expected = place.map_or("NotFound", |place| of.revoke(place));
            assert_eq!(format!("{:?}", said.outcome), expected, "{}", said.number);
        }
    }

    fn import(&mut self, company: usize, number: u8, hour: i64, quantity: i64, is_paid: bool) {
        let line = MLine {
            organization_id: 1,
            model: "m".into(),
            sku: "input".into(),
            list: 10_000,
            discounted: 10_000,
        };
        let sum = Amount::from_steps(i64::try_from(total(line.discounted, quantity)).unwrap());
        let (source, arrears) = (format!("IMP{number:03}"), format!("UMP{number:03}"));
        let bucket_s = BASE_S + hour * HOUR_S;
        let mut deductions = tollbook_domain::Deductions::default();
        if is_paid {
            *deductions.get_mut(AccountKind::Cash) = sum;
        }
        let new = NewOrder {
            company_id: id(company),
            line: Line { user_email: "imported".into(), ..whole(&line) },
            order: Order {
                number: if is_paid { source.clone() } else { arrears.clone() },
                counterpart: if is_paid { String::new() } else { source.clone() },
                status: if is_paid { Status::Paid } else { Status::Unpaid },
                start_time_s: bucket_s,
                end_time_s: bucket_s + HOUR_S,
                quantity,
                total: sum,
                original: sum,
                deductions,
                create_time_s: (!is_paid).then_some(bucket_s),
                paid_time_s: is_paid.then_some(bucket_s),
                revocation_time_s: None,
            },
        };
        new.check(&self.place.catalogue).unwrap();
        let mut transaction = self.place.store.begin().unwrap();
        let outcome = transaction.add_orders(&[new]).unwrap()[0];
        transaction.commit().unwrap();
        let of = &mut self.model.companies[company];
        if of.orders.iter().any(|order| order.source == source) {
            assert_ne!(outcome, Outcome::Added);
            return;
        }
        assert_eq!(outcome, Outcome::Added);
        of.orders.push(ModelOrder {
            source,
            arrears: if is_paid { String::new() } else { arrears },
            start_s: bucket_s,
            line,
            is_supplementary: false,
            quantity,
            total: sum.steps().into(),
            state: if is_paid { State::Paid } else { State::Unpaid },
            was_unpaid: !is_paid,
            is_settled_here: false,
            parts: vec![(AccountKind::Cash, 0, sum.steps().into())],
        });
    }

    /// The program gives numbers that rise; the model's new orders are in the order in which they were made.
    fn name_orders(&mut self) {
        for (company, of) in self.model.companies.iter_mut().enumerate() {
            let mut new: Vec<(String, String)> = Vec::new();
            for status in Status::ALL {
                for stored in self.place.orders(id(company), status) {
                    let source = stored.order.source_number().to_owned();
                    if !of.orders.iter().any(|order| order.source == source) {
                        new.push((source, stored.order.arrears_number().to_owned()));
                    }
                }
            }
            new.sort_by_key(|(source, _)| source[source.len() - 10..].to_owned());
            let mut new = new.into_iter();
            for order in of.orders.iter_mut().filter(|order| order.source.is_empty()) {
                (order.source, order.arrears) = new.next().expect("the model has more orders");
            }
            assert_eq!(new.next(), None, "the program has more orders");
        }
    }

    fn compare(&self) {
        for (company, of) in self.model.companies.iter().enumerate() {
            self.compare_orders(company);
            self.compare_money(company);
            let line_of = |line: &MLine| (line.model.clone(), line.organization_id);
            for (model, organization) in
                [(None, None), (Some("m"), None), (None, Some(2)), (Some("n"), Some(1))]
            {
                let sum: i128 = of
                    .open
                    .iter()
                    .filter(|open| model.is_none_or(|model| line_of(&open.line).0 == model))
                    .filter(|open| organization.is_none_or(|one| line_of(&open.line).1 == one))
                    .map(|open| total(open.line.discounted, open.quantity))
                    .sum();
                let mut asked = query(id(company), &[Status::Unpaid]);
                asked.lines = LineFilter::default()
                    .model_ids(model.map(str::to_owned).into_iter().collect())
                    .visible_organizations(organization.map(|one| vec![one]));
                assert_eq!(self.place.pending(&asked), sum, "pending of {model:?} {organization:?}");
            }
            let border_s = of.open.first().map_or(BASE_S, |open| open.bucket_s);
            let mut asked = query(id(company), &[]);
            for (from_s, until_s) in [(0, border_s), (border_s, border_s + 1), (border_s + 1, BASE_S * 2)] {
                if from_s >= until_s {
                    continue;
                }
                asked.range = TimeRange::new(from_s, until_s).unwrap();
                let inside = of.open.iter().filter(|open| (from_s..until_s).contains(&open.bucket_s));
                let sum: i128 = inside.map(|open| total(open.line.discounted, open.quantity)).sum();
                assert_eq!(self.place.pending(&asked), sum);
            }
            for (uncharged, place) in [(Uncharged::Free, Where::Free), (Uncharged::Unpriced, Where::Unpriced)]
            {
                let mut expected: Vec<Usage> = of
                    .records
                    .iter()
                    .filter(|record| record.place == place)
                    .map(|record| record.usage.clone())
                    .collect();
                expected.sort_by_key(|usage| (usage.hour(), usage.source.clone(), usage.id.clone()));
                let kept = self.place.store.snapshot().unwrap().uncharged_usage(
                    id(company),
                    uncharged,
                    None,
                    10_000,
                );
                let kept: Vec<Usage> = kept.unwrap().into_iter().map(|kept| kept.usage).collect();
                assert_eq!(kept, expected, "{uncharged:?}");
            }
            // Every unit that was charged is in an order or an open hour.
            let mut charged: BTreeMap<&MLine, i128> = BTreeMap::new();
            for record in &of.records {
                if let Where::Charged(charges) = &record.place {
                    charges.iter().for_each(|(line, n)| *charged.entry(line).or_default() += i128::from(*n));
                }
            }
            let mut kept: BTreeMap<&MLine, i128> = BTreeMap::new();
            let made = of.orders.iter().filter(|order| !order.source.starts_with("IMP"));
            made.for_each(|order| *kept.entry(&order.line).or_default() += i128::from(order.quantity));
            of.open.iter().for_each(|open| *kept.entry(&open.line).or_default() += i128::from(open.quantity));
            assert_eq!(kept, charged);
        }
        self.place.assert_clean();
    }

    fn compare_orders(&self, company: usize) {
        let lines = self.place.store.snapshot().unwrap().lines(id(company)).unwrap();
        let of = &self.model.companies[company];
        let mut found = 0;
        for status in Status::ALL {
            for stored in self.place.orders(id(company), status) {
                found += 1;
                let order = &stored.order;
                let known = of.orders.iter().find(|known| known.source == order.source_number()).unwrap();
                let line = lines.get(stored.line_no).unwrap();
                let state = match status {
                    Status::Unpaid => State::Unpaid,
                    Status::Paid => State::Paid,
                    Status::Revoked => State::Revoked,
                };
                let mut parts = [0i128; 5];
                if state == State::Paid {
                    for (kind, _, amount) in &known.parts {
                        parts[KINDS.iter().position(|one| one == kind).unwrap()] += amount;
                    }
                }
                assert_eq!(skus(line), known.line);
                assert_eq!(line.order_type == 302, known.is_supplementary, "{order:?}");
                assert_eq!(
                    (state, order.start_time_s, order.quantity, i128::from(order.total.steps())),
                    (known.state, known.start_s, known.quantity, known.total)
                );
                assert_eq!(order.arrears_number(), known.arrears, "{order:?}");
                assert_eq!(
                    order.deductions.map(|amount| i128::from(amount.steps())).values(),
                    parts,
                    "{order:?}"
                );
            }
        }
        assert_eq!(found, of.orders.len());
    }

    /// Balances, bounds, and what is conserved, by the ledger and by the orders.
    fn compare_money(&self, company: usize) {
        let books = self.place.books(id(company));
        let of = &self.model.companies[company];
        let now_s = self.now_s;
        let mut there = [0i128; 5];
        for (sum, kind) in there.iter_mut().zip(KINDS) {
            *sum = books.account.available(&[kind], now_s);
        }
        // Of credit that is what is left.
        there[4] -= i128::from(books.account.credit_limit);
        assert_eq!(there, of.balances(now_s));
        assert_eq!(i128::from(books.account.credit_limit), of.limit);
        let mut left: Vec<i128> = Vec::new();
        for grant in books.account.grants.iter().filter(|grant| !grant.is_expired(now_s)) {
            left.push(grant.remaining.into());
        }
        let expected: Vec<i128> = of
            .grants
            .iter()
            .filter(|grant| grant.left > 0 && grant.expires_s.is_none_or(|until_s| now_s < until_s))
            .map(|grant| grant.left)
            .collect();
        assert_eq!(left, expected, "what grants have left");
        let mut by_cause: BTreeMap<(AccountKind, Cause), i128> = BTreeMap::new();
        for kept in self.place.ledger(id(company)) {
            assert_ne!(kept.entry.amount, 0);
            *by_cause.entry((kept.entry.kind, kept.entry.cause)).or_default() +=
                i128::from(kept.entry.amount);
        }
        for (place, kind) in KINDS.into_iter().enumerate() {
            let sum = |cause| by_cause.get(&(kind, cause)).copied().unwrap_or_default();
            let balance = i128::from(books.account.balances.get(kind));
            let (low, high) = if kind == AccountKind::Credit { (-of.limit, 0) } else { (0, i64::MAX.into()) };
            assert!(low <= balance && balance <= high, "{kind:?} is {balance}");
            let deducted: i128 = of
                .orders
                .iter()
                .filter(|order| order.state == State::Paid && order.is_settled_here)
                .flat_map(|order| order.parts.iter().filter(|part| part.0 == KINDS[place]))
                .map(|part| part.2)
                .sum();
            // deposits + adjustments − expired − balance = deductions − refunds = what orders say.
            let given = sum(Cause::Deposit) + sum(Cause::Adjustment) + sum(Cause::Expiry) - balance;
            assert_eq!(given, -sum(Cause::Deduction) - sum(Cause::Refund), "{kind:?}");
            assert_eq!(given, deducted, "{kind:?}");
        }
    }

    /// Whatever was said is said again, and nothing moves.
    fn replay(&mut self) {
        let before: Vec<_> = (0..COMPANIES).map(|company| self.everything(company)).collect();
        let charging = self.place.charging();
        // What was refused because its time had not come yet would be taken now.
        let is_known = |usage: &&Usage| {
            let of = &self.model.companies[usize::try_from(usage.company_id).unwrap() - 1];
            let key = |usage: &Usage| (usage.hour(), usage.source.clone(), usage.id.clone());
            of.records.iter().any(|record| key(&record.usage) == key(usage))
        };
        let sent: Vec<Usage> = self.sent.iter().filter(is_known).cloned().collect();
        let fates = self.rater.accept(sent, self.now_s, None).unwrap();
        assert!(fates.iter().all(|pricing_state| !pricing_state.is_accepted()));
        for (company_id, of) in &self.deposits {
            // One that was refused because its end had come is refused again.
            if let Ok(said) = deposit(&charging, *company_id, of, false, self.now_s) {
                assert!(said.is_repeated);
            }
        }
        for (company, of) in self.model.companies.iter().enumerate() {
            let of_state = |state: State| of.orders.iter().filter(move |order| order.state == state);
            let paid: Vec<String> = of_state(State::Paid).map(|order| order.arrears.clone()).collect();
            pay_unpaid(&charging, id(company), &paid, &|_| true, self.now_s).unwrap();
            let revoked: Vec<String> = of_state(State::Revoked).map(|order| order.source.clone()).collect();
            revoke(&charging, id(company), &revoked, "again", self.now_s).unwrap();
        }
        let after: Vec<_> = (0..COMPANIES).map(|company| self.everything(company)).collect();
        assert_eq!(after, before);
    }

    fn everything(&self, company: usize) -> String {
        let orders = Status::ALL.map(|status| self.place.orders(id(company), status));
        let pending = self.place.pending(&query(id(company), &[]));
        format!(
            "{orders:?} {pending} {:?} {:?}",
            self.place.books(id(company)),
            self.place.ledger(id(company))
        )
    }
}

fn whole(line: &MLine) -> Line {
    Line {
        organization_id: line.organization_id,
        user_email: String::new(),
        resource_id: "key-1".into(),
        resource_type: 1,
        model_id: line.model.clone(),
        model_name: String::new(),
        pricing_sku: line.sku.clone(),
        pricing_item_id: 0,
        pricing_unit: 1,
        product_code: "modelverse".into(),
        region: "cn-wlcb".into(),
        charge_type: 5,
        order_type: 301,
        channel: 1,
        currency: "CNY".into(),
        list_price: UnitPrice::from_steps(line.list),
        discount_price: UnitPrice::from_steps(line.discounted),
    }
}

pub(crate) fn every_balance_and_order_equals_the_naive_model(backend: &Backend) {
    let cases = if backend.is_sqlite() { 30 } else { 8 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let offsets = prop::sample::select(vec![0i64, 19_800, -12_600, 28_800]);
    proptest!(config, |(offset_s in offsets, operations in operations())| {
        let database = backend.another();
        let place = Place::new(&database, COMPANIES);
        let charging = place.charging();
        set_offset(&charging, offset_s, None, BASE_S).unwrap();
        let mut game = Game {
            place: &place,
            rater: Rater::new(charging, place.config.charging.limits_of_gateways()),
            model: Model { companies: vec![MCompany::default(); COMPANIES], offset_s, ..Model::default() },
            now_s: BASE_S + 24 * HOUR_S,
            sent: Vec::new(),
            deposits: Vec::new(),
        };
        for (model, sku, steps) in [("m", "input", 10_000), ("m", "output", 33_333), ("free", "input", 0), ("free", "output", 0)] {
            game.add_price(&price(model, sku, steps));
        }
        for (done, operation) in operations.iter().enumerate() {
            game.perform(operation);
            if done % 4 == 3 {
                game.compare();
            }
        }
        game.perform(&Operation::Wait(2 * HOUR_S));
        game.perform(&Operation::Tick);
        game.compare();
        game.replay();
        game.compare();
    });
}
