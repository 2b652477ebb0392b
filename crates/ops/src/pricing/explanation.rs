//! Why a use has its price, and with which discount.

use tollbook_domain::price::PriceQuery;
use tollbook_domain::price_explanation::{Candidate, Verdict, explain};
use tollbook_domain::usage::service_tier;
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_store::Store;

use super::import::PricingError;

/// A use whose price is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PriceQuestion<'q> {
    /// Company, for its currency and discounts.
    pub company_id: i64,
    /// Provider of the model; may be empty.
    pub provider: &'q str,
    /// The model; may be empty.
    pub model_id: &'q str,
    /// The SKU.
    pub sku: &'q str,
    /// Length of the request.
    pub tokens: i64,
    /// Service tier; may be empty.
    pub tier: &'q str,
    /// Time of the use, Unix seconds.
    pub time_s: i64,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct PriceExplained<'q> {
    /// The company.
    pub company_id: i64,
    /// Its currency.
    pub currency: String,
    /// Provider of the question.
    pub provider: &'q str,
    /// Model of the question.
    pub model_id: &'q str,
    /// SKU of the question.
    pub sku: &'q str,
    /// Time of the use.
    pub time_s: i64,
    /// Length of the request.
    pub tokens: i64,
    /// Service tier, as prices name it.
    pub service_tier: String,
    /// The discount that applies.
    pub factor: UnitPrice,
    book: Vec<Price>,
}

impl PriceExplained<'_> {
    /// Every price of the model and SKU, and what became of it.
    pub fn candidates(&self) -> Vec<Candidate<'_>> {
        let query = PriceQuery {
            sku: self.sku,
            time_s: self.time_s,
            request_length: self.tokens,
            service_tier: &self.service_tier,
        };
        explain(&self.book, self.provider, self.model_id, &self.currency, query)
    }

    /// The price that holds.
    pub fn held(&self) -> Option<Price> {
        let candidates = self.candidates();
        candidates.iter().find(|one| matches!(one.verdict, Verdict::Holds(_))).map(|one| one.price.clone())
    }

    /// What is charged: that price with the discount.
    pub fn charged(&self) -> Option<UnitPrice> {
        self.held().map(|price| Discount::apply(self.factor, price.list_price))
    }
}

/// Explains the price of a use.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn explain_price<'q>(
    store: &dyn Store,
    question: &PriceQuestion<'q>,
) -> Result<PriceExplained<'q>, PricingError> {
    let PriceQuestion { company_id, provider, model_id, sku, tokens, tier, time_s } = *question;
    let mut snapshot = store.snapshot()?;
    let company = snapshot
        .company(company_id)?
        .ok_or_else(|| PricingError::argument("--company", format!("company {company_id} does not exist")))?;
    let factor = Discount::choose(&snapshot.discounts()?, company_id, model_id, sku);
    Ok(PriceExplained {
        company_id,
        currency: company.currency,
        provider,
        model_id,
        sku,
        time_s,
        tokens,
        service_tier: service_tier(tier),
        factor,
        book: snapshot.prices()?,
    })
}
