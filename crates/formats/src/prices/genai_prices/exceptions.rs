//! The parts of the published list that the book does not keep as they are.

use crate::prices::list::{OmittedModel, RoundedPrice};

/// Rounded prices and omitted models.
#[derive(Default)]
pub(super) struct Exceptions {
    pub(super) rounded: Vec<RoundedPrice>,
    pub(super) omitted: Vec<OmittedModel>,
}

/// The model that a price belongs to.
#[derive(Clone, Copy)]
pub(super) struct ModelKey<'a> {
    pub(super) provider: &'a str,
    pub(super) model_id: &'a str,
}

impl Exceptions {
    /// Adds a model, unless it is listed with the same reason.
    pub(super) fn omit(&mut self, model: ModelKey<'_>, reason: impl Into<String>) {
        let ModelKey { provider, model_id } = model;
        let omitted = OmittedModel {
            provider: provider.to_owned(),
            model_id: model_id.to_owned(),
            reason: reason.into(),
        };
        if !self.omitted.contains(&omitted) {
            self.omitted.push(omitted);
        }
    }
}
