//! Writes prices as a price file that reads back to the same prices.

use std::fmt::Write as _;

use tollbook_domain::Price;
use tollbook_domain::price::Matcher;

/// Writes prices as a price file. Prices of one model that differ only in SKU, unit, item and condition become one
/// `[[model]]`.
///
/// # Errors
/// The model that a price file cannot express, with the reason.
pub fn write(prices: &[Price]) -> Result<String, String> {
    let mut models: Vec<Vec<&Price>> = Vec::new();
    for price in prices {
        expressible(price).map_err(|reason| {
            let provider = match price.provider.as_str() {
                "" => String::new(),
                provider => format!(" of provider {provider:?}"),
            };
            format!("model {:?}{provider}: {reason}", price.model_id)
        })?;
        // A condition of a model may state a SKU once.
        let fits = |model: &&mut Vec<&Price>| {
            is_one_model(model[0], price)
                && !model.iter().any(|other| other.sku == price.sku && is_one_condition(other, price))
        };
        match models.last_mut().filter(fits) {
            Some(model) => model.push(price),
            None => match models.iter_mut().rev().find(fits) {
                Some(model) => model.push(price),
                None => models.push(vec![price]),
            },
        }
    }
    let mut text = "# A price list; every key is described in docs/PRICES.md.\n".to_owned();
    for model in &models {
        write_model(&mut text, model);
    }
    Ok(text)
}

fn expressible(price: &Price) -> Result<(), &'static str> {
    if price.is_fallback {
        return Err(
            "is another provider's model that the provider takes over, which a price file cannot state",
        );
    }
    if price.provider.is_empty() && (price.provider_models.is_some() || price.provider_names.is_some()) {
        return Err("has names of a provider, but no provider");
    }
    Ok(())
}

fn is_one_model(a: &Price, b: &Price) -> bool {
    (&a.model_id, &a.model_name, &a.provider, &a.currency)
        == (&b.model_id, &b.model_name, &b.provider, &b.currency)
        && (a.valid_from_s, a.valid_until_s) == (b.valid_from_s, b.valid_until_s)
        && (&a.models, &a.provider_names, &a.provider_models)
            == (&b.models, &b.provider_names, &b.provider_models)
}

fn is_one_condition(a: &Price, b: &Price) -> bool {
    (a.longer_than, a.time_of_day, &a.service_tier) == (b.longer_than, b.time_of_day, &b.service_tier)
}

fn is_base(price: &Price) -> bool {
    price.longer_than.is_none() && price.time_of_day.is_none() && price.service_tier.is_empty()
}

fn write_model(out: &mut String, model: &[&Price]) {
    let of = model[0];
    line(out, format_args!("\n[[model]]\nid = {}", quoted(&of.model_id)));
    line(out, format_args!("name = {}", quoted(&of.model_name)));
    if !of.provider.is_empty() {
        line(out, format_args!("provider = {}", quoted(&of.provider)));
    }
    if let Some(matcher) = &of.provider_names {
        line(out, format_args!("provider_names = {}", matcher_text(matcher)));
    }
    if let Some(matcher) = &of.provider_models {
        line(out, format_args!("provider_models = {}", matcher_text(matcher)));
    }
    if of.models != Matcher::Equals(of.model_id.clone()) {
        line(out, format_args!("match = {}", matcher_text(&of.models)));
    }
    line(out, format_args!("currency = {}", quoted(&of.currency)));
    line(out, format_args!("valid_from = {}", time(of.valid_from_s)));
    if let Some(until_s) = of.valid_until_s {
        line(out, format_args!("valid_until = {}", time(until_s)));
    }
    let base: Vec<&Price> = model.iter().copied().filter(|price| is_base(price)).collect();
    if !base.is_empty() {
        line(out, format_args!("[model.prices]"));
        base.iter().for_each(|price| write_price(out, price));
    }
    let mut written: Vec<&Price> = Vec::new();
    for variant in model.iter().copied().filter(|price| !is_base(price)) {
        if written.iter().any(|other| is_one_condition(other, variant)) {
            continue;
        }
        written.push(variant);
        line(out, format_args!("[[model.variant]]"));
        if let Some(length) = variant.longer_than {
            line(out, format_args!("longer_than = {length}"));
        }
        if let Some(day) = variant.time_of_day {
            let (from, until) = (clock(day.from_s), clock(day.until_s));
            line(out, format_args!("time_of_day = {{ from = \"{from}\", until = \"{until}\" }}"));
        }
        if !variant.service_tier.is_empty() {
            line(out, format_args!("service_tier = {}", quoted(&variant.service_tier)));
        }
        line(out, format_args!("[model.variant.prices]"));
        let same = model.iter().filter(|price| is_one_condition(price, variant));
        same.for_each(|price| write_price(out, price));
    }
}

fn write_price(out: &mut String, price: &Price) {
    let (unit, item_id) = (price.pricing_unit, price.item_id);
    line(
        out,
        format_args!(
            "{} = {{ price = \"{}\", unit = {unit}, item_id = {item_id} }}",
            quoted(&price.sku),
            price.list_price
        ),
    );
}

fn matcher_text(matcher: &Matcher) -> String {
    let one = |key: &str, text: &str| format!("{{ {key} = {} }}", quoted(text));
    let list = |key: &str, matchers: &[Matcher]| {
        let texts: Vec<String> = matchers.iter().map(matcher_text).collect();
        format!("{{ {key} = [{}] }}", texts.join(", "))
    };
    match matcher {
        Matcher::Any => "{ any = true }".to_owned(),
        Matcher::Equals(text) => one("equals", text),
        Matcher::StartsWith(text) => one("starts_with", text),
        Matcher::EndsWith(text) => one("ends_with", text),
        Matcher::Contains(text) => one("contains", text),
        Matcher::Pattern(pattern) => one("regex", pattern.as_str()),
        Matcher::OneOf(matchers) => list("or", matchers),
        Matcher::AllOf(matchers) => list("and", matchers),
    }
}

/// A time in seconds; prices are valid from 1970 to 9999.
fn time(time_s: i64) -> String {
    jiff::Timestamp::from_second(time_s).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("a string takes any text");
}

fn quoted(text: &str) -> String {
    // A multi-line string of the TOML writer would not fit into an inline table.
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a string takes any text");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use tollbook_domain::HourOffsets;

    use std::path::Path;

    use tollbook_domain::catalogue::Catalogue;

    use super::super::parse;
    use super::*;

    #[test]
    fn a_price_file_is_written_and_read_back() {
        let catalogue = Catalogue::built_in();
        let read = |text: &str| parse(Path::new("p.toml"), text, 0, &catalogue, &HourOffsets::default());
        let tiers = "currency = \"USD\"\nunit = 12\n[[model]]\nid = \"a \\\"b\\\"\\\\\"\nmatch = { and = [{ any = true }, \
                     { contains = \"x\" }] }\nprovider = \"p\"\n[model.prices]\n\"odd sku\" = \"1\"\n[[model.variant]]\n\
                     service_tier = \"flex\"\n[model.variant.prices]\n\"odd sku\" = \"0.5\"\n[[model.variant]]\n\
                     service_tier = \"Priority\"\nlonger_than = 5\n[model.variant.prices]\n\"odd sku\" = \"2\"\n";
        for text in [include_str!("../../../../../examples/prices.toml"), tiers] {
            let prices = read(text).unwrap().prices;
            let written = write(&prices).unwrap();
            let again = read(&written).unwrap_or_else(|error| panic!("{error}\n{written}")).prices;
            let sorted = |mut prices: Vec<Price>| {
                prices.sort_by_key(|price| format!("{price:?}"));
                prices
            };
            assert_eq!(sorted(again), sorted(prices), "{written}");
        }
        assert_eq!(read(tiers).unwrap().prices[1].service_tier, "flex");
        assert_eq!(read(tiers).unwrap().prices[2].service_tier, "priority");
    }

    #[test]
    fn what_a_file_cannot_state_is_refused_by_name() {
        let text = "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m\"\nprovider = \"p\"\n[model.prices]\ninput = \"1\"\n";
        let catalogue = Catalogue::built_in();
        let offsets = HourOffsets::default();
        let mut prices = parse(Path::new("p.toml"), text, 0, &catalogue, &offsets).unwrap().prices;
        prices[0].is_fallback = true;
        let error = write(&prices).unwrap_err();
        assert!(error.starts_with("model \"m\" of provider \"p\": is another provider's model"), "{error}");
    }
}
