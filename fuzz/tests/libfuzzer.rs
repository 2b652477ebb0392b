//! The libFuzzer binary: the checks of one target, which the environment names, for each input. `cargo xtask fuzz` builds
//! it with coverage counters; `cargo test` does not build it.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tollbook_fuzz::{Target, named};

/// Names the target.
const TARGET: &str = "TOLLBOOK_FUZZ_TARGET";

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(init: {
    #[expect(clippy::disallowed_methods, reason = "arguments are libFuzzer's")]
    let name = std::env::var(TARGET).unwrap_or_default();
    let target = named(&name).unwrap_or_else(|| panic!("{TARGET} must name a target; {name:?} is none"));
    let _ = CHOSEN.set(target);
}, |input: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.check)(input);
    }
});
