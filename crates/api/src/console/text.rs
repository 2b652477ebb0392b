//! All texts of the console in one table, in English and Chinese. Names of fields and catalogue entries come from the catalogue.

use tollbook_domain::account::Cause;
use tollbook_domain::tenant::Permission;
use tollbook_domain::{AccountKind, Language, Role};

/// A text in both languages. `{0}`, `{1}`, … stand for values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    en: &'static str,
    zh: &'static str,
}

impl Text {
    /// A text that stands in a table of its own.
    pub(super) const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en, zh }
    }

    /// The text in a language.
    pub(super) const fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Chinese => self.zh,
        }
    }

    /// The text with its values.
    pub(super) fn with(self, language: Language, values: &[&str]) -> String {
        let mut text = String::new();
        let mut rest = self.of(language);
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((place, behind)) = after.split_once('}') else { break };
            text.push_str(
                place.parse::<usize>().ok().and_then(|place| values.get(place)).copied().unwrap_or(""),
            );
            rest = behind;
        }
        text + rest
    }
}

macro_rules! texts {
    ($($name:ident $en:literal $zh:literal;)*) => {
        $(pub(in crate::console) const $name: Text = Text { en: $en, zh: $zh };)*

        /// Every text, for tests.
        #[cfg(test)]
        pub(in crate::console) const EVERY_TEXT: &[(&str, Text)] = &[$((stringify!($name), $name)),*];
    };
}

mod desk;

pub(super) use desk::*;

texts! {
    // Frame
    SKIP "Skip to content" "跳到正文";
    NAVIGATION "Console" "控制台";
    OVERVIEW "Overview" "总览";
    EXPLORE "Explore" "分析";
    ORDERS "Orders" "订单";
    SUMMARY "Summary" "汇总";
    ARREARS "Arrears" "欠费";
    ACCOUNTS "Accounts" "账户";
    STATEMENT "Statement" "对账单";
    EXPORTS "Exports" "导出";
    KEYS "API keys" "API 密钥";
    SESSIONS "Sessions" "登录会话";
    THEME_SYSTEM "Colours: system" "配色：跟随系统";
    THEME_LIGHT "Colours: light" "配色：浅色";
    THEME_DARK "Colours: dark" "配色：深色";
    COPY "Copy" "复制";
    SHOW "Show" "查看";
    BACK_HOME "Back to the overview" "返回总览";

    // Signing in
    SIGN_IN "Sign in" "登录";
    SIGN_OUT "Sign out" "退出登录";
    EMAIL "Email address" "邮箱地址";
    PASSWORD "Password" "密码";
    NEW_PASSWORD "New password" "新密码";
    SET_PASSWORD "Set password and sign in" "设置密码并登录";
    PASSWORD_RULE "At least {0} characters. A sentence is easy to remember." "至少 {0} 个字符，一句话更容易记住。";
    PASSWORD_GUESSABLE "This password is too easy to guess." "该密码过于简单，请换一个。";
    FORGOTTEN "No password, or forgotten? Ask your administrator for a new link." "没有密码或忘记密码？请向管理员索取新的链接。";
    WRONG_PASSWORD "The email address or the password is wrong." "邮箱地址或密码错误。";
    WELCOME "Welcome" "欢迎";
    OPEN_CONSOLE "Open the console" "打开控制台";
    OPEN_CONSOLE_WHY "The link works once. With a password you can come back later." "该链接只能使用一次。设置密码后可再次登录。";
    LINK_ENDED "This link has ended" "链接已失效";
    LINK_ENDED_WHY "It was used already, or its time is over. Ask for a new one, or sign in with your password." "链接已被使用或已过期。请索取新的链接，或使用密码登录。";

    // What is not possible
    NOT_FOUND "Not found" "未找到";
    NOT_FOUND_WHY "There is no such page, or it belongs to someone else." "页面不存在，或不属于您。";
    METHOD_WHY "This address is for a form. Open the page with the form again." "该地址仅用于提交表单，请重新打开表单页面。";
    FORBIDDEN "Not allowed" "没有权限";
    FORBIDDEN_WHY "Your role does not include this. An administrator can change it." "您的角色没有此权限，请联系管理员调整。";
    FOREIGN_FORM "The form was not accepted" "表单未被接受";
    FOREIGN_FORM_WHY "It was not sent from a page of this console, or you have signed in again since. Nothing was changed. Open the page again." "表单并非从本控制台页面提交，或您已重新登录。未做任何更改，请重新打开页面。";
    REPEATED_FORM "The form was sent before" "表单已提交过";
    REPEATED_FORM_WHY "It was done once, and not again. Open the page again to see the result." "操作已执行一次，不会重复执行。请重新打开页面查看结果。";
    INVALID "This is not understood" "无法识别的输入";
    INVALID_WHY "A part of the address or of the form is not valid." "地址或表单中有无效的内容。";
    THROTTLED "Too many attempts" "尝试次数过多";
    THROTTLED_WHY "Try again in {0} minutes." "请在 {0} 分钟后重试。";
    UNAVAILABLE "Not available at the moment" "服务暂不可用";
    UNAVAILABLE_WHY "The database does not answer. Nothing was lost or half done; try again in a moment." "数据库没有响应。数据没有丢失，操作也没有只完成一半，请稍后重试。";
    INTERNAL "Something went wrong" "出现错误";
    INTERNAL_WHY "The operator finds the cause in the log by the number of the request. Try again." "运维人员可凭请求编号在日志中查找原因，请重试。";

    // Notices
    NOTICE_PAID "Done. The result of each order is below." "已完成。各订单的结果如下。";
    NOTICE_EXPORT "The export is queued. Its file appears here." "导出已排队，文件将显示在此处。";
    NOTICE_KEY_CHANGED "The key was changed." "密钥已更改。";
    NOTICE_SESSION_ENDED "The session has ended." "会话已结束。";
    NOTICE_SESSIONS_ENDED "All other sessions have ended." "其他会话均已结束。";
    NOTICE_SIGNED_OUT "You are signed out." "您已退出登录。";
    NOTICE_NOTHING_CHOSEN "Choose at least one order." "请至少选择一个订单。";

    // Ranges and filters
    TODAY "Today" "今天";
    YESTERDAY "Yesterday" "昨天";
    DAYS_7 "7 days" "近 7 天";
    DAYS_30 "30 days" "近 30 天";
    THIS_MONTH "This month" "本月";
    LAST_MONTH "Last month" "上月";
    THIS_YEAR "This year" "今年";
    LAST_YEAR "Last year" "去年";
    EVER "All time" "全部时间";
    FROM "From" "从";
    TO "To" "至";
    FILTERS "Filters" "筛选";
    CLEAR "Clear" "清除";
    REMOVE "Remove this filter" "移除此筛选条件";
    ANOTHER "Another value" "其他值";
    ORDER_NUMBERS "Order numbers" "订单号";
    ORDER_NUMBERS_HINT "With spaces between them" "以空格分隔";
    AS_CURL "As curl" "curl 命令";
    AS_CURL_WHY "The same request at the API, with the keys in the environment." "以环境变量中的密钥向 API 发送相同的请求。";
    STATUS "Status" "状态";
    CHARGED "Charged" "已计费";
    PAID "Paid" "已支付";
    UNPAID "Unpaid" "未支付";
    REVOKED "Revoked" "已撤销";

    // Orders
    ORDER "Order" "订单";
    AMOUNT "Amount" "金额";
    ORIGINAL "Amount at list price" "原价金额";
    QUANTITY "Quantity" "数量";
    DISCOUNT "Discount" "优惠";
    TOTAL "Total" "合计";
    NO_ORDERS "There are no orders in this range with these filters." "该时间范围与筛选条件下没有订单。";
    ROWS_OF "{0}–{1} of {2}" "第 {0}–{1} 条，共 {2} 条";
    N_ROWS "{0} rows" "共 {0} 行";
    N_ORDERS "{0} orders" "{0} 个订单";
    PAGES "Pages" "分页";
    PAGE "Page" "页码";
    PAGE_OF "Page {0} of {1}" "第 {0} 页，共 {1} 页";
    PER_PAGE "Per page" "每页";
    FIRST_PAGE "First" "首页";
    PREVIOUS "Previous" "上一页";
    NEXT "Next" "下一页";
    LAST_PAGE "Last" "末页";
    GO "Go" "前往";
    COLUMNS "Columns" "选择列";
    USUAL_COLUMNS "Usual columns" "默认列";
    RESOURCE "Resource" "资源";
    MODEL "Model" "模型";
    UNIT "Pricing unit" "计费单位";
    SKU "Billing SKU" "计费项";
    PRODUCT "Product" "产品";
    ORDER_TYPE "Order type" "订单类型";
    CHARGE_TYPE "Charge type" "计费方式";
    REGION "Region" "地域";
    PROJECT "Project" "项目";
    PROJECTS "Projects" "项目";
    USER "User" "用户";

    // Order
    WHY_THIS_AMOUNT "Why this amount" "金额说明";
    COMPUTATION "Price × quantity. The quantity is {0} base units; the price is for {1} of them." "单价 × 数量。数量为 {0} 个基本单位，单价对应 {1} 个基本单位。";
    PRICE_OF "Price of one {0}" "每 {0} 单价";
    EXACT_PRODUCT "Exact product" "精确乘积";
    ROUNDED "Rounded" "舍入后";
    AT_LIST_PRICE "At list price" "按原价";
    CHARGED_AMOUNT "Charged" "实收";
    ROUNDING "Rounding" "舍入规则";
    ROUNDING_EXACT "Once per order, to 8 places, half away from zero" "每个订单舍入一次，保留 8 位小数，四舍五入";
    ROUNDING_CENT_UP "Once per order, up to 0.01" "每个订单向上取整到 0.01";
    ROUNDING_AS_BILLED "As billed by another system" "以其他系统的账单为准";
    PRICE_LIST "Price list" "价格表";
    OWN_PRICES "The seller's own prices" "卖方自有价格";
    PRICE_RULE "Rule for models" "模型匹配规则";
    PRICE_SINCE "Price valid from" "价格生效时间";
    PRICE_GONE "The price book has another price today; the order keeps its own." "当前价格表已变更，订单保持原价格。";
    OTHER_NUMBER "Other number" "关联订单号";
    CREATED "Created" "创建时间";
    PAID_AT "Paid" "支付时间";
    REVOKED_AT "Revoked" "撤销时间";
    REASON "Reason" "原因";
    PAID_FROM "Paid from" "支付来源";
    DEDUCTIONS_CAPTION "Deductions; they add up to the amount" "各账户扣款，合计等于金额";
    IN_LEDGER "The entries in the ledger" "查看账户流水";
    REPLACES "Replaces after a correction" "更正后替代的订单";
    REPLACED_BY "Replaced after a correction by" "更正后被以下订单替代";
    RECORDS "Usage records" "用量记录";
    RECORDS_ALL "All records of this order" "该订单的全部记录";
    RECORDS_MORE "The first records of this order; there are more" "该订单的前若干条记录，还有更多";
    NO_RECORDS "The records of this order are no longer kept." "该订单的记录已不再保留。";
    IMPORTED "This order was imported; its records are in the system that it came from." "该订单为导入订单，用量记录在来源系统中。";
    TIME "Time" "时间";
    SOURCE "Source" "来源";
    RECORD_ID "Record" "记录";

    // Overview
    PENDING "Pending now" "待出账";
    PENDING_WHY "Usage of open hours, not billed yet" "尚未出账的小时用量";
    OWED "Owed" "待付金额";
    AVAILABLE "Available" "可用额度";
    AVAILABLE_WHY "Balances that have not ended, and unused credit" "未到期余额与未使用的信用额度";
    COMPARED "{0} against the first {1} days of last month" "较上月前 {1} 天 {0}";
    SPEND_BY_DAY "Spend" "消费";
    CHART_CAPTION "Amount charged, paid and unpaid." "已计费金额（已支付与未支付）。";
    AS_TABLE "The same as a table" "以表格查看";
    SHARE "Share" "占比";
    OTHERS "{0} others" "其他 {0} 项";
    WITHOUT_NAME "(none)" "（无）";

    // Explore
    MEASURE "Measure" "指标";
    GROUP "Group" "分组";
    SUBGROUP "Subgroup" "子分组";
    NONE "None" "无";
    STEP "Time" "时间粒度";
    BY_HOUR "By hour" "按小时";
    BY_DAY "By day" "按天";
    BY_MONTH "By month" "按月";
    WHOLE_RANGE "Whole range" "整个范围";
    TOP "Groups" "分组数";
    CUMULATIVE "Cumulative" "累计";
    QUANTITY_HINT "Quantities are in base units (tokens, images, seconds); filter by unit before you compare them." "数量以基本单位（Token、张、秒）计，比较前请按计费单位筛选。";
    TOO_MANY_COLUMNS "More than {0} columns: choose a longer step or a shorter range." "超过 {0} 列：请选择更大的时间粒度或更短的范围。";

    // Arrears
    START "Start" "开始时间";
    CHOOSE "Choose" "选择";
    ALL "All" "全选";
    AS_LIST "As a list of orders" "以订单列表查看";
    ARREARS_CAPTION "Unpaid orders, newest first" "未支付订单，最新在前";
    NOTHING_OWED "Nothing is owed." "没有欠费。";
    REVIEW_PAYMENT "Review payment" "核对付款";
    REVIEW_CAPTION "What each account would pay. Nothing is paid yet." "各账户将支付的金额，尚未扣款。";
    UP_TO "Up to {0} orders at once" "每次最多 {0} 个订单";
    MAY_NOT_PAY "Your role does not include paying." "您的角色没有支付权限。";
    RESULT "Result" "结果";
    IS_PAID "Paid" "已支付";
    CAN_BE_PAID "Will be paid" "将支付";
    INSUFFICIENT "Balance too low" "余额不足";
    ORDER_NOT_FOUND "Not found" "未找到";
    ORDER_REVOKED "Revoked" "已撤销";
    TO_BE_PAID "To be paid" "待支付";
    NOTHING_TO_PAY "None of these orders can be paid now." "这些订单目前均无需或无法支付。";
    PAY_NOW "Pay {0} {1}" "支付 {0} {1}";
    PAY_ONCE "An order is paid once, however often you click." "无论点击多少次，每个订单只会支付一次。";

    // Accounts
    ACCOUNT "Account" "账户";
    STAR_CARD "Star card" "星卡";
    COUPON "Coupons" "代金券";
    BONUS "Bonus" "赠送金";
    CASH "Cash" "现金";
    CREDIT "Credit" "信用额度";
    CREDIT_LIMIT "Limit {0}" "额度上限 {0}";
    OVER_LIMIT "Credit is used {0} beyond its limit, because a deposit was reversed." "因充值被冲正，信用额度已超限 {0}。";
    GRANTS "Grants" "赠款与卡券";
    GRANTS_CAPTION "What ends first is spent first" "先到期的先使用";
    GRANT "Grant" "编号";
    ENDS "Ends" "到期时间";
    NEVER "Never" "无";
    PAYS_FOR "Pays for" "适用范围";
    EVERYTHING "Everything" "全部";
    GRANTED "Granted" "发放金额";
    REMAINING "Remaining" "剩余金额";
    LEDGER "Ledger" "账户流水";
    LEDGER_CAPTION "Every movement, newest first, with the balance of its account after it" "全部流水，最新在前，附变动后的账户余额";
    NO_ENTRIES "The accounts have not moved." "账户没有变动。";
    ENTRY "Entry" "流水号";
    CAUSE "Cause" "类型";
    REFERENCE "Reference" "关联单据";
    BALANCE "Balance" "余额";
    NEWEST "Newest" "最新";
    NEWER "Newer" "较新";
    OLDER "Older" "较旧";
    OLDEST "Oldest" "最早";
    ENTRIES_OF "Entries {0}–{1} of {2}" "流水 {0}–{1}，共 {2} 条";
    DEPOSIT "Deposit" "充值";
    DEDUCTION "Payment of orders" "订单支付";
    REFUND "Refund" "退款";
    EXPIRY "Expiry" "到期";
    ADJUSTMENT "Repayment of credit" "信用还款";
    REVERSAL "Reversal of a deposit" "充值冲正";
    CORRECTION "Correction" "更正";

    // Statement
    STATEMENT_OF "Statement {0}" "对账单 {0}";
    MONTH "Month" "月份";
    PRINT "Print" "打印";
    CUSTOMER "Customer" "客户";
    SELLER "Seller" "卖方";
    COMPANY_NO "company {0}" "公司编号 {0}";
    PERIOD "Period" "账期";
    CURRENCY "Currency" "币种";
    MADE "Issued" "生成时间";
    CHARGES "Charges" "费用";
    CHARGES_CAPTION "Orders whose billed time begins in the period, paid and unpaid" "计费时间起于账期内的订单（已支付与未支付）";
    CONTROL_SUM "Control sum" "控制总额";
    CONTROL_ROWS "Control rows" "控制行数";
    MOVEMENTS_CAPTION "Movements that were recorded in the period" "账期内入账的变动";
    OPENING "Opening balance" "期初余额";
    CLOSING "Closing balance" "期末余额";
    LEDGER_ENTRIES "{0} ledger entries, {1} to {2}" "共 {0} 条流水，编号 {1} 至 {2}";
    STATEMENT_NOTE "Control sum and rows equal those of the list, of the API and of every export of the same range. A payment may be recorded in another month than the usage that it pays for." "控制总额与行数和同范围的列表、API 及各导出文件一致。付款入账月份可能与其用量所在月份不同。";

    // Exports
    EXPORTS_WHY "Files of any size. Rows and sum are compared with the list before a file is delivered." "任意大小的文件。交付前会核对行数与总额。";
    NEW_EXPORT "New export" "新建导出";
    CONTENT "Content" "内容";
    PAID_ORDERS "Paid orders" "已支付订单";
    UNPAID_ORDERS "Unpaid orders" "未支付订单";
    FORMAT "Format" "格式";
    EXPORT "Export" "导出";
    PAST_EXPORTS "Recent exports" "近期导出";
    EXPORTS_CAPTION "Newest first. Files are kept for some days." "最新在前，文件保留数天。";
    NO_EXPORTS "There are no exports yet." "还没有导出。";
    ASKED "Asked" "请求时间";
    STATE "State" "状态";
    ROWS "Rows" "行数";
    BYTES "Bytes" "字节数";
    WAITING "Waiting" "等待中";
    RUNNING "Running" "进行中";
    FAILED "Failed" "失败";
    EXPIRED "Expired" "已过期";
    DOWNLOAD "Download" "下载";
    RELOAD "The page shows the progress when it is loaded again." "重新加载页面可查看进度。";
    RELOAD_NOW "Load again" "重新加载";

    // The operator's desk
    HOME "Home" "首页";
    COMPANIES "Companies" "公司";
    COMPANY "Company" "公司";
    ATTENTION "Needs a person" "需要处理";
    ALL_WELL "Nothing needs a person." "没有需要处理的事项。";
    UNPRICED "Usage without a price" "未定价用量";
    UNPRICED_RECORDS "Records" "记录数";
    PROVIDER "Provider" "供应商";
    NEAR_PRICES "Near names in the price book" "价格表中的相近名称";
    HOURS_OPEN "Hours not closed" "未关闭的小时";
    HOURS_OLDEST "the oldest ended {0}" "最早结束于 {0}";
    HOURS_LATE "An hour is closed after its grace time; one that is older waits for the worker." "小时在宽限期后关闭；更早的小时在等待处理程序。";
    JOBS_FAILED "Failed exports" "失败的导出";
    TASKS_DOWN "Background tasks that do not run" "未运行的后台任务";
    IN_ARREARS "Companies in arrears" "欠费公司";
    CHARGED_BY_DAY "Charged by day" "每日计费";
    THE_COMMAND "On the command line" "命令行";
    BRAND "Brand" "品牌";
    USERS "Users" "用户";
    ROLE "Role" "角色";
    NO_USERS "There are no users yet." "还没有用户。";
    NO_COMPANIES "There are no companies yet." "还没有公司。";
    ONLY_FIRST "Only the first {0} of {1} companies are shown and summed." "仅显示并合计 {1} 家公司中的前 {0} 家。";

    // Keys
    KEYS_WHY "Programs sign their requests with these keys." "程序使用这些密钥对请求签名。";
    NEW_KEY "New key" "新建密钥";
    ADD_KEY "Add key" "添加密钥";
    NO_KEYS "There are no keys yet." "还没有密钥。";
    KEYS_CAPTION "Keys of the company" "公司的全部密钥";
    NAME "Name" "名称";
    PUBLIC_KEY "Public key" "公钥";
    PRIVATE_KEY "Private key" "私钥";
    PERMISSIONS "Permissions" "权限";
    PROJECTS_KEY "Projects (none: all of the company)" "项目（不选：整个公司）";
    LAST_USED "Last used" "最近使用";
    ACTION "Action" "操作";
    ACTIVE "Active" "有效";
    SUSPENDED "Suspended" "已暂停";
    DISABLED "Disabled" "已停用";
    HAS_ENDED "Ended" "已到期";
    SUSPEND "Suspend" "暂停";
    RESUME "Resume" "恢复";
    CHANGE "Change" "更改";
    RENAME "Rename" "重命名";
    ROTATE "Replace" "更换";
    OVERLAP "The former key works" "旧密钥仍可使用";
    OVERLAP_NONE "no longer" "立即失效";
    OVERLAP_DAY "for a day" "一天";
    OVERLAP_WEEK "for a week" "一周";
    CHOOSE_PERMISSION "Choose at least one permission." "请至少选择一项权限。";
    KEY_ADDED "The key was added" "密钥已添加";
    SHOWN_ONCE "The private key is shown only here. Copy it now." "私钥仅在此显示一次，请立即复制。";
    FORMER_KEY "Former key" "旧密钥";
    READ "Read" "查询";
    PAY "Pay" "支付";

    // Sessions
    SESSIONS_CAPTION "Browsers that are signed in" "已登录的浏览器";
    BROWSER "Browser" "浏览器";
    ADDRESS "Address" "地址";
    SIGNED_IN "Signed in" "登录时间";
    THIS_SESSION "This session" "当前会话";
    END_SESSION "End" "结束";
    END_OTHERS "End all others" "结束其他会话";
    UNKNOWN "Unknown" "未知";
    VIEWER "Viewer" "只读";
    PAYER "Payer" "付款人";
    ADMINISTRATOR "Administrator" "管理员";
    OPERATOR_VIEWER "Operator, read-only" "运营方（只读）";
    OPERATOR "Operator" "运营方";
}

/// The name of a kind of account.
pub(super) const fn account(kind: AccountKind) -> Text {
    match kind {
        AccountKind::StarCard => STAR_CARD,
        AccountKind::Coupon => COUPON,
        AccountKind::Bonus => BONUS,
        AccountKind::Cash => CASH,
        AccountKind::Credit => CREDIT,
    }
}

/// The name of a cause of a movement.
pub(super) const fn cause(cause: Cause) -> Text {
    match cause {
        Cause::Deposit => DEPOSIT,
        Cause::Deduction => DEDUCTION,
        Cause::Refund => REFUND,
        Cause::Expiry => EXPIRY,
        Cause::Adjustment => ADJUSTMENT,
        Cause::Reversal => REVERSAL,
        Cause::Correction => CORRECTION,
    }
}

/// The name of a permission.
pub(super) const fn permission(permission: Permission) -> Text {
    match permission {
        Permission::Read => READ,
        Permission::Export => EXPORT,
        Permission::Pay => PAY,
    }
}

/// The name of a role.
pub(super) const fn role(role: Role) -> Text {
    match role {
        Role::Viewer => VIEWER,
        Role::Payer => PAYER,
        Role::Administrator => ADMINISTRATOR,
        Role::OperatorViewer => OPERATOR_VIEWER,
        Role::Operator => OPERATOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_text_with_the_same_values() {
        for (name, text) in EVERY_TEXT.iter().chain(desk::EVERY_TEXT) {
            let values = |text: &str| {
                let mut found: Vec<&str> =
                    text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
                found.sort_unstable();
                found.join(",")
            };
            assert!(!text.en.is_empty() && !text.zh.is_empty(), "{name}");
            assert_eq!(values(text.en), values(text.zh), "{name}");
            assert!(text.en.is_ascii() || text.en.contains(['–', '×']), "{name}: {}", text.en);
        }
    }

    #[test]
    fn values_are_put_in_their_places() {
        assert_eq!(ROWS_OF.with(Language::English, &["1", "50", "397"]), "1–50 of 397");
        assert_eq!(COMPARED.with(Language::Chinese, &["+3 %", "5"]), "较上月前 5 天 +3 %");
    }
}
