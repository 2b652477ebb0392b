//! The contract of a store: every test is written once, as a function over a fresh store, and run on each backend.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod charged;
mod closing;
mod copying;
mod differential;
mod exports;
mod leases;
mod model;
mod orders;
mod prices;
mod random;
mod retention;
mod tenants;
mod usage;
mod versions;
mod writers;

use std::sync::Arc;

use tollbook_store::{OpenDatabase, Store, StoreOptions, connect_postgres, connect_sqlite};
use tollbook_testkit::{Cluster, Database};

/// A fresh database and how to open it (again).
trait Backend {
    fn connect(&self) -> OpenDatabase;

    fn open(&self, options: &StoreOptions) -> Arc<dyn Store> {
        self.connect().into_store(options).unwrap()
    }

    /// Another one of the same kind.
    fn another(&self) -> Box<dyn Backend>;
}

struct Sqlite(tempfile::TempDir);

impl Backend for Sqlite {
    fn connect(&self) -> OpenDatabase {
        connect_sqlite(&self.0.path().join("tollbook.db"), &StoreOptions::default()).unwrap()
    }

    fn another(&self) -> Box<dyn Backend> {
        Box::new(Sqlite(tempfile::tempdir().unwrap()))
    }
}

struct Postgres(Database<'static>);

impl Postgres {
    fn new() -> Self {
        Self(Cluster::shared().database())
    }
}

impl Backend for Postgres {
    fn connect(&self) -> OpenDatabase {
        connect_postgres(self.0.url(), None, &StoreOptions::default()).unwrap()
    }

    fn another(&self) -> Box<dyn Backend> {
        Box::new(Postgres::new())
    }
}

macro_rules! contract {
    ($($module:ident :: $test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    crate::$module::$test(&crate::Sqlite(tempfile::tempdir().unwrap()));
                }
            )*
        }

        mod postgres {
            $(
                #[test]
                fn $test() {
                    crate::$module::$test(&crate::Postgres::new());
                }
            )*
        }
    };
}

contract! {
    tenants::companies_and_organizations_are_numbered,
    tenants::keys_come_back_whole_and_can_be_disabled,
    tenants::settings_are_kept,
    tenants::requests_of_a_key_are_counted_by_the_second,
    tenants::a_dropped_transaction_leaves_nothing,
    orders::an_empty_company_answers_with_nothing,
    orders::the_same_order_again_is_present_and_another_is_a_conflict,
    orders::a_number_belongs_to_one_order_for_life,
    orders::lists_are_newest_first_then_by_number_descending,
    orders::sums_wider_than_64_bits_are_exact,
    orders::a_company_never_sees_another,
    orders::a_snapshot_does_not_move,
    orders::growing_past_the_threshold_changes_no_answer,
    orders::verify_sees_damage_of_any_kind,
    retention::settled_orders_leave_with_their_rollups,
    retention::what_was_pruned_does_not_come_back,
    copying::a_copy_has_every_row,
    copying::a_copy_goes_into_an_empty_database_only,
    copying::an_interrupted_copy_keeps_others_away_and_goes_on,
    copying::a_source_that_changed_meanwhile_is_noticed,
    usage::a_record_is_known_by_its_identity,
    usage::identities_and_open_hours_equal_the_naive_model,
    usage::what_an_order_cannot_hold_is_refused_alone,
    usage::what_has_no_price_is_charged_once_it_has_one,
    usage::forgotten_hours_take_no_usage_and_open_ones_are_kept,
    usage::a_pruned_hour_takes_only_what_it_knows,
    closing::hours_are_due_after_their_grace_and_held_by_one,
    closing::an_imports_hold_survives_other_usage,
    closing::usage_is_taken_in_small_batches_and_places_count,
    closing::changed_orders_move_with_their_sums,
    closing::arrears_come_oldest_first_and_whole_hours_at_a_time,
    accounts::account_states_come_back_whole,
    accounts::deposits_settlements_and_revocations_are_found_by_their_names,
    accounts::offsets_are_kept,
    prices::a_price_for_the_same_replaces_the_old_one,
    prices::discounts_are_set_and_taken_away,
    prices::own_lists_hold_first_then_the_order,
    prices::a_price_list_remembers_its_conversion_and_keeps_its_name,
    prices::prices_of_a_list_are_removed,
    copying::a_copy_of_usage_and_accounts_is_whole,
    copying::a_copy_leaves_exports_behind_and_keeps_the_version,
    exports::files_are_replaced_and_forgotten_oldest_first,
    exports::a_job_is_worked_at_by_one_and_ends_once,
    exports::jobs_equal_the_naive_model,
    exports::of_several_takers_one_wins,
    leases::a_task_is_leased_to_one_holder_until_it_expires,
    leases::a_lease_that_is_not_committed_was_never_acquired,
    versions::the_version_counts_transactions_that_change_orders,
    versions::equal_versions_see_equal_orders,
    versions::versions_and_orders_are_of_one_moment,
    random::every_answer_equals_the_naive_model,
    writers::writers_of_a_company_take_turns,
    writers::a_writer_that_looked_first_loses_nothing,
    writers::writers_of_several_companies_never_wait_for_each_other,
    writers::a_name_is_held_by_one_at_a_time,
    writers::companies_made_at_once_have_numbers_of_their_own,
    writers::two_importers_and_readers_lose_nothing,
}
