"""Files damaged by a seed end as a picture or as a refusal in words: nothing else, ever."""

from __future__ import annotations

import random

import pytest

from app.services.pack_verification import verify_pack
from core.errors import ProvenanceError
from core.provenance.pack import MANIFEST, SEAL, manifest_of, write_pack
from tests.attack.mutated_pictures import attack, mutants, mutated, originals

SEED = 7


def test_every_kind_of_picture_is_among_the_mutants() -> None:
    first = dict(mutants(len(originals()), SEED))
    assert len(first) == len(originals())
    assert first == dict(mutants(len(originals()), SEED))  # the same for one seed
    assert all(data not in originals().values() for data in first.values())


def test_mutated_pictures_are_opened_or_refused() -> None:
    outcome = attack(65, SEED)
    assert outcome.opened + sum(outcome.refused.values()) == 65
    assert outcome.opened and outcome.refused  # neither a wall nor an open door
    assert outcome.peak < 2**30


@pytest.mark.parametrize("seed", range(60))
def test_mutated_packs_are_refused_or_named(seed: int) -> None:
    """Of a ZIP with the files of a pack, whose contents are not JSON, keys or pictures at all."""
    chance = random.Random(seed)
    names = ("run.json", "entry.json", "proof.json", "picture.png", "key.pem", "README.txt")
    files = {name: chance.randbytes(chance.choice((0, 5, 300))) for name in names}
    for name in ("run.json", "proof.json", "entry.json"):
        files[name] = chance.choice((b"null", b"{}", b"[]", b"1e999", b'"x"', files[name]))
    files[MANIFEST] = manifest_of(files)
    files[SEAL] = chance.choice((b"{}", b"null", b"", b"[" * 9000))
    data = write_pack(files)
    for _ in range(20):
        try:
            answer = verify_pack(mutated(data, chance), "p.zip")
        except ProvenanceError as refusal:
            assert refusal.message.endswith(".")
        else:
            assert not answer.ok and answer.faults and not answer.proves
    assert {fault.file for fault in verify_pack(data, "p.zip").faults} >= {"key.pem", SEAL}
