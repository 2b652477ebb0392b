//! The prose of a file: its comments, or all of a Markdown page. By simple rules for each language, which read a few
//! strings as comments rather than miss a comment.

use super::rust_text::{self, Kind};
use super::sources;

/// Lines of prose and their numbers, from 1.
pub(super) fn lines<'a>(path: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    match sources::extension(path) {
        Some("md") => (1..).zip(text.lines()).collect(),
        Some("rs") => rust_text::split(text)
            .into_iter()
            .filter(|piece| piece.kind == Kind::Comment)
            .flat_map(|piece| (piece.line..).zip(piece.text.lines()))
            .collect(),
        Some("sql") => after(text, "--"),
        Some("py") => python(text),
        Some("sh" | "toml" | "yaml" | "yml") => after(text, "#"),
        None if text.starts_with("#!") => after(text, "#"),
        _ => Vec::new(),
    }
}

/// What stands behind a mark at the beginning of a line or behind a blank.
fn after<'a>(text: &'a str, mark: &str) -> Vec<(usize, &'a str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, comment(line, mark)?))).collect()
}

fn comment<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let mut places = line.match_indices(mark).map(|(at, _)| at);
    let at = places.find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace))?;
    Some(&line[at..])
}

/// Comments, and texts in three quotes, which are documentation for the most part.
fn python(text: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let quotes = line.matches("\"\"\"").count();
        if inside || quotes > 0 {
            lines.push((number, line));
        } else if let Some(comment) = comment(line, "#") {
            lines.push((number, comment));
        }
        inside ^= quotes % 2 == 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        assert_eq!(lines(path, text), expected, "{path}");
    }

    #[test]
    fn each_language_has_its_comments() {
        check("a.md", "x\ny\n", &[(1, "x"), (2, "y")]);
        check("a.rs", "let a = \"// no\"; // b\n/* c\nd */\n", &[(1, "// b"), (2, "/* c"), (3, "d */")]);
        check("a.sql", "SELECT 1; -- a\nb\n", &[(1, "-- a")]);
        check("a.toml", "# a\nb = 1 # c\n", &[(1, "# a"), (2, "# c")]);
        check(".ci/run", "#!/bin/sh\necho ${#a} # b\n", &[(1, "#!/bin/sh"), (2, "# b")]);
        check("LICENSE", "# a\n", &[]);
        check("a.json", "# a\n", &[]);
    }

    #[test]
    fn python_has_texts_in_three_quotes() {
        let text = "\"\"\"A.\n\nB.\"\"\"\nx = 1  # c\ny = '#'\n";
        check("a.py", text, &[(1, "\"\"\"A."), (2, ""), (3, "B.\"\"\""), (4, "# c")]);
    }
}
