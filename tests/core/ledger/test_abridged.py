"""Evidence without those who have no part in it gives the same shares, and proves the rest."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.ledger import abridged as abridging
from core.ledger.abridged import abridged, with_rest
from core.ledger.evidence import ArtistPart, Evidence
from core.ledger.hashes import is_run_digest, run_digest
from core.ledger.shares import rule_in_force, shares_by_evidence

FEW = 5
parts = some.tuples(
    some.floats(0, 1e6) | some.sampled_from([0.0, 5e-324, 1e-300, 1e300]),
    some.floats(0, 1) | some.sampled_from([0.0, 1e-4, 1e-3]),
)


@given(
    rows=some.lists(parts, min_size=FEW + 1, max_size=40),
    attributable=some.floats(0, 1),
    departed=some.sampled_from([0.0, 3.7]),
    cap=some.sampled_from([1.0, 0.3]),
)
def test_shares_of_what_is_listed_and_the_rest_are_those_of_the_whole(
    rows: list[tuple[float, float]], attributable: float, departed: float, cap: float
) -> None:
    artists = tuple(ArtistPart(f"a{n}", *row, 0.5) for n, row in enumerate(rows))
    whole = Evidence(attributable, artists, {"gain": 0.1}, departed)
    rule = rule_in_force("artist-influence", cap)
    expected = shares_by_evidence(whole, rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abridging, "LISTED", FEW)
        listed, rest = abridged(whole, expected.artist_micro.keys())
    if rest is None:
        assert listed == whole
        return
    assert len(listed.artists) + rest.artists == len(artists)
    left = {part.artist_id for part in artists} - {part.artist_id for part in listed.artists}
    total = sum(Fraction(part.influence) for part in artists if part.artist_id in left)
    assert sum(map(Fraction, rest.influence), Fraction(0)) == total
    drawn = shares_by_evidence(with_rest(listed, rest), rule)
    assert drawn == expected


def test_few_artists_are_all_listed() -> None:
    few = Evidence(0.5, tuple(ArtistPart(f"a{n}", 1.0, 1.0) for n in range(abridging.LISTED)))
    assert abridged(few, set()) == (few, None)


def test_the_rest_is_fixed_by_the_hash_that_the_runs_digest_covers() -> None:
    many = Evidence(0.5, tuple(ArtistPart(f"a{n}", 1.0, 1.0) for n in range(300)))
    text = json.dumps(many.plain(), sort_keys=True, separators=(",", ":"))
    _, rest = abridged(many, {"a1"})
    assert rest is not None
    assert rest.sha256 == hashlib.sha256(text.encode()).hexdigest()
    row = {"id": "r", "evidence": text}
    hashed = {"id": "r", "evidence_sha256": rest.sha256}
    assert run_digest(row, []) == run_digest(hashed, [])
    assert run_digest({**row, "evidence": text.replace("1.0", "2.0", 1)}, []) != run_digest(row, [])


def test_a_digest_that_was_made_before_still_counts_and_no_other_does() -> None:
    row = {"id": "r", "number": 3, "evidence": '{"attributable":0.5}', "actor": None}
    text = '[{"evidence":"{\\"attributable\\":0.5}","id":"r"},[]]'
    before = hashlib.sha256(text.encode()).hexdigest()
    assert is_run_digest(before, row, [])
    assert is_run_digest(run_digest(row, []), row, [])
    assert not is_run_digest(before, {**row, "id": "s"}, [])
