//! The catalogue file: reads an operator's names and pricing units over the built-in catalogue, and writes a catalogue
//! as such a file.

use std::fmt::Write as _;
use std::path::Path;

use tollbook_domain::Status;
use tollbook_domain::catalogue::{Catalogue, NameKind, Names};
use tollbook_domain::field_rules::MAX_ENUM;
use tollbook_domain::tenant::CURRENCIES;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::check_text;
use crate::toml::{FileError, Source, integer, read_file};

/// The built-in catalogue, with the names and units of a file if one is given.
///
/// # Errors
/// As [`parse`]; also if the file cannot be read.
pub fn load(file: Option<&Path>) -> Result<Catalogue, FileError> {
    match file {
        Some(file) => parse(file, &read_file(file)?),
        None => Ok(Catalogue::built_in()),
    }
}

/// The built-in catalogue with the names and units in the text of a file, whose name is `file` in errors.
///
/// A section is named as in [`NameKind::SECTIONS`], an entry is `102 = { en = "…", zh = "…" }`. An entry with one
/// language keeps the other's built-in name; a new one uses the one name for both. A SKU may state `counts_in_length`,
/// whether it counts towards the length of a request, and needs no name then. A new pricing unit states its
/// `base_units`; those of a built-in unit cannot be changed, because stored orders were checked with them and every
/// quantity and amount would change its meaning.
///
/// # Errors
/// The first error, with file, line, section and key. An unknown section, key or field is refused too: it is a typing
/// error, and the name that was meant would silently not change.
pub fn parse(file: &Path, text: &str) -> Result<Catalogue, FileError> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| source.parse_error(error))?;
    let mut reader = Reader { source, catalogue: Catalogue::built_in() };
    for (section, entries) in document.get_ref() {
        reader.section(section.get_ref(), section.span(), entries)?;
    }
    reader.check_sheets()?;
    Ok(reader.catalogue)
}

struct Reader<'a> {
    source: Source<'a>,
    catalogue: Catalogue,
}

type Span = std::ops::Range<usize>;

/// An entry of the file.
#[derive(Default)]
struct CatalogueEntry {
    en: Option<String>,
    zh: Option<String>,
    base_units: Option<(i64, Span)>,
    counts_in_length: Option<bool>,
}

impl Reader<'_> {
    fn section(&mut self, name: &str, span: Span, entries: &Spanned<DeValue<'_>>) -> Result<(), FileError> {
        let Some((_, kind)) = NameKind::SECTIONS.iter().find(|(section, _)| *section == name) else {
            let known: Vec<&str> = NameKind::SECTIONS.iter().map(|(section, _)| *section).collect();
            let reason = format!("is not a section; known are {}", known.join(", "));
            return Err(self.source.error(Some(span), name, reason));
        };
        let Some(table) = entries.get_ref().as_table() else {
            return Err(self.source.error(Some(entries.span()), name, "must be a section"));
        };
        for (key, value) in table {
            let path = format!("{name}.{}", key.get_ref());
            self.check_key(*kind, key.get_ref())
                .map_err(|reason| self.source.error(Some(key.span()), &*path, reason))?;
            let entry = self.entry(*kind, &path, value)?;
            self.apply(*kind, key.get_ref(), entry).map_err(|(span, reason)| {
                self.source.error(Some(span.unwrap_or(key.span())), path, reason)
            })?;
        }
        Ok(())
    }

    fn check_key(&self, kind: NameKind, key: &str) -> Result<(), String> {
        if kind.is_numbered() {
            let number: Option<i64> = key.parse().ok();
            // "0102" and "+102" are never looked up.
            let plain = number.filter(|number| (0..=MAX_ENUM).contains(number) && number.to_string() == key);
            let number = plain.ok_or("must be a number between 0 and 2147483647")?;
            if kind == NameKind::Status && Status::from_number(number).is_none() {
                return Err("must be 1, 2 or 3: there is no other status".to_owned());
            }
            return Ok(());
        }
        let fixed = match kind {
            NameKind::Dimension | NameKind::Column | NameKind::Sheet | NameKind::Total => {
                self.catalogue.names(kind, key).is_some()
            }
            NameKind::Currency => CURRENCIES.contains(&key),
            _ => true,
        };
        if fixed { check_name(key) } else { Err("is nothing that has a name".to_owned()) }
    }

    fn entry(
        &self,
        kind: NameKind,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<CatalogueEntry, FileError> {
        let wrong =
            |span, field: &str, reason: &str| self.source.error(Some(span), join(path, field), reason);
        let Some(table) = value.get_ref().as_table() else {
            return Err(wrong(value.span(), "", "must be names such as { en = \"…\", zh = \"…\" }"));
        };
        let mut entry = CatalogueEntry::default();
        for (field, value) in table {
            let (field, span) = (field.get_ref().as_ref(), value.span());
            match field {
                "en" | "zh" => {
                    let text = value.get_ref().as_str().ok_or("must be a text".to_owned());
                    let text = text.and_then(|text| check_name(text).map(|()| text.to_owned()));
                    let text = text.map_err(|reason| wrong(span, field, &reason))?;
                    *(if field == "en" { &mut entry.en } else { &mut entry.zh }) = Some(text);
                }
                "base_units" if kind == NameKind::PricingUnit => {
                    let number = integer(value.get_ref()).filter(|units| *units > 0);
                    let units =
                        number.ok_or_else(|| wrong(span.clone(), field, "must be a whole number above 0"))?;
                    entry.base_units = Some((units, span));
                }
                "counts_in_length" if kind == NameKind::PricingSku => {
                    let counts = value.get_ref().as_bool();
                    entry.counts_in_length =
                        Some(counts.ok_or_else(|| wrong(span, field, "must be true or false"))?);
                }
                _ => {
                    let known = match kind {
                        NameKind::PricingUnit => "en, zh and base_units",
                        NameKind::PricingSku => "en, zh and counts_in_length",
                        _ => "en and zh",
                    };
                    return Err(wrong(span, field, &format!("is not a field; known are {known}")));
                }
            }
        }
        Ok(entry)
    }

    fn apply(
        &mut self,
        kind: NameKind,
        key: &str,
        entry: CatalogueEntry,
    ) -> Result<(), (Option<Span>, String)> {
        if kind == NameKind::PricingUnit {
            self.apply_base_units(key, entry.base_units)?;
        }
        if let Some(counts) = entry.counts_in_length {
            self.catalogue.set_input_sku(key, counts);
        }
        let old = self.catalogue.names(kind, key).cloned();
        let names = match (old, entry.en, entry.zh) {
            (_, Some(en), Some(zh)) => Names { en, zh },
            (Some(old), en, zh) => Names { en: en.unwrap_or(old.en), zh: zh.unwrap_or(old.zh) },
            (None, Some(only), None) | (None, None, Some(only)) => Names { en: only.clone(), zh: only },
            (None, None, None) if entry.counts_in_length.is_some() => return Ok(()),
            (None, None, None) => return Err((None, "must have a name, en or zh".to_owned())),
        };
        self.catalogue.set_name(kind, key, names);
        Ok(())
    }

    fn apply_base_units(
        &mut self,
        key: &str,
        stated: Option<(i64, Span)>,
    ) -> Result<(), (Option<Span>, String)> {
        let unit = key.parse().map_err(|_| (None, "must be a number".to_owned()))?;
        match (self.catalogue.base_units(unit), stated) {
            (None, None) => Err((None, "is a new pricing unit: it must state its base_units".to_owned())),
            (Some(known), Some((units, span))) if units != known => {
                let reason = format!(
                    "has {known} base units: they cannot be changed, orders were made with them; add a new unit"
                );
                Err((Some(span), reason))
            }
            (Some(_), _) => Ok(()),
            (None, Some((units, _))) => {
                self.catalogue.set_base_units(unit, units);
                Ok(())
            }
        }
    }

    /// Spreadsheet programs refuse a file with two sheets whose names differ only in case.
    fn check_sheets(&self) -> Result<(), FileError> {
        let (en, zh): (Vec<String>, Vec<String>) = (self.catalogue.keys(NameKind::Sheet))
            .filter_map(|key| self.catalogue.names(NameKind::Sheet, key))
            .map(|names| (names.en.to_lowercase(), names.zh.to_lowercase()))
            .unzip();
        let distinct = |names: &Vec<String>| {
            names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len()
        };
        if distinct(&en) && distinct(&zh) {
            return Ok(());
        }
        Err(self.source.error(None, "sheet", "two sheets must not have the same name"))
    }
}

fn join(path: &str, field: &str) -> String {
    if field.is_empty() { path.to_owned() } else { format!("{path}.{field}") }
}

fn check_name(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { check_text(text) }
}

/// A catalogue as a file that [`parse`] reads back to the same catalogue: every section, key and name.
pub fn render(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (section, kind) in NameKind::SECTIONS {
        let mut keys: Vec<&str> = catalogue.keys(kind).collect();
        if kind.is_numbered() {
            keys.sort_by_key(|key| key.parse::<i64>().unwrap_or(i64::MAX));
        }
        let separator = if text.is_empty() { "" } else { "\n" };
        line(&mut text, format_args!("{separator}[{section}]"));
        let input_skus = catalogue.input_skus();
        if kind == NameKind::PricingSku {
            let unnamed = input_skus.all_stated().filter(|(sku, _)| catalogue.names(kind, sku).is_none());
            for (sku, counts) in unnamed {
                line(&mut text, format_args!("{} = {{ counts_in_length = {counts} }}", bare_or_quoted(sku)));
            }
        }
        for key in keys {
            let Some(names) = catalogue.names(kind, key) else { continue };
            let counts = input_skus.stated(key).filter(|_| kind == NameKind::PricingSku);
            let counts = counts.map(|counts| format!(", counts_in_length = {counts}")).unwrap_or_default();
            let unit = key.parse().ok().filter(|_| kind == NameKind::PricingUnit);
            let units = unit.and_then(|unit| catalogue.base_units(unit));
            let units = units.map(|units| format!(", base_units = {units}")).unwrap_or_default();
            let (en, zh) = (quoted(&names.en), quoted(&names.zh));
            line(
                &mut text,
                format_args!("{} = {{ en = {en}, zh = {zh}{units}{counts} }}", bare_or_quoted(key)),
            );
        }
    }
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("a string takes any text");
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn bare_or_quoted(key: &str) -> String {
    let bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { key.to_owned() } else { quoted(key) }
}

#[cfg(test)]
mod tests {
    use tollbook_domain::Language;

    use super::*;

    fn read(text: &str) -> Result<Catalogue, String> {
        parse(Path::new("names.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_catalogue_is_written_and_read_back() {
        let text = render(&Catalogue::built_in());
        assert_eq!(read(&text).unwrap(), Catalogue::built_in());
        assert!(text.starts_with("[charge_type]\n1 = { en = \"Yearly\", zh = \"包年\" }\n"), "{text}");
        assert!(text.contains("\n[pricing_unit]\n10 = { en = \"Token\", zh = \"Token\", base_units = 1 }\n"));
        assert_eq!(read("").unwrap(), Catalogue::built_in());
        assert_eq!(load(None).unwrap(), Catalogue::built_in());
    }

    #[test]
    fn any_catalogue_is_written_and_read_back() {
        let mut catalogue = Catalogue::built_in();
        let strange = Names { en: "a \"b\" \\ 'c' = # é".into(), zh: "「」\u{a0}x".into() };
        catalogue.set_name(NameKind::Product, "with space.and \"quote\"", strange.clone());
        catalogue.set_name(NameKind::PricingUnit, "100", strange);
        assert!(catalogue.set_base_units(100, 86_400));
        catalogue.set_input_sku("cache_read", false);
        catalogue.set_input_sku("a document", true);
        assert_eq!(read(&render(&catalogue)).unwrap(), catalogue);
    }

    #[test]
    fn a_file_changes_only_what_it_states() {
        let catalogue = read(
            "[order_type]\n102 = { zh = \"按量后付\" }\n401 = { en = \"Refund\" }\n\
             [pricing_unit]\n100 = { en = \"Day\", zh = \"天\", base_units = 86_400 }\n11 = { base_units = 0x3e8 }\n\
             [region.eu-1]\nen = \"Frankfurt\"\n[product]\n\"a b\" = { zh = \"甲\" }\n",
        )
        .unwrap();
        let order_type = |number, language| catalogue.number(NameKind::OrderType, number, language);
        assert_eq!(order_type(102, Language::English), "Post-paid");
        assert_eq!(order_type(102, Language::Chinese), "按量后付");
        assert_eq!(order_type(401, Language::Chinese), "Refund");
        assert_eq!(catalogue.base_units(100), Some(86_400));
        assert_eq!(catalogue.number(NameKind::PricingUnit, 11, Language::English), "K Tokens");
        assert_eq!(catalogue.text(NameKind::Region, "eu-1", Language::Chinese), "Frankfurt");
        assert!(catalogue.has_product("a b"));
    }

    #[test]
    fn an_error_names_file_line_section_and_key() {
        // text | message after the file name; a semicolon ends a line
        let table = r#"
            [order_types] | :1: order_types: is not a section; known are charge_type,
            order_type = 1 | :1: order_type: must be a section
            [order_type;| :1: unclosed table, expected `]`
            ;[order_type];x = { en = "a" } | :3: order_type.x: must be a number between 0 and 2147483647
            [order_type];0301 = { en = "a" } | :2: order_type.0301: must be a number
            [order_type];-1 = { en = "a" } | :2: order_type.-1: must be a number
            [order_type];2147483648 = { en = "a" } | :2: order_type.2147483648: must be a number
            [order_type];301 = "a" | :2: order_type.301: must be names such as
            [order_type];301 = { fr = "a" } | :2: order_type.301.fr: is not a field; known are en and zh
            [order_type];301 = { en = 1 } | :2: order_type.301.en: must be a text
            [order_type];301 = { en = " " } | :2: order_type.301.en: must not be empty
            [order_type];301 = { en = "a\u0007" } | :2: order_type.301.en: must have no control characters
            [order_type];301 = { base_units = 1 } | :2: order_type.301.base_units: is not a field
            [order_type];401 = { } | :2: order_type.401: must have a name, en or zh
            [status];4 = { en = "Lost" } | :2: status.4: must be 1, 2 or 3
            [currency];EUR = { en = "Euro" } | :2: currency.EUR: is nothing that has a name
            [column];OrderNr = { en = "Number" } | :2: column.OrderNr: is nothing that has a name
            [sheet];paid = { en = "UNPAID orders" } |: sheet: two sheets must not have the same name
            [pricing_sku];input = { counts_in_length = 1 } | :2: pricing_sku.input.counts_in_length: must be true
            [region];x = { counts_in_length = true } | :2: region.x.counts_in_length: is not a field; known are en and zh
            [region];"" = { en = "x" } | :2: region.: must not be empty
            [pricing_unit];100 = { en = "Day" } | :2: pricing_unit.100: is a new pricing unit
            [pricing_unit];100 = { en = "Day", base_units = 0 } | :2: pricing_unit.100.base_units: must be a whole
            [pricing_unit];100 = { en = "Day", base_units = -5 } | :2: pricing_unit.100.base_units: must be a whole
            [pricing_unit];100 = { en = "Day", base_units = 1.5 } | :2: pricing_unit.100.base_units: must be a whole
            [pricing_unit];11 = { base_units = 1024 } | :2: pricing_unit.11: has 1000 base units: they cannot be changed"#;
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.trim_start().rsplit_once('|').unwrap();
            let error = read(&text.replace(';', "\n")).unwrap_err();
            assert!(error.starts_with(&format!("names.toml{}", expected.trim())), "{row}\ngot {error}");
        }
        let long = format!("[region]\nx = {{ en = \"{}\" }}", "x".repeat(257));
        assert_eq!(read(&long).unwrap_err(), "names.toml:2: region.x.en: must have at most 256 bytes");
    }

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        let error = load(Some(Path::new("/nowhere/names.toml"))).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/names.toml: "), "{error}");
    }
}
