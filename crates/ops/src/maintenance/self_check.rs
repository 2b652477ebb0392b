//! The continuous self-check of a server: verifies the database part by part, in a random order, again and again. A round
//! verifies as much as its time allows; parts that were not reached are verified in later rounds.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tollbook_domain::Catalogue;
use tollbook_store::{PartSizes, Store, StoreError, StoreResult, VerificationPart, VerifiedPart};

use crate::random;

/// By default, a cycle does not take less than this: a small database is verified a few parts at a time.
pub const SHORTEST_CYCLE: Duration = Duration::from_secs(20);
/// Differences that are stated of one part.
const DIFFERENCES: usize = 5;
/// Parts with differences that are remembered.
const REMEMBERED: usize = 1_000;

/// A difference that a part of the database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was compared: one of [`tollbook_store::VERIFICATION_KINDS`].
    pub kind: &'static str,
    /// The company; `None` if the rows belong to no company.
    pub company_id: Option<i64>,
    /// Where it is, for people: the company, and the day or the table.
    pub place: String,
    /// What differs, with its values.
    pub texts: Vec<String>,
}

/// What a round has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A part has differences, and had none before.
    Differs(Difference),
    /// A part had differences, and had none in the last cycle.
    IsSound(String),
    /// A part differed, and a moment later it did not. That is no damage of the database.
    NotConfirmed(Difference),
}

/// One of the two queues of a self-check, and the cycle that it is in.
#[derive(Debug)]
struct Cycle {
    began: Instant,
    /// How long the last whole cycle took.
    last: Option<Duration>,
    parts: VecDeque<VerificationPart>,
    /// Companies whose parts are not listed yet.
    companies: Vec<i64>,
    done: usize,
    skipped: u64,
    last_skipped: u64,
    /// Number of the cycle, from 1.
    number: u64,
}

impl Cycle {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            last: None,
            parts: VecDeque::new(),
            companies: Vec::new(),
            done: 0,
            skipped: 0,
            last_skipped: 0,
            number: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.companies.is_empty()
    }

    fn begin(&mut self) {
        if self.done > 0 {
            self.last = Some(self.began.elapsed());
            self.last_skipped = self.skipped;
        }
        (self.began, self.done, self.skipped) = (Instant::now(), 0, 0);
        self.number += 1;
    }

    /// Whether the next part may be verified now: the parts of a cycle are spread over the shortest time that it may take.
    fn is_due(&self, shortest: Duration) -> bool {
        if !self.companies.is_empty() {
            return true;
        }
        let (done, all) = (self.done as u128, (self.done + self.parts.len()) as u128);
        done * shortest.as_millis() <= all * self.began.elapsed().as_millis()
    }
}

/// A part with differences.
#[derive(Debug)]
struct Known {
    kind: &'static str,
    /// The queue and the cycle in which it was found last.
    is_of_companies: bool,
    cycle: u64,
}

/// What a self-check has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfCheckReport {
    /// Parts that were verified, since the start.
    pub parts: u64,
    /// Parts that differ, by kind. Kinds without differences are absent.
    pub differing: BTreeMap<&'static str, i64>,
    /// How long the last cycle over all companies took; `None` before its end.
    pub cycle: Option<Duration>,
    /// Parts that were too large in that cycle.
    pub skipped: u64,
    /// How often everything was verified once.
    pub cycles: u64,
}

/// The state of the self-check of a server.
#[derive(Debug)]
pub struct SelfCheck {
    sizes: PartSizes,
    shortest_cycle: Duration,
    deployment: Cycle,
    companies: Cycle,
    known: BTreeMap<String, Known>,
    parts: u64,
    is_turn_of_companies: bool,
}

impl Default for SelfCheck {
    fn default() -> Self {
        Self::new(PartSizes::default(), SHORTEST_CYCLE)
    }
}

impl SelfCheck {
    /// A self-check with parts of these sizes, each cycle of which takes at least so long.
    pub fn new(sizes: PartSizes, shortest_cycle: Duration) -> Self {
        Self {
            sizes,
            shortest_cycle,
            deployment: Cycle::new(),
            companies: Cycle::new(),
            known: BTreeMap::new(),
            parts: 0,
            is_turn_of_companies: true,
        }
    }

    /// What has been done.
    pub fn report(&self) -> SelfCheckReport {
        let mut differing = BTreeMap::new();
        for known in self.known.values() {
            *differing.entry(known.kind).or_default() += 1;
        }
        SelfCheckReport {
            parts: self.parts,
            differing,
            cycle: self.companies.last,
            skipped: self.companies.last_skipped,
            cycles: self.companies.number.min(self.deployment.number).saturating_sub(1),
        }
    }

    /// The number of parts that differ.
    pub fn differing(&self) -> usize {
        self.known.len()
    }

    /// Verifies parts for about `time`, at least one, alternately of the deployment and of companies. Passes what it finds to
    /// `found`. May block.
    ///
    /// # Errors
    /// The database is not available, or `stop` is cancelled. The next round goes on.
    pub fn round(
        &mut self,
        store: &dyn Store,
        catalogue: &Catalogue,
        time: Duration,
        stop: &CancellationToken,
        found: &mut dyn FnMut(Finding),
    ) -> StoreResult<()> {
        let begin = Instant::now();
        let (mut verified, mut idle) = (0, 0);
        while idle < 2 && !stop.is_cancelled() && (verified == 0 || begin.elapsed() < time) {
            self.is_turn_of_companies = !self.is_turn_of_companies;
            let is_forced = verified == 0 && self.is_turn_of_companies;
            match self.next(store, is_forced, stop, found)? {
                None => idle += 1,
                Some(part) => {
                    idle = 0;
                    verified += 1;
                    self.verify(&part, store, catalogue, stop, found)?;
                }
            }
        }
        Ok(())
    }

    /// The next part of the queue whose turn it is, if it is due or forced. Lists parts if there are none.
    fn next(
        &mut self,
        store: &dyn Store,
        is_forced: bool,
        stop: &CancellationToken,
        found: &mut dyn FnMut(Finding),
    ) -> StoreResult<Option<VerificationPart>> {
        let (is_of_companies, shortest) = (self.is_turn_of_companies, self.shortest_cycle);
        let cycle = if is_of_companies { &mut self.companies } else { &mut self.deployment };
        if !is_forced && !cycle.is_due(shortest) {
            return Ok(None);
        }
        if cycle.is_empty() {
            let listed = store.verification_snapshot(stop).and_then(|mut snapshot| {
                Ok(if is_of_companies {
                    let companies = snapshot.companies()?;
                    (Vec::new(), companies.iter().map(|company| company.company_id).collect())
                } else {
                    (snapshot.parts_of_deployment()?, Vec::new())
                })
            });
            let place = if is_of_companies { "the list of companies" } else { "the deployment" };
            let Some((parts, companies)) = self.damage("storage", None, place, listed, found)? else {
                return Ok(None);
            };
            let cycle = if is_of_companies { &mut self.companies } else { &mut self.deployment };
            cycle.begin();
            cycle.parts = shuffled(parts).into();
            cycle.companies = shuffled(companies);
            let number = cycle.number;
            self.forget_sound_parts(is_of_companies, number, found);
        }
        if self.companies.parts.is_empty()
            && is_of_companies
            && let Some(company_id) = self.companies.companies.pop()
        {
            let listed = store
                .verification_snapshot(stop)
                .and_then(|mut snapshot| snapshot.parts_of_company(company_id, &self.sizes));
            let place = format!("company {company_id}: its parts");
            let parts = self.damage("company", Some(company_id), &place, listed, found)?;
            self.companies.parts = shuffled(parts.unwrap_or_default()).into();
        }
        let cycle = if is_of_companies { &mut self.companies } else { &mut self.deployment };
        Ok(cycle.parts.pop_front())
    }

    fn verify(
        &mut self,
        part: &VerificationPart,
        store: &dyn Store,
        catalogue: &Catalogue,
        stop: &CancellationToken,
        found: &mut dyn FnMut(Finding),
    ) -> StoreResult<()> {
        let is_of_companies = self.is_turn_of_companies;
        let sizes = self.sizes;
        let verify = || {
            let mut snapshot = store.verification_snapshot(stop)?;
            snapshot.verify_part(part, catalogue, &sizes, DIFFERENCES)
        };
        let place = part.to_string();
        let mut verified = of_damage(verify());
        if let Err(error) = &verified {
            // It is verified again when the database is available.
            let cycle = if is_of_companies { &mut self.companies } else { &mut self.deployment };
            cycle.parts.push_back(part.clone());
            tracing::debug!(%error, place, "a part was not verified");
            return verified.map(drop);
        }
        if let Ok(VerifiedPart { differences, .. }) = &verified
            && !differences.is_empty()
        {
            let texts = differences.clone();
            // What is stored differs the second time too.
            verified = of_damage(verify());
            if verified.as_ref().is_ok_and(|verified| verified.differences.is_empty()) {
                let difference = Difference {
                    kind: part.kind(),
                    company_id: part.company_id(),
                    place: place.clone(),
                    texts,
                };
                found(Finding::NotConfirmed(difference));
            }
        }
        let VerifiedPart { differences, follow_ups, is_skipped } = verified?;
        self.note(part.kind(), part.company_id(), &place, differences, found);
        self.parts += 1;
        let cycle = if is_of_companies { &mut self.companies } else { &mut self.deployment };
        cycle.done += 1;
        cycle.skipped += u64::from(is_skipped);
        cycle.parts.extend(follow_ups);
        Ok(())
    }

    /// A result, or `None` if damage prevents it, which is noted.
    fn damage<T>(
        &mut self,
        kind: &'static str,
        company_id: Option<i64>,
        place: &str,
        result: StoreResult<T>,
        found: &mut dyn FnMut(Finding),
    ) -> StoreResult<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.note(kind, company_id, place, vec![damage_text(error)?], found);
                Ok(None)
            }
        }
    }

    fn note(
        &mut self,
        kind: &'static str,
        company_id: Option<i64>,
        place: &str,
        texts: Vec<String>,
        found: &mut dyn FnMut(Finding),
    ) {
        if texts.is_empty() {
            return;
        }
        let is_of_companies = self.is_turn_of_companies;
        let cycle = if is_of_companies { self.companies.number } else { self.deployment.number };
        if let Some(known) = self.known.get_mut(place) {
            known.cycle = cycle;
        } else if self.known.len() < REMEMBERED {
            self.known.insert(place.to_owned(), Known { kind, is_of_companies, cycle });
            found(Finding::Differs(Difference { kind, company_id, place: place.to_owned(), texts }));
        }
    }

    /// A cycle begins: what did not differ in the last one is sound. Not earlier, because parts with one name may follow each
    /// other, as those of a ledger do.
    fn forget_sound_parts(&mut self, is_of_companies: bool, number: u64, found: &mut dyn FnMut(Finding)) {
        self.known.retain(|place, known| {
            let is_sound = known.is_of_companies == is_of_companies && known.cycle + 1 < number;
            if is_sound {
                found(Finding::IsSound(place.clone()));
            }
            !is_sound
        });
    }
}

/// Damage is a difference of the part; the rest are errors.
fn of_damage(verified: StoreResult<VerifiedPart>) -> StoreResult<VerifiedPart> {
    match verified {
        Ok(verified) => Ok(verified),
        Err(error) => Ok(VerifiedPart { differences: vec![damage_text(error)?], ..VerifiedPart::default() }),
    }
}

/// What a damaged database says; the error itself if it says nothing about what is stored.
fn damage_text(error: StoreError) -> StoreResult<String> {
    match error {
        StoreError::Damaged(reason) | StoreError::Database(reason) | StoreError::NotOurs(reason) => {
            Ok(reason)
        }
        StoreError::SchemaTooNew { .. } | StoreError::Missing(_) => Ok(error.to_string()),
        error => Err(error),
    }
}

/// In a random order.
fn shuffled<T>(mut items: Vec<T>) -> Vec<T> {
    for end in (1..items.len()).rev() {
        let place = random::u128() % (end as u128 + 1);
        items.swap(end, usize::try_from(place).unwrap_or(end));
    }
    items
}
