//! Splits the text of a Rust file into comments, string literals and code. No token tree is built, so a file that does
//! not parse is split as well.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Comment,
    /// A string literal, byte strings and raw strings included, with its quotes.
    Text,
    Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    /// The line on which the piece begins, from 1.
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// The pieces of a file in order; together they are the whole text.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut line = 1;
    let mut add = |kind, text: &str, from: usize, to: usize| {
        if from < to {
            pieces.push((kind, line, from, to));
            line += text[from..to].matches('\n').count();
        }
    };
    let (mut at, mut code) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let found = comment(rest)
            .map(|length| (Kind::Comment, length))
            .or_else(|| literal(text, at).map(|length| (Kind::Text, length)));
        if let Some((kind, length)) = found {
            add(Kind::Code, text, code, at);
            add(kind, text, at, at + length);
            at += length;
            code = at;
        } else {
            at += character(rest).unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
        }
    }
    add(Kind::Code, text, code, at);
    pieces.into_iter().map(|(kind, line, from, to)| Piece { kind, line, text: &text[from..to] }).collect()
}

/// The length of the comment that begins here, without the end of the line.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// The length of the string literal that begins at this byte, its prefix included.
fn literal(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let in_name = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    let prefix =
        if in_name { 0 } else { rest.bytes().take_while(|b| matches!(b, b'b' | b'c' | b'r')).count() };
    let body = &rest[prefix..];
    let hashes = body.bytes().take_while(|byte| *byte == b'#').count();
    let is_raw = rest[..prefix].ends_with('r');
    if !body[hashes..].starts_with('"') || (hashes > 0 && !is_raw) {
        return None;
    }
    let start = prefix + hashes + 1;
    if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&end).map_or(rest.len(), |place| start + place + end.len()));
    }
    let mut escaped = false;
    for (place, c) in rest[start..].char_indices() {
        match c {
            '"' if !escaped => return Some(start + place + 1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    Some(rest.len())
}

/// The length of the character literal that begins here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        let skipped = escape.chars().next().map_or(0, char::len_utf8);
        return Some(2 + skipped + escape[skipped..].find('\'')? + 1);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Kind, usize, &str)]) {
        let found: Vec<_> =
            split(text).into_iter().map(|piece| (piece.kind, piece.line, piece.text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn comments_end_where_they_end() {
        check(
            "a // b \"c\n/* d /* e */\nf */ g\n",
            &[
                (Kind::Code, 1, "a "),
                (Kind::Comment, 1, "// b \"c"),
                (Kind::Code, 1, "\n"),
                (Kind::Comment, 2, "/* d /* e */\nf */"),
                (Kind::Code, 3, " g\n"),
            ],
        );
        check("/* open", &[(Kind::Comment, 1, "/* open")]);
    }

    #[test]
    fn strings_hold_no_comments() {
        check(
            r##"f("//\" \\", b"x", r#"a"b"#)"##,
            &[
                (Kind::Code, 1, "f("),
                (Kind::Text, 1, r#""//\" \\""#),
                (Kind::Code, 1, ", "),
                (Kind::Text, 1, r#"b"x""#),
                (Kind::Code, 1, ", "),
                (Kind::Text, 1, r##"r#"a"b"#"##),
                (Kind::Code, 1, ")"),
            ],
        );
        check("\"open", &[(Kind::Text, 1, "\"open")]);
        check("b\"a\nb\" c", &[(Kind::Text, 1, "b\"a\nb\""), (Kind::Code, 2, " c")]);
    }

    #[test]
    fn characters_lifetimes_and_raw_names_are_code() {
        for code in ["'\"'; '\\''; '\\u{22}' ", "&'a str, 'b: loop", "r#type = br + b'\"'", "'ü' + x"] {
            check(code, &[(Kind::Code, 1, code)]);
        }
    }
}
