//! Exports: rows of one snapshot into a workbook in the spool, then into the object store, then a link.
//!
//! No export holds its rows, and no snapshot is held while bytes leave the machine.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tollbook_domain::catalogue::Kind as Name;
use tollbook_domain::time::{DAY_S, civil_of_day};
use tollbook_domain::{OrderQuery, TimeRange};
use tollbook_objects::{KeyError, ObjectKey, ObjectKeys, ObjectStore, PutOptions, SpoolFile};
use tollbook_store::{LineNo, Snapshot, StoreError};
use tollbook_workbook::{Column, Fragment, Kind as ColumnKind, Properties, RowWriter, Workbook};

use crate::fields::{
    Cell, Field, Kind, ORDER_ITEM_DETAIL, OrderField, OrderRow, PAID_SUMMARY_ITEM, SummaryField,
    UNPAID_ORDER_ITEM, UNPAID_SUMMARY_ITEM,
};
use crate::presentation::{Presentation, summary};
use crate::secrets::MasterKey;
use crate::time_zone::Offsets;

/// Lines whose ready-made cells are kept at a time, some 400 bytes each beside the cells themselves.
const CACHED_LINES: usize = 32_768;

/// What to export.
#[derive(Clone, Debug)]
pub enum Document {
    /// Every matching order with the columns of the paid list.
    PaidOrders(OrderQuery),
    /// Every matching order with the columns of the unpaid list.
    UnpaidOrders(OrderQuery),
    /// Both summaries, a sheet each.
    Summary(Box<SummaryQueries>),
}

/// What the two sheets of the summary workbook ask for.
#[derive(Clone, Debug)]
pub struct SummaryQueries {
    /// Of the first sheet.
    pub paid: OrderQuery,
    /// Of the second sheet.
    pub unpaid: OrderQuery,
}

/// How the link to a finished export is made.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where customers reach this deployment, without a slash at the end.
    pub base_url: String,
    /// 128 random bits that make the object's name impossible to guess.
    pub random: u128,
    /// Now, Unix seconds.
    pub now_s: i64,
    /// How long the link works.
    pub lifetime_s: i64,
}

/// A finished export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadFile {
    /// Presigned.
    pub url: String,
    /// What the file says it is.
    pub file_name: String,
    /// In bytes, exact.
    pub file_size: u64,
}

/// Why there is no export. Nothing of a failed one is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the orders failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing the workbook failed; a full disk is an I/O error in here.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] tollbook_workbook::Error),
    /// Storing the file failed.
    #[error("the export cannot be stored: {0}")]
    Objects(#[from] tollbook_objects::StoreError),
    /// The object's name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The key pair that links are signed with: the deployment's own, the same on every server that has the master key,
/// and never a customer's.
pub fn object_keys(master: &MasterKey) -> ObjectKeys {
    let [public, private] = ["object public key", "object private key"].map(|purpose| master.derive(purpose));
    ObjectKeys::new(format!("TOKEN_{}", hex::encode(&public[..16])), hex::encode(private))
}

/// Makes the workbook, stores it and signs its link. Takes the snapshot, to end it before the file is stored.
pub fn export(
    mut snapshot: Box<dyn Snapshot>,
    document: &Document,
    presentation: &Presentation,
    objects: &dyn ObjectStore,
    link: &Link,
) -> Result<DownloadFile, ExportError> {
    let file_name = file_name(document, presentation);
    let key = ObjectKey::export(presentation.company_id, link.random, &file_name)?;
    let properties =
        Properties { title: file_name.clone(), creator: "Tollbook".into(), created_unix_s: link.now_s };
    let mut workbook = Workbook::new(objects.spool()?, &properties)?;
    write_sheets(snapshot.as_mut(), document, presentation, &mut workbook)?;
    let (spool, summary) = workbook.finish()?;
    drop(snapshot);
    let stored = objects.put(&key, spool, &PutOptions::named(&file_name), &|| false)?;
    debug_assert_eq!(stored.len, summary.bytes);
    let expires_s = link.now_s.saturating_add(link.lifetime_s);
    let url = objects.presign_get(&link.base_url, &key, &file_name, expires_s)?;
    Ok(DownloadFile { url, file_name, file_size: stored.len })
}

fn write_sheets(
    snapshot: &mut dyn Snapshot,
    document: &Document,
    presentation: &Presentation,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    match document {
        Document::PaidOrders(query) => {
            write_orders(snapshot, query, "paid", ORDER_ITEM_DETAIL, presentation, workbook)
        }
        Document::UnpaidOrders(query) => {
            write_orders(snapshot, query, "unpaid", UNPAID_ORDER_ITEM, presentation, workbook)
        }
        Document::Summary(queries) => {
            let SummaryQueries { paid, unpaid } = queries.as_ref();
            write_summary(snapshot, paid, "paid", PAID_SUMMARY_ITEM, presentation, workbook)?;
            write_summary(snapshot, unpaid, "unpaid", UNPAID_SUMMARY_ITEM, presentation, workbook)
        }
    }
}

fn write_orders(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    sheet: &str,
    fields: &[OrderField],
    presentation: &Presentation,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    let name = presentation.catalogue.text(Name::Sheet, sheet, presentation.language);
    let mut sheet = workbook.sheet(&name, &columns(fields, presentation))?;
    let mut views = presentation.lines(snapshot.lines(query.company_id)?);
    let mut offsets = presentation.zone.offsets();
    let mut ready = ReadyCells::new(fields);
    // The scan's error type is the store's: the workbook's own error waits here.
    let mut failed = None;
    let scanned = snapshot.scan(query, &mut |stored| {
        let written = views.show(stored, |row| {
            let cells = ready.of(stored.line_no, row);
            sheet.row(|writer| {
                for (field, cell) in fields.iter().zip(cells) {
                    match cell {
                        Some(fragment) => writer.fragment(fragment),
                        None => write_cell(writer, field.kind, (field.value)(row), &mut offsets),
                    }
                }
            })
        });
        match written {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                failed = Some(error);
                Err(StoreError::Stopped("the workbook cannot be written".into()))
            }
            None => Err(StoreError::Damaged(format!("order {} has no line", stored.order.number))),
        }
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(scanned?),
    }
}

/// The cells that all orders of a line share, made once. Lines are combinations of few values: a cell is made once per
/// value of its field, and lines point to it.
struct ReadyCells<'f> {
    fields: &'f [OrderField],
    /// By field and value.
    values: HashMap<(&'static str, Value), Arc<Fragment>>,
    /// By line; one entry per field, `None` for those that differ from order to order.
    lines: HashMap<LineNo, Vec<Option<Arc<Fragment>>>>,
}

/// A cell's value as a key.
#[derive(PartialEq, Eq, Hash)]
enum Value {
    Text(String),
    Integer(i128),
    Decimal(i128, u32),
}

impl Value {
    fn of(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(Self::Text(text.to_owned())),
            Cell::Made(text) => Some(Self::Text(text)),
            Cell::Integer(number) => Some(Self::Integer(number)),
            Cell::Decimal { mantissa, places } => Some(Self::Decimal(mantissa, places)),
            Cell::Time(_) => None,
        }
    }

    /// The ready-made cell. A text too long for a cell has none; written as an ordinary cell it is refused with its
    /// column.
    fn fragment(&self) -> Option<Fragment> {
        match self {
            Self::Text(text) => Fragment::text(text).ok(),
            Self::Integer(number) => Some(Fragment::integer(*number)),
            Self::Decimal(mantissa, places) => Some(Fragment::decimal(*mantissa, scale_of(*places))),
        }
    }
}

impl<'f> ReadyCells<'f> {
    fn new(fields: &'f [OrderField]) -> Self {
        Self { fields, values: HashMap::new(), lines: HashMap::new() }
    }

    fn of(&mut self, line_no: LineNo, row: &OrderRow<'_>) -> &[Option<Arc<Fragment>>] {
        if self.lines.len() >= CACHED_LINES && !self.lines.contains_key(&line_no) {
            self.lines.clear();
            self.values.clear();
        }
        let values = &mut self.values;
        self.lines
            .entry(line_no)
            .or_insert_with(|| self.fields.iter().map(|field| shared_cell(field, row, values)).collect())
    }
}

/// The ready-made cell of a field, unless the field differs from order to order.
fn shared_cell(
    field: &OrderField,
    row: &OrderRow<'_>,
    values: &mut HashMap<(&'static str, Value), Arc<Fragment>>,
) -> Option<Arc<Fragment>> {
    if !field.of_line {
        return None;
    }
    let value = Value::of((field.value)(row))?;
    match values.entry((field.name, value)) {
        Entry::Occupied(entry) => Some(Arc::clone(entry.get())),
        Entry::Vacant(entry) => {
            let fragment = entry.key().1.fragment()?;
            Some(Arc::clone(entry.insert(Arc::new(fragment))))
        }
    }
}

fn write_summary(
    snapshot: &mut dyn Snapshot,
    query: &OrderQuery,
    sheet: &str,
    fields: &[SummaryField],
    presentation: &Presentation,
    workbook: &mut Workbook<SpoolFile>,
) -> Result<(), ExportError> {
    let name = presentation.catalogue.text(Name::Sheet, sheet, presentation.language);
    let mut sheet = workbook.sheet(&name, &columns(fields, presentation))?;
    let mut offsets = presentation.zone.offsets();
    for row in summary(snapshot, query)? {
        presentation.show_summary(&row, |view| {
            sheet.row(|writer| {
                for field in fields {
                    write_cell(writer, field.kind, (field.value)(view), &mut offsets);
                }
            })
        })?;
    }
    Ok(())
}

fn scale_of(places: u32) -> u8 {
    u8::try_from(places).expect("money has a few places")
}

fn write_cell(writer: &mut RowWriter<'_>, kind: Kind, cell: Cell<'_>, offsets: &mut Offsets<'_>) {
    match cell {
        Cell::Text(text) => writer.text(text),
        Cell::Made(text) => writer.text(&text),
        Cell::Integer(number) => writer.integer(number),
        Cell::Decimal { mantissa, places } => writer.decimal(mantissa, scale_of(places)),
        Cell::Time(Some(unix_s)) => {
            debug_assert!(matches!(kind, Kind::Time | Kind::TextTime));
            writer.date_time(unix_s, offsets.offset_s(unix_s));
        }
        Cell::Time(None) => writer.empty(),
    }
}

fn columns<F>(fields: &[Field<F>], presentation: &Presentation) -> Vec<Column> {
    fields
        .iter()
        .map(|field| {
            let header = presentation.catalogue.text(Name::Column, field.name, presentation.language);
            match field.kind {
                Kind::Text => Column::new(header, 22, ColumnKind::Text),
                Kind::Integer => Column::new(header, 14, ColumnKind::Integer),
                Kind::Decimal => Column::new(header, 16, ColumnKind::Decimal),
                // The zone stands in the header because a cell cannot say it.
                Kind::Time | Kind::TextTime => {
                    let header = format!("{header} ({})", presentation.zone.name());
                    Column::new(header, 26, ColumnKind::DateTime)
                }
            }
        })
        .collect()
}

fn file_name(document: &Document, presentation: &Presentation) -> String {
    let (kind, range) = match document {
        Document::PaidOrders(query) => ("paid-orders", query.range),
        Document::UnpaidOrders(query) => ("unpaid-orders", query.range),
        Document::Summary(queries) => ("order-summary", queries.paid.range),
    };
    let (from, to) = range_names(range, presentation);
    format!("{kind}_{from}_{to}.xlsx")
}

/// First and last day of a range of whole days in the brand's time zone, else the times themselves.
fn range_names(range: TimeRange, presentation: &Presentation) -> (String, String) {
    let local = |unix_s: i64| unix_s.saturating_add(i64::from(presentation.zone.offset_s(unix_s)));
    let (start_s, end_s) = (local(range.start_s()), local(range.end_s()));
    let day = |local_s: i64| {
        let (year, month, day) = civil_of_day(local_s.div_euclid(DAY_S));
        format!("{year:04}-{month:02}-{day:02}")
    };
    if start_s.rem_euclid(DAY_S) == 0 && end_s.rem_euclid(DAY_S) == 0 {
        return (day(start_s), day(end_s - 1));
    }
    let time = |local_s: i64| {
        let second = local_s.rem_euclid(DAY_S);
        format!("{}T{:02}{:02}{:02}", day(local_s), second / 3_600, second % 3_600 / 60, second % 60)
    };
    (time(start_s), time(end_s))
}
