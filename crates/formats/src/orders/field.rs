//! The names a record of an order file may have: one table that the readers, the header check and the writers share.
//! What a value must look like is in `record.rs`.

use tollbook_domain::account::PerKind;

use crate::text::shorten;

/// Declares the fields in the order that the API's objects list them.
macro_rules! fields {
    ($($field:ident $need:ident,)*) => {
        /// A field of an order file that is stored (docs/ORDERS.md, "Fields").
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $(#[doc = stringify!($field)] $field,)* }

        impl Field {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$field,)*];

            /// Its exact spelling.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$field => stringify!($field),)* }
            }

            /// How an empty CSV cell and a missing column are read.
            pub(super) const fn need(self) -> Need {
                match self { $(Self::$field => Need::$need,)* }
            }

            fn find(name: &str) -> Option<Self> {
                match name { $(stringify!($field) => Some(Self::$field),)* _ => None }
            }
        }
    };
}

/// When a record must state a field (docs/ORDER_FILES.md, "Fields").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Always, with a value.
    Value,
    /// Always, but the text may be empty: a sandbox has no model.
    Text,
    /// Depends on the status, or never.
    Maybe,
}

fields! {
    Region Text,
    ProductCode Value,
    OrderNo Value,
    SourceOrderNo Maybe,
    CompanyID Value,
    OrganizationID Value,
    UserEmail Maybe,
    ChargeType Value,
    Channel Value,
    Currency Value,
    ResourceID Text,
    ResourceType Maybe,
    ModelID Text,
    ModelName Maybe,
    OrderType Value,
    PricingSKU Text,
    PricingItemID Maybe,
    Quantity Value,
    PricingUnit Value,
    ListPrice Value,
    DiscountPrice Value,
    OrderTotalPrice Value,
    OriginalPrice Value,
    Status Value,
    CreateTime Maybe,
    StartTime Value,
    EndTime Value,
    PaidTime Maybe,
    RevocationTime Maybe,
    StarCardAccount Maybe,
    Coupon Maybe,
    BonusAccount Maybe,
    CashAccount Maybe,
    CreditAccount Maybe,
    UnpaidOrderNo Maybe,
}

/// The fields of the deductions.
pub(super) const DEDUCTIONS: PerKind<Field> = PerKind::new([
    Field::StarCardAccount,
    Field::Coupon,
    Field::BonusAccount,
    Field::CashAccount,
    Field::CreditAccount,
]);

/// How many stored fields there are.
pub(super) const FIELD_COUNT: usize = Field::ALL.len();

/// What the API derives from an order: accepted, so that an answer of the API is a valid record, and ignored.
const IGNORED: [&str; 10] = [
    "RegionDisplay",
    "ProductCodeDisplay",
    "OrganizationName",
    "ChargeTypeDisplay",
    "CurrencyDisplay",
    "ResourceTypeDisplay",
    "OrderTypeDisplay",
    "QuantityDisplay",
    "PricingUnitDisplay",
    "StatusDisplay",
];

/// A name as a record or header may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Stored.
    Field(Field),
    /// Accepted and left out, with its place in the table of ignored names.
    Ignored(usize),
}

impl Name {
    /// The name of an exact spelling; the error is a reason that says what was probably meant.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        if let Some(field) = Field::find(name) {
            return Ok(Self::Field(field));
        }
        if let Some(place) = IGNORED.iter().position(|ignored| *ignored == name) {
            return Ok(Self::Ignored(place));
        }
        let shown = shorten(name);
        let meant = Field::ALL.iter().find(|field| field.name().eq_ignore_ascii_case(name));
        Err(match meant {
            Some(field) => format!("{shown}: is not a field of an order; {} is", field.name()),
            None => format!("{shown}: is not a field of an order"),
        })
    }

    /// A bit of its own, for telling that a name occurred before.
    pub(super) fn bit(self) -> u64 {
        const { assert!(FIELD_COUNT + IGNORED.len() <= 64, "every name has a bit") };
        match self {
            Self::Field(field) => 1 << (field as u32),
            Self::Ignored(place) => 1 << (FIELD_COUNT + place),
        }
    }

    /// Its exact spelling.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Ignored(place) => IGNORED[place],
        }
    }
}

#[cfg(test)]
mod tests {
    use tollbook_domain::AccountKind;

    use super::*;

    #[test]
    fn deductions_have_the_names_of_their_kinds() {
        for kind in AccountKind::ALL {
            assert_eq!(DEDUCTIONS.get(kind).name(), kind.order_field());
        }
    }

    #[test]
    fn every_name_is_found_and_has_its_own_bit() {
        let ignored = (0..IGNORED.len()).map(Name::Ignored);
        let names: Vec<Name> = Field::ALL.iter().copied().map(Name::Field).chain(ignored).collect();
        let mut seen = 0u64;
        for name in &names {
            assert_eq!(Name::find(name.text()), Ok(*name));
            assert_eq!(seen & name.bit(), 0);
            seen |= name.bit();
        }
        assert_eq!(names.len(), 45);
    }

    #[test]
    fn a_wrong_spelling_is_told_the_right_one() {
        for (name, reason) in [
            ("ResourceId", "ResourceId: is not a field of an order; ResourceID is"),
            ("Total", "Total: is not a field of an order"),
            ("", "\"\": is not a field of an order"),
            ("a\nb\u{1b}", "a\\nb\\u{1b}: is not a field of an order"),
        ] {
            assert_eq!(Name::find(name).unwrap_err(), reason);
        }
        assert!(Name::find(&"ü".repeat(900)).unwrap_err().len() < 200);
    }
}
