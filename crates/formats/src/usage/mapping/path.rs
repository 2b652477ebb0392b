//! Paths to values of a record: `usage.prompt_tokens`, `details[modality='AUDIO'].tokens`, `^start_time`.

use std::fmt;

use crate::text::shorten;

/// Most steps of a path.
const MAX_STEPS: usize = 32;

/// A step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of an object.
    Member(String),
    /// The members of an object whose names begin and end with two texts; only in patterns.
    Members(String, String),
    /// Every element of a list.
    Each,
    /// The element of a list at a position from 0.
    At(usize),
    /// The elements of a list that are objects with a member of this value; the names lead to the member.
    Where(Vec<String>, String),
}

/// A path from a record, or from an object that encloses it. Backticks enclose a name with characters other than letters,
/// digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnPath {
    /// How many objects further out it begins.
    pub(super) up: usize,
    pub(super) steps: Vec<Step>,
}

impl ColumnPath {
    /// Reads a path at the start of a text; returns it and the rest.
    pub(super) fn read(text: &str) -> Result<(Self, &str), String> {
        Reader { rest: text, wildcard: false }.path()
    }

    /// Reads a text that is a path as a whole.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::whole(text, false)
    }

    /// As [`Self::parse`]; a name may have one `*`, which stands for any characters.
    pub(super) fn parse_pattern(text: &str) -> Result<Self, String> {
        Self::whole(text, true)
    }

    fn whole(text: &str, wildcard: bool) -> Result<Self, String> {
        match (Reader { rest: text, wildcard }).path()? {
            (path, "") => Ok(path),
            (_, rest) => Err(format!("is not the name of a column at `{}`", shorten(rest))),
        }
    }

    /// Whether it may lead to several values.
    pub(super) fn is_list(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Each | Step::Where(..)))
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"^".repeat(self.up))?;
        for (at, step) in self.steps.iter().enumerate() {
            let point = if at == 0 { "" } else { "." };
            match step {
                Step::Member(name) => write!(f, "{point}{name}")?,
                Step::Members(start, end) => write!(f, "{point}{start}*{end}")?,
                Step::Each => f.write_str("[*]")?,
                Step::At(position) => write!(f, "[{position}]")?,
                Step::Where(names, value) => write!(f, "[{}='{value}']", names.join("."))?,
            }
        }
        Ok(())
    }
}

struct Reader<'t> {
    rest: &'t str,
    wildcard: bool,
}

impl<'t> Reader<'t> {
    fn path(mut self) -> Result<(ColumnPath, &'t str), String> {
        let after = self.rest.trim_start_matches('^');
        let up = self.rest.len() - after.len();
        self.rest = after;
        let mut steps = Vec::new();
        if !self.rest.starts_with('[') {
            steps.push(self.member()?);
        }
        loop {
            if steps.len() > MAX_STEPS {
                return Err(format!("a path has more than {MAX_STEPS} parts"));
            }
            if let Some(after) = self.rest.strip_prefix('[') {
                self.rest = after;
                steps.push(self.selector()?);
            } else if let Some(after) = self.rest.strip_prefix('.') {
                self.rest = after;
                steps.push(self.member()?);
            } else {
                return Ok((ColumnPath { up, steps }, self.rest));
            }
        }
    }

    fn member(&mut self) -> Result<Step, String> {
        let name = self.name()?;
        match name.split_once('*').filter(|_| self.wildcard) {
            Some((_, end)) if end.contains('*') => Err("a name has more than one `*`".to_owned()),
            Some((start, end)) => Ok(Step::Members(start.to_owned(), end.to_owned())),
            None => Ok(Step::Member(name.to_owned())),
        }
    }

    fn name(&mut self) -> Result<&'t str, String> {
        if let Some(quoted) = self.rest.strip_prefix('`') {
            let (name, after) = quoted.split_once('`').ok_or("a backtick is not closed")?;
            if name.is_empty() {
                return Err("there is nothing between two backticks".to_owned());
            }
            self.rest = after;
            return Ok(name);
        }
        let is_in = |c: char| c.is_alphanumeric() || c == '_' || (self.wildcard && c == '*');
        let end = self.rest.find(|c| !is_in(c)).unwrap_or(self.rest.len());
        if end == 0 {
            let found = self.rest.chars().next().map_or("the end".to_owned(), |c| format!("`{c}`"));
            return Err(format!("a name is expected, found {found}"));
        }
        let (name, after) = self.rest.split_at(end);
        self.rest = after;
        Ok(name)
    }

    /// The text after `[`, up to the closing bracket.
    fn selector(&mut self) -> Result<Step, String> {
        let expected = || "`[` is followed by `*]`, a position such as `0]`, or `name='value']`".to_owned();
        if let Some(after) = self.rest.strip_prefix("*]") {
            self.rest = after;
            return Ok(Step::Each);
        }
        if let Some((position, after)) = self.rest.split_once(']')
            && position.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.rest = after;
            return position.parse().map(Step::At).map_err(|_| expected());
        }
        let mut reader = Reader { rest: self.rest, wildcard: false };
        let mut names = vec![reader.name().map_err(|_| expected())?.to_owned()];
        while let Some(after) = reader.rest.strip_prefix('.') {
            reader.rest = after;
            names.push(reader.name().map_err(|_| expected())?.to_owned());
        }
        let value = reader.rest.strip_prefix("='").and_then(|after| after.split_once("']"));
        let (value, after) = value.ok_or_else(expected)?;
        self.rest = after;
        Ok(Step::Where(names, value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_it_is_read() {
        // path | shown, or the error
        let table = r"
            a                   | a
            a.b_c.`d.e`         | a.b_c.d.e
            a[*].b              | a[*].b
            a[0][12].b          | a[0][12].b
            a[m='AUDIO'].b      | a[m='AUDIO'].b
            a[`m.n`='x y'].b    | a[m.n='x y'].b
            a[m.n.`o`='x'].b    | a[m.n.o='x'].b
            a[m.='x'].b         | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            [*].a               | [*].a
            ^a                  | ^a
            ^^a[*]              | ^^a[*]
            a.                  | a name is expected, found the end
            a[                  | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            a[]                 | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            a[b]                | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            a[b='c]             | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            a[99999999999999999999] | `[` is followed by `*]`, a position such as `0]`, or `name='value']`
            a*                  | is not the name of a column at `*`
            ^                   | a name is expected, found the end";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.split_once(" | ").unwrap();
            let got = ColumnPath::parse(text.trim()).map_or_else(|error| error, |path| path.to_string());
            assert_eq!(got, expected.trim(), "{row}");
        }
        for (text, expected) in [
            ("*_tokens", Ok(Step::Members(String::new(), "_tokens".into()))),
            ("`gen_ai.usage.*`", Ok(Step::Members("gen_ai.usage.".into(), String::new()))),
            ("a*b*", Err("a name has more than one `*`".to_owned())),
        ] {
            assert_eq!(ColumnPath::parse_pattern(text).map(|path| path.steps[0].clone()), expected);
        }
        let long = format!("a{}", ".a".repeat(40));
        assert_eq!(ColumnPath::parse(&long).unwrap_err(), "a path has more than 32 parts");
        assert!(
            ColumnPath::parse("a[*]").unwrap().is_list() && !ColumnPath::parse("a[0]").unwrap().is_list()
        );
    }
}
