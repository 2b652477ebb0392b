//! A line: everything of an order that is not a number of this one order (docs/ORDERS.md, "Orders and lines"). Orders
//! repeat lines, so filters and display texts are resolved once per line.

use std::hash::Hash;

use crate::money::{Amount, MoneyError, Rounding, UnitPrice};

/// One distinct combination of the attributes that orders of a company repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Organization within the company.
    pub organization_id: i64,
    /// Name of the organization that its orders are billed under: the one at the time of acceptance or import.
    pub organization_name: String,
    /// Email address of the user; may be empty.
    pub user_email: String,
    /// Inference API key or sandbox that was used.
    pub resource_id: String,
    /// What a person calls the resource; empty if it has no name other than its identifier.
    pub resource_name: String,
    /// Number of the resource type; 0 if not stated.
    pub resource_type: i64,
    /// Model; empty for a sandbox, which has none.
    pub model_id: String,
    /// Display name of the model; may be empty.
    pub model_name: String,
    /// SKU that was counted: input, output, …
    pub pricing_sku: String,
    /// Item of the price list; 0 if not stated.
    pub pricing_item_id: i64,
    /// Number of the pricing unit in the catalogue.
    pub pricing_unit: i64,
    /// `modelverse`, `sandbox`, or another product of the catalogue.
    pub product_code: String,
    /// Region of the usage.
    pub region: String,
    /// Number of the charge type, for example pay-as-you-go.
    pub charge_type: i64,
    /// Number of the order type.
    pub order_type: i64,
    /// Sales channel; each brand has one.
    pub channel: i64,
    /// Currency of the company: `CNY` or `USD`.
    pub currency: String,
    /// Price of one pricing unit before discount.
    pub list_price: UnitPrice,
    /// Price of one pricing unit that is charged.
    pub discount_price: UnitPrice,
    /// How the amounts of its orders follow from prices and quantity.
    pub amount_rule: AmountRule,
}

/// How the amounts of an order follow from its prices and its quantity (docs/ORDERS.md, "Amounts"). The rule belongs to
/// the order: it stays when the brand's setting changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AmountRule {
    /// Price × quantity, rounded to 8 places.
    Exact,
    /// Price × quantity, rounded up to 0.01.
    CentUp,
    /// Amounts as they were billed elsewhere; no rule is known.
    AsBilled,
}

impl AmountRule {
    /// The number that is stored.
    pub const fn number(self) -> i64 {
        match self {
            Self::Exact => 1,
            Self::CentUp => 2,
            Self::AsBilled => 3,
        }
    }

    /// The rule of a stored number.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Exact),
            2 => Some(Self::CentUp),
            3 => Some(Self::AsBilled),
            _ => None,
        }
    }
}

impl From<Rounding> for AmountRule {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::Exact => Self::Exact,
            Rounding::CentUp => Self::CentUp,
        }
    }
}

impl AmountRule {
    /// How amounts are rounded; `None` if they do not follow from prices and quantity.
    pub const fn rounding(self) -> Option<Rounding> {
        match self {
            Self::Exact => Some(Rounding::Exact),
            Self::CentUp => Some(Rounding::CentUp),
            Self::AsBilled => None,
        }
    }
}

/// The two amounts of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderAmounts {
    /// At the price that is charged.
    pub total: Amount,
    /// At the price before discount.
    pub original: Amount,
}

impl Line {
    /// The amounts of an order for `quantity` base units by a rounding; `units` are the base units of the pricing unit.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn amounts_by(
        &self,
        rounding: Rounding,
        quantity: i64,
        units: i64,
    ) -> Result<OrderAmounts, MoneyError> {
        Ok(OrderAmounts {
            total: self.discount_price.charge_rounded(quantity, units, rounding)?,
            original: self.list_price.charge_rounded(quantity, units, rounding)?,
        })
    }

    /// The amounts of an order for `quantity` base units; `None` if no order can hold them, or if the line has no rule
    /// for them.
    pub fn amounts(&self, quantity: i64, units: i64) -> Option<OrderAmounts> {
        self.amounts_by(self.amount_rule.rounding()?, quantity, units).ok()
    }

    /// The name of the resource, or its identifier if it has no name.
    pub fn shown_resource_name(&self) -> &str {
        if self.resource_name.is_empty() { &self.resource_id } else { &self.resource_name }
    }

    /// Whether orders of both lines can be the same order: equal in everything that an order states about itself. The
    /// name of the organization is the deployment's, and the rule of the amounts follows from the amounts.
    pub fn same_content(&self, other: &Self) -> bool {
        self.content() == other.content()
    }

    /// What [`Line::same_content`] compares.
    pub fn content(&self) -> impl Eq + Hash + '_ {
        // Destructured, so that a new field cannot be forgotten.
        let Self {
            organization_id,
            organization_name: _,
            user_email,
            resource_id,
            resource_name,
            resource_type,
            model_id,
            model_name,
            pricing_sku,
            pricing_item_id,
            pricing_unit,
            product_code,
            region,
            charge_type,
            order_type,
            channel,
            currency,
            list_price,
            discount_price,
            amount_rule: _,
        } = self;
        let texts = [
            user_email,
            resource_id,
            resource_name,
            model_id,
            model_name,
            pricing_sku,
            product_code,
            region,
            currency,
        ];
        let numbers =
            [organization_id, resource_type, pricing_item_id, pricing_unit, charge_type, order_type, channel];
        (texts, numbers, list_price, discount_price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_numbers() {
        for rule in [AmountRule::Exact, AmountRule::CentUp, AmountRule::AsBilled] {
            assert_eq!(AmountRule::from_number(rule.number()), Some(rule));
            assert!(rule.rounding().is_none_or(|rounding| AmountRule::from(rounding) == rule));
        }
        assert_eq!(AmountRule::from_number(0), None);
    }

    #[test]
    fn the_content_has_no_name_of_the_organization() {
        let line = crate::order::tests::paid().line;
        let renamed =
            Line { organization_name: "other".into(), amount_rule: AmountRule::AsBilled, ..line.clone() };
        assert!(line.same_content(&renamed));
        assert!(!line.same_content(&Line { resource_name: "other".into(), ..line.clone() }));
        assert!(!line.same_content(&Line { organization_id: 2, ..line.clone() }));
    }
}
