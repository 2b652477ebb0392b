"""Checks FOCUS files with the published validator (focus-validator on PyPI), whose newest rules are of FOCUS 1.0.

    focus.py FILE.csv|FILE.parquet…

One JSON object for each file on standard output, each on a line of its own:

    "Rules"     how many rules the validator has for FOCUS 1.0
    "Passed"    how many of them the file keeps
    "Failures"  [{"Rule": …, "Values": [first few values]}] of those that it breaks, or that could not be checked
    "Rows"      rows checked

The rules are the validator's own, none is left out. It is called as a library because as a program it passes no file
that is FOCUS 1.0, the specification's own sample included, and says nothing by its exit code:

  - Five of its rules look for names that FOCUS 1.0 does not have. They are given the columns under these names.
  - It takes a column of Parquet for a decimal only if it is one of binary fractions. Decimals are checked to be exact
    in the file, then converted for it.
  - It looks for its list of currencies below the current directory.
"""

import json
import os
import sys
from pathlib import Path

import focus_validator
import pyarrow
import pyarrow.parquet
from focus_validator.config_objects import ChecklistObjectStatus
from focus_validator.validator import Validator

VERSION = "1.0"

# Column id in FOCUS 1.0 → what the validator's rules for 1.0 call it.
RENAMED = {
    "InvoiceIssuerName": "InvoiceIssuer",
    "ProviderName": "Provider",
    "PublisherName": "Publisher",
    "ResourceId": "ResourceID",
}
# The rule on SkuPriceId asks for this column beside the one that is in FOCUS 1.0.
COPIED = {"ChargeType": "ChargeCategory"}
# Columns whose data type is Decimal in FOCUS 1.0.
DECIMALS = [
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
]


def load(validator: Validator, path: Path):
    """The file as the validator reads it, with what it wants to be different."""
    validator.load()
    table = validator.focus_data
    if path.suffix == ".parquet":
        schema = pyarrow.parquet.read_schema(path)
        for column in DECIMALS:
            if not pyarrow.types.is_decimal(schema.field(column).type):
                raise SystemExit(f"{column} is {schema.field(column).type}")
            table[column] = table[column].astype(float)
    table = table.rename(columns=RENAMED)
    for name, original in COPIED.items():
        if original in table:
            table[name] = table[original]
    return table


def check(path: Path) -> dict:
    """What the validator finds in one file."""
    validator = Validator(
        data_filename=str(path), output_destination=None, output_type="console", rules_version=VERSION
    )
    table = load(validator, path)
    result = validator.spec_rules.validate(table)
    statuses = {name: rule.status for name, rule in result.checklist.items()}
    broken = {
        name: [f"not checked: {status.value}"]
        for name, status in statuses.items()
        if status not in (ChecklistObjectStatus.PASSED, ChecklistObjectStatus.FAILED)
    }
    if result.failure_cases is not None:
        for name, cases in result.failure_cases.groupby("Check Name"):
            broken[name] = [str(value) for value in cases["Values"].head(3)]
    passed = sum(status is ChecklistObjectStatus.PASSED for status in statuses.values())
    return {
        "Rules": len(statuses),
        "Passed": passed,
        "Failures": [{"Rule": name, "Values": values} for name, values in sorted(broken.items())],
        "Rows": len(table),
    }


def main() -> None:
    """Checks files; prints one JSON object for each."""
    paths = [Path(argument).resolve() for argument in sys.argv[1:]]
    os.chdir(Path(focus_validator.__file__).parent.parent)
    for path in paths:
        json.dump(check(path), sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
