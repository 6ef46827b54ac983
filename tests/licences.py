"""The licences of all that is installed beside the studio, as `assets/docs/licences.md` lists them.

`python -m tests.licences` writes it again from what is installed here.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from core.files import write_text

ROOT = Path(__file__).resolve().parent.parent
LICENCES = ROOT / "assets" / "docs" / "licences.md"
LOCK = ROOT / "assets" / "docs" / "requirements.lock"
LONGEST = 60
HEAD = """# Licences of what the studio is made with

Every package that `constraints.txt` pins, those for tests included, and the licence that it states
of itself. By `python -m tests.licences`; no lawyer has read it. The studio itself is MIT.

| package | version | licence |
|---|---|---|
"""


def pins() -> dict[str, str]:
    """Name -> version, as tested together."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def licence_of(found: Distribution) -> str:
    """By SPDX where it says so, else by its classifiers, else in its own words."""
    values = found.metadata
    if values.get("License-Expression"):
        return str(values["License-Expression"])
    classified = [
        one.rpartition(" :: ")[2]
        for one in values.get_all("Classifier") or ()
        if one.startswith("License ::") and one != "License :: OSI Approved"
    ]
    words = ", ".join(classified) or str(values.get("License") or "").strip().partition("\n")[0]
    return words[:LONGEST] or _of_its_file(found) or "not stated"


def _of_its_file(found: Distribution) -> str:
    """The title of the licence that came with it."""
    files = [
        one for one in found.files or () if one.name.upper().startswith(("LICENSE", "LICENCE"))
    ]
    lines = (line.strip() for one in files for line in one.read_text("utf-8").splitlines())
    return next(filter(None, lines), "")[:LONGEST]


def table() -> str:
    """The document; a package that is not installed here keeps its line."""
    known = dict(re.findall(r"^\| (\S+) \| \S+ \| (.+) \|$", LICENCES.read_text("utf-8"), re.M))
    lines = []
    for name, version in sorted(pins().items(), key=lambda item: item[0].lower()):
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:
            licence = known.get(name, "not stated")
        lines.append(f"| {name} | {version} | {licence.replace('|', '/')} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    write_text(LICENCES, table())
