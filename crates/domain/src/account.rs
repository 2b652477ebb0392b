//! A company's accounts: what an order is paid from, in which sequence, all or nothing; deposits, expiry, refunds, the
//! credit line (docs/CHARGING.md, "Accounts" and "Settlement"). Every change gives the ledger entries that prove it.

use crate::money::Amount;
use crate::order::{Deductions, Line};

/// The five kinds of account. The derived order is the sequence in which an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Grants, `StarCardAccount`.
    StarCard,
    /// Grants, `Coupon`.
    Coupon,
    /// Grants, `BonusAccount`.
    Bonus,
    /// `CashAccount`.
    Cash,
    /// `CreditAccount`: owed, between minus the limit and 0.
    Credit,
}

impl AccountKind {
    /// All five, in the sequence of payment.
    pub const ALL: [Self; 5] = [Self::StarCard, Self::Coupon, Self::Bonus, Self::Cash, Self::Credit];

    /// The number in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::StarCard => 1,
            Self::Coupon => 2,
            Self::Bonus => 3,
            Self::Cash => 4,
            Self::Credit => 5,
        }
    }

    /// The kind of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The name on the command line and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StarCard => "star_card",
            Self::Coupon => "coupon",
            Self::Bonus => "bonus",
            Self::Cash => "cash",
            Self::Credit => "credit",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it consists of grants, which may expire and may be for some products or models only.
    pub const fn is_granted(self) -> bool {
        match self {
            Self::StarCard | Self::Coupon | Self::Bonus => true,
            Self::Cash | Self::Credit => false,
        }
    }
}

/// One amount for each kind of account, in 10⁻⁸ currency units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T>([T; 5]);

impl<T: Copy> PerKind<T> {
    /// In the order of [`AccountKind::ALL`].
    pub const fn new(values: [T; 5]) -> Self {
        Self(values)
    }

    /// Of one kind.
    pub const fn get(&self, kind: AccountKind) -> T {
        let [star_card, coupon, bonus, cash, credit] = self.0;
        match kind {
            AccountKind::StarCard => star_card,
            AccountKind::Coupon => coupon,
            AccountKind::Bonus => bonus,
            AccountKind::Cash => cash,
            AccountKind::Credit => credit,
        }
    }

    /// Of one kind, to change.
    pub const fn get_mut(&mut self, kind: AccountKind) -> &mut T {
        let [star_card, coupon, bonus, cash, credit] = &mut self.0;
        match kind {
            AccountKind::StarCard => star_card,
            AccountKind::Coupon => coupon,
            AccountKind::Bonus => bonus,
            AccountKind::Cash => cash,
            AccountKind::Credit => credit,
        }
    }

    /// In the order of [`AccountKind::ALL`].
    pub const fn values(&self) -> [T; 5] {
        self.0
    }
}

impl Deductions {
    /// By kind, in 10⁻⁸ currency units.
    pub const fn by_kind(&self) -> PerKind<i64> {
        PerKind([
            self.star_card.steps(),
            self.coupon.steps(),
            self.bonus.steps(),
            self.cash.steps(),
            self.credit.steps(),
        ])
    }

    /// The inverse of [`Deductions::by_kind`].
    pub const fn from_kinds(kinds: &PerKind<i64>) -> Self {
        let [star_card, coupon, bonus, cash, credit] = kinds.0;
        Self {
            star_card: Amount::from_steps(star_card),
            coupon: Amount::from_steps(coupon),
            bonus: Amount::from_steps(bonus),
            cash: Amount::from_steps(cash),
            credit: Amount::from_steps(credit),
        }
    }
}

/// Money given for a purpose: it may end at a time, and may be for some products and models only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Number within the company, from 1.
    pub grant_id: i64,
    /// [`AccountKind::is_granted`].
    pub kind: AccountKind,
    /// What was given, in 10⁻⁸ currency units.
    pub granted: i64,
    /// What is left of it.
    pub remaining: i64,
    /// When it ends, Unix seconds.
    pub expires_s: Option<i64>,
    /// For these products; empty: for all.
    pub products: Vec<String>,
    /// For these models; empty: for all.
    pub models: Vec<String>,
}

impl Grant {
    /// Whether it has ended.
    pub fn is_expired(&self, now_s: i64) -> bool {
        self.expires_s.is_some_and(|expires_s| expires_s <= now_s)
    }

    /// Whether it may pay for a line.
    pub fn is_for(&self, line: &Line) -> bool {
        let holds = |list: &[String], value: &String| list.is_empty() || list.contains(value);
        holds(&self.products, &line.product_code) && holds(&self.models, &line.model_id)
    }
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Someone paid in; the reference is the deposit's key.
    Deposit,
    /// An order was paid; the reference is its number O.
    Deduction,
    /// A paid order was taken back; the reference is its number O.
    Refund,
    /// A grant ended; the reference is its number.
    Expiry,
    /// Cash repaid used credit, or credit that came back was not owed any more; two entries that add up to nothing.
    Adjustment,
}

impl Cause {
    /// All, by number.
    pub const ALL: [Self; 5] = [Self::Deposit, Self::Deduction, Self::Refund, Self::Expiry, Self::Adjustment];

    /// The number in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::Deposit => 1,
            Self::Deduction => 2,
            Self::Refund => 3,
            Self::Expiry => 4,
            Self::Adjustment => 5,
        }
    }

    /// The cause of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.number() == number)
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Deduction => "deduction",
            Self::Refund => "refund",
            Self::Expiry => "expiry",
            Self::Adjustment => "adjustment",
        }
    }
}

/// One movement of one account, as the ledger keeps it for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Which account.
    pub kind: AccountKind,
    /// Of which grant; 0 for cash and credit.
    pub grant_id: i64,
    /// Why.
    pub cause: Cause,
    /// By how much, in 10⁻⁸ currency units; negative when it left the account. Never 0.
    pub amount: i64,
    /// The kind's balance afterwards.
    pub balance: i64,
    /// What caused it: see [`Cause`].
    pub reference: String,
}

/// Why money cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The amount must be more than nothing.
    #[error("the amount must be greater than 0")]
    NotPositive,
    /// Credit is a limit, not something that is paid in.
    #[error("credit cannot be deposited: set a credit limit")]
    Credit,
    /// Only grants may end or be for something.
    #[error("only star cards, coupons and bonuses may expire or be for some products or models")]
    NotGranted,
    /// A grant that has ended before it began.
    #[error("the expiry must be in the future")]
    Expired,
    /// More than an account can hold.
    #[error("the balance would be too large")]
    TooLarge,
    /// Some of it is used.
    #[error("the credit limit cannot be less than the credit that is used, {0}")]
    LimitBelowUsed(Amount),
    /// A limit is not negative.
    #[error("the credit limit must not be negative")]
    NegativeLimit,
}

/// All accounts of a company at a moment. Functions that change it say what they did as ledger entries; what they
/// refuse leaves it as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Of each kind, in 10⁻⁸ currency units: what grants have left, cash, and credit between minus the limit and 0.
    pub balances: PerKind<i64>,
    /// How far credit may be used.
    pub credit_limit: i64,
    /// The grants of which something is left, by number.
    pub grants: Vec<Grant>,
    /// How many grants there ever were.
    pub grant_count: i64,
}

impl Account {
    /// What could be spent on some order by these kinds.
    pub fn available(&self, kinds: &[AccountKind], now_s: i64) -> i128 {
        let of = |kind: &AccountKind| match kind {
            AccountKind::Cash => i128::from(self.balances.get(AccountKind::Cash)),
            AccountKind::Credit => self.credit_left(),
            AccountKind::StarCard | AccountKind::Coupon | AccountKind::Bonus => self
                .grants
                .iter()
                .filter(|grant| grant.kind == *kind && !grant.is_expired(now_s))
                .fold(0i128, |sum, grant| sum.saturating_add(i128::from(grant.remaining))),
        };
        kinds.iter().map(of).fold(0i128, i128::saturating_add)
    }

    fn credit_left(&self) -> i128 {
        let used = i128::from(self.balances.get(AccountKind::Credit));
        i128::from(self.credit_limit).saturating_add(used)
    }

    /// Ends the grants whose time has come.
    pub fn expire(&mut self, now_s: i64) -> Vec<Posting> {
        let ended = self.grants.extract_if(.., |grant| grant.is_expired(now_s));
        let ended: Vec<Grant> = ended.collect();
        ended
            .into_iter()
            .map(|grant| {
                let amount = grant.remaining.saturating_neg();
                let balance = self.move_balance(grant.kind, amount);
                let reference = format!("grant {}", grant.grant_id);
                let (kind, grant_id) = (grant.kind, grant.grant_id);
                Posting { kind, grant_id, cause: Cause::Expiry, amount, balance, reference }
            })
            .collect()
    }

    /// Pays an order of a line wholly, from these kinds in their sequence; `None` if they do not suffice, and then
    /// nothing has changed. Of the grants of a kind the one that ends first pays first, then the oldest. Nothing is
    /// taken for a total of 0.
    pub fn pay(
        &mut self,
        total: Amount,
        line: &Line,
        source_number: &str,
        kinds: &[AccountKind],
        now_s: i64,
    ) -> Option<(Deductions, Vec<Posting>)> {
        let mut left = total.steps();
        let mut parts: Vec<(AccountKind, i64, i64)> = Vec::new();
        for &kind in kinds {
            if left == 0 {
                break;
            }
            let mut take = |grant_id: i64, there: i64, left: &mut i64| {
                let amount = there.min(*left);
                if amount > 0 {
                    parts.push((kind, grant_id, amount));
                    *left = left.saturating_sub(amount);
                }
            };
            match kind {
                AccountKind::Cash => take(0, self.balances.get(kind), &mut left),
                AccountKind::Credit => {
                    take(0, i64::try_from(self.credit_left()).unwrap_or(i64::MAX), &mut left);
                }
                AccountKind::StarCard | AccountKind::Coupon | AccountKind::Bonus => {
                    let mut fitting: Vec<&Grant> = self
                        .grants
                        .iter()
                        .filter(|grant| grant.kind == kind && !grant.is_expired(now_s) && grant.is_for(line))
                        .collect();
                    // No expiry is the last of all.
                    fitting.sort_by_key(|grant| (grant.expires_s.unwrap_or(i64::MAX), grant.grant_id));
                    for grant in fitting {
                        take(grant.grant_id, grant.remaining, &mut left);
                    }
                }
            }
        }
        if left > 0 {
            return None;
        }
        let mut deductions = PerKind::default();
        let mut entries = Vec::with_capacity(parts.len());
        for (kind, grant_id, amount) in parts {
            let deducted: &mut i64 = deductions.get_mut(kind);
            *deducted = deducted.saturating_add(amount);
            let (amount, cause) = (amount.saturating_neg(), Cause::Deduction);
            let balance = self.move_grant(kind, grant_id, amount);
            entries.push(Posting {
                kind,
                grant_id,
                cause,
                amount,
                balance,
                reference: source_number.to_owned(),
            });
        }
        self.grants.retain(|grant| grant.remaining > 0);
        Some((Deductions::from_kinds(&deductions), entries))
    }

    /// Pays in. Cash first repays used credit. A grant gets the next number.
    ///
    /// # Errors
    /// [`AccountError`]; nothing has changed then.
    pub fn deposit(&mut self, deposit: &Deposit, now_s: i64) -> Result<Vec<Posting>, AccountError> {
        let Deposit { kind, amount, expires_s, products, models, key } = deposit;
        let (kind, steps) = (*kind, amount.steps());
        if steps <= 0 {
            return Err(AccountError::NotPositive);
        }
        if kind == AccountKind::Credit {
            return Err(AccountError::Credit);
        }
        if !kind.is_granted() && (expires_s.is_some() || !products.is_empty() || !models.is_empty()) {
            return Err(AccountError::NotGranted);
        }
        if expires_s.is_some_and(|expires_s| expires_s <= now_s) {
            return Err(AccountError::Expired);
        }
        self.balances.get(kind).checked_add(steps).ok_or(AccountError::TooLarge)?;
        let grant_id = if kind.is_granted() {
            self.grant_count = self.grant_count.saturating_add(1);
            self.grants.push(Grant {
                grant_id: self.grant_count,
                kind,
                granted: steps,
                remaining: steps,
                expires_s: *expires_s,
                products: products.clone(),
                models: models.clone(),
            });
            self.grant_count
        } else {
            0
        };
        let balance = self.move_balance(kind, steps);
        let reference = key.clone();
        let mut entries =
            vec![Posting { kind, grant_id, cause: Cause::Deposit, amount: steps, balance, reference }];
        if kind == AccountKind::Cash {
            let used = self.balances.get(AccountKind::Credit).saturating_neg();
            self.transfer(AccountKind::Cash, AccountKind::Credit, used.min(steps), key, &mut entries);
        }
        Ok(entries)
    }

    /// Gives back what an order was paid from, `deducted` being the deductions of its ledger entries: to each grant
    /// what came from it, even to one that has ended, which then ends again. Credit that is not owed any more becomes
    /// cash. `known` are the grants that it was paid from, whatever they had left when they were read.
    ///
    /// # Errors
    /// [`AccountError::TooLarge`]; nothing has changed then.
    pub fn refund(
        &mut self,
        deducted: &[Posting],
        known: &[Grant],
        now_s: i64,
    ) -> Result<Vec<Posting>, AccountError> {
        self.can_refund(deducted)?;
        let mut entries = Vec::new();
        for entry in deducted {
            let (kind, grant_id, cause) = (entry.kind, entry.grant_id, Cause::Refund);
            let amount = entry.amount.saturating_neg();
            if kind.is_granted() && !self.grants.iter().any(|grant| grant.grant_id == grant_id) {
                // One of which nothing is left is not among the others; what it had when it was read may have ended
                // since.
                let grant = known.iter().find(|grant| grant.grant_id == grant_id);
                self.grants.extend(grant.map(|grant| Grant { remaining: 0, ..grant.clone() }));
                self.grants.sort_by_key(|grant| grant.grant_id);
            }
            let balance = self.move_grant(kind, grant_id, amount);
            entries.push(Posting {
                kind,
                grant_id,
                cause,
                amount,
                balance,
                reference: entry.reference.clone(),
            });
            if kind == AccountKind::Credit && balance > 0 {
                let reference = &entry.reference;
                self.transfer(AccountKind::Credit, AccountKind::Cash, balance, reference, &mut entries);
            }
        }
        entries.extend(self.expire(now_s));
        Ok(entries)
    }

    fn can_refund(&self, deducted: &[Posting]) -> Result<(), AccountError> {
        let mut balances = self.balances;
        for entry in deducted {
            let balance = balances.get_mut(entry.kind);
            *balance = balance.checked_sub(entry.amount).ok_or(AccountError::TooLarge)?;
        }
        let unowed = balances.get(AccountKind::Credit).max(0);
        balances.get(AccountKind::Cash).checked_add(unowed).ok_or(AccountError::TooLarge)?;
        Ok(())
    }

    /// Sets how far credit may be used.
    ///
    /// # Errors
    /// [`AccountError::LimitBelowUsed`]: what is used must be repaid first.
    pub fn set_credit_limit(&mut self, limit: Amount) -> Result<(), AccountError> {
        let used = self.balances.get(AccountKind::Credit).saturating_neg();
        if limit.steps() < 0 {
            return Err(AccountError::NegativeLimit);
        }
        if limit.steps() < used {
            return Err(AccountError::LimitBelowUsed(Amount::from_steps(used)));
        }
        self.credit_limit = limit.steps();
        Ok(())
    }

    /// Moves an amount from one account to another; nothing if it is 0.
    fn transfer(
        &mut self,
        from: AccountKind,
        to: AccountKind,
        amount: i64,
        reference: &str,
        entries: &mut Vec<Posting>,
    ) {
        if amount == 0 {
            return;
        }
        for (kind, amount) in [(from, amount.saturating_neg()), (to, amount)] {
            let balance = self.move_balance(kind, amount);
            let (grant_id, cause) = (0, Cause::Adjustment);
            entries.push(Posting { kind, grant_id, cause, amount, balance, reference: reference.to_owned() });
        }
    }

    fn move_grant(&mut self, kind: AccountKind, grant_id: i64, amount: i64) -> i64 {
        if let Some(grant) = self.grants.iter_mut().find(|grant| grant_id != 0 && grant.grant_id == grant_id)
        {
            grant.remaining = grant.remaining.saturating_add(amount);
        }
        self.move_balance(kind, amount)
    }

    fn move_balance(&mut self, kind: AccountKind, amount: i64) -> i64 {
        let balance = self.balances.get_mut(kind);
        *balance = balance.saturating_add(amount);
        *balance
    }
}

/// Money that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Every kind but credit.
    pub kind: AccountKind,
    /// More than nothing.
    pub amount: Amount,
    /// When what is left of it ends.
    pub expires_s: Option<i64>,
    /// For these products; empty: for all.
    pub products: Vec<String>,
    /// For these models; empty: for all.
    pub models: Vec<String>,
    /// Names the deposit within its company: the same key again moves nothing.
    pub key: String,
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
