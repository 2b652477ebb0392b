//! URLs of object stores and databases, and keys of objects: no text of a URL that may hold a password is in an error.

use tollbook_objects::{ObjectKey, StoreUrl};
use tollbook_store::{database_name, fuzzing::check_postgres_url};

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match text.parse::<StoreUrl>() {
        Ok(url) => assert_eq!(
            url.to_string().parse::<StoreUrl>().map(|again| again.to_string()),
            Ok(url.to_string())
        ),
        Err(error) => check_reason(&error.to_string()),
    }
    if let Ok(key) = ObjectKey::parse(text) {
        assert!(!key.as_str().split('/').any(|part| matches!(part, "" | "." | "..")));
        assert!(!key.as_str().contains(['\\', '%', '\0', ' ', '?', '#']));
        assert_eq!(ObjectKey::parse(key.as_str()), Ok(key));
    }
    if check_postgres_url(text).is_ok() {
        let name = database_name(text).expect("a URL that is accepted names a database");
        assert!(name.starts_with("postgres://"));
    }
    if text.contains("sEcReT") {
        return;
    }
    let secret = format!("postgres://user:sEcReT@{text}");
    for shown in [database_name(&secret), check_postgres_url(&secret).map(|()| String::new())] {
        let shown = shown.unwrap_or_else(|error| error.to_string());
        assert!(!shown.contains("sEcReT"), "{shown}");
    }
}
