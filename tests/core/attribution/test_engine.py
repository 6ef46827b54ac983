"""The engine, whole: paint and trace on a small real collection; bad states are named."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.attribution.calibration.attributable import signals
from core.attribution.calibration.calibrate import reference_signals
from core.attribution.calibration.references import traced_references
from core.attribution.engine import Engine, choose_device
from core.attribution.features.build import build_features
from core.attribution.features.featurizer import Featurizer
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import SPECS
from core.attribution.features.store import FeatureStore, features_directory
from core.attribution.methods import METHODS
from core.attribution.scoring.ridge import DEFAULT_RULE
from core.attribution.scoring.scorer import score
from core.collection.store import load_collection
from core.collection.types import Collection, class_prompt
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.sampling import Painted
from core.diffusion.tensors import image_to_tensor
from core.errors import ModelError, StoreError, UsageError
from tests.small import PLAN, picture


@pytest.fixture(scope="module")
def engine(ready: Collection) -> Engine:
    return Engine.open(ready, device="cpu")


def own_copy(ready: Collection, place: Path) -> Collection:
    shutil.copytree(ready.path, place)
    return load_collection(place)


def opened(collection: Collection, number: int) -> Image.Image:
    with Image.open(collection.image_path(collection.works[number])) as image:
        return image.convert("RGB")


def test_a_training_work_meets_its_own_feature(engine: Engine, ready: Collection) -> None:
    stored = FeatureStore.open(features_directory(ready, "default")).load().phi
    for number, work in enumerate(ready.works):
        attribution = engine.attribute(opened(ready, number), style=work.style)
        assert attribution.proponents(1)[0].work == work
        expected = float(stored[number].double() @ stored[number].double())
        assert expected > 0


def test_scores_have_a_place_for_every_work(engine: Engine, ready: Collection) -> None:
    attribution = engine.attribute(picture(77), style="cubism")
    assert (
        attribution.scores.shape
        == attribution.z.shape
        == attribution.self_influence.shape
        == (len(ready.works),)
    )
    ranked = [row.score for row in attribution.proponents(5)]
    assert ranked == sorted(ranked, reverse=True)
    assert all(score > 0 for score in ranked)
    assert all(row.score < 0 for row in attribution.opponents(5))
    assert [row.rank for row in attribution.proponents(3)] == [1, 2, 3]


def test_chosen_works_keep_their_rank_among_all(engine: Engine, ready: Collection) -> None:
    attribution = engine.attribute(picture(77), style="cubism")
    order = sorted(range(len(ready.works)), key=lambda place: -attribution.scores[place])
    chosen = [order[7], order[0], order[-1]]
    rows = attribution.at(chosen)
    assert [row.rank for row in rows] == [1, 8, len(order)]
    assert [row.work for row in rows] == [ready.works[order[i]] for i in (0, 7, -1)]
    assert attribution.at([order[2]]) == attribution.proponents(3)[2:]


AT_HAND = [name for name, row in METHODS.items() if row.served and row.features in SPECS]


def test_only_methods_with_features_are_at_hand(engine: Engine) -> None:
    assert list(engine.methods_available) == AT_HAND
    assert {"d-trak", "trak", "relative-influence", "raw-pixel-dot"} <= set(AT_HAND)
    assert not {"trak-ensemble", "journey-trak", "datamodel"} & set(AT_HAND)


@pytest.mark.parametrize("name", AT_HAND)
def test_every_method_answers(engine: Engine, name: str) -> None:
    attribution = engine.attribute(picture(5), style="ukiyo_e", method_name=name)
    assert np.isfinite(attribution.scores).all()
    assert attribution.method == name


def test_eight_threads_get_the_answers_of_one(engine: Engine) -> None:
    alone = [engine.attribute(picture(n), style="cubism").scores for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(
            pool.map(lambda n: engine.attribute(picture(n), style="cubism").scores, range(8))
        )
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_painting_and_tracing_do_not_disturb_each_other(engine: Engine) -> None:
    def painted(seed: int) -> bytes:
        events = engine.paint("cubism", seed=seed, steps=4, guidance=1.5)
        return next(e.image.tobytes() for e in events if isinstance(e, Painted))

    alone = painted(1)
    scores = engine.attribute(picture(3), style="cubism").scores
    with ThreadPoolExecutor(4) as pool:
        pictures = [pool.submit(painted, 1) for _ in range(3)]
        traces = [pool.submit(engine.attribute, picture(3), style="cubism") for _ in range(3)]
        assert all(job.result() == alone for job in pictures)
        for job in traces:
            np.testing.assert_array_equal(job.result().scores, scores)


def test_without_a_class_the_model_says_which(engine: Engine, ready: Collection) -> None:
    attribution = engine.attribute(picture(9))
    assert attribution.style_guessed
    assert attribution.style in ready.styles


def test_similar_works_are_those_that_look_alike(engine: Engine, ready: Collection) -> None:
    nearest = engine.similar(opened(ready, 4), 3)
    assert nearest[0][0] == ready.works[4]
    assert nearest[0][1] == pytest.approx(1.0, abs=1e-3)


def test_unknown_names_are_refused(engine: Engine) -> None:
    with pytest.raises(UsageError, match="cubism"):
        engine.attribute(picture(1), style="fauvism")
    with pytest.raises(UsageError, match="d-trak"):
        engine.attribute(picture(1), style="cubism", method_name="magic")
    with pytest.raises(UsageError, match="cubism"):
        next(engine.paint("fauvism", seed=0, steps=2, guidance=1.0))
    with pytest.raises(UsageError, match="auto or cpu"):
        choose_device("abacus")


def test_features_of_another_model_are_refused(ready: Collection, tmp_path: Path) -> None:
    collection = own_copy(ready, tmp_path / "c")
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    for parameter in model.attributed_parameters().values():
        parameter.data += 0.01
    model.save_lora(collection.path / "lora")
    with pytest.raises(StoreError, match="other model.*featurize"):
        Engine.open(collection, device="cpu")


def test_a_truncated_shard_stops_the_engine(ready: Collection, tmp_path: Path) -> None:
    collection = own_copy(ready, tmp_path / "c")
    shard = features_directory(collection, "default") / "shard-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(StoreError, match="truncated"):
        Engine.open(collection, device="cpu")


def test_a_missing_model_and_missing_features_say_what_to_do(
    ready: Collection, tmp_path: Path
) -> None:
    collection = own_copy(ready, tmp_path / "c")
    shutil.rmtree(features_directory(collection, "simple"))
    engine = Engine.open(collection, device="cpu")
    with pytest.raises(UsageError, match="trak.*featurize"):
        engine.attribute(picture(1), style="cubism", method_name="trak")
    shutil.rmtree(features_directory(collection, "default"))
    with pytest.raises(StoreError, match="featurize"):
        Engine.open(collection, device="cpu")
    shutil.rmtree(collection.path / "model")
    with pytest.raises(ModelError, match="train"):
        Engine.open(collection, device="cpu")


def test_featurizing_resumes_to_the_same_bytes(ready: Collection, tmp_path: Path) -> None:
    collection = own_copy(ready, tmp_path / "c")
    directory = features_directory(collection, "default")
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    for path in before:
        if path.name in ("shard-00000.safetensors", "index.safetensors", "trust.json"):
            path.unlink()
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    for _ in build_features(model, collection, "default", SPECS["default"], plan=PLAN):
        pass
    assert {path: path.read_bytes() for path in before} == before


def test_normalised_timesteps_are_answered_from_features_of_their_own(
    ready: Collection, tmp_path: Path
) -> None:
    """Never from the default ones, which hold the plain mean."""
    collection = own_copy(ready, tmp_path / "c")
    image = picture(5)
    with pytest.raises(UsageError, match="'square-normalised'"):
        Engine.open(collection, device="cpu").attribute(image, method_name="d-trak-normalised")
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    spec = replace(SPECS["default"], normalised=True)
    for _ in build_features(model, collection, "square-normalised", spec, plan=PLAN):
        pass
    engine = Engine.open(collection, device="cpu")
    assert set(engine.methods_available) == {*AT_HAND, "d-trak-normalised"}
    phi, query = (
        Featurizer(model, spec).features(
            torch.cat([model.encode(image_to_tensor(one, model.image_size)[None]) for one in some]),
            [class_prompt(style) for style in styles],
            ["-"] * len(some),
        )
        for some, styles in (
            (
                [opened(collection, n) for n in range(len(ready.works))],
                [w.style for w in ready.works],
            ),
            ([image], ["cubism"]),
        )
    )
    expected = score(
        METHODS["d-trak-normalised"], phi.phi.double().numpy(), query.phi.double().numpy()
    )[0]
    answer = engine.attribute(image, style="cubism", method_name="d-trak-normalised").scores
    plain = engine.attribute(image, style="cubism", method_name="d-trak").scores
    gaps = [float(np.linalg.norm(scores - expected)) for scores in (answer, plain)]
    assert gaps[0] < 0.02 * np.linalg.norm(expected)  # the index answers in int8
    assert gaps[0] < 0.5 * gaps[1]


@pytest.mark.parametrize("name", [row.name for row in METHODS.values() if not row.served])
def test_a_method_of_several_models_is_refused_and_not_answered_by_another(
    engine: Engine, ready: Collection, name: str
) -> None:
    with pytest.raises(UsageError, match=f"'{name}' cannot be answered from one model"):
        engine.attribute(opened(ready, 0), method_name=name)
    with pytest.raises(UsageError, match=f"'{name}'"):
        engine.compare(opened(ready, 0), ready.styles[0], ["d-trak", name])


def test_a_reference_picture_has_the_signals_that_it_was_fitted_with(
    engine: Engine, ready: Collection
) -> None:
    """What is attributable is asked with the very numbers that it was learnt from."""
    directory = features_directory(ready, "default")
    rows = traced_references(ready, directory)
    fitted = reference_signals(ready, directory, rows, DEFAULT_RULE)
    for row, wanted in list(zip(rows, fitted, strict=True))[::5]:
        with Image.open(ready.path / row.file) as image:
            found = engine.attribute(
                image.convert("RGB"), style=row.style, query_sha256=row.sha256
            ).signals
        values = [np.array([found[name]]) for name in ("explained", "gain", "fine_loss")]
        # the index answers in int8
        np.testing.assert_allclose(signals(*values)[0], wanted, atol=0.05)


def test_the_explained_share_is_that_of_the_hat_matrix(engine: Engine, ready: Collection) -> None:
    image = picture(77)
    found = engine.attribute(image, style="cubism")
    store = FeatureStore.open(features_directory(ready, "default"))
    phi = store.load(keys_of_works(ready, store.header.spec)).phi.double().numpy()
    latents = engine._encode(image, engine._newest())
    featurizer = engine._newest().featurizer("default")
    made = featurizer.features(latents, [class_prompt("cubism")], [found.query_sha256])
    query = made.phi[0].double().numpy()
    # ridge regression of the query on the works, by least squares over stacked rows
    ridge = np.sqrt(engine.lambda_) * np.eye(len(phi))
    wanted = np.concatenate([query, np.zeros(len(phi))])
    weights = np.linalg.lstsq(np.concatenate([phi.T, ridge]), wanted, rcond=None)[0]
    fitted, length = float(query @ phi.T @ weights), float(query @ query)
    assert found.signals["explained"] == pytest.approx(fitted / length, abs=0.02)
    assert found.query_leverage == pytest.approx((length - fitted) / engine.lambda_, rel=0.05)


def test_verdict_and_what_is_owed_are_one_number(engine: Engine) -> None:
    for seed in range(4):
        found = engine.attribute(picture(seed), style="cubism")
        assert found.attributable == found.trust.familiarity
        assert (found.attributable == 0) == (found.trust.verdict == "unfamiliar")
        assert found.parts is not None
        assert sum(influence for influence, _ in found.artists.values()) == pytest.approx(
            found.parts.sum()
        )
        assert set(found.artists) == {work.artist_id for work in found.works}
