//! The lines of a company in memory. Lines are append-only, so a cached prefix stays valid: each snapshot reads the
//! lines after the prefix, including those that other servers added.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{DefaultHashBuilder, HashTable};
use tollbook_domain::{Line, LineFilter};

/// A line's dense number within its company, from 0.
pub type LineNo = u32;

/// The lines of one company, by number.
///
/// A copy shares almost everything with its original, and adding a line to a copy costs the same however many lines there
/// are: a transaction that adds one to 100,000 lines must not hold up other writers while all of them are copied.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The lines by number, in chunks of [`CHUNK`]; the last may have fewer. Only the last one is ever copied.
    chunks: Vec<Arc<Vec<Arc<Line>>>>,
    len: usize,
    index: Index,
}

/// Lines per chunk.
const CHUNK: usize = 256;

impl Lines {
    /// Number of lines.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no lines.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The line with a number.
    pub fn get(&self, line_no: LineNo) -> Option<&Arc<Line>> {
        let place = usize::try_from(line_no).ok()?;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
    }

    /// The number of a line.
    pub fn find(&self, line: &Line) -> Option<LineNo> {
        self.find_hashed(self.index.hash(line), line)
    }

    /// Whether a number is that of a line is decided by the line itself: the index may have numbers of lines that are not
    /// here.
    fn find_hashed(&self, hash: u64, line: &Line) -> Option<LineNo> {
        self.index.find(hash, |line_no| self.get(line_no).is_some_and(|known| **known == *line))
    }

    /// The number of a line, which is added if it is new.
    pub(crate) fn find_or_add(lines: &mut Arc<Self>, line: &Line) -> LineNo {
        let hash = lines.index.hash(line);
        match lines.find_hashed(hash, line) {
            Some(line_no) => line_no,
            None => Arc::make_mut(lines).push_hashed(hash, line.clone()),
        }
    }

    /// All lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.iter_from(0)
    }

    /// The lines from a number on, oldest first. The lines before it are not passed one by one.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = &Arc<Line>> {
        let chunks = self.chunks.get(first / CHUNK..).unwrap_or_default();
        chunks.iter().flat_map(|chunk| chunk.iter()).skip(first % CHUNK)
    }

    pub(crate) fn push(&mut self, line: Line) -> LineNo {
        self.push_hashed(self.index.hash(&line), line)
    }

    fn push_hashed(&mut self, hash: u64, line: Line) -> LineNo {
        let line_no = LineNo::try_from(self.len).expect("fewer than 2^32 lines");
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(Arc::new(line));
        }
        self.index.insert(hash, line_no);
        self.len += 1;
        line_no
    }

    /// The first `len` lines. The index keeps the numbers of the others, which are not found.
    pub(crate) fn truncated(&self, len: usize) -> Self {
        let len = len.min(self.len);
        let mut chunks: Vec<Arc<Vec<Arc<Line>>>> =
            self.chunks.iter().take(len.div_ceil(CHUNK)).map(Arc::clone).collect();
        if let (Some(last), true) = (chunks.last_mut(), !len.is_multiple_of(CHUNK)) {
            *last = Arc::new(last.iter().take(len % CHUNK).map(Arc::clone).collect());
        }
        Self { chunks, len, index: self.index.clone() }
    }

    /// The lines that match a filter.
    pub(crate) fn select(&self, filter: &LineFilter) -> LineSet {
        if filter.is_everything() {
            return LineSet { bits: None, len: self.len(), selected: self.len() };
        }
        let mut bits = vec![0u64; self.len().div_ceil(64)];
        let mut selected = 0;
        for (index, line) in self.iter().enumerate() {
            if filter.matches(line) {
                bits[index / 64] |= 1 << (index % 64);
                selected += 1;
            }
        }
        LineSet { bits: Some(bits), len: self.len(), selected }
    }
}

/// Numbers of lines by the hash of the line.
#[derive(Clone, Debug, Default)]
struct Index {
    hasher: DefaultHashBuilder,
    /// Most numbers; shared by copies.
    shared: Arc<HashTable<(u64, LineNo)>>,
    /// Numbers that were added while `shared` was shared; at most [`RECENT`].
    recent: HashTable<(u64, LineNo)>,
}

/// Numbers that a copy adds before it gets a large table of its own. To copy this many costs microseconds; a table of
/// 100,000 is copied in about a millisecond, because it has numbers and hashes only.
const RECENT: usize = 4_096;

impl Index {
    fn hash(&self, line: &Line) -> u64 {
        self.hasher.hash_one(line)
    }

    fn find(&self, hash: u64, is_it: impl Fn(LineNo) -> bool) -> Option<LineNo> {
        let is_it = |(known, line_no): &(u64, LineNo)| *known == hash && is_it(*line_no);
        let found = self.shared.find(hash, is_it).or_else(|| self.recent.find(hash, is_it));
        found.map(|(_, line_no)| *line_no)
    }

    fn insert(&mut self, hash: u64, line_no: LineNo) {
        if self.recent.len() >= RECENT || Arc::get_mut(&mut self.shared).is_some() {
            let shared = Arc::make_mut(&mut self.shared);
            for entry in self.recent.drain() {
                shared.insert_unique(entry.0, entry, |entry| entry.0);
            }
            shared.insert_unique(hash, (hash, line_no), |entry| entry.0);
        } else {
            self.recent.insert_unique(hash, (hash, line_no), |entry| entry.0);
        }
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

    /// Lines `0..n` in turn by adding to a copy whose original is still in use, as transactions do.
    fn by_copies(n: usize) -> Vec<Arc<Lines>> {
        let mut all = vec![Arc::new(Lines::default())];
        for next in 0..n {
            let mut copy = Arc::clone(&all[next]);
            assert_eq!(Lines::find_or_add(&mut copy, &line(next)), LineNo::try_from(next).unwrap());
            all.push(copy);
        }
        all
    }

    #[test]
    fn a_copy_with_more_lines_leaves_the_original_as_it_was() {
        let n = 2 * CHUNK + 1;
        let all = by_copies(n);
        for (len, lines) in all.iter().enumerate() {
            assert_eq!((lines.len(), lines.is_empty(), lines.iter().count()), (len, len == 0, len));
            let last = len.checked_sub(1).map(|last| LineNo::try_from(last).unwrap());
            assert_eq!(
                last.and_then(|last| lines.get(last)).map(|known| Line::clone(known)),
                last.map(|_| line(len - 1))
            );
            assert_eq!(lines.find(&line(len)), None, "a later copy's line is not one of {len}");
            assert_eq!(lines.find(&line(len.saturating_sub(1))), last);
            assert!(lines.get(LineNo::try_from(len).unwrap()).is_none());
        }
        let last = &all[n];
        for first in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, n - 1, n, n + 1] {
            let found: Vec<Line> = last.iter_from(first).map(|line| Line::clone(line)).collect();
            assert_eq!(found, (first..n).map(line).collect::<Vec<Line>>(), "from {first}");
        }
    }

    #[test]
    fn a_copy_shares_the_chunks_and_the_index_of_its_original() {
        let mut lines = Arc::new(Lines::default());
        for n in 0..10 * CHUNK {
            Lines::find_or_add(&mut lines, &line(n));
        }
        let mut copy = Arc::clone(&lines);
        Lines::find_or_add(&mut copy, &line(10 * CHUNK));
        assert!(Arc::ptr_eq(&lines.index.shared, &copy.index.shared));
        assert_eq!((lines.index.recent.len(), copy.index.recent.len()), (0, 1));
        assert!(lines.chunks.iter().zip(&copy.chunks).all(|(one, other)| Arc::ptr_eq(one, other)));
    }

    #[test]
    fn a_long_series_of_copies_gets_an_index_of_its_own() {
        let mut lines = Lines::default();
        for n in 0..CHUNK {
            lines.push(line(n));
        }
        let original = lines.clone();
        let n = CHUNK + RECENT + 2;
        for next in CHUNK..n {
            let before = lines.clone();
            assert_eq!(lines.push(line(next)), LineNo::try_from(next).unwrap());
            assert_eq!(before.find(&line(next)), None);
        }
        assert!(!Arc::ptr_eq(&original.index.shared, &lines.index.shared));
        assert!(lines.index.recent.len() < RECENT);
        for known in [0, 1, CHUNK - 1, CHUNK, CHUNK + RECENT - 1, CHUNK + RECENT, n - 1] {
            assert_eq!(lines.find(&line(known)), Some(LineNo::try_from(known).unwrap()));
        }
        assert_eq!((original.find(&line(CHUNK - 1)), original.find(&line(CHUNK))), (Some(255), None));
    }

    #[test]
    fn truncated_lines_find_only_their_own_and_may_grow_again() {
        let lines = by_copies(2 * CHUNK).pop().unwrap();
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1] {
            let mut shorter = Arc::new(lines.truncated(len));
            let len = len.min(2 * CHUNK);
            assert_eq!((shorter.len(), shorter.iter().count()), (len, len));
            for n in 0..2 * CHUNK {
                let expected = (n < len).then(|| LineNo::try_from(n).unwrap());
                assert_eq!(shorter.find(&line(n)), expected, "{n} of {len}");
            }
            // Another line may get the number of one that is not here, and that one a later number.
            let next = LineNo::try_from(len).unwrap();
            assert_eq!(Lines::find_or_add(&mut shorter, &line(100_000)), next);
            assert_eq!(
                Lines::find_or_add(&mut shorter, &line(2 * CHUNK - 1)),
                if len == 2 * CHUNK { 511 } else { next + 1 }
            );
            assert_eq!(shorter.find(&line(100_000)), Some(next));
        }
        assert_eq!(lines.find(&line(100_000)), None);
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
