//! Names of organizations and resources on orders made from usage.

use tollbook_domain::{Status, Usage};
use tollbook_ops::charging::{Rater, UsageResult, settle_all};
use tollbook_ops::tenancy::companies::{rename_company, rename_organization};

use super::fixture::{BASE_S, Backend, Fixture, HOUR_S, unit_price, usage};

pub(crate) fn orders_keep_the_name_they_were_billed_under(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let operator = Fixture::another_server(backend);
    fixture.put(&[unit_price("m")]);
    // One rater for all usage, as in a server.
    let mut rater = Rater::new(fixture.charging(), fixture.config.charging.limits_of_gateways());
    let mut accept = |id: &str, hour: i64, resource_name: &str| {
        let time_s = BASE_S + hour * HOUR_S;
        let record = Usage { resource_name: resource_name.into(), ..usage(1, id, time_s, "m", 5) };
        let results = rater.accept(vec![record], time_s, None).unwrap();
        assert_eq!(results, [UsageResult::Charged]);
        settle_all(&fixture.charging(), "s", time_s + 2 * HOUR_S).unwrap();
    };
    accept("a", 0, "Assistant");
    assert_eq!(rename_company(&*operator.store, 1, " New name ").unwrap().name, "New name");
    accept("b", 1, "Assistant");
    assert_eq!(rename_organization(&*operator.store, 1, 1, "研发").unwrap().name, "研发");
    // The running server notices, and a name of the resource that changes is the new order's only.
    accept("c", 2, "");
    let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
    let names: Vec<(String, String)> = fixture
        .orders(1, Status::Unpaid)
        .into_iter()
        .map(|stored| {
            let line = lines.get(stored.line_no).unwrap();
            (line.organization_name.clone(), line.shown_resource_name().to_owned())
        })
        .collect();
    let expected = [("研发", "key-1"), ("org-a", "Assistant"), ("org-a", "Assistant")];
    assert_eq!(names, expected.map(|(organization, resource)| (organization.into(), resource.into())));
    fixture.assert_clean();
}
