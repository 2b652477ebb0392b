//! `orders paid` and `orders unpaid`: a page of a list, or all of it.

use serde_json::Value;
use tollbook_export::fields::{ORDER_ITEM_DETAIL, OrderField, UNPAID_ORDER_ITEM};

use super::every_page::{EveryPage, PAGE_SIZE};
use super::time::Days;
use super::{client, filters_of, named, parameters_of, range_of};
use crate::arguments::{Global, List};
use crate::output::{
    Column, Failure, Format, Kind, Output, Table, csv_headings, csv_row, note, text_of, with_thousands,
};

/// The two lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orders {
    Paid,
    Unpaid,
}

impl Orders {
    const fn action(self) -> &'static str {
        match self {
            Self::Paid => "ListPaidOrders",
            Self::Unpaid => "ListUnpaidOrders",
        }
    }

    /// The members of an order, as published.
    const fn fields(self) -> &'static [OrderField] {
        match self {
            Self::Paid => ORDER_ITEM_DETAIL,
            Self::Unpaid => UNPAID_ORDER_ITEM,
        }
    }

    fn members(self) -> Vec<&'static str> {
        self.fields().iter().map(|field| field.name).collect()
    }
}

pub(crate) fn run(global: &Global, list: Orders, arguments: &List, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let range = range_of(&arguments.ranged, &days);
    if arguments.all {
        let filters = filters_of(&arguments.ranged);
        let pages = EveryPage::new(&arguments.ranged.account, list.action(), range, filters);
        return all(pages, list, &days, output);
    }
    let mut parameters = parameters_of(&arguments.ranged, range);
    parameters.push(("Page".to_owned(), arguments.page.to_string()));
    parameters.push(("PageSize".to_owned(), arguments.page_size.to_string()));
    let answer = client::call(&arguments.ranged.account, list.action(), parameters)?;
    let orders: Vec<Value> = answer["Orders"].as_array().cloned().unwrap_or_default();
    output.list(&answer, &list.members(), &orders, || {
        let mut table = OrderTable::new(&days, &orders);
        let mut text = table.part(&orders);
        if let Some(total) = table.total("sum of this page").filter(|_| orders.len() > 1) {
            text = format!("{text}\n{total}");
        }
        format!("{text}\n\n{}", position(arguments, orders.len(), answer["Total"].as_i64()))
    });
    Ok(())
}

/// Where a page is in its list, and what to type for the rest.
fn position(arguments: &List, shown: usize, total: Option<i64>) -> String {
    let List { page, page_size, .. } = arguments;
    let Some(total) = total else { return format!("page {page}: {shown} orders") };
    let pages = if *page_size > 0 { (total - 1).div_euclid(*page_size) + 1 } else { 0 };
    let orders = with_thousands(&total.to_string());
    if total == 0 {
        return "no orders in this range; --start and --end state another".to_owned();
    }
    let place =
        format!("page {} of {}", with_thousands(&page.to_string()), with_thousands(&pages.to_string()));
    let size = if *page_size == PAGE_SIZE { "" } else { "; --page-size 100: longer pages" };
    match *page {
        page if page > pages => {
            format!("{place}: past the end of {orders} orders; the last page: --page {pages}")
        }
        _ if pages == 1 => format!("{place}: {orders} orders"),
        page if page == pages => format!("{place}: {shown} of {orders} orders; all of them: --all"),
        page => format!(
            "{place}: {shown} of {orders} orders; the next: --page {}{size}; all of them: --all",
            page + 1
        ),
    }
}

/// Prints every order as its page arrives.
fn all(mut pages: EveryPage<'_>, list: Orders, days: &Days, output: &Output) -> Result<(), Failure> {
    let printed = match output.format() {
        Format::Json => return all_as_json(pages, list, output),
        Format::Csv => {
            let members = list.members();
            output.line(&csv_headings(&members));
            pages.each(output, |orders| {
                for order in orders {
                    output.line(&csv_row(&members, order));
                }
            })?
        }
        Format::Table => {
            let mut table: Option<OrderTable<'_>> = None;
            let printed = pages.each(output, |orders| {
                let table = table.get_or_insert_with(|| OrderTable::new(days, orders));
                output.line(&table.part(orders));
            })?;
            if let Some(total) = table.as_mut().and_then(|table| table.total("sum")).filter(|_| printed > 1) {
                output.line(&total);
            }
            output.line(&format!("\n{} orders", with_thousands(&printed.to_string())));
            printed
        }
    };
    note_changes(&pages, printed, output);
    Ok(())
}

/// One JSON object, written in parts: its list is as long as there are orders.
fn all_as_json(mut pages: EveryPage<'_>, list: Orders, output: &Output) -> Result<(), Failure> {
    output.print_json_part(&format!("{{\"Action\":\"{}Response\",\"Orders\":[", list.action()));
    let mut separator = "";
    let result = pages.each(output, |orders| {
        for order in orders {
            output.print_json_part(&format!("{separator}{order}"));
            separator = ",";
        }
    });
    match result {
        Ok(printed) => {
            output.print_json(&format!("],\"RetCode\":0,\"Total\":{printed}}}"));
            note_changes(&pages, printed, output);
            Ok(())
        }
        Err(failure) => {
            let code = failure.ret_code().map(|code| format!(",\"RetCode\":{code}")).unwrap_or_default();
            output.print_json(&format!("],\"Error\":{}{code}}}", Value::from(failure.message())));
            Err(failure.printed())
        }
    }
}

fn note_changes(pages: &EveryPage<'_>, printed: i64, output: &Output) {
    let is_whole = !output.is_closed();
    if let Some(total) = pages.first_total().filter(|total| *total != printed && is_whole) {
        note(&format!(
            "the list changed while it was read: it had {total} orders at first, and {printed} were read, none of them \
             twice; an --end in hours that are closed leaves out what is still arriving"
        ));
    }
}

/// The table of orders for people.
struct OrderTable<'d> {
    days: &'d Days,
    table: Table,
    /// Whether the currency of each order is shown; else all have that of the heading.
    shows_currency: bool,
}

impl<'d> OrderTable<'d> {
    /// A table that begins with these orders.
    fn new(days: &'d Days, first: &[Value]) -> Self {
        let currency = first.first().map(|order| text_of(&order["Currency"])).unwrap_or_default();
        // A company is billed in one currency, but a server of another kind might not know that.
        let shows_currency = first.iter().any(|order| text_of(&order["Currency"]) != currency);
        let mut columns = vec![
            Column::new(format!("Start ({days})"), Kind::Code),
            Column::new("OrderNo", Kind::Code),
            Column::new("Project", Kind::Text),
            Column::new("Resource", Kind::Text),
            Column::new("Model", Kind::Text),
            Column::new("SKU", Kind::Text),
            Column::new("Quantity", Kind::Number),
        ];
        if shows_currency {
            columns.push(Column::new("Total", Kind::Number));
            columns.push(Column::new("", Kind::Code));
        } else {
            let heading =
                if currency.is_empty() { "Total".to_owned() } else { format!("Total ({currency})") };
            columns.push(Column::new(heading, Kind::Sum));
        }
        columns.push(Column::new("Status", Kind::Text));
        Self { days, table: Table::new(columns), shows_currency }
    }

    fn part(&mut self, orders: &[Value]) -> String {
        let rows: Vec<Vec<String>> = orders.iter().map(|order| self.row(order)).collect();
        self.table.part(&rows)
    }

    fn total(&mut self, label: &str) -> Option<String> {
        if self.shows_currency { None } else { self.table.total(label) }
    }

    fn row(&self, order: &Value) -> Vec<String> {
        let text = |name: &str| text_of(&order[name]);
        let mut row = vec![
            self.days.display(order["StartTime"].as_i64().unwrap_or_default()),
            text("OrderNo"),
            text("OrganizationName"),
            named(&text("ResourceName"), &text("ResourceID")),
            match named(&text("ModelName"), &text("ModelID")) {
                name if name.is_empty() => text("ProductCodeDisplay"),
                name => name,
            },
            text("PricingSKU"),
            text("QuantityDisplay"),
            text("OrderTotalPrice"),
        ];
        if self.shows_currency {
            row.push(text("Currency"));
        }
        row.push(text("StatusDisplay"));
        row
    }
}
