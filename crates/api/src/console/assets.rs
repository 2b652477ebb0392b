//! The style, the script and the rules for prefetching, which are part of the program.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A file that pages refer to. Its path changes with its content, so browsers may keep it.
pub(super) struct Asset {
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) content: &'static str,
}

/// The style.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("console", "css", "text/css; charset=utf-8", include_str!("assets/console.css")));
/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    asset("console", "js", "text/javascript; charset=utf-8", include_str!("assets/console.js"))
});
/// Which links browsers may prefetch: pages, but neither files nor what sets a cookie.
pub(super) static SPECULATION: LazyLock<Asset> = LazyLock::new(|| {
    asset("speculation", "json", "application/speculationrules+json", include_str!("assets/speculation.json"))
});

fn asset(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Asset {
    let digest = hex::encode(Sha256::digest(content.as_bytes()));
    let path = format!("/console/assets/{name}-{}.{extension}", &digest[..12]);
    Asset { path, content_type, content }
}

/// The asset of a path.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    let all: [&'static Asset; 3] = [&STYLE, &SCRIPT, &SPECULATION];
    all.into_iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_nothing_comes_from_elsewhere() {
        assert!(SCRIPT.content.len() <= 10_000, "{} bytes", SCRIPT.content.len());
        for asset in [&*STYLE, &*SCRIPT] {
            assert!(!asset.content.contains("http"), "{}", asset.path);
            assert_eq!(find(&asset.path).map(|found| found.content), Some(asset.content));
        }
    }
}
