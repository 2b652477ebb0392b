//! What to paste into gateways and other programs, so that they report their usage.

/// What stands in place of a key.
pub const PLACEHOLDER: &str = "tbo_…";

/// A program that can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name, which is that of the command.
    pub name: &'static str,
    /// Source of its records; `None` if each record states one.
    pub source: Option<&'static str>,
    text: &'static str,
}

impl Program {
    /// The lines to paste, for a server at a URL and a key of the operator's programs.
    pub fn lines(&self, server: &str, key: Option<&str>) -> String {
        self.text
            .replace("{server}", server.trim_end_matches('/'))
            .replace("{key}", key.unwrap_or(PLACEHOLDER))
    }
}

macro_rules! programs {
    ($($(#[$doc:meta])* $constant:ident $name:literal $source:expr;)*) => {
        $($(#[$doc])* pub const $constant: Program =
            Program { name: $name, source: $source, text: include_str!(concat!($name, ".txt")) };)*

        /// All programs.
        pub const PROGRAMS: &[Program] = &[$($constant),*];
    };
}

programs! {
    /// The `LiteLLM` proxy.
    LITELLM "litellm" Some("litellm");
    /// Programs that send spans or events of `OpenTelemetry`.
    OPENTELEMETRY "opentelemetry" Some("otel");
    /// Kong AI Gateway.
    KONG "kong" None;
    /// Envoy AI Gateway.
    ENVOY_AI_GATEWAY "envoy-ai-gateway" Some("otel");
    /// Bifrost.
    BIFROST "bifrost" Some("otel");
    /// agentgateway.
    AGENTGATEWAY "agentgateway" Some("otel");
    /// new-api and one-api, whose logs are read.
    NEW_API "new-api" Some("new-api");
}
