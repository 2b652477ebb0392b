//! Validity of the price sets of a model: their constraints become intervals in each of which one set holds. A price
//! that a set has and its successor lacks ends with the set.

use tollbook_domain::price::TimeOfDay;

/// The condition under which a set of prices may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    /// No condition.
    None,
    /// From this Unix second on.
    From(i64),
    /// At this part of each day.
    Daily(TimeOfDay),
}

/// An interval in which one set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    /// Position of the set.
    pub(super) set: usize,
    /// First Unix second.
    pub(super) from_s: i64,
    /// Unix second after the last one; `None` if it does not end.
    pub(super) until_s: Option<i64>,
    /// The part of each day; `None` for whole days.
    pub(super) time_of_day: Option<TimeOfDay>,
}

/// The intervals from `first_s` on, which do not overlap: at each time, the last set whose constraint is met holds.
pub(super) fn intervals(constraints: &[Constraint], first_s: i64) -> Vec<Interval> {
    let mut starts = vec![first_s];
    starts.extend(constraints.iter().filter_map(|constraint| match constraint {
        Constraint::From(from_s) => Some(*from_s).filter(|from_s| *from_s > first_s),
        Constraint::None | Constraint::Daily(_) => None,
    }));
    starts.sort_unstable();
    starts.dedup();
    let mut intervals: Vec<Interval> = Vec::new();
    for (index, from_s) in starts.iter().enumerate() {
        let until_s = starts.get(index + 1).copied();
        for (set, time_of_day) in parts_of_day(constraints, *from_s) {
            let same = |before: &&mut Interval| {
                before.set == set && before.time_of_day == time_of_day && before.until_s == Some(*from_s)
            };
            match intervals.iter_mut().find(same) {
                Some(before) => before.until_s = until_s,
                None => intervals.push(Interval { set, from_s: *from_s, until_s, time_of_day }),
            }
        }
    }
    intervals
}

/// The parts of a day on which a start date has passed, each with the set that holds.
fn parts_of_day(constraints: &[Constraint], date_s: i64) -> Vec<(usize, Option<TimeOfDay>)> {
    let started = |constraint: &Constraint| match constraint {
        Constraint::From(from_s) => *from_s <= date_s,
        Constraint::None | Constraint::Daily(_) => true,
    };
    let mut cuts: Vec<i64> = constraints
        .iter()
        .filter_map(|constraint| match constraint {
            Constraint::Daily(day) => Some([day.from_s, day.until_s]),
            Constraint::None | Constraint::From(_) => None,
        })
        .flatten()
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let at = |second: i64| {
        constraints.iter().rposition(|constraint| match constraint {
            Constraint::Daily(day) => day.contains(second),
            Constraint::None | Constraint::From(_) => started(constraint),
        })
    };
    // Each cut begins a part that ends at the next cut; the last part includes midnight. Adjacent parts with the same
    // set are one part.
    let sets: Vec<Option<usize>> = cuts.iter().map(|cut| at(*cut)).collect();
    let before = |index: usize| sets.get(index.checked_sub(1).unwrap_or(sets.len().saturating_sub(1)));
    let begins: Vec<(i64, Option<usize>)> = (cuts.iter().zip(&sets).enumerate())
        .filter(|(index, (_, set))| before(*index) != Some(set))
        .map(|(_, (cut, set))| (*cut, *set))
        .collect();
    let Some((first, _)) = begins.first() else {
        // One set holds all day.
        return at(0).map(|set| (set, None)).into_iter().collect();
    };
    let ends = begins.iter().skip(1).map(|(cut, _)| *cut).chain([*first]);
    let parts = begins.iter().zip(ends).filter_map(|((from_s, set), until_s)| {
        set.map(|set| (set, Some(TimeOfDay { from_s: *from_s, until_s })))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn constraint(text: &str) -> Constraint {
        match text.split_once('-') {
            Some((from, until)) => Constraint::Daily(TimeOfDay {
                from_s: from.parse().unwrap(),
                until_s: until.parse().unwrap(),
            }),
            None => text.parse().map_or(Constraint::None, Constraint::From),
        }
    }

    #[test]
    fn each_set_replaces_the_ones_before_it_while_it_holds() {
        // constraints | intervals from 100 on: set @ from..until, and the part of the day
        let table = "
            always                  | 0@100..
            always 500              | 0@100..500 1@500..
            always 50               | 1@100..
            500                     | 0@500..
            always 500 900          | 0@100..500 1@500..900 2@900..
            always 900 500          | 0@100..500 2@500..
            always 1800-59400       | 1@100..(1800-59400) 0@100..(59400-1800)
            always 59400-1800       | 0@100..(1800-59400) 1@100..(59400-1800)
            always 0-40000 30000-0  | 1@100..(0-30000) 2@100..(30000-0)
            0-40000                 | 0@100..(0-40000)
            always 0-40000 500      | 1@100..500(0-40000) 0@100..500(40000-0) 2@500..
            always 500 0-40000      | 2@100..(0-40000) 0@100..500(40000-0) 1@500..(40000-0)
            always 10-20 always     | 2@100..";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (constraints, expected) = row.split_once('|').unwrap();
            let constraints: Vec<Constraint> = constraints.split_whitespace().map(constraint).collect();
            let mut got = String::new();
            for interval in intervals(&constraints, 100) {
                let until = interval.until_s.map(|until| until.to_string()).unwrap_or_default();
                let day = interval.time_of_day.map(|day| format!("({}-{})", day.from_s, day.until_s));
                write!(got, " {}@{}..{until}{}", interval.set, interval.from_s, day.unwrap_or_default())
                    .unwrap();
            }
            assert_eq!(got.trim(), expected.trim(), "{row}");
        }
    }

    #[test]
    fn at_each_time_the_set_is_the_last_that_holds() {
        let sets = ["always", "40000", "0-30000", "90000", "80000-10000"].map(constraint);
        let holds = |set: &Constraint, time_s: i64| match set {
            Constraint::None => true,
            Constraint::From(from_s) => *from_s <= time_s,
            Constraint::Daily(day) => day.contains(time_s),
        };
        let found = intervals(&sets, 0);
        for time_s in (0..300_000).step_by(500) {
            let fits = |interval: &&Interval| {
                interval.from_s <= time_s
                    && interval.until_s.is_none_or(|until_s| time_s < until_s)
                    && interval.time_of_day.is_none_or(|day| day.contains(time_s))
            };
            let fitting: Vec<usize> = found.iter().filter(fits).map(|interval| interval.set).collect();
            let expected = sets.iter().rposition(|set| holds(set, time_s));
            assert_eq!(fitting, expected.into_iter().collect::<Vec<_>>(), "at {time_s}");
        }
    }
}
