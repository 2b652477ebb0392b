//! Decides which export is built next. A few are built at once; the queue serves companies in turn, so that a hundred
//! requests of one company do not delay the others. No threads and no clocks here.

use std::collections::VecDeque;

/// Limits on running and queued exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Exports built at once.
    pub(super) at_once: usize,
    /// Queued exports of all companies.
    pub(super) waiting: usize,
    /// Queued exports of one company.
    pub(super) waiting_per_company: usize,
}

/// Queued exports, and the companies of running ones.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    bounds: Bounds,
    /// In order of arrival.
    queued: VecDeque<(i64, T)>,
    /// The company of each export that is being built.
    building: Vec<i64>,
    /// Companies in the order in which they were last served, the latest last.
    served: Vec<i64>,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

impl<T: PartialEq> FairQueue<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, queued: VecDeque::new(), building: Vec::new(), served: Vec::new() }
    }

    /// Queues an export of a company. An export that can start at once is never refused.
    pub(super) fn push(&mut self, company_id: i64, export: T) -> Result<(), QueueFull> {
        let of_company = self.queued.iter().filter(|(company, _)| *company == company_id).count();
        let starts_at_once = self.queued.is_empty() && self.building.len() < self.bounds.at_once;
        let is_full =
            self.queued.len() >= self.bounds.waiting || of_company >= self.bounds.waiting_per_company;
        if is_full && !starts_at_once {
            return Err(QueueFull);
        }
        self.queued.push_back((company_id, export));
        Ok(())
    }

    /// The number of exports that are built and of those that are queued.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.building.len(), self.queued.len())
    }

    /// Queues an export of a company regardless of the limits.
    pub(super) fn push_unbounded(&mut self, company_id: i64, export: T) {
        self.queued.push_back((company_id, export));
    }

    /// Takes the next export from the queue, if another one may be built: an export of the company with the fewest running
    /// builds, among these the least recently served, among its exports the oldest.
    pub(super) fn next(&mut self) -> Option<T> {
        if self.building.len() >= self.bounds.at_once {
            return None;
        }
        let building = |company: i64| self.building.iter().filter(|other| **other == company).count();
        let last_served = |company: i64| self.served.iter().position(|other| *other == company);
        let (index, _) = self
            .queued
            .iter()
            .enumerate()
            .min_by_key(|(index, (company, _))| (building(*company), last_served(*company), *index))?;
        let (company_id, export) = self.queued.remove(index)?;
        self.building.push(company_id);
        self.served.retain(|other| *other != company_id);
        // Companies without queued exports are dropped, so the list stays as short as the queue.
        self.served.retain(|other| self.queued.iter().any(|(company, _)| company == other));
        self.served.push(company_id);
        Some(export)
    }

    /// Records that a build of a company ended.
    pub(super) fn finished(&mut self, company_id: i64) {
        if let Some(index) = self.building.iter().position(|other| *other == company_id) {
            self.building.swap_remove(index);
        }
    }

    /// Removes an export from the queue. Returns whether it was queued.
    pub(super) fn remove(&mut self, export: &T) -> bool {
        let before = self.queued.len();
        self.queued.retain(|(_, other)| other != export);
        self.queued.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { at_once: 1, waiting: 6, waiting_per_company: 4 };

    fn queue_of(bounds: Bounds, exports: &[(i64, &'static str)]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::new(bounds);
        for (company, export) in exports {
            assert_eq!(queue.push(*company, *export), Ok(()));
        }
        queue
    }

    fn order(mut queue: FairQueue<&'static str>, company_of: impl Fn(&str) -> i64) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(export) = queue.next() {
            order.push(export);
            queue.finished(company_of(export));
        }
        order
    }

    #[test]
    fn companies_are_served_in_turn() {
        let queue = queue_of(BOUNDS, &[(1, "1a"), (1, "1b"), (1, "1c"), (2, "2a"), (3, "3a"), (2, "2b")]);
        let company_of = |export: &str| i64::from(export.as_bytes()[0] - b'0');
        assert_eq!(order(queue, company_of), ["1a", "2a", "3a", "1b", "2b", "1c"]);
    }

    #[test]
    fn a_company_with_running_builds_yields_to_others() {
        let bounds = Bounds { at_once: 3, ..BOUNDS };
        let mut queue = queue_of(bounds, &[(1, "1a"), (1, "1b"), (1, "1c"), (2, "2a")]);
        assert_eq!([queue.next(), queue.next(), queue.next()], [Some("1a"), Some("2a"), Some("1b")]);
        assert_eq!(queue.next(), None, "three are being built");
        queue.finished(2);
        assert_eq!((queue.next(), queue.next()), (Some("1c"), None));
    }

    #[test]
    fn a_full_queue_refuses_exports() {
        let mut of_one = queue_of(BOUNDS, &[(1, "a"), (1, "b"), (1, "c"), (1, "d")]);
        assert_eq!(of_one.push(1, "e"), Err(QueueFull));
        assert_eq!(of_one.push(2, "f"), Ok(()));
        assert_eq!(of_one.push(3, "g"), Ok(()));
        assert_eq!(of_one.push(4, "h"), Err(QueueFull), "six are queued");
        of_one.push_unbounded(4, "job");
        assert!(of_one.remove(&"g"));
        assert!(!of_one.remove(&"g"));
    }

    #[test]
    fn an_export_that_starts_at_once_is_never_refused() {
        let mut no_queue = FairQueue::new(Bounds { waiting: 0, ..BOUNDS });
        assert_eq!(no_queue.push(1, "a"), Ok(()));
        assert_eq!(no_queue.next(), Some("a"));
        assert_eq!(no_queue.push(1, "b"), Err(QueueFull));
        no_queue.finished(1);
        assert_eq!(no_queue.push(1, "b"), Ok(()));
    }
}
