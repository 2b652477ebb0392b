//! The companies as the operator sees them, and one of them with its people, keys and accounts. Each part leads to the
//! forms that change it, and names the command.

use maud::{Markup, html};
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::tenant::{ApiKey, Permission};
use tollbook_domain::{AccountKind, User};
use tollbook_ops::charging::standing;
use tollbook_ops::tenancy::overview::{self, SummedCompanies};

use super::act;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, View};
use crate::console::visit::Visit;
use crate::console::{filters, layout, tables};

/// The page of a company.
pub(in crate::console) fn company_href(company_id: i64) -> String {
    format!("/operator/companies/{company_id}")
}

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &[])?;
    let snapshot = visit.snapshot()?;
    let summed = overview::company_sums(snapshot, view.range)?;
    let companies = &summed.companies;
    let title = visit.t(text::COMPANIES);
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, act::link(visit, "company-add", &[])))
        (filters::ranges(visit, &view, &view.link("/operator/companies")))
        @if companies.is_empty() { (layout::nothing(visit, text::NO_COMPANIES)) }
        @else {
            div class="table" tabindex="0" role="region" aria-label=(title) { table {
                caption { (text::N_ROWS.with(visit.language, &[&companies.len().to_string()])) @if summed.is_cut() { " · " (only_first(visit, &summed)) } }
                thead { tr {
                    th scope="col" class="r" aria-sort="ascending" { "ID" } th scope="col" { (visit.t(text::NAME)) } th scope="col" { (visit.t(text::BRAND)) } th scope="col" { (visit.t(text::CURRENCY)) }
                    th scope="col" class="r" { (visit.t(text::ORDERS)) } th scope="col" class="r" { (visit.t(text::CHARGED)) } th scope="col" class="r" { (visit.t(text::OWED)) }
                } }
                tbody { @for known in companies { tr {
                    td class="r" { (tables::count(known.company.company_id)) } th scope="row" { a href=(company_href(known.company.company_id)) { (known.company.name) } }
                    td { (known.company.brand) } td { (known.company.currency) } td class="r" { (tables::count(known.charged.orders)) } td class="r" { (tables::money(known.charged.total)) } td class="r" { (tables::money(known.owed.total)) }
                } } }
            } }
        }
        (layout::command(visit, "tollbook company add --name NAME --currency CNY"))
    };
    Ok(layout::page(visit, "/operator/companies", title, content))
}

/// That there are more companies than are summed.
pub(in crate::console) fn only_first(visit: &Visit<'_>, summed: &SummedCompanies) -> String {
    let counts = [summed.companies.len(), summed.all].map(|count| count.to_string());
    text::ONLY_FIRST.with(visit.language, &[&counts[0], &counts[1]])
}

pub(in crate::console) fn company(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let view = View::parse(visit, &[])?;
    let number =
        visit.captured.first().and_then(|text| text.parse::<i64>().ok()).ok_or(PageError::NotFound)?;
    let charging = visit.service.charging();
    visit.release();
    let standing = standing(&charging, number, visit.now_s)?.ok_or(PageError::NotFound)?;
    let snapshot = visit.snapshot()?;
    let company = snapshot.company(number)?.ok_or(PageError::NotFound)?;
    let sums = overview::sums_of(snapshot, company.clone(), view.range)?;
    let organizations = snapshot.organizations(number)?;
    let keys = snapshot.api_keys(Some(number))?;
    let uses = snapshot.key_uses(number)?;
    let mut users = snapshot.users()?;
    users.retain(|user| user.company_id == Some(number));
    let link = view.link(&company_href(number));
    let number_text = number.to_string();
    let of = ("company", number_text.as_str());
    let content = html! {
        (layout::heading(&company.name, html! { (text::COMPANY_NO.with(visit.language, &[&number.to_string()])) " · " (company.currency) " · " (company.brand) }, html! {
            (act::link(visit, "company-rename", &[of, ("Name", &company.name)]))
            a class="button" href=(Link::to("/operator/audit").with("CompanyID", number.to_string()).href()) { (visit.t(text::AUDIT)) }
            a class="button" href=(Link::to("/operator/usage").with("company", number.to_string()).href()) { (visit.t(text::USAGE)) }
        }))
        (filters::ranges(visit, &view, &link))
        dl class="cards" {
            div class="stat" { dt { (visit.t(text::CHARGED)) } dd { (tables::money(sums.charged.total)) } dd class="under" { (text::N_ORDERS.with(visit.language, &[&sums.charged.orders.to_string()])) } }
            div class="stat" { dt { (visit.t(text::OWED)) } dd { (tables::money(standing.arrears)) } dd class="under" { (text::N_ORDERS.with(visit.language, &[&standing.arrears_orders.to_string()])) } }
            div class="stat" { dt { (visit.t(text::PENDING)) } dd { (tables::money(standing.pending)) } }
            div class="stat" { dt { (visit.t(text::AVAILABLE)) } dd { (tables::money(standing.available)) } }
        }
        section {
            h2 { (visit.t(text::ACCOUNTS)) }
            dl class="figures" {
                @for kind in AccountKind::ALL { div { dt { (visit.t(text::account(kind))) } dd { (tables::money(standing.balances.get(kind).into())) } } }
                div { dt { (text::CREDIT_LIMIT.with(visit.language, &[""])) } dd { (tables::money(standing.credit_limit.into())) } }
            }
            @if standing.over_limit > 0 { p class="problem" { (text::OVER_LIMIT.with(visit.language, &[&format_amount_sum(standing.over_limit)])) } }
            div class="bar-actions" {
                @for name in ["deposit", "reverse", "adjust"] { (act::link(visit, name, &[of])) }
                (act::link(visit, "credit-limit", &[of, ("Amount", &format_amount_sum(standing.credit_limit.into()))]))
                (act::link(visit, "discount-set", &[("CompanyID", &number_text)]))
                (act::link(visit, "revoke", &[of]))
            }
            (layout::command(visit, &format!("tollbook account deposit --company {number} --kind cash --amount AMOUNT --key KEY")))
        }
        section {
            h2 { (visit.t(text::PROJECTS)) }
            @if organizations.is_empty() { p class="hint" { (visit.t(text::NONE)) } }
            @else {
                div class="table" tabindex="0" role="region" aria-label=(visit.t(text::PROJECTS)) { table {
                    caption { (text::N_ROWS.with(visit.language, &[&organizations.len().to_string()])) }
                    thead { tr { th scope="col" class="r" { "ID" } th scope="col" { (visit.t(text::NAME)) } th scope="col" { "ProjectId" } @if visit.may_act() { th scope="col" { (visit.t(text::ACTION)) } } } }
                    tbody { @for organization in &organizations { tr { td class="r" { (tables::count(organization.organization_id)) } th scope="row" { (organization.name) } td { (tables::copyable(visit, &organization.project_id, html! { code { (organization.project_id) } })) }
                        @if visit.may_act() { td { (act::row_link(visit, "organization-rename", text::RENAME, &[of, ("organization", &organization.organization_id.to_string()), ("Name", &organization.name)])) } }
                    } } }
                } }
            }
            div class="bar-actions" { (act::link(visit, "organization-add", &[of])) }
            (layout::command(visit, &format!("tollbook organization add --company {number} --name NAME")))
        }
        section { h2 { (visit.t(text::USERS)) } (users_table(visit, &users, of)) div class="bar-actions" { (act::link(visit, "user-invite", &[of])) } (layout::command(visit, &format!("tollbook user invite --company {number} --email EMAIL --role viewer"))) }
        section { h2 { (visit.t(text::KEYS)) } (keys_table(visit, &keys, &uses, of)) div class="bar-actions" { (act::link(visit, "key-add", &[of])) } (layout::command(visit, &format!("tollbook key add --company {number}"))) }
        p { a href=(Link::to("/operator/companies").href()) { (visit.t(text::COMPANIES)) } }
    };
    let title = company.name.clone();
    Ok(layout::page(visit, "/operator/companies", &title, content))
}

fn users_table(visit: &Visit<'_>, users: &[User], of: (&str, &str)) -> Markup {
    html! {
        @if users.is_empty() { p class="hint" { (visit.t(text::NO_USERS)) } }
        @else {
            div class="table" tabindex="0" role="region" aria-label=(visit.t(text::USERS)) { table {
                caption { (text::N_ROWS.with(visit.language, &[&users.len().to_string()])) }
                thead { tr { th scope="col" { (visit.t(text::EMAIL)) } th scope="col" { (visit.t(text::ROLE)) } th scope="col" { (visit.t(text::PROJECTS)) } th scope="col" { (visit.t(text::CREATED)) } th scope="col" { (visit.t(text::STATE)) } @if visit.may_act() { th scope="col" { (visit.t(text::ACTION)) } } } }
                tbody { @for user in users { tr {
                    th scope="row" { (user.email) } td { (visit.t(text::role(user.role))) }
                    td { @if user.organization_ids.is_empty() { (visit.t(text::EVERYTHING)) } @else { (user.organization_ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")) } }
                    td { (tables::time(visit.zone(), user.created_s)) }
                    td { span class=(if user.disabled { "status status-3" } else { "status status-2" }) { (visit.t(if user.disabled { text::DISABLED } else { text::ACTIVE })) } }
                    @if visit.may_act() { td { div class="row-actions" {
                        @let named = ("Email", user.email.as_str());
                        @if user.disabled { (act::row_link(visit, "user-enable", text::ENABLE, &[of, named])) }
                        @else {
                            (act::row_link(visit, "user-role", text::CHANGE_ROLE, &[of, named, ("Role", user.role.name()), ("OrganizationIDs", &user.organization_ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))]))
                            (act::row_link(visit, "user-invite", text::NEW_LINK, &[of, named, ("Role", user.role.name()), ("OrganizationIDs", &user.organization_ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))]))
                            (act::row_link(visit, "user-disable", text::DISABLE, &[of, named]))
                        }
                    } } }
                } } }
            } }
        }
    }
}

fn keys_table(visit: &Visit<'_>, keys: &[ApiKey], uses: &[(String, i64)], of: (&str, &str)) -> Markup {
    let used_s =
        |key: &ApiKey| uses.iter().find(|(known, _)| *known == key.public_key).map(|(_, used_s)| *used_s);
    html! {
        @if keys.is_empty() { p class="hint" { (visit.t(text::NO_KEYS)) } }
        @else {
            div class="table" tabindex="0" role="region" aria-label=(visit.t(text::KEYS)) { table {
                caption { (visit.t(text::KEYS_CAPTION)) }
                thead { tr { th scope="col" { (visit.t(text::NAME)) } th scope="col" { (visit.t(text::PUBLIC_KEY)) } th scope="col" { (visit.t(text::PERMISSIONS)) } th scope="col" { (visit.t(text::LAST_USED)) } th scope="col" { (visit.t(text::STATE)) } @if visit.may_act() { th scope="col" { (visit.t(text::ACTION)) } } } }
                tbody { @for key in keys { tr {
                    th scope="row" { @if key.name.is_empty() { (visit.t(text::WITHOUT_NAME)) } @else { (key.name) } }
                    td { code { (key.public_key) } }
                    td { (Permission::ALL.into_iter().filter(|permission| key.allows(*permission)).map(|permission| visit.t(text::permission(permission))).collect::<Vec<_>>().join(", ")) }
                    td { @match used_s(key) { Some(time_s) => (tables::time(visit.zone(), time_s)), None => (visit.t(text::NEVER)) } }
                    td { span class=(if key.is_usable(visit.now_s) { "status status-2" } else { "status status-3" }) { (visit.t(if key.is_usable(visit.now_s) { text::ACTIVE } else if key.suspended { text::SUSPENDED } else if key.disabled { text::DISABLED } else { text::HAS_ENDED })) } }
                    @if visit.may_act() { td { div class="row-actions" { @if !key.disabled {
                        @let named = ("public_key", key.public_key.as_str());
                        (act::row_link(visit, "key-change", text::CHANGE, &[of, named, ("Name", &key.name)]))
                        @if key.suspended { (act::row_link(visit, "key-resume", text::RESUME, &[of, named])) } @else { (act::row_link(visit, "key-suspend", text::SUSPEND, &[of, named])) }
                        @if key.is_usable(visit.now_s) { (act::row_link(visit, "key-rotate", text::ROTATE, &[of, named])) }
                        (act::row_link(visit, "key-disable", text::DISABLE, &[of, named]))
                    } } } }
                } } }
            } }
        }
    }
}
