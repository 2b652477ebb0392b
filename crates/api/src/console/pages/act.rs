//! The form of an act, what it would do, and what it did.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::console::acts::{self, Act, ActError, After, Done, Field, KEY, Kind};
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text::{self, Text};
use crate::console::view::Link;
use crate::console::visit::{Visit, text_of, texts_of};
use crate::console::{forms, layout, members, tables};
use crate::wire::Request;

/// Rows of changes that are shown.
const SHOWN: usize = 200;

/// The page with the form of an act.
pub(in crate::console) fn href(act: &str, values: &[(&str, &str)]) -> String {
    let link = Link::to(format!("/operator/acts/{act}"));
    values.iter().fold(link, |link, (name, value)| link.with(name, *value)).href()
}

/// A link to the form of an act, for those who may do it.
pub(in crate::console) fn link(visit: &Visit<'_>, act: &str, values: &[(&str, &str)]) -> Markup {
    html! {
        @if visit.may_act() && let Some(known) = acts::find(act) {
            a class="button" href=(href(act, values)) { (visit.t(known.title)) }
        }
    }
}

/// The same in a row of a table.
pub(in crate::console) fn row_link(
    visit: &Visit<'_>,
    act: &str,
    name: Text,
    values: &[(&str, &str)],
) -> Markup {
    html! { @if visit.may_act() { a href=(href(act, values)) { (visit.t(name)) } } }
}

fn act_of(visit: &Visit<'_>) -> Result<&'static Act, PageError> {
    visit.captured.first().and_then(|name| acts::find(name)).ok_or(PageError::NotFound)
}

/// Where a form leads back to.
fn back(act: &Act, given: &Request) -> String {
    match text_of(given, "company").and_then(|text| text.parse::<i64>().ok()) {
        Some(company_id) if act.page == "/operator/companies" => format!("{}/{company_id}", act.page),
        _ => act.page.to_owned(),
    }
}

pub(in crate::console) fn show(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let act = act_of(visit)?;
    for entry in &visit.query.entries {
        let is_known = act.fields.iter().any(|field| field.name == entry.key) || entry.key == "Source";
        if !is_known {
            return Err(PageError::Invalid("the address has a parameter that the form does not have".into()));
        }
    }
    for field in
        act.fields.iter().filter(|field| matches!(field.kind, Kind::SubjectNumber | Kind::SubjectText))
    {
        if field.is_required && text_of(visit.query, field.name).is_none() {
            return Err(PageError::Invalid(format!("{} is missing", field.name)));
        }
    }
    Ok(layout::page(
        visit,
        act.page,
        visit.t(act.title),
        form_page(visit, act, visit.query, &acts::new_key(), None),
    ))
}

pub(in crate::console) fn submit(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let act = act_of(visit)?;
    let done = match acts::run(visit, act) {
        Ok(done) => done,
        Err(ActError::Page(error)) => return Err(error),
        Err(ActError::Refused { status, reason, field }) => {
            let key = text_of(visit.form, KEY).unwrap_or_default();
            let problem = Problem { reason, field };
            let content = form_page(visit, act, visit.form, key, Some(&problem));
            let page = layout::page(visit, act.page, visit.t(act.title), content);
            return Ok(page.with_status(status));
        }
    };
    let back = back(act, visit.form);
    if act.after == After::Page && !done.is_preview {
        return Ok(Reply::Redirect(format!("{back}?notice=done")));
    }
    let title = visit.t(act.title);
    let content = if done.is_preview { preview(visit, act, &done) } else { answer(visit, act, &done, &back) };
    Ok(layout::page(visit, act.page, title, content))
}

/// Why a form is shown again.
struct Problem {
    reason: String,
    field: Option<String>,
}

fn form_page(visit: &Visit<'_>, act: &Act, given: &Request, key: &str, problem: Option<&Problem>) -> Markup {
    let (back, has_file) =
        (back(act, given), act.fields.iter().any(|field| matches!(field.kind, Kind::File)));
    html! {
        (layout::heading(visit.t(act.title), html! { @if let Some(hint) = act.hint { (visit.t(hint)) } }, html! {}))
        @if let Some(problem) = problem {
            p class="problem" role="alert" lang=[visit.language_of_reasons()] { (problem.reason) }
        }
        form class="act" method="post" action=(format!("/operator/acts/{}", act.name)) enctype=[has_file.then_some("multipart/form-data")] {
            (forms::token_field(visit))
            input type="hidden" name=(KEY) value=(key);
            @for field in act.fields { (input(visit, field, given, problem)) }
            div class="bar-actions" {
                button class="primary" { (visit.t(if act.preview == acts::Preview::None { act.title } else { text::PREVIEW })) }
                a href=(back) { (visit.t(text::CANCEL)) }
            }
        }
        (command(visit, act, given, key))
    }
}

fn command(visit: &Visit<'_>, act: &Act, given: &Request, key: &str) -> Markup {
    let command = acts::command_text(act, given, key);
    let command = match acts::file_of(visit) {
        Some((name, _)) => command.replace(" FILE", &format!(" {}", acts::quoted(&name))),
        None => command,
    };
    html! {
        section class="same" {
            h2 { (visit.t(text::THE_COMMAND)) }
            p { (tables::copyable(visit, &command, html! { code class="long" { (command) } })) }
        }
    }
}

fn input(visit: &Visit<'_>, field: &Field, given: &Request, problem: Option<&Problem>) -> Markup {
    let Field { name, kind, is_required, .. } = field;
    let (value, id) = (text_of(given, name).unwrap_or_default(), format!("field-{name}"));
    let label = members::label(visit, name);
    let invalid = problem.is_some_and(|problem| problem.field.as_deref() == Some(*name)).then_some("true");
    let text_input = |kind: &str, mode: Option<&str>| {
        html! { input id=(id) type=(kind) name=(name) value=(value) required[*is_required] inputmode=[mode] maxlength="256" aria-invalid=[invalid] autocomplete="off"; }
    };
    let joined = || texts_of(given, name).collect::<Vec<_>>().join(" ");
    html! {
        @match kind {
            Kind::SubjectNumber | Kind::SubjectText | Kind::VoidedRecord => {
                p class="subject" { span { (label) } " " strong { (value) } @if matches!(kind, Kind::VoidedRecord) && let Some(source) = text_of(given, "Source") { " · " (source) input type="hidden" name="Source" value=(source); } }
                input type="hidden" name=(name) value=(value);
            }
            Kind::Flag => {
                label class="check" { input type="checkbox" name=(name) value="yes" checked[!value.is_empty()]; span { (label) } }
            }
            Kind::Many(names) => {
                fieldset { legend { (label) }
                    @for known in *names { label class="check" { input type="checkbox" name=(name) value=(known) checked[texts_of(given, name).any(|text| text == *known)]; span { (members::label(visit, known)) } } }
                }
            }
            Kind::Choice(names) => {
                label for=(id) { (label) }
                select id=(id) name=(name) required[*is_required] aria-invalid=[invalid] {
                    @if !is_required { option value="" { "–" } }
                    @for known in *names { option value=(known) selected[value == *known] { (members::label(visit, known)) } }
                }
            }
            Kind::Records => { label for=(id) { (label) } textarea id=(id) name=(name) rows="12" required[*is_required] aria-invalid=[invalid] spellcheck="false" { (value) } }
            Kind::Words | Kind::Numbers => {
                label for=(id) { (label) }
                input id=(id) type="text" name=(name) value=(joined()) required[*is_required] aria-invalid=[invalid] autocomplete="off";
            }
            Kind::File => { label for=(id) { (label) } input id=(id) type="file" name=(name) accept=".toml,.json" required[*is_required] aria-invalid=[invalid]; }
            Kind::Day => { label for=(id) { (label) " · 00:00 " (visit.zone().name()) } (text_input("date", None)) }
            Kind::Number => { label for=(id) { (label) } (text_input("text", Some("numeric"))) }
            Kind::Amount => { label for=(id) { (label) } (text_input("text", Some("decimal"))) }
            Kind::Text => { label for=(id) { (label) } (text_input("text", None)) }
        }
    }
}

/// What would be done, with a form that does it.
fn preview(visit: &Visit<'_>, act: &Act, done: &Done) -> Markup {
    let form = visit.form;
    let names = || {
        act.fields
            .iter()
            .filter(|field| !matches!(field.kind, Kind::File))
            .map(|field| field.name)
            .chain(["Source"])
    };
    let file = acts::file_of(visit);
    html! {
        (layout::heading(visit.t(act.title), html! { (visit.t(text::PREVIEW_WHY)) }, html! {}))
        (members::answer(visit, &shown(&done.answer)))
        @if let Some(more) = cut(&done.answer) { p class="hint" { (text::CHANGES_CUT.with(visit.language, &[&SHOWN.to_string(), &more.to_string()])) } }
        form class="confirm" method="post" action=(format!("/operator/acts/{}", act.name)) enctype=[file.is_some().then_some("multipart/form-data")] {
            (forms::token_field(visit))
            input type="hidden" name=(KEY) value=(text_of(form, KEY).unwrap_or_default());
            input type="hidden" name="confirmed" value="yes";
            @for name in names() { @for value in texts_of(form, name) { input type="hidden" name=(name) value=(value); } }
            @if let Some((name, bytes)) = &file { @for (name, value) in acts::file_fields(name, bytes) { input type="hidden" name=(name) value=(value); } }
            div class="bar-actions" {
                button class="primary" { (visit.t(text::APPLY)) }
                a href=(back(act, form)) { (visit.t(text::CANCEL)) }
            }
        }
        (command(visit, act, form, text_of(form, KEY).unwrap_or_default()))
    }
}

fn answer(visit: &Visit<'_>, act: &Act, done: &Done, back: &str) -> Markup {
    let answer = shown(&done.answer);
    let has_secret = ["PrivateKey", "Link"].iter().any(|name| answer.get(name).is_some());
    let told = if done.answer["Repeated"] == json!(true) { text::DONE_BEFORE } else { text::DONE };
    html! {
        (layout::heading(visit.t(act.title), html! {}, html! {}))
        p class="notice" role="status" { (visit.t(told)) @if has_secret { " " (visit.t(text::COPY_NOW)) } }
        div class=[has_secret.then_some("secrets")] { (members::answer(visit, &answer)) }
        p { a class="button" href=(back) { (visit.t(text::BACK)) } }
    }
}

/// Changes of prices that are not shown; `None` if all are.
fn cut(answer: &Value) -> Option<usize> {
    answer["Changes"].as_array().map(Vec::len).filter(|all| *all > SHOWN)
}

/// The answer with the changes of prices as rows.
fn shown(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let Some(changes) = answer["Changes"].as_array() else {
        if let Some(members) = answer.as_object_mut() {
            members.remove("Changes");
        }
        return answer;
    };
    let rows = changes.iter().take(SHOWN).map(|change| {
        let (before, after) = (&change["Before"], &change["After"]);
        json!({
            "Provider": after["Provider"], "ModelID": after["ModelID"], "PricingSKU": after["PricingSKU"],
            "Before": before["ListPrice"], "After": after["ListPrice"], "Currency": after["Currency"],
            "ValidFrom": after["ValidFrom"],
        })
    });
    answer["Changes"] = rows.collect();
    answer
}

impl Reply {
    /// The page with another status.
    fn with_status(self, status: StatusCode) -> Self {
        match self {
            Self::Page(page) => Self::Refused(status, page),
            other => other,
        }
    }
}
