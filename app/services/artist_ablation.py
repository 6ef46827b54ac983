"""What if this artist had not been there? The same seed painted by a model without their works.

In: a studio, a run, an artist. Out: progress, then the answer, kept beside the run's picture. The
forgetful LoRA is kept too, so that the next question about the same artist needs no training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import Field

from app.services.collections import chosen_collection, class_of
from app.services.picture_files import save_picture
from app.services.report import load_report
from app.services.serialize import File, Number, Record
from app.services.session import Studio
from app.settings import Settings
from core.collection.types import Artist, Collection
from core.errors import UsageError
from core.evaluation.artist_ablation import (
    DEFAULT_WAY,
    FORGETTING_TARGETS,
    WAYS,
    WithoutArtist,
    compare_without,
    lora_without,
)
from core.evaluation.artist_report import ForgettingAgreement, forgetting_agreements
from core.files import write_bytes, write_text
from core.progress import Progress
from core.provenance.picture import png_with_facts


@dataclass(frozen=True)
class ArtistAblationResult:
    """One answer: figures, where the picture lies, and how far its way agrees with retraining, None
    where that was not measured."""

    run_id: str
    artist: str
    figures: WithoutArtist
    file: Path
    agreement: ForgettingAgreement | None = None

    @property
    def words(self) -> str:
        """What changed, for people: without markup."""
        figures = self.figures
        rise = _rise(figures.picture_before, figures.picture_after)
        own = _rise(figures.own_before, figures.own_after)
        others = _rise(figures.others_before, figures.others_after)
        knows = (
            f"Without {self.artist} the model knows this picture less well: its error on it is "
            f"{rise:.1f} % higher."
            if rise >= max(1.0, 2.0 * others)
            else f"Without {self.artist} the model knows this picture about as well as before "
            f"({rise:+.1f} % error)."
        )
        return (
            f"{knows} On their own works the error changed by {own:+.1f} %, on everybody else's by "
            f"{others:+.1f} %. Painted again from the same seed, the picture differs by "
            f"{100 * figures.moved:.0f} % (0 %: the same picture; 100 %: as far as a blank one)."
        )


class WithoutArtistRecord(Record):
    """Mean denoising losses before and after an artist's works were left out."""

    artist_id: str = Field(description="Id of the artist")
    way: str = Field(description="`forget` or `retrain`")
    works: int = Field(description="Works left out")
    picture_before: Number = Field(description="Of the picture")
    picture_after: Number = Field(description="Of the picture")
    own_before: Number = Field(description="Of the artist's works")
    own_after: Number = Field(description="Of the artist's works")
    others_before: Number = Field(description="Of other artists' works")
    others_after: Number = Field(description="Of other artists' works")
    moved: Number = Field(description="Distance of the latents, as a share of their length")


class ArtistAblationRecord(Record):
    """The same seed painted without an artist's works."""

    run_id: str = Field(description="Id of the run; empty: none")
    artist: str = Field(description="Name of the artist")
    figures: WithoutArtistRecord = Field(description="What changed")
    file: File = Field(description="The picture without them")


def _rise(before: float, after: float) -> float:
    """By how many percent."""
    return 100.0 * (after / before - 1.0) if before else 0.0


def leave_out(
    studio: Studio, run_id: str, artist_id: str, way: str = DEFAULT_WAY
) -> Iterator[Progress | ArtistAblationResult]:
    """Answer for a painted run; an answer that is kept comes at once."""
    view = studio.ledger.run(run_id)
    if view is None or view.record.seed is None:
        raise UsageError("Only a painted run can be painted again without an artist.")
    record = view.record
    if record.model_digest != studio.engine.model.digest:
        raise UsageError("This run was painted by another model than the one that is open.")
    if artist_id not in studio.artist_names:
        raise UsageError("There is no such artist in this collection.")
    key = (artist_id, way)
    kept = kept_answers(studio, run_id)
    known = next((o for o in kept if (o.figures.artist_id, o.figures.way) == key), None)
    if known is None:
        digest = studio.engine.model.digest
        directory = folder(studio.settings, digest, artist_id, way)
        device = studio.engine.device
        yield from lora_without(studio.collection, artist_id, way, directory, device=device)
        yield Progress("Painting without them", 0, 1)
        figures, image = compare_without(
            studio.collection,
            artist_id,
            way,
            directory,
            style=record.style,
            seed=int(record.seed or 0),
            steps=int(record.steps or 1),
            guidance=float(record.guidance or 0.0),
            device=device,
        )
        facts = {
            "prompt": record.prompt,
            "seed": record.seed,
            "steps": record.steps,
            "guidance": record.guidance,
            "collection": record.collection,
            "model_digest": record.model_digest,
            "run": run_id,
            "without": artist_id,
            "way": way,
        }
        write_bytes(_file(studio, run_id, artist_id, way, "png"), png_with_facts(image, facts))
        text = json.dumps(asdict(figures), indent=1) + "\n"
        write_text(_file(studio, run_id, artist_id, way, "json"), text)
        known = _answer(studio, run_id, figures, measured_agreements(studio.collection))
    yield known


def kept_answers(studio: Studio, run_id: str) -> list[ArtistAblationResult]:
    """The kept answers about a run, by artist."""
    answers = []
    files = sorted(studio.outputs.glob(f"{run_id}-without-*.json"))
    agreements = measured_agreements(studio.collection) if files else {}
    for file in files:
        try:
            figures = WithoutArtist(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # half a file of a full disk: the question can be asked again
        if figures.artist_id in studio.artist_names and file.with_suffix(".png").is_file():
            answers.append(_answer(studio, run_id, figures, agreements))
    return answers


def answer_picture(studio: Studio, run_id: str, artist_id: str, way: str) -> Path | None:
    """The picture without an artist, if it was painted before; both names come from an address."""
    if artist_id not in studio.artist_names or way not in WAYS:
        return None
    file = _file(studio, run_id, artist_id, way, "png")
    return file if file.is_file() else None


@dataclass(frozen=True)
class ArtistAblationRequest:
    """A picture to paint with and without an artist, named as people name them."""

    artist: str
    style: str | None
    seed: int
    way: str
    output: Path | None


def leave_out_by_name(
    settings: Settings, request: ArtistAblationRequest
) -> Iterator[Progress | ArtistAblationResult]:
    """The same for a picture that is not a run: nothing is recorded."""
    from core.attribution.engine import choose_device
    from core.diffusion.pipeline_model import PipelineModel

    collection = chosen_collection(settings)
    artist = named_artist(collection, request.artist)
    styles = [work.style for work in collection.works if work.is_by(artist.id)]
    if not styles:
        raise UsageError(f"The artist '{artist.name}' has no works here that could be left out.")
    style = class_of(collection, request.style, None) if request.style else styles[0]
    device = choose_device(settings.device)
    places = (collection.path / "model", collection.path / "lora")
    model = PipelineModel.load(*places, device=device)
    directory = folder(settings, model.digest, artist.id, request.way)
    yield from lora_without(collection, artist.id, request.way, directory, device=device)
    figures, image = compare_without(
        collection,
        artist.id,
        request.way,
        directory,
        style=style,
        seed=request.seed,
        steps=collection.default_steps,
        guidance=collection.default_guidance,
        device=device,
    )
    file = request.output or directory / f"{style}-{request.seed}.png"
    save_picture(image, file)
    agreement = measured_agreements(collection).get(request.way)
    yield ArtistAblationResult("", artist.name, figures, file, agreement)


def measured_agreements(collection: Collection) -> dict[str, ForgettingAgreement]:
    """Per way of forgetting that the collection's report has held against retraining."""
    by_target = {one.target: one for one in forgetting_agreements(load_report(collection) or {})}
    return {
        way: by_target[target] for way, target in FORGETTING_TARGETS.items() if target in by_target
    }


def named_artist(collection: Collection, name: str) -> Artist:
    """By id, slug or name."""
    for artist in collection.artists:
        if name.casefold() in (artist.id.casefold(), artist.slug, artist.name.casefold()):
            return artist
    raise UsageError(f"The collection '{collection.name}' has no artist '{name}'.")


def folder(settings: Settings, model_digest: str, artist_id: str, way: str) -> Path:
    """Where the LoRA without an artist lies; another model's lies elsewhere."""
    return settings.home / "without" / model_digest[:16] / way / artist_id


def _answer(
    studio: Studio,
    run_id: str,
    figures: WithoutArtist,
    agreements: Mapping[str, ForgettingAgreement],
) -> ArtistAblationResult:
    file = _file(studio, run_id, figures.artist_id, figures.way, "png")
    name, agreement = studio.shown_names[figures.artist_id], agreements.get(figures.way)
    return ArtistAblationResult(run_id, name, figures, file, agreement)


def _file(studio: Studio, run_id: str, artist_id: str, way: str, ending: str) -> Path:
    return studio.outputs / f"{run_id}-without-{artist_id}-{way}.{ending}"
