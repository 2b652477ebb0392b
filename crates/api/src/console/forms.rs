//! Forms: they must come from a page of the console, and some may be sent once only.

use axum::http::{HeaderMap, header};
use maud::{Markup, html};
use subtle::ConstantTimeEq as _;
use tollbook_ops::tenancy::sessions;

use super::error::PageError;
use super::visit::{Visit, text_of};

/// The field with the token of the session's forms.
const TOKEN: &str = "token";
/// The field with the number of a form that may be sent once.
const ONCE: &str = "once";

/// Refuses a form that a page of another site sent. Browsers say where a request comes from in `Sec-Fetch-Site`, older ones
/// in `Origin`; a request that says neither is refused.
pub(super) fn check_origin(headers: &HeaderMap, host: Option<&str>) -> Result<(), PageError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let of_origin = origin.split_once("://").map(|(_, rest)| rest);
            of_origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
        }
        (None, None) => false,
    };
    if is_own { Ok(()) } else { Err(PageError::ForeignForm) }
}

/// Refuses a form without the token of the session.
pub(super) fn check_token(visit: &Visit<'_>, token: &str) -> Result<(), PageError> {
    let sent = text_of(visit.form, TOKEN).unwrap_or_default();
    if bool::from(sent.as_bytes().ct_eq(token.as_bytes())) { Ok(()) } else { Err(PageError::ForeignForm) }
}

/// The hidden field that every form of a signed-in person has.
pub(super) fn token_field(visit: &Visit<'_>) -> Markup {
    html! {
        @if let Some(token) = visit.form_token() { input type="hidden" name=(TOKEN) value=(token); }
    }
}

/// The hidden fields of a form that may be sent once.
pub(super) fn once_fields(visit: &Visit<'_>) -> Markup {
    let number = visit.session().map_or(0, |session| session.form_no);
    html! {
        (token_field(visit))
        input type="hidden" name=(ONCE) value=(number);
    }
}

/// Refuses a form that may be sent once and was sent before. The number is taken before the act, so that the act happens at
/// most once.
pub(super) fn take_once(visit: &mut Visit<'_>) -> Result<(), PageError> {
    let number = text_of(visit.form, ONCE).and_then(|number| number.parse().ok());
    let number: i64 = number.ok_or(PageError::RepeatedForm)?;
    visit.release();
    let session = visit.session()?;
    if sessions::take_form(visit.service.store(), session, number)? {
        Ok(())
    } else {
        Err(PageError::RepeatedForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_refused() {
        let table = [
            // Sec-Fetch-Site, Origin, whether it is accepted at bill.example
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("null"), true),
            (Some("same-site"), Some("https://bill.example"), false),
            (Some("cross-site"), None, false),
            (Some("none"), None, false),
            (None, Some("https://bill.example"), true),
            (None, Some("https://BILL.example"), true),
            (None, Some("https://bill.example.evil.example"), false),
            (None, Some("null"), false),
            (None, None, false),
        ];
        for (site, origin, is_accepted) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(
                check_origin(&headers, Some("bill.example")).is_ok(),
                is_accepted,
                "{site:?} {origin:?}"
            );
        }
    }
}
