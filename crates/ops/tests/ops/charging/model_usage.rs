//! Corrections of usage in the naive model, and their comparison with the program: voiding, replacing, rating again.

use std::collections::BTreeMap;

use tollbook_domain::Usage;
use tollbook_ops::charging::{
    CorrectionRequest, RerateRequest, UsageName, replace_usage, rerate, void_usage,
};

use super::model::{KINDS, Model, ModelLine, ModelOrder, ModelRating, OrderState, total};
use super::model_comparison::{Comparison, id};
use super::operations::MODELS;

/// A correction of usage, to be repeated.
pub(crate) enum UsageCorrection {
    Void(Vec<UsageName>),
    Replace(Vec<Usage>),
    Rerate(RerateRequest),
}

/// A record by its index, and what it becomes; `None`: voided.
type Change = (usize, Option<(Usage, ModelRating)>);

/// The program's order of changes: hour, organization, and model, source and id.
type SortKey = (i64, i64, [String; 3]);

/// Where a new charge goes.
#[derive(Clone, Copy)]
enum Target {
    Stays(Option<usize>),
    Order(usize),
    New,
    Open,
}

fn charges_of(rating: Option<&ModelRating>) -> &[(ModelLine, i64)] {
    match rating {
        Some(ModelRating::Charged(charges)) => charges,
        _ => &[],
    }
}

impl Model {
    /// Changes records in one transaction, in the given order.
    fn change(&mut self, company: usize, changes: &[Change], now_s: i64) {
        for (_, after) in changes {
            for (line, _) in charges_of(after.as_ref().map(|(_, rating)| rating)) {
                let lines = &mut self.companies[company].lines;
                if !lines.contains(line) {
                    lines.push(line.clone());
                }
            }
        }
        let line_no = |of: &super::model::ModelCompany, line: &ModelLine| {
            of.lines.iter().position(|known| known == line).unwrap()
        };
        // The orders that the records are in, by bucket, line and sequence number, with the change of each.
        let mut touched: BTreeMap<(i64, usize, i64), (usize, i64)> = BTreeMap::new();
        let of = &self.companies[company];
        for (index, _) in changes {
            for order_index in of.records[*index].places.iter().flatten() {
                let order = &of.orders[*order_index];
                let key = (order.start_s, line_no(of, &order.line), order.sequence_no);
                touched.insert(key, (*order_index, 0));
            }
        }
        // Everything is taken out first.
        for (index, after) in changes {
            let record = self.companies[company].records[*index].clone();
            for (place, (line, quantity)) in record.charges().iter().enumerate() {
                if self.stays(&record, line, *quantity, after.as_ref()) {
                    continue;
                }
                let of = &mut self.companies[company];
                match record.places[place] {
                    Some(order) => {
                        for (known, change) in touched.values_mut() {
                            *change -= if *known == order { *quantity } else { 0 };
                        }
                    }
                    None => {
                        for open in &mut of.open {
                            if open.bucket_s == record.bucket_s && open.line == *line {
                                open.quantity -= quantity;
                            }
                        }
                    }
                }
            }
        }
        self.companies[company].open.retain(|open| open.quantity > 0);
        // Then everything is added.
        let mut new: BTreeMap<(i64, usize), i64> = BTreeMap::new();
        let mut targets: Vec<Vec<Target>> = Vec::new();
        for (index, after) in changes {
            let record = self.companies[company].records[*index].clone();
            let mut of_record = Vec::new();
            if let Some((usage, rating)) = after {
                let bucket_s = self.bucket(usage.time_s);
                let is_closed = bucket_s == record.bucket_s && record.places.iter().any(Option::is_some);
                for (line, quantity) in charges_of(Some(rating)) {
                    if self.stays(&record, line, *quantity, after.as_ref())
                        && let Some(place) =
                            record.charges().iter().position(|old| old == &(line.clone(), *quantity))
                    {
                        of_record.push(Target::Stays(record.places[place]));
                        continue;
                    }
                    if !is_closed {
                        self.charge(company, usage, &[(line.clone(), *quantity)], now_s);
                        of_record.push(Target::Open);
                        continue;
                    }
                    let of = &self.companies[company];
                    let line_no = line_no(of, line);
                    let fits = |(order, _): &(usize, i64)| {
                        let order = &of.orders[*order];
                        order.start_s == bucket_s && order.line == *line && order.state != OrderState::Revoked
                    };
                    if let Some((order, change)) = touched.values_mut().find(|one| fits(one)) {
                        *change += quantity;
                        of_record.push(Target::Order(*order));
                    } else {
                        *new.entry((bucket_s, line_no)).or_default() += quantity;
                        of_record.push(Target::New);
                    }
                }
            }
            targets.push(of_record);
        }
        self.write(company, changes, &targets, &touched, &new, now_s);
    }

    fn stays(
        &self,
        record: &super::model::ModelRecord,
        line: &ModelLine,
        quantity: i64,
        after: Option<&(Usage, ModelRating)>,
    ) -> bool {
        after.is_some_and(|(usage, rating)| {
            self.bucket(usage.time_s) == record.bucket_s
                && charges_of(Some(rating)).iter().any(|new| new.0 == *line && new.1 == quantity)
                && record.charges().iter().any(|old| old.0 == *line && old.1 == quantity)
        })
    }

    fn write(
        &mut self,
        company: usize,
        changes: &[Change],
        targets: &[Vec<Target>],
        touched: &BTreeMap<(i64, usize, i64), (usize, i64)>,
        new: &BTreeMap<(i64, usize), i64>,
        now_s: i64,
    ) {
        let buckets: Vec<Option<i64>> = changes
            .iter()
            .map(|(_, after)| after.as_ref().map(|(usage, _)| self.bucket(usage.time_s)))
            .collect();
        let of = &mut self.companies[company];
        // Money that was paid comes back before any order is paid.
        let mut replaced: Vec<(usize, i64)> = Vec::new();
        for (order, change) in touched.values() {
            if *change == 0 {
                continue;
            }
            if of.orders[*order].state == OrderState::Revoked {
                of.orders[*order].usage += change;
                continue;
            }
            replaced.push((*order, of.orders[*order].usage + change));
            of.revoke(*order);
            of.orders[*order].usage = 0;
        }
        let mut successor: BTreeMap<usize, usize> = BTreeMap::new();
        for (order, quantity) in replaced {
            if quantity > 0 {
                successor.insert(order, of.orders.len());
                let old = of.orders[order].clone();
                of.make(old.start_s, &old.line, old.sequence_no, quantity, now_s);
            }
        }
        let mut made: BTreeMap<(i64, ModelLine), usize> = BTreeMap::new();
        for ((bucket_s, line_no), quantity) in new {
            let line = of.lines[*line_no].clone();
            let sequence_no = of.next_sequence_no(*bucket_s, &line);
            made.insert((*bucket_s, line.clone()), of.orders.len());
            of.make(*bucket_s, &line, sequence_no, *quantity, now_s);
        }
        for (place, (index, after)) in changes.iter().enumerate() {
            let record = &mut of.records[*index];
            let Some((usage, rating)) = after else {
                record.rating = ModelRating::Voided;
                record.places.clear();
                continue;
            };
            record.usage = usage.clone();
            record.rating = rating.clone();
            record.bucket_s = buckets[place].unwrap();
            let lines: Vec<ModelLine> = record.charges().iter().map(|(line, _)| line.clone()).collect();
            record.places = targets[place]
                .iter()
                .zip(lines)
                .map(|(target, line)| match target {
                    Target::Stays(order) => *order,
                    Target::Order(order) => Some(*order),
                    Target::New => Some(made[&(record.bucket_s, line)]),
                    Target::Open => None,
                })
                .collect();
        }
        for record in &mut of.records {
            for order in record.places.iter_mut().flatten() {
                *order = successor.get(order).copied().unwrap_or(*order);
            }
        }
        let open: Vec<i64> = of.open.iter().map(|open| open.bucket_s).collect();
        of.due.retain(|(bucket_s, _)| open.contains(bucket_s));
    }

    /// The records of a company whose charges change by the present prices, by UTC day, each in the program's order.
    fn changed(&self, company: usize, which: &RerateRequest) -> Vec<Vec<Change>> {
        let of = &self.companies[company];
        let mut days: BTreeMap<i64, Vec<(SortKey, Change)>> = BTreeMap::new();
        for (index, record) in of.records.iter().enumerate() {
            let usage = &record.usage;
            let is_wanted = (which.from_s..which.to_s).contains(&usage.time_s)
                && which.model_id.as_ref().is_none_or(|model| *model == usage.model_id);
            let rated = self.rate(usage);
            let is_revoked =
                record.places.iter().flatten().any(|order| of.orders[*order].state == OrderState::Revoked);
            if !is_wanted || record.rating == ModelRating::Voided || rated == record.rating || is_revoked {
                continue;
            }
            let names = [usage.model_id.clone(), usage.source.clone(), usage.id.clone()];
            let key = (record.bucket_s, usage.organization_id, names);
            let change = (index, Some((usage.clone(), rated)));
            days.entry(usage.time_s / 86_400).or_default().push((key, change));
        }
        days.into_values()
            .map(|mut day| {
                day.sort_by(|a, b| a.0.cmp(&b.0));
                day.into_iter().map(|(_, change)| change).collect()
            })
            .collect()
    }
}

impl super::model::ModelCompany {
    /// A supplementary order.
    fn make(&mut self, start_s: i64, line: &ModelLine, sequence_no: i64, quantity: i64, now_s: i64) {
        let total = total(line.discounted, quantity);
        let parts = self.pay(total, &line.model, &KINDS, start_s, now_s);
        self.orders.push(ModelOrder {
            source: String::new(),
            arrears: String::new(),
            start_s,
            line: line.clone(),
            is_supplementary: true,
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

    /// Asserts that an order has the quantities of the records that are in it, and no other.
    pub(crate) fn assert_records_of_orders(&self) {
        for (index, order) in self.orders.iter().enumerate() {
            let mut sum = 0;
            for record in &self.records {
                for (place, (_, quantity)) in record.places.iter().zip(record.charges()) {
                    sum += if *place == Some(index) { *quantity } else { 0 };
                }
            }
            assert_eq!(order.usage, sum, "{order:?}");
            if order.state != OrderState::Revoked && !order.source.starts_with("IMP") {
                assert_eq!(order.quantity, sum, "{order:?}");
            }
        }
    }

    /// Indexes of the records of a source and id.
    fn named(&self, source: &str, id: &str) -> Vec<usize> {
        let is_named = |index: &usize| {
            let usage = &self.records[*index].usage;
            usage.source == source && usage.id == id
        };
        (0..self.records.len()).filter(is_named).collect()
    }

    fn key(&self, index: usize) -> (i64, String, String) {
        let usage = &self.records[index].usage;
        (usage.time_s / 86_400, usage.source.clone(), usage.id.clone())
    }
}

impl Comparison<'_> {
    fn usage_request(&self, company: usize) -> CorrectionRequest {
        CorrectionRequest {
            company_id: id(company),
            key: format!("usage correction {}", self.usage_corrections.len()),
            reason: "a mistake".into(),
            dry_run: false,
        }
    }

    pub(crate) fn void(&mut self, company: usize, picks: &[usize]) {
        let of = &self.model.companies[company];
        let mut names = Vec::new();
        let mut wanted: Vec<usize> = Vec::new();
        let mut is_refused = false;
        for pick in picks {
            let known = of.records.get(pick % (of.records.len() + 1));
            let (source, name) = known.map_or(("a".to_owned(), "none".to_owned()), |record| {
                (record.usage.source.clone(), record.usage.id.clone())
            });
            match of.named(&source, &name)[..] {
                [one] => wanted.push(one),
                _ => is_refused = true,
            }
            names.push(UsageName { source: Some(source), id: name, time_s: None });
        }
        let request = self.usage_request(company);
        let result = void_usage(&self.fixture.charging(), &request, &names, self.now_s);
        assert_eq!(result.is_err(), is_refused, "{result:?}");
        if is_refused {
            return;
        }
        wanted.sort_by_key(|index| of.key(*index));
        wanted.dedup();
        let named = wanted.len();
        wanted.retain(|index| of.records[*index].rating != ModelRating::Voided);
        let corrected = result.unwrap();
        let counts = (wanted.len() as u64, (named - wanted.len()) as u64);
        assert_eq!((corrected.records, corrected.unchanged), counts);
        let changes: Vec<Change> = wanted.into_iter().map(|index| (index, None)).collect();
        self.model.change(company, &changes, self.now_s);
        self.name_orders();
        self.usage_corrections.push((request, UsageCorrection::Void(names)));
    }

    pub(crate) fn replace(
        &mut self,
        company: usize,
        pick: usize,
        later_s: i64,
        model: usize,
        [input, output]: [i64; 2],
    ) {
        let of = &self.model.companies[company];
        let Some(index) = pick.checked_rem(of.records.len()) else { return };
        let mut usage = of.records[index].usage.clone();
        usage.time_s += later_s;
        MODELS[model].clone_into(&mut usage.model_id);
        usage.quantities = vec![("input".into(), input), ("output".into(), output)];
        let mut near = of.named(&usage.source, &usage.id);
        near.retain(|index| (of.records[*index].usage.time_s - usage.time_s).abs() < 86_400);
        let is_refused = input + output == 0 || usage.time_s > self.now_s + 3_600 || near.len() != 1;
        let request = self.usage_request(company);
        let records = vec![usage.clone()];
        let result = replace_usage(&self.fixture.charging(), &request, &records, self.now_s);
        assert_eq!(result.is_err(), is_refused, "{result:?}");
        if is_refused {
            return;
        }
        let old = &of.records[index];
        if old.usage != usage || old.rating == ModelRating::Voided {
            let rating = self.model.rate(&usage);
            self.model.change(company, &[(index, Some((usage, rating)))], self.now_s);
            self.name_orders();
        } else {
            assert_eq!(result.unwrap().unchanged, 1);
        }
        self.usage_corrections.push((request, UsageCorrection::Replace(records)));
    }

    pub(crate) fn rerate(&mut self, company: usize, model: Option<usize>, ago_s: i64) {
        let which = RerateRequest {
            from_s: self.now_s - ago_s,
            to_s: self.now_s + 4_000,
            model_id: model.map(|model| MODELS[model].to_owned()),
            sku: None,
        };
        let request = self.usage_request(company);
        let charging = self.fixture.charging();
        let changed = self.model.changed(company, &which);
        let shown = CorrectionRequest { dry_run: true, ..request.clone() };
        let before = self.everything(company);
        let shown = rerate(&charging, &shown, &which, self.now_s).unwrap();
        assert_eq!(self.everything(company), before);
        let records: u64 = shown.differences.iter().map(|row| row.records).sum();
        assert_eq!(records, changed.iter().flatten().count() as u64);
        let done = rerate(&charging, &request, &which, self.now_s).unwrap();
        assert_eq!((&done.differences, done.corrected.records), (&shown.differences, records));
        for day in changed {
            self.model.change(company, &day, self.now_s);
        }
        self.name_orders();
        self.usage_corrections.push((request, UsageCorrection::Rerate(which)));
    }

    /// Repeats all corrections of usage; they change nothing.
    pub(crate) fn repeat_usage_corrections(&self) {
        let charging = self.fixture.charging();
        for (request, correction) in &self.usage_corrections {
            let repeated = match correction {
                UsageCorrection::Void(names) => void_usage(&charging, request, names, self.now_s).unwrap(),
                UsageCorrection::Replace(records) => {
                    replace_usage(&charging, request, records, self.now_s).unwrap()
                }
                UsageCorrection::Rerate(which) => {
                    rerate(&charging, request, which, self.now_s).unwrap().corrected
                }
            };
            assert!(repeated.is_repeated);
        }
    }
}
