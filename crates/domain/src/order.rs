//! An order, the line it belongs to, and the rules every order obeys on its way in.
//!
//! A *line* is everything of an order that is not a number of this one order (docs/ORDERS.md, "Orders and lines"): orders repeat
//! lines, so filters and display texts are resolved per line.

use crate::catalogue::Catalogue;
use crate::money::{Amount, MoneyError, UnitPrice};
use crate::time::MAX_TIME_S;

/// The longest stored text, in bytes of UTF-8, so that each can be filtered by (docs/ORDERS.md, "Limits").
pub const MAX_TEXT_BYTES: usize = 256;
/// The longest order or arrears number, in bytes.
pub const MAX_NUMBER_BYTES: usize = 64;
/// The largest enumeration number: published clients decode 32-bit integers (docs/WIRE.md, "What clients decode").
pub const MAX_ENUM: i64 = 2_147_483_647;

/// Where an order stands; exactly one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// 1: owed.
    Unpaid,
    /// 2: settled.
    Paid,
    /// 3: withdrawn; neither paid nor owed.
    Revoked,
}

impl Status {
    /// All three, by number.
    pub const ALL: [Self; 3] = [Self::Unpaid, Self::Paid, Self::Revoked];

    /// The number on the wire and in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::Unpaid => 1,
            Self::Paid => 2,
            Self::Revoked => 3,
        }
    }

    /// The status of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }
}

/// One distinct combination of everything in an order that is not a number of this one order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Organization within the company.
    pub organization_id: i64,
    /// Who used it; may be empty.
    pub user_email: String,
    /// Inference API key or sandbox.
    pub resource_id: String,
    /// 0 when not stated.
    pub resource_type: i64,
    /// Model; may be empty (a sandbox has none).
    pub model_id: String,
    /// The model's name as it was given; may be empty.
    pub model_name: String,
    /// What was counted: input, output, …
    pub pricing_sku: String,
    /// 0 when not stated.
    pub pricing_item_id: i64,
    /// Number of the pricing unit in the catalogue.
    pub pricing_unit: i64,
    /// `modelverse`, `sandbox`, or another product of the catalogue.
    pub product_code: String,
    /// Where it was used.
    pub region: String,
    /// How it is charged.
    pub charge_type: i64,
    /// What kind of order it is.
    pub order_type: i64,
    /// Sales channel: one per brand.
    pub channel: i64,
    /// `CNY` or `USD`; the company's.
    pub currency: String,
    /// Before discount, for one pricing unit.
    pub list_price: UnitPrice,
    /// What is charged for one pricing unit.
    pub discount_price: UnitPrice,
}

/// What a paid order was paid from. The five add up to the order's total exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deductions {
    /// From star cards.
    pub star_card: Amount,
    /// From coupons.
    pub coupon: Amount,
    /// From the bonus account.
    pub bonus: Amount,
    /// From the cash account.
    pub cash: Amount,
    /// From the credit line.
    pub credit: Amount,
}

impl Deductions {
    /// The sum of all five, in 10⁻⁸ currency units.
    pub fn total_steps(&self) -> i128 {
        [self.star_card, self.coupon, self.bonus, self.cash, self.credit]
            .iter()
            .fold(0, |sum, amount| i128::from(amount.steps()).saturating_add(sum))
    }
}

/// The numbers of one order: everything that is not its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The number that the list of its status shows: O once paid, U while unpaid or when revoked unpaid.
    pub number: String,
    /// The other number: U of an order paid out of arrears, O of an unpaid or revoked one; else empty.
    pub counterpart: String,
    /// Where it stands.
    pub status: Status,
    /// Start of the billed time, Unix seconds.
    pub start_time_s: i64,
    /// End of the billed time, Unix seconds.
    pub end_time_s: i64,
    /// In base units (tokens, images, seconds).
    pub quantity: i64,
    /// `DiscountPrice × quantity`, what the order costs.
    pub total: Amount,
    /// `ListPrice × quantity`, what it would cost without discount.
    pub original: Amount,
    /// All zero unless paid.
    pub deductions: Deductions,
    /// When the unpaid order was made; `None` when not stated.
    pub create_time_s: Option<i64>,
    /// When it was paid; `None` unless paid.
    pub paid_time_s: Option<i64>,
    /// When it was revoked; `None` when not stated.
    pub revocation_time_s: Option<i64>,
}

impl Order {
    /// Whether it was paid once and then taken back: it keeps its number O and when it was paid.
    pub fn is_refunded(&self) -> bool {
        self.status == Status::Revoked && self.paid_time_s.is_some()
    }

    /// The number O that usage gave the order, whatever its status.
    pub fn source_number(&self) -> &str {
        match self.status {
            Status::Paid => &self.number,
            // Its arrears number, if it has one, is the counterpart.
            Status::Revoked if self.is_refunded() => &self.number,
            Status::Unpaid | Status::Revoked => &self.counterpart,
        }
    }

    /// The arrears number U, empty if the order never was unpaid.
    pub fn arrears_number(&self) -> &str {
        if self.source_number() == self.number { &self.counterpart } else { &self.number }
    }

    /// Whether two records are one order: equal in everything that payment and revocation never change
    /// (docs/ORDER_FILES.md, "Repeated imports"). The lines are compared by the caller.
    pub fn same_content(&self, other: &Self) -> bool {
        let created_agree = match (self.create_time_s, other.create_time_s) {
            (Some(a), Some(b)) => a == b,
            // A record of a paid order does not state when it fell into arrears.
            (None, None) => true,
            (None, Some(_)) => self.status == Status::Paid,
            (Some(_), None) => other.status == Status::Paid,
        };
        created_agree
            && self.source_number() == other.source_number()
            && self.arrears_number() == other.arrears_number()
            && (self.start_time_s, self.end_time_s) == (other.start_time_s, other.end_time_s)
            && (self.quantity, self.total, self.original) == (other.quantity, other.total, other.original)
    }
}

/// An order together with its line and company, as an import or the charging side makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The tenant.
    pub company_id: i64,
    /// What it was for.
    pub line: Line,
    /// How much.
    pub order: Order,
}

/// One broken rule: the field as the order file names it, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refused {
    /// Field name of docs/ORDERS.md, "Fields".
    pub field: &'static str,
    /// Lowercase, no full stop.
    pub reason: String,
}

fn refuse(field: &'static str, reason: impl Into<String>) -> Result<(), Refused> {
    Err(Refused { field, reason: reason.into() })
}

pub(crate) fn require(holds: bool, field: &'static str, reason: &str) -> Result<(), Refused> {
    if holds { Ok(()) } else { refuse(field, reason) }
}

impl NewOrder {
    /// Checks every rule that needs nothing but the order and the catalogue, in a fixed order, and names the first
    /// that is broken (docs/ORDER_FILES.md, "Fields"; docs/ORDERS.md, "Amounts" and "Limits").
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        if self.order.is_refunded() {
            return refuse("PaidTime", "must be 0 unless paid");
        }
        self.check_stored(catalogue)
    }

    /// The same for an order that is stored: it may also have been paid once and refunded, which no file states.
    pub fn check_stored(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        self.check_texts()?;
        self.check_numbers(catalogue)?;
        self.check_times()?;
        self.check_amounts(catalogue)
    }

    fn check_texts(&self) -> Result<(), Refused> {
        let (line, order) = (&self.line, &self.order);
        for (field, number) in self.order_numbers() {
            require(number.len() <= MAX_NUMBER_BYTES, field, "must have at most 64 bytes")?;
            require(!number.contains('\0'), field, "must not contain NUL")?;
        }
        require(!order.number.is_empty(), "OrderNo", "must not be empty")?;
        for (field, text) in [
            ("Region", &line.region),
            ("ProductCode", &line.product_code),
            ("Currency", &line.currency),
            ("ResourceID", &line.resource_id),
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

    fn check_amounts(&self, catalogue: &Catalogue) -> Result<(), Refused> {
        let (line, order) = (&self.line, &self.order);
        let units = catalogue.base_units(line.pricing_unit).unwrap_or(1);
        for (field, price, stated) in [
            ("OriginalPrice", line.list_price, order.original),
            ("OrderTotalPrice", line.discount_price, order.total),
        ] {
            match price.charge(order.quantity, units) {
                Ok(expected) if expected == stated => {}
                Ok(expected) => return refuse(field, format!("is {stated}, expected {expected}")),
                Err(MoneyError::TooLarge) => return refuse(field, "price × quantity is too large"),
                Err(error) => return refuse(field, error.to_string()),
            }
        }
        let deducted = order.deductions.total_steps();
        let expected = if order.status == Status::Paid { i128::from(order.total.steps()) } else { 0 };
        if deducted == expected {
            return Ok(());
        }
        let deducted = crate::money::format_amount_sum(deducted);
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
pub(crate) mod tests {
    use super::*;

    pub(crate) fn paid() -> NewOrder {
        NewOrder {
            company_id: 1,
            line: Line {
                organization_id: 1,
                user_email: String::new(),
                resource_id: "key-1".into(),
                resource_type: 1,
                model_id: "m".into(),
                model_name: "M".into(),
                pricing_sku: "input".into(),
                pricing_item_id: 0,
                pricing_unit: 2,
                product_code: "modelverse".into(),
                region: "cn-wlcb".into(),
                charge_type: 5,
                order_type: 301,
                channel: 1,
                currency: "CNY".into(),
                list_price: UnitPrice::parse("0.004").unwrap(),
                discount_price: UnitPrice::parse("0.002").unwrap(),
            },
            order: Order {
                number: "O1".into(),
                counterpart: String::new(),
                status: Status::Paid,
                start_time_s: 3_600,
                end_time_s: 7_200,
                quantity: 12_345,
                total: Amount::parse("0.02469").unwrap(),
                original: Amount::parse("0.04938").unwrap(),
                deductions: Deductions { cash: Amount::parse("0.02469").unwrap(), ..Deductions::default() },
                create_time_s: None,
                paid_time_s: Some(7_300),
                revocation_time_s: None,
            },
        }
    }

    fn unpaid() -> NewOrder {
        let mut new = paid();
        new.order.status = Status::Unpaid;
        new.order.number = "U1".into();
        new.order.counterpart = "O1".into();
        new.order.deductions = Deductions::default();
        new.order.paid_time_s = None;
        new.order.create_time_s = Some(7_250);
        new
    }

    #[test]
    fn a_good_order_passes() {
        assert_eq!(paid().check(&Catalogue::built_in()), Ok(()));
        assert_eq!(unpaid().check(&Catalogue::built_in()), Ok(()));
    }

    #[test]
    fn each_broken_rule_is_named() {
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
                |o| o.order.deductions.coupon = Amount::from_steps(1),
                "OrderTotalPrice: is 0.02469, but the deductions add up to 0.02469001",
            ),
            (
                unpaid(),
                |o| o.order.deductions.cash = Amount::from_steps(1),
                "CashAccount: deductions of an order that is not paid must be 0, not 0.00000001",
            ),
        ];
        for (mut order, spoil, expected) in cases {
            spoil(&mut order);
            assert_eq!(order.check(&Catalogue::built_in()).unwrap_err().to_string(), expected);
        }
        let mut order = paid();
        order.line.model_id = long(256);
        assert_eq!(order.check(&Catalogue::built_in()), Ok(()));
        order.line.model_id = long(257);
        assert!(order.check(&Catalogue::built_in()).is_err());
    }

    #[test]
    fn payment_does_not_change_what_an_order_is() {
        let (mut settled, owed) = (paid().order, unpaid().order);
        assert!(!settled.same_content(&owed), "one never was in arrears");
        settled.counterpart = "U1".into();
        assert!(settled.same_content(&owed));
        assert!(owed.same_content(&settled));
        let mut other = owed.clone();
        other.create_time_s = Some(1);
        assert!(!owed.same_content(&other));
        let mut revoked = owed.clone();
        revoked.status = Status::Revoked;
        revoked.revocation_time_s = Some(9_000);
        assert!(revoked.same_content(&owed));
        revoked.quantity += 1;
        assert!(!revoked.same_content(&owed));
    }
}
