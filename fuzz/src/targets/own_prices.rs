//! Our own price files: the prices that are accepted are the same when they are written and read again.

use std::path::Path;

use tollbook_domain::{Catalogue, HourOffsets};
use tollbook_formats::prices::{parse, write};

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (file, catalogue, offsets) = (Path::new("p.toml"), Catalogue::built_in(), HourOffsets::fixed(28_800));
    match parse(file, text, Some(1_700_000_000), &catalogue, &offsets) {
        Ok(list) => {
            assert!(list.rounded.is_empty() && list.omitted.is_empty() && list.unread.is_empty());
            assert!(list.prices.iter().all(|price| price.list_price.steps() >= 0));
            let written = match write(&list.prices) {
                Ok(written) => written,
                Err(reason) => panic!("a price file cannot express its own prices: {reason}"),
            };
            let mut again = match parse(file, &written, Some(1_700_000_000), &catalogue, &offsets) {
                Ok(again) => again.prices,
                Err(error) => panic!("{error}\n{written}"),
            };
            // The writer joins models that differ in a condition alone.
            let mut prices = list.prices;
            let key = |price: &tollbook_domain::Price| format!("{price:?}");
            prices.sort_by_cached_key(key);
            again.sort_by_cached_key(key);
            assert_eq!(again, prices, "{written}");
        }
        Err(error) => {
            check_reason(&error.reason);
            assert!(error.to_string().starts_with("p.toml:"));
            assert!(error.line.is_none_or(|line| line <= text.matches('\n').count() + 1), "{error}");
        }
    }
}
