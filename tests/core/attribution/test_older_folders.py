"""A collection's folder written by the first format opens unchanged, with the figures of then."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.attribution.engine import Engine
from core.attribution.features.store import FeatureStore
from core.attribution.methods import D_TRAK, method
from core.attribution.scoring.works_index import make_index
from core.collection.store import load_collection
from tests.small import picture

DATA = Path(__file__).parents[2] / "data"
RECORDED = json.loads((DATA / "collection-v1.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("older") / "collection"
    shutil.copytree(DATA / "collection-v1", place)
    for path in place.rglob("*"):
        path.chmod(stat.S_IREAD | (stat.S_IEXEC if path.is_dir() else 0))
    return place


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.open(load_collection(folder), device="cpu")


def test_what_is_said_of_it_is_what_was_said(engine: Engine) -> None:
    assert list(engine.methods_available) == RECORDED["methods"]
    assert engine.model.digest == RECORDED["model"]
    assert engine.spec.digest == RECORDED["spec"]
    assert engine.lambda_ == pytest.approx(RECORDED["lambda"], rel=1e-9)
    assert engine.added == RECORDED["added"] == 1


def assert_as_then(values: np.ndarray, then: object, rel: float) -> None:
    expected = np.array(then)
    np.testing.assert_allclose(values, expected, rtol=rel, atol=rel * np.abs(expected).max())


@pytest.mark.parametrize(
    "expected", RECORDED["stored"], ids=lambda one: f"{one['method']}-{one['reference']}"
)
def test_its_scores_are_those_of_then(folder: Path, expected: dict[str, Any]) -> None:
    """Of a vector that lies in the folder: no network, whose round-off differs by machine."""
    row = method(expected["method"])
    directory = folder / "features" / row.features
    query = FeatureStore.open(directory / "references").load().phi[expected["reference"]]
    index = make_index(load_collection(folder), directory, row)
    scores = index.scores(query)
    assert_as_then(scores, expected["scores"], 1e-5)
    assert_as_then(index.z(scores), expected["z"], 1e-5)
    if "leverage" in expected:
        phi = FeatureStore.open(directory).packed(index.keys_as_they_lie.tolist())
        # a difference of large numbers: 1.3e-5 apart on another processor
        assert index.leverage(query, phi) == pytest.approx(expected["leverage"], rel=1e-4)


@pytest.mark.parametrize(
    "expected", RECORDED["answers"], ids=lambda one: f"{one['method']}-{one['seed']}"
)
def test_its_answers_are_those_of_then(engine: Engine, expected: dict[str, Any]) -> None:
    answer = engine.attribute(
        picture(expected["seed"]), style="cubism", method_name=expected["method"]
    )
    for name in ("scores", "z"):
        assert_as_then(getattr(answer, name), expected[name], 1e-3)
    assert_as_then(answer.self_influence, self_influence_then(expected["method"]), 1e-3)
    assert answer.query_leverage == pytest.approx(expected["leverage"], rel=1e-3)
    assert answer.loss == pytest.approx(expected["loss"], rel=1e-4)
    assert answer.trust.familiarity == pytest.approx(expected["familiarity"], rel=0.02)
    assert answer.trust.verdict == expected["verdict"]


def self_influence_then(name: str) -> object:
    """How much is learnt by heart is said of the model: a method whose own figure is no share of a
    ridge regression (1 for every work, or 6) gives the default's since."""
    said_by = name if method(name).plain_ridge else D_TRAK
    return next(one["self_influence"] for one in RECORDED["answers"] if one["method"] == said_by)


def test_answering_changes_no_file(engine: Engine, folder: Path) -> None:
    engine.attribute(picture(1), style="ukiyo_e")
    original = DATA / "collection-v1"
    for path in original.rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(original)).read_bytes() == path.read_bytes()
    assert len(list(folder.rglob("*"))) == len(list(original.rglob("*")))
