//! Something kept for each line of a company, found by the line's number, with a bound on how much is kept.

use tollbook_store::LineNo;

/// What is kept, by line.
#[derive(Debug)]
pub(crate) struct LineCache<T> {
    /// By line number; as long as the largest that was kept.
    kept: Vec<Option<Box<T>>>,
    count: usize,
    most: usize,
    /// The latest one for which there was no room.
    passing: Option<Box<T>>,
}

impl<T> LineCache<T> {
    /// Keeps the first `most` that are made. Those of other lines are made each time: orders come hour by hour with many
    /// lines of each hour, so that forgetting some to keep others would make all of them again and again.
    pub(crate) fn at_most(most: usize) -> Self {
        Self { kept: Vec::new(), count: 0, most, passing: None }
    }

    /// What is kept for a line, made if it is not there.
    pub(crate) fn get_or_make(&mut self, line_no: LineNo, make: impl FnOnce() -> T) -> &mut T {
        let index = line_no as usize;
        if self.kept.get(index).is_none_or(Option::is_none) {
            if self.count >= self.most {
                return self.passing.insert(Box::new(make()));
            }
            self.count += 1;
            if self.kept.len() <= index {
                self.kept.resize_with(index + 1, || None);
            }
        }
        self.kept[index].get_or_insert_with(|| Box::new(make()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_others_made_each_time() {
        let mut lines = LineCache::at_most(2);
        let mut made = Vec::new();
        for line_no in [7, 0, 7, 0, 3, 3, 7] {
            let kept = *lines.get_or_make(line_no, || {
                made.push(line_no);
                line_no * 10
            });
            assert_eq!(kept, line_no * 10);
        }
        assert_eq!(made, [7, 0, 3, 3]);
    }
}
