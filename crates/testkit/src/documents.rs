//! The fenced blocks of the repository's documents, which tests run.

use std::path::Path;

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The language behind the fence.
    pub language: String,
    /// The lines between the fences.
    pub text: String,
    /// Number of the first of them in the document, from 1.
    pub line: usize,
    /// The comment, `<!-- … -->`, on the line with text before the fence, if there is one.
    pub note: Option<String>,
}

/// A document, by its path in the repository.
///
/// # Panics
/// If it cannot be read.
pub fn document(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The fenced blocks of a document, in their order.
///
/// # Panics
/// If a fence is never closed.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(document.lines());
    let mut before = "";
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.trim().is_empty() { before } else { line };
            continue;
        };
        let mut text = String::new();
        let mut is_closed = false;
        for (_, line) in lines.by_ref() {
            is_closed = line == "```";
            if is_closed {
                break;
            }
            text += line;
            text.push('\n');
        }
        assert!(is_closed, "line {number}: the fence is never closed");
        let note = before.strip_prefix("<!-- ").and_then(|note| note.strip_suffix(" -->"));
        let (language, note) = (language.to_owned(), note.map(str::to_owned));
        blocks.push(Block { language, text, line: number + 1, note });
        before = "";
    }
    blocks
}

/// The text of the first fenced block of a language.
///
/// # Panics
/// If there is none.
pub fn block(document: &str, language: &str) -> String {
    let found = blocks(document).into_iter().find(|block| block.language == language);
    found.unwrap_or_else(|| panic!("the document has no block of {language}")).text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_language_line_and_note() {
        let document = "# A\n\n```sh\na\n\nb\n```\ntext\n<!-- SQLite -->\n\n```text\n```\n```sh\nc\n```\n";
        let of = |language: &str, text: &str, line, note: Option<&str>| Block {
            language: language.to_owned(),
            text: text.to_owned(),
            line,
            note: note.map(str::to_owned),
        };
        let expected =
            [of("sh", "a\n\nb\n", 4, None), of("text", "", 12, Some("SQLite")), of("sh", "c\n", 14, None)];
        assert_eq!(blocks(document), expected);
        assert_eq!(block(document, "text"), "");
    }

    #[test]
    #[should_panic(expected = "line 2: the fence is never closed")]
    fn an_open_fence_is_an_error() {
        blocks("a\n```sh\nb\n");
    }
}
