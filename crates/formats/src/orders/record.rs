//! Values by field to an order: required fields, defaults of absent ones and the spelling of each value
//! (`docs/ORDER_FILES.md`, "Fields").

use std::num::IntErrorKind;

use tollbook_domain::field_rules::Refused;
use tollbook_domain::money::MoneyError;
use tollbook_domain::{Amount, AmountRule, Deductions, Line, NewOrder, Order, Status, UnitPrice};

use super::field::{DEDUCTIONS, FIELD_COUNT, Field};
use crate::text::json::JsonValue;

/// The values of one record by field.
#[derive(Debug)]
pub(super) struct Record<'a> {
    values: [Option<JsonValue<'a>>; FIELD_COUNT],
}

impl Default for Record<'_> {
    fn default() -> Self {
        Self { values: [const { None }; FIELD_COUNT] }
    }
}

type FieldResult<T> = Result<T, Refused>;

fn refuse<T>(field: Field, reason: impl Into<String>) -> FieldResult<T> {
    Err(Refused { field: field.name(), reason: reason.into() })
}

impl<'a> Record<'a> {
    /// Sets the value of a field.
    pub(super) fn set(&mut self, field: Field, value: JsonValue<'a>) {
        self.values[field as usize] = Some(value);
    }

    fn take(&mut self, field: Field) -> Option<JsonValue<'a>> {
        self.values[field as usize].take()
    }

    fn integer(&mut self, field: Field) -> FieldResult<Option<i64>> {
        match self.take(field) {
            None => Ok(None),
            Some(JsonValue::Text(text)) => parse_integer(field, &text).map(Some),
            Some(JsonValue::Number(token)) => parse_integer(field, token).map(Some),
            Some(JsonValue::Other) => refuse(field, "must be an integer"),
        }
    }

    fn required_integer(&mut self, field: Field) -> FieldResult<i64> {
        self.integer(field)?.map_or_else(|| refuse(field, "is required"), Ok)
    }

    fn text(&mut self, field: Field) -> FieldResult<Option<String>> {
        match self.take(field) {
            None => Ok(None),
            Some(JsonValue::Text(text)) => Ok(Some(text.into_owned())),
            Some(JsonValue::Number(_) | JsonValue::Other) => refuse(field, "must be a text"),
        }
    }

    fn required_text(&mut self, field: Field) -> FieldResult<String> {
        self.text(field)?.map_or_else(|| refuse(field, "is required"), Ok)
    }

    fn optional_text(&mut self, field: Field) -> FieldResult<String> {
        Ok(self.text(field)?.unwrap_or_default())
    }

    fn decimal<T>(
        &mut self,
        field: Field,
        parse: impl Fn(&str) -> Result<T, MoneyError>,
    ) -> FieldResult<Option<T>> {
        let parsed = match self.take(field) {
            None => return Ok(None),
            Some(JsonValue::Text(text)) => parse(&text),
            Some(JsonValue::Number(token)) => parse(token),
            Some(JsonValue::Other) => Err(MoneyError::NotDecimal),
        };
        parsed.map(Some).or_else(|error| refuse(field, error.to_string()))
    }

    fn required_decimal<T>(
        &mut self,
        field: Field,
        parse: impl Fn(&str) -> Result<T, MoneyError>,
    ) -> FieldResult<T> {
        self.decimal(field, parse)?.map_or_else(|| refuse(field, "is required"), Ok)
    }

    fn deduction(&mut self, field: Field) -> FieldResult<Amount> {
        Ok(self.decimal(field, Amount::parse)?.unwrap_or_default())
    }

    /// A time that the API writes as a text, `""` if there is none.
    fn text_time(&mut self, field: Field) -> FieldResult<Option<i64>> {
        match self.take(field) {
            None => Ok(None),
            Some(JsonValue::Text(text)) if text.is_empty() => Ok(None),
            Some(JsonValue::Text(text)) => parse_integer(field, &text).map(Some),
            Some(JsonValue::Number(token)) => parse_integer(field, token).map(Some),
            Some(JsonValue::Other) => refuse(field, "must be Unix seconds or empty"),
        }
    }

    fn line(&mut self) -> FieldResult<Line> {
        let resource_id = self.required_text(Field::ResourceID)?;
        // The API shows the identifier of a resource without a name.
        let resource_name =
            self.text(Field::ResourceName)?.filter(|name| *name != resource_id).unwrap_or_default();
        Ok(Line {
            region: self.required_text(Field::Region)?,
            product_code: self.required_text(Field::ProductCode)?,
            organization_id: self.required_integer(Field::OrganizationID)?,
            // The import sets the name: a file may have a former one.
            organization_name: String::new(),
            user_email: self.optional_text(Field::UserEmail)?,
            charge_type: self.required_integer(Field::ChargeType)?,
            channel: self.required_integer(Field::Channel)?,
            currency: self.required_text(Field::Currency)?,
            resource_id,
            resource_name,
            resource_type: self.integer(Field::ResourceType)?.unwrap_or(0),
            model_id: self.required_text(Field::ModelID)?,
            model_name: self.optional_text(Field::ModelName)?,
            order_type: self.required_integer(Field::OrderType)?,
            pricing_sku: self.required_text(Field::PricingSKU)?,
            pricing_item_id: self.integer(Field::PricingItemID)?.unwrap_or(0),
            pricing_unit: self.required_integer(Field::PricingUnit)?,
            list_price: self.required_decimal(Field::ListPrice, UnitPrice::parse)?,
            discount_price: self.required_decimal(Field::DiscountPrice, UnitPrice::parse)?,
            amount_rule: AmountRule::Exact,
        })
    }

    /// The other number of the order, besides `OrderNo`. The two lists of the API show one order with two numbers, so a
    /// record may repeat its own number in the field of the other list, but nothing else.
    fn counterpart(&mut self, status: Status, number: &str) -> FieldResult<String> {
        let source = self.optional_text(Field::SourceOrderNo)?;
        let arrears = self.optional_text(Field::UnpaidOrderNo)?;
        let is_own = |text: &str| text.is_empty() || text == number;
        match status {
            Status::Paid if is_own(&source) => Ok(arrears),
            Status::Paid => refuse(Field::SourceOrderNo, "must be empty or OrderNo for a paid order"),
            Status::Unpaid | Status::Revoked if is_own(&arrears) => Ok(source),
            Status::Unpaid | Status::Revoked => {
                refuse(Field::UnpaidOrderNo, "must be empty or OrderNo for an unpaid or revoked order")
            }
        }
    }

    /// The order that the values describe. Rules between the fields of an order are checked by [`NewOrder::check`].
    pub(super) fn into_order(mut self) -> FieldResult<NewOrder> {
        let company_id = self.required_integer(Field::CompanyID)?;
        let number = self.required_text(Field::OrderNo)?;
        let status = self.required_integer(Field::Status)?;
        let Some(status) = Status::from_number(status) else {
            return refuse(Field::Status, "must be 1, 2 or 3");
        };
        let line = self.line()?;
        let order = Order {
            quantity: self.required_integer(Field::Quantity)?,
            total: self.required_decimal(Field::OrderTotalPrice, Amount::parse)?,
            original: self.required_decimal(Field::OriginalPrice, Amount::parse)?,
            create_time_s: self.text_time(Field::CreateTime)?,
            start_time_s: self.required_integer(Field::StartTime)?,
            end_time_s: self.required_integer(Field::EndTime)?,
            paid_time_s: self.integer(Field::PaidTime)?.filter(|time_s| *time_s != 0),
            revocation_time_s: self.text_time(Field::RevocationTime)?,
            replaces: String::new(),
            replaced_by: String::new(),
            deductions: Deductions::try_from_fn(|kind| self.deduction(DEDUCTIONS.get(kind)))?,
            counterpart: self.counterpart(status, &number)?,
            number,
            status,
        };
        Ok(NewOrder { company_id, line, order })
    }
}

fn parse_integer(field: Field, text: &str) -> FieldResult<i64> {
    // `i64::from_str` accepts a plus sign.
    let parsed = if text.starts_with('+') { None } else { Some(text.parse::<i64>()) };
    match parsed {
        Some(Ok(number)) => Ok(number),
        Some(Err(error)) if matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            refuse(field, "does not fit in 64 bits")
        }
        None | Some(Err(_)) => refuse(field, "must be an integer"),
    }
}
