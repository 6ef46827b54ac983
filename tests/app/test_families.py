"""Every family goes the whole way by the same commands: import, train, featurize, generate,
attribute, book, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import cli
from core.collection.store import load_collection
from core.diffusion.pipeline_model import PipelineModel
from tests.small import PLAN, picture
from tests.tiny_families import PIPELINES, SIDE

STYLES = ("cubism", "ukiyo-e")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two artists with three works each, in two classes."""
    folder = tmp_path / "source"
    folder.mkdir()
    rows = ["file,artist,style"]
    for artist, style in zip(("Anna Ek", "Bo Ask"), STYLES, strict=True):
        for number in range(3):
            file = f"{style}-{number}.png"
            picture(100 * number + len(artist), 48).save(folder / file)
            rows.append(f"{file},{artist},{style}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("kind", [kind for kind in PIPELINES if kind != "SD 1.x"])
def test_a_family_is_trained_traced_and_credited_by_the_same_commands(
    kind: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, base = tmp_path / "mine", tmp_path / "base"
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CREDITLINE_COLLECTION", str(root))
    monkeypatch.setenv("CREDITLINE_DEVICE", "cpu")
    monkeypatch.setattr("app.services.featurizing.DEFAULT_PLAN", PLAN)
    monkeypatch.chdir(tmp_path)

    def answers(*arguments: object) -> Any:
        assert cli.main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    PIPELINES[kind](0).save_pretrained(base)
    assert answers("import", source, "--to", root, "--size", SIDE)["works"] == 6
    training = answers("train", root, "--base", base, "--steps", 3, "--rank", 2)
    assert (training["works"], training["rank"]) == (6, 2)
    model = PipelineModel.load(root / "model", root / "lora")
    assert type(model.pipeline).__name__ == type(PIPELINES[kind](0)).__name__
    few = ("--timesteps", 2, "--dimension", 64, "--references", 3)
    answers("featurize", root, *few)

    painted = answers("generate", "--class", "cubism", "--seed", 4, "--steps", 2, "-o", "a.png")
    assert Image.open(tmp_path / "a.png").size == (SIDE, SIDE)
    assert sum(one["micro"] for one in painted["shares"]) + painted["unattributed_micro"] == 10**6
    traced = answers("attribute", "a.png", "--class", "cubism")
    for one, other in zip(painted["proponents"], traced["proponents"], strict=False):
        assert (one["work_id"], one["score"]) == (other["work_id"], pytest.approx(other["score"]))
    work = load_collection(root).works[2]
    own = answers("attribute", root / work.file, "--class", work.style, "--record")
    assert own["proponents"][0]["work_id"] == work.id
    totals = answers("ledger", "totals")
    assert (totals["entries"], totals["total_micro"]) == (2, 2 * 10**6)
    assert answers("ledger", "verify")["ok"] is True
    report = answers("evaluate", "report", "--limit", 2)
    checks = {name: value for name, value, _ in report["checks"]}
    assert checks["d-trak: self-retrieval"] == 1.0
    assert answers("doctor")["ok"] is True
