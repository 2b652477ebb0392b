//! The orders of a file, one after the other, each checked by itself.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::{AmountRule, Catalogue, NewOrder};

use super::field::FieldName;
use super::record::Record;
use super::{csv, json};
use crate::text::{LineError, RecordFile, RecordFileError, Records, StreamError};

/// Why [`OrderReader`] returns no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// One record is not a valid order; the next record can be read.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The file cannot be read any further. A damaged file is never read as a shorter one.
    #[error(transparent)]
    File(#[from] RecordFileError),
}

/// The orders of a file, each with its first line, and with the rule that its amounts follow ([`NewOrder::stated_rule`]).
/// Each obeys every rule that needs no store ([`NewOrder::check`]), except that deductions are not checked if the amounts
/// follow no rule: which rules are acceptable, the importer decides.
pub struct OrderReader<'a> {
    file: &'a RecordFile,
    catalogue: &'a Catalogue,
    records: Records,
    /// The fields of a CSV file's columns, once its header is read.
    columns: Option<Vec<FieldName>>,
    ended: bool,
}

impl<'a> OrderReader<'a> {
    pub(super) fn new(
        file: &'a RecordFile,
        catalogue: &'a Catalogue,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<Self, RecordFileError> {
        let records = file.records(bytes_read)?;
        Ok(Self { file, catalogue, records, columns: None, ended: false })
    }

    fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        if let Records::Csv(reader) = &mut self.records
            && self.columns.is_none()
        {
            self.columns = Some(csv::header(reader)?);
        }
        self.records.advance()
    }

    fn record(&self) -> Result<Record<'_>, String> {
        match &self.records {
            Records::Csv(reader) => csv::record(reader, self.columns.as_deref().unwrap_or_default()),
            Records::Json(reader) => json::record(reader.text()?),
        }
    }

    /// The order of the record that was read last; the error is the reason why it is not valid.
    fn order(&self) -> Result<NewOrder, String> {
        let mut order = self.record()?.into_order().map_err(|refused| refused.to_string())?;
        order.line.amount_rule = order.stated_rule(self.catalogue);
        let checked = match order.line.amount_rule {
            // If such amounts are not acceptable, the importer has a better reason than their deductions.
            AmountRule::AsBilled => order.check_without_amounts(self.catalogue),
            AmountRule::Exact | AmountRule::CentUp => order.check(self.catalogue),
        };
        checked.map_err(|refused| refused.to_string())?;
        Ok(order)
    }
}

impl Iterator for OrderReader<'_> {
    type Item = Result<(u64, NewOrder), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.advance() {
            Ok(Some(line)) => Some(match self.order() {
                Ok(order) => Ok((line, order)),
                Err(reason) => Err(LineError { file: self.file.name().to_owned(), line, reason }.into()),
            }),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                Some(Err(self.file.error(&self.records, error).into()))
            }
        }
    }
}
