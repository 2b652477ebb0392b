//! Charging from end to end: what gateways, customers, operators and the server itself do with usage, orders and money,
//! on both databases.
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for something else")]

mod attacks;
mod concurrency;
mod interleaving;
mod model;

mod place;
mod random;

macro_rules! on_both {
    ($($module:ident :: $test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    crate::$module::$test(&crate::place::Backend::sqlite());
                }
            )*
        }

        mod postgres {
            $(
                #[test]
                fn $test() {
                    crate::$module::$test(&crate::place::Backend::postgres());
                }
            )*
        }
    };
}

on_both! {
    random::every_balance_and_order_equals_the_naive_model,
    attacks::usage_rated_before_a_price_and_stored_after_it_is_charged,
    attacks::a_refund_to_a_grant_that_ends_in_the_same_moment_takes_nothing_else,
    attacks::a_refund_that_no_account_can_hold_is_refused,
    attacks::a_refund_of_repaid_credit_becomes_cash,
    attacks::a_number_that_is_taken_is_passed_over,
    attacks::arrears_are_paid_oldest_first_and_by_what_may_pay_them,
    attacks::arrears_of_nothing_are_paid_by_a_deposit_only,
    attacks::the_daily_run_is_once_a_local_day,
    attacks::hours_follow_a_change_of_the_offset,
    attacks::usage_without_a_price_moves_with_the_offset,
    attacks::an_hour_that_cannot_hold_more_refuses_it_and_takes_the_rest,
    attacks::pruning_leaves_what_is_still_to_be_ordered,
    attacks::an_import_keeps_its_hours_open,
    attacks::a_second_holder_ends_the_first_ones_closing,
    concurrency::payers_at_once_pay_each_order_once,
    concurrency::servers_and_gateways_at_once_close_each_hour_once,
    interleaving::any_interleaving_pays_an_order_once,
}
