//! A browser of the console without scripts: keeps the cookie of its session, and sends forms as the pages state them.

use std::sync::Arc;

use tollbook_domain::Role;
use tollbook_domain::tenant::{Company, Organization};
use tollbook_ops::Clock as _;
use tollbook_ops::tenancy::users::{self, Invite, invitation_path};

use super::client::{Http, Pairs, Reply, encode, pairs};
use super::server::Server;

pub(crate) const PASSWORD: &str = "a sentence that is long";

/// A browser at a server, signed in or not.
pub(crate) struct Browser {
    server: Arc<Server>,
    cookie: String,
    language: &'static str,
}

impl Browser {
    /// A browser that is not signed in.
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), cookie: String::new(), language: "en" }
    }

    /// With another preferred language.
    pub(crate) fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// A browser in which a new user of a company has used a link.
    pub(crate) fn of_user(server: &Arc<Server>, invite: &Invite) -> Self {
        Self::signed_in(server, invite)
    }

    /// The same for one of the operator's own people, whom the console leads to the operator's desk.
    pub(crate) fn of_operator(server: &Arc<Server>, invite: &Invite) -> Self {
        let browser = Self::signed_in(server, invite);
        assert_eq!(browser.get("/console").header("location"), Some("/operator"));
        browser
    }

    fn signed_in(server: &Arc<Server>, invite: &Invite) -> Self {
        let path = link(server, invite);
        let mut browser = Self::new(server);
        let reply = browser.post_as_is(&path, &pairs(&format!("password={}", PASSWORD.replace(' ', "+"))));
        assert_eq!((reply.status, reply.header("location")), (303, Some("/console")), "{}", reply.text());
        browser.keep_cookie(&reply);
        browser
    }

    pub(crate) fn keep_cookie(&mut self, reply: &Reply) {
        let set = reply.header("set-cookie").unwrap();
        set.split(';').next().unwrap().clone_into(&mut self.cookie);
    }

    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    fn request(&self, http: Http) -> Http {
        let http = http.header("Accept-Language", self.language);
        if self.cookie.is_empty() { http } else { http.header("Cookie", &self.cookie) }
    }

    pub(crate) fn send(&self, http: Http) -> Reply {
        self.request(http).send(self.server.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(Http::new("GET", path))
    }

    /// A page that must be there.
    pub(crate) fn page(&self, path: &str) -> String {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.text().to_owned()
    }

    /// Sends a form from a page of the console, without adding anything.
    pub(crate) fn post_as_is(&self, path: &str, form: &[(String, String)]) -> Reply {
        self.send(Http::form(form).at(path).header("Sec-Fetch-Site", "same-origin"))
    }

    /// Sends a form with the token that the forms of a page have.
    pub(crate) fn post(&self, page: &str, path: &str, form: &str) -> Reply {
        let mut form = pairs(form);
        form.push(("token".to_owned(), hidden(&self.page(page), "token").unwrap()));
        self.post_as_is(path, &form)
    }
}

/// A one-time link for a new user, or for one who exists.
pub(crate) fn link(server: &Server, invite: &Invite) -> String {
    let invited = users::invite(&*server.store, invite, 3_600, server.clock.now_s()).unwrap();
    invitation_path(&invited.token)
}

/// Whom to invite to a company.
pub(crate) fn invite(email: &str, company: &Company, role: Role) -> Invite {
    Invite {
        email: email.to_owned(),
        company_id: Some(company.company_id),
        organization_ids: Vec::new(),
        role,
    }
}

/// The same, bound to an organization.
pub(crate) fn bound(invite: Invite, organization: &Organization) -> Invite {
    Invite { organization_ids: vec![organization.organization_id], ..invite }
}

/// The value of the first hidden field of a name.
pub(crate) fn hidden(page: &str, name: &str) -> Option<String> {
    let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    let rest = page.split_once(&field)?.1;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The text of the element with an id, without markup.
pub(crate) fn text_of(page: &str, id: &str) -> String {
    let rest = page.split_once(&format!("id=\"{id}\"")).unwrap().1;
    let end = rest.split_once("</dd>").unwrap().0;
    let inner = end.split_once('>').unwrap().1;
    plain(inner)
}

/// A piece of markup without its tags.
pub(crate) fn plain(markup: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for character in markup.chars() {
        match character {
            '<' => is_tag = true,
            '>' => is_tag = false,
            other if !is_tag => text.push(other),
            _ => {}
        }
    }
    text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
}

/// The links of an attribute in a page.
pub(crate) fn links(page: &str, class: &str) -> Vec<(String, String)> {
    page.split(&format!("<a class=\"{class}\" href=\""))
        .skip(1)
        .map(|rest| {
            let (href, rest) = rest.split_once("\">").unwrap();
            (href.replace("&amp;", "&"), plain(rest.split_once("</a>").unwrap().0))
        })
        .collect()
}

/// A query of pairs behind a path.
pub(crate) fn with_query(path: &str, query: &Pairs) -> String {
    format!("{path}?{}", encode(query))
}
