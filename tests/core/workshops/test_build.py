"""The plans by which the embedded collection is built, as far as they can be tried in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.settings import EMBEDDED
from core.diffusion.training.base_model import PLAN_FILE, LabelledImages, start_model
from core.diffusion.training.lora import kept_plan, save_plan
from core.workshops.build import SHIPPED, base_pictures
from core.workshops.roster import STYLES


@pytest.fixture(scope="module")
def pictures() -> LabelledImages:
    return base_pictures(replace(SHIPPED, base_works_per_hand=2))


def test_the_plan_starts_in_each_of_its_rounds(pictures: LabelledImages, tmp_path: Path) -> None:
    plan = SHIPPED.base
    for order in range(len(plan.rounds)):
        model = start_model(plan, pictures, order, tmp_path)
        assert model.latent_shape == (plan.shape_of(order).latent_channels, 16, 16)
    assert pictures.classes == tuple(sorted(STYLES))


def test_beside_the_lora_that_ships_lies_the_plan_by_which_it_is_built(tmp_path: Path) -> None:
    """What `workshops build --check` compares."""
    save_plan(SHIPPED.lora, tmp_path)
    shipped = EMBEDDED / "lora" / PLAN_FILE
    assert shipped.read_bytes() == (tmp_path / PLAN_FILE).read_bytes()
    assert kept_plan(shipped.parent) == SHIPPED.lora


def test_its_last_round_begins_with_pictures_that_are_recognisably_the_same(
    pictures: LabelledImages, tmp_path: Path
) -> None:
    """Before any training: 25 dB and more."""
    model = start_model(SHIPPED.base, pictures, len(SHIPPED.base.rounds) - 1, tmp_path)
    seen = pictures.images[::4].float() / 127.5 - 1.0
    with torch.no_grad():
        again = model.pipeline.vae.decode(model.encode(seen)).sample.clamp(-1, 1)
    error = ((again - seen) / 2).square().mean(dim=(1, 2, 3))
    assert float((-10 * error.log10()).mean()) > 25
