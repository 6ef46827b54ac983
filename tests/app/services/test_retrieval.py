"""A learnt work, itself set aside: what the others say of it; and works are traced under what they
are learnt under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.services.retrieval import (
    RetrievalCheck,
    RetrievalResults,
    _itself_aside,
    check_retrieval,
)
from app.settings import read_settings
from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.spec import DEFAULT, SPECS
from core.attribution.result import Compared
from core.collection.store import load_held_out
from core.diffusion.pipeline_model import PipelineModel
from tests.small import PLAN, captioned_collection, save_small_model

MAKERS = [((artist, 1),) for artist in "aabbc"]
STYLES = ["x", "x", "y", "y", "y"]


def rows(z: list[list[float]], own: list[int]) -> dict[str, RetrievalCheck]:
    table = np.array(z)
    return {row.check: row for row in _itself_aside(table, table, own, MAKERS, STYLES)}


def test_a_works_own_score_counts_for_nothing() -> None:
    # work 0 scores itself highest, then its artist's other work; work 2 the wrong artist's
    checks = rows([[99.0, 9.0, 0.0, 0.0, 5.0], [9.0, 0.0, 99.0, 5.0, 0.0]], [0, 2])
    assert checks["artist top-1, itself aside"] == RetrievalCheck(
        "artist top-1, itself aside", 0.5, 2
    )
    assert checks["artist top-3, itself aside"].value == 1.0
    # of the other four works one, and two, are of the class
    assert checks["style precision@10, itself aside"].value == pytest.approx((1 / 4 + 2 / 4) / 2)


def test_an_artist_of_one_work_is_not_asked_for() -> None:
    checks = rows([[0.0, 9.0, 0.0, 0.0, 99.0]], [4])
    assert set(checks) == {"style precision@10, itself aside"}


def test_of_one_work_alone_no_other_is_asked() -> None:
    scores = np.array([[9.0]])
    assert _itself_aside(scores, scores, [0], MAKERS[:1], STYLES[:1]) == []


def test_captioned_works_are_traced_under_their_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = captioned_collection(tmp_path / "small")
    save_small_model(collection.path)
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    list(build_features(model, collection, DEFAULT, SPECS[DEFAULT], plan=PLAN))
    traced: list[str] = []
    compare = Engine.compare

    def spied(
        self: Engine, image: Image.Image, label: str, names: Sequence[str]
    ) -> dict[str, Compared]:
        traced.append(label)
        return compare(self, image, label, names)

    monkeypatch.setattr(Engine, "compare", spied)
    settings = read_settings(home=tmp_path / "home", collection=collection.path, device="cpu")
    *_, last = check_retrieval(settings, method="d-trak", limit=12, seed=0)
    assert isinstance(last, RetrievalResults)
    learnt = [collection.label(work) for work in collection.works]
    assert traced[:12] == learnt and len(set(learnt)) == 12
    painted, held_out = traced[12:24], load_held_out(collection)
    assert traced[24:] == [collection.label(work) for work in held_out]
    style_of = {collection.label(work): work.style for work in collection.works}
    assert Counter(style_of[label] for label in painted) == {"cubism": 6, "ukiyo_e": 6}
    assert set(painted) == set(collection.labels)
    checks = {row.check: row for row in last.methods[0].rows}
    assert checks["self-retrieval"].value == 1.0
    assert last.methods[0].model_digest == model.digest
