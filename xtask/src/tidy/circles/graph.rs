//! Which file uses which, by what names, and the circles in it.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Graph {
    /// From the using file to the file used, with the names.
    arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Graph {
    pub(super) fn add(&mut self, from: &str, to: &str, name: &str) {
        if from != to {
            let names = self.arrows.entry(from.to_owned()).or_default().entry(to.to_owned()).or_default();
            names.insert(name.to_owned());
        }
    }

    /// Whether there was such an arrow.
    pub(super) fn remove(&mut self, from: &str, to: &str) -> bool {
        self.arrows.get_mut(from).is_some_and(|used| used.remove(to).is_some())
    }

    /// Each set of two or more files that all reach each other, sorted by the first of its files.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.arrows.keys().map(|file| (file.as_str(), self.reached(file))).collect();
        let mut circles: BTreeSet<BTreeSet<String>> = BTreeSet::new();
        for (file, used) in &reached {
            let back = |other: &&&str| reached.get(**other).is_some_and(|theirs| theirs.contains(file));
            let circle: BTreeSet<String> =
                used.iter().filter(back).map(|other| (*other).to_owned()).collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    /// Every file that can be reached from this one over at least one arrow.
    fn reached(&self, file: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(file) = open.pop() {
            for used in self.arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(used.as_str()) {
                    open.push(used);
                }
            }
        }
        reached
    }

    /// The arrows between these files.
    pub(super) fn within<'a>(
        &'a self,
        files: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a BTreeSet<String>)> {
        files.iter().flat_map(move |from| {
            let used = self.arrows.get(from).into_iter().flatten();
            used.filter(|(to, _)| files.contains(*to))
                .map(move |(to, names)| (from.as_str(), to.as_str(), names))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arrows: &str, expected: &[&str]) {
        let mut graph = Graph::default();
        for arrow in arrows.split_whitespace() {
            let (from, to) = arrow.split_once('>').expect("an arrow");
            graph.add(from, to, "x");
        }
        let found: Vec<String> = graph
            .circles()
            .into_iter()
            .map(|circle| circle.into_iter().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, expected, "{arrows}");
    }

    #[test]
    fn circles_are_as_large_as_they_can_be() {
        check("a>b b>c a>c", &[]);
        check("a>a", &[]);
        check("a>b b>a c>a", &["a b"]);
        check("a>b b>c c>a c>d d>e e>d", &["a b c", "d e"]);
        check("a>b b>a b>c c>b", &["a b c"]);
    }
}
