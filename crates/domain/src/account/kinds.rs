//! The kinds of account. One table states everything that differs between them: the number in the store, the names in
//! configuration, in orders and in answers of the API.

/// Declares the kinds in settlement order: number in the store, name, field of orders, whether it consists of grants,
/// meaning of a deduction.
macro_rules! account_kinds {
    ($($(#[$doc:meta])* $kind:ident $number:literal $name:literal $field:literal $is_granted:literal $meaning:literal;)*) => {
        /// A kind of account. The derived order is the default settlement order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AccountKind { $($(#[$doc])* $kind,)* }

        impl AccountKind {
            /// All kinds, in default settlement order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$kind,)*];

            /// How many kinds there are.
            pub const COUNT: usize = [$($number,)*].len();

            /// The number in the store.
            pub const fn number(self) -> i64 {
                match self { $(Self::$kind => $number,)* }
            }

            /// Position in [`AccountKind::ALL`].
            const fn index(self) -> usize {
                match self { $(Self::$kind => $number - 1,)* }
            }

            /// The name in configuration, on the command line and of the column in the store.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The member of JSON objects that have one member for each kind.
            pub const fn json_name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// The field of orders that holds what was deducted from this kind.
            pub const fn order_field(self) -> &'static str {
                match self { $(Self::$kind => $field,)* }
            }

            /// The field of summaries that holds the sum of [`AccountKind::order_field`].
            pub const fn sum_field(self) -> &'static str {
                match self { $(Self::$kind => concat!("Sum", $field),)* }
            }

            /// The member of the answer of `GetOrderAmount`.
            pub const fn amount_member(self) -> &'static str {
                match self { $(Self::$kind => concat!(stringify!($kind), "Amount"),)* }
            }

            /// Meaning of these fields, for references.
            pub const fn deduction_meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning,)* }
            }

            /// Whether the account consists of grants, which may expire and may be restricted to products or models.
            pub const fn is_granted(self) -> bool {
                match self { $(Self::$kind => $is_granted,)* }
            }
        }
    };
}

account_kinds! {
    /// Star cards: grants.
    StarCard 1 "star_card" "StarCardAccount" true "Paid from star cards";
    /// Coupons: grants.
    Coupon 2 "coupon" "Coupon" true "Paid from coupons";
    /// Bonuses: grants.
    Bonus 3 "bonus" "BonusAccount" true "Paid from the bonus account";
    /// Cash.
    Cash 4 "cash" "CashAccount" false "Paid from the cash account";
    /// Credit line: the balance is what is owed, between minus the limit and 0.
    Credit 5 "credit" "CreditAccount" false "Paid from the credit line";
}

impl AccountKind {
    /// The kind of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One value for each kind of account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T>([T; AccountKind::COUNT]);

impl<T: Copy> PerKind<T> {
    /// Values in the order of [`AccountKind::ALL`].
    pub const fn new(values: [T; AccountKind::COUNT]) -> Self {
        Self(values)
    }

    /// The value of each kind.
    ///
    /// # Errors
    /// The first error of `value`, called in the order of [`AccountKind::ALL`].
    pub fn try_from_fn<E>(value: impl FnMut(AccountKind) -> Result<T, E>) -> Result<Self, E>
    where
        T: Default,
    {
        let mut value = value;
        let mut all = Self([T::default(); AccountKind::COUNT]);
        for kind in AccountKind::ALL {
            *all.get_mut(kind) = value(kind)?;
        }
        Ok(all)
    }

    /// The value of one kind.
    pub const fn get(&self, kind: AccountKind) -> T {
        self.0[kind.index()]
    }

    /// The value of one kind, to change.
    pub const fn get_mut(&mut self, kind: AccountKind) -> &mut T {
        &mut self.0[kind.index()]
    }

    /// The same with another value for one kind.
    #[must_use]
    pub const fn with(mut self, kind: AccountKind, value: T) -> Self {
        self.0[kind.index()] = value;
        self
    }

    /// Values in the order of [`AccountKind::ALL`].
    pub const fn values(&self) -> [T; AccountKind::COUNT] {
        self.0
    }

    /// Applies a function to each value.
    pub fn map<U>(&self, function: impl FnMut(T) -> U) -> PerKind<U> {
        PerKind(self.0.map(function))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_place_and_its_names() {
        for (place, kind) in AccountKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), place);
            assert_eq!(AccountKind::from_number(kind.number()), Some(kind));
            assert_eq!(AccountKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(AccountKind::StarCard.sum_field(), "SumStarCardAccount");
        assert_eq!(AccountKind::Coupon.amount_member(), "CouponAmount");
        let values = PerKind::default().with(AccountKind::Cash, 7);
        assert_eq!(values.values(), [0, 0, 0, 7, 0]);
        assert_eq!(values.get(AccountKind::Cash), 7);
    }
}
