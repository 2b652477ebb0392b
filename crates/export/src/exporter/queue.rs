//! Decides which export is built next. A few are built at a time; queued ones are served by company in turn, so that a
//! hundred requests of one company do not hold up the others. No threads and no clocks here.

use std::collections::VecDeque;

/// How many may be built and may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Built at a time.
    pub(super) at_once: usize,
    /// Waiting, of all companies.
    pub(super) waiting: usize,
    /// Waiting, of one company.
    pub(super) waiting_per_company: usize,
}

/// Those that wait, and how many are being built.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    bounds: Bounds,
    /// First come first.
    waiting: VecDeque<(i64, T)>,
    /// Companies whose exports are being built, once for each.
    building: Vec<i64>,
    /// Companies in the order in which they last had a turn, the latest last.
    served: Vec<i64>,
}

/// No more may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

impl<T: PartialEq> FairQueue<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, waiting: VecDeque::new(), building: Vec::new(), served: Vec::new() }
    }

    /// Lets an export of a company wait for its turn; one that would have it at once always may.
    pub(super) fn push(&mut self, company_id: i64, export: T) -> Result<(), QueueFull> {
        let of_company = self.waiting.iter().filter(|(company, _)| *company == company_id).count();
        let is_free = self.waiting.is_empty() && self.building.len() < self.bounds.at_once;
        let is_full =
            self.waiting.len() >= self.bounds.waiting || of_company >= self.bounds.waiting_per_company;
        if is_full && !is_free {
            return Err(QueueFull);
        }
        self.waiting.push_back((company_id, export));
        Ok(())
    }

    /// The same for what may wait for as long as it takes.
    pub(super) fn push_unbounded(&mut self, company_id: i64, export: T) {
        self.waiting.push_back((company_id, export));
    }

    /// The export whose turn it is, if another one may be built: of the company that has fewest being built, of these
    /// the one that has not had a turn for longest.
    pub(super) fn next(&mut self) -> Option<T> {
        if self.building.len() >= self.bounds.at_once {
            return None;
        }
        let building = |company: i64| self.building.iter().filter(|other| **other == company).count();
        let last_turn = |company: i64| self.served.iter().position(|other| *other == company);
        let (place, _) = self
            .waiting
            .iter()
            .enumerate()
            .min_by_key(|(place, (company, _))| (building(*company), last_turn(*company), *place))?;
        let (company_id, export) = self.waiting.remove(place)?;
        self.building.push(company_id);
        self.served.retain(|other| *other != company_id);
        // Who does not wait any more needs no place in the order, so it stays as short as the queue.
        self.served.retain(|other| self.waiting.iter().any(|(company, _)| company == other));
        self.served.push(company_id);
        Some(export)
    }

    /// An export of a company is built, or has failed.
    pub(super) fn finished(&mut self, company_id: i64) {
        if let Some(place) = self.building.iter().position(|other| *other == company_id) {
            self.building.swap_remove(place);
        }
    }

    /// Takes back an export that waits; false if it does not.
    pub(super) fn remove(&mut self, export: &T) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(_, other)| other != export);
        self.waiting.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { at_once: 1, waiting: 6, waiting_per_company: 4 };

    fn turns(bounds: Bounds, exports: &[(i64, &'static str)]) -> FairQueue<&'static str> {
        let mut turns = FairQueue::new(bounds);
        for (company, export) in exports {
            assert_eq!(turns.push(*company, *export), Ok(()));
        }
        turns
    }

    fn order(mut turns: FairQueue<&'static str>, company_of: impl Fn(&str) -> i64) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(export) = turns.next() {
            order.push(export);
            turns.finished(company_of(export));
        }
        order
    }

    #[test]
    fn companies_take_turns() {
        let turns = turns(BOUNDS, &[(1, "1a"), (1, "1b"), (1, "1c"), (2, "2a"), (3, "3a"), (2, "2b")]);
        let company_of = |export: &str| i64::from(export.as_bytes()[0] - b'0');
        assert_eq!(order(turns, company_of), ["1a", "2a", "3a", "1b", "2b", "1c"]);
    }

    #[test]
    fn a_company_that_is_being_served_steps_back() {
        let bounds = Bounds { at_once: 3, ..BOUNDS };
        let mut turns = turns(bounds, &[(1, "1a"), (1, "1b"), (1, "1c"), (2, "2a")]);
        assert_eq!([turns.next(), turns.next(), turns.next()], [Some("1a"), Some("2a"), Some("1b")]);
        assert_eq!(turns.next(), None, "three are being built");
        turns.finished(2);
        assert_eq!((turns.next(), turns.next()), (Some("1c"), None));
    }

    #[test]
    fn no_more_wait_than_may() {
        let mut of_one = turns(BOUNDS, &[(1, "a"), (1, "b"), (1, "c"), (1, "d")]);
        assert_eq!(of_one.push(1, "e"), Err(QueueFull));
        assert_eq!(of_one.push(2, "f"), Ok(()));
        assert_eq!(of_one.push(3, "g"), Ok(()));
        assert_eq!(of_one.push(4, "h"), Err(QueueFull), "six wait");
        of_one.push_unbounded(4, "job");
        assert!(of_one.remove(&"g"));
        assert!(!of_one.remove(&"g"));
    }

    #[test]
    fn who_need_not_wait_is_never_refused() {
        let mut none_waits = FairQueue::new(Bounds { waiting: 0, ..BOUNDS });
        assert_eq!(none_waits.push(1, "a"), Ok(()));
        assert_eq!(none_waits.next(), Some("a"));
        assert_eq!(none_waits.push(1, "b"), Err(QueueFull));
        none_waits.finished(1);
        assert_eq!(none_waits.push(1, "b"), Ok(()));
    }
}
