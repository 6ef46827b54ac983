"""A benchmark in a directory: pictures, the attributed model, retrained models, what they did.

In: a preset, its pictures, a directory. Out: stages that resume, and what they made. Scores are
not its business; it only makes the truth that scores are held against.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.collection.types import in_turn
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import denoise
from core.diffusion.tensors import (
    digest_files,
    image_to_tensor,
    read_tensors,
    save_tensors,
    tensor_to_image,
    undamaged,
)
from core.diffusion.training.base_model import sampled_set
from core.diffusion.training.ensemble import Parts, load_into, model_file, train_many
from core.diffusion.training.loop import TrainingSet
from core.errors import StoreError, UsageError
from core.evaluation.data import Pictures, Split, read_split
from core.evaluation.lds import (
    Inclusion,
    Matrix,
    Truth,
    agreement,
    artist_halves,
    ceiling_of,
    out_over_in,
    pool_seeds,
    random_halves,
    without_each_artist,
)
from core.evaluation.models import LoraPlan, Losses, blank_model, parameter_count
from core.evaluation.presets import COLLECTION, Preset
from core.files import write_text
from core.progress import Progress
from core.work_queue import made, unmade

WORKS, VALIDATION, GENERATION = "works", "validation", "generation"
SPLITS = (VALIDATION, GENERATION)
BASE = "base"  # in a configuration: the digest of the model that the LoRA lies on
LDS_POOL, ARTIST_POOL, RETRAINED_POOL = "lds", "artists", "retrained"
REMOVAL_POOL = "without"  # number 0 learns all works, number i all but the i-th artist's
PAINTED_TOGETHER = 50


@dataclass(frozen=True, eq=False)
class EncodedPictures:
    """Pictures as the model takes them: `latents [q, c, h, w]`, a prompt and a digest each."""

    latents: Tensor
    prompts: tuple[str, ...]
    ids: tuple[str, ...]
    seeds: tuple[int, ...] = ()  # of generated pictures

    def of(self, rows: Sequence[int]) -> EncodedPictures:
        """Some of them."""
        seeds = tuple(self.seeds[row] for row in rows) if self.seeds else ()
        kept = (tuple(self.prompts[row] for row in rows), tuple(self.ids[row] for row in rows))
        return EncodedPictures(self.latents[list(rows)], *kept, seeds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Opening:
    """What `Benchmark` is made of."""

    preset: Preset
    split: Split
    directory: Path
    base: Path | None
    device: str

    def open(self, device: str) -> Benchmark:
        """The same benchmark on a device."""
        return Benchmark(self.preset, self.split, self.directory, base=self.base, device=device)


class Benchmark:
    """The stages of one preset; every file under `directory`, every one written whole."""

    def __init__(
        self,
        preset: Preset,
        split: Split,
        directory: Path,
        *,
        base: Path | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.preset = preset
        self.split = split
        self.directory = directory
        self.base = base
        self.device = torch.device(device)
        self.prompted = isinstance(preset.plan, LoraPlan)
        self._truths: dict[tuple[str, str, str], Truth] = {}
        check_configuration(directory, configuration(preset, split, base))

    @property
    def opening(self) -> Opening:
        """What another process needs to open the same benchmark."""
        return Opening(
            preset=self.preset,
            split=self.split,
            directory=self.directory,
            base=self.base,
            device=str(self.device),
        )

    @cached_property
    def model(self) -> DiffusionModel:
        """One network, into which each stage loads the weights it asks."""
        return self.blank(self.preset.full_seed)

    def blank(self, seed: int) -> DiffusionModel:
        """A model that has learnt nothing yet."""
        size = self.preset.size or self.split.works.pixels.shape[-1]
        shape = (self.split.works.pixels.shape[1], size, size)
        return blank_model(self.preset.plan, shape, seed, base=self.base, device=self.device)

    @cached_property
    def parameters(self) -> int:
        """How many numbers are attributed."""
        return parameter_count(self.model)

    @cached_property
    def works(self) -> EncodedPictures:
        """The training works, encoded."""
        return self._encoded(self.split.works)

    @cached_property
    def validation(self) -> EncodedPictures:
        """Pictures of the same kind that no model learnt."""
        return self._encoded(self.split.validation)

    @cached_property
    def generation(self) -> EncodedPictures:
        """Pictures that the full model painted. Raises `StoreError` before `paint`."""
        pixels = self.generated_pixels
        labels, sentences = (tuple(part) for part in zip(*self._painted_under, strict=True))
        ids = tuple(f"generated-{self.preset.name}-{seed}" for seed in range(len(pixels)))
        pictures = self._encoded(Pictures(pixels, labels, labels, ids, sentences))
        return replace(pictures, seeds=tuple(range(len(pixels))))

    def pictures(self, name: str) -> EncodedPictures:
        """The works or a split, by name."""
        return {
            WORKS: lambda: self.works,
            VALIDATION: lambda: self.validation,
            GENERATION: lambda: self.generation,
        }[name]()

    def _encoded(self, pictures: Pictures) -> EncodedPictures:
        parts = [self.model.encode(part) for part in pictures.pixels.split(16)]
        latents = torch.cat(parts) if parts else pictures.pixels
        prompts = pictures.sentences if self.prompted else ("",) * len(pictures)
        return EncodedPictures(latents.cpu(), prompts, pictures.ids)

    # --- the attributed model -------------------------------------------------------------------

    @property
    def snapshots(self) -> tuple[int, ...]:
        """After which steps of the full training weights are kept; the last is the end."""
        steps, count = self.preset.steps(len(self.works.ids)), self.preset.checkpoints
        return tuple(-(-steps * number // count) for number in range(1, count + 1))

    def train_full(self, *, patient: bool = True) -> Iterator[Progress]:
        """The model whose pictures are attributed, on all works. `patient`: see `train_many`."""
        parts = Parts((tuple(range(len(self.works.ids))),), self.snapshots)
        directory = self.directory / "full"
        yield from self.train_parts(directory, parts, self.preset.full_seed, patient=patient)

    def train_parts(
        self, directory: Path, parts: Parts, seed: int, *, patient: bool = True
    ) -> Iterator[Progress]:
        """A model per part, all from the start that `seed` draws, by the preset's recipe."""
        # coupled models meet the batches of a model of all works
        count = len(self.works.ids) if parts.coupled else len(parts.rows[0])
        recipe, data = self.preset.recipe_for(count, seed), self.training_set
        yield from train_many(self.blank(seed), data, parts, recipe, directory, patient=patient)

    @cached_property
    def training_set(self) -> TrainingSet:
        """The works as the training loop takes them."""
        prompts = ("", *sorted(set(self.works.prompts) - {""}))
        places = torch.tensor([prompts.index(prompt) for prompt in self.works.prompts])
        plain = TrainingSet(latents=self.works.latents, prompt_of=places, prompts=prompts)
        model, recipe = self.model, self.preset.recipe
        if not isinstance(model, PipelineModel) or not (recipe.flip or recipe.sampled):
            return plain
        pixels = self.split.works.pixels
        plain, turned = (sampled_set(model, plain, one) for one in (pixels, pixels.flip(-1)))
        return replace(plain, mirrored=turned if recipe.flip else None)

    def load(self, key: str) -> DiffusionModel:
        """The model as `full`, `step-S`, or `POOL-NUMBER` (its first seed)."""
        if key == "full":
            path = model_file(self.directory / "full", 0)
        elif key.startswith("step-"):
            path = model_file(self.directory / "full", 0, int(key.removeprefix("step-")))
        else:
            pool, _, number = key.rpartition("-")
            path = model_file(self.directory / pool / "seed-0", int(number))
        load_into(self.model, path)
        return self.model

    # --- generated pictures ---------------------------------------------------------------------

    @property
    def _painted(self) -> Path:
        return self.directory / "generated.safetensors"

    @property
    def _painted_under(self) -> list[tuple[str, str]]:
        """A class and a sentence for every query."""
        works = self.split.works
        pairs = zip(works.labels, works.sentences, strict=True)
        return in_turn(pairs, self.preset.generated)

    def paint(self) -> Iterator[Progress]:
        """Generated queries: clamped and rounded to 8 bits, as a saved picture is."""
        for _ in unmade({self._painted: None}):
            self.load("full")
            count, pixels = self.preset.generated, []
            for start in range(0, count, PAINTED_TOGETHER):
                seeds = range(start, min(start + PAINTED_TOGETHER, count))
                pixels.append(self.painted(seeds))
                yield Progress("Painting queries", seeds.stop, count)
            save_tensors(self._painted, {"pixels": torch.cat(pixels).cpu()}, {})

    def painted(self, seeds: Sequence[int]) -> Tensor:
        """Query number `seed` of each, `[b, c, h, w]`, painted by what `model` holds now."""
        under = self._painted_under
        prompts = [under[seed][1] if self.prompted else "" for seed in seeds]
        for step in denoise(self.model, prompts, seeds, self.preset.sampler):
            latents = step.latents
        return rounded(self.model.decode(latents))

    @property
    def generated_pixels(self) -> Tensor:
        """The painted queries, `[q, c, h, w]` in [-1, 1]."""
        if not self._painted.is_file():
            raise StoreError("The benchmark's pictures are not painted yet. Run it again.")
        return tensors_of(self._painted)["pixels"]

    # --- retrained models and what they did -----------------------------------------------------

    def inclusion(self, pool: str) -> Inclusion:
        """Which works each model of a pool learns, `[m, n]`."""
        works, preset = self.split.works, self.preset
        if pool == LDS_POOL:
            return random_halves(works.labels, pool_seeds("lds", preset.subsets))
        if pool == RETRAINED_POOL:
            return random_halves(works.labels, pool_seeds("retrained", preset.retrained))
        if pool == ARTIST_POOL and preset.by_artist:
            seeds = pool_seeds("lds", preset.by_artist)
            return artist_halves(works.artists, works.labels, seeds)
        if pool == REMOVAL_POOL and preset.removals:
            return without_each_artist(works.artists)
        raise UsageError(f"The preset '{preset.name}' has no subsets '{pool}'.")

    def seeds(self, pool: str) -> list[int]:
        """How many models each seed of a pool has; the last may be for the ceiling alone."""
        whole = len(self.inclusion(pool))
        if pool == REMOVAL_POOL:
            return [whole] * self.preset.removals
        if pool != LDS_POOL:
            return [whole]
        return [whole] * self.preset.seeds + ([self.preset.twice] if self.preset.twice else [])

    def train_pool(
        self, pool: str, *, patient: bool = True, seeds: int | None = None
    ) -> Iterator[Progress]:
        """Every subset's model, for every seed (or the first `seeds`). `patient`: see
        `train_many`."""
        rows = [tuple(np.flatnonzero(row).tolist()) for row in self.inclusion(pool)]
        for seed, count in enumerate(self.seeds(pool)[:seeds]):
            directory = self.directory / pool / f"seed-{seed}"
            coupled = pool == REMOVAL_POOL
            # removals: the first seed is the painted model's own
            start = self.preset.full_seed + seed if coupled else seed
            parts = Parts(tuple(rows[:count]), coupled=coupled)
            yield from self.train_parts(directory, parts, start, patient=patient)

    def measure(self, pool: str) -> Iterator[Progress]:
        """The losses of works and queries under every model of a pool."""
        jobs = {
            self._outcome_file(pool, seed, number): (seed, number)
            for seed, count in enumerate(self.seeds(pool))
            for number in range(count)
        }
        if made(jobs) == len(jobs):
            return
        rule = self.preset.outcome
        splits = {name: self._measured(name) for name in (WORKS, *SPLITS)}
        losses_of = {
            name: Losses(part.latents, part.ids, rule.timesteps, rule.noise)
            for name, part in splits.items()
        }
        given = {name: self.model.condition(part.prompts) for name, part in splits.items()}
        for seed, number in unmade(jobs):
            load_into(self.model, model_file(self.directory / pool / f"seed-{seed}", number))
            tensors = {
                f"{name}/{objective}": values
                for name, losses in losses_of.items()
                for objective, values in losses.under(self.model, given[name]).items()
            }
            save_tensors(self._outcome_file(pool, seed, number), tensors, {})
            yield Progress(f"Measuring {pool}", made(jobs), len(jobs))

    @property
    def measured_works(self) -> list[int]:
        """Of which works the losses are measured: evenly spaced ones."""
        count, wanted = len(self.works.ids), self.preset.outcome.works
        return sorted({round(place) for place in np.linspace(0, count - 1, min(count, wanted))})

    def _measured(self, name: str) -> EncodedPictures:
        whole = self.pictures(name)
        return whole.of(self.measured_works) if name == WORKS else whole

    def _outcome_file(self, pool: str, seed: int, number: int) -> Path:
        folder = self.directory / "outcomes" / pool / f"seed-{seed}"
        return folder / f"model-{number:03d}.safetensors"

    def losses(self, pool: str, name: str, seed: int, objective: str = "simple") -> Matrix:
        """`[m, q]` of one seed."""
        rows = []
        for number in range(self.seeds(pool)[seed]):
            file = self._outcome_file(pool, seed, number)
            if not file.is_file():
                raise StoreError(f"The outcome {file.name} is missing. Run the benchmark again.")
            rows.append(tensors_of(file)[f"{name}/{objective}"].numpy())
        return np.stack(rows)

    def truth(self, pool: str, split: str, objective: str = "simple") -> Truth:
        """Inclusion, and losses averaged over the seeds that every subset has; read once."""
        key = (pool, split, objective)
        if key not in self._truths:
            self._truths[key] = self._truth(*key)
        return self._truths[key]

    def _truth(self, pool: str, split: str, objective: str) -> Truth:
        whole = self.preset.seeds if pool == LDS_POOL else 1  # a further one is for the ceiling
        whole = self.preset.removals if pool == REMOVAL_POOL else whole
        seeds = range(whole)
        losses = np.mean([self.losses(pool, split, seed, objective) for seed in seeds], axis=0)
        return Truth(self.inclusion(pool), losses)

    def ceiling(self, pool: str, split: str) -> float | None:
        """The noise ceiling in percent; None where every subset was trained once."""
        counts = self.seeds(pool)
        if len(counts) < 2:
            return None
        shared = min(counts)
        losses = np.stack([self.losses(pool, split, s)[:shared] for s in range(len(counts))])
        return ceiling_of(agreement(losses), self.preset.seeds)

    def memorisation(self, pool: str) -> tuple[float, float]:
        """Mean loss of works under models that learnt them, and under those that did not."""
        inclusion: NDArray[np.bool_] = self.inclusion(pool)[:, self.measured_works]
        return out_over_in(self.losses(pool, WORKS, 0), inclusion)


def tensors_of(file: Path) -> dict[str, Tensor]:
    """What a stage of a benchmark kept. Raises `StoreError` where it is damaged."""
    remedy = "Remove that file and run the benchmark again: only it is made again."
    return undamaged(lambda: read_tensors(file), f"The benchmark's {file}", remedy, StoreError)[0]


def rounded(pixels: Tensor) -> Tensor:
    """Clamped to [-1, 1] and brought to the nearest of 256 grey values, as a file would."""
    if pixels.shape[1] == 3:
        size = pixels.shape[-1]
        return torch.stack([image_to_tensor(tensor_to_image(one), size) for one in pixels])
    return ((pixels.clamp(-1.0, 1.0) + 1.0) * 127.5).round() / 127.5 - 1.0


def open_benchmark(
    preset: Preset,
    directory: Path,
    *,
    data: Path | None = None,
    device: torch.device | str = "cpu",
) -> Benchmark:
    """Read the pictures and check that `directory` is for exactly them."""
    base = data / "model" if data is not None and preset.source == COLLECTION else None
    return Benchmark(preset, read_split(preset, data), directory, base=base, device=device)


def configuration(preset: Preset, split: Split, base: Path | None = None) -> dict[str, object]:
    """What decides every number of a benchmark, as plain values: `base` is the LoRA's model."""
    parts = {"works": split.works, "validation": split.validation}
    settings = json.loads(json.dumps(asdict(preset)))
    settings.pop("removals")  # how many there are changes no number; older folders know none
    values: dict[str, object] = {
        "preset": settings,
        **{name: list(part.ids) for name, part in parts.items()},
        **{f"labels of {name}": list(part.labels) for name, part in parts.items()},
        **{f"artists of {name}": list(part.artists) for name, part in parts.items()},
        # folders of collections without captions know none
        **{
            f"prompts of {name}": list(part.prompts) for name, part in parts.items() if part.prompts
        },
    }
    if base is not None:
        values[BASE] = base_digest(base)
    return values


def base_digest(model_dir: Path) -> str:
    """Of the weights of a model without its LoRA, as a benchmark's configuration names it."""
    return digest_files(model_dir.rglob("*.safetensors"))


def check_configuration(directory: Path, wanted: dict[str, object]) -> None:
    """Write what the directory is for, or refuse a directory that is for something else."""
    file = directory / "config.json"
    text = json.dumps(wanted, indent=1, sort_keys=True) + "\n"
    if not file.is_file():
        write_text(file, text)
    elif file.read_text(encoding="utf-8") != text:
        raise StoreError(
            f"The folder '{directory.name}' holds another benchmark, or the same one with other "
            "pictures or settings. Give another folder with -o, or remove this one."
        )
