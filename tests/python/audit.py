"""Checks workbooks by the rules of Microsoft's Open XML SDK, whose schemas and constraints `openxml-audit` carries.

    audit.py FILE.xlsx…

One JSON object on standard output: "Findings" {FILE: [finding…]}, each finding a text that names the version of Excel,
the part, the element and the rule; warnings are findings, too. "Noticed" has what is found in a copy of the first file
in which the filter of each sheet stands before its rows: without any, the rules were not applied.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

from openxml_audit import FileFormat, OpenXmlValidator, SourceClass

# The oldest and the newest rules.
VERSIONS = (FileFormat.OFFICE_2007, FileFormat.MICROSOFT_365)

THEME = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/theme"


def is_rule(error) -> bool:
    """Whether a finding is one of the SDK, or of the package, and not one that `openxml-audit` adds to them.

    It asks for shared strings, because Excel makes those when it saves a file that has its texts in their cells; both
    are in the standard. And it asks for a theme, which a workbook may have (ECMA-376 part 1, 12.3.23) and the SDK does
    not miss.
    """
    return error.source_class != SourceClass.EXCEL_APP_COMPAT and THEME not in error.description


def findings(path: str) -> list[str]:
    """All that is wrong with a file."""
    found = []
    for version in VERSIONS:
        result = OpenXmlValidator(file_format=version, max_errors=0).validate(path)
        found += [f"{version.name}: {error}" for error in result.errors if is_rule(error)]
        if not result.is_valid and not result.errors:
            found.append(f"{version.name}: not valid")
    return found


def misplaced(path: str, damaged: Path) -> None:
    """Copies a file; in the copy, filters stand before rows."""
    with zipfile.ZipFile(path) as parts, zipfile.ZipFile(damaged, "w") as copy:
        for name in parts.namelist():
            xml = parts.read(name)
            start, end = xml.find(b"<autoFilter"), xml.find(b"<ignoredErrors")
            if start >= 0:
                xml = xml[:start] + xml[end:]
                xml = xml.replace(b"<sheetData>", b'<autoFilter ref="A1:A1"/><sheetData>')
            copy.writestr(name, xml)


def main() -> None:
    """Checks the files; prints one JSON object."""
    found = {path: findings(path) for path in sys.argv[1:]}
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder) / "damaged.xlsx"
        misplaced(sys.argv[1], damaged)
        noticed = findings(str(damaged))
    json.dump({"Findings": found, "Noticed": noticed}, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
