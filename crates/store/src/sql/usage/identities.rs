//! Identities: which records of a batch are new. Records of one source and id whose times are less than 24 hours apart are
//! one record, so that the days before and after a record's own are looked up too.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::time::{DAY_S, HOUR_S, day_of, hour_of};
use tollbook_domain::usage::IDENTITY_SPAN_S;

use crate::error::StoreResult;
use crate::sql::driver::connection::{Row, SqlValue, SqlValues};
use crate::sql::session::Session;
use crate::sql::usage::rows::{Key, key_of};
use crate::usage::{RatedUsage, UsageOutcome, digest_of};

/// Hours of one day.
const HOURS: i64 = DAY_S / HOUR_S;

/// The identities of a batch.
pub(crate) struct Identities {
    /// All places of the batch, by day, source and id; keys that are close are on the same leaf. Of two records with one
    /// key, the first of the batch is first.
    pub(crate) order: Vec<usize>,
    /// `Accepted` for records that are new.
    pub(crate) outcomes: Vec<UsageOutcome>,
    /// Repetitions within the batch, each with the first record of its identity.
    pub(crate) repeats: Vec<(usize, usize)>,
    /// The buckets of records that are in the store already.
    pub(crate) repeated_buckets: BTreeSet<i64>,
}

/// A stored record with the source and id of a new one.
struct Known {
    time_s: i64,
    bucket_start_s: i64,
    digest: Vec<u8>,
    /// Stored before schema version 8, which compares content with the time of the hour.
    is_old: bool,
}

/// Whether two times of one source and id are of one record.
fn is_near(a: i64, b: i64) -> bool {
    a.abs_diff(b) < IDENTITY_SPAN_S.unsigned_abs()
}

impl Known {
    fn read(row: &dyn Row, first: usize) -> StoreResult<Self> {
        Ok(Self {
            time_s: row.int(first)?,
            bucket_start_s: row.int(first + 1)?,
            digest: row.blob(first + 2)?.to_owned(),
            is_old: row.blob(first + 3)?.is_empty(),
        })
    }

    fn has_content_of(&self, record: &RatedUsage) -> bool {
        if self.is_old {
            return self.digest == digest_of(&record.usage.content_with_time());
        }
        self.digest == record.digest
    }
}

/// Hours of a company near those of a batch.
struct Hours {
    /// By hour: how many records it has, and whether its identities have expired.
    hours: BTreeMap<i64, (i64, bool)>,
    /// Whether the identities of any of them have expired. Usually none have, and no record needs a look.
    has_expired: bool,
}

impl Hours {
    /// Whether a record with the time of this one or near it may have been stored and deleted.
    fn are_expired_near(&self, time_s: i64) -> bool {
        if !self.has_expired {
            return false;
        }
        let first = hour_of(time_s.saturating_sub(IDENTITY_SPAN_S - 1));
        let last = hour_of(time_s.saturating_add(IDENTITY_SPAN_S - 1));
        self.hours.range(first..=last).any(|(_, (_, is_expired))| *is_expired)
    }

    fn is_expired(&self, hour: i64) -> bool {
        self.hours.get(&hour).is_some_and(|(_, is_expired)| *is_expired)
    }

    fn have_records(&self, first: i64, last: i64) -> bool {
        first <= last && self.hours.range(first..=last).any(|(_, (records, _))| *records > 0)
    }
}

/// Records of one day and source, by id.
struct Group<'p> {
    places: &'p [usize],
    /// The day in which to look.
    day: i64,
}

impl Identities {
    /// The outcome of a record whose identity other records have: stored ones, or earlier ones of the batch. It may be near
    /// two records that are not near each other; an equal one decides.
    fn compare(
        &mut self,
        records: &[RatedUsage],
        place: usize,
        known: &[Known],
        earlier: &[usize],
    ) -> UsageOutcome {
        let record = &records[place];
        if known.iter().any(|known| known.has_content_of(record)) {
            self.repeated_buckets.extend(known.iter().map(|known| known.bucket_start_s));
            return UsageOutcome::Duplicate;
        }
        if let Some(equal) = earlier.iter().find(|earlier| records[**earlier].digest == record.digest) {
            self.repeats.push((place, *equal));
            return UsageOutcome::Duplicate;
        }
        if let (true, Some(first)) = (known.is_empty(), earlier.first()) {
            self.repeats.push((place, *first));
        }
        UsageOutcome::Conflict
    }
}

impl Session {
    /// Decides which records of a batch are new. The company is locked.
    pub(crate) fn find_identities(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        pruned_before_s: i64,
    ) -> StoreResult<Identities> {
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|place| key_of(&records[*place].usage));
        let hours = self.read_hours(company_id, records)?;
        let mut found = Identities {
            outcomes: vec![UsageOutcome::Accepted; records.len()],
            repeats: Vec::new(),
            repeated_buckets: BTreeSet::new(),
            order,
        };
        for (record, outcome) in records.iter().zip(&mut found.outcomes) {
            if hours.is_expired(record.usage.hour()) {
                *outcome = UsageOutcome::Expired;
            }
        }
        let mut candidates: Vec<usize> = found
            .order
            .iter()
            .copied()
            .filter(|place| found.outcomes[*place] == UsageOutcome::Accepted)
            .collect();
        let stored = self.find_stored(company_id, records, &candidates, &hours)?;
        // Of one day, records of one source and id are side by side already.
        let identity = |place: usize| {
            let usage = &records[place].usage;
            (usage.source.as_str(), usage.id.as_str())
        };
        let day = |place: &usize| records[*place].usage.day();
        if candidates.first().map(day) != candidates.last().map(day) {
            candidates.sort_by_key(|place| (identity(*place), *place));
        }
        for same in candidates.chunk_by(|a, b| identity(*a) == identity(*b)) {
            let mut accepted: Vec<usize> = Vec::new();
            for &place in same {
                let record = &records[place];
                let known = stored.get(&place).map_or(&[][..], Vec::as_slice);
                let earlier: Vec<usize> = accepted
                    .iter()
                    .copied()
                    .filter(|earlier| is_near(records[*earlier].usage.time_s, record.usage.time_s))
                    .collect();
                found.outcomes[place] = if known.is_empty() && earlier.is_empty() {
                    match () {
                        () if hours.are_expired_near(record.usage.time_s) => UsageOutcome::Expired,
                        () if record.bucket.start_s < pruned_before_s => UsageOutcome::Pruned,
                        () => {
                            if same.len() > 1 {
                                accepted.push(place);
                            }
                            UsageOutcome::Accepted
                        }
                    }
                } else {
                    found.compare(records, place, known, &earlier)
                };
            }
        }
        Ok(found)
    }

    /// Reads the hours within a day of those of the records.
    fn read_hours(&mut self, company_id: i64, records: &[RatedUsage]) -> StoreResult<Hours> {
        let hours: BTreeSet<i64> = records.iter().map(|record| record.usage.hour()).collect();
        let hours: Vec<i64> = hours.into_iter().collect();
        let sets: Vec<SqlValues<'_>> = hours
            .chunk_by(|a, b| b - a <= 2 * HOURS)
            .map(|near| {
                let (first, last) = (near[0] - HOURS, near[near.len() - 1] + HOURS);
                [company_id, first, last].map(SqlValue::Int).to_vec()
            })
            .collect();
        let mut found = BTreeMap::new();
        self.connection.query_each(
            "SELECT hour, records, expired FROM usage_hour WHERE company_id = $1 AND hour >= $2 AND hour <= $3 \
             ORDER BY hour",
            &sets,
            &mut |_, row| {
                found.insert(row.int(0)?, (row.int(1)?, row.int(2)? != 0));
                Ok(())
            },
        )?;
        let has_expired = found.values().any(|(_, is_expired)| *is_expired);
        Ok(Hours { hours: found, has_expired })
    }

    /// The stored records that have the identity of records of the batch, by place. `places` are in the order of their
    /// keys.
    fn find_stored(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        places: &[usize],
        hours: &Hours,
    ) -> StoreResult<BTreeMap<usize, Vec<Known>>> {
        let key = |place: usize| key_of(&records[place].usage);
        let groups: Vec<Group<'_>> = places
            .chunk_by(|a, b| (key(*a).0, key(*a).1) == (key(*b).0, key(*b).1))
            .flat_map(|places| {
                days_to_read(records, places, hours).into_iter().map(move |day| Group { places, day })
            })
            .collect();
        // If ids rise with time, the range between the first and the last id of a batch has no other records, and one
        // statement reads it. If the range has many others, each id is looked up on its own.
        let most = |group: &Group<'_>| 2 * group.places.len() + 1;
        let sets: Vec<SqlValues<'_>> = groups
            .iter()
            .map(|group| {
                let (_, source, from) = key(group.places[0]);
                let (_, _, to) = key(group.places[group.places.len() - 1]);
                let most = i64::try_from(most(group)).unwrap_or(i64::MAX);
                vec![company_id.into(), group.day.into(), source.into(), from.into(), to.into(), most.into()]
            })
            .collect();
        let mut known: Vec<Vec<(String, Known)>> = groups.iter().map(|_| Vec::new()).collect();
        self.connection.query_each(
            "SELECT id, time, bucket_start, digest, rest FROM usage_record WHERE company_id = $1 AND day = $2 \
             AND source = $3 AND id >= $4 AND id <= $5 ORDER BY id LIMIT $6",
            &sets,
            &mut |index, row| {
                known[index].push((row.text(0)?.to_owned(), Known::read(row, 1)?));
                Ok(())
            },
        )?;
        let mut stored: BTreeMap<usize, Vec<Known>> = BTreeMap::new();
        let mut looked_up: Vec<(i64, usize)> = Vec::new();
        for (group, known) in groups.iter().zip(known) {
            if known.len() == most(group) {
                looked_up.extend(group.places.iter().map(|place| (group.day, *place)));
                continue;
            }
            let mut known = known.into_iter().peekable();
            // Several records may have one key; each has its own look at what is stored.
            for same in group.places.chunk_by(|a, b| key(*a).2 == key(*b).2) {
                let id = key(same[0]).2;
                while known.next_if(|(before, _)| before.as_str() < id).is_some() {}
                if let Some((_, found)) = known.next_if(|(found, _)| found == id) {
                    for place in &same[1..] {
                        stored.entry(*place).or_default().push(found.copied());
                    }
                    stored.entry(same[0]).or_default().push(found);
                }
            }
        }
        let sets: Vec<SqlValues<'_>> = looked_up
            .iter()
            .map(|(day, place)| {
                let (_, source, id): Key<'_> = key(*place);
                vec![company_id.into(), (*day).into(), source.into(), id.into()]
            })
            .collect();
        self.connection.query_each(
            "SELECT time, bucket_start, digest, rest FROM usage_record WHERE company_id = $1 AND day = $2 \
             AND source = $3 AND id = $4",
            &sets,
            &mut |index, row| {
                stored.entry(looked_up[index].1).or_default().push(Known::read(row, 0)?);
                Ok(())
            },
        )?;
        for (place, known) in &mut stored {
            known.retain(|known| is_near(known.time_s, records[*place].usage.time_s));
        }
        Ok(stored)
    }
}

impl Known {
    fn copied(&self) -> Self {
        Self { digest: self.digest.clone(), ..*self }
    }
}

/// The days that may have a record near one of these, which are of one day: the days without records are left out.
fn days_to_read(records: &[RatedUsage], places: &[usize], hours: &Hours) -> Vec<i64> {
    let times = || places.iter().map(|place| records[*place].usage.time_s);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Vec::new() };
    let day = day_of(first);
    let (day_begins, day_ends) = (day * HOURS, (day + 1) * HOURS);
    let mut days = Vec::with_capacity(3);
    if hours.have_records(hour_of(first) - HOURS, day_begins - 1) {
        days.push(day - 1);
    }
    if hours.have_records(day_begins, day_ends - 1) {
        days.push(day);
    }
    if hours.have_records(day_ends, hour_of(last) + HOURS) {
        days.push(day + 1);
    }
    days
}
