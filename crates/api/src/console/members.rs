//! The names of parameters and of members of answers, in both languages, and how their values are shown.

use maud::{Markup, html};
use serde_json::Value;

use super::tables;
use super::text::Text;
use super::visit::Visit;

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// As it is.
    Plain,
    /// A text that programs read.
    Code,
    /// The same, which may be long.
    Long,
    /// A decimal number.
    Decimal,
    /// A whole number.
    Count,
    /// Unix seconds.
    Time,
    /// A name of the catalogue of this table.
    Name,
}

/// A member.
struct Member {
    name: &'static str,
    label: Text,
    shown: Shown,
}

macro_rules! members {
    ($($name:literal $shown:ident $en:literal $zh:literal;)*) => {
        const MEMBERS: &[Member] =
            &[$(Member { name: $name, label: Text::new($en, $zh), shown: Shown::$shown }),*];
    };
}

members! {
    "company" Count "Company" "公司编号";
    "CompanyID" Count "Company" "公司编号";
    "organization" Count "Project" "项目编号";
    "OrganizationID" Count "Project" "项目编号";
    "OrganizationIDs" Plain "Projects (numbers; none: all of the company)" "项目编号（不填：整个公司）";
    "ProjectId" Code "Project id" "项目 ID";
    "Name" Plain "Name" "名称";
    "Brand" Plain "Brand" "品牌";
    "Currency" Plain "Currency" "币种";
    "Email" Plain "Email address" "邮箱地址";
    "Role" Name "Role" "角色";
    "Hours" Count "Hours for which the link is valid (72)" "链接有效小时数（72）";
    "Link" Code "Link" "链接";
    "Disabled" Name "Disabled" "已停用";
    "public_key" Code "Public key" "公钥";
    "PublicKey" Code "Public key" "公钥";
    "PrivateKey" Code "Private key" "私钥";
    "FormerPublicKey" Code "Former key" "旧密钥";
    "FormerExpires" Time "The former key ends" "旧密钥到期时间";
    "Permissions" Name "Permissions (none: all)" "权限（不选：全部）";
    "AllowIPs" Plain "Allowed address ranges (none: any)" "允许的地址段（不填：任意）";
    "RateLimit" Count "Requests per second (0: unlimited)" "每秒请求数（0：不限）";
    "Strict" Name "Requests that must be signed strictly" "须严格签名的请求";
    "Expires" Time "Ends" "到期时间";
    "OverlapHours" Count "Hours for which the former key works (168)" "旧密钥继续有效的小时数（168）";
    "Suspended" Name "Suspended" "已暂停";
    "Kind" Name "Account" "账户";
    "Amount" Decimal "Amount" "金额";
    "Products" Plain "Products that it pays for (none: all)" "适用产品（不填：全部）";
    "Models" Plain "Models that it pays for (none: all)" "适用模型（不填：全部）";
    "NoSettle" Name "Pay no arrears from it" "不用于支付欠费";
    "Deposit" Code "Key of the deposit" "充值编号";
    "Owe" Name "Let the company owe what was spent" "已花费部分记为欠款";
    "Reason" Plain "Reason" "原因";
    "Reference" Plain "Reference" "关联单据";
    "Key" Code "Key" "编号";
    "Taken" Decimal "Taken" "收回金额";
    "Owed" Decimal "Owed" "记为欠款";
    "ArrearsPaid" Count "Orders in arrears that were paid" "已支付的欠费订单数";
    "CreditLimit" Decimal "Credit limit" "信用额度";
    "EntryNo" Count "Entry" "流水号";
    "GrantID" Count "Grant" "卡券编号";
    "Cause" Name "Cause" "类型";
    "Balance" Decimal "Balance" "余额";
    "OrderNos" Code "Order numbers" "订单号";
    "OrderNo" Code "Order" "订单";
    "Success" Name "Done" "是否完成";
    "Result" Name "Result" "结果";
    "FailureCount" Count "Not done" "未完成";
    "File" Plain "File" "文件";
    "List" Plain "Price list" "价格表";
    "list" Plain "Price list" "价格表";
    "Order" Plain "Order of the lists" "价格表顺序";
    "Own" Name "Own prices" "自有价格";
    "Format" Plain "Format" "格式";
    "Position" Count "Position" "顺序";
    "Factor" Decimal "Factor" "系数";
    "Rate" Plain "Rate of exchange, such as USD=7.10" "汇率，例如 USD=7.10";
    "ValidFrom" Time "Valid from" "生效时间";
    "ValidUntil" Time "Valid until" "失效时间";
    "Until" Time "End them at" "结束于";
    "Prices" Count "Prices" "价格数";
    "Added" Count "Added" "新增";
    "Changed" Count "Changed" "变更";
    "Unchanged" Count "Unchanged" "未变";
    "NotStated" Count "Prices of the list that the file does not state" "文件未列出的价格";
    "UsageCharged" Count "Records without a price that were charged" "已补计费的未定价记录";
    "Changes" Plain "Changes" "变更内容";
    "NeverChosen" Plain "Prices that can never be chosen" "永远不会被选用的价格";
    "MatchedByPart" Plain "Models that match names only by a part" "仅按部分名称匹配的模型";
    "LeftOut" Plain "Models left out" "未采用的模型";
    "UnreadKinds" Plain "Kinds of price that are not read" "未读取的价格类型";
    "Rounded" Plain "Rounded prices" "舍入的价格";
    "Ended" Count "Ended" "已结束";
    "Removed" Count "Removed" "已删除";
    "Provider" Plain "Provider" "供应商";
    "ModelID" Plain "Model" "模型";
    "PricingSKU" Code "Billing SKU" "计费项";
    "PricingSKUs" Code "Billing SKUs" "计费项";
    "PricingUnit" Count "Unit" "计费单位";
    "ListPrice" Decimal "List price" "原价";
    "DiscountPrice" Decimal "Price with discount" "折后价";
    "Discount" Decimal "Discount" "折扣";
    "Before" Decimal "Before" "变更前";
    "After" Decimal "After" "变更后";
    "Difference" Decimal "Difference" "差额";
    "HiddenBy" Plain "Hidden by" "被替代";
    "OnlyForNames" Plain "For the names" "适用名称";
    "ServiceTier" Plain "Service tier" "服务等级";
    "Tokens" Count "Length of the request, tokens" "请求长度（Token）";
    "LongerThan" Count "Longer than" "长度超过";
    "Outcome" Name "Outcome" "结果";
    "Why" Plain "Why" "说明";
    "MatchedBy" Plain "Matched by" "匹配方式";
    "From" Time "From" "起始日";
    "To" Time "To" "结束日";
    "Void" Code "Record" "记录";
    "ID" Code "Record" "记录";
    "Id" Code "Record" "记录";
    "Source" Plain "Source" "来源";
    "Replace" Code "Right records" "正确的记录";
    "Records" Count "Records" "记录数";
    "Rated" Count "Rated" "已计价";
    "Skipped" Count "Skipped" "已跳过";
    "OrdersReplaced" Count "Orders replaced" "被替换的订单";
    "OrdersMade" Count "Orders made" "新生成的订单";
    "Orders" Plain "Orders" "订单";
    "Differences" Plain "Differences" "差异";
    "Entries" Plain "Ledger entries" "账户流水";
    "Results" Plain "Results" "结果";
    "Unpriced" Count "Without a price" "未定价";
    "StartTime" Time "Start" "开始时间";
    "Total" Decimal "Amount" "金额";
    "ReplacedByOrderNo" Code "Replaced by" "替代订单";
    "ReplacedByTotal" Decimal "New amount" "新金额";
    "Time" Time "Time" "时间";
    "Act" Code "Act" "操作";
    "Actor" Plain "Who" "操作人";
    "ActorKind" Name "Kind of actor" "操作人类型";
    "Origin" Plain "From where" "来源地址";
    "Quantities" Long "Quantities" "数量";
    "Quantity" Count "Quantity" "数量";
    "State" Name "State" "状态";
    "Hour" Time "Hour" "小时";
    "ResourceID" Plain "Resource" "资源";
    "PriceList" Plain "Price list" "价格表";
    "Nearest" Plain "Near names in the price book" "价格表中的相近名称";
    "Reasons" Plain "Reasons" "原因";
    "Value" Long "Value" "值";
    "Setting" Code "Setting" "配置项";
    "Default" Code "Default" "默认值";
    "Meaning" Plain "Meaning" "说明";
    "ValuesBefore" Long "Before" "变更前";
    "ValuesAfter" Long "After" "变更后";
    "CorrectionKind" Name "Kind" "类型";
    "URL" Code "Address" "地址";
    "Type" Code "Type" "类型";
    // Names that values have.
    "cash" Plain "Cash" "现金";
    "bonus" Plain "Bonus" "赠送金";
    "coupon" Plain "Coupon" "代金券";
    "star_card" Plain "Star card" "星卡";
    "credit" Plain "Credit" "信用额度";
    "viewer" Plain "Viewer" "只读";
    "payer" Plain "Payer" "付款人";
    "administrator" Plain "Administrator" "管理员";
    "read" Plain "Read" "查询";
    "export" Plain "Export" "导出";
    "pay" Plain "Pay" "支付";
    "off" Plain "None" "无";
    "all" Plain "All" "全部";
    "charged" Plain "Charged" "已计费";
    "free" Plain "Free" "免费";
    "unpriced" Plain "Without a price" "未定价";
    "voided" Plain "Voided" "已作废";
    "deposit" Plain "Deposit" "充值";
    "deduction" Plain "Payment of orders" "订单支付";
    "refund" Plain "Refund" "退款";
    "expiry" Plain "Expiry" "到期";
    "adjustment" Plain "Repayment of credit" "信用还款";
    "reverse" Plain "Reversal of a deposit" "充值冲正";
    "adjust" Plain "Adjustment" "账户调整";
    "reversal" Plain "Reversal of a deposit" "充值冲正";
    "correction" Plain "Correction" "更正";
    "user" Plain "User" "用户";
    "shell" Plain "Shell" "命令行";
    "operator key" Plain "Operator key" "运营密钥";
    "API key" Plain "API key" "API 密钥";
    "system" Plain "Server" "服务器";
    "holds" Plain "Holds" "生效";
    "applies" Plain "Applies" "适用";
    "does not apply" Plain "Does not apply" "不适用";
    "true" Plain "Yes" "是";
    "false" Plain "No" "否";
}

fn find(name: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.name == name)
}

/// The name of a member for people; the member itself if it has none.
pub(super) fn label<'n>(visit: &Visit<'_>, name: &'n str) -> &'n str {
    find(name).map_or(name, |member| visit.t(member.label))
}

/// Whether the values of a member are right-aligned.
pub(super) fn is_numeric(name: &str) -> bool {
    find(name).is_some_and(|member| matches!(member.shown, Shown::Decimal | Shown::Count))
}

/// How the cells of a member are laid out.
fn class_of(name: &str) -> Option<&'static str> {
    match find(name).map(|member| member.shown) {
        Some(Shown::Decimal | Shown::Count) => Some("r"),
        Some(Shown::Code | Shown::Time | Shown::Name) => None,
        Some(Shown::Plain | Shown::Long) | None => Some("wrap"),
    }
}

/// A value of a member.
pub(super) fn value(visit: &Visit<'_>, name: &str, value: &Value) -> Markup {
    let shown = find(name).map_or(Shown::Plain, |member| member.shown);
    match value {
        Value::Null => html! {},
        Value::Bool(yes) => html! { (label(visit, if *yes { "true" } else { "false" })) },
        Value::Number(number) => match (shown, number.as_i64()) {
            (Shown::Time, Some(0)) => html! { "–" },
            (Shown::Time, Some(time_s)) => tables::time(visit.zone(), time_s),
            _ => tables::count(number),
        },
        Value::String(text) => match shown {
            Shown::Decimal => tables::decimal(text),
            Shown::Code | Shown::Long => html! { code { (text) } },
            Shown::Name => html! { (label(visit, text)) },
            _ => html! { (text) },
        },
        Value::Array(all) if all.iter().all(|one| !one.is_object() && !one.is_array()) => {
            let texts = all.iter().map(|one| match one {
                Value::String(text) if shown == Shown::Name => label(visit, text).to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            html! { (texts.collect::<Vec<_>>().join(", ")) }
        }
        Value::Array(all) => html! { (all.iter().map(in_short).collect::<Vec<_>>().join("; ")) },
        Value::Object(_) => html! { (in_short(value)) },
    }
}

/// An object as the values of its members.
fn in_short(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let named = ["ModelID", "Reason", "List", "ListPrice", "Currency", "OrderNo"];
            let found: Vec<String> = named
                .iter()
                .filter_map(|name| members.get(*name))
                .map(plain_text)
                .filter(|text| !text.is_empty())
                .collect();
            if found.is_empty() {
                let all = members.iter().map(|(name, value)| format!("{name} {}", plain_text(value)));
                all.collect::<Vec<_>>().join(", ")
            } else {
                found.join(" ")
            }
        }
        other => plain_text(other),
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A table of objects with these members as columns; `more` makes the last cell of a row.
pub(super) fn table(
    visit: &Visit<'_>,
    caption: &str,
    rows: &[Value],
    columns: &[&str],
    more: Option<&dyn Fn(&Value) -> Markup>,
) -> Markup {
    html! {
        div class="table" tabindex="0" role="region" aria-label=(caption) { table {
            caption { (caption) " · " (rows.len()) }
            thead { tr {
                @for column in columns { th scope="col" class=[is_numeric(column).then_some("r")] { (label(visit, column)) } }
                @if more.is_some() { th scope="col" { (visit.t(super::text::ACTION)) } }
            } }
            tbody { @for row in rows { tr {
                @for column in columns { td class=[class_of(column)] { (value(visit, column, &row[*column])) } }
                @if let Some(more) = more { td { (more(row)) } }
            } } }
        } }
    }
}

/// An answer: its single values as facts, its lists of objects as tables.
pub(super) fn answer(visit: &Visit<'_>, answer: &Value) -> Markup {
    let Value::Object(members) = answer else { return html! {} };
    let hidden = ["Repeated", "DryRun"];
    let is_list = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(Value::is_object));
    let is_fact = |name: &str, value: &Value| {
        !hidden.contains(&name)
            && !is_list(value)
            && !value.is_null()
            && value != &Value::Array(Vec::new())
            && value.as_str() != Some("")
    };
    html! {
        dl class="facts" {
            @for (name, of) in members.iter().filter(|(name, of)| is_fact(name, of)) {
                div { dt { (label(visit, name)) } dd {
                    @match (find(name).map(|member| member.shown), of) {
                        (Some(Shown::Code), Value::String(text)) => (tables::copyable(visit, text, html! { code { (text) } })),
                        _ => (value(visit, name, of)),
                    }
                } }
            }
        }
        @for (name, of) in members.iter().filter(|(_, of)| is_list(of)) {
            @let rows = of.as_array().map(Vec::as_slice).unwrap_or_default();
            @let columns = columns_of(name, rows);
            (table(visit, label(visit, name), rows, &columns, None))
        }
    }
}

/// The columns of a list in an answer, in the order in which people read them.
fn columns_of<'r>(name: &str, rows: &'r [Value]) -> Vec<&'r str> {
    let first = rows.first().and_then(Value::as_object);
    let all: Vec<&str> = first.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let wanted: &[&str] = match name {
        "Entries" => &["EntryNo", "Time", "Kind", "Cause", "Amount", "Balance", "Reference"],
        "Differences" => &["ModelID", "StartTime", "Records", "Before", "After", "Difference", "Unpriced"],
        "Orders" => &["OrderNo", "Total", "ReplacedByOrderNo", "ReplacedByTotal"],
        "NeverChosen" => &["Provider", "ModelID", "PricingSKUs", "OnlyForNames", "HiddenBy"],
        "Changes" => &["Provider", "ModelID", "PricingSKU", "Before", "After", "Currency", "ValidFrom"],
        _ => return all,
    };
    wanted.iter().filter_map(|wanted| all.iter().find(|name| *name == wanted)).copied().collect()
}
