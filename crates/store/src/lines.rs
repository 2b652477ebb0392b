//! The lines of a company in memory. Lines are append-only, so a cached prefix stays valid: each snapshot reads the
//! lines after the prefix, including those that other servers added.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tollbook_domain::{Line, LineFilter};

/// A line's dense number within its company, from 0.
pub type LineNo = u32;

/// The lines of one company, by number.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    list: Vec<Arc<Line>>,
    index: HashMap<Arc<Line>, LineNo>,
}

impl Lines {
    /// Number of lines.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The line with a number.
    pub fn get(&self, line_no: LineNo) -> Option<&Arc<Line>> {
        self.list.get(usize::try_from(line_no).ok()?)
    }

    /// The number of a line.
    pub fn find(&self, line: &Line) -> Option<LineNo> {
        self.index.get(line).copied()
    }

    /// The number of a line, which is added if it is new. The lines are copied only for the first new line of a
    /// transaction: afterwards it has the only reference.
    pub(crate) fn find_or_add(lines: &mut Arc<Self>, line: &Line) -> LineNo {
        match lines.find(line) {
            Some(line_no) => line_no,
            None => Arc::make_mut(lines).push(line.clone()),
        }
    }

    /// All lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.list.iter()
    }

    pub(crate) fn push(&mut self, line: Line) -> LineNo {
        let line = Arc::new(line);
        let line_no = LineNo::try_from(self.list.len()).expect("fewer than 2^32 lines");
        self.list.push(Arc::clone(&line));
        self.index.insert(line, line_no);
        line_no
    }

    pub(crate) fn truncated(&self, len: usize) -> Self {
        let mut shorter = Self::default();
        for line in self.list.iter().take(len) {
            shorter.push(Line::clone(line));
        }
        shorter
    }

    /// The lines that match a filter.
    pub(crate) fn select(&self, filter: &LineFilter) -> LineSet {
        if filter.is_everything() {
            return LineSet { bits: None, len: self.len(), selected: self.len() };
        }
        let mut bits = vec![0u64; self.len().div_ceil(64)];
        let mut selected = 0;
        for (index, line) in self.list.iter().enumerate() {
            if filter.matches(line) {
                bits[index / 64] |= 1 << (index % 64);
                selected += 1;
            }
        }
        LineSet { bits: Some(bits), len: self.len(), selected }
    }
}

/// A set of line numbers of one company.
pub(crate) struct LineSet {
    /// One bit per line; `None` if all lines are selected.
    bits: Option<Vec<u64>>,
    len: usize,
    selected: usize,
}

impl LineSet {
    pub(crate) fn contains(&self, line_no: LineNo) -> bool {
        let Some(bits) = &self.bits else { return true };
        let index = line_no as usize;
        bits.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// Whether no filter was given, so that orders need not be checked one by one.
    pub(crate) fn is_all(&self) -> bool {
        self.bits.is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.selected == 0
    }

    /// Numbers of the chunks of `size` lines that contain a selected line.
    pub(crate) fn chunks(&self, size: usize) -> Vec<i64> {
        (0..self.len.div_ceil(size))
            .filter(|chunk| {
                let range = chunk * size..((chunk + 1) * size).min(self.len);
                range.into_iter().any(|index| self.contains(LineNo::try_from(index).unwrap_or(LineNo::MAX)))
            })
            .map(|chunk| i64::try_from(chunk).expect("fewer than 2^32 lines"))
            .collect()
    }
}

/// Cache of the lines of recently used companies, one for the process.
pub(crate) struct LineCache {
    capacity: usize,
    state: Mutex<CacheState>,
}

#[derive(Default)]
struct CacheState {
    clock: u64,
    failover_epoch: u64,
    companies: HashMap<i64, (u64, Arc<Lines>)>,
}

impl CacheState {
    /// Whether a failover epoch is the latest one. If it is later than the cache's, clears the cache.
    fn belongs_to(&mut self, failover_epoch: u64) -> bool {
        if self.failover_epoch < failover_epoch {
            self.failover_epoch = failover_epoch;
            self.companies.clear();
        }
        self.failover_epoch == failover_epoch
    }
}

impl LineCache {
    /// A cache of about `capacity` lines in total (some 400 bytes each).
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// The cached lines of a company, for a reader in a failover epoch of the database. If the epoch is later than the
    /// cache's, clears the cache.
    pub(crate) fn get(&self, company_id: i64, failover_epoch: u64) -> Option<Arc<Lines>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.belongs_to(failover_epoch) {
            return None;
        }
        state.clock += 1;
        let clock = state.clock;
        let (used, lines) = state.companies.get_mut(&company_id)?;
        *used = clock;
        Some(Arc::clone(lines))
    }

    /// Caches committed lines. If the cache has a longer list of the company, that one is kept. Ignores lines that were
    /// read in an earlier epoch.
    pub(crate) fn put(&self, company_id: i64, lines: &Arc<Lines>, failover_epoch: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.belongs_to(failover_epoch) {
            return;
        }
        state.clock += 1;
        let clock = state.clock;
        let entry = state.companies.entry(company_id).or_insert_with(|| (clock, Arc::clone(lines)));
        entry.0 = clock;
        if entry.1.len() < lines.len() {
            entry.1 = Arc::clone(lines);
        }
        while state.companies.len() > 1
            && state.companies.values().map(|(_, lines)| lines.len()).sum::<usize>() > self.capacity
        {
            let oldest = state.companies.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            oldest.and_then(|id| state.companies.remove(&id));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tollbook_domain::{AccountKind, AmountRule, Deductions, NewOrder, Order, Status, UnitPrice};

    pub(crate) fn order(id: i64) -> NewOrder {
        let line = line(usize::try_from(id).unwrap());
        let total = line.discount_price.charge(5, 1).unwrap();
        let order = Order {
            number: format!("O{id}"),
            counterpart: String::new(),
            status: Status::Paid,
            start_time_s: id * 50_000,
            end_time_s: id * 50_000 + 3_600,
            quantity: 5,
            total,
            original: line.list_price.charge(5, 1).unwrap(),
            deductions: Deductions::default().with(AccountKind::Cash, total),
            create_time_s: None,
            paid_time_s: Some(id * 50_000 + 3_700),
            revocation_time_s: None,
            replaces: String::new(),
            replaced_by: String::new(),
        };
        NewOrder { company_id: 1, line, order }
    }

    pub(crate) fn line(resource: usize) -> Line {
        Line {
            organization_id: 1,
            organization_name: String::new(),
            user_email: String::new(),
            resource_id: format!("key-{resource}"),
            resource_name: String::new(),
            resource_type: 1,
            model_id: "m".into(),
            model_name: String::new(),
            pricing_sku: "input".into(),
            pricing_item_id: 0,
            pricing_unit: 10,
            product_code: "modelverse".into(),
            region: "cn-wlcb".into(),
            charge_type: 102,
            order_type: 102,
            channel: 1,
            currency: "CNY".into(),
            list_price: UnitPrice::from_steps(1),
            discount_price: UnitPrice::from_steps(1),
            amount_rule: AmountRule::Exact,
        }
    }

    #[test]
    fn a_selection_knows_its_lines_and_chunks() {
        let mut lines = Lines::default();
        for n in 0..600 {
            assert_eq!(lines.push(line(n)), LineNo::try_from(n).unwrap());
        }
        assert_eq!(lines.find(&line(599)), Some(599));
        assert_eq!(lines.select(&LineFilter::default()).chunks(256), [0, 1, 2]);
        let some = lines.select(&LineFilter::default().resource_ids(vec!["key-5".into(), "key-599".into()]));
        assert!(some.contains(5) && some.contains(599) && !some.contains(6) && !some.is_all());
        assert_eq!(some.chunks(256), [0, 2]);
        assert!(lines.select(&LineFilter::default().regions(vec!["x".into()])).is_empty());
        assert_eq!(lines.truncated(3).len(), 3);
    }

    #[test]
    fn the_cache_keeps_what_was_used_last() {
        let cache = LineCache::new(10);
        let of = |n| {
            let mut lines = Lines::default();
            (0..n).for_each(|i| {
                lines.push(line(i));
            });
            Arc::new(lines)
        };
        cache.put(1, &of(4), 0);
        cache.put(2, &of(4), 0);
        assert!(cache.get(1, 0).is_some());
        cache.put(3, &of(4), 0);
        assert!(cache.get(2, 0).is_none(), "the least recently used is evicted");
        assert_eq!(cache.get(1, 0).unwrap().len(), 4);
        cache.put(1, &of(2), 0);
        assert_eq!(cache.get(1, 0).unwrap().len(), 4, "a shorter list never replaces a longer one");
        assert!(cache.get(1, 1).is_none(), "another database may have other lines");
        cache.put(1, &of(4), 0);
        assert!(cache.get(1, 1).is_none(), "lines of an earlier epoch are not cached");
    }
}
