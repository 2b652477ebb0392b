//! The browsers that are signed in as the person.

use maud::html;
use tollbook_ops::tenancy::sessions::{self, is_alive};

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::visit::{Visit, text_of};
use crate::console::{forms, layout, tables};

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let (user_id, now_s) = (visit.session()?.user_id, visit.now_s);
    let mut sessions = visit.snapshot()?.user_sessions(user_id)?;
    sessions.retain(|session| is_alive(session, now_s));
    sessions.sort_by_key(|session| std::cmp::Reverse(session.seen_s));
    let (user, own) = (visit.user().ok_or(PageError::SignIn)?, visit.session()?);
    let zone = visit.zone();
    let title = visit.t(text::SESSIONS);
    let content = html! {
        (layout::heading(title, html! { (user.email) " · " (visit.t(text::role(user.role))) }, html! {
            form method="post" action="/console/sessions/end-others" {
                (forms::token_field(visit))
                button { (visit.t(text::END_OTHERS)) }
            }
        }))
        div class="table" tabindex="0" role="region" aria-label=(title) {
            table {
                caption { (visit.t(text::SESSIONS_CAPTION)) }
                thead { tr {
                    th scope="col" { (visit.t(text::BROWSER)) } th scope="col" { (visit.t(text::ADDRESS)) }
                    th scope="col" { (visit.t(text::SIGNED_IN)) } th scope="col" { (visit.t(text::LAST_USED)) } th scope="col" { (visit.t(text::ACTION)) }
                } }
                tbody {
                    @for session in &sessions {
                        tr {
                            th scope="row" class="wrap" { @if session.agent.is_empty() { (visit.t(text::UNKNOWN)) } @else { (session.agent) } }
                            td { (session.address) }
                            td { (tables::time(zone, session.created_s)) }
                            td { (tables::time(zone, session.seen_s)) }
                            td {
                                @if session.digest == own.digest { (visit.t(text::THIS_SESSION)) }
                                @else {
                                    form method="post" action="/console/sessions/end" {
                                        (forms::token_field(visit))
                                        input type="hidden" name="session" value=(hex::encode(session.digest));
                                        button class="quiet" { (visit.t(text::END_SESSION)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(layout::page(visit, "/console/sessions", title, content))
}

pub(in crate::console) fn end(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let digest = text_of(visit.form, "session").and_then(|text| hex::decode(text).ok());
    let digest: [u8; 32] = digest.and_then(|digest| digest.try_into().ok()).ok_or(PageError::NotFound)?;
    visit.release();
    // A session of another person is not found.
    sessions::end(visit.service.store(), visit.session()?.user_id, &digest)?;
    Ok(Reply::Redirect("/console/sessions?notice=session-ended".to_owned()))
}

pub(in crate::console) fn end_others(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    visit.release();
    sessions::end_others(visit.service.store(), visit.session()?)?;
    Ok(Reply::Redirect("/console/sessions?notice=sessions-ended".to_owned()))
}
