//! Finding records that give one number to two orders, anywhere in an import, in bounded memory.
//!
//! Each record leaves a fixed-size entry for each of its numbers: hashes, no texts. Sorted by number they lie side
//! by side. Equal hashes of different texts can only be chance (128 and 64 keyed bits), and the store compares the
//! texts again when an order is written.

use std::hash::{BuildHasher, RandomState};
use std::io;

use tollbook_domain::{NewOrder, Order, Status};

use super::report::Place;
use super::sort::{FixedSize, Merge, Sorter};

/// When an order fell into arrears, as far as comparing goes ([`Order::same_content`]).
///
/// All other content is compared by one hash. This is not: a paid record that does not state the time agrees with
/// any, so agreeing is not transitive and no hash can express it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Created {
    /// A paid record without the time agrees with every record.
    Any,
    /// Another record without it agrees with those that do not state it either.
    NotStated,
    /// A stated time agrees with itself.
    At(i64),
}

impl Created {
    fn of(order: &Order) -> Self {
        match (order.create_time_s, order.status) {
            (Some(time_s), _) => Self::At(time_s),
            (None, Status::Paid) => Self::Any,
            (None, Status::Unpaid | Status::Revoked) => Self::NotStated,
        }
    }

    /// As a number below 2⁶³; checked times are not negative.
    fn code(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::NotStated => 1,
            Self::At(time_s) => time_s.unsigned_abs().saturating_add(2),
        }
    }
}

/// What is remembered of a record for one of its numbers. Sorts by number, then by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    number: u128,
    place: Place,
    content: u64,
    /// [`Created::code`], and [`IN_CONFLICT`].
    traits: u64,
}

/// The store has one of the record's numbers with other content.
const IN_CONFLICT: u64 = 1 << 63;

impl FixedSize for Entry {
    const BYTES: usize = 40;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.number.to_le_bytes());
        out.extend(self.place.code().to_le_bytes());
        out.extend(self.content.to_le_bytes());
        out.extend(self.traits.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        let [number_low, number_high, place, content, traits] = words(bytes);
        Self {
            number: u128::from(number_low) | u128::from(number_high) << 64,
            place: Place::from_code(place),
            content,
            traits,
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

/// Why a record must be left out. Sorts by place; where a record has two reasons, the earlier record goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOut {
    /// The record.
    pub(super) place: Place,
    /// Why.
    pub(super) reason: Reason,
}

/// Why a record must be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is no valid order; counted and reported when it was read.
    Invalid,
    /// An earlier record has one of its numbers with other content.
    Earlier(Place),
    /// The store has one of its numbers with other content.
    Stored,
}

impl FixedSize for LeftOut {
    const BYTES: usize = 16;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.place.code().to_le_bytes());
        let reason = match self.reason {
            // No place has either code.
            Reason::Invalid => 0,
            Reason::Earlier(place) => place.code(),
            Reason::Stored => u64::MAX,
        };
        out.extend(reason.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        let [place, reason] = words(bytes);
        let reason = match reason {
            0 => Reason::Invalid,
            u64::MAX => Reason::Stored,
            code => Reason::Earlier(Place::from_code(code)),
        };
        Self { place: Place::from_code(place), reason }
    }
}

/// Remembers every record of an import.
pub(super) struct Duplicates {
    numbers: [RandomState; 2],
    contents: RandomState,
    entries: Sorter<Entry>,
}

impl Duplicates {
    pub(super) fn new(entries: Sorter<Entry>) -> Self {
        // Random keys, so that no file can be written whose numbers collide on purpose.
        Self { numbers: std::array::from_fn(|_| RandomState::new()), contents: RandomState::new(), entries }
    }

    /// Remembers a record; `in_conflict` with the store.
    pub(super) fn push(&mut self, place: Place, order: &NewOrder, in_conflict: bool) -> io::Result<()> {
        let conflict = if in_conflict { IN_CONFLICT } else { 0 };
        let traits = Created::of(&order.order).code() | conflict;
        let content = self.content(order);
        for number in [order.order.source_number(), order.order.arrears_number()] {
            if number.is_empty() {
                continue;
            }
            let [low, high] = self.numbers.each_ref().map(|state| state.hash_one((order.company_id, number)));
            let number = u128::from(low) | u128::from(high) << 64;
            self.entries.push(Entry { number, place, content, traits })?;
        }
        Ok(())
    }

    /// A hash of what [`Order::same_content`] compares, the time of creation apart, and of the line.
    fn content(&self, order: &NewOrder) -> u64 {
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
            // Compared apart.
            create_time_s: _,
            start_time_s,
            end_time_s,
            quantity,
            total,
            original,
        } = &order.order;
        let amounts = (start_time_s, end_time_s, quantity, total, original);
        self.contents.hash_one((numbers, amounts, &order.line))
    }

    /// Gives every record that contradicts an earlier one of the import or is in conflict with the store.
    ///
    /// Of records with one number, the first is kept and those that agree with everything kept before them. A record
    /// in conflict with the store is never kept. A record with two numbers may be given twice.
    pub(super) fn finish(self, left_out: &mut Sorter<LeftOut>) -> io::Result<()> {
        let mut entries = self.entries.finish()?;
        let mut merge: Merge<'_, Entry> = entries.merge()?;
        let mut kept: Option<Kept> = None;
        while let Some(entry) = merge.next()? {
            let same_number = kept.as_mut().filter(|kept| kept.first.number == entry.number);
            let reason = match same_number {
                Some(kept) => kept.contradicted_by(&entry).map(Reason::Earlier),
                None => None,
            };
            let in_conflict = (entry.traits & IN_CONFLICT != 0).then_some(Reason::Stored);
            if let Some(reason) = reason.or(in_conflict) {
                left_out.push(LeftOut { place: entry.place, reason })?;
            } else {
                match &mut kept {
                    Some(kept) if kept.first.number == entry.number => kept.keep(&entry),
                    _ => kept = Some(Kept::new(entry)),
                }
            }
        }
        Ok(())
    }
}

/// The records of one number that agree with each other.
struct Kept {
    first: Entry,
    /// The first that does not agree with any time of creation.
    created: Option<Entry>,
}

impl Kept {
    fn new(first: Entry) -> Self {
        let mut kept = Self { first, created: None };
        kept.keep(&first);
        kept
    }

    fn keep(&mut self, entry: &Entry) {
        if self.created.is_none() && entry.traits != Created::Any.code() {
            self.created = Some(*entry);
        }
    }

    /// The earlier record that does not agree with an entry.
    fn contradicted_by(&self, entry: &Entry) -> Option<Place> {
        if entry.content != self.first.content {
            return Some(self.first.place);
        }
        let created = entry.traits & !IN_CONFLICT;
        let stated = self.created.filter(|_| created != Created::Any.code());
        stated.filter(|kept| kept.traits != created).map(|kept| kept.place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use tollbook_domain::{AccountKind, Amount, Deductions, Line, UnitPrice};

    use super::*;

    const NUMBERS: [&str; 4] = ["A", "B", "C", "D"];

    fn order(company_id: i64, numbers: (usize, usize), status: Status) -> NewOrder {
        NewOrder {
            company_id,
            line: Line {
                organization_id: 1,
                user_email: String::new(),
                resource_id: String::new(),
                resource_type: 0,
                model_id: String::new(),
                model_name: String::new(),
                pricing_sku: String::new(),
                pricing_item_id: 0,
                pricing_unit: 1,
                product_code: String::new(),
                region: String::new(),
                charge_type: 0,
                order_type: 0,
                channel: 0,
                currency: String::new(),
                list_price: UnitPrice::default(),
                discount_price: UnitPrice::default(),
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
            },
        }
    }

    fn orders() -> impl Strategy<Value = (NewOrder, bool)> {
        let numbers = (0..4usize, 0..5usize).prop_filter("numbers differ", |(a, b)| a != b);
        let status =
            prop_oneof![3 => Just(Status::Paid), 2 => Just(Status::Unpaid), 1 => Just(Status::Revoked)];
        let created = prop_oneof![2 => Just(None), 1 => (0..2i64).prop_map(Some)];
        // Content differs rarely, else nothing ever agrees.
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

    fn agree(a: &NewOrder, b: &NewOrder) -> bool {
        a.line == b.line && a.order.same_content(&b.order)
    }

    /// What is left out, told by comparing every record with all kept records of its numbers.
    fn model(orders: &[(NewOrder, bool)]) -> Vec<usize> {
        let mut kept: HashMap<(i64, &str), Vec<usize>> = HashMap::new();
        let mut left_out = Vec::new();
        for (index, (order, in_conflict)) in orders.iter().enumerate() {
            let mut is_left_out = false;
            for number in [&order.order.number, &order.order.counterpart] {
                if number.is_empty() {
                    continue;
                }
                let group = kept.entry((order.company_id, number)).or_default();
                if !*in_conflict && group.iter().all(|earlier| agree(&orders[*earlier].0, order)) {
                    group.push(index);
                } else {
                    is_left_out = true;
                }
            }
            if is_left_out {
                left_out.push(index);
            }
        }
        left_out
    }

    fn find(orders: &[(NewOrder, bool)], limit: usize) -> BTreeMap<usize, Reason> {
        let dir = tempfile::tempdir().unwrap();
        let mut duplicates = Duplicates::new(Sorter::new(dir.path().into(), limit));
        for (index, (order, in_conflict)) in orders.iter().enumerate() {
            let place = Place::new(index / 7, (index % 7) as u64 + 1);
            duplicates.push(place, order, *in_conflict).unwrap();
        }
        let mut left_out = Sorter::new(dir.path().into(), limit);
        duplicates.finish(&mut left_out).unwrap();
        let mut left_out = left_out.finish().unwrap();
        let mut merge = left_out.merge().unwrap();
        let mut found = BTreeMap::new();
        while let Some(LeftOut { place, reason }) = merge.next().unwrap() {
            found.entry(index_of(place)).or_insert(reason);
        }
        found
    }

    fn index_of(place: Place) -> usize {
        place.file() * 7 + usize::try_from(place.line()).unwrap() - 1
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn the_same_records_are_found_as_by_comparing_each_with_each(
            orders in prop::collection::vec(orders(), 0..40),
            limit in 1usize..60,
        ) {
            let found = find(&orders, limit);
            prop_assert_eq!(found.keys().copied().collect::<Vec<_>>(), model(&orders));
            for (index, reason) in found {
                let (order, in_conflict) = &orders[index];
                match reason {
                    Reason::Earlier(place) => {
                        let earlier = index_of(place);
                        prop_assert!(earlier < index && !agree(&orders[earlier].0, order));
                    }
                    Reason::Stored => prop_assert!(in_conflict),
                    Reason::Invalid => prop_assert!(false, "nothing was invalid"),
                }
            }
        }
    }

    #[test]
    fn a_paid_record_without_the_time_agrees_with_any_but_not_for_others() {
        let with = |status, created| {
            let mut order = order(1, if status == Status::Paid { (0, 1) } else { (1, 0) }, status);
            order.order.create_time_s = created;
            (order, false)
        };
        let paid = with(Status::Paid, None);
        let [first, second, none] = [Some(1), Some(2), None].map(|created| with(Status::Unpaid, created));
        for (orders, left_out) in [
            (vec![paid.clone(), first.clone(), paid.clone()], vec![]),
            (vec![paid.clone(), first.clone(), second.clone()], vec![2]),
            (vec![paid.clone(), none.clone(), first.clone()], vec![2]),
            (vec![first.clone(), paid, first.clone(), none], vec![3]),
            (vec![first, second.clone(), second], vec![1, 2]),
        ] {
            assert_eq!(find(&orders, 100).into_keys().collect::<Vec<_>>(), left_out);
            assert_eq!(model(&orders), left_out);
        }
    }
}
