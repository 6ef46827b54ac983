"""A group of options is, at the command line, each of its options; the command gets the group."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from app.cli.options import AsJson, spread_options
from app.cli.output import say


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Two options of one group, the first needed."""

    size: Annotated[int, typer.Option(min=1)]
    tint: Annotated[str | None, typer.Option("--tint")] = None


@spread_options
def cut(
    name: Annotated[str, typer.Argument()], paper: Paper, copies: int = 1, as_json: AsJson = False
) -> None:
    """Cut paper."""
    assert isinstance(paper, Paper)
    say(json.dumps([name, paper.size, paper.tint, copies, as_json]))


def run(arguments: str) -> int | None:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(cut)
    code: int | None = app(arguments.split(), standalone_mode=False)
    return code


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ("sheet --size 3", ["sheet", 3, None, 1, False]),
        ("sheet --size 3 --tint red --copies 2 --json", ["sheet", 3, "red", 2, True]),
    ],
)
def test_each_field_is_an_option_and_the_command_gets_them_together(
    arguments: str, values: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    run(arguments)
    assert json.loads(capsys.readouterr().out) == values


@pytest.mark.parametrize("arguments", ["sheet", "sheet --size 0", "sheet --size 1 --paper a"])
def test_a_field_is_checked_and_needed_as_any_option_and_the_group_is_not_one(
    arguments: str,
) -> None:
    with pytest.raises(typer.exceptions.TyperException):
        run(arguments)


def test_the_help_names_the_fields_in_their_place_and_keeps_the_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("--help")
    text = capsys.readouterr().out
    places = [text.index(word) for word in ("Cut paper.", "--size", "--tint", "--copies")]
    assert places == sorted(places)
