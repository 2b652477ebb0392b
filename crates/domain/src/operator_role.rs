//! What keys of the operator's programs may do.

/// A role of a key of the operator's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperatorRole {
    /// Reporting and correcting usage, and asking for the standing of companies, as gateways do.
    Usage,
    /// Reading everything of the operator's API.
    Read,
    /// Companies, organizations, API keys, prices and discounts.
    Operate,
    /// Everything that moves money: deposits, reversals, adjustments, credit limits, corrections of usage, revoked orders.
    Money,
}

impl OperatorRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Usage, Self::Read, Self::Operate, Self::Money];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Money => "money",
        }
    }

    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether keys with some roles may do what needs this one. Who may change something may read it too.
    pub fn is_among(self, roles: &[Self]) -> bool {
        roles.contains(&self)
            || (self == Self::Read && (roles.contains(&Self::Operate) || roles.contains(&Self::Money)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_something_may_read_and_nothing_else() {
        for role in OperatorRole::ALL {
            assert_eq!(OperatorRole::from_name(role.name()), Some(role));
            for needed in OperatorRole::ALL {
                let reads = needed == OperatorRole::Read
                    && matches!(role, OperatorRole::Operate | OperatorRole::Money);
                assert_eq!(needed.is_among(&[role]), needed == role || reads, "{needed:?} by {role:?}");
            }
        }
        assert!(!OperatorRole::Read.is_among(&[]));
    }
}
