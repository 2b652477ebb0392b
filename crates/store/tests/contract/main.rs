//! The contract of a store. Each test is a function of a backend, and runs on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod accounts;
mod audit;
mod charged;
mod closing;
mod copying;
mod corrections;
mod deployment;
mod differential;
mod exports;
mod in_parts;
mod leases;
mod locks;
mod model;
mod orders;
mod prices;
mod random;
mod retention;
mod tenants;
mod usage;
mod users;
mod verification;
mod versions;
mod webhooks;
mod writers;

use std::sync::Arc;

use tollbook_store::{OpenDatabase, Store, StoreOptions, connect_postgres, connect_sqlite};
use tollbook_testkit::{Cluster, Database};

/// An empty database that can be opened several times.
trait Backend {
    fn connect_with(&self, options: &StoreOptions) -> OpenDatabase;

    fn connect(&self) -> OpenDatabase {
        self.connect_with(&StoreOptions::default())
    }

    fn open(&self, options: &StoreOptions) -> Arc<dyn Store> {
        self.connect_with(options).into_store(options).unwrap()
    }

    /// Another empty database of the same kind.
    fn another(&self) -> Box<dyn Backend>;
}

struct Sqlite(tempfile::TempDir);

impl Backend for Sqlite {
    fn connect_with(&self, options: &StoreOptions) -> OpenDatabase {
        connect_sqlite(&self.0.path().join("tollbook.db"), options).unwrap()
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
    fn connect_with(&self, options: &StoreOptions) -> OpenDatabase {
        connect_postgres(self.0.url(), None, options).unwrap()
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
    deployment::a_guard_is_asked_once_and_after_each_change_of_settings,
    deployment::a_refused_process_writes_nothing_and_reads,
    deployment::a_moved_database_is_read_until_it_is_adopted,
    deployment::marks_rise_with_commits_and_are_kept_after_them,
    deployment::a_copy_is_the_same_deployment_and_not_moved,
    deployment::digests_follow_every_change_of_their_tables,
    deployment::digests_of_concurrent_changes_are_of_all_of_them,
    audit::an_act_is_written_with_its_transaction_or_not_at_all,
    audit::concurrent_acts_make_one_chain,
    audit::a_request_is_done_once_with_its_transaction,
    audit::a_copy_has_the_audit_log,
    audit::the_guard_gets_the_heads_of_committed_chains,
    tenants::companies_and_organizations_are_numbered,
    tenants::keys_are_read_as_written_and_can_be_disabled,
    tenants::the_latest_use_of_a_key_is_kept,
    tenants::companies_and_organizations_are_renamed,
    tenants::settings_are_kept,
    tenants::owner_rules_are_replaced_by_name_and_counted,
    tenants::requests_of_a_key_are_counted_per_second,
    tenants::a_nonce_is_accepted_once_until_it_is_dropped,
    tenants::an_encrypted_key_is_replaced_if_it_is_the_former_one,
    tenants::a_dropped_transaction_is_rolled_back,
    orders::an_empty_company_has_no_orders_and_zero_sums,
    orders::a_repeated_order_is_present_and_a_different_one_is_a_conflict,
    orders::a_number_belongs_to_one_order,
    orders::lists_are_newest_first_then_by_number_descending,
    orders::sums_wider_than_64_bits_are_exact,
    orders::queries_return_orders_of_their_company_only,
    orders::a_snapshot_does_not_see_later_commits,
    orders::exceeding_the_tile_threshold_changes_no_answer,
    orders::verify_reports_stored_orders_that_violate_the_rules,
    retention::settled_orders_are_pruned_with_their_rollups,
    retention::pruned_orders_are_not_added_again,
    copying::a_copy_has_every_row,
    copying::a_copy_requires_an_empty_target,
    copying::an_interrupted_copy_locks_the_target_and_can_be_continued,
    copying::a_source_that_changed_since_the_interruption_is_refused,
    usage::a_record_is_identified_by_source_and_id,
    usage::an_identity_reaches_24_hours_over_hours_and_days,
    usage::identities_and_open_hours_equal_the_naive_model,
    usage::a_record_that_overflows_its_order_is_refused_alone,
    usage::unpriced_usage_is_charged_after_it_is_priced,
    usage::expired_days_refuse_usage_and_open_days_do_not_expire,
    usage::a_pruned_hour_accepts_no_new_records,
    closing::hours_are_due_after_their_grace_and_leased_to_one_holder,
    closing::an_imports_lease_survives_usage_without_a_lease,
    closing::usage_is_taken_in_batches_with_the_number_of_earlier_orders,
    closing::order_transitions_update_sums,
    closing::arrears_are_read_oldest_first_in_whole_hours,
    accounts::account_states_are_read_as_written,
    accounts::deposits_are_found_by_key_and_settlements_and_revocations_by_number,
    accounts::grants_that_ended_are_kept_apart,
    accounts::offsets_are_kept,
    users::users_are_read_as_written,
    users::links_and_sessions_are_used_and_ended,
    users::ledger_sums_are_those_of_the_entries,
    users::balances_before_an_entry_are_those_of_the_ledger,
    users::the_newest_export_jobs_are_listed,
    corrections::a_correction_is_found_by_its_key_and_listed_by_time,
    prices::a_price_with_equal_conditions_replaces_the_old_one,
    prices::discounts_are_set_and_removed,
    prices::own_lists_hold_first_then_the_order,
    prices::a_price_list_remembers_its_conversion_and_keeps_its_name,
    prices::prices_of_a_list_are_removed,
    prices::prices_are_ended_at_a_time,
    copying::a_copy_of_usage_and_accounts_is_complete,
    copying::a_copy_omits_exports_and_keeps_the_version,
    exports::files_are_replaced_and_expire_oldest_first,
    exports::a_job_is_leased_to_one_holder_and_ends_once,
    exports::jobs_equal_the_naive_model,
    exports::one_of_several_concurrent_holders_acquires_a_lease,
    webhooks::endpoints_are_read_as_written_and_digested,
    webhooks::deliveries_are_due_in_the_order_of_their_times_and_events,
    webhooks::events_of_concurrent_transactions_have_numbers_of_their_own,
    webhooks::tallies_are_added_up_and_taken,
    webhooks::a_low_balance_is_set_and_removed,
    webhooks::a_copy_has_endpoints_and_what_is_pending,
    leases::a_task_is_leased_to_one_holder_until_it_expires,
    leases::a_lease_that_is_not_committed_was_never_acquired,
    verification::a_sound_database_has_no_difference_in_any_part,
    verification::a_part_reports_orders_that_violate_the_rules,
    verification::a_part_that_is_too_large_is_skipped_and_says_so,
    versions::the_version_counts_transactions_that_change_orders,
    versions::equal_versions_mean_equal_orders,
    versions::a_snapshot_reads_the_version_of_its_orders,
    random::every_answer_equals_the_naive_model,
    locks::a_writer_waits_for_a_bounded_time_and_readers_do_not_wait,
    locks::a_writer_that_gives_up_does_not_stop_those_behind_it,
    locks::a_lease_that_cannot_be_right_has_expired,
    locks::an_hour_that_a_wrong_clock_made_due_later_is_due,
    writers::writers_of_a_company_are_serialized,
    writers::a_read_before_the_company_lock_loses_no_update,
    writers::writers_of_several_companies_do_not_deadlock,
    writers::a_name_lock_is_exclusive,
    writers::concurrently_created_companies_have_distinct_numbers,
    writers::concurrent_imports_and_reads_are_consistent,
}
