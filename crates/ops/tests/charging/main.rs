//! Charging from end to end: what gateways, customers, operators and the server itself do with usage, orders and money,
//! on both databases.
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for something else")]

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
}
