//! Recounts a whole database from one snapshot, and compares the result with what is stored.

use tollbook_domain::Catalogue;
use tollbook_store::{Snapshot, StoreError, StoreResult};

/// Most differences that are reported for each company.
pub const MAX_DIFFERENCES: usize = 100;

/// The result of a recount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Companies.
    pub companies: usize,
    /// Orders that were recounted.
    pub orders: i64,
    /// The differences of the deployment (`None`) and of each company, one line of text for each.
    found: Vec<(Option<i64>, Vec<String>)>,
}

impl Recount {
    /// The differences of the deployment (`None`), then of each company.
    pub fn by_company(&self) -> impl Iterator<Item = (Option<i64>, &[String])> {
        self.found.iter().map(|(company_id, differences)| (*company_id, differences.as_slice()))
    }

    /// One line of text for each difference; a consistent database has none.
    pub fn differences(&self) -> Vec<String> {
        self.by_company().flat_map(|(_, differences)| differences).cloned().collect()
    }
}

/// Checks the storage and recounts every company. What cannot be read is a difference like others: the rest is still
/// counted.
///
/// # Errors
/// The database cannot be reached.
pub fn recount(snapshot: &mut dyn Snapshot, catalogue: &Catalogue) -> StoreResult<Recount> {
    let mut differences = damage(snapshot.verify_deployment(MAX_DIFFERENCES), "the database")?;
    let companies = match snapshot.companies() {
        Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => {
            differences.push(format!("companies: {reason}"));
            Vec::new()
        }
        companies => companies?,
    };
    let mut orders = 0;
    let mut all = vec![(None, differences)];
    for company in &companies {
        let company_id = company.company_id;
        let found = snapshot.verify(company_id, catalogue, MAX_DIFFERENCES).map(|found| {
            orders += found.orders;
            found.differences
        });
        all.push((Some(company_id), damage(found, &format!("company {company_id}"))?));
    }
    Ok(Recount { companies: companies.len(), orders, found: all })
}

/// The differences that were found; damage that kept them from being found is one of them.
fn damage(found: StoreResult<Vec<String>>, what: &str) -> StoreResult<Vec<String>> {
    match found {
        Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => {
            Ok(vec![format!("{what}: {reason}")])
        }
        found => found,
    }
}
