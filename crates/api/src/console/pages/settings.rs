//! The settings in force on this server, and where each is stated.

use maud::html;
use serde_json::{Value, json};
use tollbook_ops::config::reference::values;

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::visit::Visit;
use crate::console::{desk, layout, members};

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &[])?;
    let sources = &visit.service.config().stated;
    let rows: Vec<Value> = values(visit.service.config())
        .into_iter()
        .map(|shown| {
            let source =
                sources.get(&shown.key).map_or_else(|| visit.t(text::DEFAULT).to_owned(), Clone::clone);
            let value = match shown.value {
                Value::Null => json!("–"),
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            };
            json!({"Setting": shown.key, "Value": value, "Source": source})
        })
        .collect();
    let title = visit.t(text::SETTINGS);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::SETTINGS_WHY)) }, html! {}))
        (members::table(visit, title, &rows, &["Setting", "Value", "Source"], None))
        (layout::command(visit, "tollbook config show"))
    };
    Ok(layout::page(visit, "/operator/settings", title, content))
}
