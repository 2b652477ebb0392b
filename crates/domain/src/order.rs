//! An order: its numbers, times and amounts. What repeats between orders is in its line (docs/ORDERS.md, "Orders and
//! lines").

use crate::account::Deductions;
use crate::line::Line;
use crate::money::Amount;
use crate::status::Status;

/// The numbers of one order: everything that is not its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Number in the list of its status: O if it is or was paid, otherwise U.
    pub number: String,
    /// The other number: U of an order paid out of arrears, O of an unpaid or revoked one; otherwise empty.
    pub counterpart: String,
    /// Status.
    pub status: Status,
    /// Start of the billed time, Unix seconds.
    pub start_time_s: i64,
    /// End of the billed time, Unix seconds.
    pub end_time_s: i64,
    /// Quantity in base units (tokens, images, seconds).
    pub quantity: i64,
    /// Amount charged: `DiscountPrice × quantity`.
    pub total: Amount,
    /// Amount without discount: `ListPrice × quantity`.
    pub original: Amount,
    /// Amounts it was paid from; all zero unless paid.
    pub deductions: Deductions,
    /// Creation of the unpaid order, Unix seconds; `None` if not stated.
    pub create_time_s: Option<i64>,
    /// Payment, Unix seconds; `None` unless it is or was paid.
    pub paid_time_s: Option<i64>,
    /// Revocation, Unix seconds; `None` if not stated.
    pub revocation_time_s: Option<i64>,
    /// Number O of the order that this one replaces after a correction; otherwise empty.
    pub replaces: String,
    /// Number O of the order that replaces this one after a correction; otherwise empty.
    pub replaced_by: String,
}

impl Order {
    /// Whether the order was paid and then refunded. A refunded order keeps its number O and its payment time.
    pub fn is_refunded(&self) -> bool {
        self.status == Status::Revoked && self.paid_time_s.is_some()
    }

    /// The number O, which every order has regardless of its status.
    pub fn source_number(&self) -> &str {
        match self.status {
            Status::Paid => &self.number,
            // The counterpart is its arrears number, if it has one.
            Status::Revoked if self.is_refunded() => &self.number,
            Status::Unpaid | Status::Revoked => &self.counterpart,
        }
    }

    /// The arrears number U; empty if the order never was unpaid.
    pub fn arrears_number(&self) -> &str {
        if self.source_number() == self.number { &self.counterpart } else { &self.number }
    }

    /// Whether two records describe the same order: equal in everything that payment and revocation do not change
    /// (`docs/ORDER_FILES.md`, "Repeated imports"). The caller compares the lines.
    pub fn same_content(&self, other: &Self) -> bool {
        let created_agree = match (self.create_time_s, other.create_time_s) {
            (Some(a), Some(b)) => a == b,
            // A record of a paid order does not state when it became unpaid.
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

/// An order with its line and company, as an import or charging makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The company.
    pub company_id: i64,
    /// Its line.
    pub line: Line,
    /// Its numbers.
    pub order: Order,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::account::AccountKind;
    use crate::line::AmountRule;
    use crate::money::UnitPrice;

    pub(crate) fn paid() -> NewOrder {
        NewOrder {
            company_id: 1,
            line: Line {
                organization_id: 1,
                organization_name: "One".into(),
                user_email: String::new(),
                resource_id: "key-1".into(),
                resource_name: String::new(),
                resource_type: 1,
                model_id: "m".into(),
                model_name: "M".into(),
                pricing_sku: "input".into(),
                pricing_item_id: 0,
                pricing_unit: 11,
                product_code: "modelverse".into(),
                region: "cn-wlcb".into(),
                charge_type: 102,
                order_type: 102,
                channel: 1,
                currency: "CNY".into(),
                list_price: UnitPrice::parse("0.004").unwrap(),
                discount_price: UnitPrice::parse("0.002").unwrap(),
                amount_rule: AmountRule::Exact,
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
                deductions: Deductions::default().with(AccountKind::Cash, Amount::parse("0.02469").unwrap()),
                create_time_s: None,
                paid_time_s: Some(7_300),
                revocation_time_s: None,
                replaces: String::new(),
                replaced_by: String::new(),
            },
        }
    }

    pub(crate) fn unpaid() -> NewOrder {
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
    fn payment_and_revocation_do_not_change_the_content() {
        let (mut settled, owed) = (paid().order, unpaid().order);
        assert!(!settled.same_content(&owed), "one never was unpaid");
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
