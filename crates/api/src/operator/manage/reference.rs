//! The reference page of the operator's API, made of the table of routes.

use std::fmt::Write as _;

use super::parameter::{Parameter, Place, Shape};
use super::route::{Member, Route};
use super::table::ROUTES;

const HEAD: &str = include_str!("reference_head.md");

/// The page, as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    // Writing to a text cannot fail.
    let _ = writeln!(page, "\n## Routes\n\n| route | role | |\n| --- | --- | --- |");
    for route in ROUTES {
        let anchor = route.name.to_lowercase();
        let _ = writeln!(
            page,
            "| [{} `{}`](#{anchor}) | {} | {} |",
            route.method,
            route.path,
            route.role.name(),
            route.summary
        );
    }
    ROUTES.iter().for_each(|route| add_route(&mut page, route));
    page
}

fn add_route(page: &mut String, route: &Route) {
    let _ = writeln!(
        page,
        "\n## {}\n\n`{} {}`, role `{}`{}. {}.",
        route.name,
        route.method,
        route.path,
        route.role.name(),
        if route.once.needs_key() { ", with `Idempotency-Key`" } else { "" },
        route.summary
    );
    if let Some(file) = route.file {
        let _ = writeln!(page, "\nThe body is a file. {}.", file.meaning);
    }
    if !route.parameters.is_empty() {
        let _ = writeln!(page, "\n| parameter | in | value | |\n| --- | --- | --- | --- |");
        for parameter in route.parameters {
            let place = match parameter.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Body => "body",
            };
            let required = if parameter.is_required { " (required)" } else { "" };
            let _ = writeln!(
                page,
                "| `{}`{required} | {place} | {} | {} |",
                parameter.name,
                shape(parameter),
                parameter.meaning
            );
        }
    }
    let member = |member: Member| {
        let null = if member.may_be_null { ", null" } else { "" };
        let absent = if member.is_always_there { "" } else { ", may be absent" };
        format!("`{}` ({}{null}{absent})", member.name, member.json_type.unwrap_or("any"))
    };
    let members: Vec<String> = route.members().map(member).collect();
    let _ = writeln!(page, "\nAnswer: {}", members.join(", "));
}

fn shape(parameter: &Parameter) -> String {
    let shape = match parameter.shape {
        Shape::Integer(from, i64::MAX) => format!("integer from {from}"),
        Shape::Integer(from, to) => format!("integer, {from} to {to}"),
        Shape::Text => "text".to_owned(),
        Shape::Amount => "decimal as text".to_owned(),
        Shape::Change => "decimal as text, may be negative".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Choice(names) => names.join(", "),
        Shape::Texts => "array of texts".to_owned(),
        Shape::Integers => "array of integers".to_owned(),
        Shape::Objects => "array of objects".to_owned(),
    };
    if parameter.may_be_null { format!("{shape}, null") } else { shape }
}
