//! Cookies of the console.

use axum::http::{HeaderMap, header};

/// Holds the token of the session.
pub(super) const SESSION: &str = "tollbook_session";
/// Holds the chosen language.
pub(super) const LANGUAGE: &str = "tollbook_language";
/// Holds the chosen colours.
pub(super) const THEME: &str = "tollbook_theme";

const YEAR_S: i64 = 365 * 86_400;

/// The value of a cookie; the first if there are several.
pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Sets the session. Scripts cannot read it, and other sites do not send it with their forms.
pub(super) fn session(token: &str, lifetime_s: i64, is_secure: bool) -> String {
    format!("{SESSION}={token}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{}", secure(is_secure))
}

/// Deletes the session.
pub(super) fn no_session(is_secure: bool) -> String {
    session("", 0, is_secure)
}

/// Sets a choice that lasts for a year.
pub(super) fn choice(name: &str, value: &str, is_secure: bool) -> String {
    format!("{name}={value}; Path=/; Max-Age={YEAR_S}; HttpOnly; SameSite=Lax{}", secure(is_secure))
}

const fn secure(is_secure: bool) -> &'static str {
    if is_secure { "; Secure" } else { "" }
}
