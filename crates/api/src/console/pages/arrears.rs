//! Unpaid orders: choosing some, seeing what each account would pay, and paying them once.

use maud::{Markup, html};
use tollbook_domain::tenant::Permission;
use tollbook_domain::{AccountKind, Line, Measures};
use tollbook_ops::charging::{Charging, PayReason, PreviewedPayment, pay_unpaid, preview_payment};

use super::orders::order_href;
use crate::actions::MAX_NUMBERS;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::{Link, Preset, Shown, View, invalid};
use crate::console::visit::{Visit, text_of, texts_of};
use crate::console::{forms, layout, tables};

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let parsed = View::parse(visit, &["page"])?;
    // What is owed is owed whenever it arose, so the usual range is all time.
    let is_stated = ["range", "from", "StartTime"].iter().any(|name| text_of(visit.query, name).is_some());
    let ever =
        tollbook_domain::TimeRange::new(0, tollbook_domain::time::MAX_TIME_S).ok_or(PageError::Internal)?;
    let view = View { shown: Shown::Unpaid, ..parsed };
    let view = if is_stated { view } else { View { preset: Some(Preset::Ever), ..view.over(ever) } };
    let page = match text_of(visit.query, "page") {
        None => 1,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|page| (1..=1_000_000).contains(page))
            .ok_or_else(|| invalid("page", "must be a number from 1 on"))?,
    };
    let size = i64::try_from(MAX_NUMBERS).unwrap_or(50);
    // Of the primary: what was just paid is not owed.
    let (query, mut snapshot) = view.primary(visit)?;
    let snapshot = snapshot.as_mut();
    let mut found = snapshot.page(&query, (page - 1) * size, size)?;
    let pages = (found.total.max(1) - 1) / size + 1;
    let page = page.min(pages);
    if found.orders.is_empty() && found.total > 0 {
        found = snapshot.page(&query, (page - 1) * size, size)?;
    }
    let owed = snapshot.sums(&query)?.first().map(|(_, measures)| *measures).unwrap_or_default();
    let lines = snapshot.lines(query.company_id)?;
    let may_pay = visit.person()?.key.allows(Permission::Pay);
    let title = visit.t(text::ARREARS);
    let link = Link::to("/console/arrears");
    let content = html! {
        (layout::heading(title, html! { (view.range_text()) " · " (view.zone.name()) }, html! { a href=(view.link("/console/orders").href()) { (visit.t(text::AS_LIST)) } }))
        (figures(visit, &owed))
        @if found.orders.is_empty() { (layout::nothing(visit, text::NOTHING_OWED)) }
        @else {
            form method="get" action="/console/arrears/review" {
                div class="table" tabindex="0" role="region" aria-label=(title) { table {
                    caption { (visit.t(text::ARREARS_CAPTION)) }
                    thead { tr {
                        @if may_pay { th scope="col" { input type="checkbox" hidden data-all="OrderNos" aria-label=(visit.t(text::ALL)); span class="sr" { (visit.t(text::CHOOSE)) } } }
                        th scope="col" { (visit.t(text::ORDER)) } th scope="col" aria-sort="descending" { (visit.t(text::START)) } th scope="col" { (visit.t(text::PROJECT)) }
                        th scope="col" { (visit.t(text::RESOURCE)) } th scope="col" { (visit.t(text::MODEL)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) }
                    } }
                    tbody { @for stored in &found.orders {
                        @let line = lines.get(stored.line_no);
                        tr {
                            @if may_pay { td { input type="checkbox" name="OrderNos" value=(stored.order.number) aria-label=(stored.order.number); } }
                            th scope="row" { (tables::copyable(visit, &stored.order.number, html! { a href=(order_href(&stored.order.number)) { (stored.order.number) } })) }
                            td { (tables::time(&view.zone, stored.order.start_time_s)) }
                            td { (line.map_or("", |line| &line.organization_name)) } td { (line.map_or("", |line| line.shown_resource_name())) } td { (line.map_or("", |line| &line.model_name)) }
                            td class="r" { (tables::money(stored.order.total.steps().into())) }
                        }
                    } }
                } }
                @if may_pay { p class="bar-actions" { button class="primary" { (visit.t(text::REVIEW_PAYMENT)) } " " span class="hint" { (text::UP_TO.with(visit.language, &[&MAX_NUMBERS.to_string()])) } } }
                @else { p class="hint" { (visit.t(text::MAY_NOT_PAY)) } }
            }
            @if pages > 1 {
                nav class="pager" aria-label=(visit.t(text::PAGES)) {
                    @if page > 1 { a rel="prev" href=(link.clone().with("page", (page - 1).to_string()).href()) { (visit.t(text::PREVIOUS)) } }
                    span { (text::PAGE_OF.with(visit.language, &[&page.to_string(), &pages.to_string()])) }
                    @if page < pages { a rel="next" href=(link.clone().with("page", (page + 1).to_string()).href()) { (visit.t(text::NEXT)) } }
                }
            }
        }
    };
    Ok(layout::page(visit, "/console/arrears", title, content))
}

fn figures(visit: &Visit<'_>, owed: &Measures) -> Markup {
    html! {
        dl class="figures" {
            div { dt { (visit.t(text::ORDERS)) } dd { (tables::count(owed.orders)) } }
            div { dt { (visit.t(text::OWED)) } dd { (tables::money(owed.total)) } }
        }
    }
}

/// What paying the chosen orders would do; of paid ones, that they are paid.
pub(in crate::console) fn review(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let numbers: Vec<String> =
        texts_of(visit.query, "OrderNos").filter(|number| !number.is_empty()).map(str::to_owned).collect();
    if numbers.is_empty() {
        return Ok(Reply::Redirect("/console/arrears?notice=nothing-chosen".to_owned()));
    }
    if numbers.len() > MAX_NUMBERS {
        return Err(PageError::Invalid(text::UP_TO.with(visit.language, &[&MAX_NUMBERS.to_string()])));
    }
    let (company_id, key) = (visit.person()?.company.company_id, visit.person()?.key.clone());
    let (charging, now_s) = (visit.service.charging(), visit.now_s);
    let may_see = |line: &Line| key.may_use(line.organization_id);
    let snapshot = visit.snapshot()?;
    let previews = preview_payment(&charging, snapshot, company_id, &numbers, &may_see, now_s)?;
    let status = |preview: &PreviewedPayment| {
        let stored = preview.order.as_ref();
        stored.is_some_and(|stored| stored.order.status == tollbook_domain::Status::Paid)
    };
    let payable: Vec<&PreviewedPayment> =
        previews.iter().filter(|preview| preview.result.is_ok() && !status(preview)).collect();
    let mut total = 0i128;
    let mut from = [0i128; AccountKind::COUNT];
    for preview in &payable {
        total += preview.order.as_ref().map_or(0, |stored| i128::from(stored.order.total.steps()));
        if let Ok(deductions) = preview.result {
            for (sum, amount) in from.iter_mut().zip(deductions.values()) {
                *sum += i128::from(amount.steps());
            }
        }
    }
    let title = visit.t(text::REVIEW_PAYMENT);
    let kinds: Vec<(AccountKind, i128)> =
        AccountKind::ALL.into_iter().zip(from).filter(|(_, sum)| *sum != 0).collect();
    let content = html! {
        (layout::heading(title, html! { (text::N_ORDERS.with(visit.language, &[&previews.len().to_string()])) }, html! { a href="/console/arrears" { (visit.t(text::ARREARS)) } }))
        div class="table" tabindex="0" role="region" aria-label=(title) { table {
            caption { (visit.t(text::REVIEW_CAPTION)) }
            thead { tr {
                th scope="col" { (visit.t(text::ORDER)) } th scope="col" { (visit.t(text::RESULT)) } th scope="col" class="r" { (visit.t(text::AMOUNT)) }
                @for (kind, _) in &kinds { th scope="col" class="r" { (visit.t(text::account(*kind))) } }
            } }
            tbody { @for preview in &previews { tr {
                th scope="row" { a href=(order_href(&preview.number)) { (preview.number) } }
                td { (result(visit, preview, status(preview))) }
                td class="r" { @if let Some(stored) = &preview.order { (tables::money(stored.order.total.steps().into())) } }
                @for (kind, _) in &kinds { td class="r" { @if let (Ok(deductions), false) = (&preview.result, status(preview)) { (tables::money(deductions.get(*kind).steps().into())) } } }
            } } }
            tfoot { tr {
                th scope="row" colspan="2" { (visit.t(text::TO_BE_PAID)) } td class="r" { (tables::money(total)) }
                @for (_, sum) in &kinds { td class="r" { (tables::money(*sum)) } }
            } }
        } }
        @if payable.is_empty() { p class="hint" { (visit.t(text::NOTHING_TO_PAY)) } }
        @else {
            form method="post" action="/console/arrears/pay" class="bar-actions" {
                (forms::token_field(visit))
                @for number in &numbers { input type="hidden" name="OrderNos" value=(number); }
                button class="primary" { (text::PAY_NOW.with(visit.language, &[&tollbook_domain::money::format_amount_sum(total), &visit.person()?.company.currency])) }
                " " span class="hint" { (visit.t(text::PAY_ONCE)) }
            }
        }
    };
    Ok(layout::page(visit, "/console/arrears", title, content))
}

fn result(visit: &Visit<'_>, preview: &PreviewedPayment, is_paid: bool) -> Markup {
    let (class, told): (_, Text) = match preview.result {
        Ok(_) if is_paid => ("status status-2", text::IS_PAID),
        Ok(_) => ("status", text::CAN_BE_PAID),
        Err(PayReason::InsufficientBalance) => ("status status-1", text::INSUFFICIENT),
        Err(PayReason::NotFound) => ("status status-3", text::ORDER_NOT_FOUND),
        Err(PayReason::Revoked) => ("status status-3", text::ORDER_REVOKED),
    };
    html! { span class=(class) { (visit.t(told)) } }
}

/// Pays. An order that is paid already moves nothing, so the form may be sent again.
pub(in crate::console) fn pay(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let numbers: Vec<String> =
        texts_of(visit.form, "OrderNos").filter(|number| !number.is_empty()).map(str::to_owned).collect();
    if numbers.is_empty() || numbers.len() > MAX_NUMBERS {
        return Err(PageError::Invalid(text::UP_TO.with(visit.language, &[&MAX_NUMBERS.to_string()])));
    }
    visit.release();
    let person = visit.person()?;
    let may_see = |line: &Line| person.key.may_use(line.organization_id);
    let acting = visit.acting();
    let charging = Charging { store: &acting, ..visit.service.charging() };
    let payments = pay_unpaid(&charging, person.company.company_id, &numbers, &may_see, visit.now_s)?;
    let paid = payments.iter().filter(|payment| payment.result.is_ok()).count();
    tracing::info!(user_id = person.user.user_id, orders = numbers.len(), paid, "paid in the console");
    let link = numbers
        .iter()
        .fold(Link::to("/console/arrears/review"), |link, number| link.with("OrderNos", number));
    Ok(Reply::Redirect(link.with("notice", "paid").href()))
}
