//! Days of a deployment away from UTC: what is used before local midnight has the price, the grants and the month of its
//! day.

use tollbook_domain::account::AccountKind;
use tollbook_domain::{OrderQuery, Price, Status, TimeRange, UnitPrice};
use tollbook_ops::charging::{deposit, set_offset, settle_all};

use super::fixture::{Backend, Fixture, HOUR_S, money, query, unit_price, usage};

/// Days from 1970-01-01 to 2026-12-01.
const DECEMBER: i64 = 20_788;

pub(crate) fn the_evening_before_a_date_has_the_price_and_the_coupon_of_its_day(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let start_s = 1_796_000_000;
    set_offset(&fixture.charging(), -3 * HOUR_S, None, start_s).unwrap();
    let offsets = fixture.store.snapshot().unwrap().hour_offsets().unwrap();
    let december_s = offsets.day_start(DECEMBER);
    let before = unit_price("m");
    let after =
        Price { list_price: UnitPrice::from_steps(20_000), valid_from_s: december_s, ..unit_price("m") };
    fixture.put(&[before, after]);
    let mut coupon = money(AccountKind::Coupon, 100, "coupon");
    coupon.expires_s = Some(december_s);
    deposit(&fixture.charging(), 1, &coupon, true, start_s).unwrap();
    // 19:10 to 22:10 local; the last two are on 1 December in UTC.
    for hours in 2..=5 {
        let time_s = december_s - hours * HOUR_S + 600;
        fixture.accept(vec![usage(1, &format!("{hours}"), time_s, "m", 3)], time_s);
    }
    settle_all(&fixture.charging(), "a test", december_s + 90).unwrap();
    let totals: Vec<i64> =
        fixture.orders(1, Status::Paid).iter().map(|stored| stored.order.total.steps()).collect();
    assert_eq!(totals, [3; 4]);
    let coupons = fixture.orders(1, Status::Paid);
    assert!(coupons.iter().all(|stored| stored.order.deductions.get(AccountKind::Coupon).steps() == 3));
    let month = |months| {
        let start_s = offsets.month_start(december_s - 1, months);
        let range = TimeRange::new(start_s, offsets.month_start(december_s - 1, months + 1)).unwrap();
        let asked = OrderQuery { range, ..query(1, &[Status::Paid]) };
        fixture.store.snapshot().unwrap().sums(&asked).unwrap()[0].1.total
    };
    assert_eq!((month(0), month(1)), (12, 0));
    // From the first second of December on the new price holds, and the coupon does not pay.
    fixture.accept(vec![usage(1, "december", december_s, "m", 3)], december_s + 90);
    settle_all(&fixture.charging(), "a test", december_s + 2 * HOUR_S).unwrap();
    let unpaid = fixture.orders(1, Status::Unpaid);
    assert_eq!(unpaid.iter().map(|stored| stored.order.total.steps()).collect::<Vec<_>>(), [6]);
    fixture.assert_clean();
}
