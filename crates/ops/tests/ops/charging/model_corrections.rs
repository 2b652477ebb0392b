//! The naive model of corrections of accounts, and their comparison with the program.

use tollbook_domain::account::AccountKind;
use tollbook_ops::charging::{
    AccountCorrected, Adjustment, ChargingError, Mode, ReversalRequest, adjust, reverse,
};

use super::model::{ModelCompany, ModelGrant};
use super::model_comparison::Comparison;

/// A correction of an account that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum AccountCorrection {
    Reverse(ReversalRequest),
    Adjust(Adjustment),
}

impl ModelCompany {
    /// Whether a correction is known, or `None` if its key is another's.
    fn known(&mut self, key: &str, content: String) -> Option<bool> {
        for (known, of) in &self.corrections {
            if known == key {
                return if *of == content { Some(true) } else { None };
            }
        }
        self.corrections.push((key.to_owned(), content));
        Some(false)
    }

    /// Whether the deposit was reversed now; `None` if that is refused.
    pub(crate) fn reverse(&mut self, request: &ReversalRequest) -> Option<bool> {
        let before = self.clone();
        let done = self.try_reverse(request);
        if done.is_none() {
            *self = before;
        }
        done
    }

    fn try_reverse(&mut self, request: &ReversalRequest) -> Option<bool> {
        if self.known(&request.key, format!("{request:?}"))? {
            return Some(false);
        }
        let index = self.deposits.iter().position(|deposit| deposit.key == request.deposit)?;
        let (kind, (grant, before)) = (self.deposits[index].kind, self.taken_back[index]);
        let rest = i128::from(self.deposits[index].amount.steps()) - before;
        let amount = request.amount.map_or(rest, |amount| i128::from(amount.steps()));
        if amount <= 0 || amount > rest {
            return None;
        }
        let source = if kind == AccountKind::Cash { &mut self.cash } else { &mut self.grants[grant].left };
        let taken = if amount < *source { amount } else { *source };
        if taken < amount && !request.owe {
            return None;
        }
        *source -= taken;
        self.credit -= amount - taken;
        self.has_owed |= taken < amount;
        self.taken_back[index].1 += amount;
        Some(true)
    }

    /// Whether the account was adjusted now; `None` if that is refused.
    pub(crate) fn adjust(&mut self, request: &Adjustment, now_s: i64) -> Option<bool> {
        let before = self.clone();
        let done = self.try_adjust(request, now_s);
        if done.is_none() {
            *self = before;
        }
        done
    }

    fn try_adjust(&mut self, request: &Adjustment, now_s: i64) -> Option<bool> {
        if self.known(&request.key, format!("{request:?}"))? {
            return Some(false);
        }
        let change = i128::from(request.change);
        if change == 0 || request.kind == AccountKind::Credit {
            return None;
        }
        if request.kind == AccountKind::Cash {
            if self.cash + change < 0 {
                return None;
            }
            let repaid = if -self.credit < change { -self.credit } else { change };
            let repaid = if repaid > 0 { repaid } else { 0 };
            self.credit += repaid;
            self.cash += change - repaid;
        } else if change > 0 {
            let kind = request.kind;
            self.grants.push(ModelGrant { kind, left: change, expires_s: None, models: Vec::new() });
        } else {
            let mut rest = -change;
            let mut sources: Vec<(i64, usize)> = Vec::new();
            for (index, grant) in self.grants.iter().enumerate() {
                if grant.kind == request.kind && grant.is_unexpired(now_s) {
                    sources.push((grant.expires_s.unwrap_or(i64::MAX), index));
                }
            }
            sources.sort_unstable();
            for (_, index) in sources {
                let left = &mut self.grants[index].left;
                let take = if *left < rest { *left } else { rest };
                *left -= take;
                rest -= take;
            }
            if rest > 0 {
                return None;
            }
        }
        Some(true)
    }
}

impl Comparison<'_> {
    /// Makes a correction in the program and in the model; first, it is shown, which changes nothing.
    pub(crate) fn correct(&mut self, company_id: i64, correction: &AccountCorrection) {
        let company = usize::try_from(company_id).unwrap() - 1;
        let shown_before = self.everything(company);
        let shown = self.request(company_id, correction, Mode::DryRun);
        assert_eq!(self.everything(company), shown_before, "{correction:?}");
        let done = self.request(company_id, correction, Mode::Apply);
        let of = &mut self.model.companies[company];
        let expected = match correction {
            AccountCorrection::Reverse(request) => of.reverse(request),
            AccountCorrection::Adjust(request) => of.adjust(request, self.now_s),
        };
        let result = done.as_ref().ok().map(|done| !done.is_repeated);
        assert_eq!(result, expected, "{correction:?}: {done:?}");
        assert_eq!(shown.map(|of| of.entries).ok(), done.map(|of| of.entries).ok(), "{correction:?}");
        if expected.is_some() {
            self.corrections.push((company_id, correction.clone()));
        }
    }

    pub(crate) fn request(
        &self,
        company_id: i64,
        correction: &AccountCorrection,
        mode: Mode,
    ) -> Result<AccountCorrected, ChargingError> {
        let charging = self.fixture.charging();
        match correction {
            AccountCorrection::Reverse(request) => reverse(&charging, company_id, request, mode, self.now_s),
            AccountCorrection::Adjust(request) => adjust(&charging, company_id, request, mode, self.now_s),
        }
    }
}
