//! Charging from usage to paid orders. Every test runs on both databases; those in the module `postgres` need PostgreSQL.

mod account_cases;
mod before_begin;
mod clocks;
mod concurrency;
mod corrections;
mod edge_cases;
pub(crate) mod fixture;
mod interleaving;
mod interruption;
mod local_days;
mod model;
mod model_comparison;
mod model_corrections;
mod model_usage;
mod naming;
mod operations;
mod rounding;
mod self_check;

macro_rules! on_both_databases {
    ($($module:ident :: $test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    super::$module::$test(&super::fixture::Backend::sqlite());
                }
            )*
        }

        mod postgres {
            $(
                #[test]
                fn $test() {
                    super::$module::$test(&super::fixture::Backend::postgres());
                }
            )*
        }
    };
}

on_both_databases! {
    model_comparison::balances_and_orders_equal_those_of_the_naive_model,
    self_check::a_self_check_beside_charging_finds_nothing,
    self_check::a_self_check_finds_what_another_program_changed_once,
    edge_cases::usage_rated_before_a_price_change_and_stored_after_it_is_charged,
    edge_cases::usage_of_a_brand_that_is_not_configured_is_refused,
    edge_cases::a_refund_to_an_expiring_grant_moves_only_its_own_amount,
    edge_cases::a_refund_beyond_the_range_of_an_account_is_refused,
    edge_cases::a_refund_of_repaid_credit_becomes_cash,
    edge_cases::a_taken_order_number_is_skipped,
    edge_cases::arrears_are_paid_oldest_first_by_the_allowed_kinds,
    edge_cases::arrears_of_zero_are_paid_only_by_a_deposit,
    edge_cases::the_daily_run_happens_once_per_local_day,
    edge_cases::hours_follow_a_change_of_the_offset,
    edge_cases::usage_without_a_price_moves_with_the_offset,
    edge_cases::a_full_hour_refuses_more_usage_and_takes_the_rest,
    edge_cases::pruning_keeps_what_is_still_to_be_ordered,
    edge_cases::hours_of_an_import_stay_open,
    edge_cases::closing_stops_when_another_holder_has_the_lease,
    clocks::a_mark_of_the_daily_run_from_the_future_is_ignored,
    clocks::usage_that_arrived_at_a_wrong_time_is_charged_at_the_right_one,
    clocks::seconds_of_a_wrong_clock_delete_no_identity,
    corrections::a_wrong_record_is_put_right_while_its_hour_is_open,
    corrections::a_wrong_record_is_put_right_after_its_hour_was_paid,
    corrections::an_order_without_usage_left_has_no_successor,
    corrections::records_that_are_not_charged_are_corrected,
    corrections::a_wrong_price_is_rated_again_in_open_and_closed_hours,
    interruption::a_completed_rerate_counts_what_interrupted_runs_did,
    corrections::what_cannot_be_corrected_is_refused_and_changes_nothing,
    account_cases::a_coupon_pays_for_the_hour_in_which_it_ended,
    account_cases::a_grant_of_an_idle_company_ends_on_time,
    account_cases::a_refund_to_a_grant_that_ended_pays_for_its_hours_only,
    account_cases::a_chargeback_of_a_spent_deposit_is_owed_until_it_is_repaid,
    account_cases::partial_reversals_add_up_to_the_deposit,
    account_cases::spaces_around_the_key_of_a_deposit_are_no_part_of_it,
    account_cases::bad_corrections_of_accounts_change_nothing,
    concurrency::concurrent_payers_pay_each_order_once,
    concurrency::concurrent_servers_close_each_hour_once,
    concurrency::corrections_beside_closing_payments_and_late_usage_end_in_the_same_books,
    interleaving::every_interleaving_pays_an_order_once,
    naming::orders_keep_the_name_they_were_billed_under,
    rounding::a_brand_rounds_orders_up_and_each_order_keeps_its_rule,
    local_days::the_evening_before_a_date_has_the_price_and_the_coupon_of_its_day,
}
