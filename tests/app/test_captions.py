"""A collection with captions is learnt, traced and painted by them; any prompt can be painted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import cli
from core.attribution.features.shards import pictures_of
from core.collection.importing.importer import import_collection
from core.collection.store import load_collection
from core.diffusion.training.base_model import tiny_pipeline
from core.diffusion.training.loop import Execution, Recipe
from core.diffusion.training.lora import LoraTrainingPlan, load_pictures, train_lora
from core.errors import UsageError
from tests.small import PLAN, picture
from tests.tiny_families import SIDE

Answers = Callable[..., Any]
WORDS = ("red squares on a table", "a blue harbour, at dusk", "three yellow moons")


@pytest.fixture
def kohya(tmp_path: Path) -> Path:
    """Two classes as kohya's trainers want them; two pictures without a caption."""
    for style in ("10_cubism", "5_ukiyo-e"):
        folder = tmp_path / "source" / style
        folder.mkdir(parents=True)
        for number in range(3):
            stem = f"anna-ek_no-{number}"
            picture(100 * number + ord(style[-1]), 48).save(folder / f"{stem}.png")
            if number or style.startswith("10"):
                text = f"{WORDS[number]}\nby {style[-3:]}"
                (folder / f"{stem}.txt").write_text(text)
    return tmp_path / "source"


@pytest.fixture
def answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Answers:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CREDITLINE_COLLECTION", str(tmp_path / "mine"))
    monkeypatch.setenv("CREDITLINE_DEVICE", "cpu")
    monkeypatch.setattr("app.services.featurizing.DEFAULT_PLAN", PLAN)
    monkeypatch.chdir(tmp_path)

    def ask(*arguments: object) -> Any:
        assert cli.main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_captions_are_the_prompts_from_import_to_the_ledger(
    kohya: Path, tmp_path: Path, answers: Answers
) -> None:
    root, base = tmp_path / "mine", tmp_path / "base"
    tiny_pipeline(0).save_pretrained(base)
    answers("import", kohya, "--to", root, "--size", SIDE, "--prompts", "caption")
    collection = load_collection(root)
    assert collection.by_caption and collection.styles == ("cubism", "ukiyo-e")
    texts = {collection.prompt(collection.label(work)) for work in collection.works}
    assert texts == {
        *(f"{words} by ism" for words in WORDS),
        *(f"{words} by o-e" for words in WORDS[1:]),
        "a ukiyo-e painting",  # the picture that nobody described
    }
    answers("train", root, "--base", base, "--steps", 2, "--rank", 2, "--checkpointing")
    answers("featurize", root, "--timesteps", 2, "--dimension", 64, "--references", 3)
    prompt = "a green   dog by ism"
    painted = answers("generate", "--prompt", prompt, "--steps", 2, "-o", "a.png")
    traced = answers("attribute", "a.png", "--class", "a green dog by ism")
    pairs = zip(painted["proponents"], traced["proponents"], strict=False)
    for one, other in pairs:
        assert (one["work_id"], one["score"]) == (other["work_id"], pytest.approx(other["score"]))
    work = collection.works[0]
    own = answers("attribute", root / work.file, "--class", collection.label(work), "--record")
    assert own["proponents"][0]["work_id"] == work.id
    entries = answers("ledger", "entries")["entries"]
    assert {one["class"] for one in entries} == {"a green dog by ism", collection.label(work)}
    assert answers("ledger", "verify")["ok"] is True


def test_without_the_option_captions_are_kept_and_classes_are_the_prompts(
    kohya: Path, tmp_path: Path
) -> None:
    report = import_collection(kohya, tmp_path / "mine", size=SIDE)
    collection = load_collection(tmp_path / "mine")
    assert (
        not collection.by_caption
        and "prompts" not in (tmp_path / "mine" / "collection.toml").read_text()
    )
    assert collection.labels == collection.styles == ("cubism", "ukiyo-e")
    assert sum(bool(work.caption) for work in collection.works) == 5
    assert {label for _, label, _ in pictures_of(collection)} == {"cubism", "ukiyo-e"}
    again = import_collection(kohya, tmp_path / "mine", size=SIDE, prompts="caption")
    assert again.unchanged == report.works == 6
    by_caption = load_collection(tmp_path / "mine")
    assert by_caption.by_caption and by_caption.digest != collection.digest
    assert by_caption.knows("anything") and not by_caption.knows("  ")
    assert not collection.knows("anything")


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_an_imagefolders_table_gives_the_captions(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "source" / "train"
    folder.mkdir(parents=True)
    rows = []
    for number, words in enumerate(WORDS):
        picture(100 * number, 48).save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "text": words, "style": "x", "artist": "Bo Ask"})
    if kind == "jsonl":
        text = "\n".join(json.dumps(row) for row in rows)
    else:
        text = "\n".join(
            [",".join(rows[0]), *(f'"{r["file_name"]}","{r["text"]}",x,Bo Ask' for r in rows)]
        )
    (folder / f"metadata.{kind}").write_text(text + "\n")
    report = import_collection(folder, tmp_path / "mine", size=SIDE, prompts="caption")
    assert report.collection.labels == tuple(sorted(WORDS))
    assert any("3 of 3 works have one" in note for note in report.notes)


@pytest.mark.parametrize("kind", ["beside", "table"])
def test_captions_are_learnt_as_they_were_written_and_what_is_cut_is_named(
    kind: str, tmp_path: Path
) -> None:
    folder = tmp_path / "source" / "ink"
    folder.mkdir(parents=True)
    long, western = "a red square, " * 120, "décor à l'été"
    for number, (stem, text) in enumerate((("anna-ek_a", long), ("anna-ek_b", western))):
        picture(100 * number, 48).save(folder / f"{stem}.png")
        if kind == "beside":
            (folder / f"{stem}.txt").write_bytes(text.encode("cp1252"))
    if kind == "table":
        lines = ["file,style,artist,text", f'a,ink,Anna Ek,"{long}"', f'b,ink,Anna Ek,"{western}"']
        text = "\n".join(lines).replace("\na", "\nanna-ek_a.png").replace("\nb", "\nanna-ek_b.png")
        (folder / "metadata.csv").write_bytes(text.encode("cp1252"))
    source = folder if kind == "table" else folder.parent
    report = import_collection(source, tmp_path / "mine", size=SIDE, prompts="caption")
    kept = long.strip()[:1000].rstrip()
    assert set(report.collection.labels) == {kept, western}
    (note,) = (one for one in report.notes if "were cut" in one)
    assert "1000 letters" in note and "cut there: 1" in note and "anna-ek_a.png" in note
    assert not any("passed over" in one for one in report.notes)
    assert any("Windows-1252" in one and "anna-ek_b" in one for one in report.notes) or (
        kind == "table"
    )
    again = import_collection(source, tmp_path / "mine", size=SIDE)
    assert again.unchanged == 2


def test_checkpointing_and_parked_encoders_learn_the_same(kohya: Path, tmp_path: Path) -> None:
    import_collection(kohya, tmp_path / "mine", size=SIDE, prompts="caption")
    collection = load_collection(tmp_path / "mine")
    tiny_pipeline(0).save_pretrained(tmp_path / "mine" / "model")
    assert set(load_pictures(collection, collection.works).styles) == set(collection.labels)
    plan = LoraTrainingPlan(2, Recipe(steps=2, batch_size=2, warmup=1))
    files = []
    for checkpointing in (False, True):
        place = tmp_path / str(checkpointing)
        execution = Execution(checkpointing=checkpointing)
        list(
            train_lora(collection, collection.works, plan, place, place / "lora", "cpu", execution)
        )
        files.append((place / "lora" / "pytorch_lora_weights.safetensors").read_bytes())
    assert files[0] == files[1]


def test_a_prompt_has_letters_and_is_not_a_book(tmp_path: Path, kohya: Path) -> None:
    from core.attribution.snapshot import Snapshot
    from tests.small import small_model

    import_collection(kohya, tmp_path / "mine", size=SIDE, prompts="caption")
    snapshot = Snapshot(small_model(0), load_collection(tmp_path / "mine"), None)
    snapshot.require_style("a dog")
    for prompt in ("", "   ", "a" * 1001):
        with pytest.raises(UsageError, match="1 to 1000 letters"):
            snapshot.require_style(prompt)
