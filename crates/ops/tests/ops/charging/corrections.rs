//! Corrections of usage, case by case: open and closed hours, records that are not charged, and refusals.

use tollbook_domain::account::AccountKind;
use tollbook_domain::{Status, Usage};
use tollbook_ops::charging::{
    Corrected, CorrectionRequest, RerateRequest, Rerated, UsageName, UsageResult, replace_usage, rerate,
    revoke, settle_all, void_usage,
};
use tollbook_store::Uncharged;

use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, query, unit_price, usage};

const NOW_S: i64 = BASE_S + 10 * HOUR_S;

fn request(key: &str) -> CorrectionRequest {
    CorrectionRequest { company_id: 1, key: key.into(), reason: "a mistake".into(), dry_run: false }
}

fn names(ids: &[&str]) -> Vec<UsageName> {
    ids.iter().map(|id| UsageName { source: None, id: (*id).to_owned(), time_s: None }).collect()
}

fn void(fixture: &Fixture, key: &str, ids: &[&str]) -> Result<Corrected, String> {
    void_usage(&fixture.charging(), &request(key), &names(ids), NOW_S + 100)
        .map_err(|error| error.to_string())
}

fn replace(fixture: &Fixture, key: &str, records: &[Usage]) -> Result<Corrected, String> {
    replace_usage(&fixture.charging(), &request(key), records, NOW_S + 100).map_err(|error| error.to_string())
}

fn record(id: &str, quantity: i64) -> Usage {
    usage(1, id, BASE_S + 60, "m", quantity)
}

/// Status, quantity and total of every order.
fn orders(fixture: &Fixture) -> Vec<(Status, i64, i64)> {
    let mut found: Vec<(Status, i64, i64)> = Status::ALL
        .into_iter()
        .flat_map(|status| fixture.orders(1, status))
        .map(|stored| (stored.order.status, stored.order.quantity, stored.order.total.steps()))
        .collect();
    found.sort_by_key(|(status, quantity, _)| (status.number(), *quantity));
    found
}

fn pending(fixture: &Fixture) -> i128 {
    fixture.pending(&query(1, &[Status::Unpaid]))
}

/// Everything that a correction may change.
fn everything(fixture: &Fixture) -> String {
    let orders = Status::ALL.map(|status| fixture.orders(1, status));
    let lists = [Uncharged::Free, Uncharged::Unpriced]
        .map(|list| fixture.store.snapshot().unwrap().uncharged_usage(1, list, None, 100).unwrap());
    format!(
        "{orders:?} {} {lists:?} {:?} {:?}",
        pending(fixture),
        fixture.account_state(1),
        fixture.ledger(1)
    )
}

/// Five good records and a wrong one, in one hour.
fn with_a_wrong_record(backend: &Backend) -> Fixture {
    let fixture = Fixture::new(backend, 2);
    fixture.put(&[unit_price("m")]);
    fixture.deposit(1, AccountKind::Cash, 600_000_000, "cash", NOW_S);
    let mut records: Vec<Usage> = (0..5).map(|n| record(&format!("good-{n}"), 10)).collect();
    records.push(record("wrong", 500_000_000));
    assert!(fixture.accept(records, NOW_S).iter().all(UsageResult::is_accepted));
    fixture
}

pub(crate) fn a_wrong_record_is_put_right_while_its_hour_is_open(backend: &Backend) {
    let fixture = with_a_wrong_record(backend);
    assert_eq!(pending(&fixture), 500_000_050);
    let before = everything(&fixture);
    let dry = CorrectionRequest { dry_run: true, ..request("dry") };
    let shown = void_usage(&fixture.charging(), &dry, &names(&["wrong"]), NOW_S).unwrap();
    assert_eq!((shown.records, shown.replaced), (1, 0));
    assert_eq!(everything(&fixture), before, "a dry run changes nothing");
    let replaced = replace(&fixture, "r", &[record("wrong", 500_000)]).unwrap();
    assert_eq!((replaced.records, replaced.replaced, replaced.is_repeated), (1, 0, false));
    assert_eq!(pending(&fixture), 500_050);
    fixture.assert_clean();
    assert!(replace(&fixture, "r", &[record("wrong", 500_000)]).unwrap().is_repeated);
    assert_eq!(void(&fixture, "v", &["wrong", "good-0"]).unwrap().records, 2);
    assert_eq!(pending(&fixture), 40);
    // The identity is kept: the same content again is a duplicate and stays voided.
    let again = fixture.accept(vec![record("wrong", 500_000), record("wrong", 7)], NOW_S);
    assert_eq!(format!("{again:?}").matches("Duplicate").count(), 1, "{again:?}");
    assert_eq!(pending(&fixture), 40);
    fixture.assert_clean();
    let all: Vec<String> = (1..5).map(|n| format!("good-{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(void(&fixture, "all", &all).unwrap().records, 4);
    assert_eq!(pending(&fixture), 0);
    fixture.assert_clean();
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    assert_eq!(orders(&fixture), []);
}

pub(crate) fn a_wrong_record_is_put_right_after_its_hour_was_paid(backend: &Backend) {
    let fixture = with_a_wrong_record(backend);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    assert_eq!(orders(&fixture), [(Status::Paid, 500_000_050, 500_000_050)]);
    let replaced = replace(&fixture, "r", &[record("wrong", 500_000)]).unwrap();
    assert_eq!((replaced.records, replaced.replaced, replaced.made), (1, 1, 1));
    let successor = &replaced.orders[0];
    assert_eq!((successor.before_total.steps(), successor.after_total.steps()), (500_000_050, 500_050));
    assert_eq!(successor.after_status, Some(Status::Paid));
    assert_eq!(fixture.balance(1, AccountKind::Cash), 600_000_000 - 500_050);
    let [paid, revoked] =
        [Status::Paid, Status::Revoked].map(|status| fixture.orders(1, status).remove(0).order);
    assert_eq!((&paid.replaces, &revoked.replaced_by), (&revoked.number, &paid.number));
    assert_eq!((successor.before.as_str(), successor.after.as_str()), (&*revoked.number, &*paid.number));
    let revoked = (Status::Revoked, 500_000_050, 500_000_050);
    assert_eq!(orders(&fixture), [(Status::Paid, 500_050, 500_050), revoked]);
    fixture.assert_clean();
    // The records that stayed are found in the new order, and so is usage that comes late.
    assert_eq!(void(&fixture, "v", &["good-1", "wrong"]).unwrap().replaced, 1);
    fixture.accept(vec![record("late", 3)], NOW_S);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    fixture.assert_clean();
    let both = void(&fixture, "both", &["late", "good-2"]).unwrap();
    assert_eq!((both.records, both.replaced, both.made), (2, 2, 1));
    fixture.assert_clean();
    let paid: Vec<_> = orders(&fixture).into_iter().filter(|(status, ..)| *status == Status::Paid).collect();
    assert_eq!(paid, [(Status::Paid, 30, 30)]);
    assert_eq!(fixture.balance(1, AccountKind::Cash), 600_000_000 - 30);
    let before = everything(&fixture);
    for (key, ids) in [("v", vec!["good-1", "wrong"]), ("both", vec!["late", "good-2"])] {
        let repeated = void(&fixture, key, &ids).unwrap();
        assert!(repeated.is_repeated && repeated.records == 2);
    }
    // By another key, nothing is left to take out.
    assert_eq!(void(&fixture, "other", &["late"]).unwrap().unchanged, 1);
    assert_eq!(everything(&fixture), before);
}

pub(crate) fn an_order_without_usage_left_has_no_successor(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    fixture.accept(vec![record("a", 10), record("b", 20)], NOW_S);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    assert_eq!(orders(&fixture), [(Status::Unpaid, 30, 30)]);
    let voided = void(&fixture, "v", &["a", "b"]).unwrap();
    assert_eq!((voided.replaced, voided.made), (1, 0));
    assert_eq!(orders(&fixture), [(Status::Revoked, 30, 30)]);
    fixture.assert_clean();
    // A replacement of a voided record is late usage of its hour.
    assert_eq!(replace(&fixture, "r", &[record("a", 7)]).unwrap().records, 1);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    assert_eq!(orders(&fixture), [(Status::Unpaid, 7, 7), (Status::Revoked, 30, 30)]);
    // An order that was revoked by hand stays as it is; nothing of it is charged again.
    let number = fixture.orders(1, Status::Unpaid)[0].order.source_number().to_owned();
    revoke(&fixture.charging(), 1, &[number], "a gift", NOW_S).unwrap();
    assert_eq!(void(&fixture, "w", &["a"]).unwrap().records, 1);
    assert_eq!(orders(&fixture), [(Status::Revoked, 7, 7), (Status::Revoked, 30, 30)]);
    fixture.assert_clean();
}

pub(crate) fn records_that_are_not_charged_are_corrected(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m"), super::fixture::price("free", "input", 0)]);
    let records =
        [usage(1, "f", BASE_S, "free", 5), usage(1, "u", BASE_S, "none", 5), usage(1, "c", BASE_S, "m", 5)];
    fixture.accept(records.to_vec(), NOW_S);
    let listed = |list| fixture.store.snapshot().unwrap().uncharged_usage(1, list, None, 9).unwrap().len();
    assert_eq!(void(&fixture, "v", &["f", "u"]).unwrap().records, 2);
    assert_eq!((listed(Uncharged::Free), listed(Uncharged::Unpriced)), (0, 0));
    fixture.assert_clean();
    // Each becomes something else; over the border of a day too.
    let other = |id: &str, model: &str| usage(1, id, BASE_S - 60, model, 8);
    let replaced =
        replace(&fixture, "r", &[other("f", "m"), other("u", "free"), other("c", "none")]).unwrap();
    assert_eq!(replaced.records, 3);
    assert_eq!((listed(Uncharged::Free), listed(Uncharged::Unpriced), pending(&fixture)), (1, 1, 8));
    fixture.assert_clean();
    assert_eq!(replace(&fixture, "again", &[other("f", "m")]).unwrap().unchanged, 1);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    assert_eq!(orders(&fixture), [(Status::Unpaid, 8, 8)]);
    fixture.assert_clean();
}

fn rated(fixture: &Fixture, key: &str, dry_run: bool, model: Option<&str>) -> Rerated {
    let which = RerateRequest {
        from_s: BASE_S - DAY_S,
        to_s: BASE_S + DAY_S,
        model_id: model.map(str::to_owned),
        sku: None,
    };
    let request = CorrectionRequest { dry_run, ..request(key) };
    rerate(&fixture.charging(), &request, &which, NOW_S + 200).unwrap()
}

pub(crate) fn a_wrong_price_is_rated_again_in_open_and_closed_hours(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let priced = |steps| {
        fixture
            .put(&[super::fixture::price("m", "input", steps), super::fixture::price("n", "input", 30_000)]);
    };
    priced(2_000_000);
    fixture.deposit(1, AccountKind::Cash, 100_000, "cash", NOW_S);
    // An hour that is closed, with late usage in an order of its own; one that is open; another model; usage without a
    // price.
    let at = |id: &str, hour: i64, model: &str, quantity| {
        usage(1, id, BASE_S + hour * HOUR_S + 60, model, quantity)
    };
    fixture.accept(vec![at("a", 1, "m", 10), at("b", 1, "m", 20), at("n", 1, "n", 5)], NOW_S);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    fixture.accept(vec![at("late", 1, "m", 30)], NOW_S);
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    fixture.accept(vec![at("open", 9, "m", 40), at("none", 1, "x", 5)], NOW_S);
    let nothing = rated(&fixture, "nothing", true, None);
    assert_eq!((nothing.rated, nothing.differences.len()), (6, 0));
    priced(20_000);
    let before = everything(&fixture);
    let shown = rated(&fixture, "k", true, None);
    let differences: Vec<_> = shown
        .differences
        .iter()
        .map(|row| (row.model_id.as_str(), row.bucket_start_s - BASE_S, row.records, row.before, row.after))
        .collect();
    assert_eq!(differences, [("m", HOUR_S, 3, 60 * 200, 60 * 2), ("m", 9 * HOUR_S, 1, 40 * 200, 40 * 2)]);
    assert_eq!(everything(&fixture), before, "nothing was changed");
    assert_eq!(rated(&fixture, "k", true, Some("n")).differences, []);
    let applied = rated(&fixture, "k", false, None);
    assert_eq!(applied.differences, shown.differences);
    let corrected = &applied.corrected;
    assert_eq!((corrected.records, corrected.replaced, corrected.made), (4, 2, 1));
    assert_eq!(
        orders(&fixture),
        [
            (Status::Paid, 5, 15),
            (Status::Paid, 60, 120),
            (Status::Revoked, 30, 6_000),
            (Status::Revoked, 30, 6_000),
        ]
    );
    assert_eq!((pending(&fixture), fixture.balance(1, AccountKind::Cash)), (80, 100_000 - 135));
    fixture.assert_clean();
    let after = everything(&fixture);
    assert!(rated(&fixture, "k", false, None).corrected.is_repeated);
    assert_eq!(rated(&fixture, "again", false, None).corrected.records, 0);
    assert_eq!(everything(&fixture), after);
    // What was rated again can be voided, and rated again by other prices, one record of the order alone.
    assert_eq!(void(&fixture, "v", &["late"]).unwrap().replaced, 1);
    fixture.put(&[super::fixture::price("m", "input", 0), super::fixture::price("x", "input", 10_000)]);
    let free = rated(&fixture, "free", false, Some("m"));
    assert_eq!((free.corrected.records, free.corrected.replaced, free.corrected.made), (3, 1, 0));
    assert_eq!((pending(&fixture), fixture.balance(1, AccountKind::Cash)), (0, 100_000 - 15));
    let priced = rated(&fixture, "priced", false, Some("x"));
    assert_eq!((priced.corrected.records, pending(&fixture)), (1, 5));
    fixture.assert_clean();
    // A run that was interrupted has recorded its key, and is completed by the same request.
    let mut transaction = fixture.store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    transaction.set_correction_result(1, "priced", "").unwrap();
    transaction.commit().unwrap();
    assert!(!rated(&fixture, "priced", false, Some("x")).corrected.is_repeated);
    assert!(rated(&fixture, "priced", false, Some("x")).corrected.is_repeated);
    let request = CorrectionRequest { key: "k".into(), ..request("k") };
    let other = RerateRequest { from_s: 0, to_s: 1, model_id: None, sku: None };
    let refused = rerate(&fixture.charging(), &request, &other, NOW_S).unwrap_err();
    assert_eq!(refused.to_string(), "the key \"k\" belongs to another correction");
    let empty = RerateRequest { from_s: 1, to_s: 1, model_id: None, sku: None };
    assert!(rerate(&fixture.charging(), &request, &empty, NOW_S).unwrap_err().to_string().contains("range"));
}

pub(crate) fn what_cannot_be_corrected_is_refused_and_changes_nothing(backend: &Backend) {
    let fixture = with_a_wrong_record(backend);
    let mut elsewhere = record("good-0", 10);
    elsewhere.source = "other".into();
    let mut later = record("good-1", 10);
    later.time_s += DAY_S;
    let later_s = later.time_s;
    fixture.accept(vec![elsewhere.clone(), later], NOW_S + DAY_S);
    void(&fixture, "known", &["wrong"]).unwrap();
    settle_all(&fixture.charging(), "a test", NOW_S).unwrap();
    let before = everything(&fixture);
    let checked = |result: Result<Corrected, String>, expected: &str| {
        let error = result.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(everything(&fixture), before);
        fixture.assert_clean();
    };
    checked(void(&fixture, "known", &["good-2"]), "the key \"known\" belongs to another correction");
    checked(void(&fixture, "", &["good-2"]), "the key must not be empty");
    checked(void(&fixture, "v", &[]), "there is no usage record to correct");
    checked(void(&fixture, "v", &["good-2", "nothing"]), "record \"nothing\": is not stored");
    checked(void(&fixture, "v", &["good-0"]), "names 2 records");
    checked(void(&fixture, "v", &["good-1"]), "names 2 records");
    checked(replace(&fixture, "r", &[record("nothing", 5)]), "is not stored");
    checked(replace(&fixture, "r", &[record("good-2", -5)]), "quantities: input: must not be negative");
    checked(replace(&fixture, "r", &[record("good-2", 0)]), "count nothing");
    checked(replace(&fixture, "r", &[record("good-2", 5), record("good-2", 6)]), "named more than once");
    let other_company = Usage { company_id: 2, ..record("good-2", 5) };
    checked(replace(&fixture, "r", &[other_company]), "company_id: must be 1");
    let other_organization = Usage { organization_id: 9, ..record("good-2", 5) };
    checked(replace(&fixture, "r", &[other_organization]), "has no organization 9");
    let unknown = CorrectionRequest { company_id: 77, ..request("v") };
    let error = void_usage(&fixture.charging(), &unknown, &names(&["good-2"]), NOW_S).unwrap_err();
    assert_eq!(error.to_string(), "company 77 does not exist");
    // One of a source is found.
    let name = UsageName { source: Some("other".into()), id: "good-0".into(), time_s: None };
    assert_eq!(void_usage(&fixture.charging(), &request("s"), &[name], NOW_S).unwrap().records, 1);
    // One of a time is found; the same key with another time is another correction.
    let at = |time_s| [UsageName { source: None, id: "good-1".into(), time_s: Some(time_s) }];
    let void_at = |time_s| void_usage(&fixture.charging(), &request("at"), &at(time_s), NOW_S);
    assert!(void_at(later_s + 1).unwrap_err().to_string().contains("is not stored"));
    assert_eq!(void_at(later_s).unwrap().records, 1);
    assert!(void_at(later_s - DAY_S).unwrap_err().to_string().contains("belongs to another correction"));
    fixture.assert_clean();
    // Pruned hours and expired days.
    let mut transaction = fixture.store.begin().unwrap();
    transaction.prune(1, BASE_S + 5 * HOUR_S, 100).unwrap();
    transaction.commit().unwrap();
    let pruned = void(&fixture, "p", &["good-3"]).unwrap_err();
    assert!(pruned.contains("orders of its hour were pruned"), "{pruned}");
    let mut transaction = fixture.store.begin().unwrap();
    assert!(transaction.expire_identities(1, NOW_S + 9 * DAY_S, 100).unwrap() > 0);
    transaction.commit().unwrap();
    let expired = void(&fixture, "p", &["good-3"]).unwrap_err();
    assert!(expired.contains("is not stored; records are kept for 40 days"), "{expired}");
}
