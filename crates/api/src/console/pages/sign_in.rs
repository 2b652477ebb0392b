//! Signing in, by password or by a one-time link, and out.

use maud::html;
use tollbook_ops::tenancy::passwords::{MIN_PASSWORD_CHARS, PasswordError};
use tollbook_ops::tenancy::sessions::{self, SESSION_LIFETIME_S};
use tollbook_ops::tenancy::users::UserError;

use super::choose::back;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::Link;
use crate::console::visit::{Visit, text_of};
use crate::console::{cookies, layout};

/// The page for signing in, which leads to another one afterwards.
pub(in crate::console) fn path_with_return(here: &str) -> String {
    Link::to("/console/sign-in").with("back", here).href()
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a handler")]
pub(in crate::console) fn form(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    if visit.user().is_some() {
        return Ok(Reply::Redirect(back(visit).to_owned()));
    }
    Ok(sign_in_page(visit, None))
}

fn sign_in_page(visit: &Visit<'_>, failed: Option<&str>) -> Reply {
    layout::alone(
        visit,
        visit.t(text::SIGN_IN),
        html! {
            @if let Some(failed) = failed { p class="problem" role="alert" { (failed) } }
            form method="post" action="/console/sign-in" {
                input type="hidden" name="back" value=(back(visit));
                label { span { (visit.t(text::EMAIL)) } input type="email" name="email" autocomplete="username" required autofocus value=(text_of(visit.form, "email").unwrap_or_default()); }
                label { span { (visit.t(text::PASSWORD)) } input type="password" name="password" autocomplete="current-password" required; }
                p { button class="primary" { (visit.t(text::SIGN_IN)) } }
            }
            p class="hint" { (visit.t(text::FORGOTTEN)) }
        },
    )
}

pub(in crate::console) fn submit(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    visit.release();
    let email = text_of(visit.form, "email").unwrap_or_default();
    let password = text_of(visit.form, "password").unwrap_or_default();
    let (address, now_s) = (visit.address, visit.now_s);
    if let Some(wait_s) = visit.throttle.wait_s(email, address, now_s) {
        return Err(PageError::Throttled(wait_s));
    }
    let store = visit.service.store();
    let shown = address.to_string();
    // People of another brand's companies do not exist at this host.
    let mut snapshot = store.snapshot_for(visit.caller)?;
    let companies = snapshot.companies()?;
    drop(snapshot);
    let may_enter = |user: &tollbook_domain::User| {
        let company = companies.iter().find(|company| Some(company.company_id) == user.company_id);
        company.map_or_else(
            || user.company_id.is_none() && visit.is_operators_host(),
            |company| visit.is_at_home(company),
        )
    };
    let place = sessions::Place { address: &shown, agent: visit.agent };
    match sessions::sign_in(store, email, password, may_enter, place, now_s) {
        Ok((user, token)) => {
            visit.throttle.succeeded(email);
            tracing::info!(user_id = user.user_id, "signed in");
            visit.cookies.push(cookies::session(&token, SESSION_LIFETIME_S, visit.is_secure));
            Ok(Reply::Redirect(back(visit).to_owned()))
        }
        Err(UserError::WrongPassword) => {
            visit.throttle.failed(email, address, now_s);
            tracing::info!("an attempt to sign in failed");
            Ok(sign_in_page(visit, Some(visit.t(text::WRONG_PASSWORD))))
        }
        Err(error) => Err(error.into()),
    }
}

pub(in crate::console) fn sign_out(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    visit.release();
    let session = visit.session()?;
    sessions::end(visit.service.store(), session.user_id, &session.digest)?;
    visit.cookies.push(cookies::no_session(visit.is_secure));
    Ok(Reply::Redirect("/console/sign-in?notice=signed-out".to_owned()))
}

/// The page behind a one-time link. Opening it changes nothing: programs that look at links must not use them up.
pub(in crate::console) fn invitation(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    invitation_page(visit, None)
}

fn invitation_page(visit: &mut Visit<'_>, problem: Option<&str>) -> Result<Reply, PageError> {
    let token = visit.captured.first().cloned().unwrap_or_default();
    let now_s = visit.now_s;
    let found = sessions::invitation(visit.snapshot()?, &token, now_s);
    let (user, link) = match found {
        Ok(found) => found,
        Err(UserError::Link) => {
            return Ok(layout::alone(
                visit,
                visit.t(text::LINK_ENDED),
                html! {
                    p { (visit.t(text::LINK_ENDED_WHY)) }
                    p { a href="/console/sign-in" { (visit.t(text::SIGN_IN)) } }
                },
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let action = format!("/console/invitation/{token}");
    Ok(layout::alone(
        visit,
        visit.t(text::WELCOME),
        html! {
            @if let Some(problem) = problem { p class="problem" role="alert" { (problem) } }
            @if !link.needs_password {
                form method="post" action=(action) {
                    p { button class="primary" autofocus { (visit.t(text::OPEN_CONSOLE)) } }
                }
                p class="hint" { (visit.t(text::OPEN_CONSOLE_WHY)) }
            }
            form method="post" action=(action) {
                label { span { (visit.t(text::EMAIL)) } input type="email" value=(user.email) autocomplete="username" readonly; }
                label { span { (visit.t(text::NEW_PASSWORD)) } input type="password" name="password" autocomplete="new-password" minlength=(MIN_PASSWORD_CHARS) required; }
                p { button class=(if link.needs_password { "primary" } else { "" }) { (visit.t(text::SET_PASSWORD)) } }
            }
            p class="hint" { (text::PASSWORD_RULE.with(visit.language, &[&MIN_PASSWORD_CHARS.to_string()])) }
        },
    ))
}

pub(in crate::console) fn accept(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    visit.release();
    let token = visit.captured.first().cloned().unwrap_or_default();
    let password = text_of(visit.form, "password");
    let shown = visit.address.to_string();
    let place = sessions::Place { address: &shown, agent: visit.agent };
    let done = sessions::accept_invitation(&visit.acting(), &token, password, place, visit.now_s);
    let problem = match done {
        Ok((user, session)) => {
            tracing::info!(user_id = user.user_id, "signed in by a link");
            visit.cookies.push(cookies::session(&session, SESSION_LIFETIME_S, visit.is_secure));
            return Ok(Reply::Redirect("/console".to_owned()));
        }
        // The page says that the link has ended.
        Err(UserError::Link) => None,
        Err(UserError::Password(PasswordError::TooShort | PasswordError::TooLong)) => {
            Some(text::PASSWORD_RULE.with(visit.language, &[&MIN_PASSWORD_CHARS.to_string()]))
        }
        Err(UserError::Password(_)) => Some(visit.t(text::PASSWORD_GUESSABLE).to_owned()),
        Err(error) => return Err(error.into()),
    };
    invitation_page(visit, problem.as_deref())
}
