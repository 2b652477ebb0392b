//! The parts of a published list that the book does not keep as they are.

use std::collections::BTreeMap;

use serde_json::Value;
use tollbook_domain::UnitPrice;

use super::list::{OmittedModel, PublishedModel, RoundedPrice, UnreadKind};
use super::node::{Node, NodeResult};
use super::unit_price::{plain_decimal, unit_price};

/// Rounded prices, omitted models and kinds of price that were not read.
#[derive(Default)]
pub(super) struct Exceptions {
    pub(super) rounded: Vec<RoundedPrice>,
    pub(super) omitted: Vec<OmittedModel>,
    unread: BTreeMap<String, Vec<PublishedModel>>,
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

    /// Adds a kind of price of a model that is not read. A kind that several sets of a model have is listed once.
    pub(super) fn unread(&mut self, model: ModelKey<'_>, kind: &str) {
        let ModelKey { provider, model_id } = model;
        let model = PublishedModel { provider: provider.to_owned(), model_id: model_id.to_owned() };
        let models = self.unread.entry(kind.to_owned()).or_default();
        if models.last() != Some(&model) {
            models.push(model);
        }
    }

    /// The kinds that were not read, in the order of their names.
    pub(super) fn unread_kinds(&mut self) -> Vec<UnreadKind> {
        let unread = std::mem::take(&mut self.unread);
        unread.into_iter().map(|(kind, models)| UnreadKind { kind, models }).collect()
    }

    /// Reads a number ÷ 10^`shift` as the price of a SKU. If it has more than 12 places, it is listed as rounded.
    pub(super) fn price(
        &mut self,
        model: ModelKey<'_>,
        sku: &str,
        node: &Node<'_>,
        shift: i32,
    ) -> NodeResult<UnitPrice> {
        let Value::Number(number) = node.value else { return node.wrong("must be a number") };
        // The text of the file: the numbers of this parser are not floats.
        let number = number.to_string();
        let (kept, rounded) = match unit_price(&number, shift) {
            Ok(price) => price,
            Err(error) => return node.wrong(error.to_string()),
        };
        if rounded {
            self.rounded.push(RoundedPrice {
                provider: model.provider.to_owned(),
                model_id: model.model_id.to_owned(),
                sku: sku.to_owned(),
                stated: plain_decimal(&number, shift).unwrap_or(number),
                kept,
            });
        }
        Ok(kept)
    }
}
