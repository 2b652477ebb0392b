//! The audit log: who did what, from where, on which company, with the values before and after. Each company has a chain
//! of entries, and the deployment has one; every entry has a hash over the hash before it and its own content.

use sha2::{Digest as _, Sha256};

use crate::error::StoreResult;

/// The company of the chain with the acts that concern no company alone.
pub const DEPLOYMENT_CHAIN: i64 = 0;

/// A SHA-256 hash of an entry.
pub type AuditHash = [u8; 32];

/// Declares the kinds of actor: number in the store, name.
macro_rules! actor_kinds {
    ($($(#[$doc:meta])* $kind:ident $number:literal $name:literal;)*) => {
        /// The kind of an actor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ActorKind { $($(#[$doc])* $kind,)* }

        impl ActorKind {
            /// All kinds, by number.
            pub const ALL: [Self; [$($number,)*].len()] = [$(Self::$kind,)*];

            /// The number in the store.
            pub const fn number(self) -> i64 {
                match self { $(Self::$kind => $number,)* }
            }

            /// The name that is displayed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

actor_kinds! {
    /// No actor was stated: a program that uses the store without an actor.
    Unknown 0 "unknown";
    /// A user of the operator's shell.
    Shell 1 "shell";
    /// A key of the operator's programs, by its name.
    OperatorKey 2 "operator key";
    /// A customer's API key, by its public half.
    ApiKey 3 "API key";
    /// A person with an account of this deployment.
    User 4 "user";
    /// A server's own work.
    System 5 "system";
}

impl ActorKind {
    /// The kind of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Its kind.
    pub kind: ActorKind,
    /// Its name, by its kind. Never a secret.
    pub name: String,
    /// Host and process, or the address of the peer.
    pub origin: String,
}

impl Actor {
    /// An actor of a kind.
    pub fn new(kind: ActorKind, name: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { kind, name: name.into(), origin: origin.into() }
    }
}

impl Default for Actor {
    fn default() -> Self {
        Self::new(ActorKind::Unknown, "", "")
    }
}

/// What is done, for an entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The company on which it is done; [`DEPLOYMENT_CHAIN`] if it concerns no company alone.
    pub company_id: i64,
    /// Its name.
    pub name: &'static str,
    /// The values before it, as JSON; empty if there were none.
    pub before: String,
    /// The values after it, as JSON; empty if there are none.
    pub after: String,
    /// Why; empty if none was stated.
    pub reason: String,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The company whose chain it is in; [`DEPLOYMENT_CHAIN`] for the deployment's.
    pub company_id: i64,
    /// Its number in the chain, from 0.
    pub entry_no: i64,
    /// When, Unix seconds.
    pub time_s: i64,
    /// Who.
    pub actor: Actor,
    /// What: the name of the act.
    pub act: String,
    /// The values before, as JSON, or empty.
    pub before: String,
    /// The values after, as JSON, or empty.
    pub after: String,
    /// Why, or empty.
    pub reason: String,
    /// SHA-256 over the hash of the entry before it and its own content.
    pub hash: AuditHash,
}

impl AuditEntry {
    /// The hash that the entry must have if the one before it has the hash `previous`, which is all zero for the first.
    /// Every text is preceded by its length, so that no two contents have the same bytes.
    pub fn expected_hash(&self, previous: &AuditHash) -> AuditHash {
        let mut hash = Sha256::new();
        hash.update(previous);
        for number in [self.company_id, self.entry_no, self.time_s, self.actor.kind.number()] {
            hash.update(number.to_le_bytes());
        }
        for text in [&self.actor.name, &self.actor.origin, &self.act, &self.before, &self.after, &self.reason]
        {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }

    /// What a difference calls the entry.
    fn described(&self) -> String {
        format!("{}: audit entry {} ({})", chain_name(self.company_id), self.entry_no, self.act)
    }
}

/// The end of a chain: how many entries it has, and the hash of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The company of the chain.
    pub company_id: i64,
    /// Number of its entries.
    pub entries: i64,
    /// Hash of its last entry; all zero if it has none.
    pub hash: AuditHash,
}

impl ChainHead {
    /// The head of a chain without entries.
    pub const fn empty(company_id: i64) -> Self {
        Self { company_id, entries: 0, hash: [0; 32] }
    }
}

/// What a chain is called.
fn chain_name(company_id: i64) -> String {
    if company_id == DEPLOYMENT_CHAIN { "deployment".to_owned() } else { format!("company {company_id}") }
}

/// Checks the entries of a chain one after the other.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    /// The chain as far as it was read.
    pub read: ChainHead,
    /// What was read and is remembered outside: the hash that an entry must have, by its number.
    remembered: Vec<(i64, AuditHash)>,
}

impl ChainCheck {
    /// A check from a chain's beginning.
    pub const fn new(company_id: i64) -> Self {
        Self::after(ChainHead::empty(company_id))
    }

    /// A check of what follows a part of a chain.
    pub const fn after(read: ChainHead) -> Self {
        Self { read, remembered: Vec::new() }
    }

    /// Expects a part of the chain to be as it was when it ended with `head`.
    #[must_use]
    pub fn expecting(mut self, head: ChainHead) -> Self {
        if head.entries > 0 {
            self.remembered.push((head.entries - 1, head.hash));
        }
        self
    }

    /// Checks the next entry; says what is wrong with it. The check goes on with the hash that the entry has, so that one
    /// changed row is one difference.
    pub fn next(&mut self, entry: &AuditEntry) -> Option<String> {
        let ChainHead { company_id, entries: expected_no, hash: previous } = self.read;
        self.read = ChainHead { company_id, entries: entry.entry_no + 1, hash: entry.hash };
        if entry.entry_no < expected_no {
            return Some(format!("{} stands where entry {expected_no} is due", entry.described()));
        }
        if entry.entry_no > expected_no {
            return Some(missing(company_id, expected_no, entry.entry_no - 1));
        }
        if entry.expected_hash(&previous) != entry.hash {
            let before = match expected_no.checked_sub(1) {
                Some(before) if before >= 0 => format!(", or the hash of entry {before}"),
                _ => String::new(),
            };
            return Some(format!("{} is not what was written: it was changed{before}", entry.described()));
        }
        let is_other =
            self.remembered.iter().any(|(entry_no, hash)| *entry_no == entry.entry_no && *hash != entry.hash);
        is_other.then(|| {
            format!(
                "{} is not the one that is remembered outside the database: it, or an entry before it, was written again",
                entry.described()
            )
        })
    }

    /// Compares the end of what was read with the head of the chain; `None` stands for a head that is not stored.
    pub fn end(&self, head: Option<ChainHead>) -> Vec<String> {
        let ChainHead { company_id, entries, hash } = self.read;
        let head = head.unwrap_or(ChainHead::empty(company_id));
        let mut found = Vec::new();
        if entries < head.entries {
            found
                .push(format!("{}, at the end of its chain", missing(company_id, entries, head.entries - 1)));
        } else if entries > head.entries {
            found.push(format!(
                "{}: audit entries {} to {} were inserted: its chain ends before them",
                chain_name(company_id),
                head.entries,
                entries - 1
            ));
        } else if hash != head.hash {
            found.push(format!(
                "{}: audit entry {} is not the one that the chain ends with: it was changed together with its hash",
                chain_name(company_id),
                entries - 1
            ));
        }
        let cut = self.remembered.iter().map(|(entry_no, _)| *entry_no).max();
        if let Some(last) = cut.filter(|last| *last >= entries && *last >= head.entries) {
            found.push(format!(
                "{}, at the end of its chain; they are remembered outside the database",
                missing(company_id, entries, last)
            ));
        }
        found
    }
}

fn missing(company_id: i64, first: i64, last: i64) -> String {
    let chain = chain_name(company_id);
    if first == last {
        format!("{chain}: audit entry {first} is missing")
    } else {
        format!("{chain}: audit entries {first} to {last} are missing")
    }
}

/// A request of a program that must be done once: its key, and the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestClaim {
    /// The key, which the program has chosen.
    pub key: String,
    /// SHA-256 of the request: the same key with another digest is another request.
    pub digest: AuditHash,
}

/// A request that was done, and where the audit log says what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedRequest {
    /// Its digest.
    pub digest: AuditHash,
    /// The chain of the entry.
    pub company_id: i64,
    /// Its number in the chain.
    pub entry_no: i64,
}

/// Reads of the audit log.
pub trait AuditReads {
    /// The head of a company's chain; `None` if nothing was done on the company.
    fn audit_head(&mut self, company_id: i64) -> StoreResult<Option<ChainHead>>;

    /// Entries of a chain by number, from a number on.
    fn audit_entries(&mut self, company_id: i64, from_no: i64, limit: i64) -> StoreResult<Vec<AuditEntry>>;

    /// The request of an actor, by its name, with a key.
    fn claimed_request(&mut self, actor: &str, key: &str) -> StoreResult<Option<ClaimedRequest>>;
}

/// Writing the audit log.
pub trait AuditWrites {
    /// Says who does what this transaction does, and when, Unix seconds. Without it, acts have an unknown actor and the
    /// time 0.
    fn set_actor(&mut self, actor: Actor, now_s: i64);

    /// Makes the commit of this transaction that of a request of the actor, if it records an act: of several with the same key,
    /// one commits, and the others fail with [`StoreError::Exists`](crate::StoreError::Exists).
    fn claim_request(&mut self, claim: RequestClaim);

    /// Adds an act to the audit log. It is written when the transaction commits, with what it has done.
    fn record_act(&mut self, act: Act);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(entries: i64) -> Vec<AuditEntry> {
        let mut head = ChainHead::empty(3);
        (0..entries)
            .map(|entry_no| {
                let mut entry = AuditEntry {
                    company_id: 3,
                    entry_no,
                    time_s: 7 + entry_no,
                    actor: Actor::new(ActorKind::Shell, "alice", "host"),
                    act: "account.deposit".into(),
                    before: String::new(),
                    after: format!("{{\"Amount\":\"{entry_no}\"}}"),
                    reason: String::new(),
                    hash: [0; 32],
                };
                entry.hash = entry.expected_hash(&head.hash);
                head = ChainHead { company_id: 3, entries: entry_no + 1, hash: entry.hash };
                entry
            })
            .collect()
    }

    fn head_of(entries: &[AuditEntry]) -> ChainHead {
        let last = &entries[entries.len() - 1];
        ChainHead { company_id: 3, entries: last.entry_no + 1, hash: last.hash }
    }

    fn found(entries: &[AuditEntry], head: ChainHead, remembered: Option<ChainHead>) -> Vec<String> {
        let mut check = ChainCheck::new(3);
        if let Some(remembered) = remembered {
            check = check.expecting(remembered);
        }
        let mut found: Vec<String> = entries.iter().filter_map(|entry| check.next(entry)).collect();
        found.extend(check.end(Some(head)));
        found
    }

    #[test]
    fn what_was_done_to_a_chain_is_named() {
        let whole = chain(5);
        let head = head_of(&whole);
        assert_eq!(found(&whole, head, Some(head)), Vec::<String>::new());
        let changed = |change: &dyn Fn(&mut Vec<AuditEntry>)| {
            let mut entries = whole.clone();
            change(&mut entries);
            entries
        };
        let not_written = |no: i64, or: &str| {
            format!(
                "company 3: audit entry {no} (account.deposit) is not what was written: it was changed{or}"
            )
        };
        let cases: [(Vec<AuditEntry>, Vec<String>); 9] = [
            (changed(&|all| all[2].after = "{}".into()), vec![not_written(2, ", or the hash of entry 1")]),
            (changed(&|all| all[0].actor.name = "bob".into()), vec![not_written(0, "")]),
            (changed(&|all| all[3].time_s += 1), vec![not_written(3, ", or the hash of entry 2")]),
            (changed(&|all| all[2].hash[0] ^= 1), vec![
                not_written(2, ", or the hash of entry 1"),
                not_written(3, ", or the hash of entry 2"),
            ]),
            (changed(&|all| drop(all.remove(2))), vec!["company 3: audit entry 2 is missing".into()]),
            (changed(&|all| drop(all.drain(1..3))), vec!["company 3: audit entries 1 to 2 are missing".into()]),
            (changed(&|all| all.truncate(3)), vec![
                "company 3: audit entries 3 to 4 are missing, at the end of its chain".into(),
            ]),
            (chain(7), vec![
                "company 3: audit entries 5 to 6 were inserted: its chain ends before them".into(),
            ]),
            (
                changed(&|all| {
                    all[4].reason = "other".into();
                    all[4].hash = all[4].expected_hash(&all[3].hash);
                }),
                vec!["company 3: audit entry 4 is not the one that the chain ends with: it was changed together \
                      with its hash".into()],
            ),
        ];
        for (entries, expected) in cases {
            assert_eq!(found(&entries, head, None), expected);
        }
    }

    #[test]
    fn a_chain_that_was_cut_or_written_again_is_not_the_remembered_one() {
        let whole = chain(5);
        let head = head_of(&whole);
        // The head was cut as well.
        let cut = &whole[..3];
        assert_eq!(
            found(cut, head_of(cut), Some(head)),
            [
                "company 3: audit entries 3 to 4 are missing, at the end of its chain; they are remembered outside the \
             database"
            ]
        );
        // Every hash was computed again.
        let mut again = whole.clone();
        again[1].after = "{}".into();
        let mut previous = again[0].hash;
        for entry in &mut again[1..] {
            entry.hash = entry.expected_hash(&previous);
            previous = entry.hash;
        }
        assert_eq!(found(&again, head_of(&again), None), Vec::<String>::new(), "nothing else can tell");
        let told = found(&again, head_of(&again), Some(head));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("audit entry 4 (account.deposit) is not the one that is remembered"),
            "{told:?}"
        );
        // It may have grown since.
        let longer = chain(7);
        assert_eq!(found(&longer, head_of(&longer), Some(head)), Vec::<String>::new());
    }

    #[test]
    fn every_part_of_an_entry_is_in_its_hash() {
        let entry = chain(1).remove(0);
        let hash = entry.expected_hash(&[0; 32]);
        let changes: [&dyn Fn(&mut AuditEntry); 10] = [
            &|entry| entry.company_id += 1,
            &|entry| entry.entry_no += 1,
            &|entry| entry.time_s += 1,
            &|entry| entry.actor.kind = ActorKind::User,
            &|entry| entry.actor.name.push('x'),
            &|entry| entry.actor.origin.push('x'),
            &|entry| entry.act.push('x'),
            &|entry| entry.before.push('x'),
            &|entry| entry.after.push('x'),
            &|entry| entry.reason.push('x'),
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut other = entry.clone();
            change(&mut other);
            assert_ne!(other.expected_hash(&[0; 32]), hash, "{place}");
        }
        assert_ne!(entry.expected_hash(&[1; 32]), hash);
        for kind in ActorKind::ALL {
            assert_eq!(ActorKind::from_number(kind.number()), Some(kind));
            assert_eq!(ActorKind::from_name(kind.name()), Some(kind));
        }
    }
}
