//! The mappings that come with the program: one file each in `adapters/`.

/// Name and text of each file in `adapters/`, sorted by name.
///
/// To add an adapter, add `adapters/NAME.toml` and a line here. Comments in the file name its source (`# Source: `) and
/// state how its quantities are made disjoint (`# Disjoint: `); `docs/USAGE_FILES.md`, "Mapping files", has the syntax.
/// A test fails if a file has no line here.
const ADAPTERS: &[(&str, &str)] = &[
    ("anthropic", include_str!("adapters/anthropic.toml")),
    ("azure-llm-2023", include_str!("adapters/azure-llm-2023.toml")),
    ("litellm", include_str!("adapters/litellm.toml")),
    ("openai", include_str!("adapters/openai.toml")),
    ("otel-genai", include_str!("adapters/otel-genai.toml")),
    ("servegen", include_str!("adapters/servegen.toml")),
];

/// The text of a file.
pub(super) fn text(name: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all files, sorted.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ADAPTERS.iter().map(|(name, _)| *name)
}
