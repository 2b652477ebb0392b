//! The settings that decide about money: what an order is paid from and when, which usage is charged, on which channel
//! and with which rounding, and the catalogue's units. Processes of one deployment must agree on them. What decides
//! only when something happens, how much a request may hold, or how something looks is not among them.

use std::collections::BTreeMap;

use tollbook_domain::Catalogue;
use tollbook_domain::account::AccountKind;

use super::brand::{Brand, rounding_name, rounding_named};
use super::settings::Config;

/// Settings by name, with values as texts. Names are those of the configuration file.
pub type MoneySettings = BTreeMap<String, String>;

/// Between the items of a list.
const SEPARATOR: char = '\n';

/// The brand that a setting belongs to.
pub fn brand_of_setting(name: &str) -> Option<&str> {
    name.strip_prefix("brand.")?.rsplit_once('.').map(|(brand, _)| brand)
}

/// Whether a setting states something new by its presence, without changing what is there: a unit of the catalogue.
pub fn is_addition(name: &str) -> bool {
    name.starts_with("catalogue.pricing_unit.")
}

impl Config {
    /// What this configuration and its catalogue decide about money.
    pub fn money_settings(&self, catalogue: &Catalogue) -> MoneySettings {
        let charging = &self.charging;
        let kinds = |kinds: &[AccountKind]| list(kinds.iter().map(|kind| kind.name()));
        let arrears_at = charging
            .arrears_at_s
            .map_or_else(|| "never".to_owned(), |at_s| format!("{:02}:{:02}", at_s / 3_600, at_s / 60 % 60));
        let mut settings: MoneySettings = [
            ("charging.sequence", kinds(&charging.sequence)),
            ("charging.not_for_arrears", kinds(&charging.not_for_arrears)),
            ("charging.deposit_pays_arrears", charging.deposit_pays_arrears.to_string()),
            ("charging.arrears_at", arrears_at),
            ("charging.bill_zero_amounts", charging.bill_zero_amounts.to_string()),
            ("charging.identity_window_s", charging.identity_window_s.to_string()),
            ("charging.otlp_services", list(charging.otlp_services.iter().map(String::as_str))),
            ("charging.otlp_scopes", list(charging.otlp_scopes.iter().map(String::as_str))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for brand in self.brands() {
            let name = &brand.name;
            settings.insert(format!("brand.{name}.channel"), brand.channel.to_string());
            settings.insert(format!("brand.{name}.rounding"), rounding_name(brand.rounding).to_owned());
        }
        let built_in = Catalogue::built_in();
        for (unit, base_units) in catalogue.all_base_units() {
            if built_in.base_units(unit) != Some(base_units) {
                settings.insert(format!("catalogue.pricing_unit.{unit}"), base_units.to_string());
            }
        }
        for (sku, counts) in catalogue.input_skus().all_stated() {
            if built_in.input_skus().stated(sku) != Some(counts) {
                settings.insert(format!("catalogue.sku.{sku}"), counts.to_string());
            }
        }
        settings
    }

    /// Takes over what a deployment has decided about money. Brands get what is stored of them and keep the rest.
    ///
    /// # Errors
    /// The name of a setting whose value this program cannot read.
    pub fn apply_money_settings(
        &mut self,
        catalogue: &mut Catalogue,
        settings: &MoneySettings,
    ) -> Result<(), String> {
        for (name, value) in settings {
            self.apply(catalogue, name, value).ok_or_else(|| name.clone())?;
        }
        Ok(())
    }

    /// `None` if the value cannot be read. An unknown setting is one that this program does not have, and is ignored.
    fn apply(&mut self, catalogue: &mut Catalogue, name: &str, value: &str) -> Option<()> {
        let charging = &mut self.charging;
        match name {
            "charging.sequence" => charging.sequence = kinds(value)?,
            "charging.not_for_arrears" => charging.not_for_arrears = kinds(value)?,
            "charging.deposit_pays_arrears" => charging.deposit_pays_arrears = value.parse().ok()?,
            "charging.arrears_at" => charging.arrears_at_s = super::charging::time_of_day(value)?,
            "charging.bill_zero_amounts" => charging.bill_zero_amounts = value.parse().ok()?,
            "charging.identity_window_s" => charging.identity_window_s = value.parse().ok()?,
            "charging.otlp_services" => charging.otlp_services = items(value).map(str::to_owned).collect(),
            "charging.otlp_scopes" => charging.otlp_scopes = items(value).map(str::to_owned).collect(),
            _ => {
                if let Some(brand) = brand_of_setting(name) {
                    let brand = self.brands.entry(brand.to_owned()).or_insert_with(|| Brand::named(brand));
                    if name.ends_with(".channel") {
                        brand.channel = value.parse().ok()?;
                    } else if name.ends_with(".rounding") {
                        brand.rounding = rounding_named(value)?;
                    }
                } else if let Some(unit) = name.strip_prefix("catalogue.pricing_unit.") {
                    catalogue.set_base_units(unit.parse().ok()?, value.parse().ok()?).then_some(())?;
                } else if let Some(sku) = name.strip_prefix("catalogue.sku.") {
                    catalogue.set_input_sku(sku, value.parse().ok()?);
                }
            }
        }
        Some(())
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(&SEPARATOR.to_string())
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(SEPARATOR).filter(|item| !item.is_empty())
}

fn kinds(text: &str) -> Option<Vec<AccountKind>> {
    items(text).map(AccountKind::from_name).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn settings_applied_to_the_defaults_are_the_same_again() {
        let text = "[charging]\nsequence = [\"cash\", \"bonus\"]\nnot_for_arrears = []\ndeposit_pays_arrears = false\n\
                    arrears_at = \"never\"\nbill_zero_amounts = true\nidentity_window_s = 86400\n\
                    otlp_services = [\"litellm\", \"a,b\"]\notlp_scopes = [\"s\"]\n\
                    [brand.default]\nchannel = 7\n[brand.acme]\nrounding = \"cent_up\"\nchannel = 2\nlanguage = \"zh\"";
        let config = Config::parse(Path::new("tollbook.toml"), text).unwrap();
        let mut catalogue = Catalogue::built_in();
        assert!(catalogue.set_base_units(300, 1_000));
        catalogue.set_input_sku("image", true);
        let settings = config.money_settings(&catalogue);
        assert_eq!(settings["charging.sequence"], "cash\nbonus");
        assert_eq!(settings["brand.acme.rounding"], "cent_up");
        assert_eq!(settings["catalogue.pricing_unit.300"], "1000");
        let (mut other, mut units) = (Config::default(), Catalogue::built_in());
        other.apply_money_settings(&mut units, &settings).unwrap();
        assert_eq!(other.money_settings(&units), settings);
        assert_eq!(other.charging, config.charging);
        assert_eq!(other.brand("acme").map(|brand| brand.channel), Some(2));
        assert!(units.input_skus().counts("image"));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named() {
        let settings = MoneySettings::from([("charging.sequence".to_owned(), "gold".to_owned())]);
        let refused = Config::default().apply_money_settings(&mut Catalogue::built_in(), &settings);
        assert_eq!(refused, Err("charging.sequence".to_owned()));
        let unknown = MoneySettings::from([("charging.of_a_later_version".to_owned(), "1".to_owned())]);
        assert_eq!(Config::default().apply_money_settings(&mut Catalogue::built_in(), &unknown), Ok(()));
    }

    #[test]
    fn settings_of_brands_are_told_by_their_names() {
        assert_eq!(brand_of_setting("brand.a-b_1.channel"), Some("a-b_1"));
        assert_eq!(brand_of_setting("charging.sequence"), None);
    }
}
