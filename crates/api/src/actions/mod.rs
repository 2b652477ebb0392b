//! The actions. [`ACTIONS`] is the one table of them: it drives dispatch, the check of required parameters, the
//! reference page and the `OpenAPI` document. Each action's behaviour is a file of its own.

pub(crate) mod delivery;
mod download_order_summary;
mod download_orders;
mod get_export_job;
mod get_filter_options;
mod get_order_amount;
mod list_order_summary;
mod list_orders;
mod query;
mod start_pay_unpaid_orders;

use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::{ApiKey, Company};
use tollbook_export::fields::{ORDER_ITEM_DETAIL, PAID_SUMMARY_ITEM, UNPAID_ORDER_ITEM, UNPAID_SUMMARY_ITEM};
use tollbook_ops::config::Brand;
use tollbook_store::{Snapshot, Store};

use crate::answer::Answer;
use crate::description::{Described, describe};
use crate::gateway::{Gateway, log_and_refuse};
use crate::parameters::Parameters;
use crate::ret_code::Refusal;

/// One operation of the API.
pub struct Action {
    /// The value of `Action`.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What it does, where the summary does not say it all.
    pub description: &'static str,
    /// What it takes beyond the public and general parameters.
    pub parameters: &'static [Parameter],
    /// Members of the answer beyond the envelope.
    pub response: &'static [Member],
    /// Does it.
    pub(crate) run: fn(Call<'_>) -> Result<Answer, Refusal>,
}

impl Action {
    /// The action of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }
}

/// A parameter of an action.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name, without the `.N` of a list.
    pub name: &'static str,
    /// Type.
    pub shape: ParameterShape,
    /// Whether it must be there.
    pub required: bool,
    /// Not in the published pages: an extension of Tollbook.
    pub extension: bool,
    /// Meaning.
    pub meaning: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterShape {
    /// An integer between two bounds, both allowed.
    Integer(i64, i64),
    /// A string.
    Text,
    /// A list of integers.
    Integers,
    /// A list of strings.
    Texts,
    /// `true` or `false`.
    Flag,
}

/// A member of an answer.
pub struct Member {
    /// Exact spelling.
    pub name: &'static str,
    /// Type.
    pub shape: MemberShape,
    /// Meaning.
    pub meaning: &'static str,
    /// Whether every successful answer has it.
    pub always: bool,
}

/// The type of a member.
#[derive(Clone, Copy)]
pub enum MemberShape {
    /// An integer.
    Integer,
    /// A string.
    Text,
    /// An object of the named type.
    Object(&'static str, fn() -> Vec<Described>),
    /// A list of objects of the named type.
    List(&'static str, fn() -> Vec<Described>),
}

/// A checked request: signed by a known key, from an allowed address, within its rate, for a project it may use.
pub(crate) struct Call<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) parameters: Parameters<'a>,
    pub(crate) key: &'a ApiKey,
    pub(crate) company: &'a Company,
    pub(crate) brand: &'a Brand,
    pub(crate) snapshot: AuthorizedSnapshot<'a>,
    pub(crate) now_s: i64,
}

/// The snapshot that a request was checked with, thus the primary's: a key that was disabled is disabled at once.
pub(crate) struct AuthorizedSnapshot<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) caller: &'a CancellationToken,
    pub(crate) snapshot: Box<dyn Snapshot>,
}

impl AuthorizedSnapshot<'_> {
    /// What an action that only reads takes: a read replica's, where there is one that knows enough. Everything an
    /// answer says is of its moment.
    pub(crate) fn for_orders(self) -> Result<Box<dyn Snapshot>, Refusal> {
        self.store.replica_or(self.snapshot, self.caller).map_err(log_and_refuse)
    }
}

const fn time(name: &'static str, meaning: &'static str) -> Parameter {
    let shape = ParameterShape::Integer(0, tollbook_domain::time::MAX_TIME_S);
    Parameter { name, shape, required: true, extension: false, meaning }
}

const fn paging(name: &'static str, from: i64, to: i64, meaning: &'static str) -> Parameter {
    Parameter { name, shape: ParameterShape::Integer(from, to), required: true, extension: false, meaning }
}

const fn filter(name: &'static str, shape: ParameterShape, meaning: &'static str) -> Parameter {
    Parameter { name, shape, required: false, extension: false, meaning }
}

const START_TIME: Parameter =
    time("StartTime", "Start of the range over the orders' `StartTime`, Unix seconds");
const END_TIME: Parameter = time("EndTime", "End of the range, not included; greater than `StartTime`");
const PAGE: Parameter = paging("Page", 1, i64::MAX, "Page number, from 1");
const PAGE_SIZE: Parameter = paging("PageSize", 10, 100, "Orders per page");
const RESOURCE_IDS: Parameter = filter("ResourceIds", ParameterShape::Texts, "`ResourceID` of the orders");
const MODEL_IDS: Parameter = filter("ModelIds", ParameterShape::Texts, "`ModelID` of the orders");
const PRICING_UNITS: Parameter =
    filter("PricingUnits", ParameterShape::Integers, "`PricingUnit` of the orders");
const PRICING_SKUS: Parameter = filter("PricingSkus", ParameterShape::Texts, "`PricingSKU` of the orders");
const PRODUCT_CODES: Parameter =
    filter("ProductCodes", ParameterShape::Texts, "`ProductCode` of the orders: `modelverse`, `sandbox`");
const ORDER_TYPES: Parameter = filter("OrderTypes", ParameterShape::Integers, "`OrderType` of the orders");
const CHARGE_TYPES: Parameter = filter("ChargeTypes", ParameterShape::Integers, "`ChargeType` of the orders");
const REGIONS: Parameter = filter("Regions", ParameterShape::Texts, "`Region` of the orders");
const ORGANIZATION_IDS: Parameter = filter(
    "OrganizationIds",
    ParameterShape::Integers,
    "`OrganizationID` of the orders; those that the key is not bound to match nothing",
);
const ORDER_NOS: Parameter = Parameter {
    name: "OrderNos",
    shape: ParameterShape::Texts,
    required: false,
    extension: true,
    meaning: "`OrderNo`, `SourceOrderNo` or `UnpaidOrderNo` of the orders",
};
const STATUSES: Parameter = Parameter {
    name: "Statuses",
    shape: ParameterShape::Integers,
    required: false,
    extension: true,
    meaning: "`Status` of the orders instead of the action's own choice: paid actions take 2 and 3, unpaid ones 1 \
              and 3, the order summary all three",
};

const LIST_PARAMETERS: &[Parameter] = &[
    START_TIME,
    END_TIME,
    PAGE,
    PAGE_SIZE,
    RESOURCE_IDS,
    MODEL_IDS,
    PRICING_UNITS,
    PRICING_SKUS,
    PRODUCT_CODES,
    ORDER_TYPES,
    CHARGE_TYPES,
    REGIONS,
    ORGANIZATION_IDS,
    ORDER_NOS,
    STATUSES,
];

const RANGE_PARAMETERS: &[Parameter] = &[
    START_TIME,
    END_TIME,
    RESOURCE_IDS,
    MODEL_IDS,
    PRICING_UNITS,
    PRICING_SKUS,
    PRODUCT_CODES,
    ORDER_TYPES,
    CHARGE_TYPES,
    REGIONS,
    ORGANIZATION_IDS,
    ORDER_NOS,
    STATUSES,
];

const DOWNLOAD_PARAMETERS: &[Parameter] =
    &joined::<{ RANGE_PARAMETERS.len() + 2 }>(RANGE_PARAMETERS, &[delivery::FORMAT, delivery::ASYNC]);

/// The one list and then the other, which together have `N` entries.
const fn joined<const N: usize>(first: &[Parameter], second: &[Parameter]) -> [Parameter; N] {
    let mut all = [START_TIME; N];
    let mut place = 0;
    while place < N {
        all[place] = if place < first.len() { first[place] } else { second[place - first.len()] };
        place += 1;
    }
    all
}

const AMOUNT_PARAMETERS: &[Parameter] = &[
    START_TIME,
    END_TIME,
    RESOURCE_IDS,
    MODEL_IDS,
    PRICING_UNITS,
    PRICING_SKUS,
    PRODUCT_CODES,
    ORDER_TYPES,
    CHARGE_TYPES,
    REGIONS,
    ORGANIZATION_IDS,
    ORDER_NOS,
];

const fn integer(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::Integer, meaning, always: true }
}

const fn text(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::Text, meaning, always: true }
}

const PAGE_MEMBER: Member = integer("Page", "The page that was asked for");
const PAGE_SIZE_MEMBER: Member = integer("PageSize", "The page size that was asked for");
const TOTAL_MEMBER: Member = integer("Total", "Exact number of matching orders on all pages");
/// Every action, in the order of the reference page.
pub const ACTIONS: &[Action] = &[
    Action {
        name: "ListPaidOrders",
        summary: "List paid orders",
        description: "Paid orders of a time range, newest `StartTime` first, then by `OrderNo` descending. \
                      A page past the end is empty and has the exact `Total`.",
        parameters: LIST_PARAMETERS,
        response: &[
            PAGE_MEMBER,
            PAGE_SIZE_MEMBER,
            TOTAL_MEMBER,
            Member {
                name: "Orders",
                shape: MemberShape::List("OrderItemDetail", || describe(ORDER_ITEM_DETAIL)),
                meaning: "The orders of the page",
                always: true,
            },
        ],
        run: list_orders::paid,
    },
    Action {
        name: "ListUnpaidOrders",
        summary: "List unpaid orders",
        description: "Orders of a time range that are owed, newest `StartTime` first, then by `OrderNo` descending.",
        parameters: LIST_PARAMETERS,
        response: &[
            PAGE_MEMBER,
            PAGE_SIZE_MEMBER,
            TOTAL_MEMBER,
            Member {
                name: "Orders",
                shape: MemberShape::List("UnpaidOrderItem", || describe(UNPAID_ORDER_ITEM)),
                meaning: "The orders of the page",
                always: true,
            },
        ],
        run: list_orders::unpaid,
    },
    Action {
        name: "ListPaidOrderSummary",
        summary: "Sum paid orders by resource, SKU, model, unit, type, price",
        description: "One row per distinct (`ResourceId`, `PricingSKU`, `ModelID`, `PricingUnit`, `OrderType`, \
                      `ChargeType`, `Status`, `ListPrice`, `DiscountPrice`, `Currency`), largest `SumOrderPrice` \
                      first, then by those keys.",
        parameters: RANGE_PARAMETERS,
        response: &[Member {
            name: "Summaries",
            shape: MemberShape::List("PaidOrderSummaryItem", || describe(PAID_SUMMARY_ITEM)),
            meaning: "The rows",
            always: true,
        }],
        run: list_order_summary::paid,
    },
    Action {
        name: "ListUnpaidOrderSummary",
        summary: "Sum unpaid orders by resource, SKU, model, unit, type, price",
        description: "As `ListPaidOrderSummary`, over the orders that are owed.",
        parameters: RANGE_PARAMETERS,
        response: &[Member {
            name: "Summaries",
            shape: MemberShape::List("UnpaidOrderSummaryItem", || describe(UNPAID_SUMMARY_ITEM)),
            meaning: "The rows",
            always: true,
        }],
        run: list_order_summary::unpaid,
    },
    Action {
        name: "GetOrderAmount",
        summary: "What the orders of a time range come to",
        description: "Exact totals over at most 366 days. Total = paid + unpaid; revoked orders are in neither.",
        parameters: AMOUNT_PARAMETERS,
        response: &[
            text("Currency", "`CNY` or `USD`: a company is billed in one"),
            text("TotalOrderAmount", "`PaidAmount` + `UnpaidAmount`"),
            text("PaidAmount", "Sum of `OrderTotalPrice` of the paid orders"),
            text("UnpaidAmount", "Sum of `OrderTotalPrice` of the unpaid orders"),
            text("CashAmount", "Paid from the cash account"),
            text("BonusAmount", "Paid from the bonus account"),
            text("CouponAmount", "Paid from coupons"),
            text("StarCardAmount", "Paid from star cards"),
            text("CreditAmount", "Paid from the credit line"),
            integer("OrderCount", "`PaidCount` + `UnpaidCount`"),
            integer("PaidCount", "Number of paid orders"),
            integer("UnpaidCount", "Number of unpaid orders"),
            text(
                "PendingAmount",
                "What the open hours of the range would come to; not in the total, and 0.00 with `OrderNos`",
            ),
        ],
        run: get_order_amount::run,
    },
    Action {
        name: "GetFilterOptions",
        summary: "The values that orders can be filtered by",
        description: "What occurs in the company's orders of any status, one entry per value, sorted by name, then \
                      by value.",
        parameters: &[Parameter {
            name: "ProductCode",
            shape: ParameterShape::Text,
            required: false,
            extension: false,
            meaning: "Only of orders of this product; empty: of all",
        }],
        response: get_filter_options::RESPONSE,
        run: get_filter_options::run,
    },
    Action {
        name: "StartPayUnpaidOrders",
        summary: "Pay unpaid orders",
        description: "Pays each of the orders that can be paid, one by one in the order of their index, each wholly \
                      or not at all. `RetCode` is 0 even when nothing was paid. Paying what is paid already is a \
                      success that moves no money, so a request can be sent again.",
        parameters: &[Parameter {
            name: "OrderNos",
            shape: ParameterShape::Texts,
            required: true,
            extension: false,
            meaning: "`OrderNo` of 1 to 50 unpaid orders",
        }],
        response: start_pay_unpaid_orders::RESPONSE,
        run: start_pay_unpaid_orders::run,
    },
    Action {
        name: "DownloadListPaidOrders",
        summary: "Every paid order of a time range as a file",
        description: "A workbook, or what `Format` says, with the columns of `ListPaidOrders` in its order; a workbook ends \
                      with a sheet of totals. Answers when the file can be downloaded.",
        parameters: DOWNLOAD_PARAMETERS,
        response: delivery::RESPONSE,
        run: download_orders::paid,
    },
    Action {
        name: "DownloadListUnpaidOrders",
        summary: "Every unpaid order of a time range as a file",
        description: "A workbook, or what `Format` says, with the columns of `ListUnpaidOrders` in its order; a workbook ends \
                      with a sheet of totals. Answers when the file can be downloaded.",
        parameters: DOWNLOAD_PARAMETERS,
        response: delivery::RESPONSE,
        run: download_orders::unpaid,
    },
    Action {
        name: "DownloadOrderSummary",
        summary: "Both summaries of a time range as a file",
        description: "A workbook of two sheets, paid and unpaid, with the rows of the two summary actions, or what `Format` \
                      says: one table, the paid rows first.",
        parameters: DOWNLOAD_PARAMETERS,
        response: delivery::RESPONSE,
        run: download_order_summary::run,
    },
    Action {
        name: "GetExportJob",
        summary: "What became of an export that was asked for with `Async`",
        description: "An extension of Tollbook. `Data` is there once the state is `Done`; its link is made anew with each \
                      answer. A job outlives the server that works at it.",
        parameters: get_export_job::PARAMETERS,
        response: get_export_job::RESPONSE,
        run: get_export_job::run,
    },
];
