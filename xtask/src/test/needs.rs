//! What the tests of each crate need beside Rust.

use crate::python::Purpose;
use crate::step::Outcome;
use crate::{curl, libreoffice, node, postgres, promtool};

/// Something that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Postgres,
    LibreOffice,
    Promtool,
    Node,
    Curl,
    /// The Python environment of published clients.
    Clients,
    /// That of readers of tables.
    Tables,
}

/// By package; one that is not here needs nothing.
const NEEDS: [(&str, &[Need]); 7] = [
    ("tollbook-testkit", &[Need::Postgres]),
    ("tollbook-store", &[Need::Postgres]),
    ("tollbook-workbook", &[Need::Clients, Need::LibreOffice]),
    ("tollbook-export", &[Need::Postgres, Need::Tables]),
    ("tollbook-ops", &[Need::Postgres, Need::Tables]),
    ("tollbook-api", &[Need::Postgres, Need::Clients]),
    ("tollbook", &[Need::Postgres, Need::Clients, Need::Promtool, Need::Node, Need::Curl]),
];

/// What some packages need together.
#[derive(Clone, Debug)]
pub(super) struct Needs(Vec<Need>);

impl Needs {
    pub(super) fn of<'a>(packages: impl Iterator<Item = &'a str>) -> Self {
        let needs = packages.filter_map(|package| NEEDS.iter().find(|(name, _)| *name == package));
        Self(needs.flat_map(|(_, needs)| *needs).copied().collect())
    }

    fn holds(&self, need: Need) -> bool {
        self.0.contains(&need)
    }

    /// Looks for what comes from the system's packages. Without it nothing is run, rather than tests that say the same
    /// one by one.
    pub(super) fn require_programs(&self) -> Outcome {
        if self.holds(Need::Postgres) {
            postgres::require()?;
        }
        if self.holds(Need::LibreOffice) {
            libreoffice::require()?;
        }
        if self.holds(Need::Promtool) {
            promtool::require()?;
        }
        if self.holds(Need::Node) {
            node::require_node()?;
        }
        if self.holds(Need::Curl) {
            curl::require()?;
        }
        Ok(())
    }

    /// Each Python environment, with the variable that names its interpreter to the tests.
    pub(super) fn environments(&self) -> Vec<(&'static str, Purpose)> {
        let all = [
            (Need::Clients, "TOLLBOOK_TEST_PYTHON", Purpose::Clients),
            (Need::Tables, "TOLLBOOK_TEST_TABLES_PYTHON", Purpose::Tables),
        ];
        let needed = all.into_iter().filter(|(need, ..)| self.holds(*need));
        needed.map(|(_, variable, purpose)| (variable, purpose)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_needs_what_its_tests_use() {
        let environments = |packages: &[&str]| {
            let environments = Needs::of(packages.iter().copied()).environments();
            environments.into_iter().map(|(_, purpose)| purpose).collect::<Vec<_>>()
        };
        assert_eq!(environments(&["tollbook-domain"]), []);
        assert_eq!(environments(&["tollbook-store", "tollbook-testkit"]), []);
        assert_eq!(environments(&["tollbook-workbook", "tollbook-api"]), [Purpose::Clients]);
        assert_eq!(environments(&["tollbook-ops"]), [Purpose::Tables]);
        assert_eq!(environments(&["tollbook-api", "tollbook-export"]), [Purpose::Clients, Purpose::Tables]);
        assert!(Needs::of(["tollbook-domain"].into_iter()).require_programs().is_ok());
    }
}
