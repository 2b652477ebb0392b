//! The XML parts of a workbook other than rows (ECMA-376 part 1 for the sheets, part 2 for the package).

use crate::calendar::Civil;
use crate::column::Layout;
use crate::escape::{push_attribute, push_content};
use crate::properties::Properties;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// A sheet as the parts at the end of the file list it.
#[derive(Debug)]
pub(crate) struct SheetEntry {
    pub(crate) name: String,
    /// Rows, the header included.
    pub(crate) rows: u32,
    pub(crate) columns: usize,
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

/// The styles (ECMA-376 part 1, 18.8): `cellXfs` in the order of [`Style`](crate::cell::Style). Decimals show two to
/// twelve places; a number cell has at most fifteen digits.
pub(crate) fn styles() -> String {
    format!(
        "{DECLARATION}<styleSheet xmlns=\"{MAIN}\">\
         <numFmts count=\"2\"><numFmt numFmtId=\"164\" formatCode=\"#,##0.00##########\"/>\
         <numFmt numFmtId=\"165\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts>\
         <fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font>\
         <font><b/><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
         <fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"6\">\
         <xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
         <xf numFmtId=\"49\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\" applyFont=\"1\"/>\
         <xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"1\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"165\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         </cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>\
         </styleSheet>"
    )
}

/// A sheet up to and including its header row, which is frozen (18.3.1.99 `worksheet`).
pub(crate) fn sheet_start(layout: &Layout, first: bool) -> Vec<u8> {
    let selected = if first { " tabSelected=\"1\"" } else { "" };
    let mut xml = format!(
        "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView{selected} workbookViewId=\"0\">\
         <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
         <selection pane=\"bottomLeft\" activeCell=\"A2\" sqref=\"A2\"/></sheetView></sheetViews>\
         <sheetFormatPr defaultRowHeight=\"15\"/><cols>"
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

/// A sheet after its last row: the filter, and the suppression of warnings about digits stored as text, such as order
/// numbers.
pub(crate) fn sheet_end(columns: usize, rows: u32) -> String {
    let last = column_letters(columns);
    format!(
        "</sheetData><autoFilter ref=\"A1:{last}{rows}\"/>\
         <ignoredErrors><ignoredError sqref=\"A1:{last}{rows}\" numberStoredAsText=\"1\"/></ignoredErrors></worksheet>"
    )
}

/// The list of sheets (18.2.27 `workbook`), each with the hidden name that marks its filter.
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
    xml.extend_from_slice(b"</sheets><definedNames>");
    for (index, sheet) in sheets.iter().enumerate() {
        xml.extend_from_slice(
            format!("<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{index}\" hidden=\"1\">'")
                .as_bytes(),
        );
        push_content(&mut xml, &sheet.name.replace('\'', "''"));
        let last = column_letters(sheet.columns);
        xml.extend_from_slice(format!("'!$A$1:${last}${}</definedName>", sheet.rows).as_bytes());
    }
    xml.extend_from_slice(b"</definedNames></workbook>");
    xml
}

/// The parts that the workbook part refers to: sheets by number, then the styles.
pub(crate) fn workbook_relations(sheets: usize) -> String {
    let mut xml = format!("{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">");
    for number in 1..=sheets {
        let relation = format!(
            "<Relationship Id=\"rId{number}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
        );
        xml += &relation;
    }
    let styles = format!(
        "<Relationship Id=\"rId{}\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/></Relationships>",
        sheets + 1
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

/// The letters of a column's number, which begins at 1: A to Z, AA to ZZ, AAA to XFD.
fn column_letters(mut number: usize) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        let digit = (number - 1) % 26;
        letters.extend(('A'..='Z').nth(digit));
        number = (number - 1) / 26;
    }
    letters.iter().rev().collect()
}

fn content(text: &str) -> String {
    let mut out = Vec::new();
    push_content(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        for (number, expected) in
            [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16_384, "XFD")]
        {
            assert_eq!(column_letters(number), expected);
        }
    }
}
