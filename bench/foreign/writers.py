"""Writes the first rows of a file of cells as a workbook with a Python library, and prints time and memory.

    writers.py xlsxwriter|openpyxl CELLS ROWS OUT.xlsx

CELLS is described in `libxlsxwriter.c`; ROWS is the number of rows below the header. They are read and their numbers
are parsed before the clock starts. XlsxWriter is in its constant-memory mode, openpyxl in its write-only mode. Prints
one JSON object: us, before_kib, peak_kib.
"""

import json
import sys
import time
from itertools import islice
from pathlib import Path

AMOUNT = "#,##0.00##########"
MOMENT = "yyyy-mm-dd hh:mm:ss"

Cell = tuple[str, str | float | None]


def memory_kib(key: str) -> int:
    """A value of this process's status in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def understood(cell: str) -> Cell:
    """The kind and the value of a cell."""
    kind, text = cell[:1], cell[1:]
    match kind:
        case "s" | "h":
            return kind, text
        case "n" | "m" | "t":
            return kind, float(text)
        case "":
            return kind, None
    raise SystemExit(f"a cell has no known kind: {cell!r}")


def with_xlsxwriter(rows: list[list[Cell]], out: str) -> None:
    """Row by row."""
    import xlsxwriter

    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet("Paid orders")
    formats = {"n": None, "m": book.add_format({"num_format": AMOUNT}), "t": book.add_format({"num_format": MOMENT})}
    for number, row in enumerate(rows):
        for column, (kind, value) in enumerate(row):
            if kind in formats:
                sheet.write_number(number, column, value, formats[kind])
            elif kind:
                sheet.write_string(number, column, value)
    book.close()


def with_openpyxl(rows: list[list[Cell]], out: str) -> None:
    """Row by row; only cells with a format need objects of their own."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Paid orders")
    formats = {"m": AMOUNT, "t": MOMENT}

    def made(kind: str, value: str | float | None):
        if kind not in formats:
            return value
        cell = WriteOnlyCell(sheet, value=value)
        cell.number_format = formats[kind]
        return cell

    for row in rows:
        sheet.append([made(kind, value) for kind, value in row])
    book.save(out)


WRITERS = {"xlsxwriter": with_xlsxwriter, "openpyxl": with_openpyxl}


def main() -> None:
    """Writes one file; prints one JSON object."""
    writer, cells, count, out = sys.argv[1:]
    write = WRITERS[writer]
    with Path(cells).open(encoding="utf-8", newline="\n") as lines:
        wanted = islice(lines, int(count) + 1)
        rows = [[understood(cell) for cell in line.removesuffix("\n").split("\t")] for line in wanted]
    if len(rows) != int(count) + 1:
        raise SystemExit(f"{cells} has {len(rows)} lines and not {int(count) + 1}")
    before_kib = memory_kib("VmRSS")
    began = time.monotonic_ns()
    write(rows, out)
    us = (time.monotonic_ns() - began) // 1000
    json.dump({"us": us, "before_kib": before_kib, "peak_kib": memory_kib("VmHWM")}, sys.stdout)


if __name__ == "__main__":
    main()
