"""Works leave a collection: the model has learnt them, so nothing that is said of it changes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.attribution.calibration.calibrate import load_trust, reference_values
from core.attribution.calibration.references import traced_references
from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.quantization import Packed
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import DEFAULT, SPECS, NoiseRule
from core.attribution.features.store import FeatureStore, checksum, features_directory
from core.attribution.methods import method
from core.attribution.removal import forget_works
from core.attribution.result import Attribution
from core.attribution.scoring.incremental_update import grown, shrunk
from core.attribution.scoring.index import Index, Works, build_index, load_index, save_index
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.attribution.scoring.works_index import make_index
from core.collection.removal import remove_works
from core.collection.store import load_collection, load_held_out, save_collection
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import read_tensors, save_tensors
from core.errors import UsageError
from tests.small import PLAN, picture

QUERIES = [("cubism", 5), ("ukiyo_e", 77), ("cubism", 401)]  # no works; and 0, 100, ... are works
OF_WORKS = [("cubism", 0), ("ukiyo_e", 101), ("cubism", 202)]


@pytest.fixture
def own(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "own")
    return load_collection(tmp_path / "own")


def featurize(collection: Collection) -> None:
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    for _ in build_features(model, collection, DEFAULT, SPECS[DEFAULT], plan=PLAN):
        pass


def answers(collection: Collection) -> list[Attribution]:
    engine = Engine.open(load_collection(collection.path), device="cpu")
    return [engine.attribute(picture(seed), style=style) for style, seed in (*QUERIES, *OF_WORKS)]


def leave(collection: Collection, *places: int) -> Collection:
    """These works leave, pictures and features and all."""
    gone = remove_works(collection, [collection.works[place].id for place in places], "asked")
    forget_works(collection, [(one.sha256, one.style) for one in gone])
    return load_collection(collection.path)


def assert_trusted_alike(before: list[Attribution], after: list[Attribution], rel: float) -> None:
    for one, other in zip(before, after, strict=True):
        assert other.query_leverage == pytest.approx(one.query_leverage, rel=rel)
        assert other.trust.familiarity == pytest.approx(one.trust.familiarity, rel=rel, abs=rel)
        assert other.trust.verdict == one.trust.verdict
        kept = [one.works.index(work) for work in other.works]
        allowed = rel * np.abs(one.scores).max()
        np.testing.assert_allclose(other.scores, one.scores[kept], rtol=rel, atol=allowed)


def test_leverage_and_verdicts_are_the_same_after_a_removal_as_before(own: Collection) -> None:
    before = answers(own)
    own = leave(own, 0, 3, 7)
    assert_trusted_alike(before, answers(own), 1e-3)
    own = leave(own, 2)
    assert len(own.works) == 8
    assert_trusted_alike(before, answers(own), 1e-3)


def test_nobody_inherits_the_part_of_works_that_left(own: Collection) -> None:
    """A picture that shows a work which left: the part of every other work is as it was."""
    before = answers(own)
    gone = [0, 3]
    after = answers(leave(own, *gone))
    for one, other in zip(before, after, strict=True):
        assert one.parts is not None and other.parts is not None
        kept = [one.works.index(work) for work in other.works]
        np.testing.assert_allclose(other.parts, one.parts[kept], rtol=1e-3, atol=1e-9)
        left = np.square(one.scores[gone]).sum()
        assert other.departed == pytest.approx(left, rel=1e-3)
        assert one.departed == 0.0
        parts = {row.work.id: row.part or 0.0 for row in one.proponents(99)}
        for row in other.proponents(99):
            assert (row.part or 0.0) <= parts.get(row.work.id, 0.0) * 1.001 + 1e-9


def test_an_open_engine_says_the_same_too(own: Collection) -> None:
    engine = Engine.open(own, device="cpu")
    before = [engine.attribute(picture(seed), style=style) for style, seed in QUERIES]
    leave(own, 0, 1, 2, 3, 4, 5)
    after = [engine.attribute(picture(seed), style=style) for style, seed in QUERIES]
    assert [len(one.works) for one in after] == [6, 6, 6]
    assert_trusted_alike(before, after, 1e-3)


def test_so_it_is_when_only_the_table_says_that_they_left(own: Collection) -> None:
    before = answers(own)
    save_collection(replace(own, works=own.works[4:]))
    after = answers(own)
    assert_trusted_alike(before, after, 1e-3)
    for one, other in zip(before, after, strict=True):  # nor does anybody inherit their part
        assert other.departed == pytest.approx(np.square(one.scores[:4]).sum(), rel=1e-3)


def test_an_engine_made_of_a_table_that_has_changed_since_reads_it_again(own: Collection) -> None:
    model = PipelineModel.load(own.path / "model", own.path / "lora")
    read = load_collection(own.path)
    leave(own, 0)
    assert len(Engine(model, read).collection.works) == len(own.works) - 1


def test_self_influence_is_a_leverage_whatever_the_method(own: Collection) -> None:
    """How far the model has a work to itself is said of the model, not of the method."""
    engine = Engine.open(own, device="cpu")
    usual = engine.attribute(picture(5), style="cubism").self_influence
    for name in ("gradient-dot", "gradient-cosine", "relative-influence"):
        answer = engine.attribute(picture(5), style="cubism", method_name=name)
        np.testing.assert_array_equal(answer.self_influence, usual)


def test_so_it_is_after_the_next_featurize(own: Collection) -> None:
    before, line = answers(own), load_trust(features_directory(own, DEFAULT))
    save_collection(replace(own, works=own.works[4:]))
    own = load_collection(own.path)
    featurize(own)
    assert len(FeatureStore.open(features_directory(own, DEFAULT)).keys()) == 8
    after = load_trust(features_directory(own, DEFAULT))
    assert after.centre == pytest.approx(line.centre, rel=1e-4)
    assert after.weights == pytest.approx(line.weights, rel=1e-3)
    assert_trusted_alike(before, answers(own), 1e-3)


def test_so_it_is_when_the_index_was_lost_and_is_fitted_again(own: Collection) -> None:
    before = answers(own)
    leave(own, 1, 5)
    shutil.rmtree(features_directory(own, DEFAULT) / "index")
    assert_trusted_alike(before, answers(own), 0.02)  # within int8


def test_so_it_is_when_works_had_joined_first(own: Collection) -> None:
    works = (*own.works, load_held_out(own)[0])
    save_collection(replace(own, works=works))
    own = load_collection(own.path)
    featurize(own)
    assert (features_directory(own, DEFAULT) / "index" / "d-trak" / "added.safetensors").is_file()
    before = answers(own)
    assert_trusted_alike(before, answers(leave(own, 2, 12)), 5e-3)


def test_a_work_that_joins_after_a_removal_meets_the_kernel_that_knew_all(own: Collection) -> None:
    everybody = leave(own, 4)
    save_collection(replace(everybody, works=(*everybody.works, load_held_out(own)[0])))
    everybody = load_collection(own.path)
    featurize(everybody)
    store = FeatureStore.open(features_directory(own, DEFAULT))
    index = make_index(everybody, store.directory, method("d-trak"))
    whole = [*own.works, everybody.works[-1]]
    left = FeatureStore.open(features_directory(own, DEFAULT)).departed()[0]
    phi = store.load(keys_of_works(everybody, store.header.spec)).phi
    table = torch.cat([left, phi]).double().numpy()
    assert len(table) == len(whole)
    inverse = np.linalg.inv(table.T @ table + index.lambda_ * np.eye(table.shape[1]))
    query = phi[-1] + 0.5 * left[0] - 0.5 * phi[2]
    expected = phi.double().numpy() @ inverse @ query.double().numpy()
    np.testing.assert_allclose(index.scores(query), expected, atol=0.02 * np.abs(expected).max())
    exact = float(query.double().numpy() @ inverse @ query.double().numpy())
    packed = store.packed(index.keys_as_they_lie.tolist())
    assert index.leverage(query, packed) == pytest.approx(exact, rel=0.02)


def test_a_removal_that_was_interrupted_is_finished_by_asking_again(
    own: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(own)

    def killed(self: FeatureStore, keys: list[int]) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FeatureStore, "forget", killed)
        leave(own, 0, 6)
    assert_trusted_alike(before, answers(own), 1e-3)
    pictures = [(own.works[place].sha256, own.works[place].style) for place in (0, 6)]
    forget_works(own, pictures)
    forget_works(own, pictures)
    assert_trusted_alike(before, answers(own), 1e-3)
    assert len(FeatureStore.open(features_directory(own, DEFAULT)).departed()[1]) == 2


def test_no_row_of_a_work_that_left_stays_where_no_kernel_asks_for_it(own: Collection) -> None:
    leave(own, 0, 1)
    assert not (features_directory(own, "latents") / "departed.safetensors").exists()
    for name in (DEFAULT, "simple", "average"):
        phi, keys = FeatureStore.open(features_directory(own, name)).departed()
        assert phi.shape == (2, 4096) and len(keys) == 2


def test_the_references_meet_the_kernel_that_a_query_meets(own: Collection) -> None:
    directory = features_directory(own, DEFAULT)
    rows = traced_references(own, directory)
    before, _ = reference_values(own, directory, rows, DEFAULT_RULE)
    after, works = reference_values(leave(own, 0, 8), directory, rows, DEFAULT_RULE)
    np.testing.assert_allclose(after, before, rtol=1e-4)
    assert len(works) == 10


GENERATOR = torch.Generator().manual_seed(3)
MODES = {"dual": 128, "primal": 20}


def explicit(phi: torch.Tensor, query: torch.Tensor, lambda_: float) -> float:
    table, vector = phi.double().numpy(), query.double().numpy()
    matrix = table.T @ table + lambda_ * np.eye(table.shape[1])
    return float(vector @ np.linalg.solve(matrix, vector))


@pytest.mark.parametrize("mode", MODES)
def test_leverage_is_the_explicit_form_whoever_left_and_joined(mode: str, tmp_path: Path) -> None:
    phi = torch.randn(54, MODES[mode], generator=GENERATOR)
    queries = torch.randn(4, MODES[mode], generator=GENERATOR)
    row, references = method("d-trak"), torch.randn(6, MODES[mode], generator=GENERATOR)
    named = dict(enumerate(phi))

    def check(index: Index, known: torch.Tensor, kept: list[int]) -> None:
        assert index.keys.tolist() == kept
        for query in queries:
            leverage = index.leverage(query, Packed.of(phi[kept], "float32"))
            assert leverage == pytest.approx(explicit(known, query, index.lambda_), rel=0.01)

    index = build_index(row, Works.of(phi[:50]), references, "s", keys=range(50))
    index = shrunk(index, {key: named[key] for key in (3, 17)})
    kept = [key for key in range(50) if key not in (3, 17)]
    check(index, phi[:50], kept)
    assert index.departed is not None
    kernel = Works.of(phi[kept]).with_rows(index.departed.phi).kernel()
    index = grown(index, kernel, Works.of(phi[kept]), Works.of(phi[50:]), range(50, 54), references)
    check(index, phi, [*kept, 50, 51, 52, 53])
    index = shrunk(index, {key: named[key] for key in (20, 51)})
    kept = [key for key in (*kept, 50, 52, 53) if key != 20]
    check(index, phi, kept)
    save_index(index, tmp_path)
    check(load_index(tmp_path, "s"), phi, kept)
    refitted = build_index(
        row,
        Works.of(phi[kept]),
        references,
        "s",
        LambdaRule("fixed", index.lambda_),
        kept,
        index.departed.phi,
    )
    check(refitted, phi, kept)


def test_what_is_kept_of_several_works_is_no_ones_feature() -> None:
    phi = torch.randn(30, 64, generator=GENERATOR)
    index = build_index(method("d-trak"), Works.of(phi), phi[:5] + 1, "s", keys=range(30))
    left = shrunk(index, {key: phi[key] for key in (2, 9, 11)}).departed
    assert left is not None
    cosines = torch.nn.functional.cosine_similarity(left.phi[:, None], phi[None], dim=2)
    assert cosines.abs().max() < 0.95
    torch.testing.assert_close(left.phi.T @ left.phi, phi[[2, 9, 11]].T @ phi[[2, 9, 11]])


def test_without_its_feature_no_work_leaves_a_ridge() -> None:
    phi = torch.randn(10, 16, generator=GENERATOR)
    index = build_index(method("d-trak"), Works.of(phi), phi[:5] + 1, "s", keys=range(10))
    with pytest.raises(UsageError, match="without features"):
        shrunk(index, {3: None})
    plain = build_index(method("gradient-dot"), Works.of(phi), phi[:5] + 1, "s", keys=range(10))
    assert len(shrunk(plain, {3: None})) == 9
    with pytest.raises(UsageError, match="Nothing would be left"):
        shrunk(plain, dict.fromkeys(range(10)))


def relabelled(collection: Collection, places: tuple[int, ...], style: str) -> Collection:
    """The same collection after an import that corrected the class of these works."""
    works = [
        replace(work, style=style) if place in places else work
        for place, work in enumerate(collection.works)
    ]
    save_collection(replace(collection, works=tuple(works)))
    return load_collection(collection.path)


@pytest.mark.parametrize("style", ["ukiyo_e", "a class nobody knew"])
def test_a_work_whose_class_was_corrected_has_not_left(
    own: Collection, tmp_path: Path, style: str
) -> None:
    places = tuple(n for n, work in enumerate(own.works) if work.style == "cubism")[:2]
    directory = features_directory(own, DEFAULT)
    shutil.rmtree(directory)
    featurize(own)  # from here on rows say which picture they are of
    own = relabelled(own, places, style)
    featurize(own)
    store = FeatureStore.open(directory)
    keys = keys_of_works(own, store.header.spec)
    assert store.departed()[1] == [] and sorted(store.keys()) == sorted(keys)
    shutil.copytree(own.path, tmp_path / "anew")
    anew = load_collection(tmp_path / "anew")
    shutil.rmtree(features_directory(anew, DEFAULT))
    featurize(anew)
    for one, other in zip(answers(own), answers(anew), strict=True):
        assert one.departed == 0.0
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-6)


def test_rows_of_before_that_say_no_picture_are_known_by_the_collections_classes(
    own: Collection,
) -> None:
    directory = features_directory(own, DEFAULT)
    for path in directory.glob("shard-*.safetensors"):
        tensors, marks = read_tensors(path)
        tensors.pop("pictures", None)
        save_tensors(path, tensors, marks | {"checksum": checksum(tensors)})
    featurize(relabelled(own, (0,), "ukiyo_e"))
    assert FeatureStore.open(directory).departed()[1] == []


def test_in_turns_of_noise_those_after_a_removed_work_have_not_left(
    own: Collection, tmp_path: Path
) -> None:
    spec = replace(SPECS[DEFAULT], noise=NoiseRule("cycle", period=3))
    model = PipelineModel.load(own.path / "model", own.path / "lora")
    shutil.rmtree(features_directory(own, DEFAULT))
    for _ in build_features(model, own, DEFAULT, spec, plan=PLAN):
        pass
    gone = remove_works(own, [own.works[0].id], "asked")
    forget_works(own, [(one.sha256, one.style) for one in gone])
    own = load_collection(own.path)
    for _ in build_features(model, own, DEFAULT, spec, plan=PLAN):
        pass
    phi, keys = FeatureStore.open(features_directory(own, DEFAULT)).departed()
    assert len(keys) == 1 and len(phi) == 1
