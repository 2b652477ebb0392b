//! Documents that comments and pages cite: each is a file of the repository.

use super::comments;
use super::finding::Finding;
use super::sources;

/// A page is looked for beside the file that cites it, in the root and in this folder.
const PAGES: &str = "docs";

/// Names under which a document outside of the repository was cited without its ending.
const OUTSIDE: [&str; 1] = [concat!("DES", "IGN")];

/// `paths` are the files of the repository.
pub(super) fn findings(path: &str, text: &str, paths: &[&str]) -> Vec<Finding> {
    if !sources::is_written(path, text) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in comments::lines(path, text) {
        for cited in cited(line) {
            if !is_there(path, cited, paths) {
                findings.push(Finding::in_line(path, number, format!("cites {cited}, which is not there")));
            }
        }
    }
    findings
}

/// Names of pages in a line; what follows `//` is an address elsewhere.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || "_-./".contains(c)))
        .map(|name| name.trim_end_matches('.'))
        .filter(|name| {
            (sources::extension(name) == Some("md") && !is_address(name)) || OUTSIDE.contains(name)
        })
}

fn is_address(name: &str) -> bool {
    name.starts_with("//") && !name.starts_with("///")
}

fn is_there(citing: &str, cited: &str, paths: &[&str]) -> bool {
    let folder = citing.rsplit_once('/').map_or("", |(folder, _)| folder);
    [folder, "", PAGES]
        .into_iter()
        .any(|from| joined(from, cited).is_some_and(|path| paths.contains(&&*path)))
}

/// A path relative to the root; `None` when it leads out of it.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 4] = ["README.md", "bench/README.md", "docs/API.md", "docs/PRICES.md"];

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let found: Vec<(usize, String)> =
            findings(path, text, &PATHS).into_iter().map(|finding| (finding.line, finding.problem)).collect();
        let expected: Vec<(usize, String)> = expected
            .iter()
            .map(|(line, cited)| (*line, format!("cites {cited}, which is not there")))
            .collect();
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn pages_of_the_repository() {
        for cited in
            ["docs/API.md", "API.md", "README.md", "PRICES.md 5.3", "(docs/API.md#errors).", "../docs/API.md"]
        {
            check("bench/x.rs", &format!("// See {cited}.\n"), &[]);
        }
        check("docs/API.md", "[prices](PRICES.md) and [all](../README.md)\n", &[]);
    }

    #[test]
    fn pages_that_are_not_there() {
        check("a.rs", "//! By spec/api.md.\n//! And api.md 5.3\n", &[(1, "spec/api.md"), (2, "api.md")]);
        check("docs/API.md", "[all](../../README.md)\n", &[(1, "../../README.md")]);
        check("a.sql", "-- protocol.md, section 2\n", &[(1, "protocol.md")]);
        check("a.py", "\"\"\"By cli.md.\"\"\"\n", &[(1, "cli.md")]);
        check("a.rs", &format!("// {} section 3\n", OUTSIDE[0]), &[(1, OUTSIDE[0])]);
    }

    #[test]
    fn addresses_and_code_cite_nothing() {
        check("a.md", "https://example.org/a/README.md\n", &[]);
        check("a.rs", "let page = \"printed.md\";\n", &[]);
        check("bench/runs/a.md", "gone.md\n", &[]);
    }
}
