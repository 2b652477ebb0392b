//! The catalogue: display names, in English and Chinese, of the numbers and codes of orders, and the base units of pricing
//! units. The defaults are here; an operator's file overrides them.

use std::collections::BTreeMap;

use crate::input_skus::InputSkus;
use crate::line::Line;
use crate::money::{divide_rounded, push_decimal};

/// Language of display names; each brand has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, `en`.
    #[default]
    English,
    /// Chinese, `zh`.
    Chinese,
}

/// Kind of a name; each kind is a section of the catalogue file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// `[charge_type]`: charge types by number.
    ChargeType,
    /// `[order_type]`: order types by number.
    OrderType,
    /// `[pricing_unit]`: pricing units by number.
    PricingUnit,
    /// `[resource_type]`: resource types by number.
    ResourceType,
    /// `[status]`: statuses by number.
    Status,
    /// `[product]`: products by code.
    Product,
    /// `[region]`: regions by code.
    Region,
    /// `[currency]`: currencies by code.
    Currency,
    /// `[pricing_sku]`: SKUs by code.
    PricingSku,
    /// `[dimension]`: the attributes that a bill can be grouped by.
    Dimension,
    /// `[column]`: column headers of workbooks, by field name.
    Column,
    /// `[sheet]`: sheet names of workbooks.
    Sheet,
    /// `[total]`: row labels of the totals sheet of workbooks.
    Total,
}

impl NameKind {
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

    /// Whether the keys are numbers.
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
    /// English name.
    pub en: String,
    /// Chinese name.
    pub zh: String,
}

/// All display names, and the base units of each pricing unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    names: BTreeMap<NameKind, BTreeMap<String, Names>>,
    base_units: BTreeMap<i64, i64>,
    input_skus: InputSkus,
}

/// The display texts of one line in one language, resolved once per line instead of once per order.
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
    /// `QuantityDisplay`: the quantity in pricing units followed by the unit's name, `12.345 K Tokens`; rounded to 8
    /// places, which is needed for seconds in hours.
    pub fn quantity(&self, quantity: i128) -> String {
        quantity_display(quantity, self.base_units, &self.pricing_unit)
    }
}

/// `quantity ÷ base_units`, rounded to 8 places, followed by the name of the pricing unit.
pub fn quantity_display(quantity: i128, base_units: i64, unit: &str) -> String {
    const PLACES: u32 = 8;
    let scaled = quantity.saturating_mul(100_000_000);
    // Capacity for almost any quantity: the text is made for each row of an export.
    let mut text = String::with_capacity(unit.len().saturating_add(24));
    push_decimal(&mut text, divide_rounded(scaled, i128::from(base_units)), PLACES, 0);
    text.push(' ');
    text.push_str(unit);
    text
}

impl Catalogue {
    /// The default catalogue of docs/ORDERS.md, "Catalogue numbers".
    pub fn built_in() -> Self {
        let mut names: BTreeMap<NameKind, BTreeMap<String, Names>> = BTreeMap::new();
        for (kind, key, en, zh) in BUILT_IN_NAMES {
            let entry = Names { en: (*en).to_owned(), zh: (*zh).to_owned() };
            names.entry(*kind).or_default().insert((*key).to_owned(), entry);
        }
        let base_units = BUILT_IN_BASE_UNITS.iter().copied().collect();
        Self { names, base_units, input_skus: InputSkus::default() }
    }

    /// Adds or replaces a name.
    pub fn set_name(&mut self, kind: NameKind, key: &str, names: Names) {
        self.names.entry(kind).or_default().insert(key.to_owned(), names);
    }

    /// The names of a key; `None` if it has none.
    pub fn names(&self, kind: NameKind, key: &str) -> Option<&Names> {
        self.names.get(&kind)?.get(key)
    }

    /// Adds or changes a pricing unit. Returns `false` and changes nothing unless `base_units` is positive.
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

    /// The pricing units and their base units, by number.
    pub fn all_base_units(&self) -> impl Iterator<Item = (i64, i64)> {
        self.base_units.iter().map(|(unit, base_units)| (*unit, *base_units))
    }

    /// Which SKUs count towards the length of a request.
    pub const fn input_skus(&self) -> &InputSkus {
        &self.input_skus
    }

    /// States whether a SKU counts towards the length of a request.
    pub fn set_input_sku(&mut self, sku: &str, counts: bool) {
        self.input_skus.state(sku, counts);
    }

    /// Whether the catalogue has a product.
    pub fn has_product(&self, code: &str) -> bool {
        self.names(NameKind::Product, code).is_some()
    }

    /// The product codes, in ascending order.
    pub fn product_codes(&self) -> impl Iterator<Item = &str> {
        self.keys(NameKind::Product)
    }

    /// The keys of a kind, in ascending order of their texts.
    pub fn keys(&self, kind: NameKind) -> impl Iterator<Item = &str> {
        self.names.get(&kind).into_iter().flat_map(|names| names.keys().map(String::as_str))
    }

    /// The name of a code; the code itself if it has none.
    pub fn text(&self, kind: NameKind, key: &str, language: Language) -> String {
        match (self.names(kind, key), language) {
            (Some(names), Language::English) => names.en.clone(),
            (Some(names), Language::Chinese) => names.zh.clone(),
            (None, _) => key.to_owned(),
        }
    }

    /// The name of a number; the number itself if it has none.
    pub fn number(&self, kind: NameKind, number: i64, language: Language) -> String {
        self.text(kind, &number.to_string(), language)
    }

    /// All display texts of a line.
    pub fn line_texts(&self, line: &Line, language: Language) -> LineTexts {
        let number = |kind, number| self.number(kind, number, language);
        LineTexts {
            region: self.text(NameKind::Region, &line.region, language),
            product: self.text(NameKind::Product, &line.product_code, language),
            charge_type: number(NameKind::ChargeType, line.charge_type),
            currency: self.text(NameKind::Currency, &line.currency, language),
            // 0: the order states no type.
            resource_type: match line.resource_type {
                0 => String::new(),
                stated => number(NameKind::ResourceType, stated),
            },
            order_type: number(NameKind::OrderType, line.order_type),
            pricing_unit: number(NameKind::PricingUnit, line.pricing_unit),
            base_units: self.base_units(line.pricing_unit).unwrap_or(1),
        }
    }
}

/// Numbers of the built-in pricing units, as the live service has them (docs/ORDERS.md, "Catalogue numbers"). A catalogue
/// file cannot change what they mean.
pub mod pricing_unit {
    /// One token.
    pub const TOKEN: i64 = 10;
    /// 1,000 tokens.
    pub const K_TOKENS: i64 = 11;
    /// 1,000,000 tokens.
    pub const M_TOKENS: i64 = 12;
    /// One second.
    pub const SECOND: i64 = 20;
    /// One minute; the base unit is a second.
    pub const MINUTE: i64 = 21;
    /// One hour; the base unit is a second.
    pub const HOUR: i64 = 22;
    /// One pixel.
    pub const PIXEL: i64 = 30;
    /// 1,000,000 pixels.
    pub const M_PIXELS: i64 = 31;
    /// One character.
    pub const CHARACTER: i64 = 40;
    /// 10,000 characters.
    pub const TEN_K_CHARACTERS: i64 = 41;
    /// 1,000,000 characters.
    pub const M_CHARACTERS: i64 = 42;
    /// One byte of UTF-8.
    pub const UTF8_BYTE: i64 = 50;
    /// 10,000 bytes of UTF-8.
    pub const TEN_K_UTF8_BYTES: i64 = 51;
    /// 1,000,000 bytes of UTF-8.
    pub const M_UTF8_BYTES: i64 = 52;
    /// One image.
    pub const IMAGE: i64 = 60;
    /// One request.
    pub const REQUEST: i64 = 61;
    /// One item.
    pub const ITEM: i64 = 62;
    /// One page.
    pub const PAGE: i64 = 63;
    /// One vCPU for a second.
    pub const VCPU_SECOND: i64 = 70;
    /// One gigabyte for a second.
    pub const GB_SECOND: i64 = 71;
    /// One gigabyte for an hour; the base unit is a gigabyte for a second.
    pub const GB_HOUR: i64 = 72;
}

const BUILT_IN_BASE_UNITS: &[(i64, i64)] = &[
    (pricing_unit::TOKEN, 1),
    (pricing_unit::K_TOKENS, 1_000),
    (pricing_unit::M_TOKENS, 1_000_000),
    (pricing_unit::SECOND, 1),
    (pricing_unit::MINUTE, 60),
    (pricing_unit::HOUR, 3_600),
    (pricing_unit::PIXEL, 1),
    (pricing_unit::M_PIXELS, 1_000_000),
    (pricing_unit::CHARACTER, 1),
    (pricing_unit::TEN_K_CHARACTERS, 10_000),
    (pricing_unit::M_CHARACTERS, 1_000_000),
    (pricing_unit::UTF8_BYTE, 1),
    (pricing_unit::TEN_K_UTF8_BYTES, 10_000),
    (pricing_unit::M_UTF8_BYTES, 1_000_000),
    (pricing_unit::IMAGE, 1),
    (pricing_unit::REQUEST, 1),
    (pricing_unit::ITEM, 1),
    (pricing_unit::PAGE, 1),
    (pricing_unit::VCPU_SECOND, 1),
    (pricing_unit::GB_SECOND, 1),
    (pricing_unit::GB_HOUR, 3_600),
];

#[rustfmt::skip]
const BUILT_IN_NAMES: &[(NameKind, &str, &str, &str)] = &[
    (NameKind::ChargeType, "1", "Yearly", "包年"),
    (NameKind::ChargeType, "2", "Monthly", "包月"),
    (NameKind::ChargeType, "3", "Hourly", "按时"),
    (NameKind::ChargeType, "4", "Daily", "按天"),
    (NameKind::ChargeType, "5", "Pay-as-you-go", "按量"),
    (NameKind::ChargeType, "102", "Pay-as-you-go", "按量付费"),
    (NameKind::OrderType, "102", "Post-paid", "后付费"),
    (NameKind::OrderType, "301", "Supplementary", "补单"),
    (NameKind::PricingUnit, "10", "Token", "Token"),
    (NameKind::PricingUnit, "11", "K Tokens", "千Token"),
    (NameKind::PricingUnit, "12", "M Tokens", "百万token"),
    (NameKind::PricingUnit, "20", "Second", "秒"),
    (NameKind::PricingUnit, "21", "Minute", "分"),
    (NameKind::PricingUnit, "22", "Hour", "小时"),
    (NameKind::PricingUnit, "30", "Pixel", "像素"),
    (NameKind::PricingUnit, "31", "M Pixels", "百万像素"),
    (NameKind::PricingUnit, "40", "Character", "字符"),
    (NameKind::PricingUnit, "41", "10K Characters", "万字符"),
    (NameKind::PricingUnit, "42", "M Characters", "百万字符"),
    (NameKind::PricingUnit, "50", "UTF-8 Byte", "UTF-8字节"),
    (NameKind::PricingUnit, "51", "10K UTF-8 Bytes", "万UTF-8字节"),
    (NameKind::PricingUnit, "52", "M UTF-8 Bytes", "百万UTF-8字节"),
    (NameKind::PricingUnit, "60", "Image", "张"),
    (NameKind::PricingUnit, "61", "Request", "次"),
    (NameKind::PricingUnit, "62", "Item", "个"),
    (NameKind::PricingUnit, "63", "Page", "页"),
    (NameKind::PricingUnit, "70", "vCPU·second", "vCPU·秒"),
    (NameKind::PricingUnit, "71", "GB·second", "GB·秒"),
    (NameKind::PricingUnit, "72", "GB·hour", "GB·小时"),
    (NameKind::ResourceType, "1", "Inference API key", "推理 API Key"),
    (NameKind::ResourceType, "2", "Sandbox", "沙箱"),
    (NameKind::Status, "1", "Unpaid", "待支付"),
    (NameKind::Status, "2", "Paid", "已支付"),
    (NameKind::Status, "3", "Revoked", "已撤销"),
    (NameKind::Product, "modelverse", "ModelVerse", "模型服务平台"),
    (NameKind::Product, "sandbox", "Sandbox", "应用沙箱"),
    (NameKind::Product, "starcard", "Star card", "星力卡"),
    (NameKind::Region, "cn-wlcb", "Ulanqab", "乌兰察布"),
    (NameKind::Region, "us-ca", "Los Angeles", "洛杉矶"),
    (NameKind::Currency, "CNY", "Chinese yuan", "人民币"),
    (NameKind::Currency, "USD", "US dollar", "美元"),
    (NameKind::PricingSku, "input", "Input tokens", "输入 Token"),
    (NameKind::PricingSku, "output", "Output tokens", "输出 Token"),
    (NameKind::PricingSku, "reasoning", "Reasoning tokens", "推理 Token"),
    (NameKind::PricingSku, "cache_read", "Cached input tokens", "缓存命中 Token"),
    (NameKind::PricingSku, "cache_write", "Cache write tokens", "缓存写入 Token"),
    (NameKind::PricingSku, "image", "Images", "图片"),
    (NameKind::PricingSku, "second", "Seconds", "秒"),
    (NameKind::PricingSku, "request", "Requests", "请求"),
    (NameKind::PricingSku, "query", "Queries", "查询"),
    (NameKind::PricingSku, "cache_write_1h", "Cache write tokens, kept 1 hour", "缓存写入 Token（1 小时）"),
    (NameKind::PricingSku, "cache_write_12h", "Cache write tokens, kept 12 hours", "缓存写入 Token（12 小时）"),
    (NameKind::PricingSku, "input_audio", "Audio input tokens", "音频输入 Token"),
    (NameKind::PricingSku, "output_audio", "Audio output tokens", "音频输出 Token"),
    (NameKind::PricingSku, "cache_audio_read", "Cached audio input tokens", "音频缓存命中 Token"),
    (NameKind::PricingSku, "input_image", "Image input tokens", "图片输入 Token"),
    (NameKind::PricingSku, "output_image", "Image output tokens", "图片输出 Token"),
    (NameKind::PricingSku, "cache_image_read", "Cached image input tokens", "图片缓存命中 Token"),
    (NameKind::PricingSku, "input_video", "Video input tokens", "视频输入 Token"),
    (NameKind::PricingSku, "output_video", "Video output tokens", "视频输出 Token"),
    (NameKind::PricingSku, "citation", "Citation tokens", "引用 Token"),
    (NameKind::PricingSku, "web_search", "Web searches", "网页搜索"),
    (NameKind::PricingSku, "social_search", "Searches of social media", "社交媒体搜索"),
    (NameKind::PricingSku, "storage_search", "Searches of stored files", "存储搜索"),
    (NameKind::PricingSku, "file_search", "File searches", "文件搜索"),
    (NameKind::PricingSku, "maps_search", "Map searches", "地图搜索"),
    (NameKind::PricingSku, "search_source", "Sources searched", "搜索来源"),
    (NameKind::PricingSku, "code_execution", "Code executions", "代码执行"),
    (NameKind::PricingSku, "code_session", "Code sessions", "代码会话"),
    (NameKind::PricingSku, "file_processing", "Files processed", "文件处理"),
    (NameKind::PricingSku, "input_second", "Seconds of input", "输入时长（秒）"),
    (NameKind::PricingSku, "input_audio_second", "Seconds of audio input", "音频输入时长（秒）"),
    (NameKind::PricingSku, "output_video_second", "Seconds of video made", "生成视频时长（秒）"),
    (NameKind::PricingSku, "input_video_second", "Seconds of video input", "视频输入时长（秒）"),
    (NameKind::PricingSku, "input_character", "Input characters", "输入字符"),
    (NameKind::PricingSku, "input_image_count", "Images sent", "输入图片数"),
    (NameKind::PricingSku, "cost_micro_usd", "Cost in millionths of a US dollar", "成本（百万分之一美元）"),
    (NameKind::Dimension, "project", "Project", "项目"),
    (NameKind::Dimension, "resource", "Resource", "资源"),
    (NameKind::Dimension, "model", "Model", "模型"),
    (NameKind::Dimension, "sku", "Billing SKU", "计费项"),
    (NameKind::Dimension, "region", "Region", "地域"),
    (NameKind::Sheet, "paid", "Paid orders", "已支付订单"),
    (NameKind::Sheet, "unpaid", "Unpaid orders", "未支付订单"),
    (NameKind::Sheet, "totals", "Totals", "合计"),
    (NameKind::Sheet, "bill", "Bill", "账单"),
    (NameKind::Total, "Company", "Bill to", "客户"),
    (NameKind::Total, "Provider", "From", "供应商"),
    (NameKind::Total, "Range", "Range", "账期"),
    (NameKind::Total, "All", "Total", "合计"),
    (
        NameKind::Total,
        "RedAmounts",
        "Amounts in red have more than 15 digits. They are texts, exact, and SUM skips them.",
        "红色金额超过 15 位数字，以文本精确保存，SUM 不计入。",
    ),
    (NameKind::Total, "For", "For", "内容"),
    (NameKind::Total, "ByStatus", "Status", "状态"),
    (NameKind::Total, "ByItem", "Billing item", "计费项"),
    (NameKind::Total, "RoundedAmount", "Rounded to 0.01", "四舍五入至分"),
    (
        NameKind::Total,
        "RoundingRule",
        "Rounded amounts are the exact ones beside them, rounded to 0.01, half away from zero.",
        "右列为左侧精确金额四舍五入至 0.01（远离零）。",
    ),
    (
        NameKind::Total,
        "RoundedTotals",
        "A total is rounded from the exact total: rounded parts may add up to some cents more or less.",
        "合计由精确合计四舍五入，分项四舍五入之和可能相差数分。",
    ),
    (NameKind::Total, "PaidFrom", "Paid from", "支付来源"),
    (
        NameKind::Total,
        "TextCells",
        "cells with more than 15 digits, texts that SUM skips",
        "超过 15 位数字的单元格数（文本，SUM 不计入）",
    ),
    (NameKind::Total, "TextCellSum", "exact sum of these cells", "上述单元格的精确合计"),
    (NameKind::Total, "Item", "Item", "项目"),
    (NameKind::Total, "Value", "Value", "值"),
    (NameKind::Total, "StartTime", "Start of the range", "开始时间"),
    (NameKind::Total, "EndTime", "End of the range, not included", "结束时间（不含）"),
    (NameKind::Total, "TimeZone", "Time zone", "时区"),
    (NameKind::Total, "SnapshotTime", "As of", "数据时间"),
    (NameKind::Total, "RowCount", "Orders", "订单数"),
    (NameKind::Total, "Statuses", "Filter: status", "筛选：状态"),
    (NameKind::Total, "ResourceIds", "Filter: resources", "筛选：资源"),
    (NameKind::Total, "ModelIds", "Filter: models", "筛选：模型"),
    (NameKind::Total, "PricingUnits", "Filter: pricing units", "筛选：计费单位"),
    (NameKind::Total, "PricingSkus", "Filter: billing SKUs", "筛选：计费项"),
    (NameKind::Total, "ProductCodes", "Filter: products", "筛选：产品"),
    (NameKind::Total, "OrderTypes", "Filter: order types", "筛选：订单类型"),
    (NameKind::Total, "ChargeTypes", "Filter: charge types", "筛选：计费方式"),
    (NameKind::Total, "Regions", "Filter: regions", "筛选：地域"),
    (NameKind::Total, "OrganizationIds", "Filter: organizations", "筛选：项目"),
    (NameKind::Total, "VisibleOrganizations", "Organizations of the API key", "密钥所属项目"),
    (NameKind::Total, "OrderNos", "Filter: order numbers", "筛选：订单号"),
    (NameKind::Column, "Region", "Region", "地域"),
    (NameKind::Column, "RegionDisplay", "Region name", "地域名称"),
    (NameKind::Column, "ProductCode", "Product code", "产品代码"),
    (NameKind::Column, "ProductCodeDisplay", "Product", "产品"),
    (NameKind::Column, "OrderNo", "Order number", "订单号"),
    (NameKind::Column, "SourceOrderNo", "Source order number", "原订单号"),
    (NameKind::Column, "CompanyID", "Company ID", "公司 ID"),
    (NameKind::Column, "OrganizationID", "Project number", "项目编号"),
    (NameKind::Column, "OrganizationName", "Project", "项目"),
    (NameKind::Column, "UserEmail", "User email", "用户邮箱"),
    (NameKind::Column, "ChargeType", "Charge type", "计费方式编号"),
    (NameKind::Column, "ChargeTypeDisplay", "Charge type name", "计费方式"),
    (NameKind::Column, "Channel", "Channel", "渠道"),
    (NameKind::Column, "Currency", "Currency", "币种"),
    (NameKind::Column, "CurrencyDisplay", "Currency name", "币种名称"),
    (NameKind::Column, "ResourceID", "Resource ID", "资源 ID"),
    (NameKind::Column, "ResourceName", "Resource", "资源"),
    (NameKind::Column, "ResourceType", "Resource type", "资源类型编号"),
    (NameKind::Column, "ResourceTypeDisplay", "Resource type name", "资源类型"),
    (NameKind::Column, "ModelID", "Model ID", "模型 ID"),
    (NameKind::Column, "ModelName", "Model", "模型"),
    (NameKind::Column, "OrderType", "Order type", "订单类型编号"),
    (NameKind::Column, "OrderTypeDisplay", "Order type name", "订单类型"),
    (NameKind::Column, "PricingSKU", "Billing SKU", "计费项"),
    (NameKind::Column, "PricingSKUDisplay", "Billing item", "计费项名称"),
    (NameKind::Column, "PricingItemID", "Pricing item ID", "计费项 ID"),
    (NameKind::Column, "Quantity", "Quantity", "用量"),
    (NameKind::Column, "QuantityDisplay", "Quantity in units", "用量（计价单位）"),
    (NameKind::Column, "PricingUnit", "Pricing unit", "计价单位编号"),
    (NameKind::Column, "PricingUnitDisplay", "Pricing unit name", "计价单位"),
    (NameKind::Column, "ListPrice", "List price", "原单价"),
    (NameKind::Column, "DiscountPrice", "Discount price", "折后单价"),
    (NameKind::Column, "OrderTotalPrice", "Order total", "订单金额"),
    (NameKind::Column, "OriginalPrice", "Original price", "原价"),
    (NameKind::Column, "Status", "Status", "状态编号"),
    (NameKind::Column, "StatusDisplay", "Status name", "状态"),
    (NameKind::Column, "CreateTime", "Created", "创建时间"),
    (NameKind::Column, "StartTime", "Start", "计费开始时间"),
    (NameKind::Column, "EndTime", "End", "计费结束时间"),
    (NameKind::Column, "PaidTime", "Paid", "支付时间"),
    (NameKind::Column, "RevocationTime", "Revoked", "撤销时间"),
    (NameKind::Column, "StarCardAccount", "Star card", "星卡"),
    (NameKind::Column, "Coupon", "Coupon", "代金券"),
    (NameKind::Column, "BonusAccount", "Bonus", "赠金"),
    (NameKind::Column, "CashAccount", "Cash", "现金"),
    (NameKind::Column, "CreditAccount", "Credit", "信用"),
    (NameKind::Column, "UnpaidOrderNo", "Unpaid order number", "欠费订单号"),
    (NameKind::Column, "ReplacesOrderNo", "Replaces order", "替换的订单号"),
    (NameKind::Column, "ReplacedByOrderNo", "Replaced by order", "替换后的订单号"),
    (NameKind::Column, "ResourceId", "Resource ID", "资源 ID"),
    (NameKind::Column, "PricingSkuId", "Pricing item ID", "计费项 ID"),
    (NameKind::Column, "PricingUnitName", "Pricing unit name", "计价单位"),
    (NameKind::Column, "SumQuantity", "Quantity", "用量合计"),
    (NameKind::Column, "SumQuantityDisplay", "Quantity in units", "用量合计（计价单位）"),
    (NameKind::Column, "SumOrderPrice", "Order total", "订单金额合计"),
    (NameKind::Column, "SumOriginalPrice", "Original price", "原价合计"),
    (NameKind::Column, "SumStarCardAccount", "Star card", "星卡合计"),
    (NameKind::Column, "SumCoupon", "Coupon", "代金券合计"),
    (NameKind::Column, "SumBonusAccount", "Bonus", "赠金合计"),
    (NameKind::Column, "SumCashAccount", "Cash", "现金合计"),
    (NameKind::Column, "SumCreditAccount", "Credit", "信用合计"),
    (NameKind::Column, "OrderCount", "Orders", "订单数"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_depend_on_the_language_and_default_to_the_key() {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.number(NameKind::OrderType, 301, Language::English), "Supplementary");
        assert_eq!(catalogue.number(NameKind::OrderType, 301, Language::Chinese), "补单");
        assert_eq!(catalogue.number(NameKind::OrderType, 7, Language::English), "7");
        assert_eq!(catalogue.text(NameKind::Region, "eu-x", Language::Chinese), "eu-x");
    }

    #[test]
    fn every_sku_of_the_mappings_has_a_name_in_both_languages() {
        let page = include_str!("../../../docs/USAGE_FILES.md");
        let (_, table) = page.split_once("### SKUs").unwrap();
        let (table, _) = table.split_once("\n###").unwrap();
        let cells = table.lines().filter_map(|row| row.strip_prefix("| `")?.split(" |").next());
        let skus: Vec<&str> =
            cells.flat_map(|cell| cell.split(", ")).map(|sku| sku.trim_matches('`')).collect();
        assert!(skus.contains(&"input") && skus.contains(&"cost_micro_usd"), "{skus:?}");
        let catalogue = Catalogue::built_in();
        for sku in skus {
            let names = catalogue.names(NameKind::PricingSku, sku);
            assert!(names.is_some_and(|names| names.en != sku && names.zh != sku), "{sku}");
        }
    }

    #[test]
    fn quantities_are_plain_decimals_with_a_unit() {
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
    fn every_unit_has_a_name_and_base_units() {
        let catalogue = Catalogue::built_in();
        let named: Vec<i64> = catalogue.keys(NameKind::PricingUnit).map(|key| key.parse().unwrap()).collect();
        let counted: Vec<i64> = BUILT_IN_BASE_UNITS.iter().map(|(unit, _)| *unit).collect();
        assert_eq!(named, counted);
    }

    #[test]
    fn every_filter_and_deduction_has_a_name() {
        let catalogue = Catalogue::built_in();
        for field in crate::filter::FilterField::ALL {
            assert!(catalogue.names(NameKind::Total, field.name()).is_some(), "{}", field.name());
        }
        for kind in crate::account::AccountKind::ALL {
            for field in [kind.order_field(), kind.sum_field()] {
                assert!(catalogue.names(NameKind::Column, field).is_some(), "{field}");
            }
        }
    }
}
