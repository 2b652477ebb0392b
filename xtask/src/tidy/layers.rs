//! Which crate may use which: the arrows of ARCHITECTURE.md as a table. A crate without a row is refused, so that its
//! place is a decision.

use toml::{Table, Value};

use super::finding::Finding;

/// A crate, the crates of the workspace that it may depend on, and published crates that would bring in what it must
/// not hold. Tests may use anything.
struct Layer {
    package: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static str],
}

/// From the bottom to the top.
const LAYERS: [Layer; 13] = [
    Layer {
        package: "tollbook-domain",
        uses: &[],
        never: &["getrandom", "jiff", "rand", "rusqlite", "serde", "serde_json", "tokio", "tracing"],
    },
    Layer {
        package: "tollbook-formats",
        uses: &["tollbook-domain"],
        never: &["axum", "hyper", "rusqlite", "tokio", "tokio-postgres", "ureq"],
    },
    Layer {
        package: "tollbook-store",
        uses: &["tollbook-domain"],
        never: &["axum", "hyper", "serde_json", "ureq"],
    },
    Layer { package: "tollbook-workbook", uses: &[], never: &["rusqlite", "serde", "serde_json", "tokio"] },
    Layer { package: "tollbook-objects", uses: &[], never: &["axum", "rusqlite"] },
    Layer {
        package: "tollbook-testkit",
        uses: &["tollbook-domain", "tollbook-formats", "tollbook-objects", "tollbook-store"],
        // tokio is there for the object store servers (`stores/`) only.
        never: &["postgres", "sqlx", "tokio-postgres"],
    },
    Layer {
        package: "tollbook-export",
        uses: &["tollbook-domain", "tollbook-objects", "tollbook-store", "tollbook-workbook"],
        never: &["axum", "clap", "hyper", "rusqlite", "tokio-postgres", "toml", "ureq"],
    },
    Layer {
        package: "tollbook-ops",
        uses: &[
            "tollbook-domain",
            "tollbook-export",
            "tollbook-formats",
            "tollbook-objects",
            "tollbook-store",
        ],
        // rusqlite, mysql and postgres are there for the databases of new-api (`new_api/`) only.
        never: &["axum", "clap", "hyper", "tokio-postgres"],
    },
    Layer {
        package: "tollbook-api",
        uses: &[
            "tollbook-domain",
            "tollbook-export",
            "tollbook-formats",
            "tollbook-objects",
            "tollbook-ops",
            "tollbook-store",
        ],
        never: &["clap", "rusqlite"],
    },
    Layer {
        package: "tollbook",
        uses: &[
            "tollbook-api",
            "tollbook-domain",
            "tollbook-export",
            "tollbook-formats",
            "tollbook-objects",
            "tollbook-ops",
            "tollbook-store",
        ],
        never: &["rusqlite"],
    },
    Layer {
        package: "tollbook-bench",
        uses: &[
            "tollbook-api",
            "tollbook-domain",
            "tollbook-export",
            "tollbook-formats",
            "tollbook-objects",
            "tollbook-ops",
            "tollbook-store",
            "tollbook-testkit",
            "tollbook-workbook",
        ],
        never: &[],
    },
    Layer {
        package: "tollbook-fuzz",
        uses: &[
            "tollbook-api",
            "tollbook-domain",
            "tollbook-formats",
            "tollbook-objects",
            "tollbook-ops",
            "tollbook-store",
            "tollbook-testkit",
        ],
        never: &["rusqlite", "tokio-postgres"],
    },
    Layer { package: "xtask", uses: &[], never: &[] },
];

/// Checks one manifest; one without a package is the workspace's.
pub(super) fn findings(path: &str, manifest: &str) -> Vec<Finding> {
    let manifest: Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::in_file(path, format!("is not TOML: {}", error.message()))],
    };
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let Some(name) = name else { return Vec::new() };
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
        return vec![Finding::in_file(path, format!("{name} has no row in the table of layers"))];
    };
    let mut findings = Vec::new();
    for dependency in dependencies(&manifest) {
        let ours = LAYERS.iter().any(|layer| layer.package == dependency);
        if ours && !layer.uses.contains(&dependency) {
            findings.push(Finding::in_file(path, format!("{name} may not use {dependency}")));
        }
        if layer.never.contains(&dependency) {
            findings.push(Finding::in_file(path, format!("{name} must not hold what {dependency} is for")));
        }
    }
    findings
}

/// What the crate is built from, on any platform: names of packages, not the names that they are given here.
fn dependencies(manifest: &Table) -> impl Iterator<Item = &str> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = platforms.filter_map(Value::as_table).chain([manifest]);
    places
        .flat_map(|place| ["dependencies", "build-dependencies"].map(|kind| place.get(kind)))
        .filter_map(|kind| kind.and_then(Value::as_table))
        .flatten()
        .map(|(name, entry)| entry.get("package").and_then(Value::as_str).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &str, expected: &[&str]) {
        let found: Vec<String> = findings("c", manifest).into_iter().map(|finding| finding.problem).collect();
        assert_eq!(found, expected, "{manifest}");
    }

    #[test]
    fn arrows_point_down() {
        let store = "[package]\nname = \"tollbook-store\"\n";
        check(&format!("{store}[dependencies]\ntollbook-domain.workspace = true\nsha2 = \"1\"\n"), &[]);
        check(
            &format!("{store}[dependencies]\ntollbook-ops.workspace = true\n"),
            &["tollbook-store may not use tollbook-ops"],
        );
        check(
            &format!("{store}[dependencies]\nx = {{ package = \"tollbook-api\", path = \"../api\" }}\n"),
            &["tollbook-store may not use tollbook-api"],
        );
        check(
            &format!("{store}[target.'cfg(unix)'.build-dependencies]\ntollbook-workbook = \"1\"\n"),
            &["tollbook-store may not use tollbook-workbook"],
        );
        check(
            &format!("{store}[dependencies]\ntollbook-testkit.workspace = true\n"),
            &["tollbook-store may not use tollbook-testkit"],
        );
        check(
            &format!("{store}[dev-dependencies]\ntollbook-ops.workspace = true\nserde_json = \"1\"\n"),
            &[],
        );
    }

    #[test]
    fn some_crates_would_bring_in_what_a_layer_must_not_hold() {
        check(
            "[package]\nname = \"tollbook-domain\"\n[dependencies]\nserde = \"1\"\n",
            &["tollbook-domain must not hold what serde is for"],
        );
        check(
            "[package]\nname = \"tollbook-formats\"\n[dependencies]\ntollbook-domain = \"1\"\nureq = \"1\"\n",
            &["tollbook-formats must not hold what ureq is for"],
        );
    }

    #[test]
    fn every_crate_has_a_place() {
        check(
            "[package]\nname = \"tollbook-attic\"\n",
            &["tollbook-attic has no row in the table of layers"],
        );
        check("[workspace]\nmembers = []\n", &[]);
        assert!(findings("c", "= no toml")[0].problem.starts_with("is not TOML: "));
    }

    #[test]
    fn the_table_itself_has_no_arrow_upwards() {
        for (place, layer) in LAYERS.iter().enumerate() {
            for used in layer.uses {
                assert!(LAYERS[..place].iter().any(|below| below.package == *used), "{used}");
            }
        }
    }
}
