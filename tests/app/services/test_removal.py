"""Works leave for good: beside no import, whatever was interrupted, and with all that is theirs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.services.artists import opt_outs_file
from app.services.removal import take_out
from app.settings import Settings, read_settings
from core.attribution.features.build import build_features
from core.attribution.features.spec import DEFAULT, SPECS
from core.attribution.features.store import FeatureStore, features_directory
from core.collection.artists.opt_outs import read_opt_outs
from core.collection.importing.destination import no_import_beside
from core.collection.removal import remove_works, removed_works, works_of
from core.collection.store import load_collection, save_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import CollectionError
from tests.small import PLAN


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(home=tmp_path / "home", device="cpu")


@pytest.fixture
def own(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "own")
    return load_collection(tmp_path / "own")


def rows_of(collection: Collection) -> int:
    return len(FeatureStore.open(features_directory(collection, DEFAULT)).keys())


def test_no_work_leaves_beside_an_import_which_would_bring_it_back(
    own: Collection, settings: Settings
) -> None:
    with no_import_beside(own), pytest.raises(CollectionError, match="Wait until it has ended"):
        take_out(settings, own.path, works=[own.works[0].id])
    assert load_collection(own.path).works == own.works


def test_what_an_import_brought_meanwhile_stays(own: Collection, settings: Settings) -> None:
    """Whoever takes works out reads the tables when nobody else writes them."""
    stale = own
    save_collection(replace(stale, works=stale.works[:-1]))
    take_out(settings, stale.path, works=[stale.works[0].id])
    assert load_collection(stale.path, check_files=False).works == stale.works[1:-1]


def test_an_artists_removal_that_was_killed_is_finished_by_repeating_it(
    own: Collection, settings: Settings
) -> None:
    artist = own.artists[0]
    ids = works_of(own, [artist.id])
    before, files = rows_of(own), [own.path / own.work(one).file for one in ids[:1]]
    kept = files[0].read_bytes()
    remove_works(own, ids, "asked")  # killed here
    files[0].write_bytes(kept)  # or a little earlier
    take_out(settings, own.path, artists=[artist.id])
    assert rows_of(own) < before
    assert not files[0].exists()
    wishes = read_opt_outs(opt_outs_file(settings))
    assert wishes.of_person((artist.name,), artist.identifiers) is not None


def test_a_work_learnt_under_a_caption_takes_its_features_along(
    own: Collection, settings: Settings
) -> None:
    captioned = replace(
        own,
        by_caption=True,
        works=tuple(
            replace(work, caption=f"number {place} of them") for place, work in enumerate(own.works)
        ),
    )
    save_collection(captioned)
    captioned = load_collection(own.path)
    assert captioned.label(captioned.works[0]) == "number 0 of them"
    shutil.rmtree(own.path / "features")
    model = PipelineModel.load(own.path / "model", own.path / "lora")
    for _ in build_features(model, captioned, DEFAULT, SPECS[DEFAULT], plan=PLAN):
        pass
    before = rows_of(captioned)
    gone = take_out(settings, own.path, works=[captioned.works[0].id])
    assert gone.features == 1
    assert rows_of(captioned) == before - 1
    assert [one.caption for one in removed_works(own.path)] == [""]
