//! The random operations that the program and the naive model perform.

use proptest::prelude::*;

/// Number of companies.
pub(crate) const COMPANIES: usize = 2;
/// Models: two with prices, one with a price of zero, one without a price.
pub(crate) const MODELS: [&str; 4] = ["m", "n", "free", "none"];

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Use(Vec<Record>),
    Wait(i64),
    Tick,
    SettleAll,
    Deposit { company: usize, kind: usize, amount: i64, lasts_s: Option<i64>, model: Option<usize>, key: u8 },
    RepeatDeposit(usize),
    Limit { company: usize, limit: i64 },
    Reverse { company: usize, deposit: u8, amount: Option<i64>, owe: bool, key: u8 },
    Adjust { company: usize, kind: usize, change: i64, key: u8 },
    RepeatCorrection(usize),
    Void { company: usize, picks: Vec<usize> },
    Replace { company: usize, pick: usize, later_s: i64, model: usize, quantities: [i64; 2] },
    Rerate { company: usize, model: Option<usize>, ago_s: i64 },
    Pay { company: usize, picks: Vec<usize> },
    Revoke { company: usize, picks: Vec<usize> },
    Price { model: usize, sku: usize, steps: i64, ago_h: i64 },
    Discount { company: usize, model: usize, factor: i64 },
    Import { company: usize, id: u8, hour: i64, quantity: i64, is_paid: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) company: usize,
    pub(crate) id: u8,
    pub(crate) source: bool,
    pub(crate) time_s: i64,
    pub(crate) organization_id: i64,
    pub(crate) model: usize,
    pub(crate) quantities: [i64; 2],
}

/// Random operations.
pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let company = || 0..COMPANIES;
    let quantity = prop_oneof![1 => Just(0i64), 6 => 1..500_000i64, 1 => 1..4_000_000_000i64];
    let time = prop_oneof![6 => -4_000..3_000i64, 2 => -30_000..0i64, 1 => -200_000..4_000i64];
    let record =
        (company(), 0..30u8, any::<bool>(), time, 1..3i64, 0..4usize, [quantity.clone(), quantity.clone()])
            .prop_map(|(company, id, source, time_s, organization_id, model, quantities)| Record {
                company,
                id,
                source,
                time_s,
                organization_id,
                model,
                quantities,
            });
    let money = || prop_oneof![1..1_000i64, 1..2_000_000i64, 1..400_000_000i64];
    let picks = || prop::collection::vec(0..60usize, 1..6);
    let operation = prop_oneof![
        8 => prop::collection::vec(record, 1..12).prop_map(Operation::Use),
        4 => prop_oneof![1..700i64, 1..8_000i64, 1..90_000i64].prop_map(Operation::Wait),
        5 => Just(Operation::Tick),
        1 => Just(Operation::SettleAll),
        5 => (company(), 0..5usize, money(), prop::option::of(1..20_000i64), prop::option::of(0..2usize), 0..200u8)
            .prop_map(|(company, kind, amount, lasts_s, model, key)| {
                Operation::Deposit { company, kind, amount, lasts_s, model, key }
            }),
        1 => (0..20usize).prop_map(Operation::RepeatDeposit),
        1 => (company(), money()).prop_map(|(company, limit)| Operation::Limit { company, limit }),
        3 => (company(), 0..16u8, prop::option::of(0..600_000i64), any::<bool>(), 0..100u8)
            .prop_map(|(company, deposit, amount, owe, key)| {
                Operation::Reverse { company, deposit, amount, owe, key }
            }),
        2 => (company(), 0..5usize, -300_000..300_000i64, 0..100u8)
            .prop_map(|(company, kind, change, key)| Operation::Adjust { company, kind, change, key }),
        1 => (0..12usize).prop_map(Operation::RepeatCorrection),
        3 => (company(), picks()).prop_map(|(company, picks)| Operation::Void { company, picks }),
        3 => (company(), 0..60usize, prop_oneof![2 => Just(0i64), 1 => -9_000..9_000i64], 0..4usize,
            [quantity.clone(), quantity])
            .prop_map(|(company, pick, later_s, model, quantities)| {
                Operation::Replace { company, pick, later_s, model, quantities }
            }),
        3 => (company(), prop::option::of(0..4usize), prop_oneof![2 => Just(400_000i64), 1 => 0..100_000i64])
            .prop_map(|(company, model, ago_s)| Operation::Rerate { company, model, ago_s }),
        3 => (company(), picks()).prop_map(|(company, picks)| Operation::Pay { company, picks }),
        2 => (company(), picks()).prop_map(|(company, picks)| Operation::Revoke { company, picks }),
        2 => (0..4usize, 0..2usize, prop_oneof![Just(0i64), 1..40_000i64, 1..9i64], 0..60i64)
            .prop_map(|(model, sku, steps, ago_h)| Operation::Price { model, sku, steps, ago_h }),
        1 => (0..=COMPANIES, 0..3usize, 0..=1_000_000_000_000i64)
            .prop_map(|(company, model, factor)| Operation::Discount { company, model, factor }),
        1 => (company(), any::<u8>(), 0..5i64, prop_oneof![Just(0i64), 1..1_000i64], any::<bool>())
            .prop_map(|(company, id, hour, quantity, is_paid)| {
                Operation::Import { company, id, hour, quantity, is_paid }
            }),
    ];
    prop::collection::vec(operation, 10..45)
}
