"""Who may import whom: app -> core; evaluation -> attribution -> diffusion -> collection."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = {"errors", "files", "progress", "work_queue"}  # every part of the core speaks these
MAY_IMPORT: dict[str, set[str]] = {
    "collection": set(),
    "diffusion": {"collection"},
    "attribution": {"collection", "diffusion"},
    "evaluation": {"collection", "diffusion", "attribution", "ledger"},  # rules are benchmarked too
    "workshops": {"collection", "diffusion", "attribution", "evaluation"},
    "ledger": set(),
    "accounts": set(),
    "provenance": set(),
}
PLAIN = {"ledger", "accounts", "provenance"}
HEAVY = {"torch", "diffusers", "transformers", "peft", "gradio", "faiss", "trak"}


def imported(source: str) -> Iterator[str]:
    """Dotted names of everything a module imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def part_of(path: Path) -> str:
    """core/diffusion/pipeline_model.py -> diffusion; core/errors.py -> errors."""
    return path.relative_to(ROOT / "core").with_suffix("").parts[0]


def breaches(part: str, source: str) -> list[str]:
    """Imports that a module in this part of the core may not have."""
    allowed = MAY_IMPORT[part] | SHARED | {part} if part in MAY_IMPORT else SHARED
    imports = []
    for name in imported(source):
        top, _, rest = name.partition(".")
        inner = rest.partition(".")[0]
        of_app = top in {"app", "gradio", "tests", "migrations"}
        of_core = top == "core" and bool(inner) and inner not in allowed
        too_heavy = part in PLAIN and top in HEAVY
        if of_app or of_core or too_heavy:
            imports.append(name)
    return imports


@pytest.mark.parametrize("path", modules("core"), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_of_the_core_imports_only_what_lies_before_it(path: Path) -> None:
    part = part_of(path)
    if part != "__init__" and (ROOT / "core" / part).is_dir():
        assert part in MAY_IMPORT, f"say in this test whom core/{part} may import"
    assert breaches(part, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("collection", "from app.settings import Settings"),
        ("collection", "import gradio as gr"),
        ("collection", "from core.diffusion import pipeline_model"),
        ("diffusion", "def f() -> None:\n    from core.attribution.engine import Engine"),
        ("attribution", "from core import evaluation"),
        ("ledger", "import torch.nn"),
        ("ledger", "from core.collection.types import Work"),
    ],
)
def test_a_forbidden_import_is_seen(part: str, line: str) -> None:
    assert breaches(part, line)


def test_an_allowed_import_is_let_through() -> None:
    assert breaches("evaluation", "from core.attribution.engine import Engine") == []
    assert breaches("ledger", "from core.errors import LedgerError") == []


@pytest.mark.parametrize("path", modules("app"), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_module_but_the_tests_imports_tests(path: Path) -> None:
    names = {name.partition(".")[0] for name in imported(path.read_text(encoding="utf-8"))}
    assert not names & {"tests", "migrations"}


@pytest.mark.parametrize(
    "path", modules("app") + modules("core"), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.name
