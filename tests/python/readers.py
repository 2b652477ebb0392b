"""Reads a workbook with one of several readers that are not ours, and prints every cell as it understands it.

    readers.py READER FILE.xlsx                every cell
    readers.py READER FILE.xlsx --count        counts only

One JSON object on standard output: {"Sheets": {NAME: ROWS}}, the rows of each sheet in its order, the header included.
A cell is "" if the reader says that it is empty, "s:…" for a text, "n:…" for a number, its shortest decimal, "d:…" for
a date as yyyy-mm-dd hh:mm:ss. Empty cells at the end of a row are left out. With --count it is {"Sheets": {NAME: [rows,
cells that are not empty, sum of the numbers of the first column]}}.

duckdb reads only where its extension "excel" can be had; otherwise it prints {"Missing": reason}.
"""

import csv
import io
import json
import math
import sys
from collections.abc import Iterator
from datetime import date, datetime

Row = list[str]
Sheets = dict[str, Iterator[Row]]


def number(value: float) -> str:
    """The shortest decimal of a number."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return f"n:{value!r}"


def shown(value) -> str:
    """A cell."""
    match value:
        case None | "":
            return ""
        case float() if math.isnan(value):
            return ""
        case bool():
            return f"b:{value}"
        case int() | float():
            return number(value)
        case datetime():
            return f"d:{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return f"d:{value:%Y-%m-%d} 00:00:00"
        case str():
            return f"s:{value}"
    # NumPy's and pandas' types: plain values inside, and their own "nothing".
    if hasattr(value, "to_pydatetime"):
        return "" if value is type(value)("NaT") else shown(value.to_pydatetime())
    if hasattr(value, "item"):
        return shown(value.item())
    if type(value).__name__ in ("NaTType", "NAType"):
        return ""
    raise SystemExit(f"a value of the type {type(value).__name__}: {value!r}")


def trimmed(cells) -> Row:
    """A row without the empty cells at its end."""
    row = [shown(cell) for cell in cells]
    while row and not row[-1]:
        row.pop()
    return row


def openpyxl(path: str, *, read_only: bool = False) -> Sheets:
    """Its own objects, or the mode that streams."""
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=read_only)
    return {sheet.title: (trimmed(row) for row in sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def pandas(path: str) -> Sheets:
    """With its default engine."""
    from pandas import read_excel

    frames = read_excel(path, sheet_name=None, header=None, dtype=object, keep_default_na=False, na_values=[])
    return {name: (trimmed(row) for row in frame.itertuples(index=False)) for name, frame in frames.items()}


def pandas_calamine(path: str) -> Sheets:
    """With the engine that is written in Rust."""
    from pandas import read_excel

    frames = read_excel(
        path, sheet_name=None, header=None, dtype=object, keep_default_na=False, na_values=[], engine="calamine"
    )
    return {name: (trimmed(row) for row in frame.itertuples(index=False)) for name, frame in frames.items()}


def polars(path: str) -> Sheets:
    """With fastexcel. A column has one type, so that numbers and dates beside texts are texts: types are of columns."""
    import fastexcel
    import polars as pl

    sheets = {}
    for name in fastexcel.read_excel(path).sheet_names:
        frame = pl.read_excel(path, sheet_name=name, has_header=True, infer_schema_length=None, raise_if_empty=False)
        sheets[name] = (trimmed(row) for row in [tuple(frame.columns), *frame.iter_rows()])
    return sheets


def duckdb(path: str) -> Sheets:
    """With its extension, which is not part of the package."""
    import duckdb
    import fastexcel

    connection = duckdb.connect()
    try:
        connection.execute("INSTALL excel; LOAD excel")
    except duckdb.Error as error:
        json.dump({"Missing": str(error).splitlines()[0]}, sys.stdout)
        raise SystemExit(0) from error
    sheets = {}
    for name in fastexcel.read_excel(path).sheet_names:
        found = connection.execute(
            "SELECT * FROM read_xlsx(?, sheet = ?, header = false, all_varchar = true)", [path, name]
        )
        sheets[name] = (trimmed(row) for row in found.fetchall())
    return sheets


def xlsx2csv(path: str) -> Sheets:
    """It makes texts of everything."""
    from xlsx2csv import Xlsx2csv

    sheets = {}
    book = Xlsx2csv(path, outputencoding="utf-8", dateformat="%Y-%m-%d %H:%M:%S", skip_empty_lines=False)
    for sheet in book.workbook.sheets:
        out = io.StringIO()
        book.convert(out, sheetid=sheet["index"])
        sheets[sheet["name"]] = (trimmed(row) for row in csv.reader(io.StringIO(out.getvalue(), newline="")))
    return sheets


def pylightxl(path: str) -> Sheets:
    """Rows as far as the sheet says that it reaches."""
    from pylightxl import readxl

    book = readxl(path)
    return {name: (trimmed(row) for row in book.ws(ws=name).rows) for name in book.ws_names}


READERS = {
    "openpyxl": openpyxl,
    "openpyxl-read-only": lambda path: openpyxl(path, read_only=True),
    "pandas": pandas,
    "pandas-calamine": pandas_calamine,
    "polars": polars,
    "duckdb": duckdb,
    "xlsx2csv": xlsx2csv,
    "pylightxl": pylightxl,
}


def counted(rows: Iterator[Row]) -> list[int]:
    """Rows, cells, and the sum of the numbers in the first column."""
    count, cells, total = 0, 0, 0
    for row in rows:
        count += 1
        cells += sum(cell != "" for cell in row)
        first = row[0] if row else ""
        # Readers that make texts of numbers count as well.
        total += int(first[2:]) if first[2:].isdigit() else 0
    return [count, cells, total]


def main() -> None:
    """Reads one file; prints one JSON object."""
    reader, path, *options = sys.argv[1:]
    sheets = READERS[reader](path)
    show = counted if options == ["--count"] else list
    json.dump({"Sheets": {name: show(rows) for name, rows in sheets.items()}}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
