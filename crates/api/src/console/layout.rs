//! The frame of all pages: head, navigation, notices, and the pages that say that something is not possible.

use maud::{DOCTYPE, Markup, html};
use tollbook_domain::tenant::Permission;
use tollbook_domain::{Language, User};

use super::error::PageError;
use super::need::Need;
use super::reply::Reply;
use super::text::{self, Text};
use super::view::Link;
use super::visit::{Theme, Visit, text_of};
use super::{assets, forms};

/// An entry of the navigation, which is shown to those who have what its page needs.
struct Entry {
    path: &'static str,
    name: Text,
    need: Need,
}

const READ: Need = Need::Allowed(Permission::Read);

/// The entries of the navigation, in groups.
const NAVIGATION: [&[Entry]; 4] = [
    &[
        Entry { path: "/console", name: text::OVERVIEW, need: READ },
        Entry { path: "/console/explore", name: text::EXPLORE, need: READ },
    ],
    &[
        Entry { path: "/console/orders", name: text::ORDERS, need: READ },
        Entry { path: "/console/summary", name: text::SUMMARY, need: READ },
        Entry { path: "/console/arrears", name: text::ARREARS, need: READ },
    ],
    &[
        Entry { path: "/console/accounts", name: text::ACCOUNTS, need: Need::WholeCompany },
        Entry { path: "/console/statement", name: text::STATEMENT, need: READ },
        Entry { path: "/console/exports", name: text::EXPORTS, need: Need::Allowed(Permission::Export) },
    ],
    &[
        Entry { path: "/console/keys", name: text::KEYS, need: Need::Keys },
        Entry { path: "/console/webhooks", name: text::WEBHOOKS, need: Need::Keys },
        Entry { path: "/console/sessions", name: text::SESSIONS, need: Need::Person },
    ],
];

/// Those of the operator's desk.
const OPERATOR_NAVIGATION: [&[Entry]; 3] = [
    &[
        Entry { path: "/operator", name: text::HOME, need: Need::Operator },
        Entry { path: "/operator/companies", name: text::COMPANIES, need: Need::Operator },
        Entry { path: "/operator/prices", name: text::PRICES, need: Need::Operator },
        Entry { path: "/operator/usage", name: text::USAGE, need: Need::Operator },
    ],
    &[
        Entry { path: "/operator/connect", name: text::CONNECT, need: Need::Operator },
        Entry { path: "/operator/audit", name: text::AUDIT, need: Need::Operator },
        Entry { path: "/operator/settings", name: text::SETTINGS, need: Need::Operator },
    ],
    &[Entry { path: "/console/sessions", name: text::SESSIONS, need: Need::Person }],
];

/// What a page says after a form was sent; `notice` of the URL names it.
const NOTICES: [(&str, Text); 10] = [
    ("paid", text::NOTICE_PAID),
    ("export", text::NOTICE_EXPORT),
    ("key-changed", text::NOTICE_KEY_CHANGED),
    ("done", text::NOTICE_DONE),
    ("endpoint-changed", text::NOTICE_ENDPOINT),
    ("replayed", text::NOTICE_REPLAYED),
    ("session-ended", text::NOTICE_SESSION_ENDED),
    ("sessions-ended", text::NOTICE_SESSIONS_ENDED),
    ("signed-out", text::NOTICE_SIGNED_OUT),
    ("nothing-chosen", text::NOTICE_NOTHING_CHOSEN),
];

/// A page of the console. `active` is the path of its entry in the navigation.
pub(super) fn page(visit: &Visit<'_>, active: &str, title: &str, content: Markup) -> Reply {
    Reply::Page(framed(visit, active, title, content))
}

fn framed(visit: &Visit<'_>, active: &str, title: &str, content: Markup) -> Markup {
    document(
        visit,
        title,
        html! {
            a class="skip" href="#content" { (visit.t(text::SKIP)) }
            @if let Some(user) = visit.user() { (sidebar(visit, user, active)) }
            main id="content" class=(if visit.user().is_some() { "console" } else { "alone" }) {
                (notice(visit))
                (content)
            }
        },
    )
}

fn document(visit: &Visit<'_>, title: &str, body: Markup) -> Markup {
    let language = match visit.language {
        Language::English => "en",
        Language::Chinese => "zh-CN",
    };
    html! {
        (DOCTYPE)
        html lang=(language) data-theme=(visit.theme.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content=(match visit.theme { Theme::System => "light dark", Theme::Light => "light", Theme::Dark => "dark" });
                title { (title) " · " (visit.display().provider) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::STYLE.path);
                script src=(assets::SCRIPT.path) defer {}
            }
            body { (body) }
        }
    }
}

fn sidebar(visit: &Visit<'_>, user: &User, active: &str) -> Markup {
    let navigation: &[&[Entry]] =
        if visit.operator.get().is_some() { &OPERATOR_NAVIGATION } else { &NAVIGATION };
    html! {
        header class="side" {
            a class="home" href=(visit.home()) {
                @match visit.signed_in() {
                    Some(person) => { strong { (person.company.name) } span { (visit.display().provider) " · " (person.company.currency) } },
                    None => { strong { (visit.display().provider) } span { (visit.t(text::role(user.role))) } },
                }
            }
            nav aria-label=(visit.t(text::NAVIGATION)) {
                @for group in navigation {
                    ul {
                        @for entry in group.iter().filter(|entry| entry.need.is_met(visit).is_ok()) {
                            li { a href=(entry.path) aria-current=[(entry.path == active).then_some("page")] { (visit.t(entry.name)) } }
                        }
                    }
                }
            }
            div class="me" {
                span class="email" title=(user.email) { (user.email) }
                (choices(visit))
                form method="post" action="/console/sign-out" {
                    (forms::token_field(visit))
                    button class="quiet" { (visit.t(text::SIGN_OUT)) }
                }
            }
        }
    }
}

/// The switches of language and colours.
fn choices(visit: &Visit<'_>) -> Markup {
    let choose = |what: &str, value: &str| {
        Link::to("/console/choose").with(what, value).with("back", visit.here).href()
    };
    let (language, other) = match visit.language {
        Language::English => ("zh", "中文"),
        Language::Chinese => ("en", "English"),
    };
    let (theme, shown) = match visit.theme {
        Theme::System => (Theme::Dark, text::THEME_SYSTEM),
        Theme::Dark => (Theme::Light, text::THEME_DARK),
        Theme::Light => (Theme::System, text::THEME_LIGHT),
    };
    html! {
        span class="choices" {
            a href=(choose("language", language)) lang=(if language == "zh" { "zh-CN" } else { "en" }) { (other) }
            a href=(choose("theme", theme.name())) { (visit.t(shown)) }
        }
    }
}

fn notice(visit: &Visit<'_>) -> Markup {
    let told = text_of(visit.query, "notice");
    let found = NOTICES.iter().find(|(name, _)| Some(*name) == told);
    html! { @if let Some((_, text)) = found { p class="notice" role="status" { (visit.t(*text)) } } }
}

/// The heading of a page, with what it shows below, and actions beside it.
pub(super) fn heading(title: &str, below: Markup, actions: Markup) -> Markup {
    html! {
        div class="heading" {
            div { h1 { (title) } p class="below" { (below) } }
            div class="actions" { (actions) }
        }
    }
}

/// The command that does what the part above it shows.
pub(super) fn command(visit: &Visit<'_>, command: &str) -> Markup {
    html! { p class="hint" { (visit.t(text::THE_COMMAND)) ": " code { (command) } } }
}

/// A page for people who are not signed in.
pub(super) fn alone(visit: &Visit<'_>, title: &str, content: Markup) -> Reply {
    Reply::Page(framed(
        visit,
        "",
        title,
        html! {
            div class="card" {
                p class="brand" { (visit.display().provider) }
                h1 { (title) }
                (content)
                (choices(visit))
            }
        },
    ))
}

/// A page that says why another one is not shown.
pub(super) fn error_page(visit: &Visit<'_>, error: &PageError) -> Markup {
    let (title, why) = error.texts();
    let why = match error {
        PageError::Throttled(wait_s) => {
            why.with(visit.language, &[&(wait_s + 59).div_euclid(60).to_string()])
        }
        _ => visit.t(why).to_owned(),
    };
    framed(
        visit,
        "",
        visit.t(title),
        html! {
            div class="failure" {
                p class="code" { (error.status().as_u16()) }
                h1 { (visit.t(title)) }
                p { (why) }
                @if let PageError::Invalid(reason) = error { p class="reason" lang=[visit.language_of_reasons()] { (reason) } }
                p { a href=(visit.home()) { (visit.t(text::BACK_HOME)) } }
            }
        },
    )
}

/// What a table without rows says.
pub(super) fn nothing(visit: &Visit<'_>, what: Text) -> Markup {
    html! { p class="nothing" { (visit.t(what)) } }
}
