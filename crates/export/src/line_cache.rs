//! A bounded cache of one value for each line of a company, indexed by line number.

use tollbook_store::LineNo;

/// A cache of values by line.
#[derive(Debug)]
pub(crate) struct LineCache<T> {
    /// By line number, up to the largest cached one.
    cached: Vec<Option<Box<T>>>,
    count: usize,
    capacity: usize,
    /// The latest value that was not cached.
    uncached: Option<Box<T>>,
}

impl<T> LineCache<T> {
    /// Caches the first `capacity` values; the values of other lines are made each time. Nothing is evicted: orders are
    /// sorted by hour and every hour has many lines, so eviction would make all values again for every hour.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { cached: Vec::new(), count: 0, capacity, uncached: None }
    }

    /// The value of a line. Calls `make` if it is not cached.
    pub(crate) fn get_or_make(&mut self, line_no: LineNo, make: impl FnOnce() -> T) -> &mut T {
        let index = line_no as usize;
        if self.cached.get(index).is_none_or(Option::is_none) {
            if self.count >= self.capacity {
                return self.uncached.insert(Box::new(make()));
            }
            self.count += 1;
            if self.cached.len() <= index {
                self.cached.resize_with(index + 1, || None);
            }
        }
        self.cached[index].get_or_insert_with(|| Box::new(make()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_are_cached_and_others_made_each_time() {
        let mut lines = LineCache::with_capacity(2);
        let mut made = Vec::new();
        for line_no in [7, 0, 7, 0, 3, 3, 7] {
            let value = *lines.get_or_make(line_no, || {
                made.push(line_no);
                line_no * 10
            });
            assert_eq!(value, line_no * 10);
        }
        assert_eq!(made, [7, 0, 3, 3]);
    }
}
