//! All acts of operators.

use super::act::{Act, After, Field, Fixed, Kind, Preview, Run, UserAct};
use crate::console::text::Text;

/// The kinds of account that money is deposited in.
const KINDS: &[&str] = &["cash", "bonus", "coupon", "star_card"];
const PERMISSIONS: &[&str] = &["read", "export", "pay"];
const ROLES: &[&str] = &["viewer", "payer", "administrator"];

const fn field(name: &'static str, kind: Kind, option: &'static str) -> Field {
    Field { name, kind, option, is_required: false }
}

const fn required(name: &'static str, kind: Kind, option: &'static str) -> Field {
    Field { name, kind, option, is_required: true }
}

const COMPANY: Field = required("company", Kind::SubjectNumber, "--company");
/// Commands about keys do not name the company.
const COMPANY_OF_KEY: Field = required("company", Kind::SubjectNumber, "-");
const PUBLIC_KEY: Field = required("public_key", Kind::SubjectText, "");
const NAME: Field = required("Name", Kind::Text, "--name");
const REASON: Field = required("Reason", Kind::Text, "--reason");
const KIND: Field = required("Kind", Kind::Choice(KINDS), "--kind");
const EMAIL: Field = required("Email", Kind::SubjectText, "");
const MODEL: Field = field("ModelID", Kind::Text, "--model");
const SKU: Field = field("PricingSKU", Kind::Text, "--sku");

const COMPANIES: &str = "/operator/companies";
const PRICES: &str = "/operator/prices";
const USAGE: &str = "/operator/usage";

const fn act(name: &'static str, title: Text, run: Run, fields: &'static [Field]) -> Act {
    Act {
        name,
        fields,
        title,
        hint: None,
        run,
        fixed: &[],
        preview: Preview::None,
        command: "",
        page: COMPANIES,
        after: After::Page,
    }
}

const fn route(name: &'static str, title: Text, route: &'static str, fields: &'static [Field]) -> Act {
    act(name, title, Run::Route(route), fields)
}

/// The table.
pub static ACTS: &[Act] = &[
    Act {
        command: "tollbook company add",
        after: After::Answer,
        ..route(
            "company-add",
            Text::new("Add a company", "添加公司"),
            "AddCompany",
            &[
                NAME,
                required("Currency", Kind::Choice(&["CNY", "USD"]), "--currency"),
                field("Brand", Kind::Text, "--brand"),
            ],
        )
    },
    Act {
        command: "tollbook company set",
        ..route(
            "company-rename",
            Text::new("Rename the company", "重命名公司"),
            "RenameCompany",
            &[COMPANY, NAME],
        )
    },
    Act {
        command: "tollbook organization add",
        ..route(
            "organization-add",
            Text::new("Add a project", "添加项目"),
            "AddOrganization",
            &[COMPANY, NAME],
        )
    },
    Act {
        command: "tollbook organization set",
        ..route(
            "organization-rename",
            Text::new("Rename the project", "重命名项目"),
            "RenameOrganization",
            &[COMPANY, required("organization", Kind::SubjectNumber, "--organization"), NAME],
        )
    },
    Act {
        command: "tollbook user invite",
        after: After::Answer,
        hint: Some(Text::new(
            "The link is shown once. For a user who exists with the same rights it is a new link, as for a forgotten password.",
            "链接仅显示一次。对权限相同的已有用户，将生成新的链接，可用于找回密码。",
        )),
        ..act(
            "user-invite",
            Text::new("Invite a user", "邀请用户"),
            Run::User(UserAct::Invite),
            &[
                COMPANY,
                required("Email", Kind::Text, "--email"),
                required("Role", Kind::Choice(ROLES), "--role"),
                field("OrganizationIDs", Kind::Numbers, "--organization"),
                field("Hours", Kind::Number, "--hours"),
            ],
        )
    },
    Act {
        command: "tollbook user role",
        ..act(
            "user-role",
            Text::new("Change the role", "更改角色"),
            Run::User(UserAct::SetRole),
            &[
                COMPANY_OF_KEY,
                EMAIL,
                required("Role", Kind::Choice(ROLES), "--role"),
                field("OrganizationIDs", Kind::Numbers, "--organization"),
            ],
        )
    },
    Act {
        command: "tollbook user disable",
        hint: Some(Text::new("Sessions and links end at once.", "会话与链接立即失效。")),
        ..act(
            "user-disable",
            Text::new("Disable the user", "停用用户"),
            Run::User(UserAct::Disable),
            &[COMPANY_OF_KEY, EMAIL],
        )
    },
    Act {
        command: "tollbook user enable",
        ..act(
            "user-enable",
            Text::new("Enable the user", "启用用户"),
            Run::User(UserAct::Enable),
            &[COMPANY_OF_KEY, EMAIL],
        )
    },
    Act {
        command: "tollbook key add",
        after: After::Answer,
        hint: Some(Text::new("The private key is shown on the next page.", "私钥将在下一页显示。")),
        ..route(
            "key-add",
            Text::new("Add an API key", "添加 API 密钥"),
            "AddKey",
            &[
                COMPANY,
                field("Name", Kind::Text, "--name"),
                field("Permissions", Kind::Many(PERMISSIONS), "--permission"),
                field("OrganizationIDs", Kind::Numbers, "--organization"),
                field("AllowIPs", Kind::Words, "--allow-ip"),
                field("RateLimit", Kind::Number, "--rate-limit"),
                field("Strict", Kind::Choice(&["off", "pay", "all"]), "--strict"),
                field("Expires", Kind::Day, "--expires"),
            ],
        )
    },
    Act {
        command: "tollbook key set",
        hint: Some(Text::new("What is left empty stays as it is.", "留空的项目保持不变。")),
        ..route(
            "key-change",
            Text::new("Change the key", "更改密钥"),
            "ChangeKey",
            &[
                COMPANY_OF_KEY,
                PUBLIC_KEY,
                field("Name", Kind::Text, "--name"),
                field("Permissions", Kind::Many(PERMISSIONS), "--permission"),
                field("AllowIPs", Kind::Words, "--allow-ip"),
                field("RateLimit", Kind::Number, "--rate-limit"),
                field("Strict", Kind::Choice(&["off", "pay", "all"]), "--strict"),
                field("Expires", Kind::Day, "--expires"),
            ],
        )
    },
    Act {
        command: "tollbook key set --suspend",
        fixed: &[("Suspended", Fixed::Yes)],
        hint: Some(Text::new("It is refused until it is resumed.", "恢复之前，使用该密钥的请求将被拒绝。")),
        ..route(
            "key-suspend",
            Text::new("Suspend the key", "暂停密钥"),
            "ChangeKey",
            &[COMPANY_OF_KEY, PUBLIC_KEY],
        )
    },
    Act {
        command: "tollbook key set --resume",
        fixed: &[("Suspended", Fixed::No)],
        ..route(
            "key-resume",
            Text::new("Resume the key", "恢复密钥"),
            "ChangeKey",
            &[COMPANY_OF_KEY, PUBLIC_KEY],
        )
    },
    Act {
        command: "tollbook key rotate",
        after: After::Answer,
        hint: Some(Text::new("The private key is shown on the next page.", "私钥将在下一页显示。")),
        ..route(
            "key-rotate",
            Text::new("Replace the key", "更换密钥"),
            "RotateKey",
            &[COMPANY_OF_KEY, PUBLIC_KEY, field("OverlapHours", Kind::Number, "--overlap-hours")],
        )
    },
    Act {
        command: "tollbook key disable",
        hint: Some(Text::new("This is for good.", "此操作不可恢复。")),
        ..route(
            "key-disable",
            Text::new("Disable the key", "停用密钥"),
            "DisableKey",
            &[COMPANY_OF_KEY, PUBLIC_KEY],
        )
    },
    Act {
        command: "tollbook account deposit",
        after: After::Answer,
        hint: Some(Text::new(
            "Arrears are paid from it, the oldest first, unless you choose otherwise.",
            "除非另行选择，将先支付最早的欠费。",
        )),
        ..route(
            "deposit",
            Text::new("Deposit money", "充值"),
            "Deposit",
            &[
                COMPANY,
                KIND,
                required("Amount", Kind::Amount, "--amount"),
                field("Expires", Kind::Day, "--expires"),
                field("Products", Kind::Words, "--product"),
                field("Models", Kind::Words, "--model"),
                field("NoSettle", Kind::Flag, "--no-settle"),
            ],
        )
    },
    Act {
        command: "tollbook account reverse",
        preview: Preview::UnlessDryRun,
        after: After::Answer,
        ..route(
            "reverse",
            Text::new("Reverse a deposit", "冲正充值"),
            "ReverseDeposit",
            &[
                COMPANY,
                required("Deposit", Kind::Text, "--deposit"),
                field("Amount", Kind::Amount, "--amount"),
                field("Owe", Kind::Flag, "--owe"),
                REASON,
            ],
        )
    },
    Act {
        command: "tollbook account adjust",
        preview: Preview::UnlessDryRun,
        after: After::Answer,
        hint: Some(Text::new("With a minus sign, the amount is taken.", "金额为负时从账户扣除。")),
        ..route(
            "adjust",
            Text::new("Adjust an account", "调整账户"),
            "AdjustAccount",
            &[
                COMPANY,
                KIND,
                required("Amount", Kind::Amount, "--amount"),
                REASON,
                field("Reference", Kind::Text, "--reference"),
            ],
        )
    },
    Act {
        command: "tollbook account credit-limit",
        ..route(
            "credit-limit",
            Text::new("Set the credit limit", "设置信用额度"),
            "SetCreditLimit",
            &[COMPANY, required("Amount", Kind::Amount, "--amount")],
        )
    },
    Act {
        command: "tollbook discount set",
        hint: Some(Text::new(
            "The part of the list price that is charged for new usage, such as 0.85. Without a company it holds for all.",
            "对新用量收取的原价比例，例如 0.85。不填公司则对所有公司生效。",
        )),
        page: PRICES,
        ..route(
            "discount-set",
            Text::new("Set a discount", "设置折扣"),
            "SetDiscount",
            &[
                field("CompanyID", Kind::Number, "--company"),
                MODEL,
                SKU,
                required("Factor", Kind::Amount, "--factor"),
            ],
        )
    },
    Act {
        command: "tollbook discount remove",
        page: PRICES,
        hint: Some(Text::new("The next less specific one applies again.", "将重新适用范围更广的折扣。")),
        ..route(
            "discount-remove",
            Text::new("Remove a discount", "删除折扣"),
            "RemoveDiscount",
            &[field("CompanyID", Kind::Number, "--company"), MODEL, SKU],
        )
    },
    Act {
        command: "tollbook orders revoke",
        after: After::Answer,
        hint: Some(Text::new(
            "Unpaid orders are revoked, paid ones are refunded in full.",
            "未支付的订单将被撤销，已支付的订单将全额退款。",
        )),
        ..route(
            "revoke",
            Text::new("Revoke orders", "撤销订单"),
            "RevokeOrders",
            &[COMPANY, required("OrderNos", Kind::Words, ""), REASON],
        )
    },
    Act {
        command: "tollbook prices import",
        preview: Preview::UnlessDryRun,
        after: After::Answer,
        page: PRICES,
        hint: Some(Text::new(
            "Tollbook's own form as .toml, genai-prices or LiteLLM as .json. What changes is shown before anything is stored.",
            "Tollbook 格式为 .toml，genai-prices 或 LiteLLM 为 .json。保存之前会先显示变更内容。",
        )),
        ..route(
            "price-import",
            Text::new("Import a price list", "导入价格表"),
            "ImportPrices",
            &[
                required("File", Kind::File, ""),
                field("List", Kind::Text, "--list"),
                field("Factor", Kind::Text, "--factor"),
                field("Rate", Kind::Text, "--rate"),
                field("ValidFrom", Kind::Day, "--valid-from"),
            ],
        )
    },
    Act {
        command: "tollbook prices lists",
        page: PRICES,
        hint: Some(Text::new(
            "Names with spaces between them, the first first; own lists before published ones.",
            "以空格分隔的名称，优先者在前；自有价格表在公开价格表之前。",
        )),
        ..route(
            "price-order",
            Text::new("Set the order of the lists", "设置价格表顺序"),
            "OrderPriceLists",
            &[required("Order", Kind::Words, "--order")],
        )
    },
    Act {
        command: "tollbook prices remove",
        page: PRICES,
        after: After::Answer,
        hint: Some(Text::new(
            "Usage that was rated keeps its prices. With a day, prices end at its start.",
            "已计价的用量保持原价格。填写日期则价格于当日零点结束。",
        )),
        ..route(
            "price-remove",
            Text::new("Remove prices", "删除价格"),
            "RemovePrices",
            &[
                required("list", Kind::SubjectText, "--list"),
                MODEL,
                SKU,
                field("Until", Kind::Day, "--until"),
            ],
        )
    },
    Act {
        command: "tollbook usage void",
        preview: Preview::UnlessDryRun,
        after: After::Answer,
        page: USAGE,
        ..route(
            "usage-void",
            Text::new("Void a record", "作废用量记录"),
            "CorrectUsage",
            &[COMPANY, required("Void", Kind::VoidedRecord, ""), REASON],
        )
    },
    Act {
        command: "tollbook usage replace",
        preview: Preview::UnlessDryRun,
        after: After::Answer,
        page: USAGE,
        hint: Some(Text::new(
            "The right record as JSON, of the same identity (company_id, time, source, id), or an array of such records.",
            "以 JSON 填写正确的记录，标识（company_id、time、source、id）须相同；也可以是记录数组。",
        )),
        ..route(
            "usage-replace",
            Text::new("Replace records", "替换用量记录"),
            "CorrectUsage",
            &[COMPANY, required("Replace", Kind::Records, ""), REASON],
        )
    },
    Act {
        command: "tollbook usage rerate",
        preview: Preview::IfApply,
        after: After::Answer,
        page: USAGE,
        hint: Some(Text::new(
            "Usage of these days is rated by the present prices: from the start of the first day to the start of the second.",
            "按当前价格重新计价，范围为起始日零点至结束日零点。",
        )),
        ..route(
            "rerate",
            Text::new("Rate usage again", "重新计价"),
            "RerateUsage",
            &[
                COMPANY,
                required("From", Kind::Day, "--from"),
                required("To", Kind::Day, "--to"),
                MODEL,
                SKU,
                REASON,
            ],
        )
    },
];

/// The act of a name.
pub(in crate::console) fn find(name: &str) -> Option<&'static Act> {
    ACTS.iter().find(|act| act.name == name)
}
