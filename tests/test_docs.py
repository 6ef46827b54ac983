"""The documents keep up with the program: verbs, settings, links, versions; no machine's paths."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import app
from app import cli
from app.settings import PREFIX, Settings
from tests.reference import BEGIN, END, REFERENCE, VERBS, schema_of, section

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "assets" / "docs").glob("*.md"))
DOCUMENTS = "\n".join((README, *(page.read_text(encoding="utf-8") for page in PAGES)))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
# Where somebody's machine shows; a container's own folders and Debian's programs do not count.
MACHINE = re.compile(
    r"(?<![\w.~\-])/(?:" + "|".join(("work", "tmp", "root", "Users", "mnt", "workspace")) + r")/\w"
    r"|(?<![\w.~\-])/home/(?!creditline)\w"
)


def verbs() -> list[str]:
    groups = {
        "accounts": cli.accounts.verbs,
        "artists": cli.artists.verbs,
        "ledger": cli.ledger.verbs,
        "evaluate": cli.evaluate.verbs,
        "provenance": cli.provenance.verbs,
        "workshops": cli.workshops.verbs,
    }
    names = [str(command.name) for command in cli.app.registered_commands]
    for name, group in groups.items():
        names += [f"{name} {command.name}" for command in group.registered_commands]
    return names


def tracked() -> list[Path]:
    """Text files under version control; skipped where this is no checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data[:8000] else data.decode("utf-8", "replace")


@pytest.mark.parametrize("verb", verbs())
def test_the_documents_name_every_verb(verb: str) -> None:
    assert re.search(rf"^\| `{verb}[ `]", DOCUMENTS, re.MULTILINE), verb


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_documents_name_every_setting(name: str) -> None:
    assert f"| `{PREFIX}{name.upper()}` |" in DOCUMENTS


def test_the_reference_prints_the_json_that_the_models_say() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    printed = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert printed == section(), "run `python -m tests.reference`"


def test_every_key_of_an_object_has_its_line_once_and_what_may_be_absent_is_marked() -> None:
    keys = [line.split('"')[1] for line in schema_of(VERBS["ledger verify"]) if '"' in line]
    assert keys == [
        *("ok", "entries", "verified", "whole", "head_hash", "first_bad"),
        *("entry", "reason"),
    ]
    marked = [line.split()[0] for line in schema_of(VERBS["attribute"]) if "?:" in line]
    assert marked == ['"run"?:', '"entry"?:']


def test_every_variable_that_is_read_anywhere_is_documented() -> None:
    read = set()
    for path in tracked():
        if path.suffix in {".py", ".toml", ""} and "tests" not in path.parts:
            read |= set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", text_of(path)))
    assert read, "the search itself is broken"
    assert {name for name in read if name not in DOCUMENTS} <= {f"{PREFIX}NAME"}


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    places = []
    for path in tracked():
        for match in MACHINE.finditer(text_of(path)):
            places.append(f"{path.relative_to(ROOT)}: {match.group(0)}")
    assert places == []


@pytest.mark.parametrize("place", ["/ho" + "me/ann/x", "see /wo" + "rk/main", '"/tm' + 'p/x"'])
def test_a_place_on_somebodys_machine_is_seen(place: str) -> None:
    assert MACHINE.search(place)


@pytest.mark.parametrize(
    "place", ["~/wo" + "rk/x", "a/tmp/b", "/usr/bin/chromium", "/data", "/ledger"]
)
def test_other_paths_are_let_through(place: str) -> None:
    assert not MACHINE.search(place)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_link_and_picture_of_a_document_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert links or page.name != "README.md"
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_the_readme_fits_three_screens() -> None:
    assert len(README.splitlines()) <= 150


def test_every_file_that_the_readme_sends_to_is_there() -> None:
    table = README[README.index("| to find | open |") :]
    table = table[: table.index("\n\n")]
    named = re.findall(r"`((?:app|core)/[\w/.]+)`", table)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_one_version_everywhere() -> None:
    assert PYPROJECT["project"]["version"] == app.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .*?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)[0] == app.__version__


def test_every_dependency_is_pinned_exactly_and_for_every_machine() -> None:
    pinned = {}
    for line in PINS:
        name, separator, version = line.partition("==")
        assert separator and re.fullmatch(r"[\w.]+", version), line  # no local build, no address
        pinned[re.sub(r"[-_.]+", "-", name).lower()] = version
    requirements = PYPROJECT["project"]["dependencies"]
    requirements = requirements + PYPROJECT["project"]["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=\[; ]", line)[0].lower() for line in requirements}
    assert names <= set(pinned)


def test_spaces_find_the_port_and_the_kind_in_the_front_matter() -> None:
    front = README.split("---")[1]
    assert "sdk: docker" in front
    assert "app_port: 7860" in front
    assert "7860" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
