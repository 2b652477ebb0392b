//! The table of actions: it drives dispatch, background exports, the reference page and the `OpenAPI` document.

use tollbook_domain::tenant::Permission;
use tollbook_export::Document;
use tollbook_export::fields::{ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, UNPAID_ORDER_ITEM};

use super::call::Call;
use super::shape::{Meaning, Member, Parameter, ParameterShape, describe, integer, list, text};
use super::{
    client_setup, delivery, download_order_summary, download_orders, get_account, get_export_job,
    get_filter_options, get_order_amount, list_ledger, list_order_summary, list_orders, list_parameters,
    start_pay_unpaid_orders,
};
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::ret_code::Refusal;

/// One operation of the API.
pub struct Action {
    /// The value of `Action`.
    pub name: &'static str,
    /// What a key needs for it.
    pub permission: Permission,
    /// One line.
    pub summary: &'static str,
    /// What the summary does not say.
    pub description: &'static str,
    /// Parameters, except those that every action has.
    pub parameters: &'static [Parameter],
    /// Members of the answer, except `RetCode` and `Action`.
    pub response: &'static [Member],
    handler: Handler,
}

/// The function behind an action.
enum Handler {
    /// Answers a request.
    Answer(fn(Call<'_>) -> Result<Answer, Refusal>),
    /// The same, and writes.
    Change(fn(Call<'_>) -> Result<Answer, Refusal>),
    /// Decides what a file contains. Requests and background jobs deliver it in the same way.
    Document(fn(&Call<'_>) -> Result<Document, Refusal>),
}

impl Action {
    /// The action of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// Answers a request.
    pub(crate) fn run(&self, call: Call<'_>) -> Result<Answer, Refusal> {
        match self.handler {
            Handler::Answer(answer) | Handler::Change(answer) => answer(call),
            Handler::Document(document) => {
                let document = document(&call)?;
                delivery::deliver(call, document)
            }
        }
    }

    /// Whether a request waits for other writers of the database. Its parameters may still be invalid.
    pub(crate) fn writes(&self, parameters: &Parameters<'_>) -> bool {
        match self.handler {
            Handler::Answer(_) => false,
            Handler::Change(_) => true,
            // The file is recorded by a thread of the exporter; a job is stored before the answer.
            Handler::Document(_) => matches!(parameters.flag("Async"), Ok(Some(true))),
        }
    }

    /// The document that a request asks for; `None` if the action is not a download.
    pub(crate) fn document(&self, call: &Call<'_>) -> Option<Result<Document, Refusal>> {
        match self.handler {
            Handler::Answer(_) | Handler::Change(_) => None,
            Handler::Document(document) => Some(document(call)),
        }
    }
}

const PAGE: Member = integer("Page", "The page that was asked for");
const PAGE_SIZE: Member = integer("PageSize", "The page size that was asked for");
const TOTAL: Member = integer("Total", "Exact number of matching orders on all pages");

/// Every action, in the order of the reference page.
pub const ACTIONS: &[Action] = &[
    Action {
        name: "ListPaidOrders",
        permission: Permission::Read,
        summary: "List paid orders",
        description: "Paid orders of a time range, newest `StartTime` first, then by `OrderNo` descending. \
                      A page past the end is empty and has the exact `Total`.",
        parameters: list_parameters::LIST,
        response: &[
            PAGE,
            PAGE_SIZE,
            TOTAL,
            list("Orders", "OrderItemDetail", || describe(ORDER_ITEM_DETAIL), "The orders of the page"),
        ],
        handler: Handler::Answer(list_orders::paid),
    },
    Action {
        name: "ListUnpaidOrders",
        permission: Permission::Read,
        summary: "List unpaid orders",
        description: "Orders of a time range that are owed, newest `StartTime` first, then by `OrderNo` descending.",
        parameters: list_parameters::LIST,
        response: &[
            PAGE,
            PAGE_SIZE,
            TOTAL,
            list("Orders", "UnpaidOrderItem", || describe(UNPAID_ORDER_ITEM), "The orders of the page"),
        ],
        handler: Handler::Answer(list_orders::unpaid),
    },
    Action {
        name: "ListPaidOrderSummary",
        permission: Permission::Read,
        summary: "Sum paid orders by resource, SKU, model, unit, type, price",
        description: "One row per distinct (`ResourceId`, `PricingSKU`, `ModelID`, `PricingUnit`, `OrderType`, \
                      `ChargeType`, `Status`, `ListPrice`, `DiscountPrice`, `Currency`, `Region`, `PricingSkuId`), \
                      largest `SumOrderPrice` first, then by those keys.",
        parameters: list_parameters::SUMMARY,
        response: &[list("Summaries", "OrderSummaryItem", || describe(ORDER_SUMMARY_ITEM), "The rows")],
        handler: Handler::Answer(list_order_summary::paid),
    },
    Action {
        name: "ListUnpaidOrderSummary",
        permission: Permission::Read,
        summary: "Sum unpaid orders by resource, SKU, model, unit, type, price",
        description: "As `ListPaidOrderSummary`, over the orders that are owed.",
        parameters: list_parameters::SUMMARY,
        response: &[list("Summaries", "OrderSummaryItem", || describe(ORDER_SUMMARY_ITEM), "The rows")],
        handler: Handler::Answer(list_order_summary::unpaid),
    },
    Action {
        name: "GetOrderAmount",
        permission: Permission::Read,
        summary: "Total amounts of the orders of a time range",
        description: "Exact totals over at most 366 days. Total = paid + unpaid; revoked orders are in neither.",
        parameters: list_parameters::AMOUNT,
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
                "Amount of the usage in the open hours of the range; not in the total, and 0.00 with `OrderNos`",
            ),
        ],
        handler: Handler::Answer(get_order_amount::run),
    },
    Action {
        name: "GetFilterOptions",
        permission: Permission::Read,
        summary: "The values that orders can be filtered by",
        description: "The values that occur in the company's orders of any status, one entry per value, sorted by \
                      name, then by value.",
        parameters: &[Parameter {
            name: "ProductCode",
            shape: ParameterShape::Text,
            required: false,
            extension: false,
            meaning: Meaning::Text("Only values of orders of this product; empty: of all orders"),
        }],
        response: get_filter_options::RESPONSE,
        handler: Handler::Answer(get_filter_options::run),
    },
    Action {
        name: "StartPayUnpaidOrders",
        permission: Permission::Pay,
        summary: "Pay unpaid orders",
        description: "Pays each of the orders that can be paid, one by one in the order of their index, each wholly \
                      or not at all. `RetCode` is 0 even when nothing was paid. Paying a paid order succeeds and moves \
                      no money, so a request can be repeated.",
        parameters: &[Parameter {
            name: "OrderNos",
            shape: ParameterShape::FewTexts(start_pay_unpaid_orders::MAX_NUMBERS),
            required: true,
            extension: false,
            meaning: Meaning::Text("`OrderNo` of 1 to 50 unpaid orders"),
        }],
        response: start_pay_unpaid_orders::RESPONSE,
        handler: Handler::Change(start_pay_unpaid_orders::run),
    },
    Action {
        name: "DownloadListPaidOrders",
        permission: Permission::Export,
        summary: "Every paid order of a time range as a file",
        description: "A workbook, or the `Format` asked for, with the columns of `ListPaidOrders` in its order; a \
                      workbook ends with a sheet of totals. The answer is sent when the file can be downloaded.",
        parameters: list_parameters::DOWNLOAD,
        response: delivery::RESPONSE,
        handler: Handler::Document(download_orders::paid),
    },
    Action {
        name: "DownloadListUnpaidOrders",
        permission: Permission::Export,
        summary: "Every unpaid order of a time range as a file",
        description: "A workbook, or the `Format` asked for, with the columns of `ListUnpaidOrders` in its order; a \
                      workbook ends with a sheet of totals. The answer is sent when the file can be downloaded.",
        parameters: list_parameters::DOWNLOAD,
        response: delivery::RESPONSE,
        handler: Handler::Document(download_orders::unpaid),
    },
    Action {
        name: "DownloadOrderSummary",
        permission: Permission::Export,
        summary: "Both summaries of a time range as a file",
        description: "A workbook of two sheets, paid and unpaid, with the rows of the two summary actions. Other \
                      formats have one table, the paid rows first.",
        parameters: list_parameters::DOWNLOAD,
        response: delivery::RESPONSE,
        handler: Handler::Document(download_order_summary::document),
    },
    Action {
        name: "GetExportJob",
        permission: Permission::Export,
        summary: "State of an export that was asked for with `Async`",
        description: "An extension of Tollbook. `Data` is there once the state is `Done`; each answer has a new link. If \
                      the server of a job stops, another server continues it.",
        parameters: get_export_job::PARAMETERS,
        response: get_export_job::RESPONSE,
        handler: Handler::Answer(get_export_job::run),
    },
    Action {
        name: "GetAccount",
        permission: Permission::Read,
        summary: "Balances, grants and arrears of the company",
        description: "An extension of Tollbook. The accounts are the whole company's: a key that is bound to \
                      organizations is refused.",
        parameters: &[],
        response: get_account::RESPONSE,
        handler: Handler::Answer(get_account::run),
    },
    Action {
        name: "ListLedger",
        permission: Permission::Read,
        summary: "Every movement of the company's accounts",
        description: "An extension of Tollbook. Newest entry first; a page past the end is empty and has the exact \
                      `Total`. The balance of an account is the sum of its entries. A key that is bound to \
                      organizations is refused.",
        parameters: list_ledger::PARAMETERS,
        response: list_ledger::RESPONSE,
        handler: Handler::Answer(list_ledger::run),
    },
    Action {
        name: "GetUserInfo",
        permission: Permission::Read,
        summary: "The company of the key, for the set-up of published clients",
        description: "What the published command-line client shows when it is set up.",
        parameters: &[],
        response: client_setup::USER_RESPONSE,
        handler: Handler::Answer(client_setup::user_info),
    },
    Action {
        name: "GetRegion",
        permission: Permission::Read,
        summary: "The regions, for the set-up of published clients",
        description: "What the published command-line client chooses its default region from. A region never filters: \
                      that is `Regions` of the other actions.",
        parameters: &[],
        response: client_setup::REGION_RESPONSE,
        handler: Handler::Answer(client_setup::regions),
    },
    Action {
        name: "GetProjectList",
        permission: Permission::Read,
        summary: "The organizations of the key, for the set-up of published clients",
        description: "What the published command-line client chooses its default project from. `ProjectId` never \
                      filters: that is `OrganizationIds` of the other actions.",
        parameters: client_setup::PROJECT_PARAMETERS,
        response: client_setup::PROJECT_RESPONSE,
        handler: Handler::Answer(client_setup::projects),
    },
];
