//! Who plays in the demonstration: API keys, sandboxes, models with their list prices, and when each is in use.
//! Tables only; the usage is made from them next door.

use tollbook_domain::time::{DAY_S, day_of};

/// Numbers of the built-in catalogue.
pub(super) const K_TOKENS: i64 = 2;
pub(super) const M_TOKENS: i64 = 3;
pub(super) const IMAGE: i64 = 4;
pub(super) const SECOND: i64 = 5;
pub(super) const HOUR: i64 = 7;

/// One thing that is counted and priced. Prices are for one pricing unit.
pub(super) struct Sku {
    pub(super) name: &'static str,
    pub(super) item_id: i64,
    /// In CNY; empty: it has no price.
    pub(super) cny: &'static str,
    /// Of the usage's quantity, in thousandths.
    pub(super) share: i64,
}

/// What can be used, with its list prices (as published by the models' makers in 2025) and its discount.
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: i64,
    /// `DiscountPrice` in hundredths of `ListPrice`.
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

/// Its maker gives it away.
pub(super) const GLM_FLASH: Model = Model {
    id: "glm-4-flash",
    name: "GLM-4-Flash",
    unit: M_TOKENS,
    percent: 100,
    skus: &[sku("input", 1_801, "0", 800), sku("output", 1_802, "0", 200)],
};

/// Someone tries it before anybody has thought of its price.
pub(super) const QWEN_NEXT: Model = Model {
    id: "qwen3-next-80b",
    name: "",
    unit: M_TOKENS,
    percent: 100,
    skus: &[sku("input", 0, "", 700), sku("output", 0, "", 300)],
};

/// Sandboxes run no model: their orders have no `ModelID`.
pub(super) const SANDBOX: Model =
    Model { id: "", name: "", unit: HOUR, percent: 100, skus: &[sku("second", 2_101, "0.42", 1_000)] };

/// What the price book has.
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

/// When something is in use.
#[derive(Clone, Copy)]
pub(super) enum Rhythm {
    /// At every hour, more by day.
    Always,
    /// By people at work.
    Office,
    /// By jobs that wait for the night.
    Night,
}

/// One model in use by one resource.
pub(super) struct Usage {
    pub(super) model: Model,
    pub(super) rhythm: Rhythm,
    /// How many of a thousand busiest hours have any use.
    pub(super) presence: u64,
    /// Base units in a busy hour.
    pub(super) quantity: i64,
}

/// An API key or a sandbox.
pub(super) struct Resource {
    pub(super) id: &'static str,
    pub(super) user_email: &'static str,
    /// Which of the demo's organizations, counted around if there are fewer.
    pub(super) organization: usize,
    pub(super) region: &'static str,
    pub(super) usages: &'static [Usage],
}

impl Resource {
    pub(super) fn is_sandbox(&self) -> bool {
        self.id.starts_with("sbx-")
    }
}

const fn usage(model: Model, rhythm: Rhythm, presence: u64, quantity: i64) -> Usage {
    Usage { model, rhythm, presence, quantity }
}

/// A few dominate, as everywhere.
pub(super) const RESOURCES: [Resource; 10] = [
    Resource {
        id: "umi-7f3kq0assist",
        user_email: "assistant@demo.example",
        organization: 0,
        region: "cn-wlcb",
        usages: &[
            usage(DEEPSEEK_CHAT, Rhythm::Always, 990, 46_000_000),
            usage(KIMI_K2, Rhythm::Always, 880, 9_000_000),
        ],
    },
    Resource {
        id: "umi-2m9xd1search",
        user_email: "search@demo.example",
        organization: 0,
        region: "cn-wlcb",
        usages: &[
            usage(BGE_M3, Rhythm::Always, 995, 60_000_000),
            usage(DEEPSEEK_CHAT, Rhythm::Always, 940, 12_000_000),
        ],
    },
    Resource {
        id: "umi-w81vb4agents",
        user_email: "agents@demo.example",
        organization: 1,
        region: "us-ca",
        usages: &[
            usage(DEEPSEEK_REASONER, Rhythm::Always, 900, 7_000_000),
            usage(QWEN_MAX, Rhythm::Always, 860, 3_000_000),
        ],
    },
    Resource {
        id: "umi-c5tz82studio",
        user_email: "studio@demo.example",
        organization: 1,
        region: "cn-wlcb",
        usages: &[usage(QWEN_IMAGE, Rhythm::Always, 700, 90)],
    },
    Resource {
        id: "umi-p0hs36callcx",
        user_email: "callcentre@demo.example",
        organization: 0,
        region: "cn-wlcb",
        usages: &[
            usage(PARAFORMER, Rhythm::Office, 980, 52_000),
            usage(QWEN_MAX, Rhythm::Office, 700, 900_000),
        ],
    },
    Resource {
        id: "umi-e4rn95nightl",
        user_email: "data@demo.example",
        organization: 1,
        region: "us-ca",
        usages: &[
            usage(DEEPSEEK_REASONER, Rhythm::Night, 850, 5_000_000),
            usage(KIMI_K2, Rhythm::Night, 600, 2_500_000),
        ],
    },
    Resource {
        id: "umi-k6ya17devtst",
        user_email: "dev@demo.example",
        organization: 0,
        region: "cn-wlcb",
        usages: &[
            usage(DEEPSEEK_CHAT, Rhythm::Office, 800, 350_000),
            usage(QWEN_IMAGE, Rhythm::Office, 200, 6),
            usage(GLM_FLASH, Rhythm::Office, 40, 80_000),
        ],
    },
    Resource {
        id: "umi-j2gl48intern",
        user_email: "intern@demo.example",
        organization: 1,
        region: "cn-wlcb",
        usages: &[
            usage(QWEN_MAX, Rhythm::Office, 300, 40_000),
            usage(KIMI_K2, Rhythm::Office, 200, 60_000),
            usage(QWEN_NEXT, Rhythm::Office, 30, 50_000),
        ],
    },
    Resource {
        id: "sbx-3n7u5builder",
        user_email: "agents@demo.example",
        organization: 1,
        region: "us-ca",
        usages: &[usage(SANDBOX, Rhythm::Always, 650, 9_000)],
    },
    Resource {
        id: "sbx-9d1o2runners",
        user_email: "dev@demo.example",
        organization: 0,
        region: "cn-wlcb",
        usages: &[usage(SANDBOX, Rhythm::Office, 900, 14_400)],
    },
];

/// Thousandths of the busiest hour, from midnight, in the place where most users are (UTC+8).
const BY_HOUR: [i64; 24] = [
    190, 130, 95, 80, 75, 90, 150, 290, 560, 860, 980, 940, 720, 800, 960, 1_000, 970, 890, 660, 560, 520,
    470, 380, 270,
];
const DAYTIME_OFFSET_S: i64 = 8 * 3_600;
const WEEKEND_PERMILLE: i64 = 450;

impl Rhythm {
    /// How busy an hour is, in thousandths of the busiest.
    pub(super) fn permille(self, hour_start_s: i64) -> i64 {
        let local_s = hour_start_s.saturating_add(DAYTIME_OFFSET_S);
        let hour = usize::try_from(local_s.rem_euclid(DAY_S) / 3_600).unwrap_or(0);
        // 1970-01-01 was a Thursday.
        let is_weekend = matches!((day_of(local_s) + 3).rem_euclid(7), 5 | 6);
        let by_hour = BY_HOUR[hour];
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

    /// How likely any use is: services that are always there are used at night too, only less.
    pub(super) fn presence_permille(self, hour_start_s: i64) -> u64 {
        match self {
            Self::Always => 1_000,
            Self::Office | Self::Night => u64::try_from(self.permille(hour_start_s)).unwrap_or(0),
        }
    }
}
