//! Names of the fields of an order file: the one table for both formats and the check of the header.

use tollbook_domain::account::PerKind;

use crate::text::shorten;

/// Declares the fields in the order that the API's objects list them.
macro_rules! fields {
    ($($field:ident $presence:ident,)*) => {
        /// A field of an order file that is stored (docs/ORDERS.md, "Fields").
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $(#[doc = stringify!($field)] $field,)* }

        impl Field {
            /// All fields, in the order in which the API lists them.
            pub(super) const ALL: &[Self] = &[$(Self::$field,)*];

            /// Its exact spelling.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$field => stringify!($field),)* }
            }

            /// Whether a record must have a value for it.
            pub(super) const fn presence(self) -> Presence {
                match self { $(Self::$field => Presence::$presence,)* }
            }

            fn find(name: &str) -> Option<Self> {
                match name { $(stringify!($field) => Some(Self::$field),)* _ => None }
            }
        }
    };
}

/// Whether a record must have a value for a field (`docs/ORDER_FILES.md`, "Fields").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Required; an empty CSV cell is an absent value.
    Value,
    /// Required; the text may be empty: a sandbox has no model.
    Text,
    /// Required for some statuses, or never.
    Optional,
}

fields! {
    Region Text,
    ProductCode Value,
    OrderNo Value,
    SourceOrderNo Optional,
    CompanyID Value,
    OrganizationID Value,
    UserEmail Optional,
    ChargeType Value,
    Channel Value,
    Currency Value,
    ResourceID Text,
    ResourceName Optional,
    ResourceType Optional,
    ModelID Text,
    ModelName Optional,
    OrderType Value,
    PricingSKU Text,
    PricingItemID Optional,
    Quantity Value,
    PricingUnit Value,
    ListPrice Value,
    DiscountPrice Value,
    OrderTotalPrice Value,
    OriginalPrice Value,
    Status Value,
    CreateTime Optional,
    StartTime Value,
    EndTime Value,
    PaidTime Optional,
    RevocationTime Optional,
    StarCardAccount Optional,
    Coupon Optional,
    BonusAccount Optional,
    CashAccount Optional,
    CreditAccount Optional,
    UnpaidOrderNo Optional,
}

/// The fields of the deductions.
pub(super) const DEDUCTIONS: PerKind<Field> = PerKind::new([
    Field::StarCardAccount,
    Field::Coupon,
    Field::BonusAccount,
    Field::CashAccount,
    Field::CreditAccount,
]);

/// Number of stored fields.
pub(super) const FIELD_COUNT: usize = Field::ALL.len();

/// Fields that the API derives from an order. They are accepted, so that an answer of the API is a valid record, and
/// ignored.
const IGNORED: [&str; 12] = [
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
    "ReplacesOrderNo",
    "ReplacedByOrderNo",
];

/// A name that a record or a header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldName {
    /// A stored field.
    Stored(Field),
    /// An ignored field, by its position in the table of ignored names.
    Ignored(usize),
}

impl FieldName {
    /// Finds a name by its exact spelling; the error is a reason that contains the probable spelling.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        if let Some(field) = Field::find(name) {
            return Ok(Self::Stored(field));
        }
        if let Some(position) = IGNORED.iter().position(|ignored| *ignored == name) {
            return Ok(Self::Ignored(position));
        }
        let shown = shorten(name);
        let meant = Field::ALL.iter().find(|field| field.name().eq_ignore_ascii_case(name));
        Err(match meant {
            Some(field) => format!("{shown}: is not a field of an order; {} is", field.name()),
            None => format!("{shown}: is not a field of an order"),
        })
    }

    /// A bit for sets of names.
    pub(super) fn bit(self) -> u64 {
        const { assert!(FIELD_COUNT + IGNORED.len() <= 64, "every name has a bit") };
        match self {
            Self::Stored(field) => 1 << (field as u32),
            Self::Ignored(position) => 1 << (FIELD_COUNT + position),
        }
    }

    /// Its exact spelling.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Stored(field) => field.name(),
            Self::Ignored(position) => IGNORED[position],
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
        let ignored = (0..IGNORED.len()).map(FieldName::Ignored);
        let names: Vec<FieldName> =
            Field::ALL.iter().copied().map(FieldName::Stored).chain(ignored).collect();
        let mut seen = 0u64;
        for name in &names {
            assert_eq!(FieldName::find(name.text()), Ok(*name));
            assert_eq!(seen & name.bit(), 0);
            seen |= name.bit();
        }
        assert_eq!(names.len(), 48);
    }

    #[test]
    fn the_error_of_a_wrong_spelling_has_the_right_one() {
        for (name, reason) in [
            ("ResourceId", "ResourceId: is not a field of an order; ResourceID is"),
            ("Total", "Total: is not a field of an order"),
            ("", "\"\": is not a field of an order"),
            ("a\nb\u{1b}", "a\\nb\\u{1b}: is not a field of an order"),
        ] {
            assert_eq!(FieldName::find(name).unwrap_err(), reason);
        }
        assert!(FieldName::find(&"ü".repeat(900)).unwrap_err().len() < 200);
    }
}
