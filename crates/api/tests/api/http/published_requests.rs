//! The example requests of the five published pages, in their own shape: names, order and repetitions of the query are
//! theirs, the values are valid.

use serde_json::Value;
use tollbook_domain::{NewOrder, Status};

use super::backend::{Backend, on_each_backend};
use super::client::{Answer, FORM, Http, encode, pairs, quoted_pairs, value_of};
use super::model::{Filter, Shown};
use super::sample_orders::{self, END_S, RANGE, START_S};
use super::server::{Key, Server};

/// Two pages of two brands have the same example.
const DOWNLOAD_PAID: &str = "Action=DownloadListPaidOrders&Region=cn-zj&Zone=cn-zj-01&ProjectId={project}\
    &ResourceIds.N={resource}&ModelIds.N={model}&PricingUnits.N={unit}&OrderTypes.N={type}\
    &StartTime={start}&EndTime={end}\
    &ResourceIds.N={resource 2}&ModelIds.N={model 2}&PricingUnits.N={unit 2}&OrderTypes.N={type 2}\
    &StartTime={start}&EndTime={end}\
    &PricingSkus.N={sku}&OrganizationIds.N={organization}&Regions.N={region}&ProductCodes.N={product}";

const LIST_PAID: &str = "Action=ListPaidOrders&Region=cn-zj&Zone=cn-zj-01&ProjectId={project}&Page=1&PageSize=10\
    &ResourceIds.N={resource}&ModelIds.N={model}&PricingUnits.N={unit}&OrderTypes.N={type}\
    &StartTime={start}&EndTime={end}\
    &PricingSkus.N={sku}&ProductCodes.N={product}&Regions.N={region}&OrganizationIds.N={organization}";

const LIST_UNPAID: &str = "Action=ListUnpaidOrders&Region=cn-zj&Zone=cn-zj-01&ProjectId={project}&Page=1&PageSize=10\
    &ResourceIds.N={resource}&ModelIds.N={model}&PricingUnits.N={unit}&OrderTypes.N={type}\
    &StartTime={start}&EndTime={end}&Regions.N={region}&PricingSkus.N={sku}&ProductCodes.N={product}";

const DOWNLOAD_SUMMARY: &str = "Action=DownloadOrderSummary&Region=cn-zj&Zone=cn-zj-01&ProjectId={project}\
    &ResourceIds.N={resource}&ModelIds.N={model}&PricingUnits.N={unit}&OrderTypes.N={type}&ChargeTypes.N={charge}\
    &StartTime={start}&EndTime={end}\
    &ResourceIds.N={resource 2}&ModelIds.N={model 2}&PricingUnits.N={unit 2}&OrderTypes.N={type 2}\
    &ChargeTypes.N={charge 2}&StartTime={start}&EndTime={end}\
    &OrganizationIds.N={organization}&Regions.N={region}&PricingSkus.N={sku}&ProductCodes.N={product}";

struct Fixture {
    server: Server,
    key: Key,
    shown: Shown,
    project: String,
    orders: Vec<NewOrder>,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        let company = server.company("Published", "default");
        let organizations = [server.organization(&company, "One"), server.organization(&company, "Two")];
        let ids: Vec<i64> = organizations.iter().map(|known| known.organization_id).collect();
        let orders = sample_orders::orders(company.company_id, &ids);
        server.add(&orders);
        let key = server.full_key(&company);
        let project = organizations[0].project_id.clone();
        let names = organizations.into_iter().map(|known| (known.organization_id, known.name)).collect();
        Self { server, key, shown: Shown::in_english(names), project, orders }
    }

    /// An example with the values of sample order `number`, and `2` those of the order 36 after it, which differs in
    /// resource, model and type only.
    fn example(&self, shape: &str, number: usize) -> String {
        let mut text = shape.replace("{project}", &self.project);
        for (suffix, number) in [("", number), (" 2", number + 36)] {
            let line = &self.orders[number].line;
            for (name, value) in [
                ("resource", line.resource_id.clone()),
                ("model", line.model_id.clone()),
                ("unit", line.pricing_unit.to_string()),
                ("type", line.order_type.to_string()),
                ("charge", line.charge_type.to_string()),
                ("sku", line.pricing_sku.clone()),
                ("organization", line.organization_id.to_string()),
                ("region", line.region.clone()),
                ("product", line.product_code.clone()),
            ] {
                text = text.replace(&format!("{{{name}{suffix}}}"), &value);
            }
        }
        text = text.replace("{start}", &START_S.to_string()).replace("{end}", &END_S.to_string());
        assert!(!text.contains('{'), "{text}");
        text
    }

    /// The answer to an example, which is the same on every transport.
    fn ask(&self, example: &str) -> Answer {
        let sent = pairs(example);
        let signed = self.key.signed(sent.clone());
        // The query as it is printed, followed by the key and the signature.
        let identity = encode(&signed[sent.len()..]);
        let answer = self.server.answer(&Http::new("GET", &format!("/?{example}&{identity}")), &signed);
        assert_eq!(answer.verdict(), "0", "{example}");
        let form = self.server.answer(&Http::post(FORM, format!("{example}&{identity}")), &signed);
        let json = self.server.ask_json(&self.key, &quoted_pairs(&sent));
        for other in [form, json] {
            match answer.0.get("Data") {
                // Each answer has a link of its own.
                Some(data) => assert_eq!(other.data("Sha256"), &data["Sha256"]),
                None => assert_eq!(other, answer),
            }
        }
        answer
    }

    /// The orders that an example asks for.
    fn matching(&self, example: &str, statuses: &[Status]) -> Vec<&NewOrder> {
        let mut filter = Filter::range(START_S, END_S);
        for (name, value) in pairs(example) {
            let Some(list) = name.strip_suffix(".N") else { continue };
            let list = tollbook_domain::filter::FilterField::ALL
                .into_iter()
                .find(|field| field.name() == list)
                .unwrap_or_else(|| panic!("{list} is no filter"));
            filter.lists.entry(list.name()).or_default().insert(value);
        }
        filter.matching(&self.orders, statuses)
    }
}

fn the_lists_of_the_published_examples(backend: Backend) {
    let fixture = Fixture::new(backend);
    let example = fixture.example(LIST_PAID, 1);
    let expected: Vec<Value> = (fixture.matching(&example, &[Status::Paid]).into_iter())
        .map(|new| fixture.shown.paid(new))
        .collect();
    assert!(!expected.is_empty());
    let answer = fixture.ask(&example);
    assert_eq!(answer.list("Orders"), expected);
    assert_eq!(answer.integer("Total"), i64::try_from(expected.len()).unwrap());

    let example = fixture.example(LIST_UNPAID, 10);
    let expected: Vec<Value> = (fixture.matching(&example, &[Status::Unpaid]).into_iter())
        .map(|new| fixture.shown.unpaid(new))
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(fixture.ask(&example).list("Orders"), expected);
}

fn the_downloads_of_the_published_examples(backend: Backend) {
    let fixture = Fixture::new(backend);
    let example = fixture.example(DOWNLOAD_PAID, 1);
    let expected = fixture.matching(&example, &[Status::Paid]).len();
    assert!(expected >= 2, "both values of each list are used");
    assert_eq!(fixture.ask(&example).data("RowCount"), expected);

    let example = fixture.example(DOWNLOAD_SUMMARY, 1);
    let rows: usize = ["ListPaidOrderSummary", "ListUnpaidOrderSummary"]
        .map(|action| {
            let listed = example.replace("DownloadOrderSummary", action);
            fixture.ask(&listed).list("Summaries").len()
        })
        .iter()
        .sum();
    assert!(rows >= 2, "both values of each list are used");
    assert_eq!(fixture.ask(&example).data("RowCount"), rows);
}

fn a_repeated_time_must_have_one_value(backend: Backend) {
    let fixture = Fixture::new(backend);
    let example = fixture.example(DOWNLOAD_PAID, 1);
    for name in ["StartTime", "EndTime"] {
        let value = value_of(&pairs(RANGE), name).unwrap().to_owned();
        let (before, after) = example.rsplit_once(&format!("{name}={value}")).unwrap();
        let different = format!("{before}{name}={}{after}", value.parse::<i64>().unwrap() + 1);
        assert_eq!(
            fixture.server.ask(&fixture.key, &different).verdict(),
            format!("230 Params [{name}] not available: given more than once, with different values")
        );
    }
}

on_each_backend!(
    the_lists_of_the_published_examples,
    the_downloads_of_the_published_examples,
    a_repeated_time_must_have_one_value,
);
