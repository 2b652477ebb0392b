//! Published price lists: prices are in range and name a list, a rounded one is within half a step, and one reading is
//! like another.

use std::path::Path;

use tollbook_domain::decimal::DecimalText;
use tollbook_domain::{Catalogue, HourOffsets, UnitPrice};
use tollbook_formats::prices::parse;

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let read = || {
        parse(Path::new("p.json"), text, Some(1_700_000_000), &Catalogue::built_in(), &HourOffsets::default())
    };
    let list = read();
    assert_eq!(list, read());
    match list {
        Ok(list) => {
            for price in &list.prices {
                assert_eq!(price.list, list.list.name);
                assert!(price.list_price.steps() >= 0 && !price.sku.is_empty());
                assert!(price.valid_until_s.is_none_or(|until_s| until_s > price.valid_from_s), "{price:?}");
                assert!(price.longer_than.is_none_or(|length| length >= 0), "{price:?}");
            }
            for rounded in &list.rounded {
                let stated = DecimalText::parse(&rounded.stated).expect("a number");
                assert_eq!(UnitPrice::from_decimal_half_away(&stated), Ok(rounded.kept), "{rounded:?}");
            }
            list.omitted.iter().for_each(|omitted| check_reason(&omitted.reason));
        }
        Err(error) => {
            check_reason(&error.reason);
            assert!(error.to_string().starts_with("p.json:"));
        }
    }
}
