//! The table of targets: a file for each, and a folder of the same name in `fuzz/corpus`.

mod body_encodings;
mod catalogue;
mod cloud_events;
mod configuration;
mod encodings;
mod litellm_payloads;
mod money;
mod openmeter_events;
mod order_files;
mod otlp;
mod own_prices;
mod owner_rules;
mod published_prices;
mod requests;
mod stated_values;
mod store_replies;
mod urls;
mod us3_requests;
mod usage_adapters;
mod usage_files;
mod usage_mappings;

/// A fuzz target.
#[derive(Debug)]
pub struct Target {
    /// Name of its file, and of the folder of its corpus.
    pub name: &'static str,
    /// Checks one input; panics if a rule is broken.
    pub check: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// Every target, sorted by name.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), check: $name::check }),*];
    };
}

targets!(
    body_encodings,
    catalogue,
    cloud_events,
    configuration,
    encodings,
    litellm_payloads,
    money,
    openmeter_events,
    order_files,
    otlp,
    own_prices,
    owner_rules,
    published_prices,
    requests,
    stated_values,
    store_replies,
    urls,
    us3_requests,
    usage_adapters,
    usage_files,
    usage_mappings,
);

/// The target of a name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
