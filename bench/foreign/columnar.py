"""Writes the rows of a Parquet file: pyarrow, polars and DuckDB as Parquet or CSV, jetxl and rapidxlsx as a workbook.

    columnar.py LIBRARY parquet|csv|csv.gz|xlsx FROM.parquet TO

The rows are in memory, in the library's own form and without dictionaries, before the clock starts. Parquet is
compressed with Snappy, as ours. The writers of workbooks have no exact decimals and get floating-point numbers.
Prints a JSON object: microseconds, microseconds of processor time of all threads, peak memory, and memory when the
clock started.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path


def pyarrow_writer(kind: str, source: str, target: str):
    """Tables of pyarrow; its CSV has no decimals, so amounts are texts."""
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(source)
    if kind == "parquet":
        return lambda: pyarrow.parquet.write_table(table, target, compression="snappy")
    decimals = [field.name for field in table.schema if pyarrow.types.is_decimal(field.type)]
    for name in decimals:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table[name].cast(pyarrow.string()))
    if kind == "csv":
        return lambda: pyarrow.csv.write_csv(table, target)

    def compressed() -> None:
        with pyarrow.CompressedOutputStream(target, "gzip") as stream:
            pyarrow.csv.write_csv(table, stream)

    return compressed


def polars_writer(kind: str, source: str, target: str):
    """Data frames of polars."""
    import polars

    if kind == "csv.gz":
        raise SystemExit("polars is measured without compression")
    frame = polars.read_parquet(source)
    if kind == "parquet":
        return lambda: frame.write_parquet(target, compression="snappy")
    return lambda: frame.write_csv(target)


def duckdb_writer(kind: str, source: str, target: str):
    """A table in memory."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TABLE orders AS SELECT * FROM read_parquet(?)", [source])
    options = {
        "parquet": "FORMAT parquet, COMPRESSION snappy",
        "csv": "FORMAT csv",
        "csv.gz": "FORMAT csv, COMPRESSION gzip",
    }[kind]
    return lambda: connection.execute(f"COPY orders TO '{target}' ({options})")


def jetxl_writer(kind: str, source: str, target: str):
    """An Arrow table, with decimals as floating-point numbers and times without a zone."""
    import jetxl
    import pyarrow
    import pyarrow.parquet

    only_xlsx(kind)
    table = pyarrow.parquet.read_table(source)
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pyarrow.types.is_decimal(field.type):
            column = column.cast(pyarrow.float64())
        elif pyarrow.types.is_timestamp(field.type):
            column = column.cast(pyarrow.timestamp("us"))
        table = table.set_column(index, field.name, column)
    return lambda: jetxl.write_sheet_arrow(table, target)


def rapidxlsx_writer(kind: str, source: str, target: str):
    """A data frame of polars, with decimals as floating-point numbers and times as texts, since it has none."""
    import polars
    import rapidxlsx

    only_xlsx(kind)
    frame = polars.read_parquet(source).with_columns(
        polars.selectors.decimal().cast(polars.Float64),
        polars.selectors.datetime().dt.to_string("%Y-%m-%d %H:%M:%S"),
    )
    return lambda: rapidxlsx.write(target, frame)


def only_xlsx(kind: str) -> None:
    """Ends the program for another kind."""
    if kind != "xlsx":
        raise SystemExit("this library writes workbooks only")


WRITERS = {
    "pyarrow": pyarrow_writer,
    "polars": polars_writer,
    "duckdb": duckdb_writer,
    "jetxl": jetxl_writer,
    "rapidxlsx": rapidxlsx_writer,
}


def processor_s() -> float:
    """Processor time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory_kib(key: str) -> int:
    """Memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def main() -> None:
    """Measures one library once."""
    library, kind, source, target = sys.argv[1:]
    write = WRITERS[library](kind, source, target)
    before_kib = memory_kib("VmRSS")
    before, began = processor_s(), time.perf_counter()
    write()
    with Path(target).open("rb") as file:
        os.fsync(file.fileno())
    seconds, spent = time.perf_counter() - began, processor_s() - before
    cost = {
        "us": round(seconds * 1e6),
        "cpu_us": round(spent * 1e6),
        "peak_kib": memory_kib("VmHWM"),
        "before_kib": before_kib,
    }
    json.dump(cost, sys.stdout)


if __name__ == "__main__":
    main()
