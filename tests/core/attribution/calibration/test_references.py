"""Reference pictures: painted once, resumed, and a table that counts every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.attribution.calibration.references import (
    ReferencePlan,
    load_references,
    paint_references,
)
from core.collection.types import Collection
from core.errors import StoreError
from tests.small import PLAN, small_collection, small_model


def test_every_kind_is_there_as_planned(ready: Collection) -> None:
    kinds = [row.kind for row in load_references(ready, PLAN)]
    assert kinds == ["generated"] * 6 + ["foreign"] * 10 + ["held-out"] * 4
    assert all((ready.path / row.file).is_file() for row in load_references(ready, PLAN))


def test_held_out_works_are_taken_in_turn_over_the_artists(ready: Collection) -> None:
    rows = load_references(ready, ReferencePlan(held_out=2))
    held_out = [row.file for row in rows if row.kind == "held-out"]
    assert len(held_out) == 2
    assert len({file.split("-")[1] for file in held_out}) == 2


def test_painting_again_changes_nothing_and_paints_only_what_is_missing(tmp_path: Path) -> None:
    collection, model = small_collection(tmp_path / "c"), small_model()
    plan = ReferencePlan(generated=3, foreign=2, held_out=0)
    first = [*paint_references(model, collection, plan)]
    rows = load_references(collection, plan)
    (collection.path / rows[1].file).unlink()
    again = [*paint_references(model, collection, plan)]
    assert len(first) == len(again) == 3
    assert load_references(collection, plan) == rows


def test_without_references_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="featurize"):
        load_references(small_collection(tmp_path / "c"))
