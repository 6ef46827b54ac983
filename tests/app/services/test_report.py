"""A collection's report is written by the real commands, and its page says what it says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from app.services.report import ReportResult, load_report, make_report
from app.settings import EMBEDDED, read_settings
from app.web.pages.method import section
from core.attribution.features.store import FeatureStore, features_directory
from core.collection.store import load_collection
from core.collection.types import Collection
from core.errors import StoreError
from core.evaluation.benchmark import base_digest
from core.evaluation.report import artist_figures
from tests.core.evaluation.measured_artists import artists_json


@pytest.fixture
def copied(ready: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(ready.path, tmp_path / "small")
    return load_collection(tmp_path / "small")


def experiment() -> dict[str, object]:
    plain = {"lambda_rule": "default", "noise": "shared", "sd": 1.0, "artist_top1": 0.25}
    return {
        "rows": [
            {"method": "d-trak", "pool": pool, "split": "generation", "lds": lds, **plain}
            for pool, lds in (("lds", 12.0), ("artists", 43.0))
        ],
        "config": {
            "works": 12,
            "works_a_subset": 6,
            "epochs": 3,
            "parameters": 100,
            "validation": 3,
            "generated": 3,
        },
        "regimes": [{"pool": "lds", "ratio": 1.02, "memorising": False}],
    }


def written(
    collection: Collection, home: Path, benchmark: Path | None, **more: bool
) -> ReportResult:
    settings = read_settings(home=home, collection=collection.path, device="cpu")
    *_, last = make_report(settings, benchmark, limit=2, checks=more.get("checks", True))
    assert isinstance(last, ReportResult)
    return last


def test_a_report_holds_checks_figures_and_the_verdicts_roc(
    copied: Collection, tmp_path: Path
) -> None:
    bench = tmp_path / "bench"
    bench.mkdir()
    (bench / "main.json").write_text(json.dumps(experiment()))
    own = [work.sha256 for work in copied.works[:6]]
    (bench / "config.json").write_text(json.dumps({"works": own}))
    result = written(copied, tmp_path / "home", bench)
    assert result.file == copied.path / "report.json"
    names = {name for name, _, _ in result.report.checks}
    assert {"d-trak: self-retrieval", "trak: self-retrieval", "das: artist top-1"} <= names
    (one,) = result.report.methods
    assert (one.lds_generation, one.group_lds_generation) == (12.0, 43.0)
    loaded = load_report(copied)
    assert loaded is not None
    html = section(loaded)
    assert "half of 12 works" in html and ">43<" in html and "hardly memorised" in html
    assert re.search(r"Measured on \d+ \w{3} 20\d\d\.", html)


def test_without_a_benchmark_the_page_says_what_is_not_known(
    copied: Collection, tmp_path: Path
) -> None:
    assert load_report(copied) is None
    assert "Nobody has measured" in section(None)
    written(copied, tmp_path / "home", None, checks=False)
    assert "is not known" in section(load_report(copied))


def test_another_collections_benchmark_is_refused(copied: Collection, tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text(json.dumps(experiment()))
    (tmp_path / "config.json").write_text(json.dumps({"works": ["another picture"]}))
    with pytest.raises(StoreError, match="other works than the collection 'small'"):
        written(copied, tmp_path / "home", tmp_path, checks=False)


def test_of_two_counterfactuals_one_must_be_named(copied: Collection, tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text(json.dumps(experiment()))
    (tmp_path / "config.json").write_text(json.dumps({"works": []}))
    for works in (5, 10):
        (tmp_path / f"counterfactual-{works}-shared-10.json").write_text("{}")
    with pytest.raises(StoreError, match="holds 2 counterfactuals"):
        written(copied, tmp_path / "home", tmp_path, checks=False)


def test_an_unfinished_benchmark_and_a_damaged_report(copied: Collection, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="evaluate lds --preset workshops"):
        written(copied, tmp_path / "home", tmp_path, checks=False)
    (copied.path / "report.json").write_text("{")
    assert load_report(copied) is None
    (copied.path / "report.json").write_text('{"collection": "another"}')
    assert load_report(copied) is None


def judged(collection: str = "small", digest: str = "") -> str:
    one = {"pictures": 4, "in_class": 0.5, "confidence": 0.4}
    return json.dumps(
        {
            "collection": collection,
            "model_digest": digest,
            "embedding": "test",
            "hands": 1.0,
            "hands_of": "held-out works",
            "held_out": one,
            "painted": one,
            "distance": 128.0,
            "distance_held_out": 2.9,
            "sharpness": {"cubism": 0.6},
            "copies": 0.25,
            "sheet": "/somewhere/sheet.png",
        }
    )


def test_what_the_judge_said_stands_in_the_report_of_its_model_alone(
    copied: Collection, tmp_path: Path
) -> None:
    file = tmp_path / "pictures.json"
    digest = FeatureStore.open(features_directory(copied, "default")).header.model_digest
    settings = read_settings(home=tmp_path / "home", collection=copied.path, device="cpu")

    def report() -> ReportResult:
        *_, last = make_report(settings, None, pictures=file, limit=2, checks=False)
        assert isinstance(last, ReportResult)
        return last

    file.write_text(judged(digest=digest))
    pictures = report().report.pictures
    assert pictures is not None and pictures["copies"] == 0.25 and pictures["sheet"] is None
    page = section(load_report(copied))
    assert "Does the model paint as its works look?" in page and "Cubism 0.60." in page
    file.write_text(judged(collection="another", digest=digest))
    with pytest.raises(StoreError, match="judges the collection 'another', not 'small'"):
        report()
    file.write_text(judged(digest="0" * 64))
    with pytest.raises(StoreError, match="judges another model"):
        report()
    file.write_text("{}")
    with pytest.raises(StoreError, match="evaluate pictures --json"):
        report()


def test_what_retrieval_printed_is_not_measured_again(copied: Collection, tmp_path: Path) -> None:
    file = tmp_path / "retrieval.json"
    row = {"check": "artist top-1", "value": 0.5, "queries": 4}
    digest = FeatureStore.open(features_directory(copied, "default")).header.model_digest
    older = {"collection": "small", "method": "trak", "rows": [row]}
    answer = older | {"model_digest": digest}
    file.write_text(json.dumps([answer]))
    settings = read_settings(home=tmp_path / "home", collection=copied.path, device="cpu")

    def report() -> ReportResult:
        *_, last = make_report(settings, None, retrieval=file, limit=2, checks=True)
        assert isinstance(last, ReportResult)
        return last

    assert report().report.checks == (("trak: artist top-1", 0.5, 4),)
    file.write_text(json.dumps([answer | {"collection": "another"}]))
    with pytest.raises(StoreError, match="checks the collection 'another', not 'small'"):
        report()
    file.write_text(json.dumps([older]))
    with pytest.raises(StoreError, match=r"does not name, and .* evaluate retrieval --method all"):
        report()
    file.write_text("[{]")
    with pytest.raises(StoreError, match="evaluate retrieval --method all --json"):
        report()


def test_the_benchmark_by_artist_gets_from_its_folder_to_the_page(
    copied: Collection, tmp_path: Path
) -> None:
    result = artists_json()
    (tmp_path / "artists.json").write_text(json.dumps(result))
    own = [work.sha256 for work in copied.works]
    (tmp_path / "config.json").write_text(json.dumps({"works": own}))
    settings = read_settings(home=tmp_path / "home", collection=copied.path, device="cpu")
    *_, last = make_report(settings, None, artists=tmp_path, limit=2, checks=False)
    assert isinstance(last, ReportResult)
    loaded = load_report(copied)
    assert loaded is not None and loaded["artists"] == artist_figures(result)
    html = section(loaded)
    assert "Are the right artists credited?" in html and "was not held" not in html
    assert "without halves of this collection yet" in html


def test_sharpened_figures_are_written_beside_the_plain_ones(
    copied: Collection, tmp_path: Path
) -> None:
    booked = {"method": "d-trak", "noise": "shared", "pool": "artists", "split": "generation"}
    learnt = {"rule": "summed", "shape": "p learnt on other queries", "lds": 51.0, "sd": 1.0}
    (tmp_path / "main.json").write_text(json.dumps({**experiment(), "booked": [booked | learnt]}))
    (tmp_path / "config.json").write_text(json.dumps({"works": []}))
    written(copied, tmp_path / "home", tmp_path, checks=False)
    loaded = load_report(copied)
    assert loaded is not None
    assert loaded["methods"][0]["sharpened_group_lds_generation"] == 51.0
    assert ">43 → 51<" in section(loaded)


def test_figures_of_another_base_model_are_refused(copied: Collection, tmp_path: Path) -> None:
    own = [work.sha256 for work in copied.works]
    config = {"works": own, "base": base_digest(copied.path / "model")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "main.json").write_text(json.dumps(experiment()))
    (tmp_path / "artists.json").write_text(json.dumps(artists_json()))
    digest = FeatureStore.open(features_directory(copied, "default")).header.model_digest
    answer = {"collection": "small", "method": "trak", "rows": [], "model_digest": digest}
    retrieval = tmp_path / "retrieval.json"
    retrieval.write_text(json.dumps([answer]))
    settings = read_settings(home=tmp_path / "home", collection=copied.path, device="cpu")

    def report(benchmark: Path | None = None, **files: Path) -> None:
        list(make_report(settings, benchmark, limit=2, checks=False, **files))

    report(tmp_path, removals=tmp_path, artists=tmp_path, retrieval=retrieval)
    (weights,) = (copied.path / "model" / "unet").glob("*.safetensors")
    tensors = load_file(weights)
    name = min(tensors)
    tensors[name] = tensors[name] + 0.5
    save_file(tensors, weights, metadata={"format": "pt"})
    refusal = "was made on another base model"
    with pytest.raises(StoreError, match=refusal):
        report(tmp_path)
    for option in ("removals", "artists"):
        with pytest.raises(StoreError, match=refusal):
            report(**{option: tmp_path})
    with pytest.raises(StoreError, match="checks another model"):
        report(retrieval=retrieval)
    report()


def test_a_figure_that_is_no_number_stands_in_no_report(copied: Collection, tmp_path: Path) -> None:
    values = experiment()
    values["rows"][0]["lds"] = float("nan")  # type: ignore[index]
    (tmp_path / "main.json").write_text(json.dumps(values))
    (tmp_path / "config.json").write_text(json.dumps({"works": []}))
    with pytest.raises(StoreError, match="is no number"):
        written(copied, tmp_path / "home", tmp_path, checks=False)
    assert load_report(copied) is None


def test_the_embedded_report_is_of_the_model_that_ships() -> None:
    """Whoever trains it again judges it again."""
    report = load_report(load_collection(EMBEDDED, check_files=False))
    assert report is not None
    digest = FeatureStore.open(EMBEDDED / "features" / "default").header.model_digest
    assert report["pictures"]["model_digest"] == digest
    assert report["pictures"]["painted"]["pictures"] >= 96
