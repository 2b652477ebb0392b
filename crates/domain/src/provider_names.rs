//! Names of providers and models as gateways, client libraries and OpenTelemetry write them, and the names that price lists
//! have for them (docs/PRICES.md, "Names of providers").

use crate::matcher::Matcher;

/// What a price says about its provider.
pub(crate) trait OfProvider {
    /// Name of the provider; empty: any.
    fn provider(&self) -> &str;

    /// Names that usage may have for it.
    fn provider_names(&self) -> Option<&Matcher>;

    /// Models that imply it.
    fn provider_models(&self) -> Option<&Matcher>;
}

/// How a price's provider is the one of a use; the greater is closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderRule {
    /// The price is for any provider.
    Any,
    /// The price's list says that the name is the provider's.
    List,
    /// The name is of a service of the provider, and the price is for all its services.
    Service,
    /// Another name of the provider.
    OtherName,
    /// The same name.
    Same,
    /// The usage names no provider, and its model is the provider's.
    Model,
}

impl ProviderRule {
    /// The rule as text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Any => "any provider",
            Self::List => "the list's names of the provider",
            Self::Service => "a service of the provider",
            Self::OtherName => "another name of the provider",
            Self::Same => "the provider's name",
            Self::Model => "the provider of the model",
        }
    }
}

/// Which form of the model's name a price matches; the greater is closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameForm {
    /// Without what says whose model it is: a provider's name in front, the resource name of a cloud.
    Shortened,
    /// As the usage states it.
    Stated,
}

/// A provider with the names that it has in the field, without their separators.
struct Names {
    names: &'static [&'static str],
    /// A name of the provider whose service this is, if lists may have the prices of both under that name.
    service_of: Option<&'static str>,
}

const fn provider(names: &'static [&'static str]) -> Names {
    Names { names, service_of: None }
}

const fn service(of: &'static str, names: &'static [&'static str]) -> Names {
    Names { names, service_of: Some(of) }
}

/// Names of one provider are aliases. Names of a reseller, or of anything that speaks a provider's protocol, are not: they
/// stand alone here if the name of a published list would catch them. Separators (`-`, `_`, `.`, space) do not count, nor
/// does the kind of call at the end (`openai.chat`).
const PROVIDERS: &[Names] = &[
    provider(&["openai", "textcompletionopenai"]),
    provider(&["anthropic", "anthropictext"]),
    provider(&["bedrock", "awsbedrock", "amazonbedrock", "bedrockconverse", "anthropicbedrock", "aws"]),
    provider(&["azure", "azureopenai", "azureaiopenai", "azaiopenai", "azuretext"]),
    service("azure", &["azureai", "azureaiinference", "azaiinference", "azureaifoundry"]),
    provider(&["google", "gcpgenai"]),
    service(
        "google",
        &["gemini", "gcpgemini", "googlegenai", "googlegenerativeai", "googleaistudio", "googlegla"],
    ),
    service(
        "google",
        &[
            "vertexai",
            "gcpvertexai",
            "googlevertex",
            "googlevertexai",
            "vertex",
            "vertexaibeta",
            "googlecloud",
            "vertexanthropic",
            "googleanthropicvertex",
        ],
    ),
    provider(&["mistral", "mistralai"]),
    provider(&["cohere", "coherechat"]),
    provider(&["xai"]),
    provider(&["together", "togetherai"]),
    provider(&["fireworks", "fireworksai"]),
    provider(&["moonshot", "moonshotai"]),
    provider(&["zhipu", "zhipuai"]),
    provider(&["voyage", "voyageai"]),
    provider(&["novita", "novitaai"]),
    provider(&["perplexity", "perplexityai"]),
    provider(&["cerebras"]),
    provider(&["deepseek"]),
    provider(&["groq"]),
    provider(&["minimax"]),
    provider(&["openrouter"]),
    provider(&["watsonx", "ibmwatsonxai", "watsonxtext"]),
    // The prices of these are their own. Published lists would take them for OpenAI's, Amazon's or Google's.
    provider(&["customopenai"]),
    provider(&["openailike"]),
    provider(&["openaicompatible"]),
    provider(&["aiohttpopenai"]),
    provider(&["sagemaker", "awssagemaker", "amazonsagemaker", "sagemakerchat"]),
    provider(&["zai"]),
];

/// What Vercel's AI SDK and others append to a provider: the kind of call.
const CALLS: [&str; 11] = [
    ".chat",
    ".completion",
    ".completions",
    ".responses",
    ".messages",
    ".embedding",
    ".embeddings",
    ".textembedding",
    ".image",
    ".speech",
    ".transcription",
];

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ' ')
}

/// Whether a name without separators is this one.
fn is_name(stated: &str, name: &str) -> bool {
    stated.chars().filter(|c| !is_separator(*c)).map(|c| c.to_ascii_lowercase()).eq(name.chars())
}

fn names_of(stated: &str) -> Option<&'static Names> {
    PROVIDERS.iter().find(|known| known.names.iter().any(|name| is_name(stated, name)))
}

/// The name without the kind of call.
fn without_call(lower: &str) -> Option<&str> {
    CALLS.iter().find_map(|call| lower.strip_suffix(call)).filter(|name| !name.is_empty())
}

/// Whether two names are names of one provider.
fn is_same_provider(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || names_of(one).is_some_and(|known| known.names.iter().any(|name| is_name(other, name)))
}

/// The provider of a use.
#[derive(Clone)]
enum UseProvider {
    /// None is named.
    Unnamed,
    Named {
        lower: String,
        /// The provider by the table.
        known: Option<&'static Names>,
        /// The provider to which the lists of the book assign a name that nothing else is known of, in lower case.
        listed: Option<String>,
    },
}

impl UseProvider {
    fn new<P: OfProvider>(book: &[P], stated: &str) -> Self {
        if stated.is_empty() {
            return Self::Unnamed;
        }
        let lower = stated.to_ascii_lowercase();
        let known = names_of(&lower).or_else(|| names_of(without_call(&lower)?));
        let is_of_book = || book.iter().any(|price| price.provider().eq_ignore_ascii_case(&lower));
        let listed = if known.is_some() || is_of_book() { None } else { listed_provider(book, &lower) };
        Self::Named { lower, known, listed }
    }

    /// By which rule a price is for this provider; `None` if it is not.
    fn rule(&self, price: &impl OfProvider, lower_id: &str) -> Option<ProviderRule> {
        if price.provider().is_empty() {
            return Some(ProviderRule::Any);
        }
        let Self::Named { lower, known, listed } = self else {
            price.provider_models()?.closeness(lower_id)?;
            return Some(ProviderRule::Model);
        };
        if price.provider().eq_ignore_ascii_case(lower) {
            return Some(ProviderRule::Same);
        }
        if let Some(known) = known {
            if known.names.iter().any(|name| is_name(price.provider(), name)) {
                return Some(ProviderRule::OtherName);
            }
            let of = names_of(known.service_of?)?;
            return of
                .names
                .iter()
                .any(|name| is_name(price.provider(), name))
                .then_some(ProviderRule::Service);
        }
        listed
            .as_ref()
            .is_some_and(|listed| price.provider().eq_ignore_ascii_case(listed))
            .then_some(ProviderRule::List)
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Self::Unnamed => false,
            Self::Named { lower, known, .. } => {
                is_same_provider(lower, name)
                    || known.is_some_and(|known| known.names.iter().any(|of| is_name(name, of)))
            }
        }
    }

    /// Whether the provider is the one with this name in the table, or a service of it.
    fn is_or_serves(&self, name: &str) -> bool {
        match self {
            Self::Named { known: Some(known), .. } => {
                known.names.contains(&name) || known.service_of == Some(name)
            }
            Self::Named { known: None, .. } | Self::Unnamed => false,
        }
    }
}

/// The one provider whose names, by the lists of the book, include this one; `None` if there is none or several.
fn listed_provider<P: OfProvider>(book: &[P], lower: &str) -> Option<String> {
    let mut found: Option<&str> = None;
    for price in book {
        let has_name = |names: &Matcher| names.closeness(lower).is_some();
        let is_new = found.is_none_or(|found| !found.eq_ignore_ascii_case(price.provider()));
        if is_new && price.provider_names().is_some_and(has_name) {
            if found.is_some() {
                return None;
            }
            found = Some(price.provider());
        }
    }
    found.map(str::to_ascii_lowercase)
}

/// A name of the model of a use, with the provider that it is looked up for.
#[derive(Clone)]
pub(crate) struct ModelName {
    provider: UseProvider,
    /// In lower case.
    pub(crate) lower_id: String,
    pub(crate) form: NameForm,
}

impl ModelName {
    /// By which rule a price is for the provider; `None` if it is not.
    pub(crate) fn provider_rule(&self, price: &impl OfProvider) -> Option<ProviderRule> {
        self.provider.rule(price, &self.lower_id)
    }
}

/// The names of provider and model that prices of a use may have, the closest first.
pub(crate) struct ModelNames(Vec<ModelName>);

impl ModelNames {
    pub(crate) fn new<P: OfProvider>(book: &[P], provider: &str, model_id: &str) -> Self {
        let lower_id = model_id.to_ascii_lowercase();
        let provider = UseProvider::new(book, provider);
        let shortened = shortened(book, &provider, &lower_id);
        let stated = ModelName { provider, lower_id, form: NameForm::Stated };
        Self(std::iter::once(stated).chain(shortened).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ModelName> {
        self.0.iter()
    }

    /// The names before the colon, if the model is a variant.
    pub(crate) fn before_variant(&self) -> Option<Self> {
        let before = |name: &ModelName| {
            let (before, _) = name.lower_id.split_once(':')?;
            Some(ModelName { lower_id: before.to_owned(), ..name.clone() })
        };
        let names: Vec<ModelName> = self.0.iter().filter_map(before).collect();
        (!names.is_empty()).then_some(Self(names))
    }
}

/// The name without what says whose model it is.
fn shortened<P: OfProvider>(book: &[P], provider: &UseProvider, lower_id: &str) -> Option<ModelName> {
    let of = |provider: &UseProvider, rest: &str| {
        let lower_id = rest.to_owned();
        (!rest.is_empty()).then(|| ModelName {
            provider: provider.clone(),
            lower_id,
            form: NameForm::Shortened,
        })
    };
    // arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-…
    if provider.is_or_serves("bedrock") && lower_id.starts_with("arn:") {
        let (resource, name) = lower_id.rsplit_once('/')?;
        let named = [":inference-profile", ":foundation-model"].iter().any(|kind| resource.ends_with(kind));
        return if named { of(provider, name) } else { None };
    }
    // models/gemini-…, projects/…/publishers/google/models/gemini-…
    if provider.is_or_serves("google")
        && let Some((resource, name)) = lower_id.rsplit_once("models/")
        && (resource.is_empty() || resource.ends_with('/'))
    {
        return of(provider, name);
    }
    let (prefix, name) = lower_id.split_once('/')?;
    match provider {
        UseProvider::Named { .. } if provider.is(prefix) => of(provider, name),
        UseProvider::Named { .. } => None,
        UseProvider::Unnamed => {
            let is_provider = names_of(prefix).is_some()
                || book
                    .iter()
                    .any(|price| !prefix.is_empty() && price.provider().eq_ignore_ascii_case(prefix));
            if is_provider { of(&UseProvider::new(book, prefix), name) } else { None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Price;
    use crate::price::tests::price;
    use crate::price_explanation::explain;

    /// Which price of a book has a use: its provider, the rule, and the form of the name.
    fn found(book: &[Price], provider: &str, model: &str) -> String {
        let query = crate::price::tests::query("input", 0, 0);
        let candidates = explain(book, provider, model, "CNY", query);
        candidates
            .first()
            .map_or("-".to_owned(), |one| format!("{} {:?} {:?}", one.price.provider, one.provider, one.form))
    }

    fn of(provider: &str, models: Matcher, names: Option<Matcher>) -> Price {
        Price {
            provider: provider.into(),
            provider_names: names,
            models,
            ..price(&format!("of {provider}"), "input", "1")
        }
    }

    fn starts_with(text: &str) -> Matcher {
        Matcher::StartsWith(text.into())
    }

    fn book() -> Vec<Price> {
        let contains = |text: &str| Some(Matcher::Contains(text.into()));
        vec![
            of("anthropic", starts_with("claude"), contains("anthropic")),
            of("aws", Matcher::Contains("anthropic.claude".into()), contains("bedrock")),
            of("azure", starts_with("gpt"), None),
            of("google", starts_with("gemini"), contains("google")),
            of("openai", starts_with("gpt"), contains("openai")),
            of("openrouter", starts_with("openai/gpt"), None),
            of("x-ai", starts_with("grok"), None),
            of("together", starts_with("meta-llama/"), None),
            of("zhipuai", starts_with("glm"), None),
            of("sea", starts_with("fish"), contains("lake")),
            of("ocean", starts_with("fish"), contains("salt")),
        ]
    }

    #[test]
    fn a_provider_has_its_prices_under_its_other_names() {
        // provider | model | provider of the price, rule, form of the name
        let table = "
            openai                 | gpt-4o                      | openai Same Stated
            OpenAI                 | gpt-4o                      | openai Same Stated
            openai.chat            | gpt-4o                      | openai OtherName Stated
            text-completion-openai | gpt-3.5-turbo-instruct      | openai OtherName Stated
            azure.ai.openai        | gpt-4o                      | azure OtherName Stated
            az.ai.openai           | gpt-4o                      | azure OtherName Stated
            azure.ai.inference     | gpt-4o                      | azure Service Stated
            azure_ai               | gpt-4o                      | azure Service Stated
            aws.bedrock            | us.anthropic.claude-x       | aws OtherName Stated
            bedrock_converse       | anthropic.claude-x          | aws OtherName Stated
            Amazon Bedrock         | anthropic.claude-x          | aws OtherName Stated
            bedrock                | claude-x                    | -
            gcp.vertex_ai          | gemini-2                    | google Service Stated
            gcp.gemini             | models/gemini-2             | google Service Shortened
            vertex_ai              | publishers/google/models/gemini-2 | google Service Shortened
            gcp.gen_ai             | gemini-2                    | google OtherName Stated
            google.generative-ai   | gemini-2                    | google Service Stated
            google-gla             | gemini-2                    | google Service Stated
            google-cloud           | gemini-2                    | google Service Stated
            vertex.anthropic.messages | gemini-2                 | google Service Stated
            google_anthropic_vertex | gemini-2                   | google Service Stated
            anthropic_bedrock      | us.anthropic.claude-x       | aws OtherName Stated
            anthropic_bedrock      | claude-x                    | -
            x_ai                   | grok-4                      | x-ai OtherName Stated
            xai                    | grok-4                      | x-ai OtherName Stated
            together_ai            | meta-llama/x                | together OtherName Stated
            togetherai.chat        | meta-llama/x                | together OtherName Stated";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
            assert_eq!(found(&book(), cells[0], cells[1]), cells[2], "{row}");
        }
    }

    #[test]
    fn a_name_in_front_of_the_model_is_not_a_part_of_it() {
        let table = "
            azure      | azure/gpt-4o                                  | azure Same Shortened
            azure      | azure_openai/gpt-4o                           | azure Same Shortened
            azure      | openai/gpt-4o                                 | -
            openrouter | openai/gpt-4o                                 | openrouter Same Stated
            openrouter | openrouter/openai/gpt-4o                      | openrouter Same Shortened
            openrouter | openai/o1                                     | -
                       | openai/gpt-4o                                 | openai Same Shortened
                       | azure.ai.openai/gpt-4o                        | azure OtherName Shortened
                       | acme/gpt-4o                                   | -
            bedrock    | bedrock/eu.anthropic.claude-x                 | aws OtherName Stated
            bedrock    | arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-x | aws OtherName Stated
            bedrock    | arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc | -";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split("| ").map(str::trim).collect();
            assert_eq!(found(&book(), cells[0], cells[1]), cells[2], "{row}");
        }
    }

    #[test]
    fn a_price_of_another_provider_does_not_apply() {
        for (provider, model) in [
            ("custom_openai", "gpt-4o"),
            ("openai_like", "gpt-4o"),
            ("litellm_proxy", "gpt-4o"),
            ("vertex_ai", "gpt-4o"),
            ("openai", "claude-x"),
            ("zai", "glm-4"),
            ("openrouter", "claude-x"),
            ("a salt lake", "fish"),
        ] {
            assert_eq!(found(&book(), provider, model), "-", "{provider} {model}");
        }
        // What nothing is known of is the provider's to which a list assigns the name.
        assert_eq!(found(&book(), "my-openai-proxy", "gpt-4o"), "openai List Stated");
        assert_eq!(found(&book(), "Lake", "fish"), "sea List Stated");
        // The name of a price file is what it says, also if a list would assign it to another provider.
        let own = Price { list: "own".into(), ..of("my-openai-proxy", starts_with("gpt-5"), None) };
        let book = [&[own][..], &book()].concat();
        assert_eq!(found(&book, "my-openai-proxy", "gpt-5"), "my-openai-proxy Same Stated");
        assert_eq!(found(&book, "my-openai-proxy", "gpt-4o"), "-");
    }

    #[test]
    fn the_closest_provider_holds() {
        let mut book = vec![
            of("google", starts_with("gemini"), None),
            of("vertex_ai", starts_with("gemini"), None),
            of("", starts_with("gemini"), None),
        ];
        assert_eq!(found(&book, "vertex_ai", "gemini-2"), "vertex_ai Same Stated");
        assert_eq!(found(&book, "gcp.vertex_ai", "gemini-2"), "vertex_ai OtherName Stated");
        assert_eq!(found(&book, "gemini", "gemini-2"), "google Service Stated");
        book.remove(0);
        assert_eq!(found(&book, "google", "gemini-2"), " Any Stated");
    }

    #[test]
    fn each_name_is_of_one_provider() {
        let mut all: Vec<&str> = PROVIDERS.iter().flat_map(|known| known.names).copied().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        for known in PROVIDERS {
            assert!(known.names.iter().all(|name| !name.contains(is_separator)));
            assert!(known.service_of.is_none_or(|of| names_of(of).is_some()));
        }
    }
}
