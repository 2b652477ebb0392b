"""Computes independently, with exact fractions, the charge of real usage, and prints it as one JSON object.

    charges.py azure PRICES PROVIDER MODEL TRACE.csv…
    charges.py servegen PRICES PROVIDER WINDOWS.csv.gz FIRST_DAY MODEL=LIST_MODEL…

PRICES is the published genai-prices list. Usage is added up by hour, model or client, and token kind; each sum is one
order, rounded once to 8 places, half away from zero:

    "Orders": number of orders, "Total": their sum, "Tokens": {"input": …, "output": …}

Nothing of the product is used: only the prices as published, and the trace.
"""

import csv
import datetime
import gzip
import json
import sys
from fractions import Fraction
from pathlib import Path

MILLION = 1_000_000
PLACES = 10**8
HOUR_S = 3_600


def prices_of(path: str, provider: str, model: str) -> dict[str, Fraction]:
    """Input and output price per million tokens of a model that has one set of prices without tiers."""
    with Path(path).open(encoding="utf-8") as file:
        providers = json.load(file, parse_float=str, parse_int=str)
    models = next(entry["models"] for entry in providers if entry["id"] == provider)
    prices = next(entry["prices"] for entry in models if entry["id"] == model)
    return {"input": Fraction(prices["input_mtok"]), "output": Fraction(prices["output_mtok"])}


def rounded(value: Fraction, places: int = 1) -> int:
    """To whole steps of 1/places, half away from zero; values here are never negative."""
    return (value * places + Fraction(1, 2)).__floor__()


def azure(arguments: list[str]) -> tuple[dict, dict]:
    """One order per trace, hour and token kind."""
    prices_file, provider, model, *traces = arguments
    prices = prices_of(prices_file, provider, model)
    usage: dict[tuple, int] = {}
    for trace in traces:
        with Path(trace).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                hour = row["TIMESTAMP"][:13]
                for sku, column in (("input", "ContextTokens"), ("output", "GeneratedTokens")):
                    key = (trace, hour, sku, prices[sku])
                    usage[key] = usage.get(key, 0) + int(row[column])
    return usage, {}


def servegen(arguments: list[str]) -> tuple[dict, dict]:
    """One order per client, hour and token kind; a window's tokens are rounded to whole ones."""
    prices_file, provider, windows, first_day, *models = arguments
    listed = dict(pair.split("=") for pair in models)
    prices = {name: prices_of(prices_file, provider, model) for name, model in listed.items()}
    start = int(datetime.datetime.fromisoformat(first_day + "T00:00:00+00:00").timestamp())
    usage: dict[tuple, int] = {}
    skipped = 0
    with gzip.open(windows, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not row["mean_output_tokens"] or row["model"] not in listed:
                skipped += 1
                continue
            hour = (start + int(row["window_start_s"])) // HOUR_S
            requests = int(row["requests"])
            for sku, column in (("input", "mean_input_tokens"), ("output", "mean_output_tokens")):
                tokens = rounded(requests * Fraction(row[column]))
                if tokens > 0:
                    key = (row["model"], row["client"], hour, sku, prices[row["model"]][sku])
                    usage[key] = usage.get(key, 0) + tokens
    return usage, {"Skipped": skipped}


def main() -> None:
    """Reads what is asked for, adds up, prints."""
    kind, *arguments = sys.argv[1:]
    usage, more = {"azure": azure, "servegen": servegen}[kind](arguments)
    total = sum(rounded(key[-1] * tokens / MILLION, PLACES) for key, tokens in usage.items())
    tokens = {"input": 0, "output": 0}
    for key, count in usage.items():
        tokens[key[-2]] += count
    whole, fraction = divmod(total, PLACES)
    json.dump({"Orders": len(usage), "Total": f"{whole}.{fraction:08}", "Tokens": tokens} | more, sys.stdout)


if __name__ == "__main__":
    main()
