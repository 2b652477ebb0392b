//! What `quickstart` prints: keys, links, and commands that work as they are printed.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use tollbook_api::signature::sign;
use tollbook_domain::time::{DAY_S, HOUR_S, civil_of_day, day_of};
use tollbook_ops::PrivateKey;
use tollbook_ops::quickstart::Quickstart;

use super::this_program::{quoted, this_program};
use crate::arguments::Global;

pub(super) fn demo_value(demo: &Quickstart, url: &str, [console, desk]: &[String; 2]) -> serde_json::Value {
    let keys: Vec<_> = demo
        .keys
        .iter()
        .map(|key| {
            json!({
                "PublicKey": key.public_key,
                "PrivateKey": key.private_key.reveal(),
                "OrganizationID": key.organization_id,
            })
        })
        .collect();
    let organizations: Vec<_> = demo
        .organizations
        .iter()
        .map(|o| json!({"OrganizationID": o.organization_id, "ProjectId": o.project_id, "Name": o.name}))
        .collect();
    json!({
        "URL": url,
        "CompanyID": demo.company.company_id,
        "Organizations": organizations,
        "Keys": keys,
        "StartTime": demo.month_start_s,
        "EndTime": demo.month_end_s,
        "OrdersAdded": demo.orders_added,
        "OperatorKey": demo.operator_key.as_ref().map(PrivateKey::reveal),
        "OldestUnpaid": demo.oldest_unpaid,
        "ConsoleLink": console,
        "OperatorLink": desk,
    })
}

pub(super) fn demo_text(
    demo: &Quickstart,
    url: &str,
    [console, desk]: &[String; 2],
    global: &Global,
    now_s: i64,
) -> String {
    let directory = global.data.display();
    // The URL of a database may hold a password.
    let place = match global.database {
        None => format!("its data is in {directory}"),
        Some(_) => {
            format!("its data is in the given database, its master key and exports are in {directory}")
        }
    };
    let mut text = format!(
        "Tollbook serves the demo company \"{}\" ({}) at {url}; {place}.\n\nOpen the console (each link works once, for a day; the next start prints others):\n  customer  {console}\n  operator  {desk}\n\nKeys:\n",
        demo.company.name, demo.company.currency,
    );
    for key in &demo.keys {
        let scope = match key.organization_id {
            None => "the whole company".to_owned(),
            Some(id) => demo
                .organizations
                .iter()
                .find(|o| o.organization_id == id)
                .map_or_else(|| format!("organization {id}"), |o| format!("{} ({})", o.name, o.project_id)),
        };
        let _ = writeln!(
            text,
            "  {scope}
    public  {}
    private {}",
            key.public_key,
            key.private_key.reveal()
        );
    }
    if let Some(key) = demo.keys.first() {
        text += &requests(&key.public_key, key.private_key.reveal(), demo, url);
    }
    text += &usage_report(demo, url, now_s);
    text += &operator_commands(demo, global);
    text + "\nStop with Ctrl-C; the data is kept for the next start.\n"
}

/// A request that reports usage. The key is known to the start that made it alone.
fn usage_report(demo: &Quickstart, url: &str, now_s: i64) -> String {
    let Some(organization) = demo.organizations.first() else { return String::new() };
    let event = json!({
        "specversion": "1.0",
        "id": format!("try-{now_s}"),
        "source": "quickstart",
        "type": "ai.tollbook.usage",
        "time": rfc3339(now_s),
        "data": {
            "company_id": demo.company.company_id,
            "organization_id": organization.organization_id,
            "resource_id": "umi-7f3kq0assist",
            "resource_type": 1,
            "model_id": "deepseek-chat",
            "product_code": "modelverse",
            "region": "cn-wlcb",
            "quantities": {"input": 1_200, "cache_read": 800, "output": 350},
        },
    });
    let (heading, key) = match &demo.operator_key {
        Some(key) => (
            "Report usage, as a gateway does (this key is shown once; \"quickstart\" is its name):",
            key.reveal(),
        ),
        None => (
            "Report usage, as a gateway does. The key of the first start is not shown again; `operator-key add`,\nbelow, \
             makes another one, to be put in here:",
            "tbo_…",
        ),
    };
    format!(
        "
{heading}
curl '{url}/v1/usage' -H 'Authorization: Bearer {key}' -H 'Content-Type: application/cloudevents+json' \\
  -d '{event}'
"
    )
}

/// Commands of the operator, for another terminal, in any folder.
fn operator_commands(demo: &Quickstart, global: &Global) -> String {
    let (company_id, program) = (demo.company.company_id, this_program());
    let mut text = format!(
        "
Manage the accounts, in another terminal:
export TOLLBOOK_DATA={}
",
        absolute(&global.data)
    );
    if let Some(file) = &global.config {
        let _ = writeln!(text, "export TOLLBOOK_CONFIG={}", absolute(file));
    }
    match global.database.as_deref().map(|url| (url, url.strip_prefix("sqlite:"))) {
        Some((_, Some(path))) => {
            let _ = writeln!(text, "export TOLLBOOK_DATABASE_URL=sqlite:{}", absolute(Path::new(path)));
        }
        Some((_, None)) => {
            text += "# TOLLBOOK_DATABASE_URL: the URL of this server (not printed, it may hold a password)\n";
        }
        None => {}
    }
    let _ = write!(
        text,
        "{program} account show --company {company_id}
{program} account deposit --company {company_id} --kind cash --amount 100.00 --key my-first --no-settle
{program} operator-key add --name gateway
"
    );
    if let Some(number) = &demo.oldest_unpaid {
        let _ = write!(
            text,
            "
Pay the oldest unpaid order, as a customer (with the keys of \"With this program\"):
{program} orders pay {number}
"
        );
    }
    text
}

/// A path that works in every folder, as a word of a shell.
fn absolute(path: &Path) -> String {
    quoted(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

fn rfc3339(time_s: i64) -> String {
    let (year, month, day) = civil_of_day(day_of(time_s));
    let second = time_s.rem_euclid(DAY_S);
    let (hour, minute, second) = (second / HOUR_S, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Example requests to paste into a terminal.
fn requests(public_key: &str, private_key: &str, demo: &Quickstart, url: &str) -> String {
    let (start, end) = (demo.month_start_s, demo.month_end_s);
    let parameters = [
        ("Action", "ListPaidOrders".to_owned()),
        ("PublicKey", public_key.to_owned()),
        ("StartTime", start.to_string()),
        ("EndTime", end.to_string()),
        ("Page", "1".to_owned()),
        ("PageSize", "10".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let signature = sign(&parameters, private_key);
    // Keys consist of letters, digits, `-` and `_`, which need no escaping in a URL.
    let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join("&");
    let program = this_program();
    format!(
        "
With curl:
curl '{url}/?{query}&Signature={signature}'

With the published Python SDK (pip install ucloud-sdk-python3):
python3 - <<'EOF'
from ucloud.client import Client
client = Client({{\"base_url\": \"{url}\", \"public_key\": \"{public_key}\", \"private_key\": \"{private_key}\", \"region\": \"cn-wlcb\"}})
print(client.uai_modelverse().list_paid_orders({{\"StartTime\": {start}, \"EndTime\": {end}, \"Page\": 1, \"PageSize\": 10}}))
EOF

With this program:
export TOLLBOOK_SERVER={url} TOLLBOOK_PUBLIC_KEY={public_key} TOLLBOOK_PRIVATE_KEY={private_key}
{program} orders paid --start {start} --end {end}
{program} orders amount --start {start} --end {end}
{program} orders download --start {start} --end {end}
"
    )
}
