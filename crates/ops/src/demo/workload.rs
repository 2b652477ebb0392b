//! The workload of the demo company: models with their list prices, the API keys and sandboxes that use them, and how
//! their load varies over time.

use tollbook_domain::catalogue::pricing_unit::{HOUR, IMAGE, K_TOKENS, M_TOKENS, SECOND};
use tollbook_domain::time::{DAY_S, day_of};

/// A unit of a model that is counted and priced.
pub(super) struct Sku {
    pub(super) name: &'static str,
    pub(super) item_id: i64,
    /// List price of one pricing unit, in CNY; empty if the SKU has no price.
    pub(super) cny: &'static str,
    /// Share of this SKU in the quantity of a use, in thousandths.
    pub(super) share: i64,
}

/// A model, its list prices as published in 2025, and its discount.
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: i64,
    /// `DiscountPrice` in percent of `ListPrice`.
    pub(super) percent: i64,
    pub(super) skus: &'static [Sku],
}

const fn sku(name: &'static str, item_id: i64, cny: &'static str, share: i64) -> Sku {
    Sku { name, item_id, cny, share }
}

pub(super) const DEEPSEEK_CHAT: Model = Model {
    id: "deepseek-chat",
    name: "DeepSeek-V3",
    unit: M_TOKENS,
    percent: 100,
    skus: &[
        sku("input", 1_101, "2", 420),
        sku("cache_read", 1_102, "0.5", 480),
        sku("output", 1_103, "8", 100),
    ],
};

pub(super) const DEEPSEEK_REASONER: Model = Model {
    id: "deepseek-reasoner",
    name: "DeepSeek-R1",
    unit: M_TOKENS,
    percent: 80,
    skus: &[
        sku("input", 1_201, "4", 520),
        sku("cache_read", 1_202, "1", 180),
        sku("reasoning", 1_203, "16", 220),
        sku("output", 1_204, "16", 80),
    ],
};

pub(super) const QWEN_MAX: Model = Model {
    id: "qwen-max",
    name: "Qwen-Max",
    unit: K_TOKENS,
    percent: 90,
    skus: &[sku("input", 1_301, "0.0024", 820), sku("output", 1_302, "0.0096", 180)],
};

pub(super) const KIMI_K2: Model = Model {
    id: "kimi-k2",
    name: "Kimi K2",
    unit: M_TOKENS,
    percent: 100,
    skus: &[
        sku("input", 1_401, "4", 400),
        sku("cache_read", 1_402, "1", 450),
        sku("output", 1_403, "16", 150),
    ],
};

pub(super) const BGE_M3: Model = Model {
    id: "bge-m3",
    name: "BGE-M3",
    unit: K_TOKENS,
    percent: 100,
    skus: &[sku("input", 1_501, "0.0005", 1_000)],
};

pub(super) const QWEN_IMAGE: Model = Model {
    id: "qwen-image",
    name: "Qwen-Image",
    unit: IMAGE,
    percent: 75,
    skus: &[sku("image", 1_601, "0.25", 1_000)],
};

pub(super) const PARAFORMER: Model = Model {
    id: "paraformer-v2",
    name: "Paraformer v2",
    unit: SECOND,
    percent: 100,
    skus: &[sku("second", 1_701, "0.00008", 1_000)],
};

/// A model that is free of charge.
pub(super) const GLM_FLASH: Model = Model {
    id: "glm-4-flash",
    name: "GLM-4-Flash",
    unit: M_TOKENS,
    percent: 100,
    skus: &[sku("input", 1_801, "0", 800), sku("output", 1_802, "0", 200)],
};

/// A model without a price.
pub(super) const QWEN_NEXT: Model = Model {
    id: "qwen3-next-80b",
    name: "",
    unit: M_TOKENS,
    percent: 100,
    skus: &[sku("input", 0, "", 700), sku("output", 0, "", 300)],
};

/// Sandboxes use no model, so that their orders have no `ModelID`.
pub(super) const SANDBOX: Model =
    Model { id: "", name: "", unit: HOUR, percent: 100, skus: &[sku("second", 2_101, "0.42", 1_000)] };

/// The models with prices.
pub(super) const PRICED: [&Model; 9] = [
    &DEEPSEEK_CHAT,
    &DEEPSEEK_REASONER,
    &QWEN_MAX,
    &KIMI_K2,
    &BGE_M3,
    &QWEN_IMAGE,
    &PARAFORMER,
    &GLM_FLASH,
    &SANDBOX,
];

/// How a load varies over time.
#[derive(Clone, Copy)]
pub(super) enum LoadProfile {
    /// Around the clock, with more load by day.
    Always,
    /// During office hours.
    Office,
    /// Batch jobs at night.
    Night,
}

/// The use of one model by one resource.
pub(super) struct ModelUse {
    pub(super) model: Model,
    pub(super) profile: LoadProfile,
    /// Probability of use in the busiest hour, in thousandths.
    pub(super) presence: u64,
    /// Base units in the busiest hour.
    pub(super) quantity: i64,
}

/// An API key or a sandbox.
pub(super) struct Resource {
    pub(super) id: &'static str,
    pub(super) user_email: &'static str,
    /// Index of its organization, modulo the number of organizations.
    pub(super) organization: usize,
    pub(super) region: &'static str,
    pub(super) uses: &'static [ModelUse],
}

impl Resource {
    pub(super) fn is_sandbox(&self) -> bool {
        self.id.starts_with("sbx-")
    }
}

const fn model_use(model: Model, profile: LoadProfile, presence: u64, quantity: i64) -> ModelUse {
    ModelUse { model, profile, presence, quantity }
}

/// The resources. A few of them cause most of the cost.
pub(super) const RESOURCES: [Resource; 10] = [
    Resource {
        id: "umi-7f3kq0assist",
        user_email: "assistant@demo.example",
        organization: 0,
        region: "cn-wlcb",
        uses: &[
            model_use(DEEPSEEK_CHAT, LoadProfile::Always, 990, 46_000_000),
            model_use(KIMI_K2, LoadProfile::Always, 880, 9_000_000),
        ],
    },
    Resource {
        id: "umi-2m9xd1search",
        user_email: "search@demo.example",
        organization: 0,
        region: "cn-wlcb",
        uses: &[
            model_use(BGE_M3, LoadProfile::Always, 995, 60_000_000),
            model_use(DEEPSEEK_CHAT, LoadProfile::Always, 940, 12_000_000),
        ],
    },
    Resource {
        id: "umi-w81vb4agents",
        user_email: "agents@demo.example",
        organization: 1,
        region: "us-ca",
        uses: &[
            model_use(DEEPSEEK_REASONER, LoadProfile::Always, 900, 7_000_000),
            model_use(QWEN_MAX, LoadProfile::Always, 860, 3_000_000),
        ],
    },
    Resource {
        id: "umi-c5tz82studio",
        user_email: "studio@demo.example",
        organization: 1,
        region: "cn-wlcb",
        uses: &[model_use(QWEN_IMAGE, LoadProfile::Always, 700, 90)],
    },
    Resource {
        id: "umi-p0hs36callcx",
        user_email: "callcentre@demo.example",
        organization: 0,
        region: "cn-wlcb",
        uses: &[
            model_use(PARAFORMER, LoadProfile::Office, 980, 52_000),
            model_use(QWEN_MAX, LoadProfile::Office, 700, 900_000),
        ],
    },
    Resource {
        id: "umi-e4rn95nightl",
        user_email: "data@demo.example",
        organization: 1,
        region: "us-ca",
        uses: &[
            model_use(DEEPSEEK_REASONER, LoadProfile::Night, 850, 5_000_000),
            model_use(KIMI_K2, LoadProfile::Night, 600, 2_500_000),
        ],
    },
    Resource {
        id: "umi-k6ya17devtst",
        user_email: "dev@demo.example",
        organization: 0,
        region: "cn-wlcb",
        uses: &[
            model_use(DEEPSEEK_CHAT, LoadProfile::Office, 800, 350_000),
            model_use(QWEN_IMAGE, LoadProfile::Office, 200, 6),
            model_use(GLM_FLASH, LoadProfile::Office, 40, 80_000),
        ],
    },
    Resource {
        id: "umi-j2gl48intern",
        user_email: "intern@demo.example",
        organization: 1,
        region: "cn-wlcb",
        uses: &[
            model_use(QWEN_MAX, LoadProfile::Office, 300, 40_000),
            model_use(KIMI_K2, LoadProfile::Office, 200, 60_000),
            model_use(QWEN_NEXT, LoadProfile::Office, 30, 50_000),
        ],
    },
    Resource {
        id: "sbx-3n7u5builder",
        user_email: "agents@demo.example",
        organization: 1,
        region: "us-ca",
        uses: &[model_use(SANDBOX, LoadProfile::Always, 650, 9_000)],
    },
    Resource {
        id: "sbx-9d1o2runners",
        user_email: "dev@demo.example",
        organization: 0,
        region: "cn-wlcb",
        uses: &[model_use(SANDBOX, LoadProfile::Office, 900, 14_400)],
    },
];

/// Load by hour of the day at UTC+8, in thousandths of the busiest hour.
const LOAD_BY_HOUR: [i64; 24] = [
    190, 130, 95, 80, 75, 90, 150, 290, 560, 860, 980, 940, 720, 800, 960, 1_000, 970, 890, 660, 560, 520,
    470, 380, 270,
];
const LOCAL_OFFSET_S: i64 = 8 * 3_600;
const WEEKEND_PERMILLE: i64 = 450;

impl LoadProfile {
    /// The load of an hour, in thousandths of the busiest hour.
    pub(super) fn load_permille(self, hour_start_s: i64) -> i64 {
        let local_s = hour_start_s.saturating_add(LOCAL_OFFSET_S);
        let hour = usize::try_from(local_s.rem_euclid(DAY_S) / 3_600).unwrap_or(0);
        // 1970-01-01 was a Thursday.
        let is_weekend = matches!((day_of(local_s) + 3).rem_euclid(7), 5 | 6);
        let by_hour = LOAD_BY_HOUR[hour];
        match (self, is_weekend) {
            (Self::Always, false) => by_hour,
            (Self::Always, true) => by_hour * 700 / 1_000,
            (Self::Office, false) => by_hour * by_hour / 1_000,
            (Self::Office, true) => by_hour * by_hour / 1_000 * WEEKEND_PERMILLE / 2_000,
            (Self::Night, _) => match hour {
                0..=4 => 1_000,
                5 | 23 => 600,
                _ => 40,
            },
        }
    }

    /// The probability of use in an hour, relative to the busiest hour, in thousandths. Services that run around the
    /// clock have less load at night, but the same probability of use.
    pub(super) fn presence_permille(self, hour_start_s: i64) -> u64 {
        match self {
            Self::Always => 1_000,
            Self::Office | Self::Night => u64::try_from(self.load_permille(hour_start_s)).unwrap_or(0),
        }
    }
}
