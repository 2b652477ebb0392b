//! Which of several price sets applies when: a model's sets with constraints cut into stretches of time in which one
//! of them holds, so that what a replaced set had and its successor lacks does not live on.

use tollbook_domain::price::TimeOfDay;

/// When a set of prices may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    /// At any time.
    None,
    /// From this Unix second on.
    From(i64),
    /// At this time of each day.
    Daily(TimeOfDay),
}

/// One set, and a stretch in which it is the one that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) set: usize,
    pub(super) from_s: i64,
    pub(super) until_s: Option<i64>,
    pub(super) time_of_day: Option<TimeOfDay>,
}

/// The stretches from `first_s` on: at each time the last set whose constraint holds. They do not overlap.
pub(super) fn stretches(constraints: &[Constraint], first_s: i64) -> Vec<Stretch> {
    let mut starts = vec![first_s];
    starts.extend(constraints.iter().filter_map(|constraint| match constraint {
        Constraint::From(from_s) => Some(*from_s).filter(|from_s| *from_s > first_s),
        Constraint::None | Constraint::Daily(_) => None,
    }));
    starts.sort_unstable();
    starts.dedup();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, from_s) in starts.iter().enumerate() {
        let until_s = starts.get(index + 1).copied();
        for (set, time_of_day) in parts_of_day(constraints, *from_s) {
            let same = |before: &&mut Stretch| {
                before.set == set && before.time_of_day == time_of_day && before.until_s == Some(*from_s)
            };
            match stretches.iter_mut().find(same) {
                Some(before) => before.until_s = until_s,
                None => stretches.push(Stretch { set, from_s: *from_s, until_s, time_of_day }),
            }
        }
    }
    stretches
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
    // Each cut begins a part that ends at the next one; the last goes past midnight. A part with the set of the part
    // before it is no part of its own.
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
    fn the_last_set_that_holds_is_cut_out_of_those_before_it() {
        // constraints | stretches from 100 on: set @ from..until, and the part of the day
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
            for stretch in stretches(&constraints, 100) {
                let until = stretch.until_s.map(|until| until.to_string()).unwrap_or_default();
                let day = stretch.time_of_day.map(|day| format!("({}-{})", day.from_s, day.until_s));
                write!(got, " {}@{}..{until}{}", stretch.set, stretch.from_s, day.unwrap_or_default())
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
        let found = stretches(&sets, 0);
        for time_s in (0..300_000).step_by(500) {
            let fits = |stretch: &&Stretch| {
                stretch.from_s <= time_s
                    && stretch.until_s.is_none_or(|until_s| time_s < until_s)
                    && stretch.time_of_day.is_none_or(|day| day.contains(time_s))
            };
            let fitting: Vec<usize> = found.iter().filter(fits).map(|stretch| stretch.set).collect();
            let expected = sets.iter().rposition(|set| holds(set, time_s));
            assert_eq!(fitting, expected.into_iter().collect::<Vec<_>>(), "at {time_s}");
        }
    }
}
