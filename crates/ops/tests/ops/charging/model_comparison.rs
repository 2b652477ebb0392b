//! A property test: the same random operations in the program and in the naive model. Orders, balances, ledger and
//! pending sums are compared.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tollbook_domain::account::{AccountKind, Cause, Deposit};
use tollbook_domain::{
    Amount, AmountRule, Discount, Line, LineFilter, NewOrder, Order, Price, Status, TimeRange, UnitPrice,
    Usage,
};
use tollbook_ops::charging::{
    Adjustment, CorrectionRequest, Mode, Rater, ReversalRequest, UsageResult, deposit, pay_unpaid, revoke,
    set_credit_limit, set_offset, settle_all, settle_due, standing,
};
use tollbook_store::{Outcome, Uncharged};

use super::fixture::{BASE_S, Backend, Fixture, HOUR_S, money, price, query, usage};
use super::model::{
    KINDS, Model, ModelCompany, ModelLine, ModelOrder, ModelRating, ModelResult, OrderState, total,
};
use super::model_corrections::AccountCorrection;
use super::model_usage::UsageCorrection;
use super::operations::{COMPANIES, MODELS, Operation, Record, operations};

/// The program and the model after the same operations.
pub(crate) struct Comparison<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) rater: Rater<'a>,
    pub(crate) model: Model,
    pub(crate) now_s: i64,
    pub(crate) sent: Vec<Usage>,
    pub(crate) deposits: Vec<(i64, Deposit)>,
    pub(crate) corrections: Vec<(i64, AccountCorrection)>,
    pub(crate) usage_corrections: Vec<(CorrectionRequest, UsageCorrection)>,
}

pub(crate) fn id(company: usize) -> i64 {
    i64::try_from(company).unwrap() + 1
}

fn model_result(result: &UsageResult) -> ModelResult {
    match result {
        UsageResult::Charged => ModelResult::Charged,
        UsageResult::Free => ModelResult::Free,
        UsageResult::Unpriced(_) => ModelResult::Unpriced,
        UsageResult::Duplicate => ModelResult::Duplicate,
        UsageResult::Refused(_) | UsageResult::Postponed(_) => ModelResult::Refused,
    }
}

fn model_line(line: &Line) -> ModelLine {
    ModelLine {
        organization_id: line.organization_id,
        model: line.model_id.clone(),
        sku: line.pricing_sku.clone(),
        list: line.list_price.steps(),
        discounted: line.discount_price.steps(),
    }
}

impl Comparison<'_> {
    fn perform(&mut self, operation: &Operation) {
        let (fixture, now_s) = (self.fixture, self.now_s);
        let charging = fixture.charging();
        match operation {
            Operation::Use(records) => {
                let records: Vec<Usage> = records.iter().map(|record| self.usage(record)).collect();
                let results = self.rater.accept(records.clone(), now_s, None).unwrap();
                let results: Vec<ModelResult> = results.iter().map(model_result).collect();
                assert_eq!(results, self.model.accept(&records, now_s), "{records:?}");
                self.sent.extend(records);
            }
            Operation::Wait(seconds) => self.now_s += seconds,
            Operation::Tick => {
                settle_due(&charging, "worker", now_s).unwrap();
                self.model.settle_due(now_s);
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
                    // Only grants may expire or be limited to models; most other deposits are valid.
                    (of.expires_s, of.models) = (None, Vec::new());
                }
                self.deposits.push((id(*company), of.clone()));
                self.deposit(id(*company), &of);
            }
            Operation::RepeatDeposit(index) => {
                if let Some((company_id, of)) = self.deposits.get(*index).cloned() {
                    self.deposit(company_id, &of);
                }
            }
            Operation::Reverse { company, deposit, amount, owe, key } => {
                let of = &self.model.companies[*company];
                let known = usize::from(*deposit).checked_rem(of.deposits.len() + 1).unwrap_or(0);
                let request = ReversalRequest {
                    // The one after the last is a deposit that was never made.
                    deposit: of.deposits.get(known).map_or("none".into(), |of| of.key.clone()),
                    amount: amount.map(Amount::from_steps),
                    owe: *owe,
                    key: format!("correction {key}"),
                    reason: "a mistake".into(),
                };
                self.correct(id(*company), &AccountCorrection::Reverse(request));
            }
            Operation::Adjust { company, kind, change, key } => {
                let request = Adjustment {
                    kind: KINDS[*kind],
                    change: *change,
                    key: format!("correction {key}"),
                    reason: "a mistake".into(),
                    reference: String::new(),
                };
                self.correct(id(*company), &AccountCorrection::Adjust(request));
            }
            Operation::RepeatCorrection(index) => {
                if let Some((company_id, of)) = self.corrections.get(*index).cloned() {
                    self.correct(company_id, &of);
                }
            }
            Operation::Void { company, picks } => self.void(*company, picks),
            Operation::Replace { company, pick, later_s, model, quantities } => {
                self.replace(*company, *pick, *later_s, *model, *quantities);
            }
            Operation::Rerate { company, model, ago_s } => self.rerate(*company, *model, *ago_s),
            Operation::Limit { company, limit } => {
                let result = set_credit_limit(&charging, id(*company), Amount::from_steps(*limit), now_s);
                assert_eq!(result.is_ok(), self.model.companies[*company].set_limit((*limit).into()));
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
                fixture.set_discount(&discount);
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
        // An id sometimes occurs again: with the same record, with the same content at another time, or with other content.
        let same = |sent: &&Usage| {
            (sent.company_id, &sent.source, &sent.id) == (usage.company_id, &usage.source, &usage.id)
        };
        match self.sent.iter().find(same) {
            Some(sent) if record.time_s % 3 == 0 => sent.clone(),
            Some(sent) if record.time_s % 3 == 1 => Usage { time_s: usage.time_s, ..sent.clone() },
            _ => usage,
        }
    }

    fn add_price(&mut self, of: &Price) {
        self.fixture.put(std::slice::from_ref(of));
        self.model.put(of);
    }

    fn deposit(&mut self, company_id: i64, of: &Deposit) {
        let company = &mut self.model.companies[usize::try_from(company_id).unwrap() - 1];
        let result = deposit(&self.fixture.charging(), company_id, of, true, self.now_s);
        let expected = company.deposit(of, self.now_s);
        assert_eq!(result.as_ref().ok().map(|deposited| !deposited.is_repeated), expected, "{of:?}");
        if expected.is_some() {
            company.pay_arrears(true, self.now_s);
        }
    }

    /// A number U or O with the index of its order, or a number of no order.
    fn number(&self, company: usize, pick: usize) -> (String, Option<usize>) {
        let orders = &self.model.companies[company].orders;
        if orders.is_empty() || pick == 0 {
            return (format!("unknown {pick}"), None);
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
        let requested: Vec<String> = numbers.iter().map(|(number, _)| number.clone()).collect();
        let sees = |line: &Line| line.organization_id != 2 || !picks.contains(&1);
        let payments =
            pay_unpaid(&self.fixture.charging(), id(company), &requested, &sees, self.now_s).unwrap();
        let of = &mut self.model.companies[company];
        let mut expected: Vec<(String, &str)> = Vec::new();
        for (number, index) in numbers {
            if expected.iter().any(|(known, _)| *known == number) {
                continue;
            }
            let result = match index {
                Some(index) if of.orders[index].arrears == number => {
                    if of.orders[index].line.organization_id == 2 && picks.contains(&1) {
                        "ORDER_NOT_FOUND"
                    } else {
                        of.pay_order(index, self.now_s)
                    }
                }
                _ => "ORDER_NOT_FOUND",
            };
            expected.push((number, result));
        }
        let results: Vec<(String, &str)> = payments
            .iter()
            .map(|payment| (payment.number.clone(), payment.result.err().map_or("", |why| why.name())))
            .collect();
        assert_eq!(results, expected);
    }

    fn revoke(&mut self, company: usize, picks: &[usize]) {
        let numbers: Vec<(String, Option<usize>)> =
            picks.iter().map(|pick| self.number(company, *pick)).collect();
        let requested: Vec<String> = numbers.iter().map(|(number, _)| number.clone()).collect();
        let all = revoke(&self.fixture.charging(), id(company), &requested, "a mistake", self.now_s).unwrap();
        let of = &mut self.model.companies[company];
        for ((_, index), revoked) in numbers.into_iter().zip(all) {
            let expected = index.map_or("NotFound", |index| of.revoke(index));
            assert_eq!(format!("{:?}", revoked.outcome), expected, "{}", revoked.number);
        }
    }

    fn import(&mut self, company: usize, number: u8, hour: i64, quantity: i64, is_paid: bool) {
        let line = ModelLine {
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
            line: Line { user_email: "imported".into(), ..program_line(&line) },
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
                replaces: String::new(),
                replaced_by: String::new(),
            },
        };
        new.check(&self.fixture.catalogue).unwrap();
        let mut transaction = self.fixture.store.begin().unwrap();
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
            state: if is_paid { OrderState::Paid } else { OrderState::Unpaid },
            was_unpaid: !is_paid,
            is_settled_here: false,
            parts: vec![(AccountKind::Cash, 0, sum.steps().into())],
            usage: 0,
            sequence_no: 0,
        });
    }

    /// Copies order numbers from the program to the model's new orders. The program assigns ascending serial numbers,
    /// in the sequence in which the model adds orders.
    pub(crate) fn name_orders(&mut self) {
        for (company, of) in self.model.companies.iter_mut().enumerate() {
            let mut new: Vec<(String, String)> = Vec::new();
            for status in Status::ALL {
                for stored in self.fixture.orders(id(company), status) {
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
            let line_of = |line: &ModelLine| (line.model.clone(), line.organization_id);
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
                let mut filter = query(id(company), &[Status::Unpaid]);
                filter.lines = LineFilter::default()
                    .model_ids(model.map(str::to_owned).into_iter().collect())
                    .visible_organizations(organization.map(|one| vec![one]));
                assert_eq!(self.fixture.pending(&filter), sum, "pending of {model:?} {organization:?}");
            }
            let border_s = of.open.first().map_or(BASE_S, |open| open.bucket_s);
            let mut filter = query(id(company), &[]);
            for (from_s, until_s) in [(0, border_s), (border_s, border_s + 1), (border_s + 1, BASE_S * 2)] {
                if from_s >= until_s {
                    continue;
                }
                filter.range = TimeRange::new(from_s, until_s).unwrap();
                let inside = of.open.iter().filter(|open| (from_s..until_s).contains(&open.bucket_s));
                let sum: i128 = inside.map(|open| total(open.line.discounted, open.quantity)).sum();
                assert_eq!(self.fixture.pending(&filter), sum);
            }
            for (uncharged, rating) in
                [(Uncharged::Free, ModelRating::Free), (Uncharged::Unpriced, ModelRating::Unpriced)]
            {
                let mut expected: Vec<Usage> = of
                    .records
                    .iter()
                    .filter(|record| record.rating == rating)
                    .map(|record| record.usage.clone())
                    .collect();
                expected.sort_by_key(|usage| (usage.hour(), usage.source.clone(), usage.id.clone()));
                let stored = self.fixture.store.snapshot().unwrap().uncharged_usage(
                    id(company),
                    uncharged,
                    None,
                    10_000,
                );
                let stored: Vec<Usage> =
                    stored.unwrap().into_iter().map(|uncharged| uncharged.usage).collect();
                assert_eq!(stored, expected, "{uncharged:?}");
            }
            // Every charged unit is in an order or in an open hour.
            let mut charged: BTreeMap<&ModelLine, i128> = BTreeMap::new();
            for record in &of.records {
                if let ModelRating::Charged(charges) = &record.rating {
                    charges.iter().for_each(|(line, n)| *charged.entry(line).or_default() += i128::from(*n));
                }
            }
            let mut found: BTreeMap<&ModelLine, i128> = BTreeMap::new();
            let orders = of.orders.iter().filter(|order| !order.source.starts_with("IMP"));
            orders.for_each(|order| *found.entry(&order.line).or_default() += i128::from(order.usage));
            of.open
                .iter()
                .for_each(|open| *found.entry(&open.line).or_default() += i128::from(open.quantity));
            found.retain(|_, quantity| *quantity > 0);
            assert_eq!(found, charged);
            of.assert_records_of_orders();
        }
        self.fixture.assert_clean();
    }

    fn compare_orders(&self, company: usize) {
        let lines = self.fixture.store.snapshot().unwrap().lines(id(company)).unwrap();
        let of = &self.model.companies[company];
        let mut found = 0;
        for status in Status::ALL {
            for stored in self.fixture.orders(id(company), status) {
                found += 1;
                let order = &stored.order;
                let known = of.orders.iter().find(|known| known.source == order.source_number()).unwrap();
                let line = lines.get(stored.line_no).unwrap();
                let state = match status {
                    Status::Unpaid => OrderState::Unpaid,
                    Status::Paid => OrderState::Paid,
                    Status::Revoked => OrderState::Revoked,
                };
                let mut parts = [0i128; KINDS.len()];
                if state == OrderState::Paid {
                    for (kind, _, amount) in &known.parts {
                        parts[KINDS.iter().position(|one| one == kind).unwrap()] += amount;
                    }
                }
                assert_eq!(model_line(line), known.line);
                assert_eq!(line.order_type == 301, known.is_supplementary, "{order:?}");
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

    /// Compares balances, their bounds, and the sums of the ledger with those of the orders.
    fn compare_money(&self, company: usize) {
        let state = self.fixture.account_state(id(company));
        let of = &self.model.companies[company];
        let now_s = self.now_s;
        let shown = standing(&self.fixture.charging(), id(company), now_s).unwrap().unwrap();
        assert_eq!(shown.balances.values().map(i128::from), of.balances(now_s));
        assert_eq!(shown.over_limit, (-of.limit - of.credit).max(0));
        assert_eq!(i128::from(state.account.credit_limit), of.limit);
        let mut left: Vec<i128> = Vec::new();
        for grant in state.account.grants.iter().filter(|grant| !grant.is_expired(now_s)) {
            left.push(grant.remaining.into());
        }
        let expected: Vec<i128> = of
            .grants
            .iter()
            .filter(|grant| grant.left > 0 && grant.expires_s.is_none_or(|until_s| now_s < until_s))
            .map(|grant| grant.left)
            .collect();
        assert_eq!(left, expected, "remaining amounts of grants");
        let mut by_cause: BTreeMap<(AccountKind, Cause), i128> = BTreeMap::new();
        for ledger_entry in self.fixture.ledger(id(company)) {
            let posting = ledger_entry.entry;
            assert_ne!(posting.amount, 0);
            *by_cause.entry((posting.kind, posting.cause)).or_default() += i128::from(posting.amount);
        }
        for kind in KINDS {
            let sum = |cause| by_cause.get(&(kind, cause)).copied().unwrap_or_default();
            let balance = i128::from(state.account.balances.get(kind));
            let floor = if of.has_owed { i64::MIN.into() } else { -of.limit };
            let (low, high) = if kind == AccountKind::Credit { (floor, 0) } else { (0, i64::MAX.into()) };
            assert!(low <= balance && balance <= high, "{kind:?} is {balance}");
            let deducted: i128 = of
                .orders
                .iter()
                .filter(|order| order.state == OrderState::Paid && order.is_settled_here)
                .flat_map(|order| order.parts.iter().filter(|part| part.0 == kind))
                .map(|part| part.2)
                .sum();
            // deposits + adjustments − expired − balance = deductions − refunds = deductions of the orders
            let adjusted = sum(Cause::Adjustment) + sum(Cause::Reversal) + sum(Cause::Correction);
            let spent = sum(Cause::Deposit) + adjusted + sum(Cause::Expiry) - balance;
            assert_eq!(spent, -sum(Cause::Deduction) - sum(Cause::Refund), "{kind:?}");
            assert_eq!(spent, deducted, "{kind:?}");
        }
    }

    /// Repeats all operations; they change nothing.
    fn replay(&mut self) {
        let before: Vec<_> = (0..COMPANIES).map(|company| self.everything(company)).collect();
        let charging = self.fixture.charging();
        // A record that was refused for a time in the future would be accepted now.
        let is_known = |usage: &&Usage| {
            let of = &self.model.companies[usize::try_from(usage.company_id).unwrap() - 1];
            of.records.iter().any(|record| {
                let known = &record.usage;
                (&known.source, &known.id) == (&usage.source, &usage.id)
                    && (known.time_s - usage.time_s).abs() < 86_400
            })
        };
        let sent: Vec<Usage> = self.sent.iter().filter(is_known).cloned().collect();
        let results = self.rater.accept(sent, self.now_s, None).unwrap();
        assert!(results.iter().all(|result| !result.is_accepted()));
        for (company_id, of) in &self.deposits {
            // An expired deposit is refused again.
            if let Ok(deposited) = deposit(&charging, *company_id, of, false, self.now_s) {
                assert!(deposited.is_repeated);
            }
        }
        for (company_id, of) in &self.corrections {
            assert!(self.request(*company_id, of, Mode::Apply).unwrap().is_repeated);
        }
        for (company, of) in self.model.companies.iter().enumerate() {
            let of_state = |state: OrderState| of.orders.iter().filter(move |order| order.state == state);
            let paid: Vec<String> = of_state(OrderState::Paid).map(|order| order.arrears.clone()).collect();
            pay_unpaid(&charging, id(company), &paid, &|_| true, self.now_s).unwrap();
            let revoked: Vec<String> =
                of_state(OrderState::Revoked).map(|order| order.source.clone()).collect();
            revoke(&charging, id(company), &revoked, "again", self.now_s).unwrap();
        }
        self.repeat_usage_corrections();
        let after: Vec<_> = (0..COMPANIES).map(|company| self.everything(company)).collect();
        assert_eq!(after, before);
    }

    pub(crate) fn everything(&self, company: usize) -> String {
        let orders = Status::ALL.map(|status| self.fixture.orders(id(company), status));
        let pending = self.fixture.pending(&query(id(company), &[]));
        format!(
            "{orders:?} {pending} {:?} {:?}",
            self.fixture.account_state(id(company)),
            self.fixture.ledger(id(company))
        )
    }
}

fn program_line(line: &ModelLine) -> Line {
    Line {
        organization_id: line.organization_id,
        organization_name: String::new(),
        user_email: String::new(),
        resource_id: "key-1".into(),
        resource_name: String::new(),
        resource_type: 1,
        model_id: line.model.clone(),
        model_name: String::new(),
        pricing_sku: line.sku.clone(),
        pricing_item_id: 0,
        pricing_unit: 10,
        product_code: "modelverse".into(),
        region: "cn-wlcb".into(),
        charge_type: 102,
        order_type: 102,
        channel: 1,
        currency: "CNY".into(),
        list_price: UnitPrice::from_steps(line.list),
        discount_price: UnitPrice::from_steps(line.discounted),
        amount_rule: AmountRule::Exact,
    }
}

pub(crate) fn balances_and_orders_equal_those_of_the_naive_model(backend: &Backend) {
    let cases = if backend.is_sqlite() { 30 } else { 8 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let offsets = prop::sample::select(vec![0i64, 19_800, -12_600, 28_800]);
    proptest!(config, |(offset_s in offsets, operations in operations())| {
        let database = backend.another();
        let fixture = Fixture::new(&database, COMPANIES);
        let charging = fixture.charging();
        set_offset(&charging, offset_s, None, BASE_S).unwrap();
        let mut comparison = Comparison {
            fixture: &fixture,
            rater: Rater::new(charging, fixture.config.charging.limits_of_gateways()),
            model: Model { companies: vec![ModelCompany::default(); COMPANIES], offset_s, ..Model::default() },
            now_s: BASE_S + 24 * HOUR_S,
            sent: Vec::new(),
            deposits: Vec::new(),
            corrections: Vec::new(),
            usage_corrections: Vec::new(),
        };
        for (model, sku, steps) in [("m", "input", 10_000), ("m", "output", 33_333), ("free", "input", 0), ("free", "output", 0)] {
            comparison.add_price(&price(model, sku, steps));
        }
        for (done, operation) in operations.iter().enumerate() {
            comparison.perform(operation);
            if done % 4 == 3 {
                comparison.compare();
            }
        }
        comparison.perform(&Operation::Wait(2 * HOUR_S));
        comparison.perform(&Operation::Tick);
        comparison.compare();
        comparison.replay();
        comparison.compare();
    });
}
