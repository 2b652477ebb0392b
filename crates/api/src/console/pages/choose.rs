//! Choosing language and colours: sets a cookie and leads back.

use tollbook_domain::Language;

use crate::console::cookies;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::view::invalid;
use crate::console::visit::{Theme, Visit, text_of};

pub(in crate::console) fn choose(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    if let Some(name) = text_of(visit.query, "language") {
        let language = match name {
            "en" => Language::English,
            "zh" => Language::Chinese,
            _ => return Err(invalid("language", "must be en or zh")),
        };
        let name = if language == Language::English { "en" } else { "zh" };
        visit.cookies.push(cookies::choice(cookies::LANGUAGE, name, visit.is_secure));
    }
    if let Some(name) = text_of(visit.query, "theme") {
        let theme =
            Theme::from_name(name).ok_or_else(|| invalid("theme", "must be system, light or dark"))?;
        visit.cookies.push(cookies::choice(cookies::THEME, theme.name(), visit.is_secure));
    }
    Ok(Reply::Redirect(back(visit).to_owned()))
}

/// Where the person came from, if that is a page of the console.
pub(in crate::console) fn back<'v>(visit: &Visit<'v>) -> &'v str {
    let stated = text_of(visit.form, "back").or_else(|| text_of(visit.query, "back"));
    stated.filter(|path| is_own(path)).unwrap_or_else(|| visit.home())
}

/// Whether a path leads into the console and nowhere else: not to another site, and not out of it again.
fn is_own(path: &str) -> bool {
    let rest = path.strip_prefix("/console").or_else(|| path.strip_prefix("/operator"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !path.contains("..")
        && !path.starts_with("/console/sign-in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_console_are_led_back_to() {
        for (path, is_back) in [
            ("/console", true),
            ("/console?range=7d", true),
            ("/console/orders?ModelIds=a", true),
            ("/operator/companies", true),
            ("/console/../evil", false),
            ("/consoles", false),
            ("//evil.example/console", false),
            ("https://evil.example/console", false),
            ("/console\\evil", false),
            ("/console/\r\nSet-Cookie: a=b", false),
            ("/console/sign-in?back=/console", false),
        ] {
            assert_eq!(is_own(path), is_back, "{path:?}");
        }
    }
}
