"""Has LibreOffice open a workbook and save each sheet as CSV, and compares every cell with what was written.

    libreoffice.py FILE.xlsx FOLDER SHEET EXPECTED.jsonl [SHEET EXPECTED.jsonl …]

FOLDER is for this run's own profile and the CSV files. EXPECTED has a JSON array of cells per row of the sheet, the
header included. A cell is "" if it is empty, "s:…" for a text, "v:…" for a number or a date as LibreOffice shows it.

One JSON object on standard output: of each SHEET, "Rows" and "Cells" that were compared, how many are "Different", and
the "First" five of these as [row, column, expected, found], counted from 1; null stands for a cell that is not there.
A sheet of the file that no argument names, or the other way round, ends the program.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

# Tab-separated, UTF-8; cells as they are shown, with quotes around texts and nothing else; a file per sheet.
FILTER = "csv:Text - txt - csv (StarCalc):9,34,76,1,,0,true,true,true,false,false,-1"

CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^"\t\n]*))([\t\n])')

# Differences that are shown.
SHOWN = 5


def fail(reason: str):
    """Ends the program."""
    raise SystemExit(reason)


def converted(file: Path, folder: Path) -> dict[str, Path]:
    """The CSV file of each sheet."""
    program = shutil.which("soffice")
    if program is None:
        fail("LibreOffice is needed: on Debian, install the package libreoffice-calc-nogui")
    out = folder / "csv"
    profile = f"-env:UserInstallation={(folder / 'profile').resolve().as_uri()}"
    arguments = [profile, "--headless", "--convert-to", FILTER, "--outdir", str(out), str(file)]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0 or not out.is_dir():
        fail(f"soffice ends with {done.returncode}: {done.stdout}{done.stderr}")
    start = f"{file.stem}-"
    return {path.stem.removeprefix(start): path for path in out.iterdir()}


def rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV file. Texts are told from values by their quotes, which Python's own reader drops."""
    text = path.read_bytes().decode("utf-8")
    row, end = [], 0
    for match in CELL.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        quoted, plain, separator = match.groups()
        if quoted is not None:
            row.append("s:" + quoted.replace('""', '"'))
        else:
            row.append("v:" + plain if plain else "")
        if separator == "\n":
            yield row
            row = []
    if end != len(text):
        fail(f"{path.name}: no cell at character {end}: {text[end : end + 40]!r}")


def compared(found: Path, expected: Path) -> dict:
    """What is different."""
    count, cells, different, first = 0, 0, 0, []
    with expected.open(encoding="utf-8") as lines:
        for number, (line, row) in enumerate(zip_longest(lines, rows(found)), 1):
            count += 1
            wanted = [] if line is None else json.loads(line)
            if wanted == row:
                cells += len(wanted)
                continue
            for column, (one, other) in enumerate(zip_longest(wanted, row or []), 1):
                cells += 1
                if one != other:
                    different += 1
                    if len(first) < SHOWN:
                        first.append([number, column, one, other])
    return {"Rows": count, "Cells": cells, "Different": different, "First": first}


def main() -> None:
    """Converts one file; prints one JSON object."""
    file, folder, *pairs = sys.argv[1:]
    expected = dict(zip(pairs[::2], map(Path, pairs[1::2]), strict=True))
    found = converted(Path(file), Path(folder))
    if found.keys() != expected.keys():
        fail(f"the sheets are {sorted(found)} and not {sorted(expected)}")
    json.dump({sheet: compared(found[sheet], path) for sheet, path in expected.items()}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
