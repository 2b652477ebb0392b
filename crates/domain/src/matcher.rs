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

impl Matcher {
    /// How closely it describes a name; `None` if it does not match.
    pub fn closeness(&self, name: &str) -> Option<Closeness> {
        self.closeness_of_lower(&name.to_ascii_lowercase())
    }

    fn closeness_of_lower(&self, name: &str) -> Option<Closeness> {
        let lower = |text: &String| text.to_ascii_lowercase();
        match self {
            Self::Any => Some((0, 0)),
            Self::Equals(text) => (name == lower(text)).then_some((4, text.len())),
            Self::StartsWith(text) => name.starts_with(&lower(text)).then_some((3, text.len())),
            Self::EndsWith(text) => name.ends_with(&lower(text)).then_some((3, text.len())),
            Self::Contains(text) => name.contains(&lower(text)).then_some((2, text.len())),
            Self::Pattern(pattern) => pattern.is_match(name).then_some((1, 0)),
            Self::OneOf(matchers) => {
                matchers.iter().filter_map(|matcher| matcher.closeness_of_lower(name)).max()
            }
            Self::AllOf(matchers) => {
                let all: Option<Vec<Closeness>> =
                    matchers.iter().map(|matcher| matcher.closeness_of_lower(name)).collect();
                all?.into_iter().max()
            }
        }
    }
}
