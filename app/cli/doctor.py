"""`doctor`: say what is wrong with this machine, and the remedy: one finding per part.

In: settings. Out: findings, every check tried whatever the others say. Changes nothing on the
disk but what opening a database does; downloads nothing.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from app.cli.options import AsJson, CommonOptions, spread_options
from app.cli.output import say, show_json
from app.settings import Settings
from core.errors import CreditlineError

LEAST_PYTHON = (3, 11)
LEAST_FREE = 500 * 1024 * 1024  # bytes that a day of painting may need


@spread_options
def doctor(common: CommonOptions, as_json: AsJson = False) -> None:
    """Say what is wrong here, and the remedy."""
    from app.services.serialize import DoctorRecord, FindingRecord

    findings = examine(common.settings())
    healthy = all(finding.ok for finding in findings)
    if as_json:
        checks = tuple(FindingRecord.model_validate(finding) for finding in findings)
        show_json(DoctorRecord(ok=healthy, checks=checks))
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'wrong'}  {finding.name:<11}{finding.words}")
            if finding.remedy:
                say(f"{'':<18}{finding.remedy}")
    raise typer.Exit(0 if healthy else 1)


@dataclass(frozen=True)
class Finding:
    """One part looked at: whether it is fit, what was seen, and what to do if not."""

    name: str
    ok: bool
    words: str
    remedy: str = ""


Check = Callable[[Settings], Finding]


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Every check in turn; one that fails unforeseen is a finding too."""
    return tuple(_tried(name, check, settings) for name, check in CHECKS)


def _tried(name: str, check: Check, settings: Settings) -> Finding:
    try:
        return check(settings)
    except CreditlineError as error:
        words, _, remedy = error.message.partition(". ")
        return Finding(name, False, words.rstrip(".") + ".", remedy)
    except Exception as error:  # noqa: BLE001 - a broken installation can raise anything
        story = " ".join(str(error).split())[:200]
        return Finding(
            name, False, f"{type(error).__name__}: {story}", "Install again: make clean run."
        )


def _python(settings: Settings) -> Finding:
    version = platform.python_version()
    fit = sys.version_info >= LEAST_PYTHON
    return Finding("python", fit, version, "" if fit else "Install Python 3.11 or newer.")


def _torch(settings: Settings) -> Finding:
    import torch

    return Finding("torch", True, f"{torch.__version__}, {torch.get_num_threads()} threads")


def _device(settings: Settings) -> Finding:
    import torch

    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return Finding(
            "device",
            False,
            f"{device} cannot be used: {str(error).splitlines()[0]}",
            "Set CREDITLINE_DEVICE to auto or cpu.",
        )
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "processor"
    return Finding("device", True, f"{device} ({name})")


def _collection(settings: Settings) -> Finding:
    from app.services.collections import chosen_collection

    collection = chosen_collection(settings)
    return Finding(
        "collection",
        True,
        f"{collection.name}: {len(collection.works)} works, {len(collection.artists)} artists, "
        f"{len(collection.styles)} classes",
    )


def _model(settings: Settings) -> Finding:
    from app.services.collections import chosen_path
    from core.diffusion.pipeline_model import PipelineModel

    path = chosen_path(settings)
    model = PipelineModel.load(path / "model", path / "lora")
    count = sum(value.numel() for value in model.attributed_parameters().values())
    return Finding("model", True, f"{model.digest[:12]}, LoRA of {count:,} parameters")


def _index(settings: Settings) -> Finding:
    from app.services.collections import chosen_collection
    from core.attribution.engine import Engine

    engine = Engine.open(chosen_collection(settings), device="cpu")
    return Finding("index", True, f"{engine.spec.digest[:12]}, for this model and these works")


def _database(settings: Settings) -> Finding:
    from core.ledger.ledger import open_ledger

    if not settings.ledger_file.exists():
        return Finding("database", True, "none yet; the first run makes it")
    proof = open_ledger(settings.ledger_file, publishes=True).verify()
    if proof.ok:
        return Finding("database", True, f"{proof.entries} entries, verified")
    return Finding(
        "database", False, f"tampered with: {proof.first_bad}", "Restore it from a backup."
    )


def _disk(settings: Settings) -> Finding:
    place = _nearest_existing(settings.home)
    free = shutil.disk_usage(place).free
    words = f"{free / 2**30:.1f} GiB free at {settings.home}"
    if not os.access(place, os.W_OK):
        return Finding(
            "disk",
            False,
            f"{settings.home} cannot be written",
            "Give yourself the right to write there, or set CREDITLINE_HOME to another folder.",
        )
    if free < LEAST_FREE:
        return Finding("disk", False, words, "Free at least 0.5 GiB, or move CREDITLINE_HOME.")
    return Finding("disk", True, words)


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


CHECKS: Sequence[tuple[str, Check]] = (
    ("python", _python),
    ("torch", _torch),
    ("device", _device),
    ("collection", _collection),
    ("model", _model),
    ("index", _index),
    ("database", _database),
    ("disk", _disk),
)
