//! Matchers: which names of models or providers a price applies to, and how closely.

use regex::Regex;

/// A condition on the name of a model or provider. Names are compared without regard to ASCII case, as providers do.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Every name, including the empty one.
    Any,
    /// This name.
    Equals(String),
    /// Names with this prefix.
    StartsWith(String),
    /// Names with this suffix.
    EndsWith(String),
    /// Names that contain this text.
    Contains(String),
    /// Names in which a regular expression has a match.
    Pattern(Regex),
    /// Names that at least one of these matches.
    OneOf(Vec<Matcher>),
    /// Names that all of these match.
    AllOf(Vec<Matcher>),
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) => true,
            (Self::Equals(a), Self::Equals(b))
            | (Self::StartsWith(a), Self::StartsWith(b))
            | (Self::EndsWith(a), Self::EndsWith(b))
            | (Self::Contains(a), Self::Contains(b)) => a == b,
            (Self::Pattern(a), Self::Pattern(b)) => a.as_str() == b.as_str(),
            (Self::OneOf(a), Self::OneOf(b)) | (Self::AllOf(a), Self::AllOf(b)) => a == b,
            (
                Self::Any
                | Self::Equals(_)
                | Self::StartsWith(_)
                | Self::EndsWith(_)
                | Self::Contains(_)
                | Self::Pattern(_)
                | Self::OneOf(_)
                | Self::AllOf(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Matcher {}

/// How closely a matcher describes a name; greater is closer. An entire name is closer than a part, a longer part closer
/// than a shorter one.
pub type Closeness = (u8, usize);

/// Which part of a name a matcher describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamePart {
    /// The entire name.
    Whole,
    /// Its beginning.
    Beginning,
    /// Its end.
    End,
    /// A part of it.
    Part,
    /// What a regular expression finds.
    Pattern,
    /// Nothing: every name matches.
    Any,
}

impl NamePart {
    /// The text form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole name",
            Self::Beginning => "beginning of the name",
            Self::End => "end of the name",
            Self::Part => "part of the name",
            Self::Pattern => "regular expression",
            Self::Any => "any name",
        }
    }
}

/// How a matcher describes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameMatch {
    /// Whether the matcher covers the variant of the name ([`Matcher::model_match`]), or the name has none.
    covers_variant: bool,
    /// How closely it describes the name.
    pub closeness: Closeness,
    /// What of the name it describes.
    pub part: NamePart,
}

impl Matcher {
    /// How closely it describes a name; `None` if it does not match.
    pub fn closeness(&self, name: &str) -> Option<Closeness> {
        self.name_match(&name.to_ascii_lowercase()).map(|found| found.closeness)
    }

    /// How it describes the name of a model; `None` if it does not. A name with a variant, `deepseek-chat:free`, is
    /// another model than the one before the colon: a matcher that ends before the colon does not describe it. Numbers
    /// after a colon are versions, not variants (`…-v2:0`), and `ft:` names a model that was tuned from another.
    pub fn model_match(&self, name: &str) -> Option<NameMatch> {
        self.model_match_of_lower(&name.to_ascii_lowercase())
    }

    /// [`Matcher::model_match`] of a name that is in lower case.
    pub(crate) fn model_match_of_lower(&self, name: &str) -> Option<NameMatch> {
        self.name_match(name).filter(|found| found.covers_variant)
    }

    fn name_match(&self, name: &str) -> Option<NameMatch> {
        let lower = |text: &String| text.to_ascii_lowercase();
        // `rest` is what follows the matched text.
        let found = |rank: u8, text: &String, rest: &str, part: NamePart| {
            let part = if text.len() == name.len() { NamePart::Whole } else { part };
            let covers_variant = !has_variant(rest) || is_tuned(name);
            Some(NameMatch { covers_variant, closeness: (rank, text.len()), part })
        };
        match self {
            Self::Any => Some(NameMatch { covers_variant: true, closeness: (0, 0), part: NamePart::Any }),
            Self::Equals(text) => {
                if name == lower(text) {
                    found(4, text, "", NamePart::Whole)
                } else {
                    None
                }
            }
            Self::StartsWith(text) => found(3, text, name.strip_prefix(&lower(text))?, NamePart::Beginning),
            Self::EndsWith(text) => {
                if name.ends_with(&lower(text)) {
                    found(3, text, "", NamePart::End)
                } else {
                    None
                }
            }
            Self::Contains(text) => {
                let (_, rest) = name.rsplit_once(&lower(text))?;
                found(2, text, rest, NamePart::Part)
            }
            Self::Pattern(pattern) => {
                let first = pattern.find(name)?;
                let after = name.get(first.start()..).unwrap_or_default();
                let covers_variant = !has_variant(after)
                    || is_tuned(name)
                    || pattern.as_str().replace("(?:", "").contains(':');
                Some(NameMatch { covers_variant, closeness: (1, 0), part: NamePart::Pattern })
            }
            Self::OneOf(matchers) => matchers.iter().filter_map(|matcher| matcher.name_match(name)).max(),
            Self::AllOf(matchers) => {
                let all: Option<Vec<NameMatch>> =
                    matchers.iter().map(|matcher| matcher.name_match(name)).collect();
                let all = all?;
                // `any` is no statement about variants beside a matcher that is one.
                let is_any = |found: &NameMatch| found.part == NamePart::Any;
                let covers_variant =
                    all.iter().all(is_any) || all.iter().any(|found| found.covers_variant && !is_any(found));
                let closest = all.into_iter().max_by_key(|found| (found.closeness, found.part))?;
                Some(NameMatch { covers_variant, ..closest })
            }
        }
    }
}

/// Whether a text has a colon that something else than a number follows.
fn has_variant(rest: &str) -> bool {
    let after_colons = rest.split(':').skip(1);
    after_colons.into_iter().any(|part| !part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a name is that of a model tuned from another, `ft:base:organization::id`.
fn is_tuned(name: &str) -> bool {
    name.starts_with("ft:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_another_model_unless_the_matcher_covers_it() {
        // matcher | name | part of the name
        let table = "
            =13:deepseek-chat                    | deepseek-chat             | whole name
            =13:deepseek-chat                    | deepseek-chat:free        | none
            =18:deepseek-chat:free               | DeepSeek-Chat:free        | whole name
            ^13:deepseek-chat                    | deepseek-chat             | whole name
            ^13:deepseek-chat                    | deepseek-chat-v3          | beginning of the name
            ^13:deepseek-chat                    | deepseek-chat:free        | none
            ^13:deepseek-chat                    | deepseek-chat-v3:free     | none
            ^14:deepseek-chat:                   | deepseek-chat:free        | beginning of the name
            ^21:cerebras:gpt-oss-120b            | cerebras:gpt-oss-120b     | whole name
            ^21:cerebras:gpt-oss-120b            | cerebras:gpt-oss-120b:x   | none
            ~13:deepseek-chat                    | a/deepseek-chat:free      | none
            ~13:deepseek-chat                    | a/deepseek-chat-v2:0      | part of the name
            ~17:claude-3-5-sonnet                | arn:aws:bedrock:us::f/a.claude-3-5-sonnet-v2:0 | part of the name
            $5::free                             | deepseek-chat:free        | end of the name
            |2:^13:deepseek-chat$5::free         | deepseek-chat:free        | end of the name
            |2:^13:deepseek-chat=1:x             | deepseek-chat:free        | none
            &2:^13:deepseek-chat~4:free          | deepseek-chat:free        | beginning of the name
            &2:*^13:deepseek-chat                | deepseek-chat:free        | none
            ^7:ft:gpt-                           | ft:gpt-4o:acme::a1        | beginning of the name
            ^6:llama3                            | llama3:8b                 | none
            /15:^deepseek-chat.                  | deepseek-chat:free        | none
            *                                    | deepseek-chat:free        | any name";
        for row in table.lines().filter(|row| row.contains(" | ")) {
            let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
            let matcher = Matcher::from_text(cells[0]).unwrap_or_else(|| panic!("{row}"));
            let found = matcher.model_match(cells[1]);
            assert_eq!(found.map_or("none", |found| found.part.name()), cells[2], "{row}");
        }
        let pattern = Matcher::pattern("^deepseek-chat(?::free)?$").unwrap();
        assert!(pattern.model_match("deepseek-chat:free").is_some());
        let group = Matcher::pattern("^deepseek-chat(?:.*)$").unwrap();
        assert_eq!(group.model_match("deepseek-chat:free"), None);
        assert!(group.model_match("deepseek-chat-2").is_some());
    }
}
