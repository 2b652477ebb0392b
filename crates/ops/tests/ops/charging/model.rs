//! A naive model of charging: vectors and `for` loops, and money as 128-bit integers. It shares only input types with
//! the program.

use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::{Price, Usage};

pub(crate) const KINDS: [AccountKind; AccountKind::ALL.len()] = AccountKind::ALL;
const UNIT: i128 = 1_000_000_000_000;

/// The properties by which the lines of these tests differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModelLine {
    pub(crate) organization_id: i64,
    pub(crate) model: String,
    pub(crate) sku: String,
    pub(crate) list: i64,
    pub(crate) discounted: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderState {
    Unpaid,
    Paid,
    Revoked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelOrder {
    /// Number O. Imported orders have it from the beginning, others after the program has assigned it.
    pub(crate) source: String,
    /// Number U, if the order was ever unpaid.
    pub(crate) arrears: String,
    pub(crate) start_s: i64,
    pub(crate) line: ModelLine,
    pub(crate) is_supplementary: bool,
    pub(crate) quantity: i64,
    pub(crate) total: i128,
    pub(crate) state: OrderState,
    pub(crate) was_unpaid: bool,
    pub(crate) is_settled_here: bool,
    /// The deductions: kind, index of the grant, amount.
    pub(crate) parts: Vec<(AccountKind, usize, i128)>,
    /// Base units of records that are in it; an order that was replaced has none.
    pub(crate) usage: i64,
    /// Orders of a line and hour are numbered from 0; an order that replaces another has its number.
    pub(crate) sequence_no: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelGrant {
    pub(crate) kind: AccountKind,
    pub(crate) left: i128,
    pub(crate) expires_s: Option<i64>,
    pub(crate) models: Vec<String>,
}

impl ModelGrant {
    /// Whether it had not ended when an hour began, and has not ended too long ago.
    fn pays_for(&self, hour_s: i64, now_s: i64) -> bool {
        self.is_unexpired(hour_s) && self.is_unexpired(now_s - 40 * 86_400)
    }

    pub(crate) fn is_unexpired(&self, now_s: i64) -> bool {
        match self.expires_s {
            Some(expires_s) => now_s < expires_s,
            None => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelRating {
    Charged(Vec<(ModelLine, i64)>),
    Free,
    Unpriced,
    Voided,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelRecord {
    pub(crate) usage: Usage,
    pub(crate) rating: ModelRating,
    pub(crate) bucket_s: i64,
    /// For each charge the index of its order; `None`: it is in the open hour.
    pub(crate) places: Vec<Option<usize>>,
}

impl ModelRecord {
    pub(crate) fn charges(&self) -> &[(ModelLine, i64)] {
        match &self.rating {
            ModelRating::Charged(charges) => charges,
            _ => &[],
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct OpenLine {
    pub(crate) bucket_s: i64,
    pub(crate) line: ModelLine,
    pub(crate) quantity: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ModelCompany {
    pub(crate) records: Vec<ModelRecord>,
    /// In the order of their first use.
    pub(crate) lines: Vec<ModelLine>,
    pub(crate) open: Vec<OpenLine>,
    /// Start of each open bucket and the time at which it is due.
    pub(crate) due: Vec<(i64, i64)>,
    pub(crate) orders: Vec<ModelOrder>,
    pub(crate) grants: Vec<ModelGrant>,
    pub(crate) cash: i128,
    pub(crate) credit: i128,
    pub(crate) limit: i128,
    pub(crate) deposits: Vec<Deposit>,
    /// Of each deposit: the index of its grant, and how much was reversed.
    pub(crate) taken_back: Vec<(usize, i128)>,
    /// Key and content of each correction.
    pub(crate) corrections: Vec<(String, String)>,
    /// Whether a deposit that was spent was reversed.
    pub(crate) has_owed: bool,
    pub(crate) arrears_day: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelResult {
    Charged,
    Free,
    Unpriced,
    Duplicate,
    Refused,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) companies: Vec<ModelCompany>,
    pub(crate) prices: Vec<Price>,
    /// Company or 0, model or empty text, factor.
    pub(crate) discounts: Vec<(i64, String, i64)>,
    pub(crate) offset_s: i64,
    pub(crate) arrears_day: Option<i64>,
}

fn round(numerator: i128, divisor: i128) -> i128 {
    // No amount is negative here.
    (2 * numerator + divisor) / (2 * divisor)
}

pub(crate) fn total(price: i64, quantity: i64) -> i128 {
    // One base unit is the pricing unit of these tests.
    round(i128::from(price) * i128::from(quantity), 10_000)
}

fn is_granted(kind: AccountKind) -> bool {
    kind != AccountKind::Cash && kind != AccountKind::Credit
}

impl Model {
    fn price(&self, usage: &Usage, sku: &str) -> Option<i64> {
        let mut best: Option<&Price> = None;
        for price in &self.prices {
            if price.model_id != usage.model_id || price.sku != sku || price.valid_from_s > usage.time_s {
                continue;
            }
            if best.is_none() || price.valid_from_s > best.unwrap().valid_from_s {
                best = Some(price);
            }
        }
        best.map(|price| price.list_price.steps())
    }

    fn factor(&self, company_id: i64, model: &str) -> i64 {
        // From the most specific discount to the most general one.
        for (of_company, of_model) in [(company_id, model), (0, model), (company_id, ""), (0, "")] {
            for (company, model, factor) in &self.discounts {
                if *company == of_company && model == of_model {
                    return *factor;
                }
            }
        }
        1_000_000_000_000
    }

    pub(crate) fn rate(&self, usage: &Usage) -> ModelRating {
        let mut charges = Vec::new();
        for (sku, quantity) in &usage.quantities {
            if *quantity == 0 {
                continue;
            }
            let Some(list) = self.price(usage, sku) else { return ModelRating::Unpriced };
            let factor = self.factor(usage.company_id, &usage.model_id);
            let discounted = i64::try_from(round(i128::from(list) * i128::from(factor), UNIT)).unwrap();
            if discounted > 0 {
                let line = ModelLine {
                    organization_id: usage.organization_id,
                    model: usage.model_id.clone(),
                    sku: sku.clone(),
                    list,
                    discounted,
                };
                charges.push((line, *quantity));
            }
        }
        if charges.is_empty() { ModelRating::Free } else { ModelRating::Charged(charges) }
    }

    pub(crate) fn bucket(&self, time_s: i64) -> i64 {
        let mut start_s = (time_s / 1_800) * 1_800;
        while (start_s + self.offset_s) % 3_600 != 0 {
            start_s -= 1_800;
        }
        start_s
    }

    pub(crate) fn charge(&mut self, company: usize, usage: &Usage, charges: &[(ModelLine, i64)], now_s: i64) {
        let bucket_s = self.bucket(usage.time_s);
        let of = &mut self.companies[company];
        for (line, quantity) in charges {
            if !of.lines.contains(line) {
                of.lines.push(line.clone());
            }
            let mut found = false;
            for open in &mut of.open {
                if open.bucket_s == bucket_s && open.line == *line {
                    open.quantity += quantity;
                    found = true;
                }
            }
            if !found {
                of.open.push(OpenLine { bucket_s, line: line.clone(), quantity: *quantity });
            }
        }
        if !of.due.iter().any(|(start_s, _)| *start_s == bucket_s) {
            let ordinary_s = bucket_s + 3_600 + 60;
            of.due.push((bucket_s, if ordinary_s > now_s { ordinary_s } else { now_s + 10 }));
        }
    }

    pub(crate) fn accept(&mut self, records: &[Usage], now_s: i64) -> Vec<ModelResult> {
        // By company, each in the order of the batch.
        let mut answers = vec![ModelResult::Refused; records.len()];
        for company in 0..self.companies.len() {
            for (index, usage) in records.iter().enumerate() {
                if usage.company_id != i64::try_from(company).unwrap() + 1
                    || usage.time_s > now_s + 3_600
                    || usage.time_s < now_s - 366 * 86_400
                    || usage.quantities.iter().all(|(_, quantity)| *quantity == 0)
                {
                    continue;
                }
                let mut near = 0;
                let mut equal = 0;
                for known in &self.companies[company].records {
                    if known.usage.source == usage.source
                        && known.usage.id == usage.id
                        && (known.usage.time_s - usage.time_s).abs() < 86_400
                    {
                        near += 1;
                        let as_timed = Usage { time_s: known.usage.time_s, ..usage.clone() };
                        equal += i32::from(known.usage == as_timed);
                    }
                }
                if near > 0 {
                    answers[index] = if equal > 0 { ModelResult::Duplicate } else { ModelResult::Refused };
                    continue;
                }
                let rated = self.rate(usage);
                answers[index] = match &rated {
                    ModelRating::Charged(_) => ModelResult::Charged,
                    ModelRating::Free => ModelResult::Free,
                    ModelRating::Unpriced | ModelRating::Voided => ModelResult::Unpriced,
                };
                if let ModelRating::Charged(charges) = &rated {
                    self.charge(company, usage, charges, now_s);
                }
                let mut record = ModelRecord {
                    usage: usage.clone(),
                    rating: rated,
                    bucket_s: self.bucket(usage.time_s),
                    places: Vec::new(),
                };
                record.places = vec![None; record.charges().len()];
                self.companies[company].records.push(record);
            }
        }
        answers
    }

    pub(crate) fn put(&mut self, price: &Price) {
        for known in &mut self.prices {
            if (&known.model_id, &known.sku, known.valid_from_s)
                == (&price.model_id, &price.sku, price.valid_from_s)
            {
                *known = price.clone();
                return;
            }
        }
        self.prices.push(price.clone());
    }

    pub(crate) fn discount(&mut self, company_id: i64, model: &str, factor: i64) {
        self.discounts.retain(|(company, of, _)| (*company, of.as_str()) != (company_id, model));
        self.discounts.push((company_id, model.to_owned(), factor));
    }

    fn reprice(&mut self, now_s: i64) {
        for company in 0..self.companies.len() {
            let mut unpriced: Vec<usize> = Vec::new();
            for (index, record) in self.companies[company].records.iter().enumerate() {
                if record.rating == ModelRating::Unpriced {
                    unpriced.push(index);
                }
            }
            unpriced.sort_by_key(|index| {
                let usage = &self.companies[company].records[*index].usage;
                (usage.time_s / 3_600, usage.source.clone(), usage.id.clone())
            });
            for index in unpriced {
                let usage = self.companies[company].records[index].usage.clone();
                let rated = self.rate(&usage);
                if let ModelRating::Charged(charges) = &rated {
                    self.charge(company, &usage, charges, now_s);
                }
                let record = &mut self.companies[company].records[index];
                record.rating = rated;
                record.places = vec![None; record.charges().len()];
            }
        }
    }

    fn close(&mut self, is_due: &dyn Fn(i64, i64) -> bool, now_s: i64) {
        let mut hours: Vec<(i64, usize)> = Vec::new();
        for (company, of) in self.companies.iter().enumerate() {
            for (bucket_s, due_s) in &of.due {
                if is_due(*bucket_s, *due_s) {
                    hours.push((*bucket_s, company));
                }
            }
        }
        hours.sort_unstable();
        for (bucket_s, company) in hours {
            self.companies[company].close(bucket_s, now_s);
        }
    }

    pub(crate) fn settle_due(&mut self, now_s: i64) {
        self.reprice(now_s);
        self.close(&|_, due_s| due_s <= now_s, now_s);
        let local_s = now_s + self.offset_s;
        let day = local_s / 86_400;
        if local_s % 86_400 < 5 * 3_600 || self.arrears_day.is_some_and(|done| done >= day) {
            return;
        }
        for of in &mut self.companies {
            let can_spend = of.available(now_s) > 0;
            let owes = of.orders.iter().any(|order| order.state == OrderState::Unpaid);
            if can_spend && owes && of.arrears_day < day {
                of.pay_arrears(false, now_s);
                of.arrears_day = day;
            }
        }
        self.arrears_day = Some(day);
    }

    pub(crate) fn settle_all(&mut self, now_s: i64) {
        self.reprice(now_s);
        self.close(&|bucket_s, _| bucket_s + 3_600 <= now_s - 60, now_s);
        for of in &mut self.companies {
            of.pay_arrears(false, now_s);
        }
    }
}

impl ModelCompany {
    fn close(&mut self, bucket_s: i64, now_s: i64) {
        self.due.retain(|(start_s, _)| *start_s != bucket_s);
        for line in self.lines.clone() {
            let Some(index) =
                self.open.iter().position(|open| open.bucket_s == bucket_s && open.line == line)
            else {
                continue;
            };
            let quantity = self.open.remove(index).quantity;
            // Imported orders have other lines.
            let earlier = self.orders.iter().any(|order| {
                order.start_s == bucket_s && order.line == line && !order.source.starts_with("IMP")
            });
            for record in self.records.iter_mut().filter(|record| record.bucket_s == bucket_s) {
                for place in 0..record.places.len() {
                    if record.places[place].is_none() && record.charges()[place].0 == line {
                        record.places[place] = Some(self.orders.len());
                    }
                }
            }
            let sequence_no = self.next_sequence_no(bucket_s, &line);
            let total = total(line.discounted, quantity);
            let parts = self.pay(total, &line.model, &KINDS, bucket_s, now_s);
            self.orders.push(ModelOrder {
                source: String::new(),
                arrears: String::new(),
                start_s: bucket_s,
                line,
                is_supplementary: earlier,
                quantity,
                total,
                state: if parts.is_some() { OrderState::Paid } else { OrderState::Unpaid },
                was_unpaid: parts.is_none(),
                is_settled_here: parts.is_some(),
                parts: parts.unwrap_or_default(),
                usage: quantity,
                sequence_no,
            });
        }
    }

    pub(crate) fn next_sequence_no(&self, bucket_s: i64, line: &ModelLine) -> i64 {
        let mut next = 0;
        for order in &self.orders {
            if order.start_s == bucket_s && order.line == *line && !order.source.starts_with("IMP") {
                next = next.max(order.sequence_no + 1);
            }
        }
        next
    }

    /// The amount that could pay arrears.
    fn available(&self, now_s: i64) -> i128 {
        let credit = self.limit + self.credit;
        let mut sum = self.cash + if credit > 0 { credit } else { 0 };
        for grant in &self.grants {
            if grant.kind != AccountKind::Bonus && grant.pays_for(i64::MIN, now_s) {
                sum += grant.left;
            }
        }
        sum
    }

    pub(crate) fn pay(
        &mut self,
        total: i128,
        model: &str,
        kinds: &[AccountKind],
        hour_s: i64,
        now_s: i64,
    ) -> Option<Vec<(AccountKind, usize, i128)>> {
        let mut parts = Vec::new();
        let mut left = total;
        for &kind in kinds {
            let mut sources: Vec<(i64, usize, i128)> = Vec::new();
            if kind == AccountKind::Cash {
                sources.push((0, 0, self.cash));
            } else if kind == AccountKind::Credit {
                sources.push((0, 0, self.limit + self.credit));
            } else {
                for (index, grant) in self.grants.iter().enumerate() {
                    let fits = grant.models.is_empty() || grant.models.iter().any(|one| one == model);
                    if grant.kind == kind && grant.pays_for(hour_s, now_s) && fits {
                        sources.push((grant.expires_s.unwrap_or(i64::MAX), index, grant.left));
                    }
                }
                sources.sort_unstable();
            }
            for (_, index, there) in sources {
                let take = if there < left { there } else { left };
                if take > 0 {
                    parts.push((kind, index, take));
                    left -= take;
                }
            }
        }
        if left > 0 {
            return None;
        }
        for (kind, index, amount) in &parts {
            match kind {
                AccountKind::Cash => self.cash -= amount,
                AccountKind::Credit => self.credit -= amount,
                _ => self.grants[*index].left -= amount,
            }
        }
        Some(parts)
    }

    /// Returns the reason in the API's terms, or an empty text if the order is paid.
    pub(crate) fn pay_order(&mut self, index: usize, now_s: i64) -> &'static str {
        match self.orders[index].state {
            OrderState::Paid => return "",
            OrderState::Revoked => return "ORDER_REVOKED",
            OrderState::Unpaid => {}
        }
        let order = self.orders[index].clone();
        let kinds: Vec<AccountKind> = KINDS.into_iter().filter(|kind| *kind != AccountKind::Bonus).collect();
        let Some(parts) = self.pay(order.total, &order.line.model, &kinds, order.start_s, now_s) else {
            return "INSUFFICIENT_BALANCE";
        };
        let order = &mut self.orders[index];
        order.state = OrderState::Paid;
        order.is_settled_here = true;
        order.parts = parts;
        ""
    }

    pub(crate) fn pay_arrears(&mut self, with_zero_amounts: bool, now_s: i64) {
        let mut unpaid: Vec<usize> = (0..self.orders.len()).collect();
        unpaid.retain(|index| self.orders[*index].state == OrderState::Unpaid);
        unpaid.sort_by_key(|index| (self.orders[*index].start_s, self.orders[*index].source.clone()));
        for index in unpaid {
            if self.orders[index].total > 0 || with_zero_amounts {
                self.pay_order(index, now_s);
            }
        }
    }

    /// Whether money was deposited now; `None` if the deposit is refused.
    pub(crate) fn deposit(&mut self, deposit: &Deposit, now_s: i64) -> Option<bool> {
        for known in &self.deposits {
            if known.key == deposit.key {
                return if known == deposit { Some(false) } else { None };
            }
        }
        let amount = i128::from(deposit.amount.steps());
        let is_over = deposit.expires_s.is_some_and(|expires_s| expires_s <= now_s);
        let is_odd = !is_granted(deposit.kind) && (deposit.expires_s.is_some() || !deposit.models.is_empty());
        if amount <= 0 || is_over || is_odd || deposit.kind == AccountKind::Credit {
            return None;
        }
        if deposit.kind == AccountKind::Cash {
            let repaid = if -self.credit < amount { -self.credit } else { amount };
            self.credit += repaid;
            self.cash += amount - repaid;
        } else {
            let (expires_s, models) = (deposit.expires_s, deposit.models.clone());
            self.grants.push(ModelGrant { kind: deposit.kind, left: amount, expires_s, models });
        }
        self.deposits.push(deposit.clone());
        self.taken_back.push((self.grants.len().saturating_sub(1), 0));
        Some(true)
    }

    pub(crate) fn set_limit(&mut self, limit: i128) -> bool {
        if limit < 0 || (limit < -self.credit && limit < self.limit) {
            return false;
        }
        self.limit = limit;
        true
    }

    pub(crate) fn revoke(&mut self, index: usize) -> &'static str {
        let order = &mut self.orders[index];
        match order.state {
            OrderState::Revoked => "Already",
            OrderState::Unpaid => {
                order.state = OrderState::Revoked;
                "Revoked"
            }
            OrderState::Paid if !order.is_settled_here => "NotSettledHere",
            OrderState::Paid => {
                order.state = OrderState::Revoked;
                for (kind, index, amount) in std::mem::take(&mut order.parts) {
                    match kind {
                        AccountKind::Cash => self.cash += amount,
                        AccountKind::Credit => self.credit += amount,
                        _ => self.grants[index].left += amount,
                    }
                }
                if self.credit > 0 {
                    self.cash += self.credit;
                    self.credit = 0;
                }
                "Refunded"
            }
        }
    }

    /// The balance of each kind, without expired grants.
    pub(crate) fn balances(&self, now_s: i64) -> [i128; KINDS.len()] {
        KINDS.map(|kind| {
            if kind == AccountKind::Cash {
                return self.cash;
            }
            if kind == AccountKind::Credit {
                return self.credit;
            }
            let mut sum = 0;
            for grant in &self.grants {
                if grant.kind == kind && grant.is_unexpired(now_s) {
                    sum += grant.left;
                }
            }
            sum
        })
    }
}
