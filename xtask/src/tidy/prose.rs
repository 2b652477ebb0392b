//! Words that no comment, message, name or page uses: plain technical English has a better one for each.

use super::finding::Finding;
use super::sources;

/// In lower case. Put together so that this file does not hold them.
const BANNED: [&str; 12] = [
    concat!("any ", "more"),
    concat!("comes ", "to"),
    concat!("di", "es"),
    concat!("is ", "told"),
    concat!("li", "es"),
    concat!("li", "ves"),
    concat!("no", "body"),
    concat!("said ", "of"),
    concat!("sign of ", "life"),
    concat!("some", "body"),
    concat!("takes ", "back"),
    concat!("who", "ever"),
];

/// Texts of answers over the wire. Clients may compare them, so they stay as they are.
const WIRE_TEXTS: [&str; 1] = [concat!("the records of this hour are not kept any ", "more")];

/// Reads the whole text, code included: the name of a test is a sentence too, with underscores for blanks.
pub(super) fn findings(path: &str, text: &str) -> Vec<Finding> {
    if !sources::is_written(path, text) {
        return Vec::new();
    }
    let text = WIRE_TEXTS.iter().fold(text.to_owned(), |text, wire| text.replace(wire, ""));
    let words = words(&text);
    let banned_at = |place: usize| BANNED.iter().find(|banned| begins_with(&words[place..], banned));
    (0..words.len())
        .filter_map(|place| Some((words[place].line, banned_at(place)?)))
        .map(|(line, banned)| Finding::in_line(path, line, format!("says \"{banned}\"")))
        .collect()
}

struct Word {
    line: usize,
    /// In lower case.
    text: String,
    /// Whether it continues the phrase of the word before: between them are only blanks, underscores, hyphens, ends of
    /// lines and the marks with which lines of comments begin.
    continues: bool,
}

fn begins_with(words: &[Word], phrase: &str) -> bool {
    let parts: Vec<&str> = phrase.split(' ').collect();
    words.len() >= parts.len()
        && words.iter().zip(&parts).all(|(word, part)| word.text == *part)
        && words[1..parts.len()].iter().all(|word| word.continues)
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut line, mut line_begins, mut continues) = (1, true, false);
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            line_begins = false;
            continue;
        }
        if !word.is_empty() {
            words.push(Word { line, text: std::mem::take(&mut word), continues });
            continues = true;
        }
        if c == '\n' {
            line += 1;
            line_begins = true;
        } else if !(c.is_whitespace() || "_-\\".contains(c) || (line_begins && "/!#*>|".contains(c))) {
            line_begins = false;
            continues = false;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases are written with `@` for a vowel, so that this file does not hold the words.
    fn check(path: &str, text: &str, expected: &[&str]) {
        let text = text.replace('@', "o").replace('%', "ie");
        let found: Vec<String> = findings(path, &text).iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            expected.iter().map(|line| line.replace('@', "o").replace('%', "ie")).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn whole_words_in_any_case() {
        check("a.rs", "// N@body d%s.\n", &["a.rs:1: says \"n@body\"", "a.rs:1: says \"d%s\""]);
        check("a.rs", "fn a_server_d%s() {}\n", &["a.rs:1: says \"d%s\""]);
        check("a.rs", "\"some b@dy, d%sel, fl%s, bel%s\"\n", &[]);
        check("a.md", "n@body's\n", &["a.md:1: says \"n@body\""]);
    }

    #[test]
    fn phrases_run_on_over_lines_of_a_comment() {
        check("a.rs", "    /// one is\n    /// t@ld\n", &["a.rs:1: says \"is t@ld\""]);
        check("a.sql", "-- any\n-- m@re\n", &["a.sql:1: says \"any m@re\""]);
        check("a.rs", "fn sign_@f_life() {}", &["a.rs:1: says \"sign @f life\""]);
        check("a.rs", "// as it is. T@ld; is, t@ld; is\n", &[]);
        check("a.rs", "// many m@re; any", &[]);
    }

    #[test]
    fn recorded_texts_stay_as_they_are() {
        check("tests/vectors/a.md", "n@body\n", &[]);
        check("bench/runs/a.md", "n@body\n", &[]);
        check("a.json", "n@body\n", &[]);
        check(".ci/run", "#!/bin/sh\n# n@body\n", &[".ci/run:2: says \"n@body\""]);
    }
}
