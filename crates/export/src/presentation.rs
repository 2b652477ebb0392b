//! Display texts of a company's orders: in the language and time zone of its brand, with the names of its organizations and
//! of the catalogue.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollbook_domain::catalogue::{LineTexts, NameKind};
use tollbook_domain::summary::{SummaryRow, summarize};
use tollbook_domain::tenant::{Company, Organization};
use tollbook_domain::{Amount, Catalogue, Deductions, HourOffsets, Language, Order, OrderQuery, Status};
use tollbook_store::{LineNo, Lines, Snapshot, StoreResult, StoredOrder};

use crate::fields::{FieldKind, OrderRow, SummaryView};
use crate::line_cache::LineCache;
use crate::time_zone::Zone;

/// Lines whose display texts are cached, half a kilobyte each.
const CACHED_LINES: usize = 24_576;

/// Display settings of one brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplaySettings {
    /// Language of display names.
    pub language: Language,
    /// Time zone of dates and times.
    pub time_zone: Zone,
    /// Name of the seller.
    pub provider: String,
}

/// Everything that the display texts of one company depend on, from one snapshot.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// The company.
    pub company_id: i64,
    /// Names of numbers and codes.
    pub catalogue: Arc<Catalogue>,
    /// Language of the company's brand.
    pub language: Language,
    /// Time zone of the company's brand.
    pub zone: Zone,
    /// Currency of the company.
    pub currency: String,
    /// Name of the company.
    pub company_name: String,
    /// Name of the seller: the company's brand, or this product if there is only the default brand.
    pub provider: String,
    /// By `organization_id`.
    organizations: HashMap<i64, Organization>,
    statuses: [String; 3],
    /// The deployment's offsets from UTC, which define billing periods.
    offsets: HourOffsets,
}

impl Presentation {
    /// Reads the names of a company's organizations and combines them with the settings.
    pub fn read(
        snapshot: &mut dyn Snapshot,
        company: &Company,
        display: &DisplaySettings,
        catalogue: &Arc<Catalogue>,
    ) -> StoreResult<Self> {
        let organizations = snapshot.organizations(company.company_id)?;
        let language = display.language;
        Ok(Self {
            company_id: company.company_id,
            catalogue: Arc::clone(catalogue),
            language,
            currency: company.currency.clone(),
            zone: display.time_zone.clone(),
            company_name: company.name.clone(),
            provider: display.provider.clone(),
            organizations: organizations.into_iter().map(|o| (o.organization_id, o)).collect(),
            statuses: Status::ALL.map(|status| catalogue.number(NameKind::Status, status.number(), language)),
            offsets: HourOffsets::default(),
        })
    }

    /// With the deployment's offsets from UTC, which only exports with billing periods need.
    #[must_use]
    pub fn with_offsets(self, offsets: HourOffsets) -> Self {
        Self { offsets, ..self }
    }

    /// The versions of what is read from the store for a company: of names that exist, and of orders, which may have an
    /// organization that was added with them.
    pub(crate) fn versions(snapshot: &mut dyn Snapshot, company_id: i64) -> StoreResult<[i64; 2]> {
        Ok([snapshot.names_version()?, snapshot.orders_version(company_id)?])
    }

    /// Whether a presentation that was read at some versions is still that of a snapshot.
    pub(crate) fn is_current(&self, snapshot: &mut dyn Snapshot, versions: [i64; 2]) -> StoreResult<bool> {
        Ok(Self::versions(snapshot, self.company_id)? == versions && snapshot.hour_offsets()? == self.offsets)
    }

    /// A text of everything that the display texts depend on but the catalogue, which a process never changes. Two
    /// presentations with one catalogue have the same text only if they are equal.
    pub(crate) fn fingerprint(&self) -> String {
        // Destructured, so that a new member cannot be forgotten.
        let Self {
            company_id,
            catalogue: _,
            language,
            zone,
            currency,
            company_name,
            provider,
            organizations,
            statuses,
            offsets,
        } = self;
        let organizations: BTreeMap<_, _> = organizations.iter().collect();
        let zone = zone.name();
        format!(
            "{company_id} {language:?} {zone:?} {currency:?} {company_name:?} {provider:?} {organizations:?} \
             {statuses:?} {offsets:?}"
        )
    }

    /// The name of an organization; its number if it has none.
    pub fn organization(&self, organization_id: i64) -> String {
        let named = self.organizations.get(&organization_id).map(|organization| organization.name.clone());
        named.unwrap_or_else(|| organization_id.to_string())
    }

    /// The `ProjectId` of an organization; its number if it has none.
    fn project_id(&self, organization_id: i64) -> String {
        let known =
            self.organizations.get(&organization_id).map(|organization| organization.project_id.clone());
        known.unwrap_or_else(|| organization_id.to_string())
    }

    /// Whether the names of the brand are ASCII: its language, the seller and the company.
    pub(crate) fn has_ascii_names(&self) -> bool {
        self.language == Language::English && self.provider.is_ascii() && self.company_name.is_ascii()
    }

    /// The name of a status.
    pub fn status(&self, status: Status) -> &str {
        let [unpaid, paid, revoked] = &self.statuses;
        match status {
            Status::Unpaid => unpaid,
            Status::Paid => paid,
            Status::Revoked => revoked,
        }
    }

    /// The header of a column. It names the time zone of times, because cells cannot.
    pub fn header(&self, field: &str, kind: FieldKind) -> String {
        let header = self.catalogue.text(NameKind::Column, field, self.language);
        if kind.is_time() { format!("{header} ({})", self.zone.name()) } else { header }
    }

    /// Display texts of the company's lines.
    pub fn lines(&self, lines: Arc<Lines>) -> LineViews<'_> {
        LineViews {
            presentation: self,
            views: LineCache::with_capacity(CACHED_LINES),
            lines,
            no_order: no_order(),
        }
    }

    /// Calls `each` with a summary row and its display texts.
    pub fn show_summary<T>(&self, row: &SummaryRow, each: impl FnOnce(&SummaryView<'_>) -> T) -> T {
        let key = &row.key;
        let unit = self.catalogue.number(NameKind::PricingUnit, key.pricing_unit, self.language);
        let order_type = self.catalogue.number(NameKind::OrderType, key.order_type, self.language);
        let region = self.catalogue.text(NameKind::Region, &key.region, self.language);
        each(&SummaryView {
            row,
            region: &region,
            unit: &unit,
            base_units: self.catalogue.base_units(key.pricing_unit).unwrap_or(1),
            order_type: &order_type,
            status: self.status(key.status),
        })
    }
}

/// The rows of a summary, for both summary actions and all exports of a summary.
pub fn summary(snapshot: &mut dyn Snapshot, query: &OrderQuery) -> StoreResult<Vec<SummaryRow>> {
    let lines = snapshot.lines(query.company_id)?;
    let sums = snapshot.sums_by_line(query)?;
    Ok(summarize(sums.iter().filter_map(|(status, line_no, measures)| {
        lines.get(*line_no).map(|line| (*status, line.as_ref(), *measures))
    })))
}

/// Display texts of one line.
#[derive(Debug)]
struct LineView {
    texts: LineTexts,
    project_id: String,
}

/// Display texts of lines, made and cached when a line is first shown.
#[derive(Debug)]
pub struct LineViews<'p> {
    presentation: &'p Presentation,
    views: LineCache<LineView>,
    lines: Arc<Lines>,
    /// The order that a line is shown with that is shown alone.
    no_order: Order,
}

/// An order without a number or an amount.
fn no_order() -> Order {
    Order {
        number: String::new(),
        counterpart: String::new(),
        status: Status::Unpaid,
        start_time_s: 0,
        end_time_s: 0,
        quantity: 0,
        total: Amount::ZERO,
        original: Amount::ZERO,
        deductions: Deductions::default(),
        create_time_s: None,
        paid_time_s: None,
        revocation_time_s: None,
        replaces: String::new(),
        replaced_by: String::new(),
    }
}

impl LineViews<'_> {
    /// Calls `each` with an order and its display texts. Returns `None` if the order's line is unknown, which does not
    /// happen within one snapshot.
    pub fn show<T>(&mut self, stored: &StoredOrder, each: impl FnOnce(&OrderRow<'_>) -> T) -> Option<T> {
        let Self { presentation, views, lines, .. } = self;
        show(presentation, views, lines, stored.line_no, &stored.order, each)
    }

    /// Calls `each` with a line, its display texts and an empty order, for the fields that all orders of a line share.
    /// Returns `None` if the line is unknown.
    pub(crate) fn show_line<T>(
        &mut self,
        line_no: LineNo,
        each: impl FnOnce(&OrderRow<'_>) -> T,
    ) -> Option<T> {
        let Self { presentation, views, lines, no_order } = self;
        show(presentation, views, lines, line_no, no_order, each)
    }
}

fn show<T>(
    presentation: &Presentation,
    views: &mut LineCache<LineView>,
    lines: &Lines,
    line_no: LineNo,
    order: &Order,
    each: impl FnOnce(&OrderRow<'_>) -> T,
) -> Option<T> {
    let line = lines.get(line_no)?;
    let view = views.get_or_make(line_no, || LineView {
        texts: presentation.catalogue.line_texts(line, presentation.language),
        project_id: presentation.project_id(line.organization_id),
    });
    Some(each(&OrderRow {
        company_id: presentation.company_id,
        company_name: &presentation.company_name,
        provider: &presentation.provider,
        line,
        texts: &view.texts,
        project_id: &view.project_id,
        order,
        status: presentation.status(order.status),
        offsets: &presentation.offsets,
    }))
}
