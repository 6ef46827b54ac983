"""An index in several hands gives what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attribution.methods import method
from core.attribution.scoring import index as index_module
from core.attribution.scoring.index import ArtistRows, Index, Works, build_index
from core.attribution.scoring.sharding import LocalHolders, ShardedIndex, merged, split
from core.errors import UsageError

GENERATOR = torch.Generator().manual_seed(5)
WORKS = torch.randn(60, 24, generator=GENERATOR)
REFERENCES = torch.randn(9, 24, generator=GENERATOR)
QUERY = WORKS[7] + torch.randn(24, generator=GENERATOR)
ARTISTS = [f"artist-{number % 7}" for number in range(60)]


@pytest.fixture(params=["d-trak", "gradient-cosine", "das"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setattr(index_module, "BLOCK", 25)  # rows in three files
    works = Works.of(WORKS, torch.rand(60, generator=GENERATOR) + 0.5)
    return build_index(method(request.param), works, REFERENCES, "s")


@pytest.mark.parametrize("parts", [1, 2, 5, 200])
def test_scores_extremes_and_sums_are_those_of_the_whole(index: Index, parts: int) -> None:
    spread = ShardedIndex(index.unit, LocalHolders(split(index, ARTISTS, parts)))
    scores = index.scores(QUERY)
    np.testing.assert_allclose(spread.scores(QUERY), scores, rtol=1e-9, atol=1e-15)
    answer = spread.answer(QUERY, 10)
    assert answer.top.tolist() == np.argsort(-scores, kind="stable")[:10].tolist()
    assert answer.bottom.tolist() == np.argsort(scores, kind="stable")[:10].tolist()
    np.testing.assert_allclose(answer.top_z, index.z(scores)[answer.top], rtol=1e-9)
    np.testing.assert_allclose(answer.bottom_scores, scores[answer.bottom], rtol=1e-9)
    for artist in set(ARTISTS):
        own = sum(value for value, name in zip(scores, ARTISTS, strict=True) if name == artist)
        assert answer.sums[artist] == pytest.approx(own, rel=1e-9, abs=1e-12)


def test_sums_agree_with_summed_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")
    rows = ArtistRows.of(made, ARTISTS).sums(QUERY)
    sums = ShardedIndex(made.unit, LocalHolders(split(made, ARTISTS, 3))).answer(QUERY, 3).sums
    size = np.abs(made.scores(QUERY)).sum()
    assert sums == pytest.approx(rows, abs=1e-4 * size)


def test_more_extremes_than_works_gives_all_of_them(index: Index) -> None:
    shards = split(index, ARTISTS, 4)
    answer = merged([shard.answer(index.scaled_query(QUERY), 500) for shard in shards], 500)
    assert sorted(answer.top.tolist()) == list(range(60))


def test_an_index_in_another_order_is_not_split(index: Index) -> None:
    with pytest.raises(UsageError, match="featurize"):
        split(index.of_works([3, 2, 1]), ARTISTS[:3], 2)
    with pytest.raises(UsageError, match="2 artists do not fit 60"):
        split(index, ["a", "b"], 2)
