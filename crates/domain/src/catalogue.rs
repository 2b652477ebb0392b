//! Names for people, in English and Chinese, of everything that orders carry as a number or a code, and how many
//! base units a pricing unit has. Data: the defaults are here, an operator's file is laid over them.

use std::collections::BTreeMap;

use crate::money::{divide_half_away, push_decimal};
use crate::order::Line;

/// The language of display names; one per brand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// `en`.
    #[default]
    English,
    /// `zh`.
    Chinese,
}

/// What a name is for; each is a section of the catalogue file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `[charge_type]`
    ChargeType,
    /// `[order_type]`
    OrderType,
    /// `[pricing_unit]`
    PricingUnit,
    /// `[resource_type]`
    ResourceType,
    /// `[status]`
    Status,
    /// `[product]`
    Product,
    /// `[region]`
    Region,
    /// `[currency]`
    Currency,
    /// `[pricing_sku]`
    PricingSku,
    /// `[dimension]`
    Dimension,
    /// `[column]`: headers of workbooks, by field name.
    Column,
    /// `[sheet]`: names of the sheets of workbooks.
    Sheet,
    /// `[total]`: what the lines of a workbook's sheet of totals say they are.
    Total,
}

impl Kind {
    /// Every kind with the name of its section.
    pub const SECTIONS: [(&'static str, Self); 13] = [
        ("charge_type", Self::ChargeType),
        ("order_type", Self::OrderType),
        ("pricing_unit", Self::PricingUnit),
        ("resource_type", Self::ResourceType),
        ("status", Self::Status),
        ("product", Self::Product),
        ("region", Self::Region),
        ("currency", Self::Currency),
        ("pricing_sku", Self::PricingSku),
        ("dimension", Self::Dimension),
        ("column", Self::Column),
        ("sheet", Self::Sheet),
        ("total", Self::Total),
    ];

    /// Whether its keys are numbers.
    pub const fn is_numbered(self) -> bool {
        match self {
            Self::ChargeType | Self::OrderType | Self::PricingUnit | Self::ResourceType | Self::Status => {
                true
            }
            Self::Product
            | Self::Region
            | Self::Currency
            | Self::PricingSku
            | Self::Dimension
            | Self::Column
            | Self::Sheet
            | Self::Total => false,
        }
    }
}

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// All names, and the base units of each pricing unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    names: BTreeMap<Kind, BTreeMap<String, Names>>,
    base_units: BTreeMap<i64, i64>,
}

/// The display texts of one line in one language; resolved once per line, not once per order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTexts {
    /// `RegionDisplay`.
    pub region: String,
    /// `ProductCodeDisplay`.
    pub product: String,
    /// `ChargeTypeDisplay`.
    pub charge_type: String,
    /// `CurrencyDisplay`.
    pub currency: String,
    /// `ResourceTypeDisplay`.
    pub resource_type: String,
    /// `OrderTypeDisplay`.
    pub order_type: String,
    /// `PricingUnitDisplay`.
    pub pricing_unit: String,
    /// Base units of the pricing unit.
    pub base_units: i64,
}

impl LineTexts {
    /// `QuantityDisplay`: the quantity in pricing units with the unit's name, `12.345 K Tokens`. A quotient that
    /// does not end (seconds in hours) is rounded to 8 places, half away from zero.
    pub fn quantity(&self, quantity: i128) -> String {
        quantity_display(quantity, self.base_units, &self.pricing_unit)
    }
}

/// `quantity ÷ base_units` with the unit's name behind it.
pub fn quantity_display(quantity: i128, base_units: i64, unit: &str) -> String {
    const PLACES: u32 = 8;
    let scaled = quantity.saturating_mul(100_000_000);
    // Room for any quantity but the very largest: this is made for each row of an export.
    let mut text = String::with_capacity(unit.len().saturating_add(24));
    push_decimal(&mut text, divide_half_away(scaled, i128::from(base_units)), PLACES, 0);
    text.push(' ');
    text.push_str(unit);
    text
}

impl Catalogue {
    /// The defaults of docs/ORDERS.md, "Catalogue numbers".
    pub fn built_in() -> Self {
        let mut names: BTreeMap<Kind, BTreeMap<String, Names>> = BTreeMap::new();
        for (kind, key, en, zh) in BUILT_IN_NAMES {
            let entry = Names { en: (*en).to_owned(), zh: (*zh).to_owned() };
            names.entry(*kind).or_default().insert((*key).to_owned(), entry);
        }
        Self { names, base_units: BUILT_IN_BASE_UNITS.iter().copied().collect() }
    }

    /// Adds or replaces a name.
    pub fn set_name(&mut self, kind: Kind, key: &str, names: Names) {
        self.names.entry(kind).or_default().insert(key.to_owned(), names);
    }

    /// The names of a key, if it has any.
    pub fn names(&self, kind: Kind, key: &str) -> Option<&Names> {
        self.names.get(&kind)?.get(key)
    }

    /// Adds or changes a pricing unit; `false` unless `base_units` is positive.
    pub fn set_base_units(&mut self, unit: i64, base_units: i64) -> bool {
        if base_units > 0 {
            self.base_units.insert(unit, base_units);
        }
        base_units > 0
    }

    /// Base units of one pricing unit; `None` for a unit that is not in the catalogue.
    pub fn base_units(&self, unit: i64) -> Option<i64> {
        self.base_units.get(&unit).copied()
    }

    /// Whether a product code is one of the catalogue's.
    pub fn has_product(&self, code: &str) -> bool {
        self.names(Kind::Product, code).is_some()
    }

    /// Every product code, in order.
    pub fn product_codes(&self) -> impl Iterator<Item = &str> {
        self.names.get(&Kind::Product).into_iter().flat_map(|names| names.keys().map(String::as_str))
    }

    /// The keys of a kind, in order.
    pub fn keys(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.names.get(&kind).into_iter().flat_map(|names| names.keys().map(String::as_str))
    }

    /// The name of a code; the code itself when it has none.
    pub fn text(&self, kind: Kind, key: &str, language: Language) -> String {
        match (self.names(kind, key), language) {
            (Some(names), Language::English) => names.en.clone(),
            (Some(names), Language::Chinese) => names.zh.clone(),
            (None, _) => key.to_owned(),
        }
    }

    /// The name of a number; the number itself when it has none.
    pub fn number(&self, kind: Kind, number: i64, language: Language) -> String {
        self.text(kind, &number.to_string(), language)
    }

    /// All display texts of a line.
    pub fn line_texts(&self, line: &Line, language: Language) -> LineTexts {
        let number = |kind, number| self.number(kind, number, language);
        LineTexts {
            region: self.text(Kind::Region, &line.region, language),
            product: self.text(Kind::Product, &line.product_code, language),
            charge_type: number(Kind::ChargeType, line.charge_type),
            currency: self.text(Kind::Currency, &line.currency, language),
            // 0 says that the order does not state a type: there is nothing to name.
            resource_type: match line.resource_type {
                0 => String::new(),
                stated => number(Kind::ResourceType, stated),
            },
            order_type: number(Kind::OrderType, line.order_type),
            pricing_unit: number(Kind::PricingUnit, line.pricing_unit),
            base_units: self.base_units(line.pricing_unit).unwrap_or(1),
        }
    }
}

const BUILT_IN_BASE_UNITS: &[(i64, i64)] =
    &[(1, 1), (2, 1_000), (3, 1_000_000), (4, 1), (5, 1), (6, 60), (7, 3_600), (8, 1), (9, 1_000)];

#[rustfmt::skip]
const BUILT_IN_NAMES: &[(Kind, &str, &str, &str)] = &[
    (Kind::ChargeType, "1", "Yearly", "包年"),
    (Kind::ChargeType, "2", "Monthly", "包月"),
    (Kind::ChargeType, "3", "Hourly", "按时"),
    (Kind::ChargeType, "4", "Daily", "按天"),
    (Kind::ChargeType, "5", "Pay-as-you-go", "按量"),
    (Kind::OrderType, "102", "Purchase", "新购"),
    (Kind::OrderType, "301", "Post-paid usage", "后付费"),
    (Kind::OrderType, "302", "Supplementary usage", "补单"),
    (Kind::PricingUnit, "1", "Token", "Token"),
    (Kind::PricingUnit, "2", "K Tokens", "千Token"),
    (Kind::PricingUnit, "3", "M Tokens", "百万Token"),
    (Kind::PricingUnit, "4", "Image", "张"),
    (Kind::PricingUnit, "5", "Second", "秒"),
    (Kind::PricingUnit, "6", "Minute", "分钟"),
    (Kind::PricingUnit, "7", "Hour", "小时"),
    (Kind::PricingUnit, "8", "Request", "次"),
    (Kind::PricingUnit, "9", "K Characters", "千字符"),
    (Kind::ResourceType, "1", "Inference API key", "推理 API Key"),
    (Kind::ResourceType, "2", "Sandbox", "沙箱"),
    (Kind::Status, "1", "Unpaid", "待支付"),
    (Kind::Status, "2", "Paid", "已支付"),
    (Kind::Status, "3", "Revoked", "已撤销"),
    (Kind::Product, "modelverse", "ModelVerse", "模型服务"),
    (Kind::Product, "sandbox", "Sandbox", "沙箱"),
    (Kind::Region, "cn-wlcb", "Ulanqab", "乌兰察布"),
    (Kind::Region, "us-ca", "Los Angeles", "洛杉矶"),
    (Kind::Currency, "CNY", "Chinese yuan", "人民币"),
    (Kind::Currency, "USD", "US dollar", "美元"),
    (Kind::PricingSku, "input", "Input tokens", "输入 Token"),
    (Kind::PricingSku, "output", "Output tokens", "输出 Token"),
    (Kind::PricingSku, "reasoning", "Reasoning tokens", "推理 Token"),
    (Kind::PricingSku, "cache_read", "Cached input tokens", "缓存命中 Token"),
    (Kind::PricingSku, "cache_write", "Cache write tokens", "缓存写入 Token"),
    (Kind::PricingSku, "image", "Images", "图片"),
    (Kind::PricingSku, "second", "Seconds", "秒"),
    (Kind::PricingSku, "request", "Requests", "请求"),
    (Kind::Dimension, "project", "Project", "项目"),
    (Kind::Dimension, "resource", "Resource", "资源"),
    (Kind::Dimension, "model", "Model", "模型"),
    (Kind::Dimension, "sku", "Billing SKU", "计费项"),
    (Kind::Dimension, "region", "Region", "地域"),
    (Kind::Sheet, "paid", "Paid orders", "已支付订单"),
    (Kind::Sheet, "unpaid", "Unpaid orders", "未支付订单"),
    (Kind::Sheet, "totals", "Totals", "合计"),
    (Kind::Total, "Item", "Item", "项目"),
    (Kind::Total, "Value", "Value", "值"),
    (Kind::Total, "StartTime", "Start of the range", "开始时间"),
    (Kind::Total, "EndTime", "End of the range, not included", "结束时间（不含）"),
    (Kind::Total, "TimeZone", "Time zone", "时区"),
    (Kind::Total, "SnapshotTime", "As of", "数据时间"),
    (Kind::Total, "RowCount", "Orders", "订单数"),
    (Kind::Total, "Statuses", "Filter: status", "筛选：状态"),
    (Kind::Total, "ResourceIds", "Filter: resources", "筛选：资源"),
    (Kind::Total, "ModelIds", "Filter: models", "筛选：模型"),
    (Kind::Total, "PricingUnits", "Filter: pricing units", "筛选：计费单位"),
    (Kind::Total, "PricingSkus", "Filter: billing SKUs", "筛选：计费项"),
    (Kind::Total, "ProductCodes", "Filter: products", "筛选：产品"),
    (Kind::Total, "OrderTypes", "Filter: order types", "筛选：订单类型"),
    (Kind::Total, "ChargeTypes", "Filter: charge types", "筛选：计费方式"),
    (Kind::Total, "Regions", "Filter: regions", "筛选：地域"),
    (Kind::Total, "OrganizationIds", "Filter: organizations", "筛选：项目"),
    (Kind::Total, "VisibleOrganizations", "Organizations of the API key", "密钥所属项目"),
    (Kind::Total, "OrderNos", "Filter: order numbers", "筛选：订单号"),
    (Kind::Column, "Region", "Region", "地域"),
    (Kind::Column, "RegionDisplay", "Region name", "地域名称"),
    (Kind::Column, "ProductCode", "Product code", "产品代码"),
    (Kind::Column, "ProductCodeDisplay", "Product", "产品"),
    (Kind::Column, "OrderNo", "Order number", "订单号"),
    (Kind::Column, "SourceOrderNo", "Source order number", "原订单号"),
    (Kind::Column, "CompanyID", "Company ID", "公司 ID"),
    (Kind::Column, "OrganizationID", "Project number", "项目编号"),
    (Kind::Column, "OrganizationName", "Project", "项目"),
    (Kind::Column, "UserEmail", "User email", "用户邮箱"),
    (Kind::Column, "ChargeType", "Charge type", "计费方式编号"),
    (Kind::Column, "ChargeTypeDisplay", "Charge type name", "计费方式"),
    (Kind::Column, "Channel", "Channel", "渠道"),
    (Kind::Column, "Currency", "Currency", "币种"),
    (Kind::Column, "CurrencyDisplay", "Currency name", "币种名称"),
    (Kind::Column, "ResourceID", "Resource ID", "资源 ID"),
    (Kind::Column, "ResourceType", "Resource type", "资源类型编号"),
    (Kind::Column, "ResourceTypeDisplay", "Resource type name", "资源类型"),
    (Kind::Column, "ModelID", "Model ID", "模型 ID"),
    (Kind::Column, "ModelName", "Model", "模型"),
    (Kind::Column, "OrderType", "Order type", "订单类型编号"),
    (Kind::Column, "OrderTypeDisplay", "Order type name", "订单类型"),
    (Kind::Column, "PricingSKU", "Billing SKU", "计费项"),
    (Kind::Column, "PricingItemID", "Pricing item ID", "计费项 ID"),
    (Kind::Column, "Quantity", "Quantity", "用量"),
    (Kind::Column, "QuantityDisplay", "Quantity in units", "用量（计价单位）"),
    (Kind::Column, "PricingUnit", "Pricing unit", "计价单位编号"),
    (Kind::Column, "PricingUnitDisplay", "Pricing unit name", "计价单位"),
    (Kind::Column, "ListPrice", "List price", "原单价"),
    (Kind::Column, "DiscountPrice", "Discount price", "折后单价"),
    (Kind::Column, "OrderTotalPrice", "Order total", "订单金额"),
    (Kind::Column, "OriginalPrice", "Original price", "原价"),
    (Kind::Column, "Status", "Status", "状态编号"),
    (Kind::Column, "StatusDisplay", "Status name", "状态"),
    (Kind::Column, "CreateTime", "Created", "创建时间"),
    (Kind::Column, "StartTime", "Start", "计费开始时间"),
    (Kind::Column, "EndTime", "End", "计费结束时间"),
    (Kind::Column, "PaidTime", "Paid", "支付时间"),
    (Kind::Column, "RevocationTime", "Revoked", "撤销时间"),
    (Kind::Column, "StarCardAccount", "Star card", "星卡"),
    (Kind::Column, "Coupon", "Coupon", "代金券"),
    (Kind::Column, "BonusAccount", "Bonus", "赠金"),
    (Kind::Column, "CashAccount", "Cash", "现金"),
    (Kind::Column, "CreditAccount", "Credit", "信用"),
    (Kind::Column, "UnpaidOrderNo", "Unpaid order number", "欠费订单号"),
    (Kind::Column, "ResourceId", "Resource ID", "资源 ID"),
    (Kind::Column, "PricingUnitName", "Pricing unit name", "计价单位"),
    (Kind::Column, "SumQuantity", "Quantity", "用量合计"),
    (Kind::Column, "SumQuantityDisplay", "Quantity in units", "用量合计（计价单位）"),
    (Kind::Column, "SumOrderPrice", "Order total", "订单金额合计"),
    (Kind::Column, "SumOriginalPrice", "Original price", "原价合计"),
    (Kind::Column, "SumStarCardAccount", "Star card", "星卡合计"),
    (Kind::Column, "SumCoupon", "Coupon", "代金券合计"),
    (Kind::Column, "SumBonusAccount", "Bonus", "赠金合计"),
    (Kind::Column, "SumCashAccount", "Cash", "现金合计"),
    (Kind::Column, "SumCreditAccount", "Credit", "信用合计"),
    (Kind::Column, "OrderCount", "Orders", "订单数"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_language_and_fall_back_to_the_value() {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.number(Kind::OrderType, 302, Language::English), "Supplementary usage");
        assert_eq!(catalogue.number(Kind::OrderType, 302, Language::Chinese), "补单");
        assert_eq!(catalogue.number(Kind::OrderType, 7, Language::English), "7");
        assert_eq!(catalogue.text(Kind::Region, "eu-x", Language::Chinese), "eu-x");
    }

    #[test]
    fn quantities_read_as_people_write_them() {
        // quantity | base units | text
        for (quantity, units, text) in [
            (12_345, 1_000, "12.345 u"),
            (12_000, 1_000, "12 u"),
            (0, 1_000_000, "0 u"),
            (1, 3_600, "0.00027778 u"),
            (5_400, 3_600, "1.5 u"),
            (3, 1, "3 u"),
        ] {
            assert_eq!(quantity_display(quantity, units, "u"), text);
        }
    }

    #[test]
    fn every_unit_with_a_size_has_a_name_and_the_reverse() {
        let catalogue = Catalogue::built_in();
        let named: Vec<i64> = catalogue.keys(Kind::PricingUnit).map(|key| key.parse().unwrap()).collect();
        assert_eq!(named, (1..=9).collect::<Vec<_>>());
        assert!(named.iter().all(|unit| catalogue.base_units(*unit).is_some()));
    }
}
