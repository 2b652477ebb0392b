//! Usage as gateways and instrumentations write it: OTLP, LiteLLM's callback, OpenMeter's events. A mapping or a reader
//! makes records of them, the rules of owners say whom they belong to (docs/GATEWAYS.md).

use std::borrow::Cow;
use std::collections::BTreeMap;

use tollbook_domain::{OwnerMap, Usage};
use tollbook_formats::usage::openmeter::MeterEvent;
use tollbook_formats::usage::otlp::{Encoding, ExportError, ExportLimits, Selection, Signal, read_export};
use tollbook_formats::usage::{BatchError, Mapped, Mapping, RefusedEvent, litellm, openmeter};
use tollbook_store::{Store, StoreError};

use crate::config::ChargingConfig;
use crate::tenancy::owners::Owners;

/// Attributes and other parts of an OTLP request for each record that it may have.
const MESSAGES_OF_RECORD: usize = 64;
/// Reasons of one name that are counted apart.
const MAX_NAMES: usize = 100;

/// Reads what other programs report.
pub struct GatewayRecords {
    otlp: Mapping,
    litellm: Mapping,
    owners: Owners,
}

/// What became of each record of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRecords {
    /// Records to be stored, and refused ones, in the order of the request.
    pub records: Vec<Result<Usage, RefusedEvent>>,
    /// What is neither, by name: it says nothing about usage that is charged.
    pub passed_over: BTreeMap<String, usize>,
}

/// Why a request is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what it says it is.
    #[error("{0}")]
    Malformed(String),
    /// It has too many records.
    #[error("{0}")]
    TooMany(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BatchError> for ReadError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::TooMany { max } => Self::TooMany(format!("the body has more than {max} records")),
            BatchError::NotJson(_) | BatchError::NotArray => Self::Malformed(format!("the body: {error}")),
        }
    }
}

impl From<ExportError> for ReadError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::TooMany(_) => Self::TooMany(error.to_string()),
            ExportError::Malformed(_) => Self::Malformed(error.to_string()),
        }
    }
}

/// A name by which an owner is looked up: its kind and text.
type Name = (Cow<'static, str>, String);

impl GatewayRecords {
    /// Reads with the built-in mappings. The error names a mapping that is not there.
    pub fn new() -> Result<Self, String> {
        let mapping = |name: &str| {
            // Replaced by those of the owner.
            let unknown = [("company_id", "0"), ("organization_id", "0"), ("resource_id", "-")];
            let mapping = Mapping::built_in(name).ok_or_else(|| format!("there is no mapping {name}"))?;
            mapping.with_constants(&unknown)
        };
        Ok(Self { otlp: mapping("otel-genai")?, litellm: mapping("litellm")?, owners: Owners::default() })
    }

    /// Reads a request of OTLP/HTTP.
    pub fn otlp(
        &self,
        store: &dyn Store,
        config: &ChargingConfig,
        body: &[u8],
        signal: Signal,
        encoding: Encoding,
    ) -> Result<ReadRecords, ReadError> {
        let owners = self.owners.current(store.snapshot()?.as_mut())?;
        let limits =
            ExportLimits { records: config.telemetry_records, messages_of_record: MESSAGES_OF_RECORD };
        let selection = Selection {
            services: config.otlp_services.clone(),
            scopes: config.otlp_scopes.clone(),
            owner_attributes: owners.attributes("otlp"),
        };
        let export = read_export(body, signal, encoding, limits, &selection)?;
        let mut read = ReadRecords::default();
        for reason in export.refused {
            read.refuse(String::new(), "otel", reason);
        }
        for call in export.calls {
            read.add(&self.otlp, &owners, "otlp", "otel", call.id, &call.json, call.names);
        }
        for (name, number) in export.passed_over.by_name() {
            read.pass_over(name, number);
        }
        Ok(read)
    }

    /// Reads a body of LiteLLM's `generic_api` callback.
    pub fn litellm(
        &self,
        store: &dyn Store,
        config: &ChargingConfig,
        body: &[u8],
    ) -> Result<ReadRecords, ReadError> {
        let owners = self.owners.current(store.snapshot()?.as_mut())?;
        let mut read = ReadRecords::default();
        for payload in litellm::payloads(utf8(body)?, config.telemetry_records)? {
            let names = litellm::names(payload).into_iter().map(|(kind, text)| (Cow::Borrowed(kind), text));
            let id = litellm::id(payload);
            read.add(&self.litellm, &owners, "litellm", "litellm", id, payload, names.collect());
        }
        Ok(read)
    }

    /// Reads a body of OpenMeter's ingest.
    pub fn openmeter(
        &self,
        store: &dyn Store,
        config: &ChargingConfig,
        body: &[u8],
        now_s: i64,
    ) -> Result<ReadRecords, ReadError> {
        let owners = self.owners.current(store.snapshot()?.as_mut())?;
        let mut read = ReadRecords::default();
        for event in openmeter::read_events(utf8(body)?, config.telemetry_records, now_s)? {
            match event {
                Ok(MeterEvent::Usage { usage, subject }) => {
                    let names = [(Cow::Borrowed("subject"), subject)];
                    read.own(&owners, "openmeter", *usage, &names);
                }
                Ok(MeterEvent::NoTokens(kind)) => {
                    read.pass_over(&format!("no tokens: {kind}"), 1);
                }
                Err(refused) => read.records.push(Err(refused)),
            }
        }
        Ok(read)
    }
}

fn utf8(body: &[u8]) -> Result<&str, ReadError> {
    std::str::from_utf8(body).map_err(|_| ReadError::Malformed("the body: is not valid UTF-8".to_owned()))
}

impl ReadRecords {
    #[expect(clippy::too_many_arguments, reason = "what is read, by what, and what it is called")]
    fn add(
        &mut self,
        mapping: &Mapping,
        owners: &OwnerMap,
        owner_source: &str,
        source: &str,
        id: String,
        json: &str,
        names: Vec<Name>,
    ) {
        for mapped in mapping.map_json(json, 1) {
            match mapped {
                Mapped::Usage { usage, .. } => self.own(owners, owner_source, *usage, &names),
                Mapped::Skipped(rule) => self.pass_over(&rule, 1),
                Mapped::Refused(reason) => self.refuse(id.clone(), source, reason),
            }
        }
    }

    /// Adds a record with its owner, or refuses it if it has none.
    fn own(&mut self, owners: &OwnerMap, owner_source: &str, mut usage: Usage, names: &[Name]) {
        let by: Vec<(&str, &str)> = names.iter().map(|(kind, text)| (kind.as_ref(), text.as_str())).collect();
        let Some(owner) = owners.owner(owner_source, &by) else {
            let known: Vec<String> = by.iter().map(|(kind, text)| format!("{kind} {text:?}")).collect();
            let known = if known.is_empty() { "a record without names".to_owned() } else { known.join(", ") };
            let reason = format!("company_id: no rule of {owner_source} says whom {known} belongs to");
            return self.refuse(usage.id, &usage.source, reason);
        };
        usage.company_id = owner.company_id;
        usage.organization_id = owner.organization_id;
        usage.resource_id = owner.resource_id;
        if !owner.resource_name.is_empty() {
            usage.resource_name = owner.resource_name;
        }
        self.records.push(Ok(usage));
    }

    fn refuse(&mut self, id: String, source: &str, reason: String) {
        self.records.push(Err(RefusedEvent { id: Some(id), source: Some(source.to_owned()), reason }));
    }

    fn pass_over(&mut self, name: &str, number: usize) {
        if number == 0 {
            return;
        }
        let is_known = self.passed_over.contains_key(name) || self.passed_over.len() < MAX_NAMES;
        *self.passed_over.entry(if is_known { name } else { "others" }.to_owned()).or_default() += number;
    }
}
