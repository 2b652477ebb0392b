//! Webhooks: which events are written with which facts, and how they are delivered. Every test runs on both databases;
//! those in the module `postgres` need PostgreSQL.

mod deliveries;
mod endpoints;
mod events;
mod receiver;

macro_rules! on_both_databases {
    ($($module:ident :: $test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    super::$module::$test(&crate::charging::fixture::Backend::sqlite());
                }
            )*
        }

        mod postgres {
            $(
                #[test]
                fn $test() {
                    super::$module::$test(&crate::charging::fixture::Backend::postgres());
                }
            )*
        }
    };
}

on_both_databases! {
    endpoints::endpoints_are_added_changed_and_removed,
    endpoints::what_is_no_endpoint_is_refused,
    events::without_an_endpoint_nothing_is_written,
    events::orders_and_arrears_are_events_of_their_transactions,
    events::a_correction_replaces_orders_and_a_revocation_does_not,
    events::a_large_hour_is_a_few_events_that_name_some_of_their_orders,
    events::a_balance_is_low_once_until_it_recovers,
    events::a_grant_that_ends_makes_a_balance_low,
    events::uncharged_usage_is_counted_by_model_and_reason,
    events::differences_are_written_once_a_day,
    events::the_data_of_every_event_has_the_documented_members,
    deliveries::events_arrive_in_order_signed_and_once,
    deliveries::a_rotated_secret_signs_beside_the_new_one,
    deliveries::secrets_outlive_the_master_key,
    deliveries::a_failed_event_is_sent_again_over_days_and_becomes_a_dead_letter,
    deliveries::dead_letters_and_ranges_are_replayed_under_their_ids,
    deliveries::a_receiver_that_asks_for_a_pause_gets_it,
    deliveries::a_receiver_that_fails_is_not_flooded,
    deliveries::an_endpoint_is_disabled_when_it_is_gone_or_fails_for_days,
    deliveries::a_crash_between_sending_and_recording_sends_the_same_id_again,
    deliveries::servers_share_an_endpoint_without_doubles,
    deliveries::what_a_wrong_clock_has_put_off_is_sent,
    deliveries::old_deliveries_are_deleted_and_a_removed_endpoint_leaves_none,
}
