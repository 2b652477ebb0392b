"""Reads a workbook with openpyxl, a reader that is not ours, and prints what a person would find in it.

    workbook.py FILE.xlsx [COLUMN…]

One JSON object on standard output: {"Sheets": [sheet…]}, each sheet with

    "Name"       of the sheet
    "Header"     the texts of its first row
    "RowCount"   rows below the header
    "First"      the first three of them
    "Last"       the last one, or null
    "Sums"       {COLUMN: exact decimal sum}, of each COLUMN that the sheet has
    "TextCells"  {COLUMN: how many of the summed cells are texts}: amounts with more digits than a number cell keeps

A cell is null, {"Number": "1.25"}, {"Date": "2026-01-31T00:00:00"}, {"Bool": true}, {"Text": "…"} or
{"Error": "#REF!"}; a formula ends the program. A sum is the sum of the numbers' shortest
decimal forms, not of floats: plain digits, no trailing zeros. A COLUMN that no sheet has is an error.
"""

import json
import sys
from datetime import date, datetime, time
from decimal import Decimal, Inexact, InvalidOperation, getcontext

from openpyxl import load_workbook

# Far more digits than a million amounts can need; a sum that would be rounded all the same is an error.
getcontext().prec = 100
getcontext().traps[Inexact] = True


def decimal_text(value: Decimal) -> str:
    """Plain digits: no exponent, no trailing zeros, no negative zero."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def number_text(value: float) -> str:
    """The shortest decimal that stands for a number cell."""
    return decimal_text(Decimal(str(value)))


def typed(cell) -> dict | None:
    """A cell as JSON."""
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return fail(f"{cell.coordinate}: a formula")
    if cell.data_type == "e":
        return {"Error": value}
    match value:
        case bool():
            return {"Bool": value}
        case int() | float():
            return {"Number": number_text(value)}
        case datetime() | date() | time():
            return {"Date": value.isoformat()}
        case str():
            return {"Text": value}
    return fail(f"a value of the type {type(value).__name__}")


def fail(reason: str):
    """Ends the program."""
    raise SystemExit(reason)


def summed(cell: dict | None, column: str) -> tuple[Decimal, int]:
    """What a cell adds to its column's sum, and whether it is a text (1) or not (0)."""
    match cell:
        case None:
            return Decimal(0), 0
        case {"Number": text}:
            return Decimal(text), 0
        case {"Text": text}:
            try:
                return Decimal(text), 1
            except InvalidOperation:
                return fail(f"the column {column} holds the text {text!r}")
        case _:
            return fail(f"the column {column} holds {cell}")


def read_sheet(sheet, columns: list[str]) -> dict:
    """One pass over the rows; nothing but the rows to be shown is kept."""
    # The size that the file states is not believed: rows are counted.
    sheet.reset_dimensions()
    rows = sheet.iter_rows()
    header = [cell.value for cell in next(rows, ())]
    places = {column: header.index(column) for column in columns if column in header}
    sums = dict.fromkeys(places, Decimal(0))
    text_cells = dict.fromkeys(places, 0)
    first, last, count = [], None, 0
    for row in rows:
        last = [typed(cell) for cell in row]
        count += 1
        if count <= 3:
            first.append(last)
        for column, place in places.items():
            amount, is_text = summed(last[place] if place < len(last) else None, column)
            sums[column] += amount
            text_cells[column] += is_text
    return {
        "Name": sheet.title,
        "Header": header,
        "RowCount": count,
        "First": first,
        "Last": last,
        "Sums": {column: decimal_text(total) for column, total in sums.items()},
        "TextCells": text_cells,
    }


def main() -> None:
    """Reads one file; prints one JSON object."""
    path, *columns = sys.argv[1:]
    # Formulas are shown as such, not as the values that they had when the file was written.
    book = load_workbook(path, read_only=True, data_only=False)
    sheets = [read_sheet(sheet, columns) for sheet in book.worksheets]
    book.close()
    absent = [column for column in columns if not any(column in sheet["Sums"] for sheet in sheets)]
    if absent:
        fail(f"no sheet has the columns {absent}; the headers are {[sheet['Header'] for sheet in sheets]}")
    json.dump({"Sheets": sheets}, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
