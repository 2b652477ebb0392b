//! The rules that every order obeys when it is imported or made (`docs/ORDER_FILES.md`, "Fields"; docs/ORDERS.md, "Amounts"
//! and "Limits").

use crate::catalogue::Catalogue;
use crate::field_rules::{MAX_ENUM, MAX_NUMBER_BYTES, MAX_TEXT_BYTES, Refused, refuse, require};
use crate::line::AmountRule;
use crate::money::{MoneyError, Rounding, format_amount_sum};
use crate::order::NewOrder;
use crate::status::Status;
use crate::time::MAX_TIME_S;

impl NewOrder {
    /// Checks every rule that depends on the order and the catalogue alone, in a fixed sequence.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        self.check_without_amounts(catalogue)?;
        self.check_rule_and_deductions(catalogue)
    }

    /// Like [`NewOrder::check`], without the rules of amounts and deductions.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check_without_amounts(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        if self.order.is_refunded() {
            return refuse("PaidTime", "must be 0 unless paid");
        }
        self.check_texts()?;
        self.check_numbers(catalogue)?;
        self.check_times()
    }

    /// Like [`NewOrder::check`], for a stored order, which may also be refunded: no file states that.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check_stored(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        self.check_texts()?;
        self.check_numbers(catalogue)?;
        self.check_times()?;
        self.check_rule_and_deductions(catalogue)
    }

    fn check_rule_and_deductions(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        if let Some(rounding) = self.line.amount_rule.rounding() {
            self.check_amounts(rounding, catalogue)?;
        }
        self.check_deductions()
    }

    fn check_texts(&self) -> Result<(), Refused> {
        let (line, order) = (&self.line, &self.order);
        let links = [("ReplacesOrderNo", order.replaces.as_str()), ("ReplacedByOrderNo", &order.replaced_by)];
        for (field, number) in self.order_numbers().into_iter().chain(links) {
            require(number.len() <= MAX_NUMBER_BYTES, field, "must have at most 64 bytes")?;
            require(!number.contains('\0'), field, "must not contain NUL")?;
        }
        require(!order.number.is_empty(), "OrderNo", "must not be empty")?;
        for (field, text) in [
            ("Region", &line.region),
            ("ProductCode", &line.product_code),
            ("Currency", &line.currency),
            ("OrganizationName", &line.organization_name),
            ("ResourceID", &line.resource_id),
            ("ResourceName", &line.resource_name),
            ("ModelID", &line.model_id),
            ("ModelName", &line.model_name),
            ("PricingSKU", &line.pricing_sku),
            ("UserEmail", &line.user_email),
        ] {
            require(text.len() <= MAX_TEXT_BYTES, field, "must have at most 256 bytes")?;
            require(!text.contains('\0'), field, "must not contain NUL")?;
        }
        Ok(())
    }

    fn order_numbers(&self) -> [(&'static str, &str); 2] {
        let counterpart = if self.order.status == Status::Paid { "UnpaidOrderNo" } else { "SourceOrderNo" };
        [("OrderNo", &self.order.number), (counterpart, &self.order.counterpart)]
    }

    fn check_numbers(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        let (line, order) = (&self.line, &self.order);
        let [_, (counterpart, _)] = self.order_numbers();
        require(order.counterpart != order.number, counterpart, "must differ from OrderNo")?;
        if order.status != Status::Paid && !order.is_refunded() {
            require(
                !order.counterpart.is_empty(),
                counterpart,
                "is required for an unpaid or revoked order",
            )?;
        }
        for (field, number) in [
            ("ChargeType", line.charge_type),
            ("OrderType", line.order_type),
            ("Channel", line.channel),
            ("ResourceType", line.resource_type),
            ("PricingItemID", line.pricing_item_id),
            ("PricingUnit", line.pricing_unit),
        ] {
            require((0..=MAX_ENUM).contains(&number), field, "must be between 0 and 2147483647")?;
        }
        require(order.quantity >= 0, "Quantity", "must not be negative")?;
        require(
            catalogue.has_product(&line.product_code),
            "ProductCode",
            "is not a product of the catalogue",
        )?;
        require(catalogue.base_units(line.pricing_unit).is_some(), "PricingUnit", "is not in the catalogue")
    }

    fn check_times(&self) -> Result<(), Refused> {
        let order = &self.order;
        for (field, time_s) in [
            ("StartTime", Some(order.start_time_s)),
            ("EndTime", Some(order.end_time_s)),
            ("CreateTime", order.create_time_s),
            ("PaidTime", order.paid_time_s),
            ("RevocationTime", order.revocation_time_s),
        ] {
            let inside = time_s.is_none_or(|time_s| (0..=MAX_TIME_S).contains(&time_s));
            require(inside, field, "must be between 0 and 253402300799")?;
        }
        require(order.end_time_s >= order.start_time_s, "EndTime", "must not be before StartTime")?;
        match order.status {
            Status::Paid => {
                require(order.paid_time_s.is_some(), "PaidTime", "is required for a paid order")?;
                require(order.revocation_time_s.is_none(), "RevocationTime", "must be empty unless revoked")
            }
            Status::Unpaid => {
                require(order.paid_time_s.is_none(), "PaidTime", "must be 0 unless paid")?;
                require(order.revocation_time_s.is_none(), "RevocationTime", "must be empty unless revoked")
            }
            Status::Revoked => Ok(()),
        }
    }

    /// The rule that the stated amounts follow: exact, or else rounded up to 0.01, or else none that is known.
    pub fn stated_rule(&self, catalogue: &Catalogue) -> AmountRule {
        let follow = |rounding: &Rounding| self.check_amounts(*rounding, catalogue).is_ok();
        [Rounding::Exact, Rounding::CentUp].into_iter().find(follow).map_or(AmountRule::AsBilled, Into::into)
    }

    /// Checks the amounts by a rounding.
    ///
    /// # Errors
    /// The first amount that differs, with the expected one.
    pub fn check_amounts(&self, rounding: Rounding, catalogue: &Catalogue) -> Result<(), Refused> {
        let (line, order) = (&self.line, &self.order);
        let units = catalogue.base_units(line.pricing_unit).unwrap_or(1);
        for (field, price, stated) in [
            ("OriginalPrice", line.list_price, order.original),
            ("OrderTotalPrice", line.discount_price, order.total),
        ] {
            match price.charge_rounded(order.quantity, units, rounding) {
                Ok(expected) if expected == stated => {}
                Ok(expected) => return refuse(field, format!("is {stated}, expected {expected}")),
                Err(MoneyError::TooLarge) => return refuse(field, "price × quantity is too large"),
                Err(error) => return refuse(field, error.to_string()),
            }
        }
        Ok(())
    }

    /// Checks that the deductions of a paid order add up to its total, and that another order has none.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check_deductions(&self) -> Result<(), Refused> {
        let order = &self.order;
        let deducted = order.deductions.total_steps();
        let expected = if order.status == Status::Paid { i128::from(order.total.steps()) } else { 0 };
        if deducted == expected {
            return Ok(());
        }
        let deducted = format_amount_sum(deducted);
        match order.status {
            Status::Paid => refuse(
                "OrderTotalPrice",
                format!("is {}, but the deductions add up to {deducted}", order.total),
            ),
            Status::Unpaid | Status::Revoked => refuse(
                "CashAccount",
                format!("deductions of an order that is not paid must be 0, not {deducted}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountKind;
    use crate::money::Amount;
    use crate::order::tests::{paid, unpaid};

    #[test]
    fn a_valid_order_passes() {
        assert_eq!(paid().check(&Catalogue::built_in()), Ok(()));
        assert_eq!(unpaid().check(&Catalogue::built_in()), Ok(()));
    }

    #[test]
    fn amounts_are_checked_by_the_rule_of_the_line() {
        let catalogue = Catalogue::built_in();
        // OriginalPrice, OrderTotalPrice | rule | broken rule of the line with each of the three rules
        let table = "
            0.04938 | 0.02469 | Exact    | - | OriginalPrice: is 0.04938, expected 0.05 | -
            0.05    | 0.03    | CentUp   | OriginalPrice: is 0.05, expected 0.04938 | - | -
            0.04938 | 0.03    | AsBilled | OrderTotalPrice: is 0.03, expected 0.02469 | OriginalPrice: is 0.04938, expected 0.05 | -
            7.00    | 0.00    | AsBilled | OriginalPrice: is 7.00, expected 0.04938 | OriginalPrice: is 7.00, expected 0.05 | -";
        let rules = [AmountRule::Exact, AmountRule::CentUp, AmountRule::AsBilled];
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut new = paid();
            (new.order.original, new.order.total) =
                (Amount::parse(cells[0]).unwrap(), Amount::parse(cells[1]).unwrap());
            new.order.deductions = crate::Deductions::default().with(AccountKind::Cash, new.order.total);
            assert_eq!(format!("{:?}", new.stated_rule(&catalogue)), cells[2], "{row}");
            for (rule, expected) in rules.into_iter().zip(&cells[3..]) {
                new.line.amount_rule = rule;
                let broken = new.check(&catalogue).err().map_or("-".to_owned(), |broken| broken.to_string());
                assert_eq!(broken, *expected, "{row}: {rule:?}");
            }
            // Whatever was billed, it was paid from something.
            new.line.amount_rule = AmountRule::AsBilled;
            *new.order.deductions.get_mut(AccountKind::Coupon) = Amount::from_steps(1);
            assert!(new.check(&catalogue).unwrap_err().to_string().contains("but the deductions add up to"));
        }
    }

    #[test]
    fn the_broken_rule_is_named() {
        type Break = fn(&mut NewOrder);
        let long = |n: usize| "x".repeat(n);
        let cases: Vec<(NewOrder, Break, &str)> = vec![
            (paid(), |o| o.order.number.clear(), "OrderNo: must not be empty"),
            (paid(), |o| o.order.number = "x".repeat(65), "OrderNo: must have at most 64 bytes"),
            (paid(), |o| o.order.counterpart = "O1".into(), "UnpaidOrderNo: must differ from OrderNo"),
            (
                unpaid(),
                |o| o.order.counterpart.clear(),
                "SourceOrderNo: is required for an unpaid or revoked order",
            ),
            (paid(), |o| o.line.region = "x\0".into(), "Region: must not contain NUL"),
            (paid(), |o| o.line.charge_type = -1, "ChargeType: must be between 0 and 2147483647"),
            (paid(), |o| o.order.quantity = -1, "Quantity: must not be negative"),
            (paid(), |o| o.line.product_code = "x".into(), "ProductCode: is not a product of the catalogue"),
            (paid(), |o| o.line.pricing_unit = 99, "PricingUnit: is not in the catalogue"),
            (paid(), |o| o.order.start_time_s = -1, "StartTime: must be between 0 and 253402300799"),
            (paid(), |o| o.order.end_time_s = 3_599, "EndTime: must not be before StartTime"),
            (paid(), |o| o.order.paid_time_s = None, "PaidTime: is required for a paid order"),
            (unpaid(), |o| o.order.paid_time_s = Some(1), "PaidTime: must be 0 unless paid"),
            (
                unpaid(),
                |o| o.order.revocation_time_s = Some(1),
                "RevocationTime: must be empty unless revoked",
            ),
            (paid(), |o| o.order.quantity = 12_346, "OriginalPrice: is 0.04938, expected 0.049384"),
            (paid(), |o| o.order.total = Amount::ZERO, "OrderTotalPrice: is 0.00, expected 0.02469"),
            (
                paid(),
                |o| *o.order.deductions.get_mut(AccountKind::Coupon) = Amount::from_steps(1),
                "OrderTotalPrice: is 0.02469, but the deductions add up to 0.02469001",
            ),
            (
                unpaid(),
                |o| *o.order.deductions.get_mut(AccountKind::Cash) = Amount::from_steps(1),
                "CashAccount: deductions of an order that is not paid must be 0, not 0.00000001",
            ),
        ];
        for (mut order, break_rule, expected) in cases {
            break_rule(&mut order);
            assert_eq!(order.check(&Catalogue::built_in()).unwrap_err().to_string(), expected);
        }
        let mut order = paid();
        order.line.model_id = long(256);
        assert_eq!(order.check(&Catalogue::built_in()), Ok(()));
        order.line.model_id = long(257);
        assert!(order.check(&Catalogue::built_in()).is_err());
    }
}
