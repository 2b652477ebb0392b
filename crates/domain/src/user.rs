//! Users of the console and their roles.

use crate::tenant::{ApiKey, Permission};

/// Declares the roles: name, and whether it is one of the operator's own people.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident $name:literal $of_operator:literal;)*) => {
        /// What a user of the console may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$doc])* $role,)* }

        impl Role {
            /// All roles.
            pub const ALL: &[Self] = &[$(Self::$role),*];

            /// Its name on the command line and in the store.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => $name,)* }
            }

            /// Whether it is a role of the operator's own people, who belong to no company.
            pub const fn is_of_operator(self) -> bool {
                match self { $(Self::$role => $of_operator,)* }
            }
        }
    };
}

roles! {
    /// Sees the bills of a company and downloads them.
    Viewer "viewer" false;
    /// Also pays unpaid orders.
    Payer "payer" false;
    /// Also manages API keys.
    Administrator "administrator" false;
    /// Sees what the operator sees, and changes nothing.
    OperatorViewer "operator-viewer" true;
    /// Does what the operator's commands do.
    Operator "operator" true;
}

impl Role {
    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// Whether it may use actions of a permission of API keys, in its own company.
    pub const fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Read | Permission::Export => !self.is_of_operator(),
            Permission::Pay => matches!(self, Self::Payer | Self::Administrator),
        }
    }

    const fn manages_keys(self) -> bool {
        matches!(self, Self::Administrator)
    }
}

/// A user of the console as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Number, unique in the deployment.
    pub user_id: i64,
    /// Email address, lower case, unique in the deployment.
    pub email: String,
    /// The company; `None` for the operator's own people.
    pub company_id: Option<i64>,
    /// Organizations that the user is bound to; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// What the user may do.
    pub role: Role,
    /// PHC string of the password; empty: none is set.
    pub password_hash: String,
    /// A disabled user is refused as if there were none.
    pub disabled: bool,
    /// When the user was added, Unix seconds.
    pub created_s: i64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("user_id", &self.user_id)
            .field("company_id", &self.company_id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl User {
    /// The rights of the user as those of an API key, by which the actions of the API judge. The key has no secret and is
    /// never stored; its name cannot be that of a stored key. `None` for the operator's own people.
    pub fn as_key(&self) -> Option<ApiKey> {
        let company_id = self.company_id?;
        let permissions =
            Permission::ALL.into_iter().filter(|permission| self.role.allows(*permission)).collect();
        Some(ApiKey {
            organization_ids: self.organization_ids.clone(),
            permissions,
            ..ApiKey::unrestricted(format!("{USER_KEY_PREFIX}{}", self.user_id), company_id, Vec::new())
        })
    }

    /// Whether the user sees everything of the company, so also its accounts.
    pub const fn sees_whole_company(&self) -> bool {
        self.company_id.is_some() && self.organization_ids.is_empty()
    }

    /// Whether the user may add, change and replace the API keys of the company, which see all of it.
    pub const fn manages_keys(&self) -> bool {
        self.role.manages_keys() && self.sees_whole_company()
    }

    /// The number of the user whose rights are those of a key of [`User::as_key`].
    pub fn id_of_key(public_key: &str) -> Option<i64> {
        public_key.strip_prefix(USER_KEY_PREFIX)?.parse().ok()
    }
}

/// Keys that are stored consist of letters and digits.
const USER_KEY_PREFIX: &str = "user:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_names_and_grow() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
        }
        let table = [
            // role, read, export, pay, keys
            (Role::Viewer, [true, true, false, false]),
            (Role::Payer, [true, true, true, false]),
            (Role::Administrator, [true, true, true, true]),
            (Role::OperatorViewer, [false; 4]),
            (Role::Operator, [false; 4]),
        ];
        for (role, expected) in table {
            let [read, export, pay] = Permission::ALL.map(|permission| role.allows(permission));
            assert_eq!([read, export, pay, role.manages_keys()], expected, "{role:?}");
        }
    }

    #[test]
    fn a_users_key_has_the_users_rights() {
        let user = User {
            user_id: 7,
            email: "a@b.example".into(),
            company_id: Some(3),
            organization_ids: vec![2],
            role: Role::Viewer,
            password_hash: String::new(),
            disabled: false,
            created_s: 0,
        };
        let key = user.as_key().unwrap();
        assert_eq!((key.company_id, key.may_use(2), key.may_use(1)), (3, true, false));
        assert_eq!((key.allows(Permission::Export), key.allows(Permission::Pay)), (true, false));
        assert_eq!(User::id_of_key(&key.public_key), Some(7));
        assert_eq!(User::id_of_key("user7"), None);
        assert!(User { company_id: None, role: Role::Operator, ..user }.as_key().is_none());
    }
}
