//! A small set of sample orders with all statuses, both products, equal times and extreme quantities, and valid
//! parameters for each action.

use tollbook_api::actions::Action;
use tollbook_domain::{
    AccountKind, Amount, AmountRule, Catalogue, Deductions, Line, NewOrder, Order, Status, UnitPrice,
};

use super::client::Pairs;

/// 2025-11-01T00:00:00Z, the start of the sample orders and of the demo's month.
pub(crate) const START_S: i64 = 1_761_955_200;
/// Thirty days after [`START_S`].
pub(crate) const END_S: i64 = START_S + 30 * 86_400;
/// The time range of all sample orders, as parameters.
pub(crate) const RANGE: &str = "StartTime=1761955200&EndTime=1764547200";

const HOUR_S: i64 = 3_600;

/// Values of the required parameters of an action, with which it succeeds. A new required parameter needs a value
/// here.
pub(crate) fn required(action: &Action) -> Pairs {
    let mut pairs = vec![("Action".to_owned(), action.name.to_owned())];
    for parameter in action.parameters.iter().filter(|parameter| parameter.required) {
        let value = match parameter.name {
            "StartTime" => START_S.to_string(),
            "EndTime" => END_S.to_string(),
            "Page" => "1".to_owned(),
            "PageSize" => "100".to_owned(),
            "OrderNos" => "U000002".to_owned(),
            "JobId" => JOB_ID.to_owned(),
            name => panic!("the required parameter {name} has no sample value"),
        };
        pairs.push((parameter.name.to_owned(), value));
    }
    pairs
}

/// A job that every company of a test server has. No worker runs it.
pub(crate) const JOB_ID: &str = "export-made";

/// Whether an action writes, so that it fails if the database is read-only.
pub(crate) fn writes(action: &Action) -> bool {
    action.name == "StartPayUnpaidOrders"
}

/// 72 orders of a company, alternating between its organizations. Order `n` has the number `O00000n` and, if it was
/// ever unpaid, `U00000n`.
pub(crate) fn orders(company_id: i64, organization_ids: &[i64]) -> Vec<NewOrder> {
    (0..72).map(|number| order(company_id, organization_ids, number)).collect()
}

/// Order `number` of [`orders`].
pub(crate) fn order(company_id: i64, organization_ids: &[i64], number: usize) -> NewOrder {
    let n = i64::try_from(number).unwrap();
    let line = line(organization_ids[number % organization_ids.len()], number);
    let base_units = Catalogue::built_in().base_units(line.pricing_unit).unwrap();
    // Some quantities exceed 32 bits, and one is 0.
    let quantity = if number == 0 { 0 } else { n * n * 1_000_003 };
    let total = line.discount_price.charge(quantity, base_units).unwrap();
    let original = line.list_price.charge(quantity, base_units).unwrap();
    let (source, arrears) = (format!("O{number:06}"), format!("U{number:06}"));
    // Three orders begin at the same time.
    let start_time_s = START_S + n / 3 * 9 * HOUR_S;
    let mut order = Order {
        number: arrears.clone(),
        counterpart: source.clone(),
        status: Status::Unpaid,
        start_time_s,
        end_time_s: start_time_s + HOUR_S,
        quantity,
        total,
        original,
        deductions: Deductions::default(),
        create_time_s: (number % 8 != 2).then_some(start_time_s + HOUR_S + 60),
        paid_time_s: None,
        revocation_time_s: None,
        replaces: if number % 9 == 8 { format!("O{:06}", number - 1) } else { String::new() },
        replaced_by: if number % 9 == 7 { format!("O{:06}", number + 1) } else { String::new() },
    };
    match number % 4 {
        2 => {}
        3 => {
            order.status = Status::Revoked;
            order.revocation_time_s = (number % 8 == 3).then_some(start_time_s + 9_000);
        }
        paid => {
            order.status = Status::Paid;
            order.number = source;
            order.counterpart = if paid == 1 { arrears } else { String::new() };
            order.create_time_s = None;
            order.paid_time_s = Some(start_time_s + HOUR_S + 90);
            order.deductions = deductions(total);
        }
    }
    NewOrder { company_id, line, order }
}

fn line(organization_id: i64, number: usize) -> Line {
    let sandbox = number.is_multiple_of(6);
    let price = |text: &str| UnitPrice::parse(text).unwrap();
    let (list_price, discount_price) = match number % 3 {
        0 => (price("4"), price("3.2")),
        1 => (price("0.000000000015"), price("0.000000000007")),
        _ => (price("0.0024"), price("0.0024")),
    };
    Line {
        organization_id,
        organization_name: format!("项目 {organization_id}"),
        user_email: if number.is_multiple_of(5) { String::new() } else { "人@made.example".to_owned() },
        resource_id: format!("umi-{}", number % 7),
        resource_name: ["", "客服助手", "=Assistant"][number / 7 % 3].to_owned(),
        resource_type: i64::try_from(number % 3).unwrap(),
        model_id: if sandbox { String::new() } else { format!("model-{}", number % 5) },
        model_name: if sandbox { String::new() } else { format!("模型 {}", number % 5) },
        pricing_sku: ["input", "output", "=1+1"][number % 3].to_owned(),
        pricing_item_id: i64::try_from(number % 4).unwrap(),
        pricing_unit: [22, 10, 11, 12][number % 4],
        product_code: if sandbox { "sandbox" } else { "modelverse" }.to_owned(),
        region: ["cn-wlcb", "us-ca", "mars-1"][number / 3 % 3].to_owned(),
        charge_type: [102, 2, 77][number % 3],
        order_type: [102, 301, 401, 7][number / 4 % 4],
        channel: 1,
        currency: "CNY".to_owned(),
        list_price,
        discount_price,
        amount_rule: AmountRule::Exact,
    }
}

/// Deductions from each account, which add up to the total.
fn deductions(total: Amount) -> Deductions {
    let part = |divisor| Amount::from_steps(total.steps() / divisor);
    let (star_card, coupon, bonus, credit) = (part(3), part(5), part(7), part(11));
    let rest =
        [star_card, coupon, bonus, credit].iter().fold(total.steps(), |rest, part| rest - part.steps());
    Deductions::default()
        .with(AccountKind::StarCard, star_card)
        .with(AccountKind::Coupon, coupon)
        .with(AccountKind::Bonus, bonus)
        .with(AccountKind::Cash, Amount::from_steps(rest))
        .with(AccountKind::Credit, credit)
}
