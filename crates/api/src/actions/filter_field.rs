//! The filters by attributes of lines, as one table: name of the parameter, meaning, attribute of the line.

use tollbook_domain::{Line, LineFilter};

/// The attribute of a line that a filter compares.
#[derive(Clone, Copy)]
pub(super) enum LineAttribute {
    /// A text.
    Text(fn(&Line) -> &str),
    /// A number.
    Number(fn(&Line) -> i64),
}

/// Declares the filters: parameter of the API, method of [`LineFilter`], type of the values, attribute of the line, and
/// meaning of the parameter.
macro_rules! line_filters {
    ($($name:ident $method:ident $type:ident $attribute:expr, $meaning:literal;)*) => {
        /// A filter by an attribute of lines, in the order of the parameters of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum FilterField { $($name,)* }

        impl FilterField {
            /// All filters.
            pub(super) const ALL: [Self; [$(stringify!($name),)*].len()] = [$(Self::$name,)*];

            /// The parameter of the API.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Meaning of the parameter.
            pub(super) const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// The attribute that is compared.
            pub(super) const fn attribute(self) -> LineAttribute {
                match self { $(Self::$name => LineAttribute::$type($attribute),)* }
            }
        }

        /// Allows these values of a text attribute; an empty list is no filter.
        pub(super) fn with_texts(filter: LineFilter, field: FilterField, values: Vec<String>) -> LineFilter {
            match field { $(FilterField::$name => line_filters!(@Text $type filter $method values),)* }
        }

        /// Allows these values of a number attribute; an empty list is no filter.
        pub(super) fn with_numbers(filter: LineFilter, field: FilterField, values: Vec<i64>) -> LineFilter {
            match field { $(FilterField::$name => line_filters!(@Number $type filter $method values),)* }
        }
    };
    (@Text Text $filter:ident $method:ident $values:ident) => { $filter.$method($values) };
    (@Number Number $filter:ident $method:ident $values:ident) => { $filter.$method($values) };
    (@$wanted:ident $type:ident $filter:ident $method:ident $values:ident) => { $filter };
}

line_filters! {
    ResourceIds resource_ids Text |line| &line.resource_id, "`ResourceID` of the orders";
    ModelIds model_ids Text |line| &line.model_id, "`ModelID` of the orders";
    PricingUnits pricing_units Number |line| line.pricing_unit, "`PricingUnit` of the orders";
    PricingSkus pricing_skus Text |line| &line.pricing_sku, "`PricingSKU` of the orders";
    ProductCodes product_codes Text |line| &line.product_code,
        "`ProductCode` of the orders: `modelverse`, `sandbox`";
    OrderTypes order_types Number |line| line.order_type, "`OrderType` of the orders";
    ChargeTypes charge_types Number |line| line.charge_type, "`ChargeType` of the orders";
    Regions regions Text |line| &line.region, "`Region` of the orders";
    OrganizationIds organization_ids Number |line| line.organization_id,
        "`OrganizationID` of the orders; those that the key is not bound to match nothing";
}
