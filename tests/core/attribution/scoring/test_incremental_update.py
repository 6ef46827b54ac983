"""Works that join an index: the same numbers as an index fitted to all of them with that lambda."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.attribution.methods import method
from core.attribution.scoring.incremental_update import can_grow, grown
from core.attribution.scoring.index import (
    ArtistRows,
    Index,
    Works,
    build_index,
    load_index,
    save_index,
)
from core.attribution.scoring.ridge import LambdaRule
from core.errors import UsageError

GENERATOR = torch.Generator().manual_seed(0)
MODES = {"dual": 128, "primal": 20}


def made(dimension: int) -> tuple[Index, Index, torch.Tensor, torch.Tensor]:
    """An index of 50 works that grew by 4, one fitted to all 54, their features, references."""
    phi = torch.randn(54, dimension, generator=GENERATOR)
    references = torch.randn(12, dimension, generator=GENERATOR)
    keys = list(range(54))
    row = method("d-trak")
    old = Works.of(phi[:50])
    begun = build_index(row, old, references, "s", keys=keys[:50])
    bigger = grown(begun, old.kernel(), old, Works.of(phi[50:]), keys[50:], references)
    rule = LambdaRule("fixed", begun.lambda_)
    refitted = build_index(row, Works.of(phi), references, "s", rule, keys)
    return bigger, refitted, phi, references


@pytest.mark.parametrize("mode", MODES)
def test_grown_equals_fitted_anew(mode: str) -> None:
    bigger, refitted, phi, _ = made(MODES[mode])
    query = phi[52] + phi[3] + torch.randn(phi.shape[1], generator=GENERATOR)
    expected = refitted.scores(query)
    np.testing.assert_allclose(bigger.scores(query), expected, atol=0.02 * np.abs(expected).max())
    np.testing.assert_allclose(bigger.self_influence, refitted.self_influence, rtol=1e-8)
    np.testing.assert_allclose(
        bigger.null_spread, refitted.null_spread, atol=0.03 * refitted.null_spread.max()
    )


@pytest.mark.parametrize("mode", MODES)
def test_growing_twice_equals_growing_once(mode: str) -> None:
    bigger, _, phi, references = made(MODES[mode])
    old = Works.of(phi[:50])
    more = torch.cat([phi[50:], torch.randn(1, phi.shape[1], generator=GENERATOR)])
    again = grown(bigger, old.kernel(), old, Works.of(more), range(50, 55), references)
    whole = build_index(
        method("d-trak"),
        Works.of(torch.cat([phi[:50], more])),
        references,
        "s",
        LambdaRule("fixed", bigger.lambda_),
        range(55),
    )
    np.testing.assert_allclose(again.self_influence, whole.self_influence, rtol=1e-8)
    np.testing.assert_array_equal(again.keys, whole.keys)


def test_sums_an_artist_hold_for_what_was_added() -> None:
    bigger, _, phi, _ = made(128)
    artists = [f"artist-{number % 4}" for number in range(54)]
    scores, sums = bigger.scores(phi[51]), ArtistRows.of(bigger, artists).sums(phi[51])
    for artist, total in sums.items():
        own = sum(score for score, name in zip(scores, artists, strict=True) if name == artist)
        assert total == pytest.approx(own, abs=1e-3 * np.abs(scores).sum())


def test_saved_and_read_it_answers_alike_and_old_rows_are_not_written_again(tmp_path: Path) -> None:
    phi = torch.randn(30, 64, generator=GENERATOR)
    references = phi[:5] + 1.0
    old = Works.of(phi[:28])
    begun = build_index(method("d-trak"), old, references, "s", keys=range(28))
    save_index(begun, tmp_path)
    written = (tmp_path / "rows-00000.safetensors").stat().st_mtime_ns
    bigger = grown(begun, old.kernel(), old, Works.of(phi[28:]), [28, 29], references)
    save_index(bigger, tmp_path)
    assert (tmp_path / "rows-00000.safetensors").stat().st_mtime_ns == written
    loaded = load_index(tmp_path, "s")
    np.testing.assert_allclose(loaded.scores(phi[29]), bigger.scores(phi[29]), rtol=1e-6)
    save_index(begun, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.safetensors",
        "rows-00000.safetensors",
    ]


def test_only_plain_ridges_grow_and_not_without_end() -> None:
    assert can_grow(method("d-trak"), 1000, 100)
    assert not can_grow(method("d-trak"), 1000, 101)
    assert not can_grow(method("das"), 1000, 1)
    assert not can_grow(method("renormalised-influence"), 1000, 1)
    phi = torch.randn(10, 16, generator=GENERATOR)
    flat = build_index(method("gradient-dot"), Works.of(phi), phi, "s")
    with pytest.raises(UsageError, match="gradient-dot.*make it again"):
        grown(flat, Works.of(phi).kernel(), Works.of(phi), Works.of(phi), range(10), phi)
