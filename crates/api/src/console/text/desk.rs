//! Texts of the operator's pages, of webhooks and of the forecast.

use super::Text;

texts! {
    // Acts
    PRICES "Prices" "价格";
    USAGE "Usage" "用量";
    CONNECT "Connect" "接入";
    AUDIT "Audit log" "审计日志";
    SETTINGS "Settings" "配置";
    PREVIEW "Show what would change" "预览变更";
    PREVIEW_WHY "Nothing was changed yet." "尚未做任何更改。";
    APPLY "Apply" "执行";
    CANCEL "Cancel" "取消";
    BACK "Back" "返回";
    DISABLE "Disable" "停用";
    NEW_LINK "New link" "新链接";
    CHANGE_ROLE "Role" "角色";
    DONE "Done." "已完成。";
    DONE_BEFORE "This form was sent before. It was done once, and this is what it did." "该表单此前已提交，操作仅执行一次，结果如下。";
    COPY_NOW "Copy it now; it is not shown again." "请立即复制，不会再次显示。";
    CHANGES_CUT "The first {0} of {1} changes are shown." "仅显示 {1} 项变更中的前 {0} 项。";
    NOTICE_DONE "Done." "已完成。";

    // Prices
    PRICES_WHY "The first list that has a price holds; within a list, the most exact rule." "先找到价格的价格表优先；同一价格表内最精确的规则优先。";
    PRICE_LISTS "Price lists" "价格表";
    NO_PRICES "There are no prices." "没有价格。";
    EXPLAIN_PRICE "Why a use has its price" "价格说明";
    DISCOUNTS "Discounts" "折扣";
    ONLY_ROWS "The first {0} of {1} rows are shown; use the filters." "仅显示 {1} 行中的前 {0} 行，请使用筛选。";

    // Usage
    SEARCH_RECORD "Search a record" "查找用量记录";
    NO_RECORD "The company has no such record." "该公司没有此记录。";
    NO_CHARGES "The record was not charged." "该记录未计费。";
    NOTHING_UNPRICED "All usage has a price." "所有用量均已定价。";
    CORRECTIONS "Corrections" "更正记录";

    // Connect
    CONNECT_WHY "Lines to paste into a gateway. A key is added with the command; it is shown once." "将以下内容粘贴到网关。密钥由命令添加，仅显示一次。";
    RECENT_RECORDS "Records of the last hour" "最近一小时的记录";
    NO_RECENT "No record of the last hour has arrived yet. The page shows the first ones when it is loaded again." "最近一小时没有收到记录。重新加载页面可查看新记录。";
    NOT_ALL_READ "There are more records than are looked through; these are the latest of those." "记录过多，仅检查了一部分，以下为其中最新的。";
    COST "Cost" "费用";

    // Audit log and settings
    AUDIT_WHY "Who did what, newest first. Entries are added and never changed." "操作记录，最新在前。记录只增不改。";
    VERIFY "Verify the chains" "校验链";
    CHAINS_WHOLE "{0} chains with {1} entries are whole." "{0} 条链、{1} 条记录均完整。";
    CHAINS_BROKEN "Entries are not as they were written:" "以下记录与写入时不一致：";
    DEPLOYMENT "deployment" "部署";
    NEWEST_ROWS "The newest {0} are shown; use the filters." "仅显示最新的 {0} 条，请使用筛选。";
    NO_ACTS "Nothing was done with these filters." "没有符合条件的操作。";
    SETTINGS_WHY "As this server has them in force. The file is read when the server starts." "本服务器当前生效的配置。配置文件在启动时读取。";
    DEFAULT "default" "默认";

    // Webhooks
    WEBHOOKS "Webhooks" "Webhook";
    WEBHOOKS_WHY "Events are sent to these addresses, signed with the secret of each." "事件将发送到以下地址，并以各自的密钥签名。";
    NEW_ENDPOINT "New endpoint" "新建端点";
    ADD_ENDPOINT "Add endpoint" "添加端点";
    NO_ENDPOINTS "There are no endpoints yet." "还没有端点。";
    ENDPOINT_ADDED "The endpoint was added" "端点已添加";
    SECRET_REPLACED "The secret was replaced" "密钥已更换";
    SECRET "Secret" "密钥";
    SECRET_ONCE "The secret is shown only here. Copy it now." "密钥仅在此显示一次，请立即复制。";
    URL "Address" "地址";
    EVENTS "Events (none: all)" "事件（不选：全部）";
    EVENT "Event" "事件";
    ENABLE "Enable" "启用";
    REMOVE_ENDPOINT "Remove" "删除";
    REMOVE_ENDPOINT_WHY "Its deliveries are deleted with it." "其投递记录也将一并删除。";
    NEW_SECRET "Replace the secret" "更换密钥";
    FAILING_SINCE "Failing since {0}" "自 {0} 起失败";
    LAST_DELIVERIES "Last deliveries" "最近投递";
    DELIVERIES_CAPTION "Newest first" "最新在前";
    NO_DELIVERIES "Nothing was sent yet." "尚未发送任何事件。";
    DEAD_LETTERS "Dead letters" "死信";
    ATTEMPTS "Attempts" "尝试次数";
    DELIVERED "Delivered" "已送达";
    DEAD_LETTER "Not delivered" "未送达";
    SEND_AGAIN "Send again" "重新发送";
    SEND_DEAD_AGAIN "Send all dead letters again" "重新发送全部死信";
    NOTICE_ENDPOINT "The endpoint was changed." "端点已更改。";
    NOTICE_REPLAYED "The deliveries are sent again." "正在重新发送。";

    // Forecast
    FORECAST "Forecast of the month" "本月预测";
    FORECAST_ERROR "Median error of the last {0} weeks' forecasts: {1}" "最近 {0} 周预测的误差中位数：{1}";
    FORECAST_NO_ERROR "There are too few weeks to say how exact it is." "历史数据不足，无法评估误差。";
    FORECAST_SHORT "Too little usage for a forecast." "用量不足，无法预测。";
    RUNS_OUT "Balance runs out" "余额用尽时间";
    RUNS_OUT_LATER "after {0}" "{0} 之后";
    RUNS_OUT_WHY "At the daily average of the last {0} days" "按最近 {0} 天的日均消费";
    RUNS_OUT_NOW "used up" "已用尽";
}
