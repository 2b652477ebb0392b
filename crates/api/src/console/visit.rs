//! One request of the console: who asks, in which language, and with which snapshot.

use std::net::IpAddr;
use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_domain::{Language, Role, User};
use tollbook_export::Zone;
use tollbook_export::presentation::{DisplaySettings, Presentation};
use tollbook_ops::Brand;
use tollbook_ops::audit::ActingStore;
use tollbook_ops::tenancy::sessions;
use tollbook_store::{Actor, ActorKind, Snapshot, UserSession};

use super::error::PageError;
use super::text::Text;
use super::throttle::Throttle;
use super::upload::Upload;
use crate::actions::{AuthorizedSnapshot, Call};
use crate::parameters::Parameters;
use crate::service::Service;
use crate::wire::{ParameterValue, RawParameter, Request};

/// The colours of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// Those that the system prefers.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// A signed-in person of a company.
pub(super) struct Person {
    pub(super) user: User,
    pub(super) session: UserSession,
    /// The rights of the user, as those of a key.
    pub(super) key: ApiKey,
    pub(super) company: Company,
    pub(super) brand: Brand,
    /// What forms of the session must have; other sites cannot know it.
    pub(super) form_token: String,
}

/// One of the operator's own people who is signed in.
pub(super) struct Operator {
    pub(super) user: User,
    pub(super) session: UserSession,
    pub(super) form_token: String,
}

/// A request of the console.
pub(super) struct Visit<'a> {
    pub(super) service: &'a Service,
    pub(super) throttle: &'a Throttle,
    pub(super) language: Language,
    pub(super) theme: Theme,
    /// Path and query, as a link back to this page.
    pub(super) here: &'a str,
    /// The parts of the path that the route leaves open.
    pub(super) captured: Vec<String>,
    /// The parameters of the URL.
    pub(super) query: &'a Request,
    /// The file that was sent with the form.
    pub(super) upload: Option<&'a Upload>,
    /// The fields of the form; none unless it is a POST.
    pub(super) form: &'a Request,
    pub(super) host: Option<&'a str>,
    pub(super) address: IpAddr,
    pub(super) agent: &'a str,
    pub(super) is_secure: bool,
    pub(super) now_s: i64,
    pub(super) caller: &'a CancellationToken,
    /// The token of the session's cookie.
    pub(super) session_token: Option<&'a str>,
    pub(super) person: OnceLock<Person>,
    pub(super) operator: OnceLock<Operator>,
    pub(super) snapshot: Option<Box<dyn Snapshot>>,
    /// Values of `Set-Cookie`.
    pub(super) cookies: Vec<String>,
}

impl Visit<'_> {
    /// A text in the language of the person.
    pub(super) fn t(&self, text: Text) -> &'static str {
        text.of(self.language)
    }

    /// The language of reasons that name a parameter, if it is not that of the page.
    pub(super) fn language_of_reasons(&self) -> Option<&'static str> {
        (self.language != Language::English).then_some("en")
    }

    /// The person, if someone is signed in.
    pub(super) fn signed_in(&self) -> Option<&Person> {
        self.person.get()
    }

    /// The person of a route that needs one.
    pub(super) fn person(&self) -> Result<&Person, PageError> {
        self.signed_in().ok_or(PageError::SignIn)
    }

    /// Looks the session up.
    pub(super) fn authenticate(&mut self) -> Result<(), PageError> {
        let mut snapshot = self.service.store().snapshot_for(self.caller)?;
        if let Some(token) = self.session_token
            && let Some((user, session)) = sessions::session(snapshot.as_mut(), token, self.now_s)?
        {
            let form_token = super::form_token::token_of(token);
            if let Some(key) = user.as_key() {
                if let Some(company) = snapshot.company(key.company_id)?
                    && self.is_at_home(&company)
                {
                    let brand = self.service.brand_of(&company).clone();
                    let _ = self.person.set(Person { user, session, key, company, brand, form_token });
                }
            } else if self.is_operators_host() {
                let _ = self.operator.set(Operator { user, session, form_token });
            }
        }
        self.snapshot = Some(snapshot);
        Ok(())
    }

    /// Whether people of a company may sign in at this host: not at that of another brand.
    pub(super) fn is_at_home(&self, company: &Company) -> bool {
        let brand = self.service.brand_of(company);
        let at = self.host.and_then(|host| self.service.config().brand_of_host(host));
        at.is_none_or(|at| at.name == brand.name)
    }

    /// Whether the operator's own people may sign in at this host: not at that of a brand for customers.
    pub(super) fn is_operators_host(&self) -> bool {
        let config = self.service.config();
        let at = self.host.and_then(|host| config.brand_of_host(host));
        at.is_none_or(|at| at.name == config.default_brand().name)
    }

    /// The user who is signed in, of a company or of the operator.
    pub(super) fn user(&self) -> Option<&User> {
        let of_operator = || self.operator.get().map(|operator| &operator.user);
        self.person.get().map(|person| &person.user).or_else(of_operator)
    }

    /// The session of that user.
    pub(super) fn session(&self) -> Result<&UserSession, PageError> {
        let of_operator = || self.operator.get().map(|operator| &operator.session);
        self.person.get().map(|person| &person.session).or_else(of_operator).ok_or(PageError::SignIn)
    }

    /// What forms of that session must have.
    pub(super) fn form_token(&self) -> Option<&str> {
        let of_operator = || self.operator.get().map(|operator| operator.form_token.as_str());
        self.person.get().map(|person| person.form_token.as_str()).or_else(of_operator)
    }

    /// The first page of the user.
    pub(super) fn home(&self) -> &'static str {
        if self.operator.get().is_some() { "/operator" } else { "/console" }
    }

    /// The brand of this host, or of the person.
    pub(super) fn brand(&self) -> &Brand {
        if let Some(person) = self.signed_in() {
            return &person.brand;
        }
        let config = self.service.config();
        self.host.and_then(|host| config.brand_of_host(host)).unwrap_or_else(|| config.default_brand())
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.brand().time_zone
    }

    /// Display settings of the brand, in the language of the person.
    pub(super) fn display(&self) -> DisplaySettings {
        DisplaySettings { language: self.language, ..self.brand().display() }
    }

    /// Whether the person does what the operator's commands do.
    pub(super) fn may_act(&self) -> bool {
        self.operator.get().is_some_and(|operator| operator.user.role == Role::Operator)
    }

    /// The store as the person of the session uses it, who is in the audit log with what is done.
    pub(super) fn acting(&self) -> ActingStore {
        self.service.acting(self.actor())
    }

    /// The person of the session, as the audit log has it.
    pub(super) fn actor(&self) -> Actor {
        let user = self.person.get().map(|person| &person.user);
        let user = user.or_else(|| self.operator.get().map(|operator| &operator.user));
        let name = user.map_or("not signed in", |user| user.email.as_str());
        Actor::new(ActorKind::User, name, self.address.to_string())
    }

    /// The snapshot of the request, for what must be of the primary.
    pub(super) fn snapshot(&mut self) -> Result<&mut dyn Snapshot, PageError> {
        if self.snapshot.is_none() {
            self.snapshot = Some(self.service.store().snapshot_for(self.caller)?);
        }
        match &mut self.snapshot {
            Some(snapshot) => Ok(snapshot.as_mut()),
            None => Err(PageError::Internal),
        }
    }

    /// Drops the snapshot: a transaction takes a connection of its own, and requests that each held one while they wait for
    /// another would block each other.
    pub(super) fn release(&mut self) {
        self.snapshot = None;
    }

    fn taken(&mut self) -> Result<Box<dyn Snapshot>, PageError> {
        match self.snapshot.take() {
            Some(snapshot) => Ok(snapshot),
            None => Ok(self.service.store().snapshot_for(self.caller)?),
        }
    }

    /// A checked call of the API with the rights of the person, which reads from the snapshot of this request.
    pub(super) fn call<'c>(&'c mut self, request: &'c Request) -> Result<Call<'c>, PageError> {
        let snapshot = self.taken()?;
        let person = self.person()?;
        Ok(Call {
            service: self.service,
            parameters: Parameters::new(request),
            key: &person.key,
            company: &person.company,
            brand: &person.brand,
            host: self.host,
            address: Some(self.address),
            snapshot: AuthorizedSnapshot { store: self.service.store(), caller: self.caller, snapshot },
            now_s: self.now_s,
        })
    }

    /// The display texts of the person's company.
    pub(super) fn presentation(&self, snapshot: &mut dyn Snapshot) -> Result<Presentation, PageError> {
        let person = self.person()?;
        Ok(Presentation::read(snapshot, &person.company, &self.display(), self.service.catalogue())?)
    }
}

/// The value of a parameter, the first that is not empty.
pub(super) fn text_of<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    texts_of(request, name).find(|value| !value.is_empty())
}

/// All values of a parameter.
pub(super) fn texts_of<'r>(request: &'r Request, name: &str) -> impl Iterator<Item = &'r str> {
    request.entries.iter().filter(move |entry| entry.key == name).filter_map(|entry| match &entry.value {
        ParameterValue::String(text) => Some(text.as_str()),
        _ => None,
    })
}

/// A request of these parameters.
pub(super) fn request_of(pairs: impl IntoIterator<Item = (String, String)>) -> Request {
    let entries =
        pairs.into_iter().map(|(key, value)| RawParameter { key, value: ParameterValue::String(value) });
    Request { entries: entries.collect() }
}
