"""Tables of what a function makes of a text, as they are read: `Warhol, Andy -> Andy Warhol`."""

from __future__ import annotations

import ast

import pytest


def becomes(table: str) -> pytest.MarkDecorator:
    """One test a row, with the arguments `text` and `expected`.

    A cell in double quotes is a Python string: for blanks at its ends, or an empty one.
    """
    rows = [line.strip().split(" -> ") for line in table.strip().splitlines()]
    return pytest.mark.parametrize(
        ("text", "expected"), [(_cell(text), _cell(expected)) for text, expected in rows]
    )


def _cell(written: str) -> str:
    cell = written.strip()
    return str(ast.literal_eval(cell)) if cell.startswith('"') else cell
