//! Words that no file of the repository may hold: paths of one machine, and hosts that a registry's ordinary client
//! knows by itself.

use super::finding::Finding;

/// Absolute paths that exist on a developer's machine only. Put together so that this file does not hold them.
const PLACES: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Hosts of registries, mirrors included; the registry's name in prose is no host.
const HOSTS: [&str; 9] = [
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
    concat!("registry.", "npmjs.org"),
    concat!("proxy.", "golang.org"),
    concat!("registry-1.", "docker.io"),
];

pub(super) fn findings(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let place = PLACES.iter().find(|place| holds_path(line, place));
        let host = HOSTS.iter().find(|host| line.contains(**host));
        if let Some(word) = place.or(host) {
            findings.push(Finding::in_line(path, number, format!("holds {word}")));
        }
    }
    findings
}

/// Whether the path begins there; a folder of that name further down some path is none.
fn holds_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '>'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine() {
        let place = PLACES[0];
        for line in [format!("cd {place}main"), format!("\"{place}x\""), format!("file://{place}x")] {
            assert_eq!(findings("a", &line), [Finding::in_line("a", 1, format!("holds {place}"))], "{line}");
        }
        for line in [format!("frame{place}x"), format!("..{place}x"), place.trim_end_matches('/').to_owned()]
        {
            assert_eq!(findings("a", &line), [], "{line}");
        }
    }

    #[test]
    fn hosts_of_registries() {
        let text = format!("fine\nhttps://{}/simple\n", HOSTS[2]);
        assert_eq!(findings("a", &text), [Finding::in_line("a", 2, format!("holds {}", HOSTS[2]))]);
        assert_eq!(findings("a", "source = \"registry+https://github.com/rust-lang/crates.io-index\""), []);
    }
}
