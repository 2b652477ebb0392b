"""Reads tables with readers that are not ours: Parquet with pyarrow, CSV and gzip with Python's own. Every cell of a
Parquet file is also read with polars and DuckDB; a file that they read otherwise is an error.

    tables.py FILE.parquet|FILE.csv|FILE.csv.gz [COLUMN…] [-- FILE [COLUMN…]]…

One JSON object for each file on standard output, each on a line of its own:

    "Columns"  {name: type}, or null as the type in CSV
    "Rows"     how many there are
    "Nulls"    {name: how many}, in CSV of empty cells
    "Sums"     {COLUMN: exact decimal sum}, of each COLUMN
    "Sha256"   of the bytes, those of a compressed file inflated
"""

import csv
import gzip
import hashlib
import io
import itertools
import json
import sys
from decimal import Decimal, Inexact, getcontext
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet

# Far more digits than a million amounts can need; a sum that would be rounded all the same is an error.
getcontext().prec = 100
getcontext().traps[Inexact] = True


def compare(path: Path) -> None:
    """Fails if a reader finds other rows than pyarrow."""
    expected = list(zip(*pyarrow.parquet.read_table(path).to_pydict().values(), strict=True))
    connection = duckdb.connect()
    for reader, rows in {
        "polars": polars.read_parquet(path).rows(),
        "DuckDB": connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall(),
    }.items():
        if len(rows) != len(expected):
            raise SystemExit(f"{path}: {reader} reads {len(rows)} rows, pyarrow {len(expected)}")
        for number, (row, other) in enumerate(zip(rows, expected, strict=True)):
            if row != other:
                raise SystemExit(f"{path}, row {number}: {reader} reads {row}, pyarrow {other}")


def parquet(path: Path, summed: list[str]) -> dict:
    """Row group by row group."""
    compare(path)
    file = pyarrow.parquet.ParquetFile(path)
    names = file.schema_arrow.names
    nulls, sums = dict.fromkeys(names, 0), dict.fromkeys(summed, Decimal(0))
    rows = 0
    for batch in file.iter_batches():
        rows += batch.num_rows
        for name in names:
            nulls[name] += batch.column(name).null_count
        for name in summed:
            sums[name] += sum(filter(None, batch.column(name).to_pylist()), Decimal(0))
    return {
        "Columns": {field.name: str(field.type) for field in file.schema_arrow},
        "Rows": rows,
        "Nulls": nulls,
        "Sums": sums,
    }


def comma_separated(text: bytes, summed: list[str]) -> dict:
    """Row by row; a row of another length than the header's is an error."""
    header, *rows = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True)
    nulls, sums = dict.fromkeys(header, 0), dict.fromkeys(summed, Decimal(0))
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        for name, cell in cells.items():
            nulls[name] += cell == ""
        for name in summed:
            sums[name] += Decimal(cells[name] or 0)
    return {"Columns": dict.fromkeys(header), "Rows": len(rows), "Nulls": nulls, "Sums": sums}


def read(path: Path, summed: list[str]) -> dict:
    """What is in one file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    found = parquet(path, summed) if path.suffix == ".parquet" else comma_separated(content, summed)
    # Plain digits: no exponent, no trailing zeros, no negative zero.
    found["Sums"] = {name: f"{total.normalize():f}" for name, total in found["Sums"].items()}
    found["Sha256"] = hashlib.sha256(content).hexdigest()
    return found


def main() -> None:
    """Reads files; prints one JSON object for each."""
    for is_separator, group in itertools.groupby(sys.argv[1:], lambda argument: argument == "--"):
        if not is_separator:
            file, *summed = group
            json.dump(read(Path(file), summed), sys.stdout, ensure_ascii=False)
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
