//! Statements over accounts: balances, grants, the ledger, deposits, settlements and revocations.

use std::collections::{BTreeMap, HashMap};

use tollbook_domain::Amount;
use tollbook_domain::account::{Account, AccountKind, Cause, Deposit, Grant, PerKind, Posting};

use crate::accounts::{
    AccountReads, AccountState, AccountWrites, LedgerEntry, LedgerRange, LedgerSum, Settlement, StoredDeposit,
};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{
    Connection, Row, SqlValue, SqlValues, all, execute_exactly, first, insert_exactly, update_exactly,
};
use crate::sql::driver::schema::{ACCOUNT, ACCOUNT_GRANT, LEDGER, SETTLEMENT};
use crate::sql::session::Session;

/// Separator of the items of a list.
const SEPARATOR: char = '\u{1f}';

fn split(text: &str) -> Vec<String> {
    text.split(SEPARATOR).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

fn join(list: &[String]) -> String {
    list.join("\u{1f}")
}

fn kind_of(number: i64) -> StoreResult<AccountKind> {
    AccountKind::from_number(number)
        .ok_or_else(|| StoreError::Damaged(format!("{number} is not an account kind")))
}

/// Decodes the deductions of settled orders that were pruned, by account kind.
pub(crate) fn decode_pruned(bytes: &[u8]) -> StoreResult<PerKind<i128>> {
    let mut pruned = PerKind::<i128>::default();
    let (parts, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() || !(parts.is_empty() || parts.len() == AccountKind::ALL.len()) {
        return Err(StoreError::Damaged("the pruned deductions of an account cannot be read".into()));
    }
    for (kind, part) in AccountKind::ALL.into_iter().zip(parts) {
        *pruned.get_mut(kind) = i128::from_le_bytes(*part);
    }
    Ok(pruned)
}

fn encode_pruned(pruned: &PerKind<i128>) -> Vec<u8> {
    pruned.values().into_iter().flat_map(i128::to_le_bytes).collect()
}

const GRANT_COLUMNS: &str = "grant_id, kind, granted, remaining, expires, products, models, expired";

fn read_grant(row: &dyn Row) -> StoreResult<Grant> {
    Ok(Grant {
        grant_id: row.int(0)?,
        kind: kind_of(row.int(1)?)?,
        granted: row.int(2)?,
        remaining: row.int(3)?,
        expires_s: row.optional_int(4)?,
        products: split(row.text(5)?),
        models: split(row.text(6)?),
        expired: row.int(7)?,
    })
}

fn grant_values<'a>(company_id: i64, grant: &'a Grant, lists: &'a [String; 2]) -> SqlValues<'a> {
    vec![
        company_id.into(),
        grant.grant_id.into(),
        grant.kind.number().into(),
        grant.granted.into(),
        grant.remaining.into(),
        grant.expires_s.into(),
        lists[0].as_str().into(),
        lists[1].as_str().into(),
        grant.expired.into(),
    ]
}

/// Adds the empty account of a new company.
pub(crate) fn add_account(connection: &mut dyn Connection, company_id: i64) -> StoreResult<()> {
    // Everything but the company and the pruned deductions is 0.
    let mut values: SqlValues<'_> = vec![SqlValue::Int(0); ACCOUNT.columns.len()];
    values[0] = company_id.into();
    values[ACCOUNT.columns.len() - 1] = SqlValue::Blob(&[]);
    insert_exactly(connection, &ACCOUNT, 1, &mut std::iter::once(values))
}

/// What of a company's account is written with every posting: a column for each kind, and these.
const COUNTERS: [&str; 5] = ["credit_limit", "entries", "grants", "numbers", "arrears_day"];

/// The columns of the kinds and of [`COUNTERS`].
fn state_columns() -> [&'static str; AccountKind::COUNT + COUNTERS.len()] {
    let mut columns = [""; AccountKind::COUNT + COUNTERS.len()];
    let names = AccountKind::ALL.into_iter().map(AccountKind::name).chain(COUNTERS);
    for (column, name) in columns.iter_mut().zip(names) {
        *column = name;
    }
    columns
}

const LEDGER_COLUMNS: &str = "entry_no, time, kind, grant_id, cause, amount, balance, reference";

pub(crate) fn read_entry(row: &dyn Row) -> StoreResult<LedgerEntry> {
    let cause = row.int(4)?;
    Ok(LedgerEntry {
        entry_no: row.int(0)?,
        entry: Posting {
            time_s: row.int(1)?,
            kind: kind_of(row.int(2)?)?,
            grant_id: row.int(3)?,
            cause: Cause::from_number(cause)
                .ok_or_else(|| StoreError::Damaged(format!("{cause} is not a cause of a ledger entry")))?,
            amount: row.int(5)?,
            balance: row.int(6)?,
            reference: row.text(7)?.to_owned(),
        },
    })
}

impl AccountReads for Session {
    fn account_state(&mut self, company_id: i64) -> StoreResult<AccountState> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {} FROM account WHERE company_id = $1", state_columns().join(", "));
        let state = first(connection, &sql, &[company_id.into()], |row| {
            let (mut balances, mut counters) = ([0; AccountKind::COUNT], [0; COUNTERS.len()]);
            row.ints(0, &mut balances)?;
            row.ints(balances.len(), &mut counters)?;
            let [credit_limit, entries, grant_count, serial, arrears_day] = counters;
            let balances = PerKind::new(balances);
            let account = Account { balances, credit_limit, grants: Vec::new(), grant_count };
            Ok(AccountState { account, entries, serial, arrears_day })
        })?;
        let mut state = state.ok_or_else(|| StoreError::Missing(format!("company {company_id}")))?;
        let sql = format!(
            "SELECT {GRANT_COLUMNS} FROM account_grant WHERE company_id = $1 AND remaining > 0 ORDER BY grant_id"
        );
        state.account.grants = all(connection, &sql, &[company_id.into()], read_grant)?;
        Ok(state)
    }

    fn grants(&mut self, company_id: i64, grant_ids: &[i64]) -> StoreResult<Vec<Grant>> {
        let sql =
            format!("SELECT {GRANT_COLUMNS} FROM account_grant WHERE company_id = $1 AND grant_id = $2");
        let sets: Vec<SqlValues<'_>> =
            grant_ids.iter().map(|grant_id| [company_id, *grant_id].map(SqlValue::Int).to_vec()).collect();
        let mut grants = Vec::new();
        self.connection.query_each(&sql, &sets, &mut |_, row| {
            grants.push(read_grant(row)?);
            Ok(())
        })?;
        Ok(grants)
    }

    fn ended_grants(&mut self, company_id: i64, ended_after_s: i64) -> StoreResult<Vec<Grant>> {
        let sql = format!(
            "SELECT {GRANT_COLUMNS} FROM account_grant WHERE company_id = $1 AND expired > 0 AND expires > $2 \
             ORDER BY expires"
        );
        let values = [company_id, ended_after_s].map(SqlValue::Int);
        all(self.connection.as_mut(), &sql, &values, read_grant)
    }

    fn companies_with_ends(&mut self, until_s: i64, after: i64, limit: i64) -> StoreResult<Vec<i64>> {
        let sql = "SELECT DISTINCT company_id FROM grant_end WHERE ends_at <= $1 AND company_id > $2 \
                   ORDER BY company_id LIMIT $3";
        let values = [until_s, after, limit].map(SqlValue::Int);
        all(self.connection.as_mut(), sql, &values, |row| row.int(0))
    }

    fn ledger_balances(&mut self, company_id: i64, before: i64) -> StoreResult<PerKind<i64>> {
        let sql = "SELECT balance FROM ledger WHERE company_id = $1 AND kind = $2 AND entry_no < $3 \
                   ORDER BY entry_no DESC LIMIT 1";
        let mut balances = PerKind::default();
        for kind in AccountKind::ALL {
            let values = [company_id, kind.number(), before].map(SqlValue::Int);
            let found = first(self.connection.as_mut(), sql, &values, |row| row.int(0))?;
            *balances.get_mut(kind) = found.unwrap_or(0);
        }
        Ok(balances)
    }

    fn ledger_sums(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerSum>> {
        // The sum of 64-bit amounts may need more bits, so halves of them are added.
        let sql = "SELECT kind, cause, count(*), CAST(sum(amount / 4294967296) AS BIGINT), \
                   CAST(sum(amount % 4294967296) AS BIGINT) FROM ledger \
                   WHERE company_id = $1 AND entry_no >= $2 AND entry_no < $3 GROUP BY kind, cause ORDER BY kind, cause";
        let end = entries.first.saturating_add(entries.count);
        let values = [company_id.into(), entries.first.into(), end.into()];
        all(self.connection.as_mut(), sql, &values, |row| {
            let damaged = |what: &str| StoreError::Damaged(format!("a ledger entry has an unknown {what}"));
            Ok(LedgerSum {
                kind: AccountKind::from_number(row.int(0)?).ok_or_else(|| damaged("kind"))?,
                cause: Cause::from_number(row.int(1)?).ok_or_else(|| damaged("cause"))?,
                entries: row.int(2)?,
                amount: (i128::from(row.int(3)?) << 32) + i128::from(row.int(4)?),
            })
        })
    }

    fn ledger(&mut self, company_id: i64, entries: LedgerRange) -> StoreResult<Vec<LedgerEntry>> {
        let sql = format!(
            "SELECT {LEDGER_COLUMNS} FROM ledger WHERE company_id = $1 AND entry_no >= $2 AND entry_no < $3 \
             ORDER BY entry_no"
        );
        let end = entries.first.saturating_add(entries.count);
        let values = [company_id, entries.first, end].map(SqlValue::Int);
        all(self.connection.as_mut(), &sql, &values, read_entry)
    }

    fn deposit(&mut self, company_id: i64, key: &str) -> StoreResult<Option<StoredDeposit>> {
        let sql = "SELECT kind, amount, expires, products, models, first_entry, entries, reversed FROM deposit \
                   WHERE company_id = $1 AND deposit_key = $2";
        first(self.connection.as_mut(), sql, &[company_id.into(), key.into()], |row| {
            Ok(StoredDeposit {
                deposit: Deposit {
                    kind: kind_of(row.int(0)?)?,
                    amount: Amount::from_steps(row.int(1)?),
                    expires_s: row.optional_int(2)?,
                    products: split(row.text(3)?),
                    models: split(row.text(4)?),
                    key: key.to_owned(),
                },
                entries: LedgerRange { first: row.int(5)?, count: row.int(6)? },
                reversed: row.int(7)?,
            })
        })
    }

    fn settlement(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<Settlement>> {
        let sql = "SELECT first_entry, entries FROM settlement WHERE company_id = $1 AND source_no = $2";
        first(self.connection.as_mut(), sql, &[company_id.into(), source_number.into()], |row| {
            let entries = LedgerRange { first: row.int(0)?, count: row.int(1)? };
            Ok(Settlement { source_number: source_number.to_owned(), entries })
        })
    }

    fn revocation(&mut self, company_id: i64, source_number: &str) -> StoreResult<Option<(i64, String)>> {
        let sql = "SELECT time, reason FROM revocation WHERE company_id = $1 AND source_no = $2";
        first(self.connection.as_mut(), sql, &[company_id.into(), source_number.into()], |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })
    }
}

impl AccountWrites for Session {
    fn post(
        &mut self,
        company_id: i64,
        before: &AccountState,
        after: &AccountState,
        entries: &[Posting],
    ) -> StoreResult<i64> {
        let first_entry = before.entries;
        let mut rows = (first_entry..).zip(entries).map(|(entry_no, entry)| {
            vec![
                company_id.into(),
                entry_no.into(),
                entry.time_s.into(),
                entry.kind.number().into(),
                entry.grant_id.into(),
                entry.cause.number().into(),
                entry.amount.into(),
                entry.balance.into(),
                entry.reference.as_str().into(),
            ]
        });
        insert_exactly(self.connection.as_mut(), &LEDGER, entries.len(), &mut rows)?;
        self.write_grants(company_id, &before.account, &after.account)?;
        let counters = [
            after.account.credit_limit,
            first_entry + i64::try_from(entries.len()).unwrap_or(i64::MAX),
            after.account.grant_count,
            after.serial,
            after.arrears_day,
        ];
        let set: Vec<String> =
            (2..).zip(state_columns()).map(|(place, column)| format!("{column} = ${place}")).collect();
        let sql = format!("UPDATE account SET {} WHERE company_id = $1", set.join(", "));
        let values = std::iter::once(company_id).chain(after.account.balances.values()).chain(counters);
        let values: SqlValues<'_> = values.map(SqlValue::Int).collect();
        execute_exactly(self.connection.as_mut(), 1, &sql, &values)?;
        Ok(first_entry)
    }

    fn add_deposit(&mut self, company_id: i64, stored: &StoredDeposit) -> StoreResult<()> {
        let StoredDeposit { deposit, entries, reversed } = stored;
        let (products, models) = (join(&deposit.products), join(&deposit.models));
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO deposit (company_id, deposit_key, kind, amount, expires, products, models, first_entry, \
             entries, reversed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                company_id.into(),
                deposit.key.as_str().into(),
                deposit.kind.number().into(),
                deposit.amount.steps().into(),
                deposit.expires_s.into(),
                products.as_str().into(),
                models.as_str().into(),
                entries.first.into(),
                entries.count.into(),
                (*reversed).into(),
            ],
        )
    }

    fn set_reversed(&mut self, company_id: i64, key: &str, reversed: i64) -> StoreResult<()> {
        let sql = "UPDATE deposit SET reversed = $3 WHERE company_id = $1 AND deposit_key = $2";
        let values = [company_id.into(), key.into(), reversed.into()];
        execute_exactly(self.connection.as_mut(), 1, sql, &values)
    }

    fn clear_ends(&mut self, company_id: i64, until_s: i64) -> StoreResult<()> {
        let sql = "DELETE FROM grant_end WHERE company_id = $1 AND ends_at <= $2";
        self.connection.execute(sql, &[company_id, until_s].map(SqlValue::Int))?;
        Ok(())
    }

    fn add_settlements(&mut self, company_id: i64, settlements: &[Settlement]) -> StoreResult<()> {
        let mut rows = settlements.iter().map(|settlement| {
            vec![
                company_id.into(),
                settlement.source_number.as_str().into(),
                settlement.entries.first.into(),
                settlement.entries.count.into(),
            ]
        });
        insert_exactly(self.connection.as_mut(), &SETTLEMENT, settlements.len(), &mut rows)
    }

    fn add_revocation(
        &mut self,
        company_id: i64,
        source_number: &str,
        now_s: i64,
        reason: &str,
    ) -> StoreResult<()> {
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO revocation (company_id, source_no, time, reason) VALUES ($1, $2, $3, $4)",
            &[company_id.into(), source_number.into(), now_s.into(), reason.into()],
        )
    }
}

impl Session {
    fn write_grants(&mut self, company_id: i64, before: &Account, after: &Account) -> StoreResult<()> {
        let known = |grant: &&Grant| grant.grant_id <= before.grant_count;
        let new: Vec<(&Grant, [String; 2])> = after
            .grants
            .iter()
            .filter(|grant| !known(grant))
            .map(|grant| (grant, [join(&grant.products), join(&grant.models)]))
            .collect();
        let mut rows = new.iter().map(|(grant, lists)| grant_values(company_id, grant, lists));
        insert_exactly(self.connection.as_mut(), &ACCOUNT_GRANT, new.len(), &mut rows)?;
        for end_s in new.iter().filter_map(|(grant, _)| grant.expires_s) {
            self.connection.execute(
                "INSERT INTO grant_end (ends_at, company_id) VALUES ($1, $2) \
                 ON CONFLICT (ends_at, company_id) DO NOTHING",
                &[end_s, company_id].map(SqlValue::Int),
            )?;
        }
        // A grant that is missing from `after` is used up.
        let mut changed: BTreeMap<i64, [i64; 2]> =
            before.grants.iter().map(|grant| (grant.grant_id, [0, 0])).collect();
        let of_after = after.grants.iter().filter(known);
        changed.extend(of_after.map(|grant| (grant.grant_id, [grant.remaining, grant.expired])));
        for grant in &before.grants {
            if changed.get(&grant.grant_id) == Some(&[grant.remaining, grant.expired]) {
                changed.remove(&grant.grant_id);
            }
        }
        let sets: Vec<SqlValues<'_>> = changed
            .into_iter()
            .map(|(grant_id, [remaining, expired])| {
                [company_id, grant_id, remaining, expired].map(SqlValue::Int).to_vec()
            })
            .collect();
        update_exactly(
            self.connection.as_mut(),
            "UPDATE account_grant SET remaining = $3, expired = $4 WHERE company_id = $1 AND grant_id = $2",
            &sets,
        )
    }

    /// The ledger entries of orders, by number O. Orders that were not settled from the accounts are absent.
    pub(crate) fn settled<'n>(
        &mut self,
        company_id: i64,
        source_numbers: impl Iterator<Item = &'n str>,
    ) -> StoreResult<HashMap<String, LedgerRange>> {
        let numbers: Vec<&str> = source_numbers.collect();
        let sets: Vec<SqlValues<'_>> =
            numbers.iter().map(|number| vec![company_id.into(), (*number).into()]).collect();
        let mut settled = HashMap::new();
        self.connection.query_each(
            "SELECT first_entry, entries FROM settlement WHERE company_id = $1 AND source_no = $2",
            &sets,
            &mut |index, row| {
                let entries = LedgerRange { first: row.int(0)?, count: row.int(1)? };
                settled.insert(numbers[index].to_owned(), entries);
                Ok(())
            },
        )?;
        Ok(settled)
    }

    /// Adds deductions of pruned settled orders to their sum in the account.
    pub(crate) fn add_pruned_deductions(
        &mut self,
        company_id: i64,
        deducted: &PerKind<i128>,
    ) -> StoreResult<()> {
        let sql = "SELECT pruned_deductions FROM account WHERE company_id = $1";
        let pruned =
            first(self.connection.as_mut(), sql, &[company_id.into()], |row| decode_pruned(row.blob(0)?))?;
        let mut pruned = pruned.unwrap_or_default();
        for kind in AccountKind::ALL {
            *pruned.get_mut(kind) += deducted.get(kind);
        }
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE account SET pruned_deductions = $2 WHERE company_id = $1",
            &[company_id.into(), encode_pruned(&pruned).as_slice().into()],
        )
    }
}
