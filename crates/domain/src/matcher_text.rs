//! Text form of matchers, for the store: each matcher has exactly one text, and no two have the same.

use std::fmt;

use regex::RegexBuilder;

use crate::matcher::Matcher;

/// Deepest nesting of lists that is parsed. Practice needs far less, and the limit bounds the stack of the parser.
const MAX_DEPTH: usize = 64;

impl Matcher {
    /// A matcher of names in which a regular expression has a match, without regard to case.
    pub fn pattern(text: &str) -> Result<Self, regex::Error> {
        // Names are compared in lower case: otherwise an expression with a capital would never match.
        RegexBuilder::new(text).case_insensitive(true).build().map(Self::Pattern)
    }

    /// The text form: `*`, or a tag, a length, a colon and the content. For a text (`=` equals, `^` starts with, `$` ends
    /// with, `~` contains, `/` regular expression) the length is in bytes; for a list (`|` one of, `&` all of) it is the
    /// number of matchers. Example: `|2:=6:gpt-4o^3:o1-` is a list of two.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        let (tag, text) = match self {
            Self::Any => return out.push('*'),
            Self::OneOf(matchers) => return write_list(out, '|', matchers),
            Self::AllOf(matchers) => return write_list(out, '&', matchers),
            Self::Equals(text) => ('=', text.as_str()),
            Self::StartsWith(text) => ('^', text.as_str()),
            Self::EndsWith(text) => ('$', text.as_str()),
            Self::Contains(text) => ('~', text.as_str()),
            Self::Pattern(pattern) => ('/', pattern.as_str()),
        };
        write_head(out, tag, text.len());
        out.push_str(text);
    }

    /// Parses the text form; `None` for any other text, and for lists nested more than 64 deep.
    pub fn from_text(text: &str) -> Option<Self> {
        let (matcher, rest) = read(text, 0)?;
        rest.is_empty().then_some(matcher)
    }
}

/// What a name must be, for a person: `begins with "o1-"`.
impl fmt::Display for Matcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, text) = match self {
            Self::Any => return out.write_str("is any name"),
            Self::OneOf(matchers) => return join(out, matchers, " or "),
            Self::AllOf(matchers) => return join(out, matchers, " and "),
            Self::Equals(text) => ("is", text.as_str()),
            Self::StartsWith(text) => ("begins with", text.as_str()),
            Self::EndsWith(text) => ("ends with", text.as_str()),
            Self::Contains(text) => ("contains", text.as_str()),
            Self::Pattern(pattern) => ("matches", pattern.as_str()),
        };
        write!(out, "{what} {text:?}")
    }
}

fn join(out: &mut fmt::Formatter<'_>, matchers: &[Matcher], between: &str) -> fmt::Result {
    for (place, matcher) in matchers.iter().enumerate() {
        if place > 0 {
            out.write_str(between)?;
        }
        match matcher {
            Matcher::OneOf(_) | Matcher::AllOf(_) => write!(out, "({matcher})")?,
            Matcher::Any
            | Matcher::Equals(_)
            | Matcher::StartsWith(_)
            | Matcher::EndsWith(_)
            | Matcher::Contains(_)
            | Matcher::Pattern(_) => write!(out, "{matcher}")?,
        }
    }
    Ok(())
}

fn write_head(out: &mut String, tag: char, length: usize) {
    out.push(tag);
    out.push_str(&length.to_string());
    out.push(':');
}

fn write_list(out: &mut String, tag: char, matchers: &[Matcher]) {
    write_head(out, tag, matchers.len());
    for matcher in matchers {
        matcher.write(out);
    }
}

fn read(text: &str, depth: usize) -> Option<(Matcher, &str)> {
    let tag = text.chars().next()?;
    let rest = text.get(tag.len_utf8()..)?;
    if tag == '*' {
        return Some((Matcher::Any, rest));
    }
    let (digits, rest) = rest.split_once(':')?;
    let length: usize = digits.parse().ok()?;
    if length.to_string() != digits {
        // "+1" and "01" parse as numbers too, but a matcher has only one text.
        return None;
    }
    if tag == '|' || tag == '&' {
        let (matchers, rest) = read_list(rest, length, depth)?;
        let list = if tag == '|' { Matcher::OneOf } else { Matcher::AllOf };
        return Some((list(matchers), rest));
    }
    let (content, rest) = (rest.get(..length)?, rest.get(length..)?);
    let matcher = match tag {
        '=' => Matcher::Equals(content.to_owned()),
        '^' => Matcher::StartsWith(content.to_owned()),
        '$' => Matcher::EndsWith(content.to_owned()),
        '~' => Matcher::Contains(content.to_owned()),
        '/' => Matcher::pattern(content).ok()?,
        _ => return None,
    };
    Some((matcher, rest))
}

fn read_list(text: &str, length: usize, depth: usize) -> Option<(Vec<Matcher>, &str)> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let (mut matchers, mut rest) = (Vec::new(), text);
    for _ in 0..length {
        let (matcher, after) = read(rest, depth.saturating_add(1))?;
        matchers.push(matcher);
        rest = after;
    }
    Some((matchers, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_matcher() -> impl Strategy<Value = Matcher> {
        let leaf = prop_oneof![
            Just(Matcher::Any),
            any::<String>().prop_map(Matcher::Equals),
            any::<String>().prop_map(Matcher::StartsWith),
            any::<String>().prop_map(Matcher::EndsWith),
            "[=^$~/|&*:0-9é]{0,6}".prop_map(Matcher::Contains),
            any::<String>().prop_map(|text| Matcher::pattern(&regex::escape(&text)).unwrap()),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let list = proptest::collection::vec(inner, 0..5);
            prop_oneof![list.clone().prop_map(Matcher::OneOf), list.prop_map(Matcher::AllOf)]
        })
    }

    proptest! {
        #[test]
        fn text_and_matcher_are_inverse(matcher in any_matcher()) {
            let text = matcher.to_text();
            prop_assert_eq!(Matcher::from_text(&text), Some(matcher), "{}", text);
        }

        #[test]
        fn a_parsed_text_is_the_canonical_one(text in "[=^$~/|&*:0-3a]{0,12}") {
            if let Some(matcher) = Matcher::from_text(&text) {
                prop_assert_eq!(matcher.to_text(), text);
            }
        }

        #[test]
        fn different_matchers_have_different_texts(a in any_matcher(), b in any_matcher()) {
            prop_assert_eq!(a == b, a.to_text() == b.to_text());
        }
    }

    #[test]
    fn known_texts() {
        let list = vec![Matcher::Equals("gpt-4o".into()), Matcher::StartsWith("o1-".into())];
        assert_eq!(Matcher::OneOf(list).to_text(), "|2:=6:gpt-4o^3:o1-");
        assert_eq!(Matcher::Equals("é".into()).to_text(), "=2:é");
        assert_eq!(Matcher::AllOf(Vec::new()).to_text(), "&0:");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "=",
            "=1",
            "=1:",
            "=1:ab",
            "=01:a",
            "=+1:a",
            "=1:é",
            "?1:a",
            "/1:(",
            "|2:*",
            "|1:**",
            "**",
            "é1:a",
            "=99999999999999999999:a",
        ] {
            assert_eq!(Matcher::from_text(text), None, "{text:?}");
        }
        let nested = |depth: usize| format!("{}*", "|1:".repeat(depth));
        assert!(Matcher::from_text(&nested(64)).is_some());
        assert_eq!(Matcher::from_text(&nested(65)), None);
        assert_eq!(Matcher::from_text(&nested(1_000_000)), None);
    }

    #[test]
    fn patterns_ignore_case() {
        let matcher = Matcher::pattern("^GPT-[45]").unwrap();
        assert!(matcher.closeness("gpt-4o").is_some() && matcher.closeness("Gpt-5").is_some());
        assert!(matcher.closeness("gpt-3").is_none());
    }

    #[test]
    fn a_person_reads_what_a_name_must_be() {
        let text = |text: &str| Matcher::from_text(text).unwrap().to_string();
        assert_eq!(text("*"), "is any name");
        assert_eq!(text("|2:=6:gpt-4o^3:o1-"), "is \"gpt-4o\" or begins with \"o1-\"");
        assert_eq!(
            text("&3:$4:-pro~2:o1|2:/2:^a*"),
            "ends with \"-pro\" and contains \"o1\" and (matches \"^a\" or is any name)"
        );
    }
}
