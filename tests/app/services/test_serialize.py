"""What leaves the program as JSON: every verb by its model, and the bytes as they always were."""

from __future__ import annotations

import io
import json
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import typer.main
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import TypeAdapter, ValidationError

from app import cli
from app.cli import workshops
from app.cli.output import show_json
from app.services import evaluation
from app.services.evidence_pack import evidence_pack
from app.services.runs import RunFinished, Traced
from app.services.serialize import (
    GenerationRecord,
    RefusalRecord,
    SecondsRecord,
    TraceRecord,
    attribution_lines,
)
from app.services.serialize_ledger import EntryRecord, RecordedRun
from app.services.session import Studio
from app.settings import EMBEDDED, read_settings
from app.web.routes import media
from core.attribution.calibration.trust import Trust
from core.attribution.result import Attribution, Seconds
from core.collection.artists.questions import Question, save_questions
from core.collection.store import load_collection
from core.collection.types import Collection
from core.errors import ImageRefused
from core.evaluation import artist_ablation
from core.evaluation.agreement import Interval
from core.evaluation.artist_contest import ArtistRow
from core.evaluation.artist_removal import ArtistsFinished, ForgettingRow
from core.evaluation.counterfactual import Moved, Repainted
from core.evaluation.removal_effects import PictureTruth
from core.evaluation.runner import Finished as FinishedExperiment
from core.evaluation.runner import LambdaLoss, Pair, Regime
from core.evaluation.trials import Row
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import RunView
from core.ledger.shares import DEFAULT_RULE, Shares
from core.provenance.picture import pixels_digest
from tests.reference import VERBS
from tests.runs import record
from tests.small import STYLES, picture, small_collection

DATA = Path(__file__).resolve().parents[2] / "data"
PINNED = DATA / "answers-v1.txt"
RUN = "0a4019c66a26"  # of the old ledger; entry 1 credits it
COMMANDS = {
    "collections": "",
    "import": "source --to made",
    "summary": "--collection copy",
    "remove": "made --artist bo-ask --reason Asked",
    "train": "own --lora {ready}/lora",
    "featurize": "copy --name few --timesteps 1 --dimension 16 --references 2",
    "generate": "--class cubism --seed 4 -o painted.png",
    "attribute": "source/one.png source/gone.png --record",
    "methods": "",
    "score": "--features f.npz --queries q.npz --method trak --lambda 2 -o scores",
    "evaluate lds": "",
    "evaluate counterfactual": "",
    "evaluate artists": "",
    "evaluate artist": "--artist artist-0",
    "evaluate retrieval": "--limit 2",
    "evaluate pictures": "--count 4",
    "evaluate report": "--collection copy --no-checks",
    "ledger totals": "",
    "ledger entries": "--per-page 3",
    "ledger artist": "vermilion",
    "ledger statement": "indigo",
    "ledger reverse": "3 --reason Test --actor ann",
    "ledger dispute": "1 --artist indigo --reason Mine --actor ann",
    "ledger comment": "1 --words Really --actor ann",
    "ledger resolve": "1 --outcome rejected --reason No --actor ann",
    "ledger disputes": "",
    "ledger verify": "",
    "ledger publish": "",
    "ledger prove": "3 -o proof.json",
    "ledger check": "proof.json --key home/published/key.pem",
    "ledger backup": "-o backup",
    "ledger restore": "backup --reason Test --actor ann",
    "ledger export": "",
    "workshops list": "",
    "workshops paint": "--workshop cobalt --seed 5 -o new.png",
    "workshops build": "--to {embedded}",
    "accounts add": "anna --no-password",
    "accounts list": "",
    "accounts password": "anna --password-stdin",
    "accounts revoke": "anna",
    "accounts token": "anna --scope look --for site",
    "artists review": "",
    "artists answer": "opt-out.ann-ek.anne-ek.anne-ek 2 --collection copy --by ann",
    "artists decide": "same artist-0 artist-1 --collection copy --by ann",
    "artists decisions": "--collection copy",
    "artists undo": "1 --collection copy --by ann",
    "artists import": "artists.csv --collection copy",
    "artists opt-out": "--name Anna_Berg --collection copy --by ann",
    "artists opt-in": "Anna_Berg --reason Back --collection copy --by ann",
    "artists opt-outs": "",
    "verify": "pack.zip --key home/published/key.pem",
    "provenance init": "--name A_museum",
    "provenance show": "",
    "doctor": "",
}
SAME_EVERYWHERE = (
    "workshops list",
    "workshops paint",
    "import",
    "remove",
    "score",
    "ledger totals",
    "ledger entries",
    "ledger artist",
    "ledger statement",
    "ledger verify",
    "ledger export",
)


@pytest.fixture
def home(tmp_path: Path, ready: Collection, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures to import, arrays to score and the ledger of an earlier version."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CREDITLINE_COLLECTION", str(ready.path))
    monkeypatch.setenv("CREDITLINE_DEVICE", "cpu")
    for folder in ("source", "home"):
        (tmp_path / folder).mkdir()
    shutil.copyfile(DATA / "ledger-v1.db", tmp_path / "home" / "ledger.sqlite3")
    for number, name in enumerate(("one", "two", "three")):
        picture(number, 48).save(f"source/{name}.png")
    Path("source/bad.png").write_bytes(b"<html>404")
    rows = (
        "one,Ann Ek,1900",
        "two,Ann Ek,in spring",
        "three,Bo Äsk,",
        "one,Ann Ek,",
        "bad,Ann Ek,",
    )
    lines = (f"{name}.png,{artist},{year},Op Art" for name, artist, year in map(_cells, rows))
    table = "\n".join(("file,artist,year,style", *lines)) + "\n"
    Path("source/metadata.csv").write_text(table, encoding="utf-8")
    rng = np.random.default_rng(0)
    np.savez("f.npz", features=rng.normal(size=(5, 3)))
    np.savez("q.npz", queries=rng.normal(size=(2, 3)))
    return tmp_path


def _cells(row: str) -> list[str]:
    return row.split(",")


def words_of(verb: str, ready: Path = Path()) -> list[str]:
    words = [word.format(ready=ready, embedded=EMBEDDED) for word in COMMANDS[verb].split()]
    words = [word.replace("Anna_", "Anna ") for word in words]
    return [*verb.split(), *words, "--json"]


@pytest.fixture
def before(
    home: Path, ready: Collection, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Callable[[], object]]:
    """What has to be there, or to be made short, before a verb is run."""

    def copied(name: str, *left_out: str) -> object:
        return shutil.copytree(ready.path, name, ignore=shutil.ignore_patterns(*left_out))

    def asked() -> None:
        copied("copy")
        words = "may be Anne Ek"
        save_questions(Path("copy"), [Question.of_wish("Ann Ek", "Anne Ek", words)])

    def after(*verbs: str) -> Callable[[], object]:
        return lambda: [copied("copy"), *(cli.main(words_of(verb)) for verb in verbs)]

    def exported() -> None:
        copied("copy")
        cli.main(["artists", "export", "-o", "artists.csv", "--collection", "copy"])

    def has_account() -> None:
        cli.main(["accounts", "add", "anna", "--no-password"])

    def typed() -> None:
        has_account()
        monkeypatch.setattr("sys.stdin", io.StringIO("a lantern on the quay\n"))

    short = replace(artist_ablation.FORGETTING, steps=3, batch_size=4)
    return {
        "accounts list": has_account,
        "accounts password": typed,
        "accounts revoke": has_account,
        "accounts token": has_account,
        **{
            f"ledger {verb}": lambda: cli.main(words_of("ledger dispute"))
            for verb in ("comment", "resolve", "disputes")
        },
        "ledger check": lambda: cli.main(words_of("ledger prove")),
        "ledger restore": lambda: cli.main(words_of("ledger backup")),
        "artists answer": asked,
        "artists decide": after(),
        "artists decisions": after("artists decide"),
        "artists undo": after("artists decide"),
        "artists import": exported,
        "artists opt-out": after(),
        "artists opt-in": after("artists opt-out"),
        "artists opt-outs": after("artists opt-out"),
        "summary": after(),
        "remove": lambda: cli.main(words_of("import")),
        "verify": write_pack,
        "provenance show": lambda: cli.main(words_of("provenance init")),
        "train": lambda: copied("own", "lora", "features"),
        "featurize": lambda: copied("copy"),
        "evaluate report": lambda: copied("copy"),
        "evaluate artist": lambda: monkeypatch.setattr(artist_ablation, "FORGETTING", short),
        "evaluate lds": lambda: monkeypatch.setattr(
            evaluation, "evaluate_lds", lambda *_: iter([evaluated()])
        ),
        "evaluate counterfactual": lambda: monkeypatch.setattr(
            evaluation, "evaluate_counterfactual", lambda *_: iter([compared()])
        ),
        "evaluate artists": lambda: monkeypatch.setattr(
            evaluation, "evaluate_artists", lambda *_: iter([removed()])
        ),
        "workshops build": lambda: monkeypatch.setattr(
            workshops, "rebuild", lambda *_, **__: iter(())
        ),
    }


def evaluated() -> evaluation.LdsResult:
    """An experiment that an earlier version ran, as the core's own values."""
    values = json.loads((DATA / "benchmark-v1" / "main.json").read_text(encoding="utf-8"))
    kinds = {"rows": Row, "pairs": Pair, "regimes": Regime, "lambda_losses": LambdaLoss}
    typed = {name: tuple(kind(**row) for row in values[name]) for name, kind in kinds.items()}
    finished = FinishedExperiment(**values | typed | {"curves": tuple(values["curves"])})
    return evaluation.LdsResult(finished, "", Path("t.txt"), Path("t.png"))


def compared() -> evaluation.CounterfactualResult:
    """Three pictures, one method that was not compared with chance, one that broke."""
    rows = (
        Moved(
            method="trak", l2=(1.0, 2.5), l2_median=1.75, clip=None, clip_median=None, beaten=None
        ),
        Moved(
            method="random",
            l2=(math.nan,),
            l2_median=math.nan,
            clip=(0.5,),
            clip_median=0.5,
            beaten=0,
        ),
    )
    figures = Repainted(preset="digits-small", removed=2, works=12, rows=rows, space="pixels")
    return evaluation.CounterfactualResult(figures, "", Path("b.png"), Path("s.png"))


def removed() -> evaluation.ArtistsCompared:
    """One picture, one method, one target of forgetting."""
    row = ArtistRow(
        method="d-trak",
        split="generation",
        rule="top-k-positive@1",
        null="work",
        shape="p = 1",
        pearson=0.5,
        spearman=math.nan,
        top1=1.0,
        ndcg3=0.9,
        slope=1.1,
        attributed=None,
        credited=1.0,
    )
    truth = PictureTruth(
        split="generation",
        picture="0",
        artist="ann",
        largest=0.1,
        over_noise=2.0,
        summed=0.2,
        gain=0.3,
    )
    figure = Interval(0.5, 0.25, 0.75)
    forgetting = ForgettingRow(
        target="base",
        split="generation",
        artists=("ann", "bo", "cy"),
        pictures=3,
        pearson=figure,
        spearman=figure,
        top1=figure,
        ndcg3=figure,
        loss_ratio=1.5,
    )
    finished = ArtistsFinished(
        preset="digits-artists",
        artists=("ann", "bo"),
        rows=(row,),
        finalists=(),
        floors=(),
        pictures=(truth,),
        config={"works": 12},
        seconds=1.5,
        forgetting=(forgetting,),
    )
    return evaluation.ArtistsCompared(finished, "", Path("t.txt"), Path("t.json"))


def options_of(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every verb with its options."""
    for word, inner in getattr(command, "commands", {}).items():
        yield from options_of(inner, f"{name} {word}".strip())
    if not hasattr(command, "commands"):
        yield name, {option for one in command.params for option in one.opts}


def test_every_verb_that_answers_as_json_has_a_model() -> None:
    verbs = dict(options_of(typer.main.get_command(cli.app)))
    assert {verb for verb, options in verbs.items() if "--json" in options} == VERBS.keys()
    assert COMMANDS.keys() == VERBS.keys()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_answers_by_its_model_and_the_model_writes_the_same_again(
    verb: str,
    ready: Collection,
    before: dict[str, Callable[[], object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before.get(verb, lambda: None)()
    capsys.readouterr()
    code = cli.main(words_of(verb, ready.path))
    printed = capsys.readouterr().out
    assert code == (verb == "attribute")  # of its two pictures one is not there
    for text in [printed] if verb == "ledger export" else printed.splitlines():
        answer = TypeAdapter(VERBS[verb]).validate_json(text)
        if verb != "ledger export":  # it goes out entry by entry
            show_json(answer)
            assert capsys.readouterr().out == text + "\n"


def test_answers_that_do_not_depend_on_the_machine_are_the_same_byte_for_byte(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file was written by the version before the models; new fields were added to it since."""
    parts = []
    for verb in SAME_EVERYWHERE:
        assert cli.main(words_of(verb)) == 0
        parts.append(f"$ {' '.join(words_of(verb))}\n{capsys.readouterr().out}")
    traced, run = attributed(home)
    for name, answer in {
        "traced": TraceRecord.of_traced(replace(traced, run=replace(run, view=None)), 2),
        "recorded": TraceRecord.of_traced(traced, 2),
        "refused": RefusalRecord.of(traced, ImageRefused("No picture. Send one.")),
        "painted": GenerationRecord.of_run(run, Path("outputs"), 1, None),
        "painted to": GenerationRecord.of_run(run, Path("outputs"), 1, Path("a") / "b.png"),
    }.items():
        show_json(answer)
        parts.append(f"$ {name}\n{capsys.readouterr().out}")
    with closing(open_ledger(home / "home" / "ledger.sqlite3")) as ledger:
        parts.append(f"$ {RUN}\n{client_of(ledger, home).get(f'/runs/{RUN}.json').text}")
    assert "".join(parts) == PINNED.read_text(encoding="utf-8")


def attributed(root: Path) -> tuple[Traced, RunFinished]:
    """An attribution with works on both sides, one of infinite z; its run is in the ledger."""
    small_collection(root / "small")
    collection = load_collection(root / "small")
    z = np.linspace(-3.0, 3.0, len(collection.works))
    attribution = Attribution(
        query_sha256="q" * 64,
        width=48,
        height=32,
        style=STYLES[0],
        style_guessed=False,
        method="d-trak",
        spec_digest="s" * 64,
        model_digest="m" * 64,
        device="cpu",
        collection=collection,
        scores=z / 1000,
        z=np.where(z > 2.9, np.inf, z),
        self_influence=z**2,
        query_leverage=0.25,
        loss=1.0,
        trust=Trust(0.75, "familiar", "It knows such pictures."),
        seconds=Seconds(0.5, 1.0, 0.25, 1.75),
    )
    shares = Shares(DEFAULT_RULE, {"artist-3": 700_000, "artist-1": 100_000, "x": 100_000}, 100_000)
    kept = replace(record(), id="ran")
    run = RunFinished(kept, shares, attribution, RunView(3, kept, 2), picture(1))
    return Traced(path=Path("a") / "b.png", collection="small", method="d-trak", run=run), run


def studio_of(ledger: Ledger, outputs: Path) -> Studio:
    """Enough of a studio for what is kept of a run; it has another model by now."""
    other = SimpleNamespace(digest="")
    studio = SimpleNamespace(
        ledger=ledger,
        outputs=outputs,
        settings=read_settings(home=outputs / "home"),
        collection=other,
        engine=SimpleNamespace(model=other),
    )
    return cast(Studio, studio)


def client_of(ledger: Ledger, outputs: Path) -> TestClient:
    application = FastAPI()
    application.include_router(media(studio_of(ledger, outputs)))
    return TestClient(application)


def write_pack() -> None:
    """The evidence of a new run, which credits nobody."""
    image = picture(1)
    run = replace(record(), image_sha256=pixels_digest(image))
    image.save(run.image_file)
    with closing(open_ledger(Path("home", "ledger.sqlite3"), publishes=True)) as ledger:
        ledger.record(run)
        pack = evidence_pack(studio_of(ledger, Path()), run.id, "")
    Path("pack.zip").write_bytes(pack.data)


def test_the_browsers_json_and_the_evidence_are_models_too(home: Path) -> None:
    with closing(open_ledger(home / "home" / "ledger.sqlite3", publishes=True)) as ledger:
        client = client_of(ledger, home)
        for view in ledger.runs().items:
            (home / view.record.image_file).write_bytes(b"a picture")
            address = f"/runs/{view.record.id}"
            pack = zipfile.ZipFile(io.BytesIO(client.get(f"{address}/evidence.zip").content))
            assert pack.read("run.json").decode() == client.get(f"{address}.json").text
            run = RecordedRun.model_validate_json(pack.read("run.json"))
            assert (run.id, run.entry) == (view.record.id, view.entry)
            entry = TypeAdapter(EntryRecord | None).validate_json(pack.read("entry.json"))
            assert (None if entry is None else entry.entry) == view.entry
        exported = client.get("/ledger.json").text
        assert len(TypeAdapter(VERBS["ledger export"]).validate_json(exported)) == ledger.size()


def test_what_is_not_a_number_is_null_and_read_back_as_such() -> None:
    seconds = SecondsRecord(encode=math.nan, gradient=math.inf, score=-math.inf, total=1.0)
    assert seconds.plain() == {"encode": None, "gradient": None, "score": None, "total": 1.0}
    again = SecondsRecord.model_validate_json(json.dumps(seconds.plain()))
    assert math.isnan(again.gradient) and again.total == 1.0
    seconds = SecondsRecord(encode=0.0, gradient=0.0, score=0.0, total=2.5)
    with pytest.raises(ValidationError):
        SecondsRecord.model_validate(seconds.plain() | {"more": 1})
    with pytest.raises(ValidationError):
        seconds.total = 3.0


def test_a_person_reads_what_the_record_says(home: Path) -> None:
    traced, _ = attributed(home)
    lines = list(attribution_lines(TraceRecord.of_traced(traced, 1)))
    assert lines == [
        "cubism, by d-trak: It knows such pictures.",
        "Shaped it most:",
        "    +inf sigma  Study 2 of 3, Atelier 3 (score 0.003, images-artist-3-2)",
        "Pulled away:",
        "    -3.0 sigma  Study 0 of 0, Atelier 0 (score -0.003, images-artist-0-0)",
        "Credit for this image:",
        "  0.700000  Atelier 3",
        "  0.100000  Atelier 1",
        "  0.100000  x",
        "  0.100000  Unattributed",
        "  1.75 s",
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_every_key_of_an_answer_is_described(verb: str) -> None:
    schema = TypeAdapter(tuple[VERBS[verb]]).json_schema(mode="serialization")
    for name, model in schema["$defs"].items():
        assert model["description"] and model["additionalProperties"] is False, name
        assert all(field["description"] for field in model["properties"].values()), name
