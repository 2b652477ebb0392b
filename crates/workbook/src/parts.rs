//! The XML parts of a workbook other than rows (ECMA-376 part 1 for the sheets, part 2 for the package).

use std::sync::Arc;

use crate::calendar::Civil;
use crate::column::{ColumnKind, Layout};
use crate::escape::{push_attribute, push_content};
use crate::properties::Properties;
use crate::reference::column_letters;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// A sheet as the workbook lists it.
#[derive(Debug)]
pub(crate) struct SheetEntry {
    pub(crate) name: String,
    /// Rows, the header included.
    pub(crate) rows: u32,
    pub(crate) layout: Arc<Layout>,
}

impl PartialEq for SheetEntry {
    /// Whether the workbook lists both alike; only filters need the number of rows.
    fn eq(&self, other: &Self) -> bool {
        let options = &self.layout.options;
        self.name == other.name
            && (!options.has_filter || !options.is_table || self.rows == other.rows)
            && (options, &self.layout.columns) == (&other.layout.options, &other.layout.columns)
    }
}

/// The name of a sheet's part. Numbers begin at 1.
pub(crate) fn sheet_part(number: usize) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

/// The root relationships, where readers begin. Parts are identified by type, so ids only need to differ.
pub(crate) fn root_relations() -> String {
    format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"{PACKAGE}/relationships/metadata/core-properties\" Target=\"docProps/core.xml\"/>\
         <Relationship Id=\"rId3\" Type=\"{RELATIONS}/extended-properties\" Target=\"docProps/app.xml\"/>\
         </Relationships>"
    )
}

/// The core properties (ECMA-376 part 2, 11).
pub(crate) fn core_properties(properties: &Properties) -> String {
    let created = Civil::of(properties.created_unix_s).w3cdtf();
    format!(
        "{DECLARATION}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <dc:title>{}</dc:title><dc:creator>{}</dc:creator>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:created>\
         <dcterms:modified xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:modified></cp:coreProperties>",
        content(&properties.title),
        content(&properties.creator),
    )
}

/// The extended properties (ECMA-376 part 1, 22.2): the application.
pub(crate) fn extended_properties(properties: &Properties) -> String {
    format!(
        "{DECLARATION}<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\">\
         <Application>{}</Application></Properties>",
        content(&properties.creator),
    )
}

/// Width of the columns, in characters, on one printed page.
const PAGE_WIDTH: u32 = 260;

/// The colour of a number that is a text.
const DARK_RED: &str = "<color rgb=\"FF9C0006\"/>";

/// The styles (ECMA-376 part 1, 18.8): `cellXfs` in the order of [`Style`](crate::cell::Style). Decimals show two to
/// twelve places; a number cell has at most fifteen digits. Headers wrap, so that columns can be narrow.
pub(crate) fn styles() -> String {
    // Number format, font, border, and what is aligned.
    let formats = [
        (0, 0, 0, ""),
        (49, 1, 0, "<alignment horizontal=\"left\" vertical=\"center\" wrapText=\"1\" indent=\"1\"/>"),
        (49, 0, 0, "<alignment horizontal=\"left\" indent=\"1\"/>"),
        (1, 0, 0, ""),
        (164, 0, 0, ""),
        (165, 0, 0, ""),
        (49, 3, 0, "<alignment horizontal=\"right\"/>"),
        (3, 0, 0, ""),
        (49, 2, 0, "<alignment horizontal=\"left\" indent=\"1\"/>"),
        (49, 1, 1, "<alignment horizontal=\"left\" indent=\"1\"/>"),
        (3, 1, 1, ""),
        (164, 1, 1, ""),
        (49, 1, 0, "<alignment horizontal=\"right\"/>"),
    ];
    let mut cell_formats = String::new();
    for (number_format, font, border, alignment) in formats {
        let aligned = if alignment.is_empty() {
            "/>".to_owned()
        } else {
            format!(" applyAlignment=\"1\">{alignment}</xf>")
        };
        let format = format!(
            "<xf numFmtId=\"{number_format}\" fontId=\"{font}\" fillId=\"0\" borderId=\"{border}\" xfId=\"0\" \
             applyNumberFormat=\"1\" applyFont=\"1\" applyBorder=\"1\"{aligned}"
        );
        cell_formats += &format;
    }
    let fonts: String = [("", 11, ""), ("<b/>", 11, ""), ("<b/>", 16, ""), ("", 11, DARK_RED)]
        .map(|(weight, size, color)| {
            format!(
                "<font>{weight}<sz val=\"{size}\"/>{color}<name val=\"Calibri\"/><family val=\"2\"/></font>"
            )
        })
        .concat();
    format!(
        "{DECLARATION}<styleSheet xmlns=\"{MAIN}\">\
         <numFmts count=\"2\"><numFmt numFmtId=\"164\" formatCode=\"#,##0.00##########\"/>\
         <numFmt numFmtId=\"165\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts>\
         <fonts count=\"4\">{fonts}</fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
         <fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"2\"><border><left/><right/><top/><bottom/><diagonal/></border>\
         <border><left/><right/><top style=\"thin\"><color auto=\"1\"/></top><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"{}\">{cell_formats}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>\
         </styleSheet>",
        formats.len(),
    )
}

/// The shared strings (18.4.9 `sst`), of which there are none: texts are in their cells.
pub(crate) fn shared_strings() -> String {
    format!("{DECLARATION}<sst xmlns=\"{MAIN}\" count=\"0\" uniqueCount=\"0\"/>")
}

/// A sheet up to and including its header row (18.3.1.99 `worksheet`).
/// `rows` is the number of its rows, the header included, if it is known.
pub(crate) fn sheet_start(layout: &Layout, first: bool, rows: Option<u32>) -> Vec<u8> {
    let last = column_letters(layout.columns.len());
    let dimension = match rows {
        Some(1) if layout.columns.len() == 1 => "<dimension ref=\"A1\"/>".to_owned(),
        Some(rows) => format!("<dimension ref=\"A1:{last}{rows}\"/>"),
        None => String::new(),
    };
    let selected = if first { " tabSelected=\"1\"" } else { "" };
    let view = if layout.options.is_table {
        format!(
            "<sheetView{selected} workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             <selection pane=\"bottomLeft\" activeCell=\"A2\" sqref=\"A2\"/></sheetView>"
        )
    } else {
        format!("<sheetView showGridLines=\"0\"{selected} workbookViewId=\"0\"/>")
    };
    let mut xml = format!(
        "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr>{dimension}\
         <sheetViews>{view}</sheetViews><sheetFormatPr defaultRowHeight=\"15\"/><cols>"
    );
    for (number, column) in (1..).zip(&layout.columns) {
        let (width, style) = (column.width, column.kind.style().index());
        let col = format!(
            "<col min=\"{number}\" max=\"{number}\" width=\"{width}\" style=\"{style}\" customWidth=\"1\"/>"
        );
        xml += &col;
    }
    xml += "</cols><sheetData>";
    let mut xml = xml.into_bytes();
    xml.extend_from_slice(&layout.header_row);
    xml
}

/// A sheet after its last row: the filter, the printed page, and the suppression of warnings about digits stored as text,
/// such as order numbers. In columns of numbers the warning remains: sums skip such a cell.
pub(crate) fn sheet_end(layout: &Layout, rows: u32) -> Vec<u8> {
    let last = column_letters(layout.columns.len());
    let mut xml = b"</sheetData>".to_vec();
    if layout.options.is_table && layout.options.has_filter {
        xml.extend_from_slice(format!("<autoFilter ref=\"A1:{last}{rows}\"/>").as_bytes());
    }
    // About as many characters as a page in landscape shows at half the size.
    let width: u32 = layout.columns.iter().map(|column| u32::from(column.width)).sum();
    let pages = width.div_ceil(PAGE_WIDTH).max(1);
    let orientation = if layout.columns.len() > 6 { "landscape" } else { "portrait" };
    xml.extend_from_slice(
        format!(
            "<pageMargins left=\"0.4\" right=\"0.4\" top=\"0.8\" bottom=\"0.6\" header=\"0.3\" footer=\"0.3\"/>\
             <pageSetup paperSize=\"9\" orientation=\"{orientation}\" fitToWidth=\"{pages}\" \
             fitToHeight=\"0\"/><headerFooter><oddHeader>"
        )
        .as_bytes(),
    );
    // The size follows the section's code directly; a text that begins with a digit would be a part of it.
    push_content(&mut xml, &format!("&L&\"-,Bold\"&12 {}", page_text(&layout.options.page_title)));
    push_content(&mut xml, &format!("&R&10 {}", page_text(&layout.options.page_note)));
    xml.extend_from_slice(b"</oddHeader><oddFooter>");
    push_content(&mut xml, "&L&8 &A&R&8 &P / &N");
    xml.extend_from_slice(b"</oddFooter></headerFooter>");
    let ranges: Vec<String> = (1..)
        .zip(&layout.columns)
        .filter(|(_, column)| column.kind == ColumnKind::Text || !layout.options.is_table)
        .map(|(number, _)| {
            let letters = column_letters(number);
            format!("{letters}1:{letters}{rows}")
        })
        .collect();
    if !ranges.is_empty() {
        let ranges = ranges.join(" ");
        xml.extend_from_slice(
            format!(
                "<ignoredErrors><ignoredError sqref=\"{ranges}\" numberStoredAsText=\"1\"/></ignoredErrors>"
            )
            .as_bytes(),
        );
    }
    xml.extend_from_slice(b"</worksheet>");
    xml
}

/// A text in the header of a printed page: an ampersand is doubled, because it begins a code. A header has at most 255
/// characters (Excel specifications and limits), codes included.
fn page_text(text: &str) -> String {
    let text: String = text.chars().take(90).map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('&', "&&")
}

/// The list of sheets (18.2.27 `workbook`), each table with the hidden name that marks its filter and the name of the rows
/// that printed pages repeat.
pub(crate) fn workbook(sheets: &[SheetEntry]) -> Vec<u8> {
    let mut xml = format!(
        "{DECLARATION}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><bookViews><workbookView/></bookViews><sheets>"
    )
    .into_bytes();
    for (number, sheet) in (1..).zip(sheets) {
        xml.extend_from_slice(b"<sheet name=\"");
        push_attribute(&mut xml, &sheet.name);
        xml.extend_from_slice(format!("\" sheetId=\"{number}\" r:id=\"rId{number}\"/>").as_bytes());
    }
    xml.extend_from_slice(b"</sheets>");
    let tables: Vec<_> =
        sheets.iter().enumerate().filter(|(_, sheet)| sheet.layout.options.is_table).collect();
    if !tables.is_empty() {
        xml.extend_from_slice(b"<definedNames>");
        for &(index, sheet) in tables.iter().filter(|(_, sheet)| sheet.layout.options.has_filter) {
            let last = column_letters(sheet.layout.columns.len());
            let range = format!("$A$1:${last}${}", sheet.rows);
            push_name(&mut xml, "_xlnm._FilterDatabase", index, " hidden=\"1\"", &sheet.name, &range);
        }
        for &(index, sheet) in &tables {
            push_name(&mut xml, "_xlnm.Print_Titles", index, "", &sheet.name, "$1:$1");
        }
        xml.extend_from_slice(b"</definedNames>");
    }
    xml.extend_from_slice(b"</workbook>");
    xml
}

/// Appends a defined name of a range in a sheet (18.2.5).
fn push_name(xml: &mut Vec<u8>, name: &str, index: usize, hidden: &str, sheet: &str, range: &str) {
    xml.extend_from_slice(
        format!("<definedName name=\"{name}\" localSheetId=\"{index}\"{hidden}>'").as_bytes(),
    );
    push_content(xml, &sheet.replace('\'', "''"));
    xml.extend_from_slice(format!("'!{range}</definedName>").as_bytes());
}

/// The parts that the workbook part refers to: sheets by number, then styles and shared strings.
pub(crate) fn workbook_relations(sheets: usize) -> String {
    let mut xml = format!("{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">");
    for number in 1..=sheets {
        let relation = format!(
            "<Relationship Id=\"rId{number}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
        );
        xml += &relation;
    }
    let styles = format!(
        "<Relationship Id=\"rId{}\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>\
         <Relationship Id=\"rId{}\" Type=\"{RELATIONS}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>",
        sheets + 1,
        sheets + 2
    );
    xml + &styles
}

/// The type of every part (ECMA-376 part 2, 10.1.2.2).
pub(crate) fn content_types(sheets: usize) -> String {
    let mut xml = format!(
        "{DECLARATION}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"{SHEET_TYPE}.sheet.main+xml\"/>\
         <Override PartName=\"/xl/sharedStrings.xml\" ContentType=\"{SHEET_TYPE}.sharedStrings+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{SHEET_TYPE}.styles+xml\"/>\
         <Override PartName=\"/docProps/core.xml\" \
         ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
         <Override PartName=\"/docProps/app.xml\" \
         ContentType=\"application/vnd.openxmlformats-officedocument.extended-properties+xml\"/>"
    );
    for number in 1..=sheets {
        let part = format!(
            "<Override PartName=\"/{}\" ContentType=\"{SHEET_TYPE}.worksheet+xml\"/>",
            sheet_part(number)
        );
        xml += &part;
    }
    xml += "</Types>";
    xml
}

fn content(text: &str) -> String {
    let mut out = Vec::new();
    push_content(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}
