//! The contract of a store: every test is written once, as a function over a fresh store, and run on each backend.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod model;
mod orders;
mod random;
mod tenants;
mod writers;

use std::sync::Arc;

use tollbook_store::{Store, StoreOptions};
use tollbook_testkit::{Cluster, Database};

/// A fresh database and how to open it (again).
trait Backend {
    fn open(&self, options: &StoreOptions) -> Arc<dyn Store>;
}

struct Sqlite(tempfile::TempDir);

impl Backend for Sqlite {
    fn open(&self, options: &StoreOptions) -> Arc<dyn Store> {
        tollbook_store::open_sqlite(&self.0.path().join("tollbook.db"), options).unwrap()
    }
}

struct Postgres(Database<'static>);

impl Postgres {
    fn new() -> Self {
        Self(Cluster::shared().database())
    }
}

impl Backend for Postgres {
    fn open(&self, options: &StoreOptions) -> Arc<dyn Store> {
        tollbook_store::open_postgres(self.0.url(), None, options).unwrap()
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
    random::every_answer_equals_the_naive_model,
    writers::writers_of_a_company_take_turns,
    writers::a_writer_that_looked_first_loses_nothing,
    writers::writers_of_several_companies_never_wait_for_each_other,
    writers::a_name_is_held_by_one_at_a_time,
    writers::companies_made_at_once_have_numbers_of_their_own,
    writers::two_importers_and_readers_lose_nothing,
}
