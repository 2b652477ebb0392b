//! Finds records that give one number to two different orders, anywhere in an import, in bounded memory.
//!
//! A fixed-size fingerprint is stored for each number of a record and sorted by number. It has keyed hashes of 128 bits
//! for the number and 64 bits for the content, so that collisions are negligible; the store compares the texts again
//! when an order is written.

use std::hash::{BuildHasher, RandomState};
use std::io;

use tollbook_domain::{NewOrder, Order, Status};

use super::external_sort::{FixedSize, Merge, Sorter};
use super::position::RecordPosition;

/// `CreateTime` of a record, as [`Order::same_content`] compares it.
///
/// It is not part of the content hash: a paid record without it matches every record, so that the relation is not
/// transitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CreateTime {
    /// Absent in a paid record; matches every record.
    Any,
    /// Absent in another record; matches records without it.
    Absent,
    /// Present; matches the same time.
    At(i64),
}

impl CreateTime {
    fn of(order: &Order) -> Self {
        match (order.create_time_s, order.status) {
            (Some(time_s), _) => Self::At(time_s),
            (None, Status::Paid) => Self::Any,
            (None, Status::Unpaid | Status::Revoked) => Self::Absent,
        }
    }

    /// A number below 2⁶³. Valid times are not negative.
    fn code(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::Absent => 1,
            Self::At(time_s) => time_s.unsigned_abs().saturating_add(2),
        }
    }
}

/// A record with one of its numbers. Sorts by number, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint {
    number: u128,
    position: RecordPosition,
    content: u64,
    /// [`CreateTime::code`] with the flag [`IN_CONFLICT`].
    create_time: u64,
}

/// Flag of a record that has a number of a stored order with other content.
const IN_CONFLICT: u64 = 1 << 63;

impl FixedSize for Fingerprint {
    const BYTES: usize = 40;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.number.to_le_bytes());
        out.extend(self.position.code().to_le_bytes());
        out.extend(self.content.to_le_bytes());
        out.extend(self.create_time.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        let [number_low, number_high, position, content, create_time] = words(bytes);
        Self {
            number: u128::from(number_low) | u128::from(number_high) << 64,
            position: RecordPosition::from_code(position),
            content,
            create_time,
        }
    }
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    words
}

/// A record that must not be stored. Sorts by position, then by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExcludedRecord {
    /// The record.
    pub(super) position: RecordPosition,
    /// The reason.
    pub(super) reason: ExclusionReason,
}

/// Why a record must not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ExclusionReason {
    /// It is not a valid order. It was counted and reported when it was read.
    Invalid,
    /// An earlier record has one of its numbers with other content.
    EarlierRecord(RecordPosition),
    /// A stored order has one of its numbers with other content.
    StoredOrder,
}

impl FixedSize for ExcludedRecord {
    const BYTES: usize = 16;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.position.code().to_le_bytes());
        let reason = match self.reason {
            // No position has code 0 or `u64::MAX`.
            ExclusionReason::Invalid => 0,
            ExclusionReason::EarlierRecord(position) => position.code(),
            ExclusionReason::StoredOrder => u64::MAX,
        };
        out.extend(reason.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        let [position, reason] = words(bytes);
        let reason = match reason {
            0 => ExclusionReason::Invalid,
            u64::MAX => ExclusionReason::StoredOrder,
            code => ExclusionReason::EarlierRecord(RecordPosition::from_code(code)),
        };
        Self { position: RecordPosition::from_code(position), reason }
    }
}

/// Collects the fingerprints of all records of an import and finds the conflicts between them.
pub(super) struct ConflictFinder {
    number_hashers: [RandomState; 2],
    content_hasher: RandomState,
    fingerprints: Sorter<Fingerprint>,
}

impl ConflictFinder {
    pub(super) fn new(fingerprints: Sorter<Fingerprint>) -> Self {
        // The keys are random, so that a file cannot be crafted with numbers whose hashes collide.
        Self {
            number_hashers: std::array::from_fn(|_| RandomState::new()),
            content_hasher: RandomState::new(),
            fingerprints,
        }
    }

    /// Adds a record. `in_conflict`: a stored order has one of its numbers with other content.
    pub(super) fn push(
        &mut self,
        position: RecordPosition,
        order: &NewOrder,
        in_conflict: bool,
    ) -> io::Result<()> {
        let conflict = if in_conflict { IN_CONFLICT } else { 0 };
        let create_time = CreateTime::of(&order.order).code() | conflict;
        let content = self.content_hash(order);
        for number in [order.order.source_number(), order.order.arrears_number()] {
            if number.is_empty() {
                continue;
            }
            let [low, high] =
                self.number_hashers.each_ref().map(|hasher| hasher.hash_one((order.company_id, number)));
            let number = u128::from(low) | u128::from(high) << 64;
            self.fingerprints.push(Fingerprint { number, position, content, create_time })?;
        }
        Ok(())
    }

    /// A hash of the line and of everything that [`Order::same_content`] compares, except `CreateTime`.
    fn content_hash(&self, order: &NewOrder) -> u64 {
        let numbers = (order.order.source_number(), order.order.arrears_number());
        let Order {
            // In `numbers`.
            number: _,
            counterpart: _,
            // Payment and revocation change these.
            status: _,
            deductions: _,
            paid_time_s: _,
            revocation_time_s: _,
            // Files do not state corrections.
            replaces: _,
            replaced_by: _,
            // Compared separately.
            create_time_s: _,
            start_time_s,
            end_time_s,
            quantity,
            total,
            original,
        } = &order.order;
        let amounts = (start_time_s, end_time_s, quantity, total, original);
        self.content_hasher.hash_one((numbers, amounts, order.line.content()))
    }

    /// Adds to `excluded` every record that conflicts with an earlier record of the import or with the store.
    ///
    /// Of the records with one number, a record is accepted if it does not conflict with the store and matches all
    /// records that were accepted before it. A record with two numbers may be added twice.
    pub(super) fn finish(self, excluded: &mut Sorter<ExcludedRecord>) -> io::Result<()> {
        let mut fingerprints = self.fingerprints.finish()?;
        let mut merge: Merge<'_, Fingerprint> = fingerprints.merge()?;
        let mut group: Option<AcceptedGroup> = None;
        while let Some(record) = merge.next()? {
            let same_number = group.as_mut().filter(|group| group.first.number == record.number);
            let reason = match same_number {
                Some(group) => group.conflict_with(&record).map(ExclusionReason::EarlierRecord),
                None => None,
            };
            let in_conflict = (record.create_time & IN_CONFLICT != 0).then_some(ExclusionReason::StoredOrder);
            if let Some(reason) = reason.or(in_conflict) {
                excluded.push(ExcludedRecord { position: record.position, reason })?;
            } else {
                match &mut group {
                    Some(group) if group.first.number == record.number => group.accept(&record),
                    _ => group = Some(AcceptedGroup::new(record)),
                }
            }
        }
        Ok(())
    }
}

/// The accepted records of one number.
struct AcceptedGroup {
    first: Fingerprint,
    /// The first record whose `CreateTime` does not match every record.
    with_create_time: Option<Fingerprint>,
}

impl AcceptedGroup {
    fn new(first: Fingerprint) -> Self {
        let mut group = Self { first, with_create_time: None };
        group.accept(&first);
        group
    }

    fn accept(&mut self, record: &Fingerprint) {
        if self.with_create_time.is_none() && record.create_time != CreateTime::Any.code() {
            self.with_create_time = Some(*record);
        }
    }

    /// The position of an accepted record that a record does not match.
    fn conflict_with(&self, record: &Fingerprint) -> Option<RecordPosition> {
        if record.content != self.first.content {
            return Some(self.first.position);
        }
        let create_time = record.create_time & !IN_CONFLICT;
        let accepted = self.with_create_time.filter(|_| create_time != CreateTime::Any.code());
        accepted.filter(|accepted| accepted.create_time != create_time).map(|accepted| accepted.position)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use tollbook_domain::{AccountKind, Amount, AmountRule, Deductions, Line, UnitPrice};

    use super::*;

    const NUMBERS: [&str; 4] = ["A", "B", "C", "D"];

    fn order(company_id: i64, numbers: (usize, usize), status: Status) -> NewOrder {
        NewOrder {
            company_id,
            line: Line {
                organization_id: 1,
                organization_name: String::new(),
                user_email: String::new(),
                resource_id: String::new(),
                resource_name: String::new(),
                resource_type: 0,
                model_id: String::new(),
                model_name: String::new(),
                pricing_sku: String::new(),
                pricing_item_id: 0,
                pricing_unit: 10,
                product_code: String::new(),
                region: String::new(),
                charge_type: 0,
                order_type: 0,
                channel: 0,
                currency: String::new(),
                list_price: UnitPrice::default(),
                discount_price: UnitPrice::default(),
                amount_rule: AmountRule::Exact,
            },
            order: Order {
                number: NUMBERS[numbers.0].to_owned(),
                counterpart: NUMBERS.get(numbers.1).copied().unwrap_or_default().to_owned(),
                status,
                start_time_s: 0,
                end_time_s: 0,
                quantity: 0,
                total: Amount::ZERO,
                original: Amount::ZERO,
                deductions: Deductions::default(),
                create_time_s: None,
                paid_time_s: (status == Status::Paid).then_some(7),
                revocation_time_s: None,
                replaces: String::new(),
                replaced_by: String::new(),
            },
        }
    }

    fn orders() -> impl Strategy<Value = (NewOrder, bool)> {
        let numbers = (0..4usize, 0..5usize).prop_filter("numbers differ", |(a, b)| a != b);
        let status =
            prop_oneof![3 => Just(Status::Paid), 2 => Just(Status::Unpaid), 1 => Just(Status::Revoked)];
        let created = prop_oneof![2 => Just(None), 1 => (0..2i64).prop_map(Some)];
        // Content differs rarely, so that some records match.
        let differs = prop::array::uniform6(prop::bool::weighted(0.04));
        (1..3i64, numbers, status, created, differs, prop::bool::weighted(0.1)).prop_map(
            |(company_id, numbers, status, created, differs, in_conflict)| {
                let mut order = order(company_id, numbers, status);
                order.order.create_time_s = created;
                order.order.quantity = i64::from(differs[0]);
                order.order.end_time_s = i64::from(differs[1]);
                order.order.total = Amount::from_steps(i64::from(differs[2]));
                order.line.organization_id += i64::from(differs[3]);
                order.line.region = if differs[4] { "x".into() } else { String::new() };
                *order.order.deductions.get_mut(AccountKind::Cash) =
                    Amount::from_steps(i64::from(differs[5]));
                (order, in_conflict)
            },
        )
    }

    fn matches(a: &NewOrder, b: &NewOrder) -> bool {
        a.line == b.line && a.order.same_content(&b.order)
    }

    /// The excluded records, found by comparing each record with all accepted records of its numbers.
    fn model(orders: &[(NewOrder, bool)]) -> Vec<usize> {
        let mut accepted: HashMap<(i64, &str), Vec<usize>> = HashMap::new();
        let mut excluded = Vec::new();
        for (index, (order, in_conflict)) in orders.iter().enumerate() {
            let mut is_excluded = false;
            for number in [&order.order.number, &order.order.counterpart] {
                if number.is_empty() {
                    continue;
                }
                let group = accepted.entry((order.company_id, number)).or_default();
                if !*in_conflict && group.iter().all(|earlier| matches(&orders[*earlier].0, order)) {
                    group.push(index);
                } else {
                    is_excluded = true;
                }
            }
            if is_excluded {
                excluded.push(index);
            }
        }
        excluded
    }

    fn find(orders: &[(NewOrder, bool)], limit: usize) -> BTreeMap<usize, ExclusionReason> {
        let dir = tempfile::tempdir().unwrap();
        let mut finder = ConflictFinder::new(Sorter::new(dir.path().into(), limit));
        for (index, (order, in_conflict)) in orders.iter().enumerate() {
            let position = RecordPosition::new(index / 7, (index % 7) as u64 + 1);
            finder.push(position, order, *in_conflict).unwrap();
        }
        let mut excluded = Sorter::new(dir.path().into(), limit);
        finder.finish(&mut excluded).unwrap();
        let mut excluded = excluded.finish().unwrap();
        let mut merge = excluded.merge().unwrap();
        let mut found = BTreeMap::new();
        while let Some(ExcludedRecord { position, reason }) = merge.next().unwrap() {
            found.entry(index_of(position)).or_insert(reason);
        }
        found
    }

    fn index_of(position: RecordPosition) -> usize {
        position.file() * 7 + usize::try_from(position.line()).unwrap() - 1
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn the_found_conflicts_equal_those_of_pairwise_comparison(
            orders in prop::collection::vec(orders(), 0..40),
            limit in 1usize..60,
        ) {
            let found = find(&orders, limit);
            prop_assert_eq!(found.keys().copied().collect::<Vec<_>>(), model(&orders));
            for (index, reason) in found {
                let (order, in_conflict) = &orders[index];
                match reason {
                    ExclusionReason::EarlierRecord(position) => {
                        let earlier = index_of(position);
                        prop_assert!(earlier < index && !matches(&orders[earlier].0, order));
                    }
                    ExclusionReason::StoredOrder => prop_assert!(in_conflict),
                    ExclusionReason::Invalid => prop_assert!(false, "no record is invalid"),
                }
            }
        }
    }

    #[test]
    fn a_paid_record_without_create_time_matches_all_but_does_not_link_them() {
        let with = |status, created| {
            let mut order = order(1, if status == Status::Paid { (0, 1) } else { (1, 0) }, status);
            order.order.create_time_s = created;
            (order, false)
        };
        let paid = with(Status::Paid, None);
        let [first, second, none] = [Some(1), Some(2), None].map(|created| with(Status::Unpaid, created));
        for (orders, excluded) in [
            (vec![paid.clone(), first.clone(), paid.clone()], vec![]),
            (vec![paid.clone(), first.clone(), second.clone()], vec![2]),
            (vec![paid.clone(), none.clone(), first.clone()], vec![2]),
            (vec![first.clone(), paid, first.clone(), none], vec![3]),
            (vec![first, second.clone(), second], vec![1, 2]),
        ] {
            assert_eq!(find(&orders, 100).into_keys().collect::<Vec<_>>(), excluded);
            assert_eq!(model(&orders), excluded);
        }
    }
}
