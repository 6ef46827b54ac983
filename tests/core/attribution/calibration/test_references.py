"""Reference pictures: painted once, resumed, and a table that counts every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from core.attribution.calibration.references import (
    BASE_FIRST_SEED,
    ReferencePlan,
    load_references,
    paint_references,
)
from core.collection.types import Collection, class_prompt
from core.diffusion.sampling import paint
from core.errors import StoreError
from tests.small import PLAN, small_collection, small_model


def test_every_kind_is_there_as_planned(ready: Collection) -> None:
    kinds = [row.kind for row in load_references(ready, PLAN)]
    assert kinds == ["generated"] * 6 + ["foreign"] * 10 + ["held-out"] * 4 + ["base"] * 4
    assert all((ready.path / row.file).is_file() for row in load_references(ready, PLAN))


def test_held_out_works_are_taken_in_turn_over_the_artists(ready: Collection) -> None:
    rows = load_references(ready, ReferencePlan(held_out=2))
    held_out = [row.file for row in rows if row.kind == "held-out"]
    assert len(held_out) == 2
    assert len({file.split("-")[1] for file in held_out}) == 2


def test_painting_again_changes_nothing_and_paints_only_what_is_missing(tmp_path: Path) -> None:
    collection, model = small_collection(tmp_path / "c"), small_model()
    plan = ReferencePlan(generated=3, foreign=2, held_out=0, base=1)
    first = [*paint_references(model, collection, plan)]
    rows = load_references(collection, plan)
    (collection.path / rows[1].file).unlink()
    again = [*paint_references(model, collection, plan)]
    assert len(first) == len(again) == 4
    assert load_references(collection, plan) == rows


def test_without_references_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="featurize"):
        load_references(small_collection(tmp_path / "c"))


def test_the_base_paints_as_if_it_had_never_learnt_the_collection(tmp_path: Path) -> None:
    """Against a model whose LoRA was set to nothing; afterwards the LoRA paints again."""
    collection, model = small_collection(tmp_path / "c"), small_model()
    with torch.no_grad():  # a LoRA that was never trained changes nothing
        for name, value in model.attributed_parameters().items():
            if "lora_B" in name:
                value += 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    plan = ReferencePlan(generated=1, foreign=1, held_out=0, base=1)
    list(paint_references(model, collection, plan))
    rows = {row.kind: row for row in load_references(collection, plan)}
    style = rows["base"].style
    asked = {
        "seed": BASE_FIRST_SEED,
        "steps": collection.default_steps,
        "guidance": collection.default_guidance,
    }
    learnt = paint(model, class_prompt(style), **asked)  # type: ignore[arg-type]
    with torch.no_grad():
        for name, value in model.attributed_parameters().items():
            if "lora_B" in name:
                value.zero_()
    never = paint(model, class_prompt(style), **asked)  # type: ignore[arg-type]
    with Image.open(collection.path / rows["base"].file) as painted:
        assert painted.tobytes() == never.tobytes() != learnt.tobytes()
