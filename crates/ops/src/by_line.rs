//! Something kept for each line of a company, found by the line's number, with a bound on how much is kept.

use tollbook_store::LineNo;

/// What is kept, by line.
#[derive(Debug)]
pub(crate) struct ByLine<T> {
    /// By line number; as long as the largest that was asked for.
    kept: Vec<Option<Box<T>>>,
    count: usize,
    most: usize,
}

impl<T> ByLine<T> {
    /// Keeps at most `most`; when one more comes all are forgotten, to be made again as they are asked for. Orders come
    /// hour by hour with all lines of the hour, so that a company with fewer lines in use never gets there.
    pub(crate) fn at_most(most: usize) -> Self {
        Self { kept: Vec::new(), count: 0, most }
    }

    /// What is kept for a line, made if it is not there.
    pub(crate) fn get_or_make(&mut self, line_no: LineNo, make: impl FnOnce() -> T) -> &mut T {
        let index = line_no as usize;
        if self.kept.get(index).is_none_or(Option::is_none) {
            if self.count >= self.most {
                self.kept.iter_mut().for_each(|kept| *kept = None);
                self.count = 0;
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
    fn what_was_made_is_kept_until_there_is_too_much() {
        let mut lines = ByLine::at_most(2);
        let mut made = Vec::new();
        for line_no in [7, 0, 7, 0, 3, 3, 7] {
            let kept = *lines.get_or_make(line_no, || {
                made.push(line_no);
                line_no * 10
            });
            assert_eq!(kept, line_no * 10);
        }
        assert_eq!(made, [7, 0, 3, 7]);
    }
}
