//! All routes of the operator's API.

use tollbook_domain::OperatorRole::{Money, Operate, Read};

use super::parameter::Parameter;
use super::parameter::Shape::{Amount, Change, Choice, Flag, Integer, Integers, Objects, Text, Texts};
use super::route::{BodyFile, Once, Route};
use super::{accounts, jobs, log, orders, owners, prices, tenants, usage, users, webhooks};

/// The kinds of account that money is deposited in.
const KINDS: &[&str] = &["star_card", "coupon", "bonus", "cash"];
/// Unix seconds.
const TIME: super::parameter::Shape = Integer(0, i64::MAX);
const NUMBER: super::parameter::Shape = Integer(1, i64::MAX);

const COMPANY: Parameter = Parameter::path("company", NUMBER, "Number of the company");
const ORGANIZATION: Parameter = Parameter::path("organization", NUMBER, "Number of the organization");
const PUBLIC_KEY: Parameter = Parameter::path("public_key", Text, "Public half of the key");
const NAME: Parameter = Parameter::member("Name", Text, "What people call it");
const LIMIT: Parameter = Parameter::query("Limit", Integer(1, 10_000), "Maximum number of rows");
const COMPANY_FILTER: Parameter = Parameter::query("CompanyID", NUMBER, "Only those of this company");
const REASON: Parameter = Parameter::member("Reason", Text, "Why; recorded with it").required();
const DRY_RUN: Parameter = Parameter::member("DryRun", Flag, "Show what would be done, and change nothing");
const KIND: Parameter = Parameter::member("Kind", Choice(KINDS), "Kind of account").required();
const EXPIRES: Parameter =
    Parameter::member("Expires", TIME, "When it ends, Unix seconds; null: never").or_null();
const RATE_LIMIT: Parameter = Parameter::member(
    "RateLimit",
    Integer(0, 4_294_967_295),
    "Requests per second; 0: unlimited; null: what the configuration says",
)
.or_null();
const STRICT: Parameter = Parameter::member(
    "Strict",
    Choice(&["off", "pay", "all"]),
    "Which requests it must sign strictly; null: what the configuration says",
)
.or_null();
const PERMISSIONS: Parameter =
    Parameter::member("Permissions", Texts, "What it may do: read, export, pay; none named: everything");
const ALLOW_IPS: Parameter =
    Parameter::member("AllowIPs", Texts, "Address ranges from which it may be used; none: any address");
const EMAIL: Parameter = Parameter::member("Email", Text, "The user's email address");
const ROLE: Parameter = Parameter::member(
    "Role",
    Choice(&["viewer", "payer", "administrator"]),
    "What the user may do in the console of the company",
);
const USER_ORGANIZATIONS: Parameter = Parameter::member(
    "OrganizationIDs",
    Integers,
    "Organizations to which the user is bound; none: the whole company",
);
const ENDPOINT: Parameter = Parameter::path("endpoint", Text, "Id of the endpoint");
const ENDPOINT_URL: Parameter = Parameter::member("URL", Text, "Where events are sent");
const EVENTS: Parameter =
    Parameter::member("Events", Texts, "Types of the events that it is sent; none: all");
const MODEL_FILTER: Parameter = Parameter::query("ModelID", Text, "Only those of this model");
const SKU_FILTER: Parameter = Parameter::query("PricingSKU", Text, "Only those of this SKU");

const PRICE_FILE: BodyFile = BodyFile {
    media_types: &[("application/toml", ".toml"), ("application/json", ".json")],
    meaning: "A price list: Tollbook's own form as `application/toml`, genai-prices or LiteLLM as `application/json`",
};

macro_rules! routes {
    ($($name:ident $method:literal $path:literal $role:ident $once:expr, $run:path, $summary:literal,
       [$($parameter:expr),* $(,)?] $(, file $file:expr)? => $answer:literal;)*) => {
        /// The table.
        pub(super) static ROUTES: &[Route] = &[$(Route {
            name: stringify!($name),
            method: $method,
            path: concat!("/operator/v1", $path),
            role: $role,
            once: $once,
            summary: $summary,
            parameters: &[$($parameter),*],
            file: routes!(@file $($file)?),
            answer: $answer,
            run: $run,
        }),*];
    };
    (@file) => { None };
    (@file $file:expr) => { Some($file) };
}

routes! {
    ListCompanies "GET" "/companies" Read Once::AsItIs, tenants::list_companies,
        "List companies", [] => "Companies[]";
    AddCompany "POST" "/companies" Operate Once::ByClaim(tenants::company_again), tenants::add_company,
        "Add a company", [
            NAME.required(),
            Parameter::member("Currency", Choice(&["CNY", "USD"]), "Its currency").required(),
            Parameter::member("Brand", Text, "Brand of the configuration; default: `default`"),
        ] => "CompanyID# Name Currency Brand Repeated!";
    GetCompany "GET" "/companies/{company}" Read Once::AsItIs, tenants::show_company,
        "Show a company", [COMPANY] => "CompanyID# Name Currency Brand";
    RenameCompany "PATCH" "/companies/{company}" Operate Once::AsItIs, tenants::rename_company,
        "Rename a company", [COMPANY, NAME.required()] => "CompanyID# Name Currency Brand";
    ListOrganizations "GET" "/companies/{company}/organizations" Read Once::AsItIs, tenants::list_organizations,
        "List the organizations of a company", [COMPANY] => "Organizations[]";
    AddOrganization "POST" "/companies/{company}/organizations" Operate
        Once::ByClaim(tenants::organization_again), tenants::add_organization,
        "Add an organization", [COMPANY, NAME.required()]
        => "CompanyID# OrganizationID# ProjectId Name Repeated!";
    RenameOrganization "PATCH" "/companies/{company}/organizations/{organization}" Operate Once::AsItIs,
        tenants::rename_organization,
        "Rename an organization", [COMPANY, ORGANIZATION, NAME.required()]
        => "CompanyID# OrganizationID# ProjectId Name";
    ListKeys "GET" "/companies/{company}/keys" Read Once::AsItIs, tenants::list_keys,
        "List the API keys of a company, without private halves", [COMPANY] => "Keys[]";
    AddKey "POST" "/companies/{company}/keys" Operate Once::ByClaim(tenants::key_again), tenants::add_key,
        "Add an API key", [
            COMPANY, NAME, PERMISSIONS, EXPIRES, ALLOW_IPS, RATE_LIMIT, STRICT,
            Parameter::member("OrganizationIDs", Integers, "Organizations to which it is bound; none: the whole company"),
        ] => "PublicKey PrivateKey Repeated!";
    ChangeKey "PATCH" "/companies/{company}/keys/{public_key}" Operate Once::AsItIs, tenants::change_key,
        "Change, suspend or resume an API key; what is not stated stays", [
            COMPANY, PUBLIC_KEY, NAME, PERMISSIONS, EXPIRES, ALLOW_IPS, RATE_LIMIT, STRICT,
            Parameter::member("Suspended", Flag, "Whether it is refused until it is resumed"),
        ] => "PublicKey Name CompanyID# OrganizationIDs[] Permissions[] AllowIPs[] RateLimit#~ Strict~ \
            Created#~ LastUsed#~ Expires#~ Suspended! Disabled!";
    RotateKey "POST" "/companies/{company}/keys/{public_key}/rotations" Operate
        Once::ByClaim(tenants::rotation_again), tenants::rotate_key,
        "Replace an API key by a new one with the same rights", [
            COMPANY, PUBLIC_KEY,
            Parameter::member("OverlapHours", Integer(0, 87_600), "Hours for which both are answered; default: 168"),
        ] => "PublicKey PrivateKey FormerPublicKey FormerExpires#~ Repeated!";
    DisableKey "DELETE" "/companies/{company}/keys/{public_key}" Operate Once::AsItIs, tenants::disable_key,
        "Disable an API key for good", [COMPANY, PUBLIC_KEY] => "PublicKey Disabled!";

    GetAccount "GET" "/companies/{company}/account" Read Once::AsItIs, accounts::show,
        "Show balances, grants and arrears", [COMPANY]
        => "CompanyID# Currency Balances{} CreditLimit AvailableAmount ArrearsSince# \
            ArrearsAmount ArrearsOrders# PendingAmount Grants[]";
    ListLedger "GET" "/companies/{company}/ledger" Read Once::AsItIs, accounts::ledger,
        "List the ledger, the oldest entry first", [
            COMPANY, LIMIT,
            Parameter::query("FromEntryNo", Integer(0, i64::MAX), "Number of the first entry; default: 0"),
        ] => "CompanyID# TotalEntries# Entries[]";
    Deposit "POST" "/companies/{company}/deposits" Money Once::ByItsKey, accounts::deposit,
        "Deposit money, then pay arrears, the oldest first", [
            COMPANY, KIND,
            Parameter::member("Amount", Amount, "The amount").required(),
            Parameter::member("Expires", TIME, "When what remains of it ends, Unix seconds (not cash)"),
            Parameter::member("Products", Texts, "Products that it pays for; none: all (not cash)"),
            Parameter::member("Models", Texts, "Models that it pays for; none: all (not cash)"),
            Parameter::member("NoSettle", Flag, "Pay no arrears from it"),
        ] => "CompanyID# Key Kind Amount Expires#~ Repeated! Entries[] ArrearsPaid#";
    ReverseDeposit "POST" "/companies/{company}/reversals" Money Once::ByItsKey, accounts::reverse,
        "Take a deposit back, whole or in part", [
            COMPANY, REASON, DRY_RUN,
            Parameter::member("Deposit", Text, "Key of the deposit").required(),
            Parameter::member("Amount", Amount, "How much; default: all that was not reversed before"),
            Parameter::member("Owe", Flag, "Let the company owe what was spent, beyond its limit if need be"),
        ] => "CompanyID# Key Deposit Taken Owed Repeated! DryRun! Entries[]";
    AdjustAccount "POST" "/companies/{company}/adjustments" Money Once::ByItsKey, accounts::adjust,
        "Add an amount to an account or take it", [
            COMPANY, KIND, REASON, DRY_RUN,
            Parameter::member("Amount", Change, "What to add, or with a minus sign to take").required(),
            Parameter::member("Reference", Text, "What it refers to, such as a ticket"),
        ] => "CompanyID# Key Kind Amount Repeated! DryRun! Entries[]";
    SetCreditLimit "PUT" "/companies/{company}/credit-limit" Money Once::AsItIs, accounts::set_credit_limit,
        "Set the credit limit", [COMPANY, Parameter::member("Amount", Amount, "The limit").required()]
        => "CompanyID# CreditLimit";

    ListCorrections "GET" "/companies/{company}/corrections" Read Once::AsItIs, usage::list_corrections,
        "List corrections of usage and accounts, the earliest first", [COMPANY, LIMIT]
        => "Corrections[] HasMore!";
    CorrectUsage "POST" "/companies/{company}/usage-corrections" Money Once::ByItsKey, usage::correct,
        "Void and replace usage records, in one transaction", [
            COMPANY, REASON, DRY_RUN,
            Parameter::member("Void", Objects, "Records to take out: `id`, and `source` and `time` if it takes them to name one"),
            Parameter::member("Replace", Objects, "Usage records of the same identities as those that they replace"),
        ] => "Repeated! DryRun! Records# Unchanged# OrdersReplaced# OrdersMade# Orders[]";
    RerateUsage "POST" "/companies/{company}/rerates" Money Once::ByItsKey, usage::rerate,
        "Rate usage of a range again by the present prices; without Apply, only the differences are shown", [
            COMPANY, REASON,
            Parameter::member("From", TIME, "First time of the usage, Unix seconds").required(),
            Parameter::member("To", TIME, "The time after the last one, Unix seconds").required(),
            Parameter::member("ModelID", Text, "Only usage of this model"),
            Parameter::member("PricingSKU", Text, "Only records that count this SKU"),
            Parameter::member("Apply", Flag, "Make the changes"),
        ] => "Repeated! DryRun! Records# Unchanged# OrdersReplaced# OrdersMade# Orders[] \
            CompanyID# Rated# Skipped# Difference Unpriced[] Differences[]";
    ExplainUsage "GET" "/companies/{company}/usage" Read Once::AsItIs, usage::explain,
        "Show what became of a usage record: its orders, prices and price lists", [
            COMPANY,
            Parameter::query("ID", Text, "Id of the record").required(),
            Parameter::query("Source", Text, "Its source; default: any"),
        ] => "Records[]";
    ListUnpricedUsage "GET" "/usage/unpriced" Read Once::AsItIs, usage::list_unpriced,
        "List usage without a price", [COMPANY_FILTER, LIMIT] => "Records[] HasMore!";
    ListUnpricedModels "GET" "/usage/unpriced-models" Read Once::AsItIs, usage::unpriced_models,
        "Sum usage without a price by model, with the nearest names that have prices", [LIMIT]
        => "Models[] HasMore!";

    RevokeOrders "POST" "/companies/{company}/order-revocations" Money Once::ByClaim(orders::revocation_again),
        orders::revoke,
        "Revoke unpaid orders and refund paid ones in full", [
            COMPANY, REASON,
            Parameter::member("OrderNos", Texts, "Numbers of orders, at most 100").required(),
        ] => "Results[] FailureCount# Repeated!";
    ExplainOrder "GET" "/companies/{company}/orders/{order_no}" Read Once::AsItIs, orders::explain,
        "Show the records that an order was made of, and the orders that it replaces or that replace it",
        [COMPANY, Parameter::path("order_no", Text, "A number of the order"), LIMIT]
        => "OrderNo SourceOrderNo Status# StartTime# Quantity# OrderTotalPrice ReplacesOrderNo \
            ReplacedByOrderNo ModelID ResourceID PricingSKU ListPrice DiscountPrice MadeOfUsage! \
            RevocationTime#~ RevocationReason~ Records[] HasMore! Replaces[] ReplacedBy[]";

    ListPrices "GET" "/prices" Read Once::AsItIs, prices::list,
        "List the price book", [
            MODEL_FILTER,
            Parameter::query("List", Text, "Only those of this price list"),
            Parameter::query("Provider", Text, "Only those of this provider"),
        ] => "Prices[]";
    ExplainPrice "GET" "/price-explanation" Read Once::AsItIs, prices::explain,
        "Explain the price of a SKU: every price that applies, which one holds, and why", [
            Parameter::query("CompanyID", NUMBER, "Company, for its currency and discounts").required(),
            Parameter::query("ModelID", Text, "Model; empty for usage without a model").required(),
            Parameter::query("PricingSKU", Text, "The SKU").required(),
            Parameter::query("Provider", Text, "Provider of the model"),
            Parameter::query("Tokens", Integer(0, i64::MAX), "Length of the request; default: 0"),
            Parameter::query("ServiceTier", Text, "Service tier, such as flex"),
            Parameter::query("Time", TIME, "Time of the usage, Unix seconds; default: now"),
        ] => "CompanyID# Currency Provider ModelID PricingSKU Time# Tokens# ServiceTier ListPrice~ \
            Discount DiscountPrice~ Prices[]";
    ImportPrices "POST" "/price-imports" Operate Once::ByClaim(prices::import_again), prices::import,
        "Import a price list. The answer to a repeated request has the list and the counts alone", [
            Parameter::query("List", Text, "Name of the list; default: by the form of the file"),
            Parameter::query("Factor", Text, "Factor of all prices; default: that of the list's last import"),
            Parameter::query("Rate", Text, "Rate of exchange, such as USD=7.10; default: as before"),
            Parameter::query("ValidFrom", TIME, "Start of validity of prices that state none, Unix seconds"),
            Parameter::query("DryRun", Flag, "Show what would change, and change nothing"),
        ], file PRICE_FILE
        => "List Own! Factor Rate~ Prices# Added# Changed# Unchanged# NotStated#? Rounded[]? \
            LeftOut[]? UnreadKinds[]? NeverChosen[]? MatchedByPart[]? UsageCharged#? Changes[]? DryRun!? Repeated!";
    ListPriceLists "GET" "/price-lists" Read Once::AsItIs, prices::lists,
        "List the price lists in the order in which they hold", [] => "Lists[]";
    OrderPriceLists "PUT" "/price-lists" Operate Once::AsItIs, prices::order,
        "Set the order of the price lists", [
            Parameter::member("Order", Texts, "Names, the first first; own lists before published ones").required(),
        ] => "Lists[]";
    RemovePrices "DELETE" "/price-lists/{list}/prices" Operate Once::AsItIs, prices::remove,
        "Remove prices of a list, or end them. Usage that was rated keeps its prices", [
            Parameter::path("list", Text, "Name of the list"), MODEL_FILTER, SKU_FILTER,
            Parameter::query("Until", TIME, "End them at this time instead, Unix seconds"),
        ] => "List Ended# Removed#";
    ListDiscounts "GET" "/discounts" Read Once::AsItIs, prices::list_discounts,
        "List discounts", [] => "Discounts[]";
    SetDiscount "PUT" "/discounts" Operate Once::AsItIs, prices::put_discount,
        "Set the part of the list price that is charged for new usage", [
            Parameter::member("Factor", Amount, "The part, at most 1").required(),
            Parameter::member("CompanyID", NUMBER, "Company; default: all companies"),
            Parameter::member("ModelID", Text, "Model; default: all models"),
            Parameter::member("PricingSKU", Text, "SKU; default: all SKUs"),
        ] => "CompanyID# ModelID PricingSKU Factor";
    RemoveDiscount "DELETE" "/discounts" Operate Once::AsItIs, prices::delete_discount,
        "Remove a discount; the next less specific one applies again", [
            Parameter::query("CompanyID", NUMBER, "Its company; default: the one for all companies"),
            Parameter::query("ModelID", Text, "Its model; default: the one for all models"),
            Parameter::query("PricingSKU", Text, "Its SKU; default: the one for all SKUs"),
        ] => "CompanyID# ModelID PricingSKU Removed!";

    ListExportJobs "GET" "/companies/{company}/export-jobs" Read Once::AsItIs, jobs::list,
        "List background exports of a company, the newest first", [COMPANY, LIMIT] => "Jobs[] HasMore!";
    GetExportJob "GET" "/companies/{company}/export-jobs/{job}" Read Once::AsItIs, jobs::show,
        "Show a background export", [COMPANY, Parameter::path("job", Text, "Id of the job")]
        => "JobID PublicKey Created#~ State Attempts# RowsDone# RowsTotal# Ended#~ Request*";

    ListUsers "GET" "/users" Read Once::AsItIs, users::list,
        "List users of the console", [COMPANY_FILTER] => "Users[]";
    InviteUser "POST" "/companies/{company}/users" Operate Once::ByClaim(users::invitation_again), users::invite,
        "Invite a user of the console of a company. The answer to a repeated request has no link: a second invitation \
         makes another one. The operator's own people are invited by command alone", [
            COMPANY, EMAIL.required(), ROLE.required(), USER_ORGANIZATIONS,
            Parameter::member("Hours", Integer(1, 720), "Hours for which the link is valid; default: 72"),
        ] => "Email CompanyID# Link~ Expires# Repeated!";
    ChangeUser "PATCH" "/companies/{company}/users/{email}" Operate Once::AsItIs, users::change,
        "Change, disable or enable a user; what is not stated stays", [
            COMPANY, Parameter::path("email", Text, "The user's email address"), ROLE, USER_ORGANIZATIONS,
            Parameter::member("Disabled", Flag, "Whether the user is signed out and refused until enabled"),
        ] => "UserID# Email CompanyID# OrganizationIDs[] Role Password! Created# Disabled!";

    ListWebhookEndpoints "GET" "/webhook-endpoints" Read Once::AsItIs, webhooks::list,
        "List endpoints of webhooks, without secrets", [
            Parameter::query("CompanyID", Integer(0, i64::MAX), "Only those of this company; 0: of the operator"),
        ] => "Endpoints[]";
    AddWebhookEndpoint "POST" "/webhook-endpoints" Operate Once::ByClaim(webhooks::secret_again), webhooks::add,
        "Add an endpoint of webhooks; it is sent what happens from now on", [
            Parameter::member("CompanyID", NUMBER, "Company whose events it is sent; default: those of the operator"),
            ENDPOINT_URL.required(), NAME, EVENTS,
        ] => "EndpointID Secret~ Repeated!";
    ChangeWebhookEndpoint "PATCH" "/webhook-endpoints/{endpoint}" Operate Once::AsItIs, webhooks::change,
        "Change, disable or enable an endpoint; what is not stated stays", [
            ENDPOINT, ENDPOINT_URL, NAME, EVENTS,
            Parameter::member("Disabled", Flag, "Whether nothing is sent to it until it is enabled"),
        ] => "EndpointID CompanyID#~ Name URL Events[] Created# FormerSecretExpires#~ FailingSince#~ \
            DisabledAt#~ DisabledReason";
    RotateWebhookSecret "POST" "/webhook-endpoints/{endpoint}/rotations" Operate
        Once::ByClaim(webhooks::secret_again), webhooks::rotate,
        "Replace the secret of an endpoint", [
            ENDPOINT,
            Parameter::member("OverlapHours", Integer(0, 87_600), "Hours for which both sign; default: 24"),
        ] => "EndpointID Secret~ Repeated!";
    RemoveWebhookEndpoint "DELETE" "/webhook-endpoints/{endpoint}" Operate Once::AsItIs, webhooks::remove,
        "Remove an endpoint with its deliveries", [ENDPOINT] => "EndpointID Removed!";
    ListWebhookDeliveries "GET" "/webhook-deliveries" Read Once::AsItIs, webhooks::deliveries,
        "List deliveries, the newest events first", [
            LIMIT,
            Parameter::query("EndpointID", Text, "Only those to this endpoint"),
            Parameter::query("MessageID", Text, "Only those of this event"),
            Parameter::query("State", Choice(&["pending", "delivered", "dead letter"]), "Only those in this state"),
        ] => "Deliveries[] HasMore!";
    ReplayWebhooks "PUT" "/webhook-replays" Operate Once::AsItIs, webhooks::replay,
        "Send deliveries again: those of an event, those of a time that have ended, or else all dead letters", [
            Parameter::member("EndpointID", Text, "Only those to this endpoint"),
            Parameter::member("MessageID", Text, "The event"),
            Parameter::member("From", TIME, "First time of events, Unix seconds"),
            Parameter::member("To", TIME, "The time after the last one, Unix seconds"),
        ] => "Replayed#";

    ListOwnerRules "GET" "/owner-rules" Read Once::AsItIs, owners::list,
        "List the rules that say whom reported usage belongs to", [
            Parameter::query("Source", Text, "Only those of this source"),
        ] => "Rules[]";
    SetOwnerRule "PUT" "/owner-rules" Operate Once::AsItIs, owners::set,
        "Add a rule, or replace the one of its source, kind and key", [
            Parameter::member("Source", Text, "Such as litellm; *: every one").required(),
            Parameter::member("Kind", Text, "What the key is, such as team; default: who has no rule").required(),
            Parameter::member("Key", Text, "The name in the source; none for the kind default"),
            Parameter::member("CompanyID", NUMBER, "Whose usage it is").required(),
            Parameter::member("OrganizationID", NUMBER, "Its organization").required(),
            Parameter::member("ResourceID", Text, "Resource of the usage; none: what the source names"),
            Parameter::member("ResourceName", Text, "What people call the resource"),
        ] => "Added# Changed# Unchanged#";
    RemoveOwnerRule "DELETE" "/owner-rules" Operate Once::AsItIs, owners::remove,
        "Remove a rule", [
            Parameter::query("Source", Text, "Its source").required(),
            Parameter::query("Kind", Text, "Its kind").required(),
            Parameter::query("Key", Text, "Its key; none for the kind default"),
        ] => "Source Kind Key Removed!";

    ListAuditLog "GET" "/audit" Read Once::AsItIs, log::entries,
        "List entries of the audit log, the latest of them, the earliest first", [
            LIMIT,
            Parameter::query("CompanyID", Integer(0, i64::MAX), "Only those of this company; 0: of the deployment"),
            Parameter::query("From", TIME, "First time, Unix seconds"),
            Parameter::query("To", TIME, "The time after the last one, Unix seconds"),
            Parameter::query("Act", Text, "Only this act, such as key.add, or group of acts, such as key"),
        ] => "Entries[] HasMore!";
    VerifyAuditLog "GET" "/audit/verification" Read Once::AsItIs, log::check,
        "Check the hash chains of the audit log", [
            Parameter::query("CompanyID", Integer(0, i64::MAX), "Only the chain of this company; 0: the deployment's"),
        ] => "Chains# Entries# Differences[]";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::operator::manage::parameter::Place;

    #[test]
    fn every_route_is_one_and_says_what_it_takes() {
        let mut names = BTreeSet::new();
        let mut paths = BTreeSet::new();
        for route in ROUTES {
            let name = route.name;
            assert!(names.insert(name) && paths.insert((route.path, route.method)), "{name}");
            // Who only reads cannot change anything, and who changes something must not be a reader alone.
            assert_eq!(route.role == Read, !route.writes(), "{name}");
            // What makes something or moves money is done once by a key; what sets something is the same when repeated.
            assert_eq!(route.once.needs_key(), route.method == "POST", "{name}");
            let mut parameters = BTreeSet::new();
            for parameter in route.parameters {
                assert!(parameters.insert(parameter.name), "{name}: {}", parameter.name);
                let is_in_path = route.path.contains(&format!("{{{}}}", parameter.name));
                assert_eq!(is_in_path, parameter.place == Place::Path, "{name}: {}", parameter.name);
                assert!(!parameter.meaning.ends_with('.'), "{name}: {}", parameter.name);
            }
            assert_eq!(
                route.path.matches('{').count(),
                route.parameters.iter().filter(|p| p.place == Place::Path).count()
            );
            assert!(!(route.has_members() && (route.method == "GET" || route.method == "DELETE")), "{name}");
            assert!(route.file.is_none() || !route.has_members(), "{name}");
        }
        assert!(ROUTES.len() >= 38);
    }
}
