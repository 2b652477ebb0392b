"""Reads with openpyxl what a workbook says of itself and how its sheets are laid out.

    layout.py FILE.xlsx

One JSON object on standard output: "Title", "Creator", "Created" and "Modified" of the document, and "Sheets", each
with

    "Name", "State"   of the sheet
    "Size"            the range that has cells
    "Frozen"          the first cell that moves when one scrolls
    "Filter"          the range that can be filtered, as the sheet has it
    "Widths"          of the columns that have cells, in characters
    "Bold"            whether every header is bold, and nothing below is
    "Formats"         the number formats of the first row below the header
"""

import json
import sys

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter


def sheet_layout(sheet) -> dict:
    """One sheet."""
    header, *below = sheet.iter_rows()
    letters = [get_column_letter(number) for number in range(1, sheet.max_column + 1)]
    bold = all(cell.font.b for cell in header) and not any(cell.font.b for row in below for cell in row)
    return {
        "Name": sheet.title,
        "State": sheet.sheet_state,
        "Size": sheet.dimensions,
        "Frozen": sheet.freeze_panes,
        "Filter": sheet.auto_filter.ref,
        "Widths": [sheet.column_dimensions[letter].width for letter in letters],
        "Bold": bold,
        "Formats": [cell.number_format for cell in below[0]] if below else [],
    }


def main() -> None:
    """Reads one file; prints one JSON object."""
    book = load_workbook(sys.argv[1])
    properties = book.properties
    layout = {
        "Title": properties.title,
        "Creator": properties.creator,
        "Created": properties.created.isoformat(),
        "Modified": properties.modified.isoformat(),
        "Sheets": [sheet_layout(sheet) for sheet in book.worksheets],
    }
    json.dump(layout, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
