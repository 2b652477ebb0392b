//! The mappings that come with the program: one file each in `adapters/`.

/// Name and text of each file in `adapters/`, sorted by name.
///
/// To add an adapter, add `adapters/NAME.toml` and a line here. Comments in the file name its source (`# Source: `) and
/// state how its quantities are made disjoint (`# Disjoint: `); `docs/USAGE_FILES.md`, "Mapping files", has the syntax.
/// A test fails if a file has no line here.
const ADAPTERS: &[(&str, &str)] = &[
    ("anthropic", include_str!("adapters/anthropic.toml")),
    ("anthropic-batch", include_str!("adapters/anthropic-batch.toml")),
    ("anthropic-usage", include_str!("adapters/anthropic-usage.toml")),
    ("azure-llm-2023", include_str!("adapters/azure-llm-2023.toml")),
    ("bedrock", include_str!("adapters/bedrock.toml")),
    ("claude-code", include_str!("adapters/claude-code.toml")),
    ("deepseek", include_str!("adapters/deepseek.toml")),
    ("gemini", include_str!("adapters/gemini.toml")),
    ("kimi", include_str!("adapters/kimi.toml")),
    ("litellm", include_str!("adapters/litellm.toml")),
    ("new-api", include_str!("adapters/new-api.toml")),
    ("one-api", include_str!("adapters/one-api.toml")),
    ("openai", include_str!("adapters/openai.toml")),
    ("openai-batch", include_str!("adapters/openai-batch.toml")),
    ("openai-costs-csv", include_str!("adapters/openai-costs-csv.toml")),
    ("openai-realtime", include_str!("adapters/openai-realtime.toml")),
    ("openai-usage", include_str!("adapters/openai-usage.toml")),
    ("openai-usage-csv", include_str!("adapters/openai-usage-csv.toml")),
    ("openrouter", include_str!("adapters/openrouter.toml")),
    ("openrouter-activity", include_str!("adapters/openrouter-activity.toml")),
    ("otel-genai", include_str!("adapters/otel-genai.toml")),
    ("perplexity", include_str!("adapters/perplexity.toml")),
    ("servegen", include_str!("adapters/servegen.toml")),
    ("xai", include_str!("adapters/xai.toml")),
];

/// Other names of files.
const ALIASES: &[(&str, &str)] = &[("otel", "otel-genai")];

/// The text of a file.
pub(super) fn text(name: &str) -> Option<&'static str> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    ADAPTERS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all files, sorted.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ADAPTERS.iter().map(|(name, _)| *name)
}
