//! Changes what usage records add to lines: in open hours by quantities, in closed ones by replacing their orders. All of
//! it is one transaction: refunds come first, then the orders that replace others are settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tollbook_domain::rating::Rated;
use tollbook_domain::{Amount, Bucket, Line, NewOrder, Status};
use tollbook_store::{
    IntakeContext, LineNo, Lines, OpenChange, OpenUsage, OrderTransition, RatedUsage, RecordChange,
    StoreError, StoredCharge, StoredOrder, StoredRecord, Transaction, UsageOrder, UsageOutcome,
};

use super::request::{CorrectionError, OrderReplacement, RecordRefusal};
use crate::charging::account_tx::AccountTx;
use crate::charging::context::Charging;
use crate::charging::hour_close::{OrderMaker, add_made_orders};
use crate::charging::refunds::{Revocation, refund_or_revoke, write_revoked};

/// Bucket, line and sequence number of an order of usage.
type OrderKey = (i64, LineNo, i64);

/// The context of changes of a company's records.
pub(super) struct Changes<'a> {
    pub(super) charging: &'a Charging<'a>,
    pub(super) company_id: i64,
    pub(super) reason: &'a str,
    pub(super) token: &'a str,
    pub(super) now_s: i64,
}

/// The result of one transaction.
pub(super) enum Changed {
    /// Records and orders were changed.
    Orders(ReplacedOrders),
    /// An imported order has one of the numbers. The transaction must be dropped; the next one uses other numbers.
    NumberTaken,
}

/// The orders that a transaction replaced and made.
#[derive(Default)]
pub(super) struct ReplacedOrders {
    /// Each order that was replaced, and each order that was made and is not named by one of these.
    pub(super) orders: Vec<OrderReplacement>,
    /// How many orders were refunded or revoked.
    pub(super) replaced: u64,
    /// How many orders were made.
    pub(super) made: u64,
}

/// An order of usage with what is taken out of it and added to it.
struct OrderChange {
    usage: UsageOrder,
    stored: StoredOrder,
    /// Sums of the changes; wide, so that only what an order is to hold is checked.
    quantity: i128,
    records: i64,
}

impl OrderChange {
    fn is_revoked(&self) -> bool {
        self.stored.order.status == Status::Revoked
    }
}

/// A further order of a closed hour.
#[derive(Default)]
struct NewPlace {
    end_s: i64,
    sequence_no: i64,
    quantity: i128,
    records: i64,
    /// The orders that its records were in, with the quantities.
    from: BTreeMap<OrderKey, i128>,
}

/// The work of one transaction.
struct Work<'a> {
    changes: &'a Changes<'a>,
    lines: Arc<Lines>,
    orders: Vec<UsageOrder>,
    changed: BTreeMap<OrderKey, OrderChange>,
    new: BTreeMap<(i64, LineNo), NewPlace>,
    open: Vec<OpenChange>,
}

/// A new charge of a record, with its line's number.
#[derive(Clone, Copy)]
struct NewCharge<'r> {
    line_no: LineNo,
    line: &'r Line,
    quantity: i64,
}

impl Changes<'_> {
    /// Gives records their new content; `None`: they are taken out. The company must be locked by `account_tx` since before
    /// the records were read. The caller writes `account_tx`.
    pub(super) fn apply(
        &self,
        transaction: &mut dyn Transaction,
        account_tx: &mut AccountTx,
        records: Vec<(StoredRecord, Option<RatedUsage>)>,
    ) -> Result<Changed, CorrectionError> {
        let company_id = self.company_id;
        let lines: Vec<Arc<Line>> = records
            .iter()
            .flat_map(|(_, after)| charges_of(after.as_ref()).iter().map(|charge| Arc::clone(&charge.line)))
            .collect();
        let mut numbers = transaction.line_numbers(company_id, &lines)?.into_iter();
        let after: Vec<Vec<NewCharge<'_>>> = records
            .iter()
            .map(|(_, after)| {
                charges_of(after.as_ref())
                    .iter()
                    .zip(numbers.by_ref())
                    .map(|(charge, line_no)| NewCharge {
                        line_no,
                        line: &charge.line,
                        quantity: charge.quantity,
                    })
                    .collect()
            })
            .collect();
        let mut places: Vec<(i64, LineNo)> = Vec::new();
        for ((before, rated), charges) in records.iter().zip(&after) {
            places.extend(counted(before).iter().map(|charge| (before.bucket_start_s, charge.line_no)));
            if let Some(rated) = rated {
                places.extend(charges.iter().map(|charge| (rated.bucket.start_s, charge.line_no)));
            }
        }
        let orders = transaction.usage_orders(company_id, &places)?;
        let mut work = Work {
            changes: self,
            lines: transaction.lines(company_id)?,
            orders,
            changed: BTreeMap::new(),
            new: BTreeMap::new(),
            open: Vec::new(),
        };
        work.load_orders(transaction, &records)?;
        // Everything is taken out before anything is added, so that what is added finds the orders that change anyway.
        for ((before, rated), charges) in records.iter().zip(&after) {
            work.take_out(before, rated.as_ref(), charges);
        }
        let mut changes = Vec::with_capacity(records.len());
        for ((before, rated), charges) in records.iter().zip(&after) {
            let stored = match rated {
                Some(rated) => work.add(before, rated, charges),
                None => Vec::new(),
            };
            changes.push(RecordChange {
                before: before.clone(),
                after: rated.clone().map(|rated| (rated, stored)),
            });
        }
        let replaced = match work.replace_orders(transaction, account_tx)? {
            Changed::NumberTaken => return Ok(Changed::NumberTaken),
            Changed::Orders(replaced) => replaced,
        };
        let refuse = |reason: &str| {
            let refusals = records.iter().map(|(record, _)| refusal(record, reason)).collect();
            Err(CorrectionError::Refused(refusals))
        };
        match transaction.change_open_usage(company_id, &work.open, &self.intake_context())? {
            UsageOutcome::Pruned => return refuse("orders of its hour were pruned"),
            UsageOutcome::TooLarge => return refuse("the hour would exceed what an order can hold"),
            _ => {}
        }
        transaction.change_records(company_id, &changes, self.now_s)?;
        Ok(Changed::Orders(replaced))
    }

    fn intake_context(&self) -> IntakeContext<'_> {
        let Charging { config, catalogue, .. } = *self.charging;
        let (grace_s, gather_s) = (config.charging.grace_s, config.charging.gather_s);
        IntakeContext { now_s: self.now_s, grace_s, gather_s, lease: None, catalogue }
    }
}

pub(super) fn refusal(record: &StoredRecord, reason: &str) -> RecordRefusal {
    let (source, id) = (record.key.source.clone(), record.key.id.clone());
    RecordRefusal { source, id, reason: reason.to_owned() }
}

fn charges_of(rated: Option<&RatedUsage>) -> &[tollbook_domain::rating::Charge] {
    match rated.map(|rated| &rated.rated) {
        Some(Rated::Charged(charges)) => charges,
        Some(Rated::Free | Rated::Unpriced(_)) | None => &[],
    }
}

/// What a record adds to lines now. A voided one keeps what it added, which is in no order.
fn counted(record: &StoredRecord) -> &[StoredCharge] {
    if record.state == tollbook_store::RecordState::Charged { &record.charges } else { &[] }
}

fn key_of(order: &UsageOrder) -> OrderKey {
    (order.bucket_start_s, order.line_no, order.sequence_no)
}

impl Work<'_> {
    /// Reads the orders that the records are in.
    fn load_orders(
        &mut self,
        transaction: &mut dyn Transaction,
        records: &[(StoredRecord, Option<RatedUsage>)],
    ) -> Result<(), CorrectionError> {
        let mut wanted: BTreeMap<OrderKey, UsageOrder> = BTreeMap::new();
        for (record, _) in records {
            for charge in counted(record) {
                if let Some(order) = record.order_of(charge, &self.orders) {
                    wanted.entry(key_of(order)).or_insert_with(|| order.clone());
                }
            }
        }
        let numbers: Vec<&str> = wanted.values().map(|order| order.source_number.as_str()).collect();
        let stored = transaction.orders_by_numbers(self.changes.company_id, &numbers)?;
        for ((key, usage), stored) in wanted.clone().into_iter().zip(stored) {
            let Some(stored) = stored else {
                return Err(StoreError::Damaged(format!(
                    "order {} of usage is missing",
                    usage.source_number
                ))
                .into());
            };
            self.changed.insert(key, OrderChange { usage, stored, quantity: 0, records: 0 });
        }
        Ok(())
    }

    /// Whether a charge stays where it is: the record keeps its bucket, and has a new charge of the line and quantity.
    fn stays(
        before: &StoredRecord,
        charge: &StoredCharge,
        rated: Option<&RatedUsage>,
        after: &[NewCharge<'_>],
    ) -> bool {
        rated.is_some_and(|rated| rated.bucket.start_s == before.bucket_start_s)
            && after.iter().any(|new| (new.line_no, new.quantity) == (charge.line_no, charge.quantity))
    }

    fn take_out(&mut self, before: &StoredRecord, rated: Option<&RatedUsage>, after: &[NewCharge<'_>]) {
        for charge in counted(before) {
            if Self::stays(before, charge, rated, after) {
                continue;
            }
            match before.order_of(charge, &self.orders).map(key_of) {
                Some(key) => {
                    if let Some(change) = self.changed.get_mut(&key) {
                        change.quantity -= i128::from(charge.quantity);
                        change.records -= 1;
                    }
                }
                None => self.open.push(OpenChange {
                    bucket: Bucket { start_s: before.bucket_start_s, end_s: before.bucket_start_s },
                    line_no: charge.line_no,
                    quantity: -charge.quantity,
                    records: -1,
                }),
            }
        }
    }

    /// Adds the new charges of a record: to orders if it was in one of the hour, otherwise to the open hour.
    fn add(
        &mut self,
        before: &StoredRecord,
        rated: &RatedUsage,
        after: &[NewCharge<'_>],
    ) -> Vec<StoredCharge> {
        let old = counted(before);
        let is_closed = rated.bucket.start_s == before.bucket_start_s
            && old.iter().any(|charge| before.order_of(charge, &self.orders).is_some());
        let mut stored = Vec::with_capacity(after.len());
        for charge in after {
            let NewCharge { line_no, quantity, .. } = *charge;
            let same = old.iter().find(|old| (old.line_no, old.quantity) == (line_no, quantity));
            let pin = match same.filter(|same| Self::stays(before, same, Some(rated), after)) {
                Some(same) => before.order_of(same, &self.orders).map_or(0, |order| order.sequence_no + 1),
                None if is_closed => self.add_to_order(before, rated.bucket, charge),
                None => {
                    self.open.push(OpenChange { bucket: rated.bucket, line_no, quantity, records: 1 });
                    0
                }
            };
            stored.push(StoredCharge { line_no, quantity, pin });
        }
        stored
    }

    /// Adds a charge to an order of its line that changes anyway, or to a new one. Returns its pin.
    fn add_to_order(&mut self, before: &StoredRecord, bucket: Bucket, charge: &NewCharge<'_>) -> i64 {
        let (line_no, quantity) = (charge.line_no, i128::from(charge.quantity));
        let range = (bucket.start_s, line_no, i64::MIN)..=(bucket.start_s, line_no, i64::MAX);
        if let Some((key, change)) = self.changed.range_mut(range).find(|(_, change)| !change.is_revoked()) {
            change.quantity += quantity;
            change.records += 1;
            return key.2 + 1;
        }
        let of_line =
            |order: &&UsageOrder| (order.bucket_start_s, order.line_no) == (bucket.start_s, line_no);
        let next = self.orders.iter().filter(of_line).map(|order| order.sequence_no + 1).max();
        // A line that has no order of the hour yet gets a supplementary one too.
        let place = self.new.entry((bucket.start_s, line_no)).or_default();
        (place.end_s, place.sequence_no) = (bucket.end_s, next.unwrap_or(0));
        place.quantity += quantity;
        place.records += 1;
        // The order that the record's use of the SKU was in; a record that had no such charge names its first order.
        let orders = &self.orders;
        let key = |old: &&StoredCharge| before.order_of(old, orders).map(key_of);
        let lines = &self.lines;
        let sku = |old: &&&StoredCharge| {
            lines.get(old.line_no).is_some_and(|line| line.pricing_sku == charge.line.pricing_sku)
        };
        let old: Vec<&StoredCharge> = counted(before).iter().filter(|old| key(old).is_some()).collect();
        if let Some(origin) = old.iter().find(sku).or_else(|| old.first()).and_then(key) {
            *place.from.entry(origin).or_default() += quantity;
        }
        place.sequence_no + 1
    }

    /// Refunds or revokes the orders that change, and makes those that replace them.
    fn replace_orders(
        &mut self,
        transaction: &mut dyn Transaction,
        account_tx: &mut AccountTx,
    ) -> Result<Changed, CorrectionError> {
        let mut done = Replacing::default();
        // All money comes back before any of it is spent.
        self.revoke_changed(transaction, account_tx, &mut done)?;
        self.make_successors(account_tx, &mut done)?;
        self.make_new(account_tx, &mut done)?;
        done.name_successors();
        let Changes { company_id, reason, now_s, .. } = *self.changes;
        write_revoked(transaction, company_id, &done.transitions, reason, now_s)?;
        if !add_made_orders(transaction, &done.made)? {
            return Ok(Changed::NumberTaken);
        }
        account_tx.note_changed(transaction, &done.transitions)?;
        account_tx.note_made(&done.made);
        transaction.change_usage_orders(company_id, &done.usage_orders)?;
        transaction.add_usage_orders(company_id, &done.added)?;
        Ok(Changed::Orders(done.into_result()))
    }

    /// Takes the changes of quantities over, and refunds or revokes each order whose quantity changes.
    fn revoke_changed(
        &mut self,
        transaction: &mut dyn Transaction,
        account_tx: &mut AccountTx,
        done: &mut Replacing,
    ) -> Result<(), CorrectionError> {
        let company_id = self.changes.company_id;
        for (key, change) in &mut self.changed {
            if (change.quantity, change.records) == (0, 0) {
                continue;
            }
            let is_moved = change.quantity != 0;
            change.take_over()?;
            if !is_moved || change.is_revoked() {
                done.usage_orders.push(change.usage.clone());
                continue;
            }
            let (outcome, after) = refund_or_revoke(transaction, account_tx, company_id, &change.stored)?;
            let Some(after) = after.filter(|_| outcome != Revocation::NotSettledHere) else {
                let number = &change.usage.source_number;
                return Err(
                    StoreError::Damaged(format!("order {number} of usage was not settled here")).into()
                );
            };
            done.transitions.push(OrderTransition { before: change.stored.clone(), after });
            done.replaced.push(*key);
        }
        Ok(())
    }

    /// Makes an order of what is left of each that was taken back.
    fn make_successors(
        &mut self,
        account_tx: &mut AccountTx,
        done: &mut Replacing,
    ) -> Result<(), CorrectionError> {
        for (key, transition) in done.replaced.iter().zip(&done.transitions) {
            let before = &transition.before.order;
            let Some(change) = self.changed.get_mut(key) else { continue };
            let mut result = OrderReplacement {
                before: before.source_number().to_owned(),
                before_total: before.total,
                ..OrderReplacement::default()
            };
            let usage = &mut change.usage;
            if usage.quantity > 0 {
                let bucket = Bucket { start_s: before.start_time_s, end_s: before.end_time_s };
                let open = open_usage(&self.lines, usage)?;
                let mut new = self.changes.make(bucket, &open, account_tx)?;
                before.source_number().clone_into(&mut new.order.replaces);
                new.order.source_number().clone_into(&mut usage.source_number);
                done.successors.entry(*key).or_default().push(number_and_total(&new));
                result = after_of(result, &new);
                done.made.push(new);
            }
            done.usage_orders.push(usage.clone());
            done.results.push(result);
        }
        Ok(())
    }

    /// Makes the further orders of closed hours.
    fn make_new(&self, account_tx: &mut AccountTx, done: &mut Replacing) -> Result<(), CorrectionError> {
        for ((start_s, line_no), place) in &self.new {
            let bucket = Bucket { start_s: *start_s, end_s: place.end_s };
            let mut usage = UsageOrder {
                bucket_start_s: *start_s,
                line_no: *line_no,
                sequence_no: place.sequence_no,
                source_number: String::new(),
                quantity: i64::try_from(place.quantity).map_err(|_| too_large_at(*start_s, *line_no))?,
                records: place.records,
                close_no: -1,
            };
            let open = open_usage(&self.lines, &usage)?;
            let mut new = self.changes.make(bucket, &open, account_tx)?;
            // The order from which most of its usage comes; the number is that of the order which is revoked.
            let origin = place.from.iter().max_by_key(|(_, quantity)| **quantity).map(|(key, _)| *key);
            if let Some(revoked) = origin.and_then(|key| self.changed.get(&key)) {
                revoked.stored.order.source_number().clone_into(&mut new.order.replaces);
            }
            for key in place.from.keys() {
                done.successors.entry(*key).or_default().push(number_and_total(&new));
            }
            new.order.source_number().clone_into(&mut usage.source_number);
            done.added.push(usage);
            done.results.push(after_of(OrderReplacement::default(), &new));
            done.made.push(new);
        }
        Ok(())
    }
}

impl OrderChange {
    /// Adds the change to the usage of the order.
    fn take_over(&mut self) -> Result<(), CorrectionError> {
        let usage = &mut self.usage;
        usage.quantity = i64::try_from(i128::from(usage.quantity) + self.quantity)
            .map_err(|_| too_large_at(usage.bucket_start_s, usage.line_no))?;
        usage.records += self.records;
        if usage.quantity < 0 || usage.records < 0 || (usage.quantity == 0) != (usage.records == 0) {
            let number = &usage.source_number;
            return Err(StoreError::Damaged(format!("order {number} has less usage than its records")).into());
        }
        Ok(())
    }
}

/// The orders that are taken back and those that replace them.
#[derive(Default)]
struct Replacing {
    /// The orders that are refunded or revoked.
    replaced: Vec<OrderKey>,
    /// Their transitions, in the sequence of `replaced`.
    transitions: Vec<OrderTransition>,
    /// Rows of usage that change.
    usage_orders: Vec<UsageOrder>,
    /// Rows of usage that are new.
    added: Vec<UsageOrder>,
    made: Vec<NewOrder>,
    /// One for each of `transitions`, then one for each further order.
    results: Vec<OrderReplacement>,
    /// The orders that usage of each order went to.
    successors: BTreeMap<OrderKey, Vec<(Amount, String)>>,
}

impl Replacing {
    /// Names in each order that was taken back the one to which most of its usage went.
    fn name_successors(&mut self) {
        for (key, transition) in self.replaced.iter().zip(&mut self.transitions) {
            let greatest = self.successors.get(key).and_then(|all| all.iter().max());
            transition.after.replaced_by = greatest.map(|(_, number)| number.clone()).unwrap_or_default();
        }
    }

    fn into_result(self) -> ReplacedOrders {
        let Self { transitions, made, mut results, .. } = self;
        // An order that nothing is left of is shown with the order that most of its usage went to.
        for (result, transition) in results.iter_mut().zip(&transitions) {
            let number = &transition.after.replaced_by;
            if let Some(new) = made.iter().find(|new| new.order.source_number() == number) {
                *result = after_of(result.clone(), new);
            }
        }
        let named: BTreeSet<String> = results
            .iter()
            .filter(|result| !result.before.is_empty())
            .map(|result| result.after.clone())
            .collect();
        results.retain(|result| !result.before.is_empty() || !named.contains(&result.after));
        ReplacedOrders { orders: results, replaced: transitions.len() as u64, made: made.len() as u64 }
    }
}

/// The usage of an order as that of an hour that is closed.
fn open_usage(lines: &Lines, usage: &UsageOrder) -> Result<OpenUsage, StoreError> {
    let UsageOrder { line_no, quantity, records, close_no, .. } = *usage;
    let line = lines
        .get(line_no)
        .ok_or_else(|| StoreError::Damaged(format!("an order of usage names line {line_no}")))?;
    Ok(OpenUsage { line_no, line: Arc::clone(line), quantity, records, orders: 1, close_no })
}

impl Changes<'_> {
    /// A supplementary order, paid if the accounts cover it.
    fn make(
        &self,
        bucket: Bucket,
        usage: &OpenUsage,
        account_tx: &mut AccountTx,
    ) -> Result<NewOrder, CorrectionError> {
        let line = &usage.line;
        let units = self.charging.catalogue.base_units(line.pricing_unit);
        if units.and_then(|units| line.amounts(usage.quantity, units)).is_none() {
            return Err(too_large_at(bucket.start_s, usage.line_no));
        }
        let Self { charging, company_id, token, now_s, .. } = *self;
        let maker = OrderMaker { charging, company_id, bucket, token, now_s };
        Ok(maker.order(usage, account_tx)?)
    }
}

fn number_and_total(new: &NewOrder) -> (Amount, String) {
    (new.order.total, new.order.source_number().to_owned())
}

fn after_of(before: OrderReplacement, new: &NewOrder) -> OrderReplacement {
    OrderReplacement {
        after: new.order.source_number().to_owned(),
        after_total: new.order.total,
        after_status: Some(new.order.status),
        ..before
    }
}

fn too_large_at(bucket_start_s: i64, line_no: LineNo) -> CorrectionError {
    let reason = format!("line {line_no} from {bucket_start_s} on would exceed what an order can hold");
    CorrectionError::Refused(vec![RecordRefusal { source: String::new(), id: String::new(), reason }])
}
