"""Writes the rows of a Parquet file with pyarrow, polars or DuckDB, as Parquet or CSV.

    columnar.py LIBRARY parquet|csv|csv.gz FROM.parquet TO

The rows are in memory, in the library's own form and without dictionaries, before the clock starts. Parquet is
compressed with Snappy, as ours. Prints a JSON object: seconds, processor seconds of all threads, bytes of the file.
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


WRITERS = {"pyarrow": pyarrow_writer, "polars": polars_writer, "duckdb": duckdb_writer}


def processor_s() -> float:
    """Processor time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measures one library once."""
    library, kind, source, target = sys.argv[1:]
    write = WRITERS[library](kind, source, target)
    before, began = processor_s(), time.perf_counter()
    write()
    with Path(target).open("rb") as file:
        os.fsync(file.fileno())
    seconds, spent = time.perf_counter() - began, processor_s() - before
    size = Path(target).stat().st_size
    Path(target).unlink()
    json.dump({"seconds": seconds, "processor_seconds": spent, "bytes": size}, sys.stdout)


if __name__ == "__main__":
    main()
