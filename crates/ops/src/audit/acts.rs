//! The acts of the audit log, as one table, and the one way to record them.

use serde_json::Value;
use tollbook_store::{Act, Transaction};

/// Declares the acts: name, what it is.
macro_rules! acts {
    ($($kind:ident $name:literal $doc:literal;)*) => {
        /// An act that the audit log records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ActKind { $(#[doc = $doc] $kind,)* }

        impl ActKind {
            /// All acts, in the order of the documentation.
            pub const ALL: [Self; [$($name,)*].len()] = [$(Self::$kind,)*];

            /// Its name in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        /// Name and description of each act, as docs/OPERATIONS.md has them.
        #[cfg(test)]
        const ACTS_DOCUMENTED: [(&str, &str); ActKind::ALL.len()] = [$(($name, $doc),)*];
    };
}

acts! {
    CompanyAdd "company.add" "a company was added";
    CompanySet "company.set" "a company was renamed";
    OrganizationAdd "organization.add" "an organization was added";
    OrganizationSet "organization.set" "an organization was renamed";
    KeyAdd "key.add" "an API key was added";
    KeySet "key.set" "an API key was changed, suspended or resumed";
    KeyRotate "key.rotate" "an API key was replaced by a new one";
    KeyDisable "key.disable" "an API key was disabled for good";
    OperatorKeyAdd "operator_key.add" "a key of the operator's programs was added";
    OperatorKeyDisable "operator_key.disable" "all operator keys of a name were disabled";
    UserInvite "user.invite" "a user of the console was invited, or got another link";
    UserSet "user.set" "a user was disabled, enabled, or got another role";
    UserPassword "user.password" "a user chose a password by a link";
    MasterKeyReplace "master_key.replace" "replacing the master key began, or was completed";
    WebhookAdd "webhook.add" "an endpoint of webhooks was added";
    WebhookSet "webhook.set" "an endpoint was changed, disabled or enabled, or got another secret";
    WebhookRemove "webhook.remove" "an endpoint was removed";
    WebhookReplay "webhook.replay" "deliveries were sent again";
    ObjectKeysShow "object_keys.show" "the key pair of the embedded object store was shown";
    AccountDeposit "account.deposit" "money was deposited";
    AccountCreditLimit "account.credit_limit" "a credit limit was set";
    AccountLowBalance "account.low_balance" "the balance below which a company's balance is low was set";
    AccountReverse "account.reverse" "a deposit was reversed, whole or in part";
    AccountAdjust "account.adjust" "an amount was added to an account or taken from it";
    DiscountSet "discount.set" "a discount was set";
    DiscountRemove "discount.remove" "a discount was removed";
    PricesImport "prices.import" "a price list was imported";
    PricesOrder "prices.order" "the order of the price lists was set";
    PricesRemove "prices.remove" "prices of a list were removed or ended";
    UsageImport "usage.import" "usage records of files were stored, by the records of one transaction";
    UsageCorrect "usage.correct" "usage records were voided or replaced";
    UsageRerate "usage.rerate" "rating usage again began, or was completed";
    OrdersImport "orders.import" "orders of files were stored, by the orders of one transaction";
    OrdersRevoke "orders.revoke" "orders were revoked or refunded";
    OrdersPay "orders.pay" "a customer paid unpaid orders";
    RuleSet "rule.set" "a rule about whom usage of other programs belongs to was set";
    RuleRemove "rule.remove" "such a rule was removed";
    UtcOffsetSet "utc_offset.set" "the UTC offset of billing hours was set";
    DeploymentAdopt "deployment.adopt" "the settings of a process became those of the deployment";
    DatabaseMove "database.move" "the database was moved to another place";
    DatabasePrune "database.prune" "orders were pruned, by the orders of one transaction";
    DemoCreate "demo.create" "the demo company of the quickstart was created";
}

/// Adds an act to the audit log, in the transaction that does it. `before` and `after` are `Value::Null` if there is none.
pub(crate) fn record(
    transaction: &mut dyn Transaction,
    kind: ActKind,
    company_id: i64,
    before: &Value,
    after: &Value,
) {
    record_with_reason(transaction, kind, company_id, before, after, "");
}

/// [`record`] of an act for which a reason was stated.
pub(crate) fn record_with_reason(
    transaction: &mut dyn Transaction,
    kind: ActKind,
    company_id: i64,
    before: &Value,
    after: &Value,
    reason: &str,
) {
    let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
    transaction.record_act(Act {
        company_id,
        name: kind.name(),
        before: text(before),
        after: text(after),
        reason: reason.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documented_acts_are_these() {
        let page = include_str!("../../../../docs/OPERATIONS.md");
        let row = |(name, text): (&str, &str)| format!("| `{name}` | {text} |\n");
        let rows: String = ACTS_DOCUMENTED.into_iter().map(row).collect();
        assert!(page.contains(&format!("| act | |\n| --- | --- |\n{rows}\n")), "it should be\n{rows}");
    }

    #[test]
    fn names_are_a_group_and_an_act() {
        let names: BTreeSet<&str> = ActKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ActKind::ALL.len());
        for name in names {
            let (group, act) = name.split_once('.').unwrap();
            assert!(!group.is_empty() && !act.is_empty(), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)), "{name}");
        }
    }
}
